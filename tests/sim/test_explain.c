/* test_explain.c - the options, and the levels of a transcript. */
#include "base/units.h"
#include "sim/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void option_trace_takes_a_level_or_none(void **state)
{
    struct explain e = { 0 };

    (void)state;
    assert_true(explain_option(&e, 't', NULL));
    assert_true(e.trace);
    assert_int_equal(e.level, TRACE_DECISIONS);
    assert_true(explain_option(&e, 't', "messages"));
    assert_int_equal(e.level, TRACE_MESSAGES);
    assert_true(explain_option(&e, 't', "all"));
    assert_int_equal(e.level, TRACE_ALL);
    assert_false(explain_option(&e, 't', "much"));
}

static void option_window_takes_milliseconds(void **state)
{
    struct explain e = { 0 };

    (void)state;
    assert_true(explain_option(&e, 'W', "10..20"));
    assert_int_equal(e.from_ns, 10 * NS_PER_MS);
    assert_int_equal(e.upto_ns, 20 * NS_PER_MS);
    assert_true(explain_option(&e, 'W', "1.25..2.5"));
    assert_int_equal(e.from_ns, 1250 * NS_PER_US);
    assert_int_equal(e.upto_ns, 2500 * NS_PER_US);
    assert_true(explain_option(&e, 'W', "10.."));
    assert_int_equal(e.upto_ns, 0);
    assert_true(explain_option(&e, 'W', "..7"));
    assert_int_equal(e.from_ns, 0);
}

static void option_window_refuses_what_is_none(void **state)
{
    static const char *const wrong[] = {
        "",          "10",    "20..10", "5..5",          "a..b",  "-1..5",
        "1.2345..9", "1...2", "1..2x",  "99999999999..", "1.x..2"
    };
    struct explain e = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(explain_option(&e, 'W', wrong[i]));
    }
}

static void option_kinds_takes_names(void **state)
{
    struct explain e = { 0 };

    (void)state;
    assert_true(explain_option(&e, 'K', "nack,token"));
    assert_int_equal(e.kinds, 1u << ARROW_NACK | 1u << ARROW_TOKEN);
    assert_true(explain_option(&e, 'K', "all"));
    assert_int_equal(e.kinds, ARROWS_ALL);
    assert_false(explain_option(&e, 'K', "nack,"));
    assert_false(explain_option(&e, 'K', "nak"));
}

/* ---- the transcript ------------------------------------------------------ */

static const uint8_t ids[] = { 4, 9 };

static char *told_at(enum trace_level level, bool muted)
{
    char *text = NULL;
    size_t len = 0;
    struct trace t = { .out = open_memstream(&text, &len),
                       .level = level,
                       .muted = muted };
    struct sight s = { .at_ns = 1234567890, .place = 1, .rule = "P10" };

    trace_begin(&t, 2, ids);
    trace_tell(&t, &s, NULL, "votes for %s", "a\nline");
    s.level = TRACE_MESSAGES;
    trace_tell(&t, &s, NULL, "sends");
    s.level = TRACE_ALL;
    trace_tell(&t, &s, NULL, "hears");
    trace_line(&t, 5000, "client", 3, "waits");
    fclose(t.out);
    return text;
}

static void tell_decisions_leaves_out_messages(void **state)
{
    char *text = told_at(TRACE_DECISIONS, false);

    (void)state;
    assert_string_equal(text, "   1234.567  node 9    P10  votes for a.line\n"
                              "      0.005  client 3       waits\n");
    free(text);
}

static void tell_all_has_every_level(void **state)
{
    char *text = told_at(TRACE_MESSAGES, false);

    (void)state;
    assert_non_null(strstr(text, "sends"));
    assert_null(strstr(text, "hears"));
    free(text);
    text = told_at(TRACE_ALL, false);
    assert_non_null(strstr(text, "hears"));
    free(text);
}

static void tell_muted_tells_nothing(void **state)
{
    char *text = told_at(TRACE_ALL, true);

    (void)state;
    assert_string_equal(text, "");
    free(text);
}

static void tell_outside_the_window_tells_nothing(void **state)
{
    char *text = NULL;
    size_t len = 0;
    struct trace t = { .out = open_memstream(&text, &len),
                       .from_ns = 10 * NS_PER_MS,
                       .upto_ns = 20 * NS_PER_MS };

    (void)state;
    trace_line(&t, 9 * NS_PER_MS, "client", 0, "early");
    trace_line(&t, 15 * NS_PER_MS, "client", 0, "in time");
    trace_line(&t, 21 * NS_PER_MS, "client", 0, "late");
    fclose(t.out);
    assert_string_equal(text, "     15.000  client 0       in time\n");
    free(text);
}

/* ---- a run that ends badly ----------------------------------------------- */

static void begin_then_abort_writes_the_diagram(void **state)
{
    char path[] = "/tmp/paxoskv-explain.XXXXXX";
    const int fd = mkstemp(path);
    char head[5] = "";
    pid_t pid;

    (void)state;
    assert_true(fd >= 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct explain e = { .svg = path };
        struct trace t = { 0 };

        explain_begin(&e, &t, "abort");
        trace_begin(&t, 2, ids);
        trace_line(&t, 5000, "node", 4, "fails");
        abort();
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(pread(fd, head, 4, 0), 4);
    assert_string_equal(head, "<svg");
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(option_trace_takes_a_level_or_none),
        cmocka_unit_test(option_window_takes_milliseconds),
        cmocka_unit_test(option_window_refuses_what_is_none),
        cmocka_unit_test(option_kinds_takes_names),
        cmocka_unit_test(tell_decisions_leaves_out_messages),
        cmocka_unit_test(tell_all_has_every_level),
        cmocka_unit_test(tell_muted_tells_nothing),
        cmocka_unit_test(tell_outside_the_window_tells_nothing),
        cmocka_unit_test(begin_then_abort_writes_the_diagram),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

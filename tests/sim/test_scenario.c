/*
 * test_scenario.c - every scenario meets what it expects, and its transcript
 * is the one in tests/sim/golden (make golden writes them anew).
 */
#include "sim/diagram.h"
#include "sim/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_LEN 400

struct played {
    bool ok;
    struct world_result result;
    char why[SCENARIO_TEXT_MAX];
    char *text;
    size_t len;
};

static struct played play(const struct scenario *sc, enum trace_level level)
{
    struct played p = { 0 };
    struct trace t = { .out = open_memstream(&p.text, &p.len), .level = level };

    assert_non_null(t.out);
    p.ok = scenario_play(sc, &t, &p.result, p.why, sizeof p.why);
    fclose(t.out);
    return p;
}

/* The first line that differs is told, by its number. */
static void compare(const char *name, char *text)
{
    char path[100];
    char line[LINE_MAX_LEN];
    char *save = NULL;
    char *got = strtok_r(text, "\n", &save);
    FILE *golden;

    snprintf(path, sizeof path, "tests/sim/golden/%s.txt", name);
    golden = fopen(path, "r");
    assert_non_null(golden);
    for (int i = 1; fgets(line, sizeof line, golden); i++) {
        line[strcspn(line, "\n")] = '\0';
        if (!got || strcmp(got, line) != 0) {
            print_error("%s:%d is\n%s\nand now\n%s\n(make golden)\n", path, i,
                        line, got ? got : "the end");
        }
        assert_non_null(got);
        assert_string_equal(got, line);
        got = strtok_r(NULL, "\n", &save);
    }
    fclose(golden);
    if (got) print_error("%s ends, and now comes\n%s\n", path, got);
    assert_null(got);
}

static void play_every_scenario_is_as_expected(void **state)
{
    (void)state;
    for (const struct scenario *sc = scenarios; sc->name; sc++) {
        struct played p = play(sc, TRACE_DECISIONS);

        if (!p.ok) print_error("%s: %s\n", sc->name, p.why);
        assert_true(p.ok);
        assert_true(p.result.ok);
        compare(sc->name, p.text);
        free(p.text);
    }
}

static void play_twice_is_the_same_to_the_last_message(void **state)
{
    const struct scenario *sc = scenario_find("dueling-proposers");
    struct played once = play(sc, TRACE_ALL);
    struct played again = play(sc, TRACE_ALL);

    (void)state;
    assert_string_equal(once.text, again.text);
    assert_int_equal(once.result.digest, again.result.digest);
    free(once.text);
    free(again.text);
}

/* Who reads the page finds every scenario, and every kind of arrow. */
static void manual_names_every_scenario_and_kind(void **state)
{
    static char page[100000];
    FILE *file = fopen("man/paxoskv-sim.1", "r");

    (void)state;
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    for (const struct scenario *sc = scenarios; sc->name; sc++) {
        char item[100];

        snprintf(item, sizeof item, ".It Cm %s\n", sc->name);
        assert_non_null(strstr(page, item));
    }
    for (uint32_t i = 0; i < ARROW_KINDS; i++) {
        assert_non_null(strstr(page, diagram_kind_name(i)));
    }
}

static void find_unknown_name_gives_null(void **state)
{
    (void)state;
    assert_non_null(scenario_find("basic-paxos"));
    assert_null(scenario_find("basic"));
}

/* ---- scripts that go wrong ----------------------------------------------- */

static bool never(const struct script *s, uint64_t arg)
{
    (void)s;
    return arg == 0;
}

static void wait_in_vain(struct script *s)
{
    script_start_all(s);
    script_until(s, never, 1, 30, "what never comes");
    script_until(s, never, 1, 30, "nor is this waited for");
}

static void expect_in_vain(struct script *s)
{
    script_expect(s, true, "so it is");
    script_expect(s, false, "so it is not");
}

static void play_until_what_never_comes_fails(void **state)
{
    const struct scenario sc = { "vain", 3, wait_in_vain, "" };
    struct played p = play(&sc, TRACE_DECISIONS);

    (void)state;
    assert_false(p.ok);
    assert_non_null(strstr(p.why, "what never comes"));
    free(p.text);
}

static void play_expect_what_is_not_so_fails(void **state)
{
    const struct scenario sc = { "vain", 3, expect_in_vain, "" };
    struct played p = play(&sc, TRACE_DECISIONS);

    (void)state;
    assert_false(p.ok);
    assert_non_null(strstr(p.why, "so it is not"));
    free(p.text);
}

/* A majority is cut in two: nobody leads, and the script sees it. */
static void cut_all(struct script *s)
{
    script_start_all(s);
    for (uint8_t id = 1; id <= 3; id++) script_isolate(s, id);
    script_until_led(s, 1000);
}

static void play_all_links_cut_has_no_leader(void **state)
{
    const struct scenario sc = { "cut", 3, cut_all, "" };
    struct played p = play(&sc, TRACE_DECISIONS);

    (void)state;
    assert_false(p.ok);
    assert_non_null(strstr(p.why, "leader"));
    free(p.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(play_every_scenario_is_as_expected),
        cmocka_unit_test(play_twice_is_the_same_to_the_last_message),
        cmocka_unit_test(manual_names_every_scenario_and_kind),
        cmocka_unit_test(find_unknown_name_gives_null),
        cmocka_unit_test(play_until_what_never_comes_fails),
        cmocka_unit_test(play_expect_what_is_not_so_fails),
        cmocka_unit_test(play_all_links_cut_has_no_leader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_options.c - the command line of the daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/options.h"

#include <string.h>

#define ARGS_MAX 12

/* Parse a line of words. */
static int parse(const char *line, struct options *o, struct failure *f)
{
    static char copy[256];
    static char name[] = "paxoskvd";
    char *argv[ARGS_MAX] = { name };
    int argc = 1;
    char *word;

    strcpy(copy, line);
    for (word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return options_parse(argc, argv, o, f);
}

static void nothing_is_all_defaults(void **state)
{
    struct options o;
    struct failure f;

    (void)state;
    assert_int_equal(parse("", &o, &f), 0);
    assert_null(o.config);
    assert_int_equal(o.node, 0);
    assert_false(o.check || o.debug || o.format || o.version || o.help);
}

static void every_option_is_taken(void **state)
{
    struct options o;
    struct failure f;

    (void)state;
    assert_int_equal(parse("-c a.ini --node 255 -d --format", &o, &f), 0);
    assert_string_equal(o.config, "a.ini");
    assert_int_equal(o.node, 255);
    assert_true(o.debug && o.format);
    assert_int_equal(parse("-n --node=1", &o, &f), 0);
    assert_true(o.check);
    assert_int_equal(o.node, 1);
    assert_int_equal(parse("--version", &o, &f), 0);
    assert_true(o.version);
    assert_int_equal(parse("--help", &o, &f), 0);
    assert_true(o.help);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *line, *named;
    } wrong[] = {
        { "-x", "-x" },
        { "-nx", "-x" },
        { "--frob", "--frob" },
        { "-c", "-c" },
        { "--node", "--node" },
        { "--node 0", "--node 0" },
        { "--node 256", "--node 256" },
        { "--node 1x", "--node 1x" },
        { "--node -1", "--node -1" },
        { "start", "start" },
        { "-n --format", "--format" },
    };
    struct options o;
    struct failure f;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(wrong[i].line, &o, &f), EXIT_USAGE);
        assert_int_equal(f.status, EXIT_USAGE);
        if (!strstr(f.text, wrong[i].named))
            fail_msg("%s: %s", wrong[i].line, f.text);
    }
}

static void help_fits_a_screen(void **state)
{
    const char *line = options_help;
    int lines = 0;

    (void)state;
    while (*line) {
        const char *end = strchr(line, '\n');

        assert_non_null(end);
        assert_true(end - line <= 80);
        line = end + 1;
        lines++;
    }
    assert_true(lines <= 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_all_defaults),
        cmocka_unit_test(every_option_is_taken),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(help_fits_a_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

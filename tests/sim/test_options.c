/* test_options.c - the command line of the simulator, read and written. */
#include "sim/options.h"

#include "sim/aspect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORDS_MAX 20

/* The words of a line, given to options_parse. */
static enum options_verdict parse(const char *line, struct options *o)
{
    char text[500];
    char *words[WORDS_MAX];
    int count = 0;
    FILE *errors = fopen("/dev/null", "w");
    enum options_verdict verdict;

    snprintf(text, sizeof text, "%s", line);
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " ")) {
        assert_true(count < WORDS_MAX - 1);
        words[count++] = w;
    }
    words[count] = NULL;
    assert_non_null(errors);
    verdict = options_parse(o, count, words, errors);
    fclose(errors);
    return verdict;
}

static void parse_of_nothing_gives_a_thousand_seeds(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(parse("sim", &o), OPTIONS_RUN);
    assert_int_equal(o.first, 1);
    assert_int_equal(o.last, 1000);
    assert_int_equal(o.jobs, 1);
    assert_int_equal(o.wish.off, 0);
}

static void parse_of_every_option_is_kept(void **state)
{
    struct options o;
    uint64_t loss;

    (void)state;
    assert_true(aspect_parse("loss", &loss));
    assert_int_equal(parse("sim --seeds 5..7 --jobs 3 --time 9 --nodes 4 "
                           "--clients 2 --ops 50 --until 700 "
                           "--no-faults loss --minimize",
                           &o),
                     OPTIONS_RUN);
    assert_int_equal(o.first, 5);
    assert_int_equal(o.last, 7);
    assert_int_equal(o.jobs, 3);
    assert_int_equal(o.seconds, 9);
    assert_int_equal(o.wish.nodes, 4);
    assert_int_equal(o.wish.clients, 2);
    assert_int_equal(o.wish.ops, 50);
    assert_int_equal(o.wish.until_ms, 700);
    assert_int_equal(o.wish.off, loss);
    assert_true(o.minimize);
    assert_int_equal(parse("sim --seed 8 --faults loss --trace", &o),
                     OPTIONS_RUN);
    assert_int_equal(o.first, 8);
    assert_int_equal(o.last, 8);
    assert_int_equal(o.wish.off, ~loss);
    assert_true(explain_is_on(&o.explain));
}

static void parse_of_open_seeds_never_ends(void **state)
{
    struct options o;

    (void)state;
    assert_int_equal(parse("sim --seeds 12..", &o), OPTIONS_RUN);
    assert_int_equal(o.first, 12);
    assert_true(o.last > UINT64_MAX / 2);
}

static void parse_of_nonsense_is_refused(void **state)
{
    static const char *const wrong[] = {
        "sim --seeds 5",    "sim --seeds 7..5", "sim --seeds ..5",
        "sim --seed 0",     "sim --seed -1",    "sim --seed 1x",
        "sim --nodes 0",    "sim --nodes 99",   "sim --clients 65",
        "sim --ops 0",      "sim --jobs 0",     "sim --jobs 65",
        "sim --faults x",   "sim --time 0",     "sim --until 0",
        "sim --no-faults ", "sim --unknown",    "sim 5",
        "sim --trace",      "sim --seed",
    };
    struct options o;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(wrong[i], &o), OPTIONS_WRONG);
    }
}

/* What is told is read back: for this seed the plan is the same. */
static void tell_command_read_back_gives_the_same_plan(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct plan_wish wish = { .off = seed * UINT64_C(0x9e3779b97f4a7c15) };
        char line[500] = "";
        FILE *to = fmemopen(line, sizeof line, "w");
        struct options o;
        struct plan want;
        struct plan got;

        if (seed % 2) wish.nodes = 3;
        if (seed % 3) wish.clients = 2;
        if (seed % 5) wish.ops = 40;
        if (seed % 7) wish.until_ms = 800;
        assert_non_null(to);
        options_tell_command(to, "sim", seed, &wish);
        fclose(to);
        assert_int_equal(parse(line, &o), OPTIONS_RUN);
        assert_int_equal(o.first, seed);
        assert_int_equal(o.last, seed);
        plan_draw(&want, seed, &wish);
        plan_draw(&got, seed, &o.wish);
        assert_memory_equal(&want, &got, sizeof want);
    }
}

static void usage_fits_a_screen(void **state)
{
    char text[4000] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    size_t lines = 0;

    (void)state;
    assert_non_null(to);
    options_usage(to);
    fclose(to);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= 80);
        lines++;
    }
    assert_in_range(lines, 15, 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_of_nothing_gives_a_thousand_seeds),
        cmocka_unit_test(parse_of_every_option_is_kept),
        cmocka_unit_test(parse_of_open_seeds_never_ends),
        cmocka_unit_test(parse_of_nonsense_is_refused),
        cmocka_unit_test(tell_command_read_back_gives_the_same_plan),
        cmocka_unit_test(usage_fits_a_screen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

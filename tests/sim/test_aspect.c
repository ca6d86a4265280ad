/* test_aspect.c - what makes a world hard can be named and switched off. */
#include "sim/aspect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static void name_of_each_is_a_word_of_its_own(void **state)
{
    char a[ASPECT_NAME_MAX];
    char b[ASPECT_NAME_MAX];

    (void)state;
    for (uint32_t i = 0; i < aspect_count(); i++) {
        const char *name = aspect_name(i, a);

        assert_true(strlen(name) > 0);
        assert_null(strpbrk(name, " ,"));
        for (uint32_t k = 0; k < i; k++) {
            assert_string_not_equal(name, aspect_name(k, b));
        }
    }
}

/* Over some seeds every aspect is there, and is not there. */
static void draw_over_many_seeds_shows_each_on_and_off(void **state)
{
    uint64_t on = 0;
    uint64_t off = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        const struct plan_wish wish = { 0 };
        struct plan p;

        plan_draw(&p, seed, &wish);
        for (uint32_t i = 0; i < aspect_count(); i++) {
            if (aspect_is_on(&p, i)) on |= UINT64_C(1) << i;
            if (!aspect_is_on(&p, i)) off |= UINT64_C(1) << i;
        }
    }
    assert_int_equal(on, (UINT64_C(1) << aspect_count()) - 1);
    assert_int_equal(off, on);
}

static void draw_with_one_off_keeps_the_others(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        for (uint32_t i = 0; i < aspect_count(); i++) {
            const struct plan_wish all = { 0 };
            const struct plan_wish less = { .off = UINT64_C(1) << i };
            struct plan before;
            struct plan after;

            plan_draw(&before, seed, &all);
            plan_draw(&after, seed, &less);
            assert_false(aspect_is_on(&after, i));
            for (uint32_t k = 0; k < aspect_count(); k++) {
                if (k == i) continue;
                assert_int_equal(aspect_is_on(&after, k),
                                 aspect_is_on(&before, k));
            }
        }
    }
}

static void parse_of_every_name_gives_its_bit(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < aspect_count(); i++) {
        char buf[ASPECT_NAME_MAX];
        uint64_t set;

        assert_true(aspect_parse(aspect_name(i, buf), &set));
        assert_int_equal(set, UINT64_C(1) << i);
    }
}

static void parse_of_lists_gives_their_sum(void **state)
{
    uint64_t set;

    (void)state;
    assert_true(aspect_parse("crash,loss", &set));
    assert_int_equal(__builtin_popcountll(set), 2);
    assert_true(aspect_parse("none", &set));
    assert_int_equal(set, 0);
    assert_true(aspect_parse("all", &set));
    assert_int_equal(set, UINT64_MAX);
}

static void parse_of_other_words_is_refused(void **state)
{
    static const char *const wrong[] = { "",        "crashes",  "crash,",
                                         ",crash",  "cras",     "crash, loss",
                                         "loss,,a", "none,loss" };
    uint64_t set;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(aspect_parse(wrong[i], &set));
    }
}

/* As a word of the section on faults. */
static void manual_names_every_aspect(void **state)
{
    static char page[100000];
    FILE *file = fopen("man/paxoskv-sim.1", "r");
    char *end;

    (void)state;
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(page, ".Sh FAULTS"));
    end = strstr(page, ".Sh CHECKS");
    assert_non_null(end);
    *end = '\0';
    for (uint32_t i = 0; i < aspect_count(); i++) {
        char name[ASPECT_NAME_MAX];
        char word[ASPECT_NAME_MAX + 3];

        snprintf(word, sizeof word, " %s", aspect_name(i, name));
        assert_non_null(strstr(strstr(page, ".Sh FAULTS"), word));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_of_each_is_a_word_of_its_own),
        cmocka_unit_test(draw_over_many_seeds_shows_each_on_and_off),
        cmocka_unit_test(draw_with_one_off_keeps_the_others),
        cmocka_unit_test(parse_of_every_name_gives_its_bit),
        cmocka_unit_test(parse_of_lists_gives_their_sum),
        cmocka_unit_test(parse_of_other_words_is_refused),
        cmocka_unit_test(manual_names_every_aspect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

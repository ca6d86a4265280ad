/*
 * test_histogram.c - percentiles, to one per cent.
 */
#include "cli/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct histogram h;

static int setup(void **state)
{
    (void)state;
    memset(&h, 0, sizeof h);
    return 0;
}

static void steps_are_in_order_and_all_inside(void **state)
{
    unsigned last = 0;

    (void)state;
    for (uint64_t v = 0; v < 100000; v++) {
        const unsigned step = histogram_step(v);

        assert_true(step == last || step == last + 1);
        last = step;
    }
    assert_int_equal(histogram_step(UINT64_MAX), HISTOGRAM_STEPS - 1);
}

static void at_of_nothing_is_zero(void **state)
{
    (void)state;
    assert_int_equal(histogram_at(&h, 0.5), 0);
}

static void at_is_never_below_and_at_most_1_per_cent_above(void **state)
{
    (void)state;
    for (uint64_t v = 1; v <= 100000; v++) histogram_add(&h, v);
    assert_in_range(histogram_at(&h, 0.5), 50000, 50500);
    assert_in_range(histogram_at(&h, 0.9), 90000, 90900);
    assert_in_range(histogram_at(&h, 0.99), 99000, 99990);
    assert_in_range(histogram_at(&h, 0.999), 99900, 100000);
    assert_int_equal(histogram_at(&h, 1.0), 100000);
    assert_int_equal(h.count, 100000);
    assert_int_equal(h.max, 100000);
}

static void at_of_one_value_is_that_value(void **state)
{
    (void)state;
    histogram_add(&h, 123456789);
    assert_int_equal(histogram_at(&h, 0.001), 123456789);
    histogram_add(&h, UINT64_MAX);
    assert_true(histogram_at(&h, 0.999) == UINT64_MAX);
}

/* Each alone, so that no step's neighbour can hide a value. */
static void at_of_the_lower_of_two_is_within_1_per_cent_anywhere(void **state)
{
    (void)state;
    for (uint64_t v = 1; v < UINT64_C(1) << 60; v += v / 7 + 1) {
        memset(&h, 0, sizeof h);
        histogram_add(&h, v);
        histogram_add(&h, UINT64_MAX);
        assert_true(histogram_at(&h, 0.5) >= v);
        assert_true(histogram_at(&h, 0.5) - v <= v / 100);
    }
}

/* One in a thousand: 99.9 per cent are not above the rest. */
static void at_999_finds_the_one_in_a_thousand(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 999; i++) histogram_add(&h, 100);
    histogram_add(&h, 7777777);
    assert_int_equal(histogram_at(&h, 0.999), 100);
    assert_int_equal(histogram_at(&h, 0.9995), 7777777);
    histogram_add(&h, 7777777);
    assert_int_equal(histogram_at(&h, 0.999), 7777777);
}

static void max_is_exact_whatever_the_order(void **state)
{
    (void)state;
    histogram_add(&h, 1000003);
    histogram_add(&h, 5);
    histogram_add(&h, 1000001);
    assert_int_equal(h.max, 1000003);
    assert_int_equal(histogram_at(&h, 1.0), 1000003);
    assert_int_equal(h.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(steps_are_in_order_and_all_inside, setup),
        cmocka_unit_test_setup(at_of_nothing_is_zero, setup),
        cmocka_unit_test_setup(at_is_never_below_and_at_most_1_per_cent_above,
                               setup),
        cmocka_unit_test_setup(at_of_one_value_is_that_value, setup),
        cmocka_unit_test_setup(
            at_of_the_lower_of_two_is_within_1_per_cent_anywhere, setup),
        cmocka_unit_test_setup(at_999_finds_the_one_in_a_thousand, setup),
        cmocka_unit_test_setup(max_is_exact_whatever_the_order, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

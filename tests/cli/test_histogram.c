/*
 * test_histogram.c - percentiles, to three per cent.
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

static void at_is_never_below_and_at_most_3_per_cent_above(void **state)
{
    (void)state;
    for (uint64_t v = 1; v <= 100000; v++) histogram_add(&h, v);
    assert_in_range(histogram_at(&h, 0.5), 50000, 51600);
    assert_in_range(histogram_at(&h, 0.99), 99000, 100000);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(steps_are_in_order_and_all_inside, setup),
        cmocka_unit_test_setup(at_of_nothing_is_zero, setup),
        cmocka_unit_test_setup(at_is_never_below_and_at_most_3_per_cent_above,
                               setup),
        cmocka_unit_test_setup(at_of_one_value_is_that_value, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_availability.c - src/node/availability.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/availability.h"

#define LIMIT 1000

/* A no-op in slot, proposed at 10 and done after so long. */
static void noop(struct availability *a, uint64_t slot, uint64_t took)
{
    availability_on_proposed(a, slot, 10);
    availability_on_executed(a, slot, LIMIT, 10 + took);
}

static void noop_counts_when_its_slot_is_executed(void **state)
{
    struct availability a = { 0 };

    (void)state;
    availability_on_executed(&a, 99, LIMIT, 5);
    availability_on_proposed(&a, 7, 10);
    availability_on_executed(&a, 6, LIMIT, 20);
    assert_int_equal(a.in_time, 0);
    availability_on_executed(&a, 8, LIMIT, 30);
    availability_on_executed(&a, 9, LIMIT, 40); /* once */
    assert_int_equal(a.proposed, 1);
    assert_int_equal(a.in_time, 1);
    assert_int_equal(availability_p50_ns(&a), 20);
}

static void noop_late_or_never_done_is_not_in_time(void **state)
{
    struct availability a = { 0 };

    (void)state;
    noop(&a, 1, LIMIT);
    noop(&a, 2, LIMIT + 1);
    availability_on_proposed(&a, 3, 10);
    noop(&a, 4, 1);
    assert_int_equal(a.proposed, 4);
    assert_int_equal(a.in_time, 2);
    assert_int_equal(a.done, 3);
}

static void figures_are_those_of_the_last_ones(void **state)
{
    struct availability a = { 0 };

    (void)state;
    assert_int_equal(availability_p50_ns(&a), 0);
    assert_int_equal(availability_max_ns(&a), 0);
    noop(&a, 1, 999);
    for (uint64_t i = 1; i <= 5; i++) noop(&a, 1 + i, 10 * i);
    assert_int_equal(availability_p50_ns(&a), 30);
    assert_int_equal(availability_max_ns(&a), 999);
    for (uint64_t i = 0; i < AVAILABILITY_LAST; i++) noop(&a, 10 + i, 5);
    assert_int_equal(availability_p50_ns(&a), 5);
    assert_int_equal(availability_max_ns(&a), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noop_counts_when_its_slot_is_executed),
        cmocka_unit_test(noop_late_or_never_done_is_not_in_time),
        cmocka_unit_test(figures_are_those_of_the_last_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

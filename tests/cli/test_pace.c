/*
 * test_pace.c - when the operations of an open loop are due.
 */
#include "cli/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct pace three(void)
{
    return (struct pace){
        .start_ns = 1000, .stop_ns = 1000000001000, .rate = 4, .sockets = 3
    };
}

static void at_is_evenly_spaced_and_never_drifts(void **state)
{
    struct pace p = three();

    (void)state;
    assert_int_equal(pace_at_ns(&p, 0), 1000);
    assert_int_equal(pace_at_ns(&p, 1), 250001000);
    assert_int_equal(pace_at_ns(&p, 4), 1000001000);
    p.rate = 3; /* not a whole number of ns */
    assert_int_equal(pace_at_ns(&p, 1), 333334333);
    assert_int_equal(pace_at_ns(&p, 3000000), UINT64_C(1000000000001000));
    p.rate = PACE_RATE_MAX;
    assert_int_equal(pace_at_ns(&p, UINT64_C(86400) * PACE_RATE_MAX),
                     UINT64_C(86400000001000));
}

static void next_gives_what_is_due_to_the_sockets_in_turn(void **state)
{
    struct pace p = three();

    (void)state;
    assert_int_equal(pace_next(&p, 999), -1);
    assert_int_equal(pace_next(&p, 1000), 0);
    assert_int_equal(pace_next(&p, 1000), -1);
    /* After a stall all that was due meanwhile is still due. */
    assert_int_equal(pace_next(&p, 1000001000), 1);
    assert_int_equal(pace_next(&p, 1000001000), 2);
    assert_int_equal(pace_next(&p, 1000001000), 0);
    assert_int_equal(pace_next(&p, 1000001000), 1);
    assert_int_equal(pace_next(&p, 1000001000), -1);
    assert_int_equal(p.given, 5);
}

static void next_ends_at_the_stop(void **state)
{
    struct pace p = three();

    (void)state;
    p.stop_ns = 250001000;
    assert_int_equal(pace_next(&p, UINT64_C(1) << 60), 0);
    assert_int_equal(pace_next(&p, UINT64_C(1) << 60), -1);
    p.stop_ns++;
    assert_int_equal(pace_next(&p, UINT64_C(1) << 60), 1);
}

/* The latency of a late answer is counted from here. */
static void of_socket_is_the_moment_that_next_had_in_mind(void **state)
{
    struct pace p = three();
    uint64_t sent[3] = { 0 };

    (void)state;
    for (uint64_t n = 0; n < 100; n++) {
        const uint64_t at_ns = pace_at_ns(&p, n);
        const int64_t i = pace_next(&p, at_ns);

        assert_in_range(i, 0, 2);
        assert_int_equal(pace_of_socket_ns(&p, (uint32_t)i, sent[i]++), at_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_is_evenly_spaced_and_never_drifts),
        cmocka_unit_test(next_gives_what_is_due_to_the_sockets_in_turn),
        cmocka_unit_test(next_ends_at_the_stop),
        cmocka_unit_test(of_socket_is_the_moment_that_next_had_in_mind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

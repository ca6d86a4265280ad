/* test_multicast.c - src/paxos/multicast.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paxos/multicast.h"

static const struct group group = { .n = 5, .self = 2 };

/* Windows of member 4, of whose multicasts so many arrive. */
static void windows(struct multicast *m, unsigned count, unsigned groups)
{
    while (count--) {
        for (unsigned i = 0; i < groups; i++) multicast_on_copy(m, 4, true);
        for (unsigned i = 0; i < MULTICAST_WINDOW; i++) {
            multicast_on_copy(m, 4, false);
        }
    }
}

static bool hears(const struct multicast *m)
{
    const uint16_t set = multicast_heard(m, &group);

    assert_int_equal(set | 0x10, 0x1f); /* the others are well */
    return set & 0x10;
}

static void sender_never_measured_is_heard(void **state)
{
    struct multicast m = { .used = true };

    (void)state;
    assert_true(hears(&m));
    windows(&m, 10, MULTICAST_WINDOW);
    assert_true(hears(&m));
}

static void sender_whose_multicast_is_lost_is_found_out(void **state)
{
    struct multicast m = { .used = true };

    (void)state;
    windows(&m, 1, 0);
    assert_false(hears(&m));
}

static void half_of_the_multicasts_is_enough_and_less_is_not(void **state)
{
    struct multicast m = { .used = true };

    (void)state;
    windows(&m, 10, MULTICAST_WINDOW / 2);
    assert_true(hears(&m));
    windows(&m, 1, MULTICAST_WINDOW / 2 - 1);
    assert_false(hears(&m));
}

/* Hysteresis: what comes and goes is served by unicast. */
static void sender_is_believed_again_after_good_windows_on_end(void **state)
{
    struct multicast m = { .used = true };

    (void)state;
    windows(&m, 1, 0);
    windows(&m, MULTICAST_WINDOWS - 1, MULTICAST_WINDOW);
    assert_false(hears(&m));
    windows(&m, 1, MULTICAST_WINDOW / 2);
    windows(&m, MULTICAST_WINDOWS - 1, MULTICAST_WINDOW);
    assert_false(hears(&m));
    windows(&m, 1, MULTICAST_WINDOW - 1);
    assert_true(hears(&m));
}

/* Only copies that came by unicast make a window: a dead sender has none. */
static void sender_that_is_silent_is_not_judged(void **state)
{
    struct multicast m = { .used = true };

    (void)state;
    for (unsigned i = 0; i < 1000; i++) multicast_on_copy(&m, 4, true);
    for (unsigned i = 0; i < MULTICAST_WINDOW - 1; i++) {
        multicast_on_copy(&m, 4, false);
    }
    assert_true(hears(&m));
}

static void member_that_does_not_hear_us_is_served_by_unicast(void **state)
{
    struct multicast m = { .used = true };

    (void)state;
    multicast_on_told(&m, &group, 4, 0x1b);
    assert_int_equal(m.unicast, 0x10);
    multicast_on_told(&m, &group, 1, 0x1f);
    assert_int_equal(m.unicast, 0x10);
    multicast_on_told(&m, &group, 4, 0x04);
    assert_int_equal(m.unicast, 0);
}

static void group_without_address_measures_nothing(void **state)
{
    struct multicast m = { .used = false };

    (void)state;
    windows(&m, 5, 0);
    assert_true(hears(&m));
    multicast_on_told(&m, &group, 4, 0);
    assert_int_equal(m.unicast, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sender_never_measured_is_heard),
        cmocka_unit_test(sender_whose_multicast_is_lost_is_found_out),
        cmocka_unit_test(half_of_the_multicasts_is_enough_and_less_is_not),
        cmocka_unit_test(sender_is_believed_again_after_good_windows_on_end),
        cmocka_unit_test(sender_that_is_silent_is_not_judged),
        cmocka_unit_test(member_that_does_not_hear_us_is_served_by_unicast),
        cmocka_unit_test(group_without_address_measures_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

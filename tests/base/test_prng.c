/* test_prng.c - src/base/prng.c against published outputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"

/* State {1, 2, 3, 4}, as in the tests of rand_xoshiro. */
static void prng_next_known_state_gives_known_numbers(void **state)
{
    struct prng p = { { 1, 2, 3, 4 } };

    (void)state;
    assert_int_equal(prng_next(&p), UINT64_C(11520));
    assert_int_equal(prng_next(&p), UINT64_C(0));
    assert_int_equal(prng_next(&p), UINT64_C(1509978240));
    assert_int_equal(prng_next(&p), UINT64_C(1215971899390074240));
    assert_int_equal(prng_next(&p), UINT64_C(1216172134540287360));
    assert_int_equal(prng_next(&p), UINT64_C(607988272756665600));
    assert_int_equal(prng_next(&p), UINT64_C(16172922978634559625));
}

/* The first outputs of splitmix64 for seed 1234567. */
static void prng_init_known_seed_gives_known_state(void **state)
{
    struct prng p;

    (void)state;
    prng_init(&p, 1234567);
    assert_int_equal(p.s[0], UINT64_C(6457827717110365317));
    assert_int_equal(p.s[1], UINT64_C(3203168211198807973));
    assert_int_equal(p.s[2], UINT64_C(9817491932198370423));
    assert_int_equal(p.s[3], UINT64_C(4593380528125082431));
}

static void prng_below_small_bound_hits_every_number(void **state)
{
    struct prng p;
    unsigned hits[7] = { 0 };

    (void)state;
    prng_init(&p, 3);
    for (int i = 0; i < 7000; i++) {
        const uint64_t x = prng_below(&p, 7);

        assert_true(x < 7);
        hits[x]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(hits[i], 800, 1200);
}

static void prng_below_one_gives_zero(void **state)
{
    struct prng p;

    (void)state;
    prng_init(&p, 4);
    assert_int_equal(prng_below(&p, 1), 0);
}

static void prng_range_stays_inside_and_reaches_both_ends(void **state)
{
    struct prng p;
    int low = 0;
    int high = 0;

    (void)state;
    prng_init(&p, 5);
    for (int i = 0; i < 1000; i++) {
        const uint64_t x = prng_range(&p, 10, 13);

        assert_in_range(x, 10, 13);
        low += x == 10;
        high += x == 13;
    }
    assert_true(low > 0);
    assert_true(high > 0);
    assert_int_equal(prng_range(&p, 9, 9), 9);
}

static void prng_range_of_everything_is_next(void **state)
{
    struct prng a;
    struct prng b;

    (void)state;
    prng_init(&a, 6);
    prng_init(&b, 6);
    for (int i = 0; i < 10; i++)
        assert_int_equal(prng_range(&a, 0, UINT64_MAX), prng_next(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prng_next_known_state_gives_known_numbers),
        cmocka_unit_test(prng_init_known_seed_gives_known_state),
        cmocka_unit_test(prng_below_small_bound_hits_every_number),
        cmocka_unit_test(prng_below_one_gives_zero),
        cmocka_unit_test(prng_range_stays_inside_and_reaches_both_ends),
        cmocka_unit_test(prng_range_of_everything_is_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_zipf.c - what is drawn against what was asked for.  The seeds are
 * fixed: a chi-square test with new numbers each time would fail at times.
 */
#include "cli/zipf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#define COUNT_MAX 1000
#define DRAWS     400000

static uint64_t drawn[COUNT_MAX + 1];

static void draw(uint64_t count, double theta, uint64_t seed)
{
    struct zipf z;

    print_message("theta %g, %u numbers, seed %u\n", theta, (unsigned)count,
                  (unsigned)seed);
    memset(drawn, 0, sizeof drawn);
    zipf_init(&z, count, theta);
    for (unsigned i = 0; i < DRAWS; i++) {
        const uint64_t k = zipf_next(&z, &seed);

        assert_in_range(k, 1, count);
        drawn[k]++;
    }
}

/* The sum of (seen - expected)^2 / expected; its mean is count - 1. */
static double chi_square(uint64_t count, double theta)
{
    double sum = 0, chi = 0;

    for (uint64_t k = 1; k <= count; k++) sum += pow((double)k, -theta);
    for (uint64_t k = 1; k <= count; k++) {
        const double expected = DRAWS * pow((double)k, -theta) / sum;
        const double off = (double)drawn[k] - expected;

        chi += off * off / expected;
    }
    return chi;
}

/* The deviation of chi-square is sqrt(2 (count - 1)): five of them are far. */
static void next_follows_the_distribution(void **state)
{
    static const double thetas[] = { 0.01, 0.5, 0.99, 1.0, 1.2, 2.0 };
    static const uint64_t counts[] = { 2, 3, 10, 100 };

    (void)state;
    for (size_t t = 0; t < sizeof thetas / sizeof thetas[0]; t++) {
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            const double free = (double)(counts[c] - 1);
            const double limit = free + 5 * sqrt(2 * free);

            draw(counts[c], thetas[t], 1000 * t + c);
            assert_true(chi_square(counts[c], thetas[t]) < limit);
            /* It would notice: theta + 0.1 is not what was drawn. */
            assert_true(chi_square(counts[c], thetas[t] + 0.1) > limit);
        }
    }
}

/* YCSB's own theta: of 1,000 keys the first gets 13 per cent. */
static void next_of_ycsb_prefers_the_first(void **state)
{
    (void)state;
    draw(COUNT_MAX, 0.99, 7);
    assert_in_range(drawn[1], DRAWS * 0.125, DRAWS * 0.135);
    assert_true(drawn[1] > drawn[2]);
    assert_true(drawn[2] > drawn[10]);
    assert_true(drawn[10] > drawn[100]);
}

static void next_of_one_is_one(void **state)
{
    (void)state;
    draw(1, 0.99, 8);
    assert_int_equal(drawn[1], DRAWS);
}

static void next_stays_inside_at_the_extremes(void **state)
{
    static const double thetas[] = { 0.01, 1.0, 10.0, 100.0 };
    const uint64_t count = UINT64_C(1000000000000);
    uint64_t seed = 9;

    (void)state;
    for (size_t t = 0; t < sizeof thetas / sizeof thetas[0]; t++) {
        struct zipf z;

        zipf_init(&z, count, thetas[t]);
        for (unsigned i = 0; i < 10000; i++) {
            const uint64_t k = zipf_next(&z, &seed);

            assert_true(k >= 1);
            assert_true(k <= count);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_follows_the_distribution),
        cmocka_unit_test(next_of_ycsb_prefers_the_first),
        cmocka_unit_test(next_of_one_is_one),
        cmocka_unit_test(next_stays_inside_at_the_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

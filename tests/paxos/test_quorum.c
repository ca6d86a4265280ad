/* test_quorum.c - src/paxos/quorum.c, quorum.h, ballot.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paxos/quorum.h"

/* Pitfall 18: half of an even group is no majority. */
static void majority_is_more_than_half(void **state)
{
    (void)state;
    for (uint8_t n = 1; n <= MEMBERS_MAX; n++) {
        const struct group g = { .n = n };

        assert_true(2 * group_majority(&g) > n);
        assert_true(2 * (group_majority(&g) - 1) <= n);
    }
}

/* Pitfall 25: at least, not exactly.  Every set of every group. */
static void is_majority_of_every_set_compares_its_size(void **state)
{
    (void)state;
    for (uint8_t n = 1; n <= MEMBERS_MAX; n++) {
        const struct group g = { .n = n };

        for (uint16_t set = 0; set < 1u << n; set++) {
            unsigned size = 0;

            for (uint8_t i = 0; i < n; i++) size += (set >> i) & 1u;
            assert_int_equal(group_is_majority(&g, set), 2 * size > n);
            assert_int_equal(members_count(set), size);
        }
    }
}

static void any_two_majorities_meet(void **state)
{
    (void)state;
    for (uint8_t n = 1; n <= 6; n++) {
        const struct group g = { .n = n };

        for (uint16_t a = 0; a < 1u << n; a++) {
            for (uint16_t b = 0; b < 1u << n; b++) {
                if (!group_is_majority(&g, a)) continue;
                if (!group_is_majority(&g, b)) continue;
                assert_int_not_equal(a & b, 0);
            }
        }
    }
}

static void others_are_all_but_self(void **state)
{
    const struct group g = { .n = 5, .self = 2 };
    const struct group nine = { .n = 9, .self = 8 };
    const struct group one = { .n = 1, .self = 0 };

    (void)state;
    assert_int_equal(group_others(&g), 0x1b);
    assert_int_equal(group_others(&nine), 0xff);
    assert_int_equal(group_others(&one), 0);
}

static void index_of_member_is_its_place(void **state)
{
    const struct group g = { .n = 3, .self = 1, .ids = { 3, 7, 255 } };

    (void)state;
    assert_int_equal(group_index(&g, 3), 0);
    assert_int_equal(group_index(&g, 255), 2);
    assert_int_equal(group_self_id(&g), 7);
}

static void index_of_stranger_is_none(void **state)
{
    const struct group g = { .n = 3, .self = 1, .ids = { 3, 7, 255 } };

    (void)state;
    assert_int_equal(group_index(&g, 1), MEMBER_NONE);
    assert_int_equal(group_index(&g, 0), MEMBER_NONE); /* beyond n */
}

/* P1: by round, then by node. */
static void ballots_are_ordered_by_round_then_node(void **state)
{
    const struct ballot ascending[] = {
        { 0, 0 }, { 1, 1 }, { 1, 2 }, { 1, 255 }, { 2, 1 }, { ROUND_MAX, 1 },
    };
    const int count = sizeof ascending / sizeof *ascending;

    (void)state;
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < count; k++) {
            const int c = ballot_cmp(ascending[i], ascending[k]);

            assert_int_equal(c, (i > k) - (i < k));
            assert_int_equal(ballot_equal(ascending[i], ascending[k]), i == k);
        }
    }
    assert_true(ballot_is_none(ascending[0]));
    assert_false(ballot_is_none(ascending[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(majority_is_more_than_half),
        cmocka_unit_test(is_majority_of_every_set_compares_its_size),
        cmocka_unit_test(any_two_majorities_meet),
        cmocka_unit_test(others_are_all_but_self),
        cmocka_unit_test(index_of_member_is_its_place),
        cmocka_unit_test(index_of_stranger_is_none),
        cmocka_unit_test(ballots_are_ordered_by_round_then_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

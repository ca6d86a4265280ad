/* test_checker_memory.c - what leaks, or outgrows its limit, is objected to. */
#include "base/blob.h"
#include "base/units.h"
#include "sim/checker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BLOCK 128u /* the smallest */

static const uint8_t ids[] = { 1, 2, 3 };
static const struct kv_limits limits = {
    .store_max_bytes = 10000,
    .session_period_ns = 60 * NS_PER_S,
    .sessions_max = 4,
};
static struct checker c;

static int setup(void **state)
{
    (void)state;
    checker_init(&c, 3, ids, &limits);
    for (uint8_t i = 0; i < 3; i++) checker_on_start(&c, i);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    checker_clear(&c);
    return 0;
}

/* A no-op is voted for in slot by this many members. */
static void vote(uint64_t slot, uint8_t members)
{
    uint8_t bytes[VALUE_HEAD];
    struct message m = { .type = RECORD_ACCEPT, .ballot = { 1, 1 } };
    const struct disk_record d = { .type = RECORD_ACCEPT,
                                   .ballot = { 1, 1 },
                                   .slot = slot };

    value_seal(bytes, sizeof bytes, VALUE_NOOP, 0, slot);
    m.accept.slot = slot;
    m.accept.value = (struct value){ .bytes = bytes, .len = sizeof bytes };
    for (uint8_t i = 0; i < members; i++) {
        checker_on_persist(&c, i, &m);
        checker_on_durable(&c, i, &d);
    }
    assert_null(c.failed);
}

static struct member_memory held(void)
{
    const uint64_t kv = kv_memory_bytes(c.kv);

    return (struct member_memory){ .counted = kv, .taken = kv };
}

static void memory_within_its_limits_passes(void **state)
{
    struct member_memory m = held();

    (void)state;
    m.store = limits.store_max_bytes;
    checker_on_memory(&c, 0, &m);
    checker_on_destroyed(&c, 0, 0);
    assert_null(c.failed);
}

static void memory_of_store_above_its_limit_fails(void **state)
{
    struct member_memory m = held();

    (void)state;
    m.store = limits.store_max_bytes + 1;
    checker_on_memory(&c, 0, &m);
    assert_string_equal(c.failed ? c.failed : "", "memory");
}

static void memory_that_nobody_counted_fails(void **state)
{
    struct member_memory m = held();

    (void)state;
    m.taken++;
    checker_on_memory(&c, 0, &m);
    assert_string_equal(c.failed ? c.failed : "", "memory");
}

static void destroyed_with_memory_left_fails(void **state)
{
    (void)state;
    checker_on_destroyed(&c, 0, 1);
    assert_string_equal(c.failed ? c.failed : "", "memory");
}

/* The values of the slots are kept, and what is under way. */
static void resting_allows_what_is_kept_and_no_more(void **state)
{
    struct member_memory m = held();
    uint64_t room = 0;

    (void)state;
    assert_true(checker_is_resting(&c, &m));
    while (checker_is_resting(&c, &m)) m.pool = ++room * BLOCK;
    for (uint64_t slot = 1; slot <= 10; slot++) vote(slot, 2);
    m.pool = (room - 1 + 10) * BLOCK;
    assert_true(checker_is_resting(&c, &m));
    m.pool += BLOCK;
    assert_false(checker_is_resting(&c, &m));
    vote(11, 1); /* not chosen yet */
    assert_true(checker_is_resting(&c, &m));
    checker_fail_restless(&c, 0, &m);
    assert_string_equal(c.failed ? c.failed : "", "memory");
}

/* Only so many of them: a log that grows leaves the level where it was. */
static void resting_does_not_rise_for_ever(void **state)
{
    struct member_memory m = held();
    uint64_t slot = 0;

    (void)state;
    while (slot < 3000) vote(++slot, 2);
    m = held();
    m.pool = 2048 * BLOCK;
    assert_true(checker_is_resting(&c, &m));
    m.pool = 2100 * BLOCK;
    assert_false(checker_is_resting(&c, &m));
    while (slot < 6000) vote(++slot, 2);
    assert_false(checker_is_resting(&c, &m));
}

static void resting_wants_the_state_machine_as_ours(void **state)
{
    struct member_memory m = held();

    (void)state;
    m.counted += 64;
    m.taken += 64;
    assert_false(checker_is_resting(&c, &m));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(memory_within_its_limits_passes),
        TEST(memory_of_store_above_its_limit_fails),
        TEST(memory_that_nobody_counted_fails),
        TEST(destroyed_with_memory_left_fails),
        TEST(resting_allows_what_is_kept_and_no_more),
        TEST(resting_does_not_rise_for_ever),
        TEST(resting_wants_the_state_machine_as_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_disk.c - a disk that loses what was not durable, and nothing else.
 */
#include "sim/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct disk disk;
static uint64_t seq;

static int setup(void **state)
{
    const struct disk_plan plan = { .latency_ns = 1000, .in_flight = 3 };

    (void)state;
    seq = 0;
    disk_init(&disk, &plan, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    disk_clear(&disk);
    return 0;
}

/* Append count promises, each of a round that is its seq. */
static void append(uint32_t count)
{
    while (count--) {
        const struct message r = { .type = RECORD_PROMISE,
                                   .ballot = { ++seq, 1 },
                                   .vote_seq = seq };

        disk_append(&disk, &r, seq);
    }
}

static uint64_t submit(void)
{
    uint64_t takes_ns = 0;
    const uint64_t number = disk_submit(&disk, &takes_ns);

    if (number) assert_true(takes_ns >= 1000);
    return number;
}

static void submit_empty_starts_no_write(void **state)
{
    (void)state;
    assert_int_equal(submit(), 0);
    append(1);
    assert_int_not_equal(submit(), 0);
    assert_int_equal(submit(), 0);
}

static void submit_groups_what_waits(void **state)
{
    (void)state;
    append(5);
    assert_int_equal(disk_on_written(&disk, submit()), 5);
    assert_int_equal(disk.durable, 5);
}

static void submit_beyond_in_flight_waits(void **state)
{
    uint64_t first;

    (void)state;
    append(1);
    first = submit();
    append(1);
    assert_int_not_equal(submit(), 0);
    append(1);
    assert_int_not_equal(submit(), 0);
    append(1);
    assert_int_equal(submit(), 0);
    disk_on_written(&disk, first);
    assert_int_not_equal(submit(), 0);
}

static void on_written_out_of_order_waits_for_the_first(void **state)
{
    uint64_t first;
    uint64_t second;

    (void)state;
    append(2);
    first = submit();
    append(3);
    second = submit();
    assert_int_equal(disk_on_written(&disk, second), 0);
    assert_int_equal(disk.durable, 0);
    assert_int_equal(disk_on_written(&disk, first), 5);
    assert_int_equal(disk.records[disk.durable - 1].seq, 5);
}

static void crash_keeps_what_is_durable(void **state)
{
    struct message r;

    (void)state;
    append(4);
    disk_on_written(&disk, submit());
    append(2); /* never handed to a write */
    assert_int_equal(disk_crash(&disk), 0);
    assert_int_equal(disk.count, 4);
    assert_int_equal(disk.lost, 2);
    assert_true(packet_record(disk.records[3].packet, &r));
    assert_int_equal(r.ballot.round, 4);
    assert_int_equal(disk.records[3].seq, 0);
}

/* A write that landed behind one that did not is not found by the scan. */
static void crash_in_flight_recovers_a_prefix(void **state)
{
    uint32_t seen[3] = { 0 };

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        disk_clear(&disk);
        setup(NULL);
        prng_init(&disk.random, i);
        append(1);
        submit();
        append(1);
        disk_on_written(&disk, submit()); /* the second one lands */
        disk_crash(&disk);
        assert_true(disk.count == 0 || disk.count == 2);
        seen[disk.count]++;
    }
    assert_true(seen[0] > 50);
    assert_true(seen[2] > 50);
}

static void crash_then_append_goes_on_behind(void **state)
{
    (void)state;
    append(3);
    disk_on_written(&disk, submit());
    append(2);
    disk_crash(&disk);
    append(1);
    assert_int_equal(disk_on_written(&disk, submit()), 1);
    assert_int_equal(disk.count, 4);
}

static void roll_back_loses_a_vote(void **state)
{
    const struct message last = { .type = RECORD_MARK, .ballot = { 1, 1 } };

    (void)state;
    append(3);
    disk_append(&disk, &last, ++seq);
    disk_on_written(&disk, submit());
    assert_true(disk_roll_back(&disk));
    assert_true(disk.count < 3);
    assert_int_equal(disk.durable, disk.count);
}

static void roll_back_without_votes_is_refused(void **state)
{
    const struct message life = { .type = RECORD_LIFE, .life.instance = 1 };

    (void)state;
    disk_append(&disk, &life, ++seq);
    disk_on_written(&disk, submit());
    assert_false(disk_roll_back(&disk));
    assert_int_equal(disk.count, 1);
}

int main(void)
{
#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DISK_TEST(submit_empty_starts_no_write),
        DISK_TEST(submit_groups_what_waits),
        DISK_TEST(submit_beyond_in_flight_waits),
        DISK_TEST(on_written_out_of_order_waits_for_the_first),
        DISK_TEST(crash_keeps_what_is_durable),
        DISK_TEST(crash_in_flight_recovers_a_prefix),
        DISK_TEST(crash_then_append_goes_on_behind),
        DISK_TEST(roll_back_loses_a_vote),
        DISK_TEST(roll_back_without_votes_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

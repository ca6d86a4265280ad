/*
 * test_disk.c - a disk that loses what was not durable, and nothing else.
 */
#include "sim/disk_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct disk disk;
static uint64_t seq;

static int setup(void **state)
{
    const struct disk_plan plan = { .latency_ns = 1000,
                                    .in_flight = 3,
                                    .segment_bytes = 16384 };

    (void)state;
    seq = 0;
    disk_init(&disk, &plan, 77, 1);
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
        prng_init(&disk.torn_random, i);
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

/* Writes count batches of three promises, all durable. */
static void write(uint32_t count)
{
    while (count--) {
        append(3);
        disk_on_written(&disk, submit());
    }
}

/* Whatever order they land in, what is found is a beginning of the log. */
static void crash_with_many_in_flight_keeps_what_landed_first(void **state)
{
    bool gap = false;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        disk_clear(&disk);
        setup(NULL);
        prng_init(&disk.random, i);
        prng_init(&disk.torn_random, i);
        write(2);
        for (uint32_t k = 0; k < 3; k++) {
            append(1);
            submit();
        }
        disk_crash(&disk);
        assert_null(disk.fault);
        assert_false(disk.corrupt);
        assert_in_range(disk.count, 6, 9);
        assert_int_equal(disk.durable, disk.count);
        assert_int_equal(disk.scanned, disk.batch_count);
        gap = gap || disk.lost > 1;
    }
    assert_true(gap);
}

/* The daemon's scan finds the end, whatever sectors are missing. */
static void crash_torn_ends_before_the_torn_batch(void **state)
{
    uint32_t whole = 0;
    uint32_t cut = 0;

    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        disk_clear(&disk);
        setup(NULL);
        prng_init(&disk.random, i);
        prng_init(&disk.torn_random, i);
        disk.plan.torn = 10000;
        write(1);
        append(60); /* some kilobytes: several sectors */
        submit();
        disk_crash(&disk);
        assert_null(disk.fault);
        assert_false(disk.corrupt);
        assert_int_equal(disk.torn, 1);
        assert_true(disk.count == 3 || disk.count == 63);
        whole += disk.count == 63;
        cut += disk.count == 3;
    }
    assert_true(cut > 200);
    assert_true(whole > 0); /* the sectors lost were zeros anyway */
}

/* One that landed behind a torn one is tail too, and is written over. */
static void crash_torn_before_landed_goes_on_behind(void **state)
{
    uint64_t second;

    (void)state;
    write(2);
    append(40);
    submit();
    append(1);
    second = submit();
    disk_on_written(&disk, second);
    disk.plan.torn = 10000;
    for (disk.random.s[0] = 1; disk.count != 6;) {
        disk_crash(&disk);
        assert_null(disk.fault);
    }
    assert_int_equal(disk.batch_count, 2);
    write(3);
    disk_crash(&disk);
    assert_null(disk.fault);
    assert_int_equal(disk.batch_count, 5);
    assert_int_equal(disk.scan.sequence, 6);
    assert_int_equal(disk.scan.incarnation, 2);
}

static void crash_after_segments_reads_them_all(void **state)
{
    (void)state;
    write(20);
    disk_scan_again(&disk);
    assert_null(disk.fault);
    assert_int_equal(disk.scanned, 20);
    assert_int_equal(disk.scan.segment, 6); /* four blocks to a segment */
}

static void rot_is_found_at_the_next_start(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        disk_clear(&disk);
        setup(NULL);
        prng_init(&disk.random, i);
        prng_init(&disk.torn_random, i);
        write(6);
        append(2);
        submit(); /* in flight, too */
        assert_true(disk_rot(&disk));
        disk_crash(&disk);
        assert_null(disk.fault);
        assert_true(disk.corrupt);
    }
}

static void rot_where_nothing_is_covered_is_refused(void **state)
{
    (void)state;
    assert_false(disk_rot(&disk));
    write(1);
    assert_false(disk_rot(&disk));
    write(1);
    assert_true(disk_rot(&disk));
    assert_int_not_equal(disk.batches[0].bit, 0);
}

static void read_of_a_flipped_batch_fails(void **state)
{
    (void)state;
    write(5);
    assert_true(disk_rot(&disk));
    for (uint32_t i = 0; i < disk.landed; i++) {
        assert_int_equal(disk_read(&disk, i), disk.batches[i].bit == 0);
    }
    assert_null(disk.fault);
}

static void fails_as_often_as_planned(void **state)
{
    uint32_t count = 0;

    (void)state;
    assert_false(disk_fails(&disk));
    disk.plan.error = 2500;
    for (uint32_t i = 0; i < 1000; i++) count += disk_fails(&disk);
    assert_in_range(count, 200, 300);
    assert_int_equal(disk.errors, count);
}

static void submit_slow_or_stalled_takes_longer(void **state)
{
    uint64_t longest_ns = 0;

    (void)state;
    disk.slow_ns = 50000;
    for (uint32_t i = 0; i < 50; i++) {
        uint64_t takes_ns = 0;

        append(1);
        disk_on_written(&disk, disk_submit(&disk, &takes_ns));
        longest_ns = takes_ns > longest_ns ? takes_ns : longest_ns;
    }
    assert_in_range(longest_ns, 30000, 51000);
    disk.slow_ns = 0;
    disk.plan.stall = 10000;
    disk.plan.stall_ns = 90000;
    append(1);
    submit();
    assert_int_equal(disk.stalls, 1);
    disk_calm(&disk);
    append(1);
    submit();
    assert_int_equal(disk.stalls, 1);
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
        DISK_TEST(crash_with_many_in_flight_keeps_what_landed_first),
        DISK_TEST(crash_torn_ends_before_the_torn_batch),
        DISK_TEST(crash_torn_before_landed_goes_on_behind),
        DISK_TEST(crash_after_segments_reads_them_all),
        DISK_TEST(rot_is_found_at_the_next_start),
        DISK_TEST(rot_where_nothing_is_covered_is_refused),
        DISK_TEST(read_of_a_flipped_batch_fails),
        DISK_TEST(fails_as_often_as_planned),
        DISK_TEST(submit_slow_or_stalled_takes_longer),
        DISK_TEST(roll_back_loses_a_vote),
        DISK_TEST(roll_back_without_votes_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

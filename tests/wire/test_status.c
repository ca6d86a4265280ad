/*
 * test_status.c - the status of a member as bytes.
 */
#include "wire/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Every field differs, every list and text is as long as it may be. */
static struct status status_example(void)
{
    struct status s = {
        .id = 255,
        .role = ROLE_PROVISIONAL,
        .leader = 2,
        .confirmed = 1,
        .sync = 1,
        .io_ring = 0,
        .ballot_round = 11,
        .ballot_node = 2,
        .promised_round = UINT64_MAX,
        .promised_node = 4,
        .chosen = 13,
        .executed = 12,
        .state_hash = 14,
        .keys = 15,
        .log_bytes = 16,
        .memory_bytes = 17,
        .uptime_s = 18,
        .wall_us = UINT64_MAX - 1,
        .mtu = 65507,
        .priority = 19,
        .draining = 1,
        .disk_age_us = 20,
        .noops_in_time = 21,
        .noop_p50_us = 22,
        .noop_max_us = UINT64_MAX,
        .member_count = STATUS_MEMBERS_MAX,
        .counter_count = COUNTER_COUNT,
        .role_count = STATUS_ROLES_MAX,
        .roles = { { 1, 2, 3, 4, 5, 6 }, { 0 }, { 1, UINT32_MAX } },
        .drop_pct = 100,
        .delay_ms = 10000,
    };

    memset(s.cluster, 'c', STATUS_NAME_MAX - 1);
    memset(s.group, 'g', STATUS_ADDR_MAX - 1);
    memset(s.reason, 'r', STATUS_REASON_MAX - 1);
    for (unsigned i = 0; i < STATUS_MEMBERS_MAX; i++) {
        s.members[i].id = (uint8_t)(i + 1);
        s.members[i].ways = (uint8_t)(i % 8);
        memset(s.members[i].addr, '1' + (int)i, STATUS_ADDR_MAX - 1);
    }
    for (unsigned i = 0; i < COUNTER_COUNT; i++) s.counters[i] = 100 + i;
    return s;
}

static size_t encoded(const struct status *s, uint8_t *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);

    status_encode(s, &w);
    assert_true(writer_ok(&w));
    return writer_len(&w);
}

static int decoded(struct status *s, const uint8_t *at, size_t len)
{
    struct reader r = reader_of(at, len);

    return status_decode(s, &r);
}

static void decode_of_encoded_gives_the_same(void **state)
{
    uint8_t buffer[1200];
    const struct status s = status_example();
    struct status got;
    const size_t len = encoded(&s, buffer, sizeof buffer);

    (void)state;
    assert_int_equal(decoded(&got, buffer, len), 0);
    assert_memory_equal(&got.members, &s.members, sizeof s.members);
    assert_memory_equal(&got.counters, &s.counters, sizeof s.counters);
    assert_string_equal(got.cluster, s.cluster);
    assert_string_equal(got.group, s.group);
    assert_string_equal(got.reason, s.reason);
    assert_int_equal(got.id, 255);
    assert_int_equal(got.role, ROLE_PROVISIONAL);
    assert_int_equal(got.leader, 2);
    assert_int_equal(got.confirmed, 1);
    assert_int_equal(got.sync, 1);
    assert_int_equal(got.io_ring, 0);
    assert_int_equal(got.ballot_round, 11);
    assert_int_equal(got.ballot_node, 2);
    assert_int_equal(got.promised_round, UINT64_MAX);
    assert_int_equal(got.promised_node, 4);
    assert_int_equal(got.chosen, 13);
    assert_int_equal(got.executed, 12);
    assert_int_equal(got.state_hash, 14);
    assert_int_equal(got.keys, 15);
    assert_int_equal(got.log_bytes, 16);
    assert_int_equal(got.memory_bytes, 17);
    assert_int_equal(got.uptime_s, 18);
    assert_int_equal(got.wall_us, UINT64_MAX - 1);
    assert_int_equal(got.mtu, 65507);
    assert_int_equal(got.priority, 19);
    assert_int_equal(got.draining, 1);
    assert_int_equal(got.disk_age_us, 20);
    assert_int_equal(got.noops_in_time, 21);
    assert_int_equal(got.noop_p50_us, 22);
    assert_int_equal(got.noop_max_us, UINT64_MAX);
    assert_int_equal(got.member_count, STATUS_MEMBERS_MAX);
    assert_int_equal(got.counter_count, COUNTER_COUNT);
    assert_int_equal(got.role_count, STATUS_ROLES_MAX);
    assert_memory_equal(got.roles, s.roles, sizeof s.roles);
    assert_int_equal(got.drop_pct, 100);
    assert_int_equal(got.delay_ms, 10000);
}

static void decode_at_every_shorter_length_is_refused(void **state)
{
    uint8_t buffer[1200];
    const struct status s = status_example();
    struct status got;
    const size_t whole = encoded(&s, buffer, sizeof buffer);

    (void)state;
    for (size_t len = 0; len < whole; len++) {
        uint8_t *b = malloc(len ? len : 1);

        assert_non_null(b);
        memcpy(b, buffer, len);
        assert_int_equal(decoded(&got, b, len), -EBADMSG);
        free(b);
    }
}

static void decode_with_bytes_behind_is_refused(void **state)
{
    uint8_t buffer[1201] = { 0 };
    const struct status s = status_example();
    struct status got;
    const size_t len = encoded(&s, buffer, sizeof buffer - 1);

    (void)state;
    assert_int_equal(decoded(&got, buffer, len + 1), -EBADMSG);
}

/* An empty status is small, so that the places below are easy to count. */
static int decoded_with(size_t at, uint8_t value)
{
    uint8_t buffer[256];
    const struct status s = { .id = 1,
                              .member_count = 1,
                              .members = { { .id = 1, .addr = "a:1" } } };
    struct status got;
    const size_t len = encoded(&s, buffer, sizeof buffer);

    if (at < len) buffer[at] = value;
    return decoded(&got, buffer, len);
}

static void decode_of_a_lie_is_refused(void **state)
{
    (void)state;
    assert_int_equal(decoded_with(SIZE_MAX, 0), 0);
    assert_int_equal(decoded_with(3, 0), -EBADMSG); /* id */
    assert_int_equal(decoded_with(4, 3), 0);        /* role */
    assert_int_equal(decoded_with(4, 4), -EBADMSG);
    assert_int_equal(decoded_with(6, 2), -EBADMSG);    /* confirmed */
    assert_int_equal(decoded_with(7, 2), -EBADMSG);    /* sync */
    assert_int_equal(decoded_with(8, 2), -EBADMSG);    /* io_ring */
    assert_int_equal(decoded_with(0, 64), -EBADMSG);   /* length of a text */
    assert_int_equal(decoded_with(129, 10), -EBADMSG); /* members */
    assert_int_equal(decoded_with(129, 0), -EBADMSG);
    assert_int_equal(decoded_with(130, 0), -EBADMSG); /* a member's id */
    assert_int_equal(decoded_with(130, 9), 0);
    assert_int_equal(decoded_with(131, 7), 0); /* ways */
    assert_int_equal(decoded_with(131, 8), -EBADMSG);
    assert_int_equal(decoded_with(96, 2), -EBADMSG); /* draining */
    assert_int_equal(decoded_with(133, '\n'), -EBADMSG);
    assert_int_equal(decoded_with(133, '\0'), -EBADMSG);
    assert_int_equal(decoded_with(133, 0x7f), -EBADMSG);
    assert_int_equal(decoded_with(136, 1), -EBADMSG); /* counters */
    assert_int_equal(decoded_with(137, 4), -EBADMSG); /* roles */
    assert_int_equal(decoded_with(138, 100), 0);      /* drop_pct */
    assert_int_equal(decoded_with(138, 101), -EBADMSG);
}

static void decode_of_more_counters_than_known_skips_them(void **state)
{
    uint8_t buffer[1200];
    struct status s = status_example();
    struct status got;
    size_t len;

    (void)state;
    s.member_count = 0;
    s.counter_count = 0;
    s.role_count = 0;
    s.drop_pct = 0;
    s.delay_ms = 0;
    len = encoded(&s, buffer, sizeof buffer) - 6; /* roles and faults: none */
    buffer[len - 1] = COUNTER_COUNT + 2;
    for (uint64_t i = 0; i < COUNTER_COUNT + 2; i++, len += 8)
        store64(buffer + len, i);
    memset(buffer + len, 0, 6);
    len += 6;
    assert_int_equal(decoded(&got, buffer, len), 0);
    assert_int_equal(got.counter_count, COUNTER_COUNT);
    assert_int_equal(got.counters[COUNTER_COUNT - 1], COUNTER_COUNT - 1);
}

/* Nine members, all texts and numbers at their longest, all roles down, all
 * faults in force: it leaves in one datagram at every mtu. */
static void encode_of_the_worst_case_fits_beside_cookie_and_token(void **state)
{
    const size_t room = 1200 - 2 * sizeof(uint64_t);
    uint8_t buffer[1200];
    struct status s, got;
    size_t len;

    (void)state;
    memset(&s, 0xff, sizeof s);
    s.role = ROLE_PROVISIONAL;
    s.confirmed = s.sync = s.io_ring = s.draining = 1;
    memset(s.cluster, 'c', STATUS_NAME_MAX);
    s.cluster[STATUS_NAME_MAX - 1] = '\0';
    memset(s.group, 'g', STATUS_ADDR_MAX);
    s.group[STATUS_ADDR_MAX - 1] = '\0';
    memset(s.reason, 'r', STATUS_REASON_MAX);
    s.reason[STATUS_REASON_MAX - 1] = '\0';
    s.member_count = STATUS_MEMBERS_MAX;
    for (unsigned i = 0; i < STATUS_MEMBERS_MAX; i++) {
        s.members[i].ways = STATUS_HEARD | STATUS_LINK | STATUS_UNICAST;
        memset(s.members[i].addr, '1', STATUS_ADDR_MAX);
        s.members[i].addr[STATUS_ADDR_MAX - 1] = '\0';
    }
    s.counter_count = COUNTER_COUNT;
    s.role_count = STATUS_ROLES_MAX;
    for (unsigned i = 0; i < STATUS_ROLES_MAX; i++) s.roles[i].up = 0;
    s.drop_pct = 100;

    len = encoded(&s, buffer, room);
    assert_int_equal(decoded(&got, buffer, len), 0);
    assert_memory_equal(got.members, s.members, sizeof s.members);
    assert_int_equal(got.roles[2].mttr_ms, UINT32_MAX);
    assert_int_equal(got.delay_ms, UINT32_MAX);
}

static void every_counter_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        assert_non_null(status_counter_name(i));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(status_counter_name(i),
                                    status_counter_name(j));
    }
    assert_null(status_counter_name(COUNTER_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_of_encoded_gives_the_same),
        cmocka_unit_test(decode_at_every_shorter_length_is_refused),
        cmocka_unit_test(decode_with_bytes_behind_is_refused),
        cmocka_unit_test(decode_of_a_lie_is_refused),
        cmocka_unit_test(decode_of_more_counters_than_known_skips_them),
        cmocka_unit_test(encode_of_the_worst_case_fits_beside_cookie_and_token),
        cmocka_unit_test(every_counter_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

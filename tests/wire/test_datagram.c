/*
 * test_datagram.c - heads: what is sealed opens, and nothing else does.
 */
#include "base/crc32c.h"
#include "wire/datagram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define SIZE 200u

static const struct datagram_head example = {
    .kind = DATAGRAM_PEER,
    .sender = 3,
    .part = 1,
    .parts = 2,
    .cluster = 0x1122334455667788u,
    .incarnation = 7,
    .nonce = UINT64_MAX,
    .counter = 42,
};

/* A sealed datagram in memory of exactly len bytes: asan sees a step beyond. */
static uint8_t *sealed(const struct datagram_head *head, size_t len)
{
    uint8_t *d = malloc(len);

    assert_non_null(d);
    memset(d, 0x5a, len);
    datagram_seal(d, len, head);
    return d;
}

/* Make the checksum right again after a byte was changed. */
static void reseal(uint8_t *d, size_t len)
{
    store32(d + 8, crc32c(crc32c(0, d, 8), d + 12, len - 12));
}

static void open_of_sealed_gives_head(void **state)
{
    struct datagram_head head;
    uint8_t *d = sealed(&example, SIZE);

    (void)state;
    assert_int_equal(datagram_open(d, SIZE, &head), DATAGRAM_OK);
    assert_int_equal(head.kind, example.kind);
    assert_int_equal(head.sender, example.sender);
    assert_int_equal(head.part, example.part);
    assert_int_equal(head.parts, example.parts);
    assert_int_equal(head.cluster, example.cluster);
    assert_int_equal(head.incarnation, example.incarnation);
    assert_int_equal(head.nonce, example.nonce);
    assert_int_equal(head.counter, example.counter);
    assert_memory_equal(d, "PXKV", 4);
    assert_int_equal(d[DATAGRAM_HEAD], 0x5a);
    free(d);
}

static void open_with_empty_body_is_ok(void **state)
{
    struct datagram_head head;
    uint8_t *d = sealed(&example, DATAGRAM_HEAD);

    (void)state;
    assert_int_equal(datagram_open(d, DATAGRAM_HEAD, &head), DATAGRAM_OK);
    free(d);
}

static void open_at_every_shorter_length_is_refused(void **state)
{
    struct datagram_head head;
    uint8_t *whole = sealed(&example, SIZE);

    (void)state;
    for (size_t len = 0; len < SIZE; len++) {
        uint8_t *d = malloc(len ? len : 1);
        enum datagram_fault fault;

        assert_non_null(d);
        memcpy(d, whole, len);
        fault = datagram_open(d, len, &head);
        assert_int_equal(fault, len < DATAGRAM_HEAD ? DATAGRAM_SHORT
                                                    : DATAGRAM_BAD_CHECKSUM);
        free(d);
    }
    free(whole);
}

static void open_with_any_bit_flipped_is_refused(void **state)
{
    struct datagram_head head;
    uint8_t *d = sealed(&example, SIZE);

    (void)state;
    for (size_t bit = 0; bit < (size_t)SIZE * 8; bit++) {
        const size_t at = bit / 8;
        const uint8_t mask = (uint8_t)(1u << bit % 8);

        d[at] ^= mask;
        assert_int_not_equal(datagram_open(d, SIZE, &head), DATAGRAM_OK);
        d[at] ^= mask;
    }
    assert_int_equal(datagram_open(d, SIZE, &head), DATAGRAM_OK);
    free(d);
}

/* Each fault has its own name, so that it is counted by reason. */
static void open_names_the_fault(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum datagram_fault fault;
    } cases[] = {
        { 0, 'Q', DATAGRAM_BAD_MAGIC },
        { 4, 2, DATAGRAM_BAD_VERSION },
        { 4, 0, DATAGRAM_BAD_VERSION },
        { 5, 0, DATAGRAM_BAD_KIND },
        { 5, DATAGRAM_ADMIN + 1, DATAGRAM_BAD_KIND },
        { 5, 255, DATAGRAM_BAD_KIND },
        { 7, 1, DATAGRAM_BAD_HEAD },
        { 12, 2, DATAGRAM_BAD_HEAD },
        { 13, 1, DATAGRAM_BAD_HEAD },
        { 14, 0, DATAGRAM_BAD_HEAD },
        { 14, 129, DATAGRAM_BAD_HEAD },
        { 15, 255, DATAGRAM_BAD_HEAD },
        { 24, 1, DATAGRAM_BAD_HEAD },
        { 28, 1, DATAGRAM_BAD_HEAD },
        { 56, 1, DATAGRAM_BAD_HEAD },
        { 71, 128, DATAGRAM_BAD_HEAD },
        { 5, DATAGRAM_REPLY, DATAGRAM_BAD_HEAD }, /* in parts */
        { 14, 128, DATAGRAM_OK },
        { 40, 9, DATAGRAM_OK },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct datagram_head head;
        uint8_t *d = sealed(&example, SIZE);

        d[cases[i].at] = cases[i].value;
        reseal(d, SIZE);
        assert_int_equal(datagram_open(d, SIZE, &head), cases[i].fault);
        free(d);
    }
}

static void body_max_counts_ip_and_udp_heads(void **state)
{
    (void)state;
    assert_int_equal(datagram_body_max(1500, false), 1500 - 28 - 72);
    assert_int_equal(datagram_body_max(1500, true), 1500 - 48 - 72);
    assert_int_equal(datagram_body_max(65535, false), 65507 - 72);
    assert_int_equal(datagram_body_max(70000, true), 65507 - 72);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_of_sealed_gives_head),
        cmocka_unit_test(open_with_empty_body_is_ok),
        cmocka_unit_test(open_at_every_shorter_length_is_refused),
        cmocka_unit_test(open_with_any_bit_flipped_is_refused),
        cmocka_unit_test(open_names_the_fault),
        cmocka_unit_test(body_max_counts_ip_and_udp_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_segment.c - batches and the verdict on the end of a log, on a small log
 * in memory: every bit flipped, every length cut, every batch lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/segment.h"

#include <string.h>

#define INSTANCE    0x1122334455667788u
#define SEGMENTS    2u
#define SEGMENT_LEN (6 * SEGMENT_BLOCK)
#define BATCHES     8u

/* A log of two segments; batch i + 1 is at[i] (segment 1..2, offset). */
struct small_log {
    uint8_t bytes[SEGMENTS][SEGMENT_LEN];
    size_t len[SEGMENTS]; /* of the files */
    struct batch_head heads[BATCHES];
};

/* Blocks, durable_upto, and whether the batch is the last of its segment. */
static const struct {
    uint32_t blocks;
    uint64_t durable_upto;
    uint16_t flags;
} plan[BATCHES] = {
    { 1, 0, 0 }, { 2, 1, 0 }, { 1, 1, 0 }, { 1, 1, SEGMENT_FLAG_LAST },
    { 1, 3, 0 }, { 1, 4, 0 }, { 2, 6, 0 }, { 1, 6, 0 },
};

static struct small_log log_, hurt;

static uint32_t fill(uint8_t *to, uint32_t room, uint64_t slot)
{
    static const uint8_t body[700] = "body";
    uint32_t used = 0;

    while (room - used >= SEGMENT_RECORD_HEAD + 4 + 700) {
        used += segment_put(to + used, (uint8_t)(slot % 250 + 1), slot,
                            bytes_of("head", 4),
                            bytes_of(body, 650 + (uint32_t)slot % 50));
        slot++;
    }
    return used;
}

static void build(struct small_log *l)
{
    struct batch_head before = { 0 };
    uint64_t segment = 1, offset = 0;

    memset(l, 0, sizeof *l);
    for (uint32_t i = 0; i < BATCHES; i++) {
        uint8_t *at = l->bytes[segment - 1] + offset;
        struct batch_head h = {
            .sequence = i + 1,
            .instance = INSTANCE,
            .segment = segment,
            .offset = offset,
            .incarnation = 1 + i / 3,
            .durable_upto = plan[i].durable_upto,
            .flags = plan[i].flags,
            .previous_crc = before.head_crc,
            .slot_low = 10 * i + 1,
            .slot_high = 10 * i + 9,
        };

        h.records_len = fill(at + SEGMENT_HEAD,
                             plan[i].blocks * SEGMENT_BLOCK - SEGMENT_HEAD,
                             h.slot_low);
        h.count = 0;
        for (uint32_t to = 0; to < h.records_len; h.count++)
            to += SEGMENT_RECORD_HEAD + load32(at + SEGMENT_HEAD + to);
        h.len = segment_batch_len(h.records_len);
        assert_int_equal(h.len, plan[i].blocks * SEGMENT_BLOCK);
        segment_seal(at, &h);
        l->heads[i] = before = h;
        offset = h.flags ? 0 : offset + h.len;
        segment += h.flags ? 1 : 0;
    }
    l->len[0] = l->len[1] = SEGMENT_LEN;
}

/* Walk the log as a reader does; *good is how many batches came. */
static enum segment_verdict verdict_of(const struct small_log *l,
                                       uint64_t *good)
{
    struct segment_scan s;
    uint64_t segment, offset;

    segment_scan_init(&s, INSTANCE);
    for (*good = 0; s.segment <= SEGMENTS; (*good)++) {
        const size_t len = l->len[s.segment - 1];
        const size_t left = s.offset < len ? len - s.offset : 0;

        if (segment_scan_next(&s, l->bytes[s.segment - 1] + s.offset, left) !=
            SEGMENT_GOOD)
            break;
    }
    offset = s.offset;
    for (segment = s.segment; segment <= SEGMENTS; segment++, offset = 0)
        for (; offset < l->len[segment - 1]; offset += SEGMENT_BLOCK)
            if (segment_scan_behind(
                    &s, segment, offset, l->bytes[segment - 1] + offset,
                    l->len[segment - 1] - offset) == SEGMENT_CORRUPT)
                return SEGMENT_CORRUPT;
    return SEGMENT_BAD;
}

/* The batch that owns a byte of a segment, or BATCHES for none. */
static uint32_t owner_of(uint64_t segment, uint64_t at)
{
    for (uint32_t i = 0; i < BATCHES; i++) {
        const struct batch_head *h = &log_.heads[i];

        if (h->segment == segment && at >= h->offset && at < h->offset + h->len)
            return i;
    }
    return BATCHES;
}

/* What must be said when the batches in the set `bad` are bad: heads of the
 * others are whole. */
static enum segment_verdict expected(uint32_t bad, uint64_t *good)
{
    uint32_t first = 0;

    while (first < BATCHES && !(bad & 1u << first)) first++;
    *good = first;
    for (uint32_t i = first + 1; i < BATCHES; i++)
        if (!(bad & 1u << i) && plan[i].durable_upto >= first + 1)
            return SEGMENT_CORRUPT;
    return SEGMENT_BAD;
}

static void check(const struct small_log *l, uint32_t bad, const char *what,
                  size_t at)
{
    uint64_t good, want_good;
    const enum segment_verdict want = expected(bad, &want_good);
    const enum segment_verdict got = verdict_of(l, &good);

    if (got != want || good != want_good)
        fail_msg("%s %zu: verdict %d after %d batches, not %d after %d", what,
                 at, got, (int)good, want, (int)want_good);
}

static void scan_of_whole_log_finds_all_batches(void **state)
{
    (void)state;
    check(&log_, 0, "whole", 0);
}

static void scan_with_any_bit_flipped_gives_the_verdict(void **state)
{
    (void)state;
    hurt = log_;
    for (uint32_t s = 0; s < SEGMENTS; s++)
        for (size_t bit = 0; bit < 8 * SEGMENT_LEN; bit++) {
            const uint32_t owner = owner_of(s + 1, bit / 8);

            hurt.bytes[s][bit / 8] ^= (uint8_t)(1u << bit % 8);
            /* Flip all bits of the head, one in each byte of the rest. */
            if (bit / 8 % SEGMENT_BLOCK < 200 || bit % 8 == bit / 8 % 8)
                check(&hurt, owner < BATCHES ? 1u << owner : 0, "bit", bit);
            hurt.bytes[s][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
}

static void scan_of_any_length_gives_the_verdict(void **state)
{
    (void)state;
    for (uint32_t s = 0; s < SEGMENTS; s++) {
        hurt = log_;
        for (size_t len = 0; len <= SEGMENT_LEN; len++) {
            uint32_t bad = 0;

            for (uint32_t i = 0; i < BATCHES; i++) {
                const struct batch_head *h = &log_.heads[i];

                if (h->segment == s + 1 && h->offset + h->len > len)
                    bad |= 1u << i;
            }
            hurt.len[s] = len;
            check(&hurt, bad, "length", len);
        }
    }
}

/* Every subset of batches may have failed to land. */
static void scan_without_any_batches_gives_the_verdict(void **state)
{
    (void)state;
    for (uint32_t bad = 0; bad < 1u << BATCHES; bad++) {
        hurt = log_;
        for (uint32_t i = 0; i < BATCHES; i++) {
            const struct batch_head *h = &log_.heads[i];

            if (bad & 1u << i)
                memset(hurt.bytes[h->segment - 1] + h->offset, 0, h->len);
        }
        check(&hurt, bad, "subset", bad);
    }
}

/* Torn in the middle: some sectors of a batch are old zeros. */
static void scan_with_any_sector_lost_gives_the_verdict(void **state)
{
    (void)state;
    for (uint32_t s = 0; s < SEGMENTS; s++)
        for (size_t at = 0; at < SEGMENT_LEN; at += 512) {
            const uint32_t owner = owner_of(s + 1, at);
            static const uint8_t zeros[512];
            bool same;

            hurt = log_;
            same = memcmp(hurt.bytes[s] + at, zeros, 512) == 0;
            memset(hurt.bytes[s] + at, 0, 512);
            check(&hurt, owner < BATCHES && !same ? 1u << owner : 0, "sector",
                  at);
        }
}

/* A good batch in the wrong place, file or directory is none. */
static void head_of_another_place_is_refused(void **state)
{
    const struct batch_head *at = &log_.heads[1];
    const uint8_t *bytes = log_.bytes[0] + at->offset;
    struct batch_head h;

    (void)state;
    assert_true(segment_head(bytes, INSTANCE, 1, at->offset, &h));
    assert_memory_equal(&h.slot_low, &at->slot_low, sizeof h.slot_low);
    assert_int_equal(h.head_crc, at->head_crc);
    assert_int_equal(h.sequence, 2);
    assert_int_equal(h.count, at->count);
    assert_false(segment_head(bytes, INSTANCE + 1, 1, at->offset, &h));
    assert_false(segment_head(bytes, INSTANCE, 2, at->offset, &h));
    assert_false(segment_head(bytes, INSTANCE, 1, at->offset + 4096, &h));
}

static void block_of_another_instance_is_foreign(void **state)
{
    struct segment_scan s;

    (void)state;
    segment_scan_init(&s, INSTANCE + 1);
    assert_int_equal(segment_scan_next(&s, log_.bytes[0], SEGMENT_LEN),
                     SEGMENT_BAD);
    assert_int_equal(
        segment_scan_behind(&s, 1, 0, log_.bytes[0], SEGMENT_BLOCK),
        SEGMENT_FOREIGN);
    hurt = log_;
    hurt.bytes[0][100] ^= 1;
    assert_int_equal(
        segment_scan_behind(&s, 1, 0, hurt.bytes[0], SEGMENT_BLOCK),
        SEGMENT_BAD);
}

/* A batch that was good, of an older chain: its sequence is another's, or
 * what it follows is. */
static void batch_of_another_chain_is_bad(void **state)
{
    struct segment_scan s;

    (void)state;
    segment_scan_init(&s, INSTANCE);
    assert_int_equal(segment_scan_next(&s, log_.bytes[0], SEGMENT_LEN),
                     SEGMENT_GOOD);
    s.last.head_crc ^= 1;
    assert_int_equal(
        segment_scan_next(&s, log_.bytes[0] + s.offset, SEGMENT_BLOCK * 2),
        SEGMENT_BAD);
    s.last.head_crc ^= 1;
    s.sequence++;
    assert_int_equal(
        segment_scan_next(&s, log_.bytes[0] + s.offset, SEGMENT_BLOCK * 2),
        SEGMENT_BAD);
    s.sequence--;
    s.incarnation = 2;
    assert_int_equal(
        segment_scan_next(&s, log_.bytes[0] + s.offset, SEGMENT_BLOCK * 2),
        SEGMENT_BAD);
    s.incarnation = 1;
    assert_int_equal(
        segment_scan_next(&s, log_.bytes[0] + s.offset, SEGMENT_BLOCK * 2),
        SEGMENT_GOOD);
}

static void put_then_get_gives_the_records(void **state)
{
    uint8_t bytes[256];
    struct segment_record r;
    uint32_t len, at = 0;

    (void)state;
    len = segment_put(bytes, 7, 99, bytes_of("ab", 2), bytes_of("cde", 3));
    len += segment_put(bytes + len, 8, 0, bytes_of(NULL, 0), bytes_of(NULL, 0));
    assert_int_equal(len, 2 * SEGMENT_RECORD_HEAD + 5);
    assert_true(segment_get(bytes_of(bytes, len), &at, &r));
    assert_int_equal(r.type, 7);
    assert_int_equal(r.slot, 99);
    assert_true(bytes_equal(r.body, bytes_of("abcde", 5)));
    assert_true(segment_get(bytes_of(bytes, len), &at, &r));
    assert_int_equal(r.type, 8);
    assert_int_equal(r.body.len, 0);
    assert_false(segment_get(bytes_of(bytes, len), &at, &r));
    assert_int_equal(at, len);

    /* Every cut of it gives no more than is there. */
    for (uint32_t cut = 0; cut < len; cut++) {
        uint32_t count = 0;

        for (at = 0; segment_get(bytes_of(bytes, cut), &at, &r);) count++;
        assert_int_equal(count, cut >= SEGMENT_RECORD_HEAD + 5);
    }
}

/* Records that lie under a right checksum: only a wrong writer makes them. */
static void body_with_lying_records_is_refused(void **state)
{
    static uint8_t batch[SEGMENT_BLOCK];
    struct batch_head h = { .sequence = 1, .count = 1 };

    (void)state;
    h.records_len = segment_put(batch + SEGMENT_HEAD, 1, 1, bytes_of("x", 1),
                                bytes_of(NULL, 0));
    h.len = segment_batch_len(h.records_len);
    segment_seal(batch, &h);
    assert_true(segment_body_is_good(batch, &h));
    h.count = 2;
    segment_seal(batch, &h);
    assert_false(segment_body_is_good(batch, &h));
    h.count = 1;
    store32(batch + SEGMENT_HEAD, 2);
    segment_seal(batch, &h);
    assert_false(segment_body_is_good(batch, &h));
}

static int set_up(void **state)
{
    (void)state;
    build(&log_);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_of_whole_log_finds_all_batches),
        cmocka_unit_test(scan_with_any_bit_flipped_gives_the_verdict),
        cmocka_unit_test(scan_of_any_length_gives_the_verdict),
        cmocka_unit_test(scan_without_any_batches_gives_the_verdict),
        cmocka_unit_test(scan_with_any_sector_lost_gives_the_verdict),
        cmocka_unit_test(head_of_another_place_is_refused),
        cmocka_unit_test(block_of_another_instance_is_foreign),
        cmocka_unit_test(batch_of_another_chain_is_bad),
        cmocka_unit_test(put_then_get_gives_the_records),
        cmocka_unit_test(body_with_lying_records_is_refused),
    };

    return cmocka_run_group_tests_name("segment", tests, set_up, NULL);
}

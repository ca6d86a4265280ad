/*
 * fuzz_log.c - what a disk may bring: the bytes of a log, segments one behind
 * the other.
 */
#include "fuzz/fuzz.h"
#include "support/sample.h"

#include "base/crc32c.h"
#include "wire/record.h"
#include "wire/segment.h"

#define INSTANCE 1u

static struct sample sample;

/* ---- the target --------------------------------------------------------- */

/* There is one way to write a record: reading and writing it must agree. */
static void read_record(const struct segment_record *r)
{
    uint8_t head[RECORD_HEAD_MAX];
    struct writer w = writer_of(head, sizeof head);
    struct message m;
    struct bytes value;

    if (record_decode(&m, r->type, r->slot, r->body) < 0) {
        fuzz_touch(r->body);
        return;
    }
    record_encode(&m, &w);
    value = record_value(&m);
    FUZZ_CHECK(writer_ok(&w));
    FUZZ_CHECK(m.type == r->type);
    FUZZ_CHECK(record_slot(&m) == r->slot);
    FUZZ_CHECK(writer_len(&w) + value.len == r->body.len);
    FUZZ_CHECK(memcmp(head, r->body.at, writer_len(&w)) == 0);
    FUZZ_CHECK(value.len == 0 || value.at == r->body.at + writer_len(&w));
}

static void read_batch(const uint8_t *batch, const struct batch_head *h)
{
    const struct bytes records = segment_records(batch, h);
    struct segment_record r;
    uint32_t count = 0;
    uint32_t at = 0;

    while (segment_get(records, &at, &r)) {
        read_record(&r);
        count++;
    }
    FUZZ_CHECK(at == records.len);
    FUZZ_CHECK(count == h->count);
}

/* After the first bad batch, every block may be a witness. */
static void look_behind(const struct segment_scan *s, const uint8_t *data,
                        size_t size)
{
    for (size_t at = SEGMENT_BLOCK; at < size; at += SEGMENT_BLOCK) {
        const size_t left = size - at;
        const enum segment_verdict verdict = segment_scan_behind(
            s, s->segment, s->offset + at, data + at,
            left < SEGMENT_BLOCK ? left : SEGMENT_BLOCK);

        FUZZ_CHECK(verdict != SEGMENT_GOOD);
        if (verdict == SEGMENT_CORRUPT) return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_scan s;

    segment_scan_init(&s, INSTANCE);
    while (segment_scan_next(&s, data, size) == SEGMENT_GOOD) {
        FUZZ_CHECK(s.last.len > 0 && s.last.len <= size);
        read_batch(data, &s.last);
        data += s.last.len;
        size -= s.last.len;
    }
    look_behind(&s, data, size);
    return 0;
}

/* ---- the mutator -------------------------------------------------------- */

static bool type_has_value(uint8_t type)
{
    return type == RECORD_ACCEPT || type == RECORD_CHOSEN;
}

/* Mend the checksums of the values in a run of records. */
static void mend_values(uint8_t *records, uint32_t len)
{
    struct segment_record r;
    uint32_t at = 0;

    while (segment_get(bytes_of(records, len), &at, &r)) {
        uint8_t *value = records + at - r.body.len + RECORD_VALUE_HEAD;
        const uint32_t value_len = r.body.len - RECORD_VALUE_HEAD;

        if (!type_has_value(r.type)) continue;
        if (r.body.len < RECORD_VALUE_HEAD + VALUE_HEAD) continue;
        store32(value, crc32c(0, value + 4, value_len - 4));
    }
}

/* Mend what a batch says of its records, and its checksums. */
static void mend_batch(uint8_t *batch, uint32_t len)
{
    const uint32_t room = len - SEGMENT_HEAD;
    uint32_t records_len = load32(batch + 20);
    struct segment_record r;
    uint32_t count = 0;
    uint32_t at = 0;

    if (records_len > room) records_len = room;
    mend_values(batch + SEGMENT_HEAD, records_len);
    while (segment_get(bytes_of(batch + SEGMENT_HEAD, records_len), &at, &r))
        count++;
    store32(batch + 16, segment_batch_len(at));
    store32(batch + 20, at);
    store32(batch + 24, count);
    len = segment_batch_len(at) < len ? segment_batch_len(at) : len;
    store32(batch + 8, crc32c(0, batch + SEGMENT_HEAD, len - SEGMENT_HEAD));
    store32(batch + 4, crc32c(0, batch + 8, SEGMENT_HEAD - 8));
}

static void mend_log(uint8_t *data, size_t size)
{
    uint32_t previous = 0;

    while (size >= SEGMENT_BLOCK) {
        uint32_t len = load32(data + 16);

        if (load32(data) != SEGMENT_MAGIC || len < SEGMENT_BLOCK || len > size)
            len = SEGMENT_BLOCK;
        store32(data, SEGMENT_MAGIC);
        store32(data + 28, previous);
        mend_batch(data, len);
        previous = load32(data + 4);
        len &= ~(SEGMENT_BLOCK - 1);
        data += len;
        size -= len;
    }
}

/* Records of all kinds into a batch; returns their bytes. */
static uint32_t make_records(uint8_t *to, uint32_t room, uint32_t *count,
                             struct prng *p)
{
    uint32_t used = 0;

    for (*count = 0; *count < 20; (*count)++) {
        const uint8_t type = (uint8_t)prng_range(p, RECORD_PROMISE,
                                                 RECORD_REFUSED);
        uint8_t head[RECORD_HEAD_MAX];
        struct writer w = writer_of(head, sizeof head);
        const struct message *m = &sample.message;

        sample_make(&sample, type, 200, p);
        record_encode(m, &w);
        if (used + SEGMENT_RECORD_HEAD + writer_len(&w) + record_value(m).len >
            room)
            break;
        used += segment_put(to + used, type, record_slot(m),
                            bytes_of(head, (uint32_t)writer_len(&w)),
                            record_value(m));
    }
    return used;
}

/* A log of some batches, as many as fit; the last may open a segment. */
static size_t make_log(uint8_t *data, size_t size_max, struct prng *p)
{
    struct batch_head h = { .instance = INSTANCE, .segment = 1 };
    size_t size = 0;

    for (uint64_t i = prng_range(p, 1, 6); i > 0; i--) {
        const bool last = prng_below(p, 3) == 0;

        if (size_max - size < 2 * SEGMENT_BLOCK) break;
        h.previous_crc = h.head_crc;
        h.flags = last ? SEGMENT_FLAG_LAST : 0;
        h.sequence++;
        h.incarnation += prng_below(p, 2);
        h.durable_upto = prng_below(p, h.sequence);
        h.records_len = make_records(data + size + SEGMENT_HEAD,
                                     2 * SEGMENT_BLOCK - SEGMENT_HEAD, &h.count,
                                     p);
        h.len = segment_batch_len(h.records_len);
        segment_seal(data + size, &h);
        size += h.len;
        h.offset = last ? 0 : h.offset + h.len;
        h.segment += last;
    }
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max,
                               unsigned seed)
{
    struct prng p;

    prng_init(&p, seed);
    if (size < SEGMENT_BLOCK && size_max >= 2 * SEGMENT_BLOCK)
        return make_log(data, size_max, &p);
    size = LLVMFuzzerMutate(data, size, size_max);
    if (prng_below(&p, 16)) mend_log(data, size);
    return size;
}

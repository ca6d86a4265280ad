/* segment.c - see segment.h. */
#include "wire/segment.h"

#include "base/assert.h"
#include "base/crc32c.h"

enum {
    AT_MAGIC = 0,
    AT_HEAD_CRC = 4,
    AT_BODY_CRC = 8,
    AT_VERSION = 12,
    AT_FLAGS = 14,
    AT_LEN = 16,
    AT_RECORDS_LEN = 20,
    AT_COUNT = 24,
    AT_PREVIOUS_CRC = 28,
    AT_SEQUENCE = 32,
    AT_INSTANCE = 40,
    AT_SEGMENT = 48,
    AT_OFFSET = 56,
    AT_INCARNATION = 64,
    AT_DURABLE_UPTO = 72,
    AT_SLOT_LOW = 80,
    AT_SLOT_HIGH = 88,
    AT_PREVIOUS_LOW = 96,
    AT_PREVIOUS_HIGH = 104,
};

uint32_t segment_put(uint8_t *to, uint8_t type, uint64_t slot,
                     struct bytes head, struct bytes body)
{
    ASSERT(head.len <= SEGMENT_BATCH_MAX);
    ASSERT(body.len <= SEGMENT_BATCH_MAX);

    store32(to, head.len + body.len);
    store32(to + 4, type);
    store64(to + 8, slot);
    to += SEGMENT_RECORD_HEAD;
    if (head.len) memcpy(to, head.at, head.len);
    if (body.len) memcpy(to + head.len, body.at, body.len);
    return SEGMENT_RECORD_HEAD + head.len + body.len;
}

bool segment_get(struct bytes records, uint32_t *at, struct segment_record *r)
{
    const uint32_t left = records.len - *at;
    const uint8_t *p = records.at + *at;
    uint32_t len;

    ASSERT(*at <= records.len);
    if (left < SEGMENT_RECORD_HEAD) return false;
    len = load32(p);
    if (len > left - SEGMENT_RECORD_HEAD) return false;

    r->type = p[4];
    r->slot = load64(p + 8);
    r->body = bytes_of(p + SEGMENT_RECORD_HEAD, len);
    *at += SEGMENT_RECORD_HEAD + len;
    return true;
}

void segment_seal(uint8_t *batch, struct batch_head *h)
{
    const uint32_t used = SEGMENT_HEAD + h->records_len;

    ASSERT(h->len == segment_batch_len(h->records_len));
    ASSERT(h->sequence > h->durable_upto);

    memset(batch, 0, SEGMENT_HEAD);
    memset(batch + used, 0, h->len - used);
    store32(batch + AT_MAGIC, SEGMENT_MAGIC);
    store16(batch + AT_VERSION, SEGMENT_VERSION);
    store16(batch + AT_FLAGS, h->flags);
    store32(batch + AT_LEN, h->len);
    store32(batch + AT_RECORDS_LEN, h->records_len);
    store32(batch + AT_COUNT, h->count);
    store32(batch + AT_PREVIOUS_CRC, h->previous_crc);
    store64(batch + AT_SEQUENCE, h->sequence);
    store64(batch + AT_INSTANCE, h->instance);
    store64(batch + AT_SEGMENT, h->segment);
    store64(batch + AT_OFFSET, h->offset);
    store64(batch + AT_INCARNATION, h->incarnation);
    store64(batch + AT_DURABLE_UPTO, h->durable_upto);
    store64(batch + AT_SLOT_LOW, h->slot_low);
    store64(batch + AT_SLOT_HIGH, h->slot_high);
    store64(batch + AT_PREVIOUS_LOW, h->previous_low);
    store64(batch + AT_PREVIOUS_HIGH, h->previous_high);
    store32(batch + AT_BODY_CRC,
            crc32c(0, batch + SEGMENT_HEAD, h->len - SEGMENT_HEAD));
    h->head_crc = crc32c(0, batch + AT_BODY_CRC, SEGMENT_HEAD - AT_BODY_CRC);
    store32(batch + AT_HEAD_CRC, h->head_crc);
}

static void head_read(const uint8_t *bytes, struct batch_head *h)
{
    h->head_crc = load32(bytes + AT_HEAD_CRC);
    h->flags = load16(bytes + AT_FLAGS);
    h->len = load32(bytes + AT_LEN);
    h->records_len = load32(bytes + AT_RECORDS_LEN);
    h->count = load32(bytes + AT_COUNT);
    h->previous_crc = load32(bytes + AT_PREVIOUS_CRC);
    h->sequence = load64(bytes + AT_SEQUENCE);
    h->instance = load64(bytes + AT_INSTANCE);
    h->segment = load64(bytes + AT_SEGMENT);
    h->offset = load64(bytes + AT_OFFSET);
    h->incarnation = load64(bytes + AT_INCARNATION);
    h->durable_upto = load64(bytes + AT_DURABLE_UPTO);
    h->slot_low = load64(bytes + AT_SLOT_LOW);
    h->slot_high = load64(bytes + AT_SLOT_HIGH);
    h->previous_low = load64(bytes + AT_PREVIOUS_LOW);
    h->previous_high = load64(bytes + AT_PREVIOUS_HIGH);
}

static bool head_is_whole(const uint8_t *bytes)
{
    return load32(bytes + AT_MAGIC) == SEGMENT_MAGIC &&
           load16(bytes + AT_VERSION) == SEGMENT_VERSION &&
           load32(bytes + AT_HEAD_CRC) ==
               crc32c(0, bytes + AT_BODY_CRC, SEGMENT_HEAD - AT_BODY_CRC);
}

bool segment_head(const uint8_t *bytes, uint64_t instance, uint64_t segment,
                  uint64_t offset, struct batch_head *h)
{
    if (!head_is_whole(bytes)) return false;
    head_read(bytes, h);
    if (h->instance != instance) return false;
    if (h->segment != segment || h->offset != offset) return false;
    /* What follows cannot be wrong by damage, only by another writer. */
    if (h->records_len > SEGMENT_BATCH_MAX - SEGMENT_BLOCK) return false;
    if (h->len != segment_batch_len(h->records_len)) return false;
    return h->sequence > h->durable_upto;
}

bool segment_body_is_good(const uint8_t *batch, const struct batch_head *h)
{
    const struct bytes records = segment_records(batch, h);
    struct segment_record r;
    uint32_t at = 0;
    uint32_t count = 0;

    if (load32(batch + AT_BODY_CRC) !=
        crc32c(0, batch + SEGMENT_HEAD, h->len - SEGMENT_HEAD))
        return false;
    while (segment_get(records, &at, &r)) count++;
    return at == records.len && count == h->count;
}

void segment_scan_init(struct segment_scan *s, uint64_t instance)
{
    *s = (struct segment_scan){ .instance = instance,
                                .segment = 1,
                                .sequence = 1 };
}

/* True if h is the batch that the chain goes on with. */
static bool scan_continues(const struct segment_scan *s,
                           const struct batch_head *h)
{
    return h->sequence == s->sequence && h->previous_crc == s->last.head_crc &&
           h->incarnation >= s->incarnation;
}

enum segment_verdict segment_scan_next(struct segment_scan *s,
                                       const uint8_t *bytes, size_t len)
{
    struct batch_head h;

    if (len < SEGMENT_BLOCK) return SEGMENT_BAD;
    if (!segment_head(bytes, s->instance, s->segment, s->offset, &h))
        return SEGMENT_BAD;
    if (h.len > len || !scan_continues(s, &h)) return SEGMENT_BAD;
    if (!segment_body_is_good(bytes, &h)) return SEGMENT_BAD;

    s->last = h;
    s->sequence++;
    s->incarnation = h.incarnation;
    if (h.durable_upto > s->durable_upto) s->durable_upto = h.durable_upto;
    s->offset += h.len;
    if (h.flags & SEGMENT_FLAG_LAST) {
        s->segment++;
        s->offset = 0;
    }
    return SEGMENT_GOOD;
}

enum segment_verdict segment_scan_behind(const struct segment_scan *s,
                                         uint64_t segment, uint64_t offset,
                                         const uint8_t *block, size_t len)
{
    struct batch_head h;

    ASSERT(segment >= s->segment);
    if (len < SEGMENT_HEAD || !head_is_whole(block)) return SEGMENT_BAD;
    if (load64(block + AT_INSTANCE) != s->instance) return SEGMENT_FOREIGN;
    if (!segment_head(block, s->instance, segment, offset, &h))
        return SEGMENT_BAD;
    return h.durable_upto >= s->sequence ? SEGMENT_CORRUPT : SEGMENT_BAD;
}

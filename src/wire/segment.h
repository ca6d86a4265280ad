/*
 * segment.h - the log on disk: batches of records in segments, and the verdict
 * on its end.
 *
 * A segment is a file of preallocated zeros, filled with batches from its
 * start.  A batch is a multiple of SEGMENT_BLOCK bytes, at such an offset:
 *
 *    0  u32  magic "PXKB"
 *    4  u32  head_crc     crc32c of bytes 8 to 127
 *    8  u32  body_crc     crc32c of bytes 128 to the end of the batch
 *   12  u16  version, 1
 *   14  u16  flags        bit 0: the next batch opens the next segment
 *   16  u32  len          of the batch, padding included
 *   20  u32  records_len  bytes of records, from 128
 *   24  u32  count        of records
 *   28  u32  previous_crc head_crc of the batch before, 0 in the first
 *   32  u64  sequence     1 for the first batch of the log, then 2, 3...
 *   40  u64  instance     of the data directory
 *   48  u64  segment      number of the file, 1 for the first
 *   56  u64  offset       of the batch in the file
 *   64  u64  incarnation  of the writer, never falling: above that of every
 *                         batch found at its start
 *   72  u64  durable_upto every batch up to this sequence was durable when
 *                         this one was made
 *   80  u64  slot_low     lowest and highest slot of the records, 0: none
 *   88  u64  slot_high
 *   96  u64  previous_low the same of the batch before
 *  104  u64  previous_high
 *  112  16   zero
 *  128  records, then zeros
 *
 * A record: u32 len, u8 type, 3 zeros, u64 slot (0: none), len bytes.
 *
 * Writes in flight together land in any order, so a bad batch may have good
 * ones behind it.  A bad batch x is *corrupt* if a good head behind it states
 * durable_upto >= x: it was durable once.  Else x and everything behind it is
 * *tail*, and was never acknowledged.
 */
#ifndef PAXOSKV_WIRE_SEGMENT_H
#define PAXOSKV_WIRE_SEGMENT_H

#include "base/bytes.h"

#include <stddef.h>

#define SEGMENT_MAGIC       0x424b5850u /* "PXKB" in memory */
#define SEGMENT_VERSION     1u
#define SEGMENT_BLOCK       4096u
#define SEGMENT_HEAD        128u
#define SEGMENT_RECORD_HEAD 16u
#define SEGMENT_BATCH_MAX   (16u << 20)

#define SEGMENT_FLAG_LAST 1u /* of batch_head.flags */

struct batch_head {
    uint32_t head_crc; /* set by segment_seal and segment_head */
    uint16_t flags;
    uint32_t len;
    uint32_t records_len;
    uint32_t count;
    uint32_t previous_crc;
    uint64_t sequence;
    uint64_t instance;
    uint64_t segment;
    uint64_t offset;
    uint64_t incarnation;
    uint64_t durable_upto;
    uint64_t slot_low;
    uint64_t slot_high;
    uint64_t previous_low;
    uint64_t previous_high;
};

struct segment_record {
    uint8_t type;
    uint64_t slot;
    struct bytes body;
};

/* Length of a batch that holds records_len bytes of records. */
static inline uint32_t segment_batch_len(uint32_t records_len)
{
    const uint32_t len = SEGMENT_HEAD + records_len + SEGMENT_BLOCK - 1;

    return len & ~(SEGMENT_BLOCK - 1);
}

/*
 * Write a record of two parts at `to`, which has room for SEGMENT_RECORD_HEAD
 * and both.  Returns the bytes written.
 */
uint32_t segment_put(uint8_t *to, uint8_t type, uint64_t slot,
                     struct bytes head, struct bytes body);

/*
 * The record at *at (an offset into the records of a good batch), which then
 * points behind it.  False at the end, and for lengths that lie.
 */
bool segment_get(struct bytes records, uint32_t *at, struct segment_record *r);

/*
 * Complete a batch whose records stand at `batch` + SEGMENT_HEAD: padding, head
 * and checksums.  h->len must be segment_batch_len(h->records_len), and h is
 * given its head_crc.
 */
void segment_seal(uint8_t *batch, struct batch_head *h);

/*
 * Read the head of a batch from its first SEGMENT_HEAD bytes.  False if the
 * head is not whole, or states another place than (instance, segment, offset).
 */
bool segment_head(const uint8_t *bytes, uint64_t instance, uint64_t segment,
                  uint64_t offset, struct batch_head *h);

/* True if the rest of a batch, h->len bytes at `batch`, is whole too. */
bool segment_body_is_good(const uint8_t *batch, const struct batch_head *h);

static inline struct bytes segment_records(const uint8_t *batch,
                                           const struct batch_head *h)
{
    return bytes_of(batch + SEGMENT_HEAD, h->records_len);
}

enum segment_verdict {
    SEGMENT_GOOD,    /* the bytes hold the next batch of the chain */
    SEGMENT_BAD,     /* they do not: everything from here on is tail, unless
                        segment_scan_behind finds a witness */
    SEGMENT_CORRUPT, /* a witness says that the bad batch was durable */
    SEGMENT_FOREIGN, /* a batch of another data directory stands here */
};

/* A walk through the log, batch by batch. */
struct segment_scan {
    uint64_t instance;
    uint64_t segment; /* where the next batch of the chain stands */
    uint64_t offset;
    uint64_t sequence; /* and its sequence */
    uint64_t incarnation;
    uint64_t durable_upto;  /* highest stated by a good batch */
    struct batch_head last; /* of the chain; all zero before the first */
};

/* Begin before the first batch of the log. */
void segment_scan_init(struct segment_scan *s, uint64_t instance);

/*
 * Look at the bytes from the scan's place up to the end of the file, or up to
 * the end of what is a whole batch by its head.  If they hold the next batch
 * it becomes s->last, and the scan moves on.
 */
enum segment_verdict segment_scan_next(struct segment_scan *s,
                                       const uint8_t *bytes, size_t len);

/*
 * After SEGMENT_BAD: look at one block at or behind the bad batch's place, of
 * any segment.  Returns SEGMENT_CORRUPT if it holds a witness against the bad
 * batch, SEGMENT_FOREIGN if it holds the head of another instance (segments
 * begin as zeros, so somebody put the file here), else SEGMENT_BAD.
 */
enum segment_verdict segment_scan_behind(const struct segment_scan *s,
                                         uint64_t segment, uint64_t offset,
                                         const uint8_t *block, size_t len);

#endif

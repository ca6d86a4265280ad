/*
 * wal_read.c - reading the log: all of it at start, parts of it while it runs.
 *
 * The index has an entry for each WAL_INDEX_SPAN bytes of log: the place of a
 * batch, and the slots from there to the next entry.  It lives in memory, 40
 * bytes for 128 KiB of log, and is made again by the replay.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT, fallocate */
#endif

#include "io/wal_private.h"

#include "base/assert.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLAY_CHUNK (1u << 20)
#define READER_SIZE  (SEGMENT_BATCH_MAX + REPLAY_CHUNK)
#define INDEX_GROWTH 256u

/* --- reader ------------------------------------------------------------ */

int wal_reader_open(struct wal_reader *r)
{
    void *p = mmap(NULL, READER_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) return -ENOMEM;
    *r = (struct wal_reader){ .fd = -1, .bytes = p };
    return 0;
}

void wal_reader_close(struct wal_reader *r)
{
    if (r->fd >= 0) close(r->fd);
    if (r->bytes) munmap(r->bytes, READER_SIZE);
    *r = (struct wal_reader){ .fd = -1 };
}

/* Turn to another segment.  -ENOENT if there is none. */
static int reader_turn(struct wal *w, struct wal_reader *r, uint64_t segment)
{
    char name[WAL_NAME_MAX];
    struct stat st;

    if (r->fd >= 0 && r->segment == segment) return 0;
    if (r->fd >= 0) close(r->fd);
    r->len = 0;
    r->checked = 0;
    r->segment = segment;
    r->fd = wal_open_file(w, wal_name(segment, name), O_RDONLY);
    if (r->fd < 0) {
        const int rc = r->fd;

        r->fd = -1;
        return rc;
    }
    if (fstat(r->fd, &st) < 0) return -errno;
    r->file_size = (uint64_t)st.st_size;
    return 0;
}

/*
 * Without O_DIRECT what a killed process wrote may be in the page cache alone:
 * put it on the disk, then forget it, so that we read the disk.
 */
static int reader_drop_cache(const struct wal *w, const struct wal_reader *r)
{
    if (w->direct) return 0;
    if (fdatasync(r->fd) < 0) return -errno;
    return -posix_fadvise(r->fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Read from the file until size bytes or its end. */
static int reader_load(struct wal_reader *r, uint64_t offset, size_t size)
{
    r->offset = offset;
    r->len = 0;
    r->checked = 0;
    while (r->len < size) {
        const ssize_t got = pread(r->fd, r->bytes + r->len, size - r->len,
                                  (off_t)(offset + r->len));

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        r->len += (size_t)got;
        if (got == 0 || got % SEGMENT_BLOCK != 0) break; /* the end */
    }
    return 0;
}

/* Bytes at hand from offset on. */
static size_t reader_has(const struct wal_reader *r, uint64_t offset)
{
    if (offset < r->offset || offset >= r->offset + r->len) return 0;
    return (size_t)(r->offset + r->len - offset);
}

static const uint8_t *reader_at(const struct wal_reader *r, uint64_t offset)
{
    return r->bytes + (offset - r->offset);
}

/* --- index ------------------------------------------------------------- */

static bool index_grow(struct wal *w)
{
    struct wal_entry *more;

    if (w->index_count < w->index_max) return true;
    more = realloc(w->index,
                   (w->index_max + (size_t)INDEX_GROWTH) * sizeof *more);
    if (!more) return false;
    w->index = more;
    w->index_max += INDEX_GROWTH;
    return true;
}

void wal_index_add(struct wal *w, const struct batch_head *h)
{
    struct wal_entry *e = w->index_count ? &w->index[w->index_count - 1] : NULL;
    const bool fresh = !e || h->segment != e->segment ||
                       h->offset + h->len - e->offset > WAL_INDEX_SPAN;

    /* Without memory the last entry just covers more. */
    if (fresh && index_grow(w)) {
        e = &w->index[w->index_count++];
        *e = (struct wal_entry){ .sequence = h->sequence,
                                 .segment = h->segment,
                                 .offset = h->offset };
    }
    if (!e || h->slot_low == 0) return;
    if (!e->slot_low || h->slot_low < e->slot_low) e->slot_low = h->slot_low;
    e->slot_high = max_u64(e->slot_high, h->slot_high);
}

/* --- replay ------------------------------------------------------------ */

static int replay_fail(struct wal *w, struct wal_fault *fault, int rc)
{
    char name[WAL_NAME_MAX];

    return wal_fail(fault, rc, "log/%s: cannot be read",
                    wal_name(w->replay.segment, name));
}

/*
 * Have at least `need` bytes of the scan's place at hand, or up to the end of
 * the file.  A missing file is one that ends at once.
 */
static int replay_load(struct wal *w, uint64_t offset, size_t need)
{
    struct wal_reader *r = &w->replay;

    if (reader_has(r, offset) >= need) return 0;
    return reader_load(r, offset, max_u64(need, REPLAY_CHUNK));
}

static int replay_turn(struct wal *w, uint64_t segment)
{
    const bool same = w->replay.fd >= 0 && w->replay.segment == segment;
    int rc = reader_turn(w, &w->replay, segment);

    if (rc == 0 && !same) rc = reader_drop_cache(w, &w->replay);
    return rc;
}

static bool block_is_zero(const uint8_t *block, size_t len)
{
    return block[0] == 0 && memcmp(block, block + 1, len - 1) == 0;
}

/* Look through the bytes at hand, which stand behind a bad batch. */
static enum segment_verdict look_behind(struct wal *w)
{
    enum segment_verdict verdict;
    const struct wal_reader *r = &w->replay;

    for (size_t at = 0; at < r->len; at += SEGMENT_BLOCK) {
        const size_t len = min_u64(r->len - at, SEGMENT_BLOCK);
        const uint8_t *block = r->bytes + at;

        if (block_is_zero(block, len)) continue;
        w->tail_bytes += len;
        w->tail_segment = r->segment;
        if (r->segment == w->scan.segment)
            w->tail_end = r->offset + at + SEGMENT_BLOCK;
        w->witness_offset = r->offset + at;
        verdict = segment_scan_behind(&w->scan, r->segment, r->offset + at,
                                      block, len);
        if (verdict != SEGMENT_BAD) return verdict;
    }
    return SEGMENT_BAD;
}

static int corrupt(const struct wal *w, enum segment_verdict verdict,
                   struct wal_fault *fault)
{
    char bad[WAL_NAME_MAX], witness[WAL_NAME_MAX];

    if (verdict == SEGMENT_FOREIGN)
        return wal_fail(fault, -EBADMSG,
                        "log/%s, offset %llu: this is a log of another data "
                        "directory",
                        wal_name(w->replay.segment, witness),
                        (unsigned long long)w->witness_offset);
    return wal_fail(
        fault, -EBADMSG,
        "log/%s, offset %llu: batch %llu is damaged or missing, and was "
        "durable by log/%s, offset %llu",
        wal_name(w->scan.segment, bad), (unsigned long long)w->scan.offset,
        (unsigned long long)w->scan.sequence,
        wal_name(w->replay.segment, witness),
        (unsigned long long)w->witness_offset);
}

/* The chain ends at the scan's place: is what follows tail, or corruption? */
static int judge_tail(struct wal *w, struct wal_fault *fault)
{
    uint64_t offset = w->scan.offset;
    enum segment_verdict verdict;
    char name[WAL_NAME_MAX];

    for (uint64_t s = w->scan.segment; s <= w->segment_last; s++) {
        int rc = replay_turn(w, s);

        if (rc < 0 && rc != -ENOENT) return replay_fail(w, fault, rc);
        for (; rc == 0 && offset < w->replay.file_size;
             offset += REPLAY_CHUNK) {
            rc = reader_load(&w->replay, offset, REPLAY_CHUNK);
            if (rc < 0) return replay_fail(w, fault, rc);
            verdict = look_behind(w);
            if (verdict != SEGMENT_BAD) return corrupt(w, verdict, fault);
        }
        offset = 0;
    }
    if (w->scan.sequence < w->clean_sequence)
        return wal_fail(fault, -EBADMSG,
                        "log/%s, offset %llu: batch %llu is damaged or "
                        "missing; the log ended cleanly with batch %llu",
                        wal_name(w->scan.segment, name),
                        (unsigned long long)w->scan.offset,
                        (unsigned long long)w->scan.sequence,
                        (unsigned long long)w->clean_sequence - 1);
    return 0;
}

/* Go to the next batch.  Returns 1, 0 where the chain ends, or -errno. */
static int replay_batch(struct wal *w, struct wal_fault *fault)
{
    const uint64_t segment = w->scan.segment;
    const uint64_t offset = w->scan.offset;
    struct wal_reader *r = &w->replay;
    struct batch_head h;
    int rc = replay_turn(w, segment);

    if (rc == -ENOENT) return 0;
    if (rc == 0) rc = replay_load(w, offset, SEGMENT_BLOCK);
    if (rc == 0 && reader_has(r, offset) >= SEGMENT_BLOCK &&
        segment_head(reader_at(r, offset), w->scan.instance, segment, offset,
                     &h))
        rc = replay_load(w, offset, h.len);
    if (rc < 0) return replay_fail(w, fault, rc);

    if (segment_scan_next(&w->scan, reader_at(r, offset),
                          reader_has(r, offset)) != SEGMENT_GOOD)
        return 0;
    w->scan_records = segment_records(reader_at(r, offset), &w->scan.last);
    w->scan_at = 0;
    w->bytes += w->scan.last.len;
    if (w->scan.last.count > 0) w->record_sequence = w->scan.last.sequence;
    wal_index_add(w, &w->scan.last);
    return 1;
}

int wal_replay_next(struct wal *w, struct wal_record *r,
                    struct wal_fault *fault)
{
    struct segment_record record;
    int rc;

    while (!w->scan_done) {
        if (segment_get(w->scan_records, &w->scan_at, &record)) {
            *r = (struct wal_record){ .type = record.type,
                                      .slot = record.slot,
                                      .body = record.body };
            return 1;
        }
        rc = replay_batch(w, fault);
        if (rc == 0)
            rc = judge_tail(w, fault);
        else if (rc > 0)
            continue;
        if (rc < 0) return rc;
        w->scan_done = true;
    }
    return 0;
}

/* --- reading back ------------------------------------------------------ */

void wal_read_begin(struct wal_cursor *c, uint64_t slot_from, uint64_t slot_to)
{
    ASSERT(slot_from > WAL_NO_SLOT);
    ASSERT(slot_from <= slot_to);
    *c = (struct wal_cursor){ .slot_from = slot_from, .slot_to = slot_to };
}

void wal_read_all(struct wal_cursor *c, uint64_t slot_from)
{
    *c = (struct wal_cursor){ .slot_from = slot_from,
                              .slot_to = UINT64_MAX,
                              .all = true };
}

static bool has_slots(const struct wal_cursor *c, uint64_t low, uint64_t high)
{
    if (c->all && c->sequence > 0) return true; /* it has begun */
    if (c->all && high >= c->slot_from) return true;
    return low != 0 && low <= c->slot_to && high >= c->slot_from;
}

/* Move on to the first entry from c->entry on with slots that are asked for;
 * behind the last one stands the open batch. */
static void cursor_seek(const struct wal *w, struct wal_cursor *c)
{
    c->at = 0;
    for (; c->entry < w->index_count; c->entry++) {
        const struct wal_entry *e = &w->index[c->entry];

        if (!has_slots(c, e->slot_low, e->slot_high)) continue;
        c->sequence = e->sequence;
        c->segment = e->segment;
        c->offset = e->offset;
        return;
    }
    c->sequence = w->open_sequence;
    c->segment = w->segment;
    c->offset = w->offset;
}

static void cursor_pass(const struct wal *w, struct wal_cursor *c,
                        const struct batch_head *h)
{
    const bool last = (h->flags & SEGMENT_FLAG_LAST) != 0;

    ASSERT(c->sequence == h->sequence);
    c->sequence++;
    c->segment += last;
    c->offset = last ? 0 : c->offset + h->len;
    c->at = 0;
    if (c->entry + 1 < w->index_count &&
        w->index[c->entry + 1].sequence <= c->sequence) {
        c->entry++;
        cursor_seek(w, c);
    }
}

/* Find the next record of the range within a batch. */
static bool cursor_find(struct wal_cursor *c, struct bytes records,
                        struct wal_record *r)
{
    struct segment_record record;

    while (segment_get(records, &c->at, &record)) {
        if (!c->all && (record.slot < c->slot_from || record.slot > c->slot_to))
            continue;
        *r = (struct wal_record){ .type = record.type,
                                  .slot = record.slot,
                                  .body = record.body };
        return true;
    }
    return false;
}

/* Bytes from the cursor's place that are durable, in its segment. */
static uint64_t durable_left(struct wal *w, const struct wal_cursor *c)
{
    uint64_t segment = w->segment;
    uint64_t offset = w->offset;

    if (w->head_sequence < w->open_sequence) {
        const struct wal_buffer *b = wal_buffer(w, w->head_sequence);

        segment = b->head.segment;
        offset = b->head.offset;
    }
    if (segment != c->segment) return UINT64_MAX;
    ASSERT(offset > c->offset);
    return offset - c->offset;
}

/* Have `need` bytes of the cursor's place at hand.  1, 0 at the end of the
 * file, -EAGAIN without budget, or -errno. */
static int cursor_load(struct wal *w, const struct wal_cursor *c, size_t need,
                       uint32_t *budget)
{
    struct wal_reader *r = &w->read;
    const size_t chunk = c->all ? REPLAY_CHUNK : WAL_READ_CHUNK;
    size_t size = max_u64(need, chunk);
    int rc = r->bytes ? 0 : wal_reader_open(r);

    if (rc == 0) rc = reader_turn(w, r, c->segment);
    if (rc < 0) return rc;
    if (reader_has(r, c->offset) >= need) return 1;
    if (*budget == 0) return -EAGAIN;
    /* What is not durable yet may change under us. */
    size = min_u64(size, durable_left(w, c));
    *budget -= (uint32_t)min_u64(*budget, size);
    rc = reader_load(r, c->offset, size);
    if (rc < 0) return rc;
    return reader_has(r, c->offset) >= need;
}

static int cursor_damage(const struct wal_cursor *c, struct wal_fault *fault,
                         int rc)
{
    char name[WAL_NAME_MAX];

    return wal_fail(fault, rc, "log/%s, offset %llu: batch %llu %s",
                    wal_name(c->segment, name), (unsigned long long)c->offset,
                    (unsigned long long)c->sequence,
                    rc == -EBADMSG ? "is damaged" : "cannot be read");
}

/* The batch at the cursor, from the disk: 1 with *h set, or -errno. */
static int cursor_batch(struct wal *w, const struct wal_cursor *c,
                        uint32_t *budget, struct batch_head *h)
{
    struct wal_reader *r = &w->read;
    int rc = cursor_load(w, c, SEGMENT_BLOCK, budget);

    if (rc <= 0) return rc == 0 ? -EBADMSG : rc;
    if (!segment_head(reader_at(r, c->offset), w->config.instance, c->segment,
                      c->offset, h))
        return -EBADMSG;
    if (h->sequence != c->sequence) return -EBADMSG;
    if (!has_slots(c, h->slot_low, h->slot_high)) return 1;
    rc = cursor_load(w, c, h->len, budget);
    if (rc <= 0) return rc == 0 ? -EBADMSG : rc;
    if (r->checked == h->sequence) return 1;
    if (!segment_body_is_good(reader_at(r, c->offset), h)) return -EBADMSG;
    r->checked = h->sequence;
    return 1;
}

/* The next record of the cursor's batch, which is still in memory. */
static bool cursor_in_memory(struct wal *w, struct wal_cursor *c,
                             struct wal_record *r)
{
    const struct wal_buffer *b = wal_buffer(w, c->sequence);

    if (!has_slots(c, b->head.slot_low, b->head.slot_high)) return false;
    return cursor_find(c, segment_records(b->bytes, &b->head), r);
}

int wal_read_next(struct wal *w, struct wal_cursor *c, uint32_t *budget,
                  struct wal_record *r, struct wal_fault *fault)
{
    struct batch_head h;
    int rc;

    if (c->sequence == 0) cursor_seek(w, c);
    while (c->sequence < w->head_sequence) {
        rc = cursor_batch(w, c, budget, &h);
        if (rc == -EAGAIN) return rc;
        if (rc < 0) return cursor_damage(c, fault, rc);
        if (has_slots(c, h.slot_low, h.slot_high) &&
            cursor_find(c, segment_records(reader_at(&w->read, c->offset), &h),
                        r))
            return 1;
        cursor_pass(w, c, &h);
    }
    while (c->sequence < w->open_sequence) {
        if (cursor_in_memory(w, c, r)) return 1;
        cursor_pass(w, c, &wal_buffer(w, c->sequence)->head);
    }
    return wal_has_open(w) && cursor_in_memory(w, c, r) ? 1 : 0;
}

/* disk.c - see disk.h */
#include "daemon/disk.h"

#include "base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Before each record that waits. */
struct waiting {
    uint64_t slot;
    uint32_t head_len;
    uint32_t body_len;
    uint8_t type;
};

void disk_init(struct disk *d, struct wal *wal)
{
    ASSERT(wal_record_max(wal) >= RECORD_MAX);
    d->wal = wal;
}

void disk_free(struct disk *d)
{
    free(d->waiting);
    d->waiting = NULL;
    d->waiting_at = d->waiting_len = d->waiting_size = 0;
}

static size_t disk_waiting(const struct disk *d)
{
    return d->waiting_len - d->waiting_at;
}

/* Room for len more bytes behind what waits. */
static int disk_reserve(struct disk *d, size_t len)
{
    size_t size = d->waiting_size ? d->waiting_size : 1u << 20;
    uint8_t *bytes;

    if (disk_waiting(d) + len > DISK_WAITING_MAX) return -ENOSPC;
    if (d->waiting_at > 0) {
        memmove(d->waiting, d->waiting + d->waiting_at, disk_waiting(d));
        d->waiting_len -= d->waiting_at;
        d->waiting_at = 0;
    }
    while (size < d->waiting_len + len) size *= 2;
    if (size == d->waiting_size) return 0;
    bytes = realloc(d->waiting, size);
    if (!bytes) return -ENOMEM;
    d->waiting = bytes;
    d->waiting_size = size;
    return 0;
}

static void disk_put(struct disk *d, const void *bytes, size_t len)
{
    if (len) memcpy(d->waiting + d->waiting_len, bytes, len);
    d->waiting_len += len;
}

static int disk_wait(struct disk *d, const struct waiting *w,
                     const uint8_t *head, const uint8_t *body)
{
    const size_t len = sizeof *w + w->head_len + w->body_len;

    if (d->waiting_len + len > d->waiting_size) {
        const int rc = disk_reserve(d, len);

        if (rc < 0) return rc;
    }
    disk_put(d, w, sizeof *w);
    disk_put(d, head, w->head_len);
    disk_put(d, body, w->body_len);
    return 0;
}

/* The log takes what waits, the oldest first, until it has no room. */
static bool disk_drain(struct disk *d)
{
    const size_t before = d->waiting_at;
    struct waiting w;

    while (disk_waiting(d) > 0) {
        const uint8_t *at = d->waiting + d->waiting_at;

        memcpy(&w, at, sizeof w);
        at += sizeof w;
        if (wal_append(d->wal, w.type, w.slot, bytes_of(at, w.head_len),
                       bytes_of(at + w.head_len, w.body_len)) < 0)
            break;
        d->waiting_at += sizeof w + w.head_len + w.body_len;
    }
    if (d->waiting_at == before) return false;
    if (disk_waiting(d) == 0) d->waiting_at = d->waiting_len = 0;
    return true;
}

int disk_append(struct disk *d, uint64_t seq, const struct message *m)
{
    uint8_t bytes[RECORD_HEAD_MAX];
    struct writer head = writer_of(bytes, sizeof bytes);
    const struct bytes body = record_value(m);
    struct waiting w = { .slot = record_slot(m),
                         .body_len = body.len,
                         .type = m->type };

    ASSERT(seq == d->appended + 1);
    d->appended = seq;
    record_encode(m, &head);
    ASSERT(writer_ok(&head));
    w.head_len = (uint32_t)writer_len(&head);

    if (disk_waiting(d) == 0) {
        const struct bytes first = bytes_of(bytes, w.head_len);

        if (wal_append(d->wal, w.type, w.slot, first, body) == 0) return 0;
        /* The batch is full: with it on its way there may be room. */
        wal_flush(d->wal, d->now_ns);
        if (wal_append(d->wal, w.type, w.slot, first, body) == 0) return 0;
    }
    return disk_wait(d, &w, bytes, body.at);
}

void disk_flush(struct disk *d)
{
    bool moved;

    do {
        moved = disk_drain(d);
        wal_flush(d->wal, d->now_ns);
    } while (moved && disk_waiting(d) > 0);
}

uint64_t disk_durable(const struct disk *d)
{
    return wal_durable(d->wal);
}

bool disk_is_behind(const struct disk *d)
{
    return disk_waiting(d) > DISK_BEHIND;
}

bool disk_is_idle(const struct disk *d)
{
    return disk_waiting(d) == 0 && wal_is_idle(d->wal);
}

bool disk_read_add(struct disk *d, const struct read_order *order)
{
    struct disk_read *r;

    if (d->read_count == DISK_READS_MAX) return false;
    r = &d->reads[(d->read_at + d->read_count++) % DISK_READS_MAX];
    r->tag = order->tag;
    r->bytes_left = order->bytes_max;
    wal_read_begin(&r->cursor, order->first, order->last);
    return true;
}

/* An unfinished REPLAY for this role, or NULL: a tag's lowest byte names it. */
static struct disk_read *disk_replay_of(struct disk *d, uint64_t tag)
{
    for (uint32_t i = 0; i < d->read_count; i++) {
        struct disk_read *r = &d->reads[(d->read_at + i) % DISK_READS_MAX];

        if (r->is_replay && (r->tag & 0xff) == (tag & 0xff)) return r;
    }
    return NULL;
}

bool disk_replay_add(struct disk *d, const struct replay_order *order)
{
    struct disk_read *r = disk_replay_of(d, order->tag);

    if (!r) {
        if (d->read_count == DISK_READS_MAX) return false;
        r = &d->reads[(d->read_at + d->read_count++) % DISK_READS_MAX];
    }
    *r = (struct disk_read){ .tag = order->tag, .is_replay = true };
    wal_read_all(&r->cursor, order->first);
    return true;
}

/* Long ones let the others go first. */
static void disk_rotate(struct disk *d)
{
    const struct disk_read first = d->reads[d->read_at];

    d->read_at = (d->read_at + 1) % DISK_READS_MAX;
    d->reads[(d->read_at + d->read_count - 1) % DISK_READS_MAX] = first;
}

static enum disk_result disk_read_done(struct disk *d, uint64_t *tag)
{
    const bool is_replay = d->reads[d->read_at].is_replay;

    *tag = d->reads[d->read_at].tag;
    d->read_at = (d->read_at + 1) % DISK_READS_MAX;
    d->read_count--;
    return is_replay ? DISK_REPLAYED : DISK_DONE;
}

/* The log's bytes are good until it is called again, and the core may append
 * in answer to them: so it gets a copy.  Whatever has a slot is an ACCEPT or a
 * CHOSEN: record_decode sees to that. */
static int disk_copy(struct disk *d, const struct wal_record *r)
{
    if (r->body.len > sizeof d->bytes) return -EBADMSG;
    memcpy(d->bytes, r->body.at, r->body.len);
    return record_decode(&d->record, r->type, r->slot,
                         bytes_of(d->bytes, r->body.len));
}

enum disk_result disk_read_next(struct disk *d, uint32_t *budget, uint64_t *tag,
                                struct wal_fault *fault)
{
    struct disk_read *order = &d->reads[d->read_at];
    struct wal_record r;
    int rc;

    if (d->read_count == 0) return DISK_NOTHING;
    if (order->bytes_left == 0 && !order->is_replay)
        return disk_read_done(d, tag);
    rc = wal_read_next(d->wal, &order->cursor, budget, &r, fault);
    if (rc == -EAGAIN) {
        if (order->is_replay) disk_rotate(d);
        return DISK_NOTHING;
    }
    if (rc < 0) return DISK_FAILED;
    if (rc == 0) return disk_read_done(d, tag);

    if (disk_copy(d, &r) < 0) {
        snprintf(fault->text, sizeof fault->text,
                 "a record of slot %llu in the log is not whole",
                 (unsigned long long)r.slot);
        return DISK_FAILED;
    }
    order->bytes_left -= r.body.len < order->bytes_left ? r.body.len
                                                        : order->bytes_left;
    *tag = order->tag;
    return DISK_RECORD;
}

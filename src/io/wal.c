/* wal.c - see wal.h: opening, appending, closing. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT, fallocate */
#endif

#include "io/wal.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/host.h"
#include "io/wal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_IDLE_NS (5 * NS_PER_MS)
#define COOKIE_SHIFT 48u
#define COOKIE_MASK  ((UINT64_C(1) << COOKIE_SHIFT) - 1)

int wal_fail(struct wal_fault *fault, int rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return rc;
}

const char *wal_name(uint64_t segment, char name[WAL_NAME_MAX])
{
    snprintf(name, WAL_NAME_MAX, "%08llu.log", (unsigned long long)segment);
    return name;
}

int wal_open_file(struct wal *w, const char *name, int flags)
{
    int fd = -1;

    flags |= O_CLOEXEC;
    if (w->direct) {
        fd = openat(w->log_fd, name, flags | O_DIRECT, 0600);
        if (fd < 0 && errno != EINVAL) return -errno;
        if (fd < 0) w->direct = false; /* this file system has none */
    }
    if (fd < 0) fd = openat(w->log_fd, name, flags, 0600);
    return fd < 0 ? -errno : fd;
}

/* --- opening ----------------------------------------------------------- */

static void *map(size_t size, int protection)
{
    void *p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static int open_memory(struct wal *w)
{
    w->buffer_bytes = map((size_t)WAL_BUFFERS * w->config.batch_max,
                          PROT_READ | PROT_WRITE);
    w->zeros = map(WAL_ZERO_CHUNK, PROT_READ);
    if (!w->buffer_bytes || !w->zeros) return -ENOMEM;
    for (uint32_t i = 0; i < WAL_BUFFERS; i++)
        w->buffers[i].bytes = w->buffer_bytes + (size_t)i * w->config.batch_max;
    return wal_reader_open(&w->replay);
}

static void fill_defaults(struct wal_config *c)
{
    if (!c->batch_max) c->batch_max = WAL_BATCH_MAX;
    if (!c->segment_size) c->segment_size = WAL_SEGMENT_SIZE;
    ASSERT(c->batch_max % SEGMENT_BLOCK == 0);
    ASSERT(c->batch_max >= 4 * SEGMENT_BLOCK);
    ASSERT(c->batch_max <= SEGMENT_BATCH_MAX);
    ASSERT(c->segment_size % SEGMENT_BLOCK == 0);
    ASSERT(c->segment_size >= UINT64_C(4) * c->batch_max);
}

static int open_log(struct wal *w, struct wal_fault *fault)
{
    int rc;

    rc = wal_mark_read_clean(w);
    if (rc < 0) return wal_fail(fault, rc, "clean: cannot be read");
    rc = wal_mark_check_life(w, fault);
    if (rc < 0) return rc;
    w->log_fd = host_open_subdir(w->config.dir_fd, "log", true);
    if (w->log_fd < 0)
        return wal_fail(fault, w->log_fd, "log/: cannot be opened");
    rc = wal_space_list(w);
    if (rc < 0) return wal_fail(fault, rc, "log/: cannot be listed");
    wal_space_settle(w);
    rc = open_memory(w);
    return rc < 0 ? wal_fail(fault, rc, "no memory for the log") : 0;
}

int wal_open(struct wal **out, const struct wal_config *config,
             struct wal_fault *fault)
{
    struct wal *w = calloc(1, sizeof *w);
    int rc;

    *out = NULL;
    fault->text[0] = '\0';
    if (!w) return wal_fail(fault, -ENOMEM, "no memory for the log");
    w->config = *config;
    w->direct = !config->buffered;
    w->log_fd = w->segment_fd = w->next_fd = -1;
    w->replay.fd = w->read.fd = -1;
    fill_defaults(&w->config);
    segment_scan_init(&w->scan, config->instance);

    rc = open_log(w, fault);
    if (rc < 0) {
        wal_close(w, false);
        return rc;
    }
    *out = w;
    return 0;
}

/* --- beginning --------------------------------------------------------- */

/* Take over from the replay: the chain, and where it goes on. */
static void take_over(struct wal *w, uint64_t incarnation)
{
    const struct segment_scan *s = &w->scan;

    w->incarnation = incarnation;
    w->previous = s->last;
    w->head_sequence = w->open_sequence = s->sequence;
    w->covered = s->durable_upto;
    w->segment = s->segment;
    w->offset = s->offset;
    wal_reader_close(&w->replay);
}

/* Overwrite the tail, so that nothing of it is ever read again. */
static int overwrite_tail(struct wal *w, struct wal_fault *fault)
{
    char name[WAL_NAME_MAX];
    struct stat st = { 0 };
    uint64_t end = w->tail_end;
    int rc;

    wal_name(w->segment, name);
    rc = fstatat(w->log_fd, name, &st, 0) < 0 ? -errno : 0;
    if (rc == -ENOENT) {
        rc = wal_space_create(w, w->segment, fault);
        if (rc < 0) return rc;
        w->segment_size = w->config.segment_size;
        return 0;
    }
    if (rc < 0) return wal_fail(fault, rc, "log/%s: cannot be opened", name);

    w->segment_size = (uint64_t)st.st_size & ~(uint64_t)(SEGMENT_BLOCK - 1);
    if (w->segment_size < w->config.segment_size)
        end = w->segment_size = w->config.segment_size;
    /* Also with nothing to zero: the sync makes good what was read. */
    rc = wal_space_zero(w, w->segment, w->offset, max_u64(end, w->offset));
    if (rc < 0)
        return wal_fail(fault, rc, "log/%s: the tail cannot be overwritten",
                        name);
    return 0;
}

/* What stands behind the last segment is tail, but for a spare that is whole
 * and empty: it was preallocated, and serves again. */
static int sort_out_spare(struct wal *w, struct wal_fault *fault)
{
    const uint64_t spare = w->segment + 1;
    char name[WAL_NAME_MAX];
    struct stat st;
    int rc = 0;

    wal_name(spare, name);
    if (w->segment_last == spare && w->tail_segment < spare &&
        fstatat(w->log_fd, name, &st, 0) == 0 &&
        (uint64_t)st.st_size == w->config.segment_size) {
        w->next = WAL_NEXT_READY;
        return 0;
    }
    if (w->segment_last >= spare) rc = wal_space_remove(w, spare);
    if (rc < 0) return wal_fail(fault, rc, "log/: cannot remove the tail");
    return 0;
}

static int open_segment(struct wal *w, struct wal_fault *fault)
{
    const int dsync = w->direct && w->config.sync ? O_DSYNC : 0;
    char name[WAL_NAME_MAX];

    w->segment_fd = wal_open_file(w, wal_name(w->segment, name),
                                  O_RDWR | dsync);
    if (w->segment_fd < 0)
        return wal_fail(fault, w->segment_fd, "log/%s: cannot be opened", name);
    return 0;
}

static int close_short_segment(struct wal *w, struct wal_fault *fault);

int wal_begin(struct wal *w, uint64_t incarnation, struct wal_fault *fault)
{
    int rc;

    ASSERT(w->scan_done);
    ASSERT(incarnation > w->scan.incarnation);
    take_over(w, incarnation);
    rc = overwrite_tail(w, fault);
    if (rc == 0) rc = sort_out_spare(w, fault);
    if (rc == 0) rc = open_segment(w, fault);
    if (rc == 0) rc = close_short_segment(w, fault);
    if (rc < 0) return rc;

    rc = host_remove_file(w->config.dir_fd, "clean");
    if (rc < 0) return wal_fail(fault, rc, "clean: cannot be removed");
    rc = wal_mark_write_life(w);
    if (rc < 0) return wal_fail(fault, rc, "life: cannot be written");
    return 0;
}

/* --- appending --------------------------------------------------------- */

uint32_t wal_record_max(const struct wal *w)
{
    return w->config.batch_max / 4 - WAL_RECORD_HEAD;
}

/* Batches of the largest size that the segments at hand surely take. */
static uint64_t batches_left(const struct wal *w)
{
    const uint64_t batch = w->config.batch_max;
    uint64_t left = 0;

    if (w->segment_fd >= 0) left += (w->segment_size - w->offset) / batch;
    if (w->next == WAL_NEXT_READY) left += w->config.segment_size / batch;
    return left;
}

uint64_t wal_left_bytes(const struct wal *w)
{
    return batches_left(w) * w->config.batch_max;
}

uint64_t wal_room(const struct wal *w)
{
    const uint64_t capacity = w->config.batch_max - SEGMENT_HEAD;
    const uint64_t waste = w->config.batch_max / 4; /* at the end of a batch */
    const struct wal_buffer *open = &w->buffers[w->open_sequence % WAL_BUFFERS];
    uint64_t left, more;

    if (!wal_has_open(w)) return 0;
    left = capacity - open->head.records_len;
    more = WAL_BUFFERS - 1 - (w->open_sequence - w->head_sequence);
    more = min_u64(more, batches_left(w));
    if (more == 0) return left;
    return (left > waste ? left - waste : 0) + (more - 1) * (capacity - waste) +
           capacity;
}

/* Give the open batch its place and its seal. */
static void seal_open(struct wal *w, struct wal_buffer *b)
{
    struct batch_head *h = &b->head;

    h->len = segment_batch_len(h->records_len);
    h->flags = 0;
    if (w->segment_size - w->offset - h->len < w->config.batch_max)
        h->flags |= SEGMENT_FLAG_LAST;
    h->previous_crc = w->previous.head_crc;
    h->previous_low = w->previous.slot_low;
    h->previous_high = w->previous.slot_high;
    h->sequence = w->open_sequence;
    h->instance = w->config.instance;
    h->segment = w->segment;
    h->offset = w->offset;
    h->incarnation = w->incarnation;
    h->durable_upto = w->head_sequence - 1;
    segment_seal(b->bytes, h);
}

/* The open batch is sealed: what follows stands behind it. */
static void advance(struct wal *w, const struct wal_buffer *b)
{
    const struct batch_head *h = &b->head;

    wal_index_add(w, h);
    w->previous = *h;
    w->covered = h->durable_upto;
    if (h->count > 0) w->record_sequence = h->sequence;
    w->bytes += h->len;
    w->writes++;
    w->open_sequence++;
    w->offset += h->len;
    if (h->flags & SEGMENT_FLAG_LAST) {
        w->segment++;
        w->offset = 0;
        w->segment_fd = -1; /* closed when the batch is durable */
    }
}

static uint64_t cookie(enum wal_cookie kind, uint64_t sequence)
{
    return (uint64_t)kind << COOKIE_SHIFT | (sequence & COOKIE_MASK);
}

/* Close the open batch, and queue it.  The caller knows that it has a place. */
static void close_batch(struct wal *w)
{
    struct wal_buffer *b = wal_buffer(w, w->open_sequence);

    ASSERT(wal_has_open(w));
    ASSERT(w->segment_fd >= 0);
    ASSERT(b->state == WAL_BUFFER_EMPTY);
    seal_open(w, b);
    b->fd = w->segment_fd;
    b->appended = w->appended;
    b->state = WAL_BUFFER_WRITING;
    w->in_flight++;
    advance(w, b);
    loop_write(w->config.loop, b->fd, b->bytes, b->head.len, b->head.offset,
               cookie(WAL_COOKIE_WRITE, b->head.sequence));
    w->failed = wal_space_roll(w);
}

int wal_append(struct wal *w, uint8_t type, uint64_t slot, struct bytes head,
               struct bytes body)
{
    const uint32_t size = WAL_RECORD_HEAD + head.len + body.len;
    const uint32_t capacity = w->config.batch_max - SEGMENT_HEAD;
    struct wal_buffer *b = wal_buffer(w, w->open_sequence);

    ASSERT(head.len <= wal_record_max(w));
    ASSERT(body.len <= wal_record_max(w) - head.len);
    if (!wal_has_open(w)) return -ENOBUFS;
    if (size > capacity - b->head.records_len) {
        if (w->open_sequence + 1 - w->head_sequence == WAL_BUFFERS)
            return -ENOBUFS;
        if (w->segment_fd < 0) return -ENOBUFS;
        close_batch(w);
        b = wal_buffer(w, w->open_sequence);
    }

    segment_put(b->bytes + SEGMENT_HEAD + b->head.records_len, type, slot, head,
                body);
    b->head.records_len += size;
    b->head.count++;
    if (slot != WAL_NO_SLOT) {
        if (!b->head.slot_low || slot < b->head.slot_low)
            b->head.slot_low = slot;
        b->head.slot_high = max_u64(b->head.slot_high, slot);
    }
    w->appended++;
    return 0;
}

/*
 * True if what is durable should be told by a batch of its own: nothing else
 * comes that could tell it, and it does not stand in the way of a next write.
 */
static bool mark_is_due(const struct wal *w, uint64_t now_ns)
{
    return w->in_flight == 0 && w->covered < w->record_sequence &&
           now_ns >= add_u64(w->write_ns, MARK_IDLE_NS);
}

void wal_flush(struct wal *w, uint64_t now_ns)
{
    const struct wal_buffer *open = wal_buffer(w, w->open_sequence);

    if (w->failed) return;
    wal_space_prepare(w, now_ns);
    if (!wal_has_open(w) || w->segment_fd < 0) return;
    if (w->in_flight >= WAL_IN_FLIGHT) return;
    if (open->head.count == 0 && !mark_is_due(w, now_ns)) return;
    close_batch(w);
    w->write_ns = now_ns;
}

/*
 * The segment has less left than a batch may need, as it was written with
 * smaller ones: end it with an empty batch.
 */
static int close_short_segment(struct wal *w, struct wal_fault *fault)
{
    struct wal_buffer *b = wal_buffer(w, w->open_sequence);
    ssize_t put;
    int rc;

    if (w->segment_size - w->offset >= w->config.batch_max) return 0;
    if (w->next != WAL_NEXT_READY) {
        rc = wal_space_create(w, w->segment + 1, fault);
        if (rc < 0) return rc;
        w->next = WAL_NEXT_READY;
    }
    seal_open(w, b);
    put = pwrite(w->segment_fd, b->bytes, b->head.len, (off_t)b->head.offset);
    rc = put == (ssize_t)b->head.len ? 0 : put < 0 ? -errno : -EIO;
    if (rc == 0 && fsync(w->segment_fd) < 0) rc = -errno;
    close(w->segment_fd);
    w->segment_fd = -1;
    if (rc < 0) return wal_fail(fault, rc, "log/: cannot end a segment");
    advance(w, b);
    b->head = (struct batch_head){ 0 };
    w->head_sequence = w->open_sequence;
    return wal_space_roll(w);
}

/* --- completions ------------------------------------------------------- */

/* Let go of the batches that are durable, with all before them. */
static void retire(struct wal *w)
{
    while (w->head_sequence < w->open_sequence) {
        struct wal_buffer *b = wal_buffer(w, w->head_sequence);

        if (b->state != WAL_BUFFER_DONE) return;
        w->durable = b->appended;
        if (b->head.flags & SEGMENT_FLAG_LAST) close(b->fd);
        b->state = WAL_BUFFER_EMPTY;
        b->head = (struct batch_head){ 0 };
        w->head_sequence++;
    }
}

static int on_written(struct wal *w, struct wal_buffer *b, int32_t result,
                      struct wal_fault *fault)
{
    char name[WAL_NAME_MAX];

    ASSERT(b->state == WAL_BUFFER_WRITING);
    wal_name(b->head.segment, name);
    if (result < 0)
        return wal_fail(fault, result, "log/%s, offset %llu: write failed",
                        name, (unsigned long long)b->head.offset);
    if ((uint32_t)result != b->head.len)
        return wal_fail(
            fault, -EIO, "log/%s, offset %llu: %d of %u bytes written", name,
            (unsigned long long)b->head.offset, result, b->head.len);
    if (w->config.sync && !w->direct) {
        b->state = WAL_BUFFER_SYNCING;
        loop_sync(w->config.loop, b->fd, true,
                  cookie(WAL_COOKIE_SYNC, b->head.sequence));
        return 0;
    }
    b->state = WAL_BUFFER_DONE;
    w->in_flight--;
    return 0;
}

static int on_synced(struct wal *w, struct wal_buffer *b, int32_t result,
                     struct wal_fault *fault)
{
    char name[WAL_NAME_MAX];

    ASSERT(b->state == WAL_BUFFER_SYNCING);
    if (result < 0)
        return wal_fail(fault, result, "log/%s: sync failed",
                        wal_name(b->head.segment, name));
    b->state = WAL_BUFFER_DONE;
    w->in_flight--;
    return 0;
}

int wal_on_written(struct wal *w, uint64_t cookie, int32_t result,
                   struct wal_fault *fault)
{
    struct wal_buffer *b = wal_buffer(w, cookie & COOKIE_MASK);

    if (w->failed) return wal_fail(fault, w->failed, "log/: failed before");
    switch ((enum wal_cookie)(cookie >> COOKIE_SHIFT)) {
    case WAL_COOKIE_WRITE:
        w->failed = on_written(w, b, result, fault);
        break;
    case WAL_COOKIE_SYNC:
        w->failed = on_synced(w, b, result, fault);
        break;
    case WAL_COOKIE_NEXT:
        w->failed = wal_space_on_step(w, result, fault);
        break;
    }
    if (w->failed == 0) retire(w);
    return w->failed;
}

/* --- closing, and what is told ----------------------------------------- */

static int end_cleanly(struct wal *w)
{
    if (w->segment_fd >= 0 && fsync(w->segment_fd) < 0) return -errno;
    return wal_mark_write_clean(w);
}

int wal_close(struct wal *w, bool clean)
{
    int rc = 0;

    if (!w) return 0;
    if (clean) ASSERT(wal_is_idle(w));
    if (clean && w->failed == 0) rc = end_cleanly(w);
    /* Batches under way keep the segment open that they fill up. */
    for (uint32_t i = 0; i < WAL_BUFFERS; i++)
        if (w->buffers[i].state != WAL_BUFFER_EMPTY &&
            (w->buffers[i].head.flags & SEGMENT_FLAG_LAST))
            close(w->buffers[i].fd);
    if (w->segment_fd >= 0) close(w->segment_fd);
    if (w->next_fd >= 0) close(w->next_fd);
    if (w->log_fd >= 0) close(w->log_fd);
    wal_reader_close(&w->replay);
    wal_reader_close(&w->read);
    if (w->buffer_bytes)
        munmap(w->buffer_bytes, (size_t)WAL_BUFFERS * w->config.batch_max);
    if (w->zeros) munmap(w->zeros, WAL_ZERO_CHUNK);
    free(w->index);
    free(w);
    return rc;
}

bool wal_is_idle(const struct wal *w)
{
    return w->in_flight == 0 && w->durable == w->appended;
}

uint64_t wal_appended(const struct wal *w)
{
    return w->appended;
}

uint64_t wal_durable(const struct wal *w)
{
    return w->durable;
}

bool wal_is_full(const struct wal *w)
{
    return w->full;
}

uint64_t wal_bytes(const struct wal *w)
{
    return w->bytes;
}

uint64_t wal_writes(const struct wal *w)
{
    return w->writes;
}

uint64_t wal_incarnation(const struct wal *w)
{
    return w->scan.incarnation;
}

uint64_t wal_tail_bytes(const struct wal *w)
{
    return w->tail_bytes;
}

const char *wal_mode(const struct wal *w)
{
    if (w->direct) return w->config.sync ? "O_DIRECT|O_DSYNC" : "O_DIRECT";
    return w->config.sync ? "buffered, fdatasync" : "buffered";
}

/*
 * wal.h - the write-ahead log of a member, in data/log/ (format: segment.h).
 *
 * A life of a log:
 *
 *     wal_open           looks at the marks of the last life
 *     wal_replay_next    every record once, in order, until it returns 0
 *     wal_begin          overwrites the torn tail, makes ready to append
 *     wal_append ...     into the open batch
 *     wal_flush          once per turn: the batch goes to the ring
 *     wal_on_written     for each LOOP_WRITTEN of the loop
 *     wal_durable        how many of the appended records are safe
 *     wal_close
 *
 * Beside log/ the data directory holds `life` (boot id and sync mode of the
 * running or last life) and `clean` (how the log ended, if it ended well).
 * The caller holds the lock on the directory.
 */
#ifndef PAXOSKV_IO_WAL_H
#define PAXOSKV_IO_WAL_H

#include "base/bytes.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAL_SEGMENT_SIZE (64u << 20)
#define WAL_BATCH_MAX    (1u << 20)
#define WAL_RECORD_HEAD  16u /* bytes that each record takes beside its own */
#define WAL_IN_FLIGHT    4u  /* writes, beyond which batches grow instead */
#define WAL_FAULT_MAX    200u
#define WAL_READ_BUDGET  (256u << 10) /* a fair budget for wal_read_next */
#define WAL_NO_SLOT      0u /* slot of a record that belongs to no slot */

struct wal;

/* Zero in a size stands for its default. */
struct wal_config {
    int dir_fd;            /* the data directory; stays the caller's */
    uint64_t instance;     /* of this data directory, from `meta` */
    bool sync;             /* durable is on the medium; else in the kernel */
    uint64_t segment_size; /* a multiple of 4096, at least 4 batches */
    uint32_t batch_max;    /* a multiple of 4096, at least 16384; a record
                              takes up to a quarter of it */
    bool buffered;         /* do without O_DIRECT, as where it is refused */
    struct loop *loop;
};

/* What went wrong and where: "log/00000003.log, offset 8192: damaged". */
struct wal_fault {
    char text[WAL_FAULT_MAX];
};

/* One record; its bytes are borrowed until the next call on the log. */
struct wal_record {
    uint8_t type;
    uint64_t slot; /* WAL_NO_SLOT: none */
    struct bytes body;
};

/*
 * Open the log in the data directory, creating log/ where it is missing.
 *
 * Returns 0 or -errno with *fault set.  -EKEYEXPIRED: the last life ran with
 * sync = no, did not end cleanly, and the machine was booted since (P14a).
 */
int wal_open(struct wal **w, const struct wal_config *config,
             struct wal_fault *fault);

/*
 * The next record of the log, read past the page cache.
 *
 * Returns 1 with *r set, 0 at the end; -EBADMSG: corruption, with file and
 * offset in *fault; or -errno, the disk's.  The torn tail is told from
 * corruption before 0 is returned.
 */
int wal_replay_next(struct wal *w, struct wal_record *r,
                    struct wal_fault *fault);

/* Highest incarnation that wrote a batch, 0: none.  After the replay. */
uint64_t wal_incarnation(const struct wal *w);

/* Bytes of tail that wal_begin is going to overwrite.  After the replay. */
uint64_t wal_tail_bytes(const struct wal *w);

/*
 * After the replay: overwrite the torn tail durably, remove the mark of a
 * clean end durably, and make the first segments.  incarnation is the
 * caller's, above wal_incarnation.  Returns 0 or -errno.
 */
int wal_begin(struct wal *w, uint64_t incarnation, struct wal_fault *fault);

/*
 * Bytes that can be appended now, whatever the sizes of the records, if each
 * counts WAL_RECORD_HEAD + its length; 0: none.
 */
uint64_t wal_room(const struct wal *w);

/* Largest length (head and body together) of a record. */
uint32_t wal_record_max(const struct wal *w);

/*
 * Append a record made of two parts, either of which may be empty; they are
 * copied.  Returns 0, or -ENOBUFS if there is no room: nothing was appended.
 */
int wal_append(struct wal *w, uint8_t type, uint64_t slot, struct bytes head,
               struct bytes body);

/*
 * At the end of a turn: queue the open batch for the ring, unless
 * WAL_IN_FLIGHT writes are under way; then it stays open, and grows.  Some
 * milliseconds after the last write a mark that says what is durable is
 * written, too.  Call it each turn, also with nothing appended.
 */
void wal_flush(struct wal *w, uint64_t now_ns);

/*
 * Take the end of an operation.  Returns 0, or -errno: the log failed (a
 * short write is -EIO), and nothing may be answered or written any more.
 */
int wal_on_written(struct wal *w, uint64_t cookie, int32_t result,
                   struct wal_fault *fault);

/*
 * Records appended since wal_begin, and how many of them, the first ones, are
 * durable.
 */
uint64_t wal_appended(const struct wal *w);
uint64_t wal_durable(const struct wal *w);

/* True if no next segment could be made for want of space (P14). */
bool wal_is_full(const struct wal *w);

/* Bytes that the segments at hand can still take. */
uint64_t wal_left_bytes(const struct wal *w);

/* Bytes of log written so far, in all segments. */
uint64_t wal_bytes(const struct wal *w);

/* Writes so far in this life, marks included. */
uint64_t wal_writes(const struct wal *w);

/* How the log is written: "O_DIRECT|O_DSYNC", "fdatasync", ... */
const char *wal_mode(const struct wal *w);

/*
 * Read old records back, while the log is running.  The records of slots
 * from..to come in the order of the log, those not yet written included
 * (from memory); a record appended after wal_read_begin comes too, if it is
 * appended before the end is reached.
 */
struct wal_cursor {
    uint64_t slot_from;
    uint64_t slot_to;
    uint64_t sequence; /* of the batch to read next, 0: ask the index */
    uint64_t segment;  /* and where it stands */
    uint64_t offset;
    uint32_t at;    /* of the next record within it */
    uint32_t entry; /* of the index, where it is in one */
    bool all;       /* once it has begun, whatever stands there */
};

/* 1 <= slot_from <= slot_to. */
void wal_read_begin(struct wal_cursor *c, uint64_t slot_from, uint64_t slot_to);

/*
 * The same for every record of any type and slot, from the first one of a slot
 * >= slot_from on, or from an earlier one.
 */
void wal_read_all(struct wal_cursor *c, uint64_t slot_from);

/*
 * The next record of the range.  *budget, bytes of log that may be read from
 * the disk, is lowered by what was read; reading blocks.
 *
 * Returns 1 with *r set; 0 at the end; -EAGAIN when the budget is used up:
 * go on later with the same cursor; -EBADMSG or the disk's -errno: the log is
 * damaged.
 */
int wal_read_next(struct wal *w, struct wal_cursor *c, uint32_t *budget,
                  struct wal_record *r, struct wal_fault *fault);

/*
 * Close the log.  Close the loop before it: writes, or the making of the next
 * segment, can be under way.  clean: every write has ended (wal_is_idle); the
 * log is synced, then the mark of a clean end written.  Returns 0 or -errno;
 * *w is gone in any case.  NULL is fine.
 */
int wal_close(struct wal *w, bool clean);

/* True if no write is under way and nothing waits to be written. */
bool wal_is_idle(const struct wal *w);

#endif

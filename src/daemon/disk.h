/*
 * disk.h - the core's PERSISTs and READs, carried out by the log.
 *
 * PERSISTs are numbered by the core from 1, as the log numbers its records:
 * what the log calls durable is what the core is told.  What finds no room in
 * the log waits here, in order; the caller drops datagrams while too much
 * waits.
 */
#ifndef PAXOSKV_DAEMON_DISK_H
#define PAXOSKV_DAEMON_DISK_H

#include "io/wal.h"
#include "paxos/effects.h"
#include "wire/record.h"

#define DISK_READS_MAX   256u
#define DISK_WAITING_MAX (256u << 20) /* bytes; beyond them we give up */
#define DISK_BEHIND      (4u << 20)   /* waiting bytes that are too many */
#define DISK_READ_BUDGET (256u << 10) /* bytes read back in one turn */

struct disk_read {
    struct wal_cursor cursor;
    uint64_t tag;
    bool is_replay;
    uint32_t bytes_left; /* of a READ */
};

struct disk {
    struct wal *wal;
    uint64_t now_ns;   /* of the turn, set by the caller */
    uint64_t appended; /* PERSISTs taken */
    /* A queue of records: at..len of size bytes are in use. */
    uint8_t *waiting;
    size_t waiting_at;
    size_t waiting_len;
    size_t waiting_size;
    /* A ring of orders, the oldest at read_at. */
    uint32_t read_at;
    uint32_t read_count;
    struct disk_read reads[DISK_READS_MAX];
    struct message record; /* the one last read, and its bytes */
    uint8_t bytes[RECORD_MAX];
};

/* Start upon a log behind wal_begin; all else must be zero. */
void disk_init(struct disk *d, struct wal *wal);
void disk_free(struct disk *d);

/*
 * Take the PERSIST with this number, which is one above the last.  Returns 0;
 * -ENOSPC: DISK_WAITING_MAX bytes wait; -ENOMEM.
 */
int disk_append(struct disk *d, uint64_t seq, const struct message *m);

/* At the end of a turn: hand what there is to the ring. */
void disk_flush(struct disk *d);

/* Every PERSIST up to this number is durable. */
uint64_t disk_durable(const struct disk *d);

/* True while so much waits that nothing new should be taken in. */
bool disk_is_behind(const struct disk *d);

/* True if nothing is waiting or under way. */
bool disk_is_idle(const struct disk *d);

/* Queue a READ.  False if there are too many; it is then forgotten. */
bool disk_read_add(struct disk *d, const struct read_order *order);

/* Queue a REPLAY, in place of an unfinished one for the same role.  False if
 * there is no room. */
bool disk_replay_add(struct disk *d, const struct replay_order *order);

static inline bool disk_is_reading(const struct disk *d)
{
    return d->read_count > 0;
}

enum disk_result {
    DISK_NOTHING,  /* no READ is left, or the budget is used up */
    DISK_RECORD,   /* d->record is one of the range of *tag */
    DISK_DONE,     /* the READ with *tag is through */
    DISK_REPLAYED, /* the REPLAY with *tag is */
    DISK_FAILED,   /* *fault says why */
};

/*
 * Go on with the oldest READ.  *budget is lowered by the bytes read from the
 * disk, which blocks.
 */
enum disk_result disk_read_next(struct disk *d, uint32_t *budget, uint64_t *tag,
                                struct wal_fault *fault);

#endif

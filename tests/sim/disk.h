/*
 * disk.h - the log of one machine: batches of records, written in groups,
 * several at once, and lost by a crash as far as they were not durable.
 *
 * A write is a batch of wire/segment.h.  Its bytes follow from its records and
 * its head, so they are made when somebody reads them: after a crash, when the
 * daemon's own scan says where the log ends, and for what is damaged.  What was
 * read once and is untouched since is not read again.
 */
#ifndef PAXOSKV_SIM_DISK_H
#define PAXOSKV_SIM_DISK_H

#include "base/prng.h"
#include "paxos/effects.h"
#include "sim/packet.h"
#include "wire/segment.h"

#define DISK_WRITES_MAX 8u
#define DISK_BATCH_MAX  (1u << 20) /* bytes of one batch */
#define DISK_SECTOR     512u       /* is written whole, or not */

struct disk_plan {
    uint64_t latency_ns; /* the least of a write */
    uint64_t jitter_ns;
    uint64_t stall_ns;      /* a write that stalls: up to so much more */
    uint16_t stall;         /* how many do, of 10,000 */
    uint16_t error;         /* how many writes fail, of 10,000 */
    uint16_t torn;          /* of what is in flight at a crash, of 10,000 */
    uint8_t in_flight;      /* writes at once, 1..DISK_WRITES_MAX */
    uint32_t segment_bytes; /* a segment ends behind so many */
};

/* What the checker wants to know of a record without decoding it again. */
struct disk_record {
    uint8_t type;
    struct ballot ballot;
    uint64_t slot; /* ACCEPT, CHOSEN; else 0 */
    uint64_t seq;  /* of the process that wrote it; 0: of an earlier one */
    struct packet *packet;
};

enum disk_fate {
    DISK_IN_FLIGHT,
    DISK_LANDED,
    DISK_LOST, /* nothing of it reached the disk */
    DISK_TORN, /* some sectors of it did */
};

struct disk_batch {
    struct batch_head head;
    uint32_t first; /* its records are [first, end) */
    uint32_t end;
    uint8_t fate;  /* enum disk_fate */
    uint32_t bit;  /* that is flipped, 0: none; else its number + 1 */
    uint64_t tear; /* which sectors of a torn one are lost */
};

/* records: [0, durable) durable, [durable, handed) in writes, then waiting.
 * batches: [0, landed) durable, then in flight. */
struct disk {
    struct disk_plan plan;
    struct prng random; /* and those of what may befall it: */
    struct prng stall_random;
    struct prng error_random;
    struct prng torn_random;
    struct prng rot_random;
    uint64_t instance;
    uint64_t incarnation; /* of the batches written in this life */
    struct disk_record *records;
    uint32_t count;
    uint32_t size;
    uint32_t durable;
    uint32_t handed;
    struct disk_batch *batches; /* in the order of the log */
    uint32_t batch_count;
    uint32_t batch_size;
    uint32_t landed;
    uint32_t sealed;          /* so many have their checksums in their heads */
    struct segment_scan scan; /* behind the last batch that was read well */
    uint32_t scanned;         /* how many those are */
    uint64_t slow_ns;         /* each write takes up to so much longer */
    bool corrupt;             /* a scan found damage: it cannot be used */
    const char *fault;        /* what the scan got wrong, or NULL */
    uint64_t lost;            /* records */
    uint64_t torn;            /* writes; and of these some ... */
    uint64_t errors;          /* ... failed, or ... */
    uint64_t stalls;          /* ... stalled */
};

void disk_init(struct disk *d, const struct disk_plan *plan, uint64_t instance,
               uint64_t seed);
void disk_clear(struct disk *d);

/* The next record of the log, waiting to be written. */
void disk_append(struct disk *d, const struct message *record, uint64_t seq);

/* Does anything wait to be written? */
static inline bool disk_has_waiting(const struct disk *d)
{
    return d->handed < d->count;
}

/*
 * Hand what waits to one write, if there is something and the writes in flight
 * allow it.  Returns the number of the write, 0: none, and how long it takes.
 */
uint64_t disk_submit(struct disk *d, uint64_t *takes_ns);

/*
 * That write has landed.  Durable is what lies before the first that has not.
 * Returns how many records are newly durable: those before d->durable.
 */
uint32_t disk_on_written(struct disk *d, uint64_t number);

/* Does the write that has just ended end with an error?  Then the process has
 * to end, too. */
bool disk_fails(struct disk *d);

/*
 * The machine dies.  What waits is lost; of the writes in flight any have
 * landed, or parts of them.  The log is scanned as the daemon does: it ends
 * before the first batch that is not whole, or is found corrupt.  Returns how
 * many records are durable now that were not known to be.
 */
uint32_t disk_crash(struct disk *d);

/*
 * An old copy of the disk of a machine that is down comes back: some batches,
 * a vote among them, are gone.  False if there is no vote to lose.
 */
bool disk_roll_back(struct disk *d);

/* Flip a bit in a batch that a later one covers; false if there is none. */
bool disk_rot(struct disk *d);

/*
 * The batch i of the log is read back while the machine runs.  False: its
 * checksums say that it is damaged.
 */
bool disk_read(struct disk *d, uint32_t i);

/* The disk is sound from now on; what is damaged stays so. */
void disk_calm(struct disk *d);

#endif

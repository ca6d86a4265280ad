/*
 * disk.h - the log of one machine: batches of records, written in groups,
 * several at once, and lost by a crash as far as they were not durable.
 */
#ifndef PAXOSKV_SIM_DISK_H
#define PAXOSKV_SIM_DISK_H

#include "base/prng.h"
#include "paxos/effects.h"
#include "sim/packet.h"

#define DISK_WRITES_MAX 8u

struct disk_plan {
    uint64_t latency_ns; /* the least of a write */
    uint64_t jitter_ns;
    uint64_t stall_ns; /* a write that stalls: up to so much more */
    uint16_t stall;    /* how many do, of 10,000 */
    uint8_t in_flight; /* writes at once, 1..DISK_WRITES_MAX */
};

/* What the checker wants to know of a record without decoding it again. */
struct disk_record {
    uint8_t type;
    struct ballot ballot;
    uint64_t slot; /* ACCEPT, CHOSEN; else 0 */
    uint64_t seq;  /* of the process that wrote it; 0: of an earlier one */
    struct packet *packet;
};

struct disk_write {
    uint64_t number; /* 0: free */
    uint32_t first;  /* its records are [first, end) */
    uint32_t end;
    bool landed;
};

/* records: [0, durable) durable, [durable, handed) in writes, then waiting. */
struct disk {
    struct disk_plan plan;
    struct prng random;
    struct disk_record *records;
    uint32_t count;
    uint32_t size;
    uint32_t durable;
    uint32_t handed;
    struct disk_write writes[DISK_WRITES_MAX]; /* in the order of the log */
    uint32_t write_count;
    uint64_t write_number;
    uint64_t lost; /* records */
};

void disk_init(struct disk *d, const struct disk_plan *plan, uint64_t seed);
void disk_clear(struct disk *d);

/* The next record of the log, waiting to be written. */
void disk_append(struct disk *d, const struct message *record, uint64_t seq);

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

/*
 * The machine dies.  What waits is lost; of the writes in flight any have
 * landed, but the scan ends before the first that has not.  Returns how many
 * records are durable now that were not known to be.
 */
uint32_t disk_crash(struct disk *d);

/*
 * An old copy of the disk of a machine that is down comes back: some records,
 * a vote among them, are gone.  False if there is no vote to lose.
 */
bool disk_roll_back(struct disk *d);

/* The disk is sound from now on. */
void disk_calm(struct disk *d);

#endif

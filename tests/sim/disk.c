/* disk.c - see disk.h */
#include "sim/disk.h"

#include "base/assert.h"
#include "wire/record.h"

#include <stdlib.h>

void disk_init(struct disk *d, const struct disk_plan *plan, uint64_t seed)
{
    ASSERT(plan->in_flight >= 1);
    ASSERT(plan->in_flight <= DISK_WRITES_MAX);

    *d = (struct disk){ .plan = *plan };
    prng_init(&d->random, seed);
}

static void disk_truncate(struct disk *d, uint32_t count)
{
    for (uint32_t i = count; i < d->count; i++) {
        packet_unref(d->records[i].packet);
    }
    d->count = count;
}

void disk_clear(struct disk *d)
{
    disk_truncate(d, 0);
    free(d->records);
    *d = (struct disk){ 0 };
}

void disk_append(struct disk *d, const struct message *record, uint64_t seq)
{
    if (d->count == d->size) {
        d->size = d->size ? d->size * 2 : 256;
        d->records = realloc(d->records, d->size * sizeof *d->records);
        ASSERT(d->records);
    }
    d->records[d->count++] = (struct disk_record){
        .type = record->type,
        .ballot = record->ballot,
        .slot = record_slot(record),
        .seq = seq,
        .packet = packet_of_record(record),
    };
}

static uint64_t disk_takes(struct disk *d)
{
    const struct disk_plan *p = &d->plan;
    uint64_t ns = p->latency_ns + prng_below(&d->random, p->jitter_ns + 1);

    if (p->stall && prng_below(&d->random, 10000) < p->stall) {
        ns += prng_below(&d->random, p->stall_ns + 1);
    }
    return ns;
}

uint64_t disk_submit(struct disk *d, uint64_t *takes_ns)
{
    if (d->handed == d->count) return 0;
    if (d->write_count == d->plan.in_flight) return 0;

    d->writes[d->write_count++] = (struct disk_write){
        .number = ++d->write_number,
        .first = d->handed,
        .end = d->count,
    };
    d->handed = d->count;
    *takes_ns = disk_takes(d);
    return d->write_number;
}

/* Let the writes that have landed, up to the first that has not, be durable. */
static uint32_t disk_advance(struct disk *d)
{
    const uint32_t before = d->durable;
    uint32_t done = 0;

    while (done < d->write_count && d->writes[done].landed) {
        ASSERT(d->writes[done].first == d->durable);
        d->durable = d->writes[done++].end;
    }
    d->write_count -= done;
    memmove(d->writes, d->writes + done, d->write_count * sizeof *d->writes);
    return d->durable - before;
}

uint32_t disk_on_written(struct disk *d, uint64_t number)
{
    for (uint32_t i = 0; i < d->write_count; i++) {
        if (d->writes[i].number == number) d->writes[i].landed = true;
    }
    return disk_advance(d);
}

uint32_t disk_crash(struct disk *d)
{
    uint32_t found;

    for (uint32_t i = 0; i < d->write_count; i++) {
        if (prng_below(&d->random, 2)) d->writes[i].landed = true;
    }
    found = disk_advance(d);
    d->write_count = 0;
    d->lost += d->count - d->durable;
    disk_truncate(d, d->durable);
    d->handed = d->durable;
    for (uint32_t i = 0; i < d->count; i++) d->records[i].seq = 0;
    return found;
}

bool disk_roll_back(struct disk *d)
{
    uint32_t last = d->count;

    ASSERT(d->durable == d->count);

    while (last > 0 && d->records[last - 1].type != RECORD_PROMISE &&
           d->records[last - 1].type != RECORD_ACCEPT) {
        last--;
    }
    if (last == 0) return false;
    disk_truncate(d, (uint32_t)prng_below(&d->random, last));
    d->durable = d->count;
    d->handed = d->count;
    return true;
}

void disk_calm(struct disk *d)
{
    d->plan.stall = 0;
}

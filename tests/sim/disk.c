/* disk.c - see disk.h; what a reader finds is in disk_scan.c. */
#include "sim/disk_private.h"

#include "base/assert.h"
#include "base/units.h"
#include "wire/record.h"

#include <stdlib.h>

static bool disk_chance(struct prng *random, uint32_t parts)
{
    return parts > 0 && prng_below(random, 10000) < parts;
}

void disk_init(struct disk *d, const struct disk_plan *plan, uint64_t instance,
               uint64_t seed)
{
    ASSERT(plan->in_flight >= 1);
    ASSERT(plan->in_flight <= DISK_WRITES_MAX);

    *d = (struct disk){ .plan = *plan, .instance = instance, .incarnation = 1 };
    prng_init(&d->random, seed);
    prng_init(&d->stall_random, seed + 1);
    prng_init(&d->error_random, seed + 2);
    prng_init(&d->torn_random, seed + 3);
    prng_init(&d->rot_random, seed + 4);
    segment_scan_init(&d->scan, instance);
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
    free(d->batches);
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

/* ---- writing ------------------------------------------------------------- */

static uint64_t disk_takes(struct disk *d)
{
    const struct disk_plan *p = &d->plan;
    uint64_t ns = p->latency_ns + prng_below(&d->random, p->jitter_ns + 1);

    if (d->slow_ns) ns += prng_below(&d->stall_random, d->slow_ns);
    if (disk_chance(&d->stall_random, p->stall)) {
        ns += prng_below(&d->stall_random, p->stall_ns + 1);
        d->stalls++;
    }
    return ns;
}

/* A batch behind the last one, without records. */
static struct disk_batch *disk_batch_new(struct disk *d)
{
    const struct disk_batch *last;
    struct disk_batch *b;

    if (d->batch_count == d->batch_size) {
        d->batch_size = d->batch_size ? d->batch_size * 2 : 64;
        d->batches = realloc(d->batches, d->batch_size * sizeof *d->batches);
        ASSERT(d->batches);
    }
    b = &d->batches[d->batch_count];
    *b = (struct disk_batch){
        .first = d->handed,
        .end = d->handed,
        .head = { .sequence = d->batch_count + 1,
                  .instance = d->instance,
                  .segment = 1,
                  .incarnation = d->incarnation,
                  .durable_upto = d->landed },
    };
    if (d->batch_count++ == 0) return b;
    last = b - 1;
    b->head.previous_low = last->head.slot_low;
    b->head.previous_high = last->head.slot_high;
    b->head.segment = last->head.segment;
    b->head.offset = last->head.offset + last->head.len;
    if (last->head.flags & SEGMENT_FLAG_LAST) {
        b->head.segment++;
        b->head.offset = 0;
    }
    return b;
}

static void batch_take(struct batch_head *h, const struct disk_record *r)
{
    h->records_len += SEGMENT_RECORD_HEAD + r->packet->len;
    h->count++;
    if (r->slot == 0) return;
    if (h->slot_low == 0 || r->slot < h->slot_low) h->slot_low = r->slot;
    h->slot_high = max_u64(h->slot_high, r->slot);
}

uint64_t disk_submit(struct disk *d, uint64_t *takes_ns)
{
    struct disk_batch *b;
    struct batch_head *h;

    if (d->handed == d->count) return 0;
    if (d->batch_count - d->landed == d->plan.in_flight) return 0;

    b = disk_batch_new(d);
    h = &b->head;
    while (b->end < d->count &&
           h->records_len + d->records[b->end].packet->len <
               DISK_BATCH_MAX - SEGMENT_BLOCK) {
        batch_take(h, &d->records[b->end++]);
    }
    ASSERT(b->end > b->first);
    h->len = segment_batch_len(h->records_len);
    if (h->offset + h->len >= d->plan.segment_bytes) {
        h->flags |= SEGMENT_FLAG_LAST;
    }
    d->handed = b->end;
    *takes_ns = disk_takes(d);
    return h->sequence;
}

uint32_t disk_on_written(struct disk *d, uint64_t number)
{
    const uint32_t before = d->durable;

    ASSERT(number > d->landed);
    ASSERT(number <= d->batch_count);

    d->batches[number - 1].fate = DISK_LANDED;
    while (d->landed < d->batch_count &&
           d->batches[d->landed].fate == DISK_LANDED) {
        d->durable = d->batches[d->landed++].end;
    }
    return d->durable - before;
}

bool disk_fails(struct disk *d)
{
    const bool fails = disk_chance(&d->error_random, d->plan.error);

    d->errors += fails;
    return fails;
}

/* ---- what befalls it ----------------------------------------------------- */

/* The log ends behind its first batches. */
static void disk_cut(struct disk *d, uint32_t batches)
{
    const uint32_t end = batches ? d->batches[batches - 1].end : 0;

    ASSERT(batches <= d->batch_count);

    disk_truncate(d, end);
    d->batch_count = batches;
    d->landed = batches;
    d->sealed = (uint32_t)min_u64(d->sealed, batches);
    d->durable = end;
    d->handed = end;
}

uint32_t disk_crash(struct disk *d)
{
    const uint32_t before = d->durable;

    for (uint32_t i = d->landed; i < d->batch_count; i++) {
        uint8_t *fate = &d->batches[i].fate;

        if (*fate == DISK_LANDED) continue;
        *fate = prng_below(&d->random, 2) ? DISK_LANDED : DISK_LOST;
        if (!disk_chance(&d->torn_random, d->plan.torn)) continue;
        *fate = DISK_TORN;
        d->batches[i].tear = prng_next(&d->torn_random);
        d->torn++;
    }
    disk_scan(d);
    d->slow_ns = 0;
    if (d->fault || d->corrupt) return 0;
    d->lost += d->count - (d->scanned ? d->batches[d->scanned - 1].end : 0);
    disk_cut(d, d->scanned);
    d->incarnation = d->scan.incarnation + 1;
    for (uint32_t i = 0; i < d->count; i++) d->records[i].seq = 0;
    return d->durable - before;
}

static bool disk_has_vote(const struct disk *d, const struct disk_batch *b)
{
    for (uint32_t i = b->first; i < b->end; i++) {
        const uint8_t type = d->records[i].type;

        if (type == RECORD_PROMISE || type == RECORD_ACCEPT) return true;
    }
    return false;
}

bool disk_roll_back(struct disk *d)
{
    uint32_t last = d->batch_count;

    ASSERT(d->durable == d->count);

    while (last > 0 && !disk_has_vote(d, &d->batches[last - 1])) last--;
    if (last == 0) return false;
    disk_cut(d, (uint32_t)prng_below(&d->random, last));
    disk_scan_again(d);
    return !d->fault;
}

bool disk_rot(struct disk *d)
{
    struct disk_batch *b;
    uint64_t covered;

    if (d->landed == 0) return false;
    covered = d->batches[d->landed - 1].head.durable_upto;
    if (covered == 0) return false;
    b = &d->batches[prng_below(&d->rot_random, covered)];
    if (b->bit) return false;
    b->bit = 1 +
             (uint32_t)prng_below(&d->rot_random, 8 * (uint64_t)b->head.len);
    disk_scan_later(d);
    return true;
}

void disk_calm(struct disk *d)
{
    d->plan.stall = 0;
    d->plan.error = 0;
    d->slow_ns = 0;
}

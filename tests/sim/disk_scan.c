/* disk_scan.c - see disk.h: what is found on a disk, by the daemon's codec. */
#include "sim/disk_private.h"

#include "base/assert.h"

/* The batch that is looked at. */
static uint8_t image[DISK_BATCH_MAX];

/* Make the batch behind those that are sealed, or one of these again. */
static void disk_seal(struct disk *d, uint32_t i)
{
    struct disk_batch *b = &d->batches[i];
    const uint32_t crc = b->head.head_crc;
    uint8_t *at = image + SEGMENT_HEAD;

    ASSERT(i <= d->sealed);

    for (uint32_t k = b->first; k < b->end; k++) {
        const struct packet *p = d->records[k].packet;

        at += segment_put(at, p->type, p->slot, bytes_of(p->bytes, p->len),
                          bytes_of(NULL, 0));
    }
    if (i > 0) b->head.previous_crc = d->batches[i - 1].head.head_crc;
    segment_seal(image, &b->head);
    if (i < d->sealed) ASSERT(b->head.head_crc == crc);
    if (i == d->sealed) d->sealed++;
}

/* Make batch i as it was handed to the disk. */
static void disk_make(struct disk *d, uint32_t i)
{
    while (d->sealed < i) disk_seal(d, d->sealed);
    disk_seal(d, i);
}

static bool sector_is_zero(const uint8_t *sector)
{
    return sector[0] == 0 && memcmp(sector, sector + 1, DISK_SECTOR - 1) == 0;
}

/* Some sectors stay what they were: zeros.  Either the last ones, or any. */
static bool image_tear(uint64_t tear, uint32_t len)
{
    const uint32_t sectors = len / DISK_SECTOR;
    struct prng random;
    bool changed = false;
    bool tail;
    uint32_t from;

    prng_init(&random, tear);
    tail = prng_below(&random, 2);
    from = (uint32_t)prng_below(&random, sectors);
    for (uint32_t i = 0; i < sectors; i++) {
        uint8_t *sector = image + (size_t)i * DISK_SECTOR;

        if (tail ? i < from : prng_below(&random, 2) != 0) continue;
        changed = changed || !sector_is_zero(sector);
        memset(sector, 0, DISK_SECTOR);
    }
    return changed;
}

/* Make batch i as it stands on the disk; true if that is as it was written. */
static bool disk_load(struct disk *d, uint32_t i)
{
    struct disk_batch *b = &d->batches[i];
    bool whole = true;

    disk_make(d, i);
    switch ((enum disk_fate)b->fate) {
    case DISK_LANDED:
        break;
    case DISK_TORN:
        whole = !image_tear(b->tear, b->head.len);
        break;
    case DISK_IN_FLIGHT:
    case DISK_LOST:
        memset(image, 0, b->head.len);
        whole = false;
        break;
    }
    if (b->bit == 0) return whole;
    image[(b->bit - 1) / 8] ^= (uint8_t)(1u << (b->bit - 1) % 8);
    return false;
}

/* Are the records in the image those that were written? */
static bool disk_has_records(const struct disk *d, const struct disk_batch *b)
{
    const struct bytes records = segment_records(image, &b->head);
    struct segment_record r;
    uint32_t at = 0;
    uint32_t i = b->first;

    for (; segment_get(records, &at, &r) && i < b->end; i++) {
        const struct packet *p = d->records[i].packet;

        if (r.type != p->type || r.slot != p->slot) return false;
        if (!bytes_equal(r.body, bytes_of(p->bytes, p->len))) return false;
    }
    return i == b->end;
}

/* Read the next batch: false where the log ends, or seems to. */
static bool disk_scan_next(struct disk *d)
{
    const struct disk_batch *b = &d->batches[d->scanned];
    const bool whole = disk_load(d, d->scanned);
    const bool good = segment_scan_next(&d->scan, image, b->head.len) ==
                      SEGMENT_GOOD;

    if (good != whole) {
        d->fault = good ? "a damaged batch is taken for whole"
                        : "a whole batch is taken for damaged";
    } else if (good && !disk_has_records(d, b)) {
        d->fault = "other records are read than were written";
    }
    d->scanned += good;
    return good && !d->fault;
}

/* The log ends here, or is damaged: what stands behind says which. */
static void disk_judge(struct disk *d)
{
    enum segment_verdict verdict = SEGMENT_BAD;

    for (uint32_t i = d->scanned; i < d->batch_count; i++) {
        const struct batch_head *h = &d->batches[i].head;

        disk_load(d, i);
        for (uint32_t at = 0; at < h->len; at += SEGMENT_BLOCK) {
            if (verdict != SEGMENT_BAD) break;
            verdict = segment_scan_behind(&d->scan, h->segment, h->offset + at,
                                          image + at, SEGMENT_BLOCK);
        }
    }
    d->corrupt = verdict == SEGMENT_CORRUPT;
    if (verdict == SEGMENT_FOREIGN) d->fault = "a log is taken for another's";
}

void disk_scan(struct disk *d)
{
    const uint32_t durable = d->landed;
    bool rotten = false;

    while (d->scanned < d->batch_count && disk_scan_next(d)) {
    }
    if (d->fault) return;
    for (uint32_t i = d->scanned; i < durable; i++) {
        rotten = rotten || d->batches[i].bit;
    }
    disk_judge(d);
    if (d->fault || d->corrupt == rotten) return;
    d->fault = rotten ? "damage is taken for a torn tail"
                      : "a torn tail is taken for damage";
}

void disk_scan_later(struct disk *d)
{
    d->scanned = 0;
    segment_scan_init(&d->scan, d->instance);
}

void disk_scan_again(struct disk *d)
{
    disk_scan_later(d);
    disk_scan(d);
    if (d->scanned < d->batch_count && !d->fault) {
        d->fault = "a whole log is not read to its end";
    }
    d->incarnation = d->scan.incarnation + 1;
}

bool disk_read(struct disk *d, uint32_t i)
{
    struct batch_head h = { 0 };
    const struct batch_head *want = &d->batches[i].head;
    bool good;

    ASSERT(i < d->landed);
    if (d->batches[i].bit == 0) return true; /* as it was written */

    disk_load(d, i);
    good = segment_head(image, d->instance, want->segment, want->offset, &h) &&
           segment_body_is_good(image, &h);
    if (good) d->fault = "a damaged batch is read";
    return good;
}

/*
 * replay_log.c - see replay_log.h
 *
 * A slot that was executed is chosen.  So is every value accepted in it from
 * the ballot on under which it was shown chosen, and a record of that is in
 * the log: the accept at the highest ballot holds the value, where no record
 * says outright what was chosen.
 */
#include "sim/replay_log.h"

#include "wire/record.h"
#include "wire/segment.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_MAX (UINT64_C(1) << 28)

/* What is known of a slot. */
struct source {
    struct ballot ballot;
    struct value value; /* in the mapped log */
    bool chosen;
};

struct sources {
    struct source *slots; /* slot s is at s - 1 */
    uint64_t upto;
};

static void take_record(struct sources *s, const struct segment_record *r)
{
    struct message m;
    struct source *at;
    const bool chosen = r->type == RECORD_CHOSEN;

    if (record_decode(&m, r->type, r->slot, r->body) < 0) return;
    if (r->slot < 1 || r->slot > s->upto) return;
    at = &s->slots[r->slot - 1];
    if (at->chosen) return;
    if (!chosen && ballot_cmp(m.ballot, at->ballot) < 0) return;
    *at = (struct source){
        .ballot = m.ballot,
        .value = chosen ? m.decided.value : m.accept.value,
        .chosen = chosen,
    };
}

static void take_batch(struct sources *s, const uint8_t *batch,
                       const struct batch_head *h)
{
    struct segment_record r;
    uint32_t at = 0;

    while (segment_get(segment_records(batch, h), &at, &r)) take_record(s, &r);
}

/* A segment in memory, where it stays to the end; NULL: there is none. */
static const uint8_t *map_segment(const char *dir, uint64_t number,
                                  size_t *size)
{
    const uint8_t *at = MAP_FAILED;
    char path[4096];
    struct stat st;
    int fd;

    snprintf(path, sizeof path, "%s/%08" PRIu64 ".log", dir, number);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        *size = (size_t)st.st_size;
        at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

/* Up to the first batch that is not whole: what is behind was never told. */
static void take_log(struct sources *s, const char *dir, uint64_t instance)
{
    struct segment_scan scan;
    const uint8_t *at = NULL;
    uint64_t number = 0;
    size_t size = 0;

    segment_scan_init(&scan, instance);
    for (;;) {
        if (scan.segment != number) {
            number = scan.segment;
            at = map_segment(dir, number, &size);
        }
        if (!at || scan.offset >= size) return;
        if (segment_scan_next(&scan, at + scan.offset, size - scan.offset) !=
            SEGMENT_GOOD)
            return;
        take_batch(s, at + scan.last.offset, &scan.last);
    }
}

static bool execute(struct node *node, const struct sources *s)
{
    for (uint64_t slot = 1; slot <= s->upto; slot++) {
        const struct source *at = &s->slots[slot - 1];
        const struct message m = {
            .type = RECORD_CHOSEN,
            .ballot = at->ballot,
            .decided = { .slot = slot, .value = at->value },
        };
        int rc;

        if (at->value.len == 0) {
            fprintf(stderr,
                    "paxoskv-sim: slot %" PRIu64 " of %" PRIu64
                    " is not in the log\n",
                    slot, s->upto);
            return false;
        }
        rc = node_recover(node, &m);
        if (rc < 0) {
            fprintf(stderr, "paxoskv-sim: slot %" PRIu64 ": refused (%d)\n",
                    slot, rc);
            return false;
        }
    }
    return true;
}

bool replay_log(struct node *node, const char *dir, uint64_t instance,
                uint64_t upto)
{
    struct sources s = { .upto = upto };
    bool done;

    if (upto == 0) return true;
    if (upto <= SLOTS_MAX) s.slots = calloc(upto, sizeof *s.slots);
    if (!s.slots) {
        fprintf(stderr, "paxoskv-sim: no memory for %" PRIu64 " slots\n", upto);
        return false;
    }
    take_log(&s, dir, instance);
    done = execute(node, &s);
    free(s.slots);
    return done;
}

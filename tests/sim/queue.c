/*
 * queue.c - see queue.h: a heap in which each has four below it, which is half
 * as deep as one of two.
 */
#include "sim/queue.h"

#include "base/assert.h"
#include "sim/packet.h"

#include <stdlib.h>

#define BELOW      4u
#define PLACE_BITS 24u
#define PLACE_MASK ((1u << PLACE_BITS) - 1)

static unsigned __int128 key_number(const struct queue_key *k)
{
    return (unsigned __int128)k->at_ns << 64 | k->tag;
}

static bool key_is_before(const struct queue_key *a, const struct queue_key *b)
{
    return key_number(a) < key_number(b);
}

static uint32_t key_place(const struct queue_key *k)
{
    return (uint32_t)(k->tag & PLACE_MASK);
}

static void queue_grow(struct queue *q)
{
    const uint32_t size = q->size ? q->size * 2 : 256;

    ASSERT(size <= PLACE_MASK + 1);
    q->heap = realloc(q->heap, size * sizeof *q->heap);
    q->dues = realloc(q->dues, size * sizeof *q->dues);
    ASSERT(q->heap && q->dues);
    for (; q->size < size; q->size++) q->heap[q->size].tag = q->size;
}

void queue_push(struct queue *q, struct due d)
{
    uint32_t i = q->count;
    struct queue_key key = { .at_ns = d.at_ns };
    uint32_t place;

    if (q->count == q->size) queue_grow(q);
    place = key_place(&q->heap[q->count++]);
    key.tag = q->order++ << PLACE_BITS | place;
    q->dues[place] = d;
    while (i > 0 && key_is_before(&key, &q->heap[(i - 1) / BELOW])) {
        q->heap[i] = q->heap[(i - 1) / BELOW];
        i = (i - 1) / BELOW;
    }
    q->heap[i] = key;
}

/* The first of those below i, or i if there are none. */
static uint32_t queue_below(const struct queue *q, uint32_t i)
{
    const uint32_t first = BELOW * i + 1;
    const uint32_t end = first + BELOW < q->count ? first + BELOW : q->count;
    uint32_t best = first;

    if (first >= q->count) return i;
    for (uint32_t k = first + 1; k < end; k++) {
        best = key_is_before(&q->heap[k], &q->heap[best]) ? k : best;
    }
    return best;
}

bool queue_pop(struct queue *q, struct due *d)
{
    struct queue_key first;
    struct queue_key last;
    uint32_t i = 0;
    uint32_t next;

    if (q->count == 0) return false;
    first = q->heap[0];
    last = q->heap[--q->count];
    *d = q->dues[key_place(&first)];
    while ((next = queue_below(q, i)) != i) {
        if (!key_is_before(&q->heap[next], &last)) break;
        q->heap[i] = q->heap[next];
        i = next;
    }
    q->heap[i] = last;
    q->heap[q->count].tag = key_place(&first);
    return true;
}

void queue_clear(struct queue *q)
{
    for (uint32_t i = 0; i < q->count; i++) {
        packet_unref(q->dues[key_place(&q->heap[i])].packet);
    }
    free(q->heap);
    free(q->dues);
    *q = (struct queue){ 0 };
}

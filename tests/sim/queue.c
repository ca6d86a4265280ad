/*
 * queue.c - see queue.h: a heap in which each has four below it, which is half
 * as deep as one of two.
 */
#include "sim/queue.h"

#include "base/assert.h"
#include "sim/packet.h"

#include <stdlib.h>

#define BELOW 4u

static bool due_is_before(const struct due *a, const struct due *b)
{
    if (a->at_ns != b->at_ns) return a->at_ns < b->at_ns;
    return a->order < b->order;
}

static void queue_grow(struct queue *q)
{
    q->size = q->size ? q->size * 2 : 256;
    q->heap = realloc(q->heap, q->size * sizeof *q->heap);
    ASSERT(q->heap);
}

void queue_push(struct queue *q, struct due d)
{
    uint32_t i = q->count;

    if (q->count == q->size) queue_grow(q);
    q->count++;
    d.order = q->order++;
    while (i > 0 && due_is_before(&d, &q->heap[(i - 1) / BELOW])) {
        q->heap[i] = q->heap[(i - 1) / BELOW];
        i = (i - 1) / BELOW;
    }
    q->heap[i] = d;
}

/* The first of those below i, or i if there are none. */
static uint32_t queue_below(const struct queue *q, uint32_t i)
{
    const uint32_t first = BELOW * i + 1;
    const uint32_t end = first + BELOW < q->count ? first + BELOW : q->count;
    uint32_t best = first;

    if (first >= q->count) return i;
    for (uint32_t k = first + 1; k < end; k++) {
        if (due_is_before(&q->heap[k], &q->heap[best])) best = k;
    }
    return best;
}

bool queue_pop(struct queue *q, struct due *d)
{
    const struct due *last;
    uint32_t i = 0;
    uint32_t next;

    if (q->count == 0) return false;
    *d = q->heap[0];
    last = &q->heap[--q->count];
    while ((next = queue_below(q, i)) != i) {
        if (!due_is_before(&q->heap[next], last)) break;
        q->heap[i] = q->heap[next];
        i = next;
    }
    q->heap[i] = *last;
    return true;
}

void queue_clear(struct queue *q)
{
    for (uint32_t i = 0; i < q->count; i++) packet_unref(q->heap[i].packet);
    free(q->heap);
    *q = (struct queue){ 0 };
}

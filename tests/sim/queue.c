/* queue.c - see queue.h: a binary heap. */
#include "sim/queue.h"

#include "base/assert.h"
#include "sim/packet.h"

#include <stdlib.h>

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
    while (i > 0 && due_is_before(&d, &q->heap[(i - 1) / 2])) {
        q->heap[i] = q->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->heap[i] = d;
}

bool queue_pop(struct queue *q, struct due *d)
{
    struct due last;
    uint32_t i = 0;

    if (q->count == 0) return false;
    *d = q->heap[0];
    last = q->heap[--q->count];
    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child >= q->count) break;
        if (child + 1 < q->count &&
            due_is_before(&q->heap[child + 1], &q->heap[child])) {
            child++;
        }
        if (!due_is_before(&q->heap[child], &last)) break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    return true;
}

void queue_clear(struct queue *q)
{
    for (uint32_t i = 0; i < q->count; i++) packet_unref(q->heap[i].packet);
    free(q->heap);
    *q = (struct queue){ 0 };
}

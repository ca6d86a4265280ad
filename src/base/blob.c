/* blob.c - see blob.h */
#include "base/blob.h"

#include "base/assert.h"

#include <errno.h>

#define NOTHING_FREE 1u

static size_t tree_size(uint32_t order)
{
    return (size_t)2 << (order - BLOB_ORDER_MIN);
}

/* What tree[] would say of a free block of this order if it were inside. */
static uint32_t mark_of(uint32_t order)
{
    return order + 1;
}

/* 1 + order of the largest free block in a node of this order. */
static uint32_t node_mark(const struct blob_pool *p, uint64_t node,
                          uint32_t order)
{
    return p->tree[node] == 0 ? mark_of(order) : p->tree[node];
}

static uint32_t order_for(uint64_t size)
{
    uint32_t order = BLOB_ORDER_MIN;

    while ((UINT64_C(1) << order) < size) order++;
    return order;
}

size_t blob_pool_size(uint32_t order)
{
    ASSERT(order >= BLOB_ORDER_MIN);
    ASSERT(order <= BLOB_ORDER_MAX);

    return ARENA_SIZE((size_t)1 << order) + ARENA_SIZE(tree_size(order));
}

int blob_pool_init(struct blob_pool *p, uint32_t order, struct arena *mem)
{
    ASSERT(order >= BLOB_ORDER_MIN);
    ASSERT(order <= BLOB_ORDER_MAX);

    *p = (struct blob_pool){ .order = order };
    p->tree = arena_take(mem, 1, tree_size(order));
    p->region = arena_take(mem, 1, (size_t)1 << order);
    if (!p->tree || !p->region) return -ENOMEM;
    return 0;
}

/*
 * Tell the ancestors of node, of the given order, that its mark has changed.
 * A node whose halves are both free is one free block again: they merge.
 */
static void tree_update(struct blob_pool *p, uint64_t node, uint32_t order)
{
    for (; node > 1; node >>= 1, order++) {
        const uint64_t parent = node >> 1;
        const uint32_t left = node_mark(p, 2 * parent, order);
        const uint32_t right = node_mark(p, 2 * parent + 1, order);
        const uint8_t old = p->tree[parent];

        if (p->tree[2 * parent] == 0 && p->tree[2 * parent + 1] == 0)
            p->tree[parent] = 0;
        else
            p->tree[parent] = (uint8_t)(left > right ? left : right);
        if (p->tree[parent] == old) return;
    }
}

struct blob *blob_new(struct blob_pool *p, uint32_t len)
{
    const uint32_t want = order_for(sizeof(struct blob) + (uint64_t)len);
    uint32_t order = p->order;
    uint64_t node = 1;
    uint64_t offset;
    struct blob *b;

    if (want > p->order) return NULL;
    if (node_mark(p, node, order) < mark_of(want)) return NULL;

    for (; order > want; order--) {
        /* The halves of a free block read as free: they were merged so. */
        node *= 2;
        if (node_mark(p, node, order - 1) < mark_of(want)) node++;
    }
    ASSERT(p->tree[node] == 0);
    p->tree[node] = NOTHING_FREE;
    tree_update(p, node, order);
    p->bytes_used += UINT64_C(1) << order;

    offset = (node - (UINT64_C(1) << (p->order - order))) << order;
    b = (struct blob *)(void *)(p->region + offset);
    b->refs = 1;
    b->len = len;
    b->order = (uint8_t)order;
    return b;
}

uint64_t blob_pool_top(const struct blob_pool *p)
{
    uint32_t order = p->order;
    uint64_t node = 1;

    if (p->tree[node] == 0) return 0;
    while (order > BLOB_ORDER_MIN) {
        /* A block given out has halves that read as free. */
        if (p->tree[2 * node] == 0 && p->tree[2 * node + 1] == 0) break;
        node = p->tree[2 * node + 1] ? 2 * node + 1 : 2 * node;
        order--;
    }
    return (node + 1 - (UINT64_C(1) << (p->order - order))) << order;
}

void blob_unref(struct blob_pool *p, struct blob *b)
{
    uint64_t offset;
    uint64_t node;

    if (!b) return;
    ASSERT(b->refs > 0);
    if (--b->refs > 0) return;

    offset = (uint64_t)((uint8_t *)b - p->region);
    ASSERT(offset < (UINT64_C(1) << p->order));
    ASSERT(b->order >= BLOB_ORDER_MIN && b->order <= p->order);
    node = (UINT64_C(1) << (p->order - b->order)) + (offset >> b->order);
    ASSERT(p->tree[node] == NOTHING_FREE);

    p->bytes_used -= UINT64_C(1) << b->order;
    p->tree[node] = 0;
    tree_update(p, node, b->order);
}

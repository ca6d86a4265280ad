/*
 * blob.h - counted byte strings out of one bounded region (a buddy system).
 *
 * Sizes are rounded up to powers of two, free neighbours merge, the lowest
 * address is given out first, so that a small load touches little memory.
 *
 * The blocks form a binary tree: node 1 is the region, nodes 2i and 2i + 1
 * are the halves of node i.  tree[i] is 0 if all of it is free, else 1 + the
 * order of the largest free block inside, or 1 if there is none.  So zeroed
 * memory is an empty pool, and starting one touches nothing.
 */
#ifndef PAXOSKV_BASE_BLOB_H
#define PAXOSKV_BASE_BLOB_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

#define BLOB_ORDER_MIN 7u  /* 128 bytes: the smallest block */
#define BLOB_ORDER_MAX 32u /* and a bound on the region */

struct blob {
    uint32_t refs;
    uint32_t len;
    uint8_t order; /* the block is 1 << order bytes, this header included */
    uint8_t pad[7];
    uint8_t bytes[];
};

struct blob_pool {
    uint8_t *region;
    uint8_t *tree;
    uint32_t order;      /* the region is 1 << order bytes */
    uint64_t bytes_used; /* in blocks given out */
};

/*
 * Bytes of arena that a pool of 1 << order bytes takes; order is from
 * BLOB_ORDER_MIN to BLOB_ORDER_MAX.
 */
size_t blob_pool_size(uint32_t order);

/* Returns 0, or -ENOMEM if mem, which holds zeros, is too small. */
int blob_pool_init(struct blob_pool *p, uint32_t order, struct arena *mem);

/* Returns a blob of len bytes, unset, with one reference; NULL when dry. */
struct blob *blob_new(struct blob_pool *p, uint32_t len);

static inline struct blob *blob_ref(struct blob *b)
{
    b->refs++;
    return b;
}

/* Bytes of the region behind which no block is given out. */
uint64_t blob_pool_top(const struct blob_pool *p);

/* Drop one reference; the last one frees.  NULL is allowed. */
void blob_unref(struct blob_pool *p, struct blob *b);

#endif

/*
 * store.h - keys and values: the tree, counted and hashed.
 *
 * Each pair counts key + value + KV_PAIR_COST bytes; a write that would lift
 * the sum over bytes_max is refused, by the state alone (P33).
 */
#ifndef PAXOSKV_KV_STORE_H
#define PAXOSKV_KV_STORE_H

#include "kv/tree.h"

struct store {
    struct memory *memory;
    struct tree tree;
    uint64_t bytes_max;
    uint64_t bytes; /* as counted */
    uint64_t hash;  /* sum over the pairs of store_pair_hash */
};

/* Returns 0, or -ENOMEM; *m must outlive the store. */
int store_init(struct store *s, uint64_t bytes_max, struct memory *m);

void store_destroy(struct store *s);

/* The pair of key, or NULL; good until the next change. */
const struct pair *store_find(const struct store *s, struct bytes key);

/*
 * Put value under key as written in slot version.  Returns 0; -ENOSPC if it
 * needs more bytes than are left and more than the pair has now; -ENOMEM.
 * After an error the store is as it was.  value may lie in the old pair.
 */
int store_put(struct store *s, struct bytes key, struct bytes value,
              uint64_t version);

/* Delete key.  Returns 0, or -ENOENT. */
int store_delete(struct store *s, struct bytes key);

/* The share of a pair in the hash of the store: of key, value and version. */
uint64_t store_pair_hash(const struct pair *p);

#endif

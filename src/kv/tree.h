/*
 * tree.h - ordered map from keys to pairs: a B+tree whose separators are cut
 * short (Bayer and Unterauer 1977, Prefix B-Trees).
 *
 * All pairs are in the leaves.  Kid i of an inner node holds the keys k with
 * separator[i - 1] <= k < separator[i].  The separators around a node, its
 * fences, share a prefix, and so does all between them: a node skips these
 * bytes (an inner one maybe more), and keeps the 8 bytes behind them of each of
 * its keys, as a number, in heads.  A search compares heads, and reads a key
 * only where they tie.
 */
#ifndef PAXOSKV_KV_TREE_H
#define PAXOSKV_KV_TREE_H

#include "kv/memory.h"

#define TREE_FANOUT     64u /* most keys of a node */
#define TREE_SPARSE     16u /* with fewer keys it looks for a neighbour */
#define TREE_HEIGHT_MAX 16u /* reached at 16^15 pairs, so never */
#define TREE_WARM       16u /* keys looked up side by side */

/* A key and its value in one piece; also a separator, without a value. */
struct pair {
    uint64_t version; /* slot of the last write */
    uint64_t hash;    /* its share of the state hash */
    uint32_t value_len;
    uint16_t key_len;
    uint8_t bytes[]; /* key, value */
};

struct tree_node {
    uint16_t count;  /* of a leaf's pairs, or an inner node's separators */
    uint16_t shared; /* bytes that all keys between its fences share */
    uint16_t skip;   /* bytes that all its own keys share, for the heads */
    bool leaf;
    struct tree_node *next; /* to the right, at the same height */
    uint64_t heads[TREE_FANOUT];
    struct pair *pairs[TREE_FANOUT];
    struct tree_node *kids[]; /* inner nodes: TREE_FANOUT + 1 */
};

struct tree {
    struct memory *memory;
    struct tree_node *root;
    uint64_t count; /* pairs */
};

/* Where a key is, or would be. */
struct tree_place {
    struct tree_node *leaf;
    uint32_t index;
    bool found;
};

static inline struct bytes pair_key(const struct pair *p)
{
    return bytes_of(p->bytes, p->key_len);
}

static inline struct bytes pair_value(const struct pair *p)
{
    return bytes_of(p->bytes + p->key_len, p->value_len);
}

/* Bytes of memory of a pair; a little rounded, to be overwritten in place. */
size_t pair_size(uint32_t key_len, uint32_t value_len);

/* Returns a pair with this key and room for the value, or NULL. */
struct pair *pair_new(struct memory *m, struct bytes key, uint32_t value_len);

void pair_free(struct memory *m, struct pair *p);

/* Returns 0, or -ENOMEM; *m must outlive the tree. */
int tree_init(struct tree *t, struct memory *m);

/* Give back the tree and all pairs in it. */
void tree_destroy(struct tree *t);

/* The place of the first pair whose key is not less than key. */
struct tree_place tree_seek(const struct tree *t, struct bytes key);

/*
 * Bring into the processor's cache what a search for each of these keys will
 * read: their cache misses overlap.  A hint, which changes nothing.
 */
void tree_warm(const struct tree *t, const struct bytes *keys, uint32_t count);

/*
 * The pair at a place, or the first one behind it (*p moves on to it); NULL
 * at the end.  To go on, raise p->index.  Good until the tree changes.
 */
struct pair *tree_pair(struct tree_place *p);

/*
 * Insert a pair, the tree's from now on, at the place that tree_seek found
 * for its key, which must be absent.  Returns 0, or -ENOMEM: no change.
 */
int tree_insert(struct tree *t, struct tree_place at, struct pair *pair);

/* Returns the pair taken out of the tree, the caller's now; NULL: absent. */
struct pair *tree_remove(struct tree *t, struct bytes key);

#endif

/*
 * tree_node.h - one node of the tree: how it is searched and changed.
 *
 * Only tree.c uses this.  A node does not know its parent: what its keys
 * share is told to it by its fences, the separators around it.
 */
#ifndef PAXOSKV_KV_TREE_NODE_H
#define PAXOSKV_KV_TREE_NODE_H

#include "kv/tree.h"

/* The separators around a node; NULL where there is no bound. */
struct fences {
    const struct pair *low;
    const struct pair *high;
};

/* The fences of kid i of a node that lies between f. */
static inline struct fences fences_of_kid(const struct tree_node *n, uint32_t i,
                                          struct fences f)
{
    if (i > 0) f.low = n->pairs[i - 1];
    if (i < n->count) f.high = n->pairs[i];
    return f;
}

/* Ask for all cache lines at once that a search of the heads may read. */
static inline void tree_node_prefetch(const struct tree_node *n)
{
    for (uint32_t i = 0; i < TREE_FANOUT; i += 8)
        __builtin_prefetch(&n->heads[i]);
    __builtin_prefetch(n);
}

/* Returns an empty node, or NULL without memory. */
struct tree_node *tree_node_new(struct memory *m, bool leaf);

/* Give back the node alone: neither pairs nor kids. */
void tree_node_free(struct memory *m, struct tree_node *n);

/* The node now lies between f, or was changed by one of the last three here. */
void tree_node_set_fences(struct tree_node *n, struct fences f);

/* The number of keys below key, and whether the next one is key itself. */
uint32_t tree_node_search(const struct tree_node *n, struct bytes key,
                          bool *found);

/* The kid of an inner node where key belongs. */
static inline uint32_t tree_node_kid(const struct tree_node *n,
                                     struct bytes key)
{
    bool found;
    const uint32_t i = tree_node_search(n, key, &found);

    return found ? i + 1 : i;
}

/* About where key is in a leaf: looks at the heads alone. */
uint32_t tree_node_guess(const struct tree_node *n, struct bytes key);

/* Insert p as key i; the node is not full. */
void tree_node_insert(struct tree_node *n, uint32_t i, struct pair *p);

/* Take key i out. */
void tree_node_delete(struct tree_node *n, uint32_t i);

/* Insert separator i of an inner node, and the kid to the right of it. */
void tree_node_insert_kid(struct tree_node *n, uint32_t i,
                          struct pair *separator, struct tree_node *kid);

/* Take out separator i, and the kid to the right of it. */
void tree_node_delete_kid(struct tree_node *n, uint32_t i);

/* Put another separator in the place of separator i. */
void tree_node_turn(struct tree_node *n, uint32_t i, struct pair *separator);

/*
 * Move the upper half of n, which is full, to right, which is empty.  Returns
 * the separator for between them, or NULL without memory: no change.  After
 * this and the two below the caller owes both nodes a tree_node_set_fences.
 */
struct pair *tree_node_split(struct memory *m, struct tree_node *n,
                             struct tree_node *right);

/* Move all of right, the separator first if they are inner, to left. */
void tree_node_join(struct tree_node *left, const struct tree_node *right,
                    struct pair *separator);

/*
 * Make two neighbours, one sparse and one rather full, about equal.  Returns
 * the separator for between them (of leaves: a new one); NULL without memory:
 * then leaves stay as they are, which is no harm.
 */
struct pair *tree_node_even_out(struct memory *m, struct tree_node *left,
                                struct tree_node *right,
                                struct pair *separator);

#endif

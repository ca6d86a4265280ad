/* tree.c - see tree.h */
#include "kv/tree_node.h"

#include <errno.h>

/* One node on the way from the root, and the kid taken there. */
struct step {
    struct tree_node *node;
    uint32_t kid;
    struct fences fences;
};

struct path {
    struct step steps[TREE_HEIGHT_MAX];
    uint32_t depth; /* of the leaf */
};

size_t pair_size(uint32_t key_len, uint32_t value_len)
{
    const size_t size = offsetof(struct pair, bytes) + key_len + value_len;
    const size_t aligned = (size + 7) & ~(size_t)7;

    return aligned < sizeof(struct pair) ? sizeof(struct pair) : aligned;
}

struct pair *pair_new(struct memory *m, struct bytes key, uint32_t value_len)
{
    struct pair *p;

    ASSERT(key.len <= UINT16_MAX);

    p = memory_take(m, pair_size(key.len, value_len));
    if (!p) return NULL;
    p->version = 0;
    p->hash = 0;
    p->key_len = (uint16_t)key.len;
    p->value_len = value_len;
    if (key.len) memcpy(p->bytes, key.at, key.len);
    return p;
}

void pair_free(struct memory *m, struct pair *p)
{
    memory_give(m, p, pair_size(p->key_len, p->value_len));
}

int tree_init(struct tree *t, struct memory *m)
{
    *t = (struct tree){ .memory = m };
    t->root = tree_node_new(m, true);
    return t->root ? 0 : -ENOMEM;
}

void tree_destroy(struct tree *t)
{
    struct tree_node *level = t->root;

    while (level) {
        struct tree_node *n = level;

        level = n->leaf ? NULL : n->kids[0];
        while (n) {
            struct tree_node *next = n->next;

            for (uint32_t i = 0; i < n->count; i++)
                pair_free(t->memory, n->pairs[i]);
            tree_node_free(t->memory, n);
            n = next;
        }
    }
    t->root = NULL;
}

struct tree_place tree_seek(const struct tree *t, struct bytes key)
{
    struct tree_place p = { .leaf = t->root };

    while (!p.leaf->leaf) {
        p.leaf = p.leaf->kids[tree_node_kid(p.leaf, key)];
        tree_node_prefetch(p.leaf);
    }
    p.index = tree_node_search(p.leaf, key, &p.found);
    return p;
}

static void tree_warm_some(const struct tree *t, const struct bytes *keys,
                           uint32_t count)
{
    const struct tree_node *nodes[TREE_WARM];
    uint32_t at[TREE_WARM];

    ASSERT(count <= TREE_WARM);

    for (uint32_t i = 0; i < count; i++) nodes[i] = t->root;
    /* All leaves are at the same height: the keys go down side by side. */
    while (count > 0 && !nodes[0]->leaf) {
        for (uint32_t i = 0; i < count; i++) {
            nodes[i] = nodes[i]->kids[tree_node_kid(nodes[i], keys[i])];
            tree_node_prefetch(nodes[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        at[i] = tree_node_guess(nodes[i], keys[i]);
        __builtin_prefetch(&nodes[i]->pairs[at[i]], 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (at[i] == nodes[i]->count) continue;
        __builtin_prefetch(nodes[i]->pairs[at[i]], 1);
        __builtin_prefetch((uint8_t *)nodes[i]->pairs[at[i]] + 64, 1);
    }
}

void tree_warm(const struct tree *t, const struct bytes *keys, uint32_t count)
{
    for (; count > TREE_WARM; count -= TREE_WARM, keys += TREE_WARM)
        tree_warm_some(t, keys, TREE_WARM);
    tree_warm_some(t, keys, count);
}

struct pair *tree_pair(struct tree_place *p)
{
    while (p->index >= p->leaf->count) {
        if (!p->leaf->next) return NULL;
        p->leaf = p->leaf->next;
        p->index = 0;
    }
    return p->leaf->pairs[p->index];
}

/* Split kid i of n, which is not full.  Returns 0, or -ENOMEM: no change. */
static int tree_split_kid(struct tree *t, struct tree_node *n, uint32_t i,
                          struct fences fences)
{
    struct tree_node *kid = n->kids[i];
    struct tree_node *right = tree_node_new(t->memory, kid->leaf);
    struct pair *separator;

    if (!right) return -ENOMEM;
    separator = tree_node_split(t->memory, kid, right);
    if (!separator) {
        tree_node_free(t->memory, right);
        return -ENOMEM;
    }
    tree_node_insert_kid(n, i, separator, right);
    tree_node_set_fences(kid, fences_of_kid(n, i, fences));
    tree_node_set_fences(right, fences_of_kid(n, i + 1, fences));
    return 0;
}

/* Put a new root above the old one. */
static int tree_grow(struct tree *t)
{
    struct tree_node *root = tree_node_new(t->memory, false);

    if (!root) return -ENOMEM;
    root->kids[0] = t->root;
    t->root = root;
    return 0;
}

/* Split every full node on the way to key: then its leaf has room. */
static int tree_make_room(struct tree *t, struct bytes key)
{
    struct fences fences = { NULL, NULL };
    struct tree_node *n;
    int rc;

    if (t->root->count == TREE_FANOUT) {
        rc = tree_grow(t);
        if (rc < 0) return rc;
    }
    for (n = t->root; !n->leaf;) {
        uint32_t i = tree_node_kid(n, key);

        if (n->kids[i]->count == TREE_FANOUT) {
            rc = tree_split_kid(t, n, i, fences);
            if (rc < 0) return rc;
            i = tree_node_kid(n, key);
        }
        fences = fences_of_kid(n, i, fences);
        n = n->kids[i];
    }
    return 0;
}

int tree_insert(struct tree *t, struct tree_place at, struct pair *pair)
{
    ASSERT(!at.found);

    if (at.leaf->count == TREE_FANOUT) {
        const int rc = tree_make_room(t, pair_key(pair));

        if (rc < 0) return rc;
        at = tree_seek(t, pair_key(pair));
        ASSERT(!at.found);
    }
    tree_node_insert(at.leaf, at.index, pair);
    t->count++;
    return 0;
}

/* Both kids beside separator i of n become the left one. */
static void tree_merge(struct tree *t, struct tree_node *n, uint32_t i,
                       struct fences fences)
{
    struct tree_node *left = n->kids[i];
    struct tree_node *right = n->kids[i + 1];
    struct pair *separator = n->pairs[i];

    tree_node_join(left, right, separator);
    tree_node_free(t->memory, right);
    tree_node_delete_kid(n, i);
    if (left->leaf) pair_free(t->memory, separator);
    tree_node_set_fences(left, fences_of_kid(n, i, fences));
}

/* Even out the kids beside separator i of n. */
static void tree_even_out(struct tree *t, struct tree_node *n, uint32_t i,
                          struct fences fences)
{
    struct tree_node *left = n->kids[i];
    struct tree_node *right = n->kids[i + 1];
    struct pair *old = n->pairs[i];
    struct pair *turned = tree_node_even_out(t->memory, left, right, old);

    if (!turned) return;
    tree_node_turn(n, i, turned);
    if (left->leaf) pair_free(t->memory, old);
    tree_node_set_fences(left, fences_of_kid(n, i, fences));
    tree_node_set_fences(right, fences_of_kid(n, i + 1, fences));
}

/* The node at this depth lost a key: join it with a neighbour if sparse. */
static void tree_mend(struct tree *t, const struct path *path, uint32_t depth)
{
    const struct tree_node *kid = path->steps[depth].node;
    const struct step *up = &path->steps[depth - 1];
    const uint32_t i = up->kid > 0 ? up->kid - 1 : 0;
    uint32_t total;

    if (kid->count >= TREE_SPARSE || up->node->count == 0) return;

    total = up->node->kids[i]->count + up->node->kids[i + 1]->count;
    if (total + !kid->leaf <= TREE_FANOUT)
        tree_merge(t, up->node, i, up->fences);
    else
        tree_even_out(t, up->node, i, up->fences);
}

static struct tree_node *tree_walk(const struct tree *t, struct bytes key,
                                   struct path *path)
{
    struct fences fences = { NULL, NULL };
    struct tree_node *n = t->root;
    uint32_t depth = 0;

    for (; !n->leaf; depth++) {
        const uint32_t i = tree_node_kid(n, key);

        ASSERT(depth < TREE_HEIGHT_MAX - 1);
        path->steps[depth] = (struct step){ n, i, fences };
        fences = fences_of_kid(n, i, fences);
        n = n->kids[i];
    }
    path->steps[depth] = (struct step){ n, 0, fences };
    path->depth = depth;
    return n;
}

struct pair *tree_remove(struct tree *t, struct bytes key)
{
    struct path path;
    struct tree_node *n = tree_walk(t, key, &path);
    bool found;
    const uint32_t i = tree_node_search(n, key, &found);
    struct pair *pair;

    if (!found) return NULL;
    pair = n->pairs[i];
    tree_node_delete(n, i);
    t->count--;

    for (uint32_t depth = path.depth; depth > 0; depth--)
        tree_mend(t, &path, depth);
    if (!t->root->leaf && t->root->count == 0) {
        n = t->root->kids[0];
        tree_node_free(t->memory, t->root);
        t->root = n;
    }
    return pair;
}

/* store.c - see store.h */
#include "kv/store.h"

#include "kv/digest.h"

#include <errno.h>

static uint64_t pair_cost(uint32_t key_len, uint32_t value_len)
{
    return (uint64_t)key_len + value_len + KV_PAIR_COST;
}

uint64_t store_pair_hash(const struct pair *p)
{
    const uint64_t h = digest_word(p->key_len, p->version);

    return digest_bytes(h, bytes_of(p->bytes, p->key_len + p->value_len));
}

/* Fill in p's value and version; its hash is counted. */
static void store_write(struct store *s, struct pair *p, struct bytes value,
                        uint64_t version)
{
    ASSERT(p->value_len == value.len);

    if (value.len) memmove(p->bytes + p->key_len, value.at, value.len);
    p->version = version;
    p->hash = store_pair_hash(p);
    s->hash += p->hash;
}

int store_init(struct store *s, uint64_t bytes_max, struct memory *m)
{
    *s = (struct store){ .memory = m, .bytes_max = bytes_max };
    return tree_init(&s->tree, m);
}

void store_destroy(struct store *s)
{
    tree_destroy(&s->tree);
}

const struct pair *store_find(const struct store *s, struct bytes key)
{
    const struct tree_place at = tree_seek(&s->tree, key);

    return at.found ? at.leaf->pairs[at.index] : NULL;
}

static int store_insert(struct store *s, struct tree_place at, struct bytes key,
                        struct bytes value, uint64_t version)
{
    const uint64_t cost = pair_cost(key.len, value.len);
    struct pair *p;
    int rc;

    ASSERT(s->bytes <= s->bytes_max);
    if (cost > s->bytes_max - s->bytes) return -ENOSPC;

    p = pair_new(s->memory, key, value.len);
    if (!p) return -ENOMEM;
    rc = tree_insert(&s->tree, at, p);
    if (rc < 0) {
        pair_free(s->memory, p);
        return rc;
    }
    store_write(s, p, value, version);
    s->bytes += cost;
    return 0;
}

static int store_overwrite(struct store *s, struct pair **place,
                           struct bytes value, uint64_t version)
{
    struct pair *old = *place;
    const uint32_t old_len = old->value_len;
    const size_t old_size = pair_size(old->key_len, old_len);
    const uint64_t old_hash = old->hash;
    struct pair *p = old;

    if (value.len > old_len && value.len - old_len > s->bytes_max - s->bytes)
        return -ENOSPC;

    if (pair_size(old->key_len, value.len) == old_size) {
        p->value_len = value.len;
    } else {
        p = pair_new(s->memory, pair_key(old), value.len);
        if (!p) return -ENOMEM;
        *place = p;
    }
    store_write(s, p, value, version);
    s->hash -= old_hash;
    s->bytes = s->bytes - old_len + value.len;
    if (p != old) memory_give(s->memory, old, old_size);
    return 0;
}

int store_put(struct store *s, struct bytes key, struct bytes value,
              uint64_t version)
{
    const struct tree_place at = tree_seek(&s->tree, key);

    if (!at.found) return store_insert(s, at, key, value, version);
    return store_overwrite(s, &at.leaf->pairs[at.index], value, version);
}

int store_delete(struct store *s, struct bytes key)
{
    struct pair *p = tree_remove(&s->tree, key);

    if (!p) return -ENOENT;
    s->bytes -= pair_cost(p->key_len, p->value_len);
    s->hash -= p->hash;
    pair_free(s->memory, p);
    return 0;
}

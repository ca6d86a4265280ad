/* tree_node.c - see tree_node.h */
#include "kv/tree_node.h"

#define SKIP_WORTH 4u         /* bytes */
#define SKIP_NONE  UINT16_MAX /* the heads are not laid out */

static uint32_t common_prefix(struct bytes a, struct bytes b)
{
    const uint32_t len = a.len < b.len ? a.len : b.len;
    uint32_t i = 0;

    while (i < len && a.at[i] == b.at[i]) i++;
    return i;
}

/* The shortest key above a and not above b. */
static struct pair *separator_new(struct memory *m, const struct pair *a,
                                  const struct pair *b)
{
    const struct bytes key = pair_key(b);
    const uint32_t same = common_prefix(pair_key(a), key);

    ASSERT(same < key.len);

    return pair_new(m, bytes_of(key.at, same + 1), 0);
}

/* Bytes that all keys between the fences share. */
static uint16_t fences_skip(struct fences f)
{
    if (!f.low || !f.high) return 0;
    return (uint16_t)common_prefix(pair_key(f.low), pair_key(f.high));
}

/*
 * The 8 bytes of key behind skip, zeros behind its end.  If two heads differ,
 * they are in the order of their keys; if they tie, nothing is known.
 */
static inline uint64_t head_of(struct bytes key, uint32_t skip)
{
    const uint32_t left = key.len - skip;
    uint64_t head = 0;

    ASSERT(key.len >= skip);
    if (left >= 8) return __builtin_bswap64(load64(key.at + skip));
    if (left == 0) return 0;
    if (key.len >= 8) {
        head = __builtin_bswap64(load64(key.at + key.len - 8));
        return head << (64 - 8 * left);
    }
    for (uint32_t i = 0; i < left; i++)
        head |= (uint64_t)key.at[skip + i] << (56 - 8 * i);
    return head;
}

/* Compare keys that are the same in the first skip bytes. */
static inline int key_cmp(struct bytes a, struct bytes b, uint32_t skip)
{
    const uint32_t len = a.len < b.len ? a.len : b.len;

    for (; skip < len; skip += 8) {
        const uint64_t x = head_of(a, skip);
        const uint64_t y = head_of(b, skip);

        if (x != y) return x < y ? -1 : 1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

static size_t node_size(bool leaf)
{
    const size_t kids = leaf ? 0 : TREE_FANOUT + 1;

    return sizeof(struct tree_node) + kids * sizeof(struct tree_node *);
}

struct tree_node *tree_node_new(struct memory *m, bool leaf)
{
    struct tree_node *n = memory_take(m, node_size(leaf));

    if (!n) return NULL;
    n->count = 0;
    n->shared = 0;
    n->skip = 0;
    n->leaf = leaf;
    n->next = NULL;
    return n;
}

void tree_node_free(struct memory *m, struct tree_node *n)
{
    memory_give(m, n, node_size(n->leaf));
}

/*
 * How much to skip, of the bytes that all keys now in the node share: beyond
 * what its fences promise, every search has to compare them, so it must pay.
 */
static uint16_t node_useful_skip(const struct tree_node *n, uint32_t same)
{
    return (uint16_t)(same >= n->shared + SKIP_WORTH ? same : n->shared);
}

/* Lay out the heads for another skip: this reads every key. */
static void node_set_skip(struct tree_node *n, uint16_t skip)
{
    if (n->skip == skip) return;
    n->skip = skip;
    for (uint32_t i = 0; i < n->count; i++)
        n->heads[i] = head_of(pair_key(n->pairs[i]), skip);
}

void tree_node_set_fences(struct tree_node *n, struct fences f)
{
    uint32_t same = n->shared = fences_skip(f);

    /* A leaf would have to read a pair for this: one cache miss more. */
    if (!n->leaf && n->count > 0)
        same = common_prefix(pair_key(n->pairs[0]),
                             pair_key(n->pairs[n->count - 1]));
    node_set_skip(n, node_useful_skip(n, same));
}

/* A separator comes in: skip no more than it shares with the others. */
static void inner_admit(struct tree_node *n, const struct pair *separator)
{
    const struct bytes key = pair_key(separator);
    uint32_t same = key.len;

    if (n->count > 0) {
        same = common_prefix(pair_key(n->pairs[0]), key);
        if (same >= n->skip) return;
    }
    node_set_skip(n, node_useful_skip(n, same));
}

/* Number of heads below head; no branch depends on what they are. */
static inline uint32_t heads_below(const uint64_t *heads, uint32_t count,
                                   uint64_t head)
{
    const uint64_t *at = heads;

    while (count > 1) {
        const uint32_t half = count / 2;

        at += half & -(uint32_t)(at[half - 1] < head);
        count -= half;
    }
    return (uint32_t)(at - heads) + (count == 1 && *at < head);
}

/* Number of heads not above head. */
static uint32_t heads_end(const uint64_t *heads, uint32_t count, uint64_t head)
{
    return head == UINT64_MAX ? count : heads_below(heads, count, head + 1);
}

/* Where key is by the bytes skipped: <0 before all, >0 behind all, or 0. */
static inline int node_cmp_skipped(const struct tree_node *n, struct bytes key)
{
    if (n->skip == n->shared) return 0; /* no key comes here without them */
    ASSERT(n->count > 0);
    if (key.len > n->skip) key.len = n->skip;
    return key_cmp(key, bytes_of(n->pairs[0]->bytes, n->skip), n->shared);
}

uint32_t tree_node_search(const struct tree_node *n, struct bytes key,
                          bool *found)
{
    const int c = node_cmp_skipped(n, key);
    uint64_t head;
    uint32_t low;
    uint32_t high;

    *found = false;
    if (c != 0) return c < 0 ? 0 : n->count;
    head = head_of(key, n->skip);
    low = heads_below(n->heads, n->count, head);
    if (low == n->count || n->heads[low] != head) return low;

    high = low + 1;
    if (high < n->count && n->heads[high] == head)
        high = heads_end(n->heads, n->count, head);
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = key_cmp(pair_key(n->pairs[middle]), key, n->skip);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t tree_node_guess(const struct tree_node *n, struct bytes key)
{
    ASSERT(n->leaf);

    return heads_below(n->heads, n->count, head_of(key, n->skip));
}

void tree_node_insert(struct tree_node *n, uint32_t i, struct pair *p)
{
    const size_t behind = n->count - i;

    ASSERT(n->count < TREE_FANOUT);
    ASSERT(i <= n->count);

    memmove(&n->heads[i + 1], &n->heads[i], behind * sizeof n->heads[0]);
    memmove(&n->pairs[i + 1], &n->pairs[i], behind * sizeof n->pairs[0]);
    n->heads[i] = head_of(pair_key(p), n->skip);
    n->pairs[i] = p;
    n->count++;
}

void tree_node_delete(struct tree_node *n, uint32_t i)
{
    const size_t behind = n->count - i - 1u;

    ASSERT(i < n->count);

    memmove(&n->heads[i], &n->heads[i + 1], behind * sizeof n->heads[0]);
    memmove(&n->pairs[i], &n->pairs[i + 1], behind * sizeof n->pairs[0]);
    n->count--;
}

void tree_node_insert_kid(struct tree_node *n, uint32_t i,
                          struct pair *separator, struct tree_node *kid)
{
    const size_t behind = n->count - i;

    memmove(&n->kids[i + 2], &n->kids[i + 1], behind * sizeof n->kids[0]);
    n->kids[i + 1] = kid;
    inner_admit(n, separator);
    tree_node_insert(n, i, separator);
}

void tree_node_delete_kid(struct tree_node *n, uint32_t i)
{
    const size_t behind = n->count - i - 1u;

    memmove(&n->kids[i + 1], &n->kids[i + 2], behind * sizeof n->kids[0]);
    tree_node_delete(n, i);
}

void tree_node_turn(struct tree_node *n, uint32_t i, struct pair *separator)
{
    ASSERT(i < n->count);

    inner_admit(n, separator);
    n->pairs[i] = separator;
    n->heads[i] = head_of(pair_key(separator), n->skip);
}

struct pair *tree_node_split(struct memory *m, struct tree_node *n,
                             struct tree_node *right)
{
    const uint32_t half = TREE_FANOUT / 2;
    const uint32_t from = n->leaf ? half : half + 1;
    struct pair *separator = n->pairs[half];

    ASSERT(n->count == TREE_FANOUT);
    ASSERT(n->leaf == right->leaf);

    if (n->leaf) {
        separator = separator_new(m, n->pairs[half - 1], n->pairs[half]);
        if (!separator) return NULL;
    }
    right->count = (uint16_t)(n->count - from);
    right->skip = n->skip;
    memcpy(right->heads, &n->heads[from], right->count * sizeof n->heads[0]);
    memcpy(right->pairs, &n->pairs[from], right->count * sizeof n->pairs[0]);
    if (!n->leaf)
        memcpy(right->kids, &n->kids[from],
               (right->count + 1u) * sizeof n->kids[0]);
    n->count = (uint16_t)half;
    right->next = n->next;
    n->next = right;
    return separator;
}

void tree_node_join(struct tree_node *left, const struct tree_node *right,
                    struct pair *separator)
{
    if (!left->leaf) {
        left->pairs[left->count++] = separator;
        memcpy(&left->kids[left->count], right->kids,
               (right->count + 1u) * sizeof right->kids[0]);
    }
    ASSERT(left->count + right->count <= (int)TREE_FANOUT);
    memcpy(&left->pairs[left->count], right->pairs,
           right->count * sizeof right->pairs[0]);
    left->count = (uint16_t)(left->count + right->count);
    left->skip = SKIP_NONE;
    left->next = right->next;
}

/* Move the first count keys of right to the end of left. */
static void leaf_shift_left(struct tree_node *left, struct tree_node *right,
                            uint32_t count)
{
    right->count = (uint16_t)(right->count - count);
    memcpy(&left->pairs[left->count], right->pairs,
           count * sizeof right->pairs[0]);
    memmove(right->pairs, &right->pairs[count],
            right->count * sizeof right->pairs[0]);
    left->count = (uint16_t)(left->count + count);
}

/* Move the last count keys of left to the front of right. */
static void leaf_shift_right(struct tree_node *left, struct tree_node *right,
                             uint32_t count)
{
    left->count = (uint16_t)(left->count - count);
    memmove(&right->pairs[count], right->pairs,
            right->count * sizeof right->pairs[0]);
    memcpy(right->pairs, &left->pairs[left->count],
           count * sizeof left->pairs[0]);
    right->count = (uint16_t)(right->count + count);
}

/* Let the first count kids of right go over to left, by way of *separator. */
static void inner_shift_left(struct tree_node *left, struct tree_node *right,
                             struct pair **separator, uint32_t count)
{
    const uint32_t kids = right->count + 1u;

    left->pairs[left->count++] = *separator;
    memcpy(&left->kids[left->count], right->kids,
           count * sizeof right->kids[0]);
    memmove(right->kids, &right->kids[count],
            (kids - count) * sizeof right->kids[0]);
    leaf_shift_left(left, right, count - 1);
    *separator = right->pairs[0];
    tree_node_delete(right, 0);
}

/* Let the last count kids of left go over to right, by way of *separator. */
static void inner_shift_right(struct tree_node *left, struct tree_node *right,
                              struct pair **separator, uint32_t count)
{
    const uint32_t kids = left->count + 1u;

    memmove(&right->kids[count], right->kids,
            (right->count + 1u) * sizeof right->kids[0]);
    memcpy(right->kids, &left->kids[kids - count],
           count * sizeof left->kids[0]);
    memmove(&right->pairs[1], right->pairs,
            right->count * sizeof right->pairs[0]);
    right->pairs[0] = *separator;
    right->count++;
    leaf_shift_right(left, right, count - 1);
    *separator = left->pairs[--left->count];
}

/* Make two inner kids about equal; the separator between them turns. */
static void inner_even_out(struct tree_node *left, struct tree_node *right,
                           struct pair **separator)
{
    if (left->count < right->count)
        inner_shift_left(left, right, separator,
                         (uint32_t)(right->count - left->count) / 2);
    else
        inner_shift_right(left, right, separator,
                          (uint32_t)(left->count - right->count) / 2);
}

static struct pair *leaf_even_out(struct memory *m, struct tree_node *left,
                                  struct tree_node *right)
{
    const uint32_t half = (uint32_t)(left->count + right->count) / 2;
    struct pair *separator;

    if (left->count < half) {
        const uint32_t last = half - left->count;

        separator = separator_new(m, right->pairs[last - 1],
                                  right->pairs[last]);
        if (separator) leaf_shift_left(left, right, last);
    } else {
        separator = separator_new(m, left->pairs[half - 1], left->pairs[half]);
        if (separator) leaf_shift_right(left, right, left->count - half);
    }
    return separator;
}

struct pair *tree_node_even_out(struct memory *m, struct tree_node *left,
                                struct tree_node *right, struct pair *separator)
{
    if (left->leaf)
        separator = leaf_even_out(m, left, right);
    else
        inner_even_out(left, right, &separator);
    if (!separator) return NULL;
    left->skip = SKIP_NONE;
    right->skip = SKIP_NONE;
    return separator;
}

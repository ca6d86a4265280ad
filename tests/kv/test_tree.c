/*
 * test_tree.c - src/kv/tree.c and tree_node.c: the shape, and random work
 * against a sorted array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "kv/counting.h"
#include "kv/tree_node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define KEYS_MAX 6000u
#define KEY_SIZE 40u

struct fixture {
    struct counting counting;
    struct memory memory;
    struct tree tree;
    struct prng prng;
    char keys[KEYS_MAX][KEY_SIZE]; /* the model: sorted, without doubles */
    uint32_t count;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->memory.allocator = counting_allocator(&f->counting);
    assert_int_equal(tree_init(&f->tree, &f->memory), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    tree_destroy(&f->tree);
    assert_int_equal(f->counting.bytes, 0);
    assert_int_equal(f->counting.blocks, 0);
    assert_int_equal(f->memory.used, 0);
    free(f);
    return 0;
}

/* ---- the shape -------------------------------------------------------- */

static uint64_t plain_head(struct bytes key, uint32_t skip)
{
    uint64_t head = 0;

    for (uint32_t i = 0; i < 8; i++) {
        head <<= 8;
        if (skip + i < key.len) head |= key.at[skip + i];
    }
    return head;
}

static void check_key(const struct tree_node *n, uint32_t i, struct fences f)
{
    const struct bytes key = pair_key(n->pairs[i]);
    const struct bytes first = pair_key(n->pairs[0]);

    assert_true(key.len >= n->skip);
    assert_memory_equal(key.at, first.at, n->skip);
    assert_int_equal(n->heads[i], plain_head(key, n->skip));
    if (i > 0) assert_true(bytes_cmp(pair_key(n->pairs[i - 1]), key) < 0);
    if (f.low) assert_true(bytes_cmp(pair_key(f.low), key) <= 0);
    if (f.high) assert_true(bytes_cmp(key, pair_key(f.high)) < 0);
}

/* Exactly what the fences share; a leaf skips no more. */
static void check_shared(const struct tree_node *n, struct fences f)
{
    uint32_t same = 0;

    if (f.low && f.high) {
        const struct bytes low = pair_key(f.low);
        const struct bytes high = pair_key(f.high);

        while (same < low.len && same < high.len &&
               low.at[same] == high.at[same])
            same++;
    }
    assert_int_equal(n->shared, same);
    if (n->leaf) assert_int_equal(n->skip, same);
}

struct visit {
    const struct tree_node *node;
    struct fences fences;
};

/* Check all nodes of one height, from left to right; gather their kids. */
static uint32_t check_level(const struct visit *level, uint32_t count,
                            struct visit *below)
{
    uint32_t kids = 0;

    for (uint32_t v = 0; v < count; v++) {
        const struct tree_node *n = level[v].node;

        assert_true(n->count <= TREE_FANOUT);
        assert_int_equal(n->leaf, level[0].node->leaf);
        assert_ptr_equal(n->next, v + 1 < count ? level[v + 1].node : NULL);
        check_shared(n, level[v].fences);
        for (uint32_t i = 0; i < n->count; i++)
            check_key(n, i, level[v].fences);
        for (uint32_t i = 0; !n->leaf && i <= n->count; i++) {
            below[kids].node = n->kids[i];
            below[kids++].fences = fences_of_kid(n, i, level[v].fences);
        }
    }
    return kids;
}

static void check_shape(const struct tree *t)
{
    static struct visit levels[2][KEYS_MAX];
    uint32_t count = 1;
    int now = 0;

    levels[0][0] = (struct visit){ .node = t->root };
    while (count > 0) {
        count = check_level(levels[now], count, levels[1 - now]);
        now = 1 - now;
    }
}

static void check_contents(struct fixture *f)
{
    struct tree_place at = tree_seek(&f->tree, text(""));

    assert_int_equal(f->tree.count, f->count);
    for (uint32_t i = 0; i < f->count; i++, at.index++) {
        const struct pair *p = tree_pair(&at);

        assert_non_null(p);
        assert_true(bytes_equal(pair_key(p), text(f->keys[i])));
    }
    assert_null(tree_pair(&at));
}

/* ---- the model -------------------------------------------------------- */

/* First place in the model whose key is not less than key. */
static uint32_t model_find(const struct fixture *f, const char *key, bool *is)
{
    uint32_t low = 0;
    uint32_t high = f->count;

    while (low < high) {
        const uint32_t middle = (low + high) / 2;

        if (strcmp(f->keys[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is = low < f->count && strcmp(f->keys[low], key) == 0;
    return low;
}

static int insert(struct fixture *f, const char *key)
{
    const struct tree_place at = tree_seek(&f->tree, text(key));
    struct pair *p;
    int rc;

    if (at.found) return -EEXIST;
    p = pair_new(&f->memory, text(key), 0);
    if (!p) return -ENOMEM;
    rc = tree_insert(&f->tree, at, p);
    if (rc < 0) pair_free(&f->memory, p);
    return rc;
}

static int delete (struct fixture *f, const char *key)
{
    struct pair *p = tree_remove(&f->tree, text(key));

    if (!p) return -ENOENT;
    assert_true(bytes_equal(pair_key(p), text(key)));
    pair_free(&f->memory, p);
    return 0;
}

/* Insert into tree and model; both must agree on whether it was there. */
static void insert_both(struct fixture *f, const char *key)
{
    bool is;
    const uint32_t i = model_find(f, key, &is);

    assert_int_equal(insert(f, key), is ? -EEXIST : 0);
    if (is) return;
    assert_true(f->count < KEYS_MAX);
    memmove(f->keys[i + 1], f->keys[i], (f->count - i) * sizeof f->keys[0]);
    strcpy(f->keys[i], key);
    f->count++;
}

static void delete_both(struct fixture *f, const char *key)
{
    bool is;
    const uint32_t i = model_find(f, key, &is);

    assert_int_equal(delete (f, key), is ? 0 : -ENOENT);
    if (!is) return;
    f->count--;
    memmove(f->keys[i], f->keys[i + 1], (f->count - i) * sizeof f->keys[0]);
}

static void check_seek(struct fixture *f, const char *key)
{
    bool is;
    const uint32_t i = model_find(f, key, &is);
    struct tree_place at = tree_seek(&f->tree, text(key));
    const struct pair *p = tree_pair(&at);

    assert_int_equal(at.found, is);
    if (i == f->count)
        assert_null(p);
    else
        assert_true(bytes_equal(pair_key(p), text(f->keys[i])));
}

/* ---- kinds of keys ---------------------------------------------------- */

static void key_short(struct prng *p, char *out)
{
    const uint64_t len = prng_below(p, 7);

    for (uint64_t i = 0; i < len; i++) *out++ = (char)('a' + prng_below(p, 3));
    *out = 0;
}

static void key_number(struct prng *p, char *out)
{
    snprintf(out, KEY_SIZE, "key:%012u", (unsigned)prng_below(p, 9000));
}

/* Long shared beginnings, and keys that begin others. */
static void key_nested(struct prng *p, char *out)
{
    const int parts = (int)prng_range(p, 1, 3);

    *out = 0;
    for (int i = 0; i < parts; i++)
        out += sprintf(out, "/folder-%u", (unsigned)prng_below(p, 20));
}

/* Any byte but zero, which the strings of this test cannot hold. */
static void key_bytes(struct prng *p, char *out)
{
    const uint64_t len = prng_range(p, 1, 12);

    for (uint64_t i = 0; i < len; i++)
        *out++ = (char)(uint8_t)(prng_below(p, 2) ? 255 - prng_below(p, 3)
                                                  : 1 + prng_below(p, 255));
    *out = 0;
}

/* As many inserts as deletes after a time, at changing rates. */
static void random_work(struct fixture *f, void (*make)(struct prng *, char *),
                        uint64_t seed)
{
    char key[KEY_SIZE];

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&f->prng, seed);
    for (int round = 0; round < 12; round++) {
        const bool growing = round % 2 == 0;

        for (int i = 0; i < 5000; i++) {
            make(&f->prng, key);
            if (prng_below(&f->prng, 10) < (growing ? 8 : 2)) {
                if (f->count < KEYS_MAX - 1) insert_both(f, key);
            } else {
                delete_both(f, key);
            }
            make(&f->prng, key);
            check_seek(f, key);
        }
        check_shape(&f->tree);
        check_contents(f);
    }
    while (f->count > 0)
        delete_both(f, f->keys[prng_below(&f->prng, f->count)]);
    check_shape(&f->tree);
    check_contents(f);
    assert_int_equal(f->counting.blocks, 1); /* an empty leaf */
}

static void tree_random_short_keys_agrees_with_model(void **state)
{
    random_work(*state, key_short, 1);
}

static void tree_random_number_keys_agrees_with_model(void **state)
{
    random_work(*state, key_number, 2);
}

static void tree_random_nested_keys_agrees_with_model(void **state)
{
    random_work(*state, key_nested, 3);
}

static void tree_random_byte_keys_agrees_with_model(void **state)
{
    random_work(*state, key_bytes, 4);
}

/* ---- chosen cases ----------------------------------------------------- */

static void ordered_work(struct fixture *f, bool insert_up, bool delete_up)
{
    char key[KEY_SIZE];

    for (uint32_t i = 0; i < 3000; i++) {
        sprintf(key, "%08u", insert_up ? i : 2999 - i);
        insert_both(f, key);
        if (i % 500 == 0) check_shape(&f->tree);
    }
    check_shape(&f->tree);
    check_contents(f);
    for (uint32_t i = 0; i < 3000; i++) {
        sprintf(key, "%08u", delete_up ? i : 2999 - i);
        delete_both(f, key);
        if (i % 100 == 0) check_shape(&f->tree);
    }
    assert_int_equal(f->counting.blocks, 1);
}

static void tree_in_order_and_against_it_keeps_its_shape(void **state)
{
    ordered_work(*state, true, true);
    ordered_work(*state, true, false);
    ordered_work(*state, false, true);
    ordered_work(*state, false, false);
}

/* Keys of 1 to 300 times the same byte: every head ties with others. */
static void same_byte_work(struct fixture *f, int byte)
{
    uint8_t bytes[300];

    memset(bytes, byte, sizeof bytes);
    for (uint32_t i = 0; i < 300; i++) {
        const struct bytes key = bytes_of(bytes, i * 7 % 300 + 1);
        const struct tree_place at = tree_seek(&f->tree, key);
        struct pair *p = pair_new(&f->memory, key, 0);

        assert_false(at.found);
        assert_int_equal(tree_insert(&f->tree, at, p), 0);
        check_shape(&f->tree);
    }
    for (uint32_t len = 1; len <= 300; len++) {
        struct tree_place at = tree_seek(&f->tree, bytes_of(bytes, len));

        assert_true(at.found);
        assert_int_equal(tree_pair(&at)->key_len, len);
        at.index++;
        if (len < 300) assert_int_equal(tree_pair(&at)->key_len, len + 1);
    }
    for (uint32_t len = 300; len >= 1; len--) {
        struct pair *p = tree_remove(&f->tree, bytes_of(bytes, len));

        assert_int_equal(p->key_len, len);
        pair_free(&f->memory, p);
    }
}

static void tree_keys_of_one_byte_repeated_stay_apart(void **state)
{
    same_byte_work(*state, 0);
    same_byte_work(*state, 'x');
    same_byte_work(*state, 0xff);
}

static void tree_seek_in_an_empty_tree_finds_the_end(void **state)
{
    struct fixture *f = *state;
    struct tree_place at = tree_seek(&f->tree, text("x"));

    assert_false(at.found);
    assert_null(tree_pair(&at));
    assert_null(tree_remove(&f->tree, text("x")));
}

static void tree_warm_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct bytes keys[2 * TREE_WARM + 3] = { { NULL, 0 } };
    char key[2 * TREE_WARM + 3][KEY_SIZE];

    tree_warm(&f->tree, keys, 0);
    for (uint32_t i = 0; i < 1000; i++) {
        sprintf(key[0], "k%u", i * 7919 % 1000);
        insert_both(f, key[0]);
    }
    for (uint32_t i = 0; i < 2 * TREE_WARM + 3; i++) {
        sprintf(key[i], i == 5 ? "zz%u" : "k%u", i * 31); /* one past all */
        keys[i] = text(key[i]);
    }
    tree_warm(&f->tree, keys, 2 * TREE_WARM + 3);
    check_shape(&f->tree);
    check_contents(f);
}

/* Every allocation of a growing tree fails once: no change, then it works. */
static void tree_insert_without_memory_changes_nothing(void **state)
{
    struct fixture *f = *state;
    uint32_t failures = 0;
    char key[KEY_SIZE];

    for (uint32_t i = 0; i < 5000; i++) {
        sprintf(key, "key:%06u", i * 7919 % 5000);
        for (uint64_t fail = 1;; fail++) {
            int rc;

            f->counting.calls = 0;
            f->counting.fail_at = fail;
            rc = insert(f, key);
            if (rc == 0) break;
            assert_int_equal(rc, -ENOMEM);
            assert_int_equal(f->tree.count, i);
            failures++;
        }
        f->counting.fail_at = 0;
    }
    print_message("%u allocations failed\n", failures);
    assert_true(failures > 5000);
    check_shape(&f->tree);
    for (uint32_t i = 0; i < 5000; i++) {
        sprintf(key, "key:%06u", i);
        assert_true(tree_seek(&f->tree, text(key)).found);
    }
}

/* Evening out wants a separator; a tree that gets none stays right. */
static void tree_remove_without_memory_still_removes(void **state)
{
    struct fixture *f = *state;
    char key[KEY_SIZE];

    prng_init(&f->prng, 6);
    for (uint32_t i = 0; i < 4000; i++) {
        sprintf(key, "key:%06u", i);
        insert_both(f, key);
    }
    for (uint32_t i = 0; f->count > 0; i++) {
        f->counting.fail_at = f->counting.calls + 1;
        delete_both(f, f->keys[prng_below(&f->prng, f->count)]);
        f->counting.fail_at = 0;
        if (i % 200 == 0) check_shape(&f->tree);
    }
    check_shape(&f->tree);
    for (uint32_t i = 0; i < 500; i++) {
        sprintf(key, "again:%06u", i);
        insert_both(f, key);
    }
    check_shape(&f->tree);
    check_contents(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tree_random_short_keys_agrees_with_model),
        TEST(tree_random_number_keys_agrees_with_model),
        TEST(tree_random_nested_keys_agrees_with_model),
        TEST(tree_random_byte_keys_agrees_with_model),
        TEST(tree_in_order_and_against_it_keeps_its_shape),
        TEST(tree_keys_of_one_byte_repeated_stay_apart),
        TEST(tree_seek_in_an_empty_tree_finds_the_end),
        TEST(tree_warm_changes_nothing),
        TEST(tree_insert_without_memory_changes_nothing),
        TEST(tree_remove_without_memory_still_removes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

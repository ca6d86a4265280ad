/*
 * test_store.c - src/kv/store.c: counting, versions and hash, against a
 * sorted array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "kv/counting.h"
#include "kv/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MODEL_MAX 400u
#define VALUE_MAX 60u

struct model_pair {
    char key[16];
    uint8_t value[VALUE_MAX];
    uint32_t value_len;
    uint64_t version;
};

struct fixture {
    struct counting counting;
    struct memory memory;
    struct store store;
    struct model_pair pairs[MODEL_MAX]; /* sorted by key */
    uint32_t count;
};

static struct fixture *fixture_new(uint64_t bytes_max)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->memory.allocator = counting_allocator(&f->counting);
    assert_int_equal(store_init(&f->store, bytes_max, &f->memory), 0);
    return f;
}

static int set_up(void **state)
{
    *state = fixture_new(UINT64_MAX);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    store_destroy(&f->store);
    assert_int_equal(f->counting.blocks, 0);
    assert_int_equal(f->memory.used, 0);
    free(f);
    return 0;
}

static int put(struct fixture *f, const char *key, const char *value,
               uint64_t version)
{
    return store_put(&f->store, text(key), text(value), version);
}

static void assert_pair(const struct fixture *f, const char *key,
                        const char *value, uint64_t version)
{
    const struct pair *p = store_find(&f->store, text(key));

    assert_non_null(p);
    assert_true(bytes_equal(pair_key(p), text(key)));
    assert_true(bytes_equal(pair_value(p), text(value)));
    assert_int_equal(p->version, version);
}

/* The hash of a pair by itself, not from the store's memory. */
static uint64_t hash_of(struct bytes key, struct bytes value, uint64_t version)
{
    struct counting counting = { 0 };
    struct memory m = { .allocator = counting_allocator(&counting) };
    struct pair *p = pair_new(&m, key, value.len);
    uint64_t hash;

    memcpy(p->bytes + key.len, value.at, value.len);
    p->version = version;
    hash = store_pair_hash(p);
    pair_free(&m, p);
    return hash;
}

/* ---- chosen cases ----------------------------------------------------- */

static void put_then_find_gives_value_and_version(void **state)
{
    struct fixture *f = *state;

    assert_null(store_find(&f->store, text("k")));
    assert_int_equal(put(f, "k", "value", 7), 0);
    assert_pair(f, "k", "value", 7);
    assert_null(store_find(&f->store, text("kk")));
    assert_null(store_find(&f->store, text("")));
    assert_int_equal(f->store.tree.count, 1);
}

static void put_again_overwrites_at_every_length(void **state)
{
    char value[300] = { 0 };
    struct fixture *f = *state;

    for (uint32_t i = 0; i < 298; i++) {
        const uint32_t len = i * 101 % 298; /* up and down */

        memset(value, 'a' + (int)(i % 26), len);
        value[len] = 0;
        assert_int_equal(put(f, "k", value, i), 0);
        assert_pair(f, "k", value, i);
        assert_int_equal(f->store.bytes, 1 + len + KV_PAIR_COST);
        assert_int_equal(f->store.hash, hash_of(text("k"), text(value), i));
    }
    assert_int_equal(f->store.tree.count, 1);
}

static void put_value_out_of_the_old_pair_is_copied_right(void **state)
{
    struct fixture *f = *state;
    struct bytes old;

    put(f, "k", "0123456789abcdef012345678", 1);
    old = pair_value(store_find(&f->store, text("k")));
    assert_int_equal(
        store_put(&f->store, text("k"), bytes_of(old.at + 1, 24), 2), 0);
    assert_pair(f, "k", "123456789abcdef012345678", 2); /* in place */
    old = pair_value(store_find(&f->store, text("k")));
    assert_int_equal(
        store_put(&f->store, text("k"), bytes_of(old.at + 20, 3), 3), 0);
    assert_pair(f, "k", "567", 3);
}

static void delete_of_present_works_and_of_absent_is_refused(void **state)
{
    struct fixture *f = *state;

    put(f, "k", "v", 1);
    assert_int_equal(store_delete(&f->store, text("j")), -ENOENT);
    assert_int_equal(store_delete(&f->store, text("k")), 0);
    assert_int_equal(store_delete(&f->store, text("k")), -ENOENT);
    assert_null(store_find(&f->store, text("k")));
    assert_int_equal(f->store.bytes, 0);
    assert_int_equal(f->store.hash, 0);
}

static void put_up_to_the_limit_works_and_one_byte_more_is_refused(void **state)
{
    struct fixture *f = fixture_new(2 * KV_PAIR_COST + 10);

    (void)state;
    assert_int_equal(put(f, "a", "1234", 1), 0);
    assert_int_equal(put(f, "b", "12345", 2), -ENOSPC);
    assert_null(store_find(&f->store, text("b")));
    assert_int_equal(put(f, "b", "1234", 3), 0);
    assert_int_equal(f->store.bytes, f->store.bytes_max);
    assert_int_equal(put(f, "c", "", 4), -ENOSPC);

    *state = f;
    tear_down(state);
}

static void full_store_takes_shorter_values_and_deletes(void **state)
{
    struct fixture *f = fixture_new(KV_PAIR_COST + 10);
    uint64_t hash;

    (void)state;
    assert_int_equal(put(f, "k", "123456789", 1), 0);
    hash = f->store.hash;
    assert_int_equal(put(f, "k", "1234567890", 2), -ENOSPC);
    assert_pair(f, "k", "123456789", 1);
    assert_int_equal(f->store.hash, hash);
    assert_int_equal(put(f, "k", "987654321", 3), 0);
    assert_int_equal(put(f, "k", "98", 4), 0);
    assert_int_equal(put(f, "k", "12345678", 5), 0);
    assert_int_equal(store_delete(&f->store, text("k")), 0);
    assert_int_equal(put(f, "j", "123456789", 6), 0);

    *state = f;
    tear_down(state);
}

static void store_of_no_bytes_refuses_every_put(void **state)
{
    struct fixture *f = fixture_new(0);

    (void)state;
    assert_int_equal(put(f, "k", "", 1), -ENOSPC);
    assert_int_equal(store_delete(&f->store, text("k")), -ENOENT);

    *state = f;
    tear_down(state);
}

static void hash_tells_key_value_and_version_apart(void **state)
{
    const uint64_t h = hash_of(text("ab"), text("cd"), 1);

    (void)state;
    assert_int_equal(hash_of(text("ab"), text("cd"), 1), h);
    assert_int_not_equal(hash_of(text("abc"), text("d"), 1), h);
    assert_int_not_equal(hash_of(text("a"), text("bcd"), 1), h);
    assert_int_not_equal(hash_of(text("ab"), text("ce"), 1), h);
    assert_int_not_equal(hash_of(text("ab"), text("cd"), 2), h);
    assert_int_not_equal(hash_of(text("ab"), bytes_of("cd\0", 3), 1), h);
}

static void hash_does_not_depend_on_the_way_there(void **state)
{
    struct fixture *a = *state;
    struct fixture *b = fixture_new(UINT64_MAX);
    char key[16];

    for (uint64_t i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "k%u", (unsigned)i);
        put(a, key, "value", i);
        put(a, key, "a longer value than before", i + 1);
    }
    for (uint64_t i = 500; i-- > 0;) {
        snprintf(key, sizeof key, "k%u", (unsigned)i);
        put(b, key, "a longer value than before", i + 1);
        put(b, "more", "x", i);
    }
    assert_int_not_equal(a->store.hash, b->store.hash);
    store_delete(&b->store, text("more"));
    assert_int_equal(a->store.hash, b->store.hash);
    assert_int_equal(a->store.bytes, b->store.bytes);

    *state = b;
    tear_down(state);
    *state = a;
}

/* ---- random work against the model ------------------------------------ */

static uint32_t model_find(const struct fixture *f, const char *key, bool *is)
{
    uint32_t i = 0;

    while (i < f->count && strcmp(f->pairs[i].key, key) < 0) i++;
    *is = i < f->count && strcmp(f->pairs[i].key, key) == 0;
    return i;
}

static uint64_t model_bytes(const struct fixture *f)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < f->count; i++)
        sum += strlen(f->pairs[i].key) + f->pairs[i].value_len + KV_PAIR_COST;
    return sum;
}

static uint64_t model_hash(const struct fixture *f)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < f->count; i++)
        sum += hash_of(text(f->pairs[i].key),
                       bytes_of(f->pairs[i].value, f->pairs[i].value_len),
                       f->pairs[i].version);
    return sum;
}

/* What a put of this pair must answer, and do to the model. */
static int model_put(struct fixture *f, const struct model_pair *pair)
{
    bool is;
    const uint32_t i = model_find(f, pair->key, &is);
    const uint32_t old = is ? f->pairs[i].value_len : 0;
    const uint64_t more = is ? 0 : strlen(pair->key) + KV_PAIR_COST;

    if (more + pair->value_len > old &&
        model_bytes(f) + more + pair->value_len - old > f->store.bytes_max)
        return -ENOSPC;
    if (!is) {
        assert_true(f->count < MODEL_MAX);
        memmove(&f->pairs[i + 1], &f->pairs[i],
                (f->count - i) * sizeof f->pairs[0]);
        f->count++;
    }
    f->pairs[i] = *pair;
    return 0;
}

static int model_delete(struct fixture *f, const char *key)
{
    bool is;
    const uint32_t i = model_find(f, key, &is);

    if (!is) return -ENOENT;
    f->count--;
    memmove(&f->pairs[i], &f->pairs[i + 1],
            (f->count - i) * sizeof f->pairs[0]);
    return 0;
}

static void check_against_model(struct fixture *f)
{
    struct tree_place at = tree_seek(&f->store.tree, text(""));

    for (uint32_t i = 0; i < f->count; i++, at.index++) {
        const struct pair *p = tree_pair(&at);

        assert_non_null(p);
        assert_true(bytes_equal(pair_key(p), text(f->pairs[i].key)));
        assert_true(bytes_equal(
            pair_value(p), bytes_of(f->pairs[i].value, f->pairs[i].value_len)));
        assert_int_equal(p->version, f->pairs[i].version);
    }
    assert_null(tree_pair(&at));
    assert_int_equal(f->store.tree.count, f->count);
    assert_int_equal(f->store.bytes, model_bytes(f));
    assert_int_equal(f->store.hash, model_hash(f));
    assert_int_equal(f->memory.used, f->counting.bytes);
}

/* One command, with each of its allocations failing once before it works. */
static int put_failing(struct fixture *f, const struct model_pair *pair)
{
    const uint64_t bytes = f->store.bytes;
    const uint64_t hash = f->store.hash;
    int rc;

    for (uint64_t fail = 1;; fail++) {
        f->counting.calls = 0;
        f->counting.fail_at = fail;
        rc = store_put(&f->store, text(pair->key),
                       bytes_of(pair->value, pair->value_len), pair->version);
        f->counting.fail_at = 0;
        if (rc != -ENOMEM) return rc;
        assert_int_equal(f->store.bytes, bytes);
        assert_int_equal(f->store.hash, hash);
    }
}

static void random_agrees_with_model(void **state)
{
    const uint64_t seed = 77;
    struct fixture *f = fixture_new(20000); /* about 200 pairs */
    uint32_t refused = 0;
    struct prng p;

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&p, seed);
    for (uint64_t step = 0; step < 30000; step++) {
        struct model_pair pair = {
            .value_len = (uint32_t)prng_below(&p, VALUE_MAX + 1),
            .version = step,
        };
        int want;

        snprintf(pair.key, sizeof pair.key, "key:%u",
                 (unsigned)prng_below(&p, 390));
        memset(pair.value, (int)prng_below(&p, 256), pair.value_len);
        if (prng_below(&p, 10) < (step / 3000 % 2 ? 4 : 8)) {
            want = model_put(f, &pair);
            assert_int_equal(put_failing(f, &pair), want);
            refused += want == -ENOSPC;
        } else {
            want = model_delete(f, pair.key);
            assert_int_equal(store_delete(&f->store, text(pair.key)), want);
        }
        if (step % 300 == 0) check_against_model(f);
    }
    check_against_model(f);
    assert_true(refused > 100);

    *state = f;
    tear_down(state);
}

static void init_without_memory_fails(void **state)
{
    struct counting counting = { .fail_at = 1 };
    struct memory m = { .allocator = counting_allocator(&counting) };
    struct store s;

    (void)state;
    assert_int_equal(store_init(&s, 1, &m), -ENOMEM);
    assert_int_equal(counting.blocks, 0);
    assert_int_equal(m.used, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(put_then_find_gives_value_and_version),
        TEST(put_again_overwrites_at_every_length),
        TEST(put_value_out_of_the_old_pair_is_copied_right),
        TEST(delete_of_present_works_and_of_absent_is_refused),
        cmocka_unit_test(
            put_up_to_the_limit_works_and_one_byte_more_is_refused),
        cmocka_unit_test(full_store_takes_shorter_values_and_deletes),
        cmocka_unit_test(store_of_no_bytes_refuses_every_put),
        cmocka_unit_test(hash_tells_key_value_and_version_apart),
        TEST(hash_does_not_depend_on_the_way_there),
        cmocka_unit_test(random_agrees_with_model),
        cmocka_unit_test(init_without_memory_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

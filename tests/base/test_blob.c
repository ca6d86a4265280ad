/* test_blob.c - src/base/blob.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/prng.h"

#define ORDER 14u /* 128 smallest blocks */
#define HEAD  ((uint32_t)sizeof(struct blob))

struct fixture {
    struct blob_pool pool;
    void *memory;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const size_t size = blob_pool_size(ORDER);
    struct arena a;

    assert_non_null(f);
    f->memory = aligned_alloc(ARENA_ALIGN, size);
    assert_non_null(f->memory);
    memset(f->memory, 0, size);
    arena_init(&a, f->memory, size);
    assert_int_equal(blob_pool_init(&f->pool, ORDER, &a), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    free(f->memory);
    free(f);
    return 0;
}

static size_t offset_of(const struct fixture *f, const struct blob *b)
{
    return (size_t)((const uint8_t *)b - f->pool.region);
}

static void blob_pool_init_needs_exactly_its_size(void **state)
{
    struct fixture *f = *state;
    struct blob_pool p;
    struct arena a;

    arena_init(&a, f->memory, blob_pool_size(ORDER) - 1);
    assert_int_equal(blob_pool_init(&p, ORDER, &a), -ENOMEM);
    arena_init(&a, f->memory, blob_pool_size(ORDER));
    assert_int_equal(blob_pool_init(&p, ORDER, &a), 0);
    assert_int_equal(a.used, a.size);
}

static void blob_new_rounds_up_to_powers_of_two(void **state)
{
    struct fixture *f = *state;
    struct blob *small = blob_new(&f->pool, 128 - HEAD);
    struct blob *next = blob_new(&f->pool, 128 - HEAD + 1);

    assert_int_equal(small->order, 7);
    assert_int_equal(next->order, 8);
    assert_int_equal(small->len, 128 - HEAD);
    assert_int_equal(small->refs, 1);
    assert_int_equal(f->pool.bytes_used, 128 + 256);
}

static void blob_new_gives_the_lowest_address(void **state)
{
    struct fixture *f = *state;
    struct blob *a = blob_new(&f->pool, 1);
    struct blob *b = blob_new(&f->pool, 1);
    struct blob *c = blob_new(&f->pool, 1);

    assert_int_equal(offset_of(f, a), 0);
    assert_int_equal(offset_of(f, b), 128);
    assert_int_equal(offset_of(f, c), 256);
    blob_unref(&f->pool, b);
    blob_unref(&f->pool, a);
    assert_int_equal(offset_of(f, blob_new(&f->pool, 1)), 0);
    assert_int_equal(offset_of(f, blob_new(&f->pool, 200)), 512);
    assert_int_equal(offset_of(f, blob_new(&f->pool, 1)), 128);
}

static void blob_new_whole_region_fits_and_more_does_not(void **state)
{
    struct fixture *f = *state;
    struct blob *all;

    assert_null(blob_new(&f->pool, (1u << ORDER) - HEAD + 1));
    assert_null(blob_new(&f->pool, UINT32_MAX));
    all = blob_new(&f->pool, (1u << ORDER) - HEAD);
    assert_non_null(all);
    memset(all->bytes, 0xff, all->len);
    assert_null(blob_new(&f->pool, 0));
    blob_unref(&f->pool, all);
    assert_non_null(blob_new(&f->pool, 0));
}

static void blob_unref_frees_at_the_last_reference(void **state)
{
    struct fixture *f = *state;
    struct blob *b = blob_new(&f->pool, 10);

    assert_ptr_equal(blob_ref(b), b);
    assert_int_equal(b->refs, 2);
    blob_unref(&f->pool, b);
    assert_int_equal(f->pool.bytes_used, 128);
    blob_unref(&f->pool, b);
    assert_int_equal(f->pool.bytes_used, 0);
    blob_unref(&f->pool, NULL);
    assert_int_equal(f->pool.bytes_used, 0);
}

static void blob_unref_of_all_merges_to_the_whole_region(void **state)
{
    struct fixture *f = *state;
    struct blob *b[128];

    for (int i = 0; i < 128; i++) b[i] = blob_new(&f->pool, 1);
    assert_non_null(b[127]);
    assert_null(blob_new(&f->pool, 1));
    for (int i = 0; i < 128; i += 2) blob_unref(&f->pool, b[i]);
    assert_null(blob_new(&f->pool, 200)); /* half is free, in splinters */
    for (int i = 127; i > 0; i -= 2) blob_unref(&f->pool, b[i]);
    assert_non_null(blob_new(&f->pool, (1u << ORDER) - HEAD));
}

#define LIVE_MAX 64

/* Each blob is filled with its own number: any overlap shows. */
static void blob_random_work_never_overlaps(void **state)
{
    const uint64_t seed = 20240607;
    struct fixture *f = *state;
    struct blob *live[LIVE_MAX] = { NULL };
    uint64_t used = 0;
    struct prng p;

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&p, seed);
    for (int step = 0; step < 50000; step++) {
        const size_t i = prng_below(&p, LIVE_MAX);

        if (live[i]) {
            for (uint32_t k = 0; k < live[i]->len; k++)
                assert_int_equal(live[i]->bytes[k], i);
            used -= UINT64_C(1) << live[i]->order;
            blob_unref(&f->pool, live[i]);
            live[i] = NULL;
        } else {
            const uint32_t most = 1u << prng_below(&p, 12);

            live[i] = blob_new(&f->pool, (uint32_t)prng_below(&p, most + 1));
            if (!live[i]) continue;
            memset(live[i]->bytes, (int)i, live[i]->len);
            used += UINT64_C(1) << live[i]->order;
        }
        assert_int_equal(f->pool.bytes_used, used);
    }
    for (size_t i = 0; i < LIVE_MAX; i++) blob_unref(&f->pool, live[i]);
    assert_int_equal(f->pool.bytes_used, 0);
    assert_non_null(blob_new(&f->pool, (1u << ORDER) - HEAD));
}

static void top_is_the_end_of_the_last_block(void **state)
{
    struct fixture *f = *state;
    struct blob *blobs[128];
    struct prng p;

    assert_int_equal(blob_pool_top(&f->pool), 0);
    prng_init(&p, 5);
    memset(blobs, 0, sizeof blobs);
    for (unsigned i = 0; i < 5000; i++) {
        const size_t at = prng_below(&p, 128);
        uint64_t top = 0;

        blob_unref(&f->pool, blobs[at]);
        blobs[at] = NULL;
        if (prng_below(&p, 2 + i / 1000)) {
            blobs[at] = blob_new(&f->pool, (uint32_t)prng_below(&p, 600));
        }
        for (size_t k = 0; k < 128; k++) {
            if (!blobs[k]) continue;
            const uint64_t end = offset_of(f, blobs[k]) +
                                 (UINT64_C(1) << blobs[k]->order);
            top = end > top ? end : top;
        }
        assert_int_equal(blob_pool_top(&f->pool), top);
    }
    for (size_t k = 0; k < 128; k++) blob_unref(&f->pool, blobs[k]);
    assert_int_equal(blob_pool_top(&f->pool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blob_pool_init_needs_exactly_its_size,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(blob_new_rounds_up_to_powers_of_two,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(blob_new_gives_the_lowest_address,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            blob_new_whole_region_fits_and_more_does_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(blob_unref_frees_at_the_last_reference,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            blob_unref_of_all_merges_to_the_whole_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(top_is_the_end_of_the_last_block,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(blob_random_work_never_overlaps, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

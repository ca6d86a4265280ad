/*
 * test_value.c - values: what is sealed is valid, and nothing else is.
 */
#include "paxos/value.h"

#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define POOL_ORDER 12u

/* A sealed value of 40 bytes in memory of exactly so many. */
static uint8_t *sealed(void)
{
    uint8_t *bytes = malloc(40);

    assert_non_null(bytes);
    memset(bytes, 0x5a, 40);
    value_seal(bytes, 40, VALUE_COMMANDS, 3, 99);
    return bytes;
}

static void reseal(uint8_t *bytes, uint32_t len)
{
    store32(bytes, crc32c(0, bytes + 4, len - 4));
}

static void seal_fills_the_head(void **state)
{
    uint8_t *bytes = sealed();

    (void)state;
    assert_int_equal(value_kind(bytes), VALUE_COMMANDS);
    assert_int_equal(value_count(bytes), 3);
    assert_int_equal(value_time_ns(bytes), 99);
    assert_int_equal(bytes[VALUE_HEAD], 0x5a);
    assert_true(value_is_valid(bytes, 40));
    free(bytes);
}

static void seal_of_noop_is_valid_without_payload(void **state)
{
    uint8_t bytes[VALUE_HEAD + 1] = { 0 };

    (void)state;
    value_seal(bytes, VALUE_HEAD, VALUE_TAKEOVER, 0, 1);
    assert_true(value_is_valid(bytes, VALUE_HEAD));
    value_seal(bytes, VALUE_HEAD, VALUE_NOOP, 0, 1);
    assert_true(value_is_valid(bytes, VALUE_HEAD));
    reseal(bytes, VALUE_HEAD + 1);
    assert_false(value_is_valid(bytes, VALUE_HEAD + 1));
}

static void valid_with_any_bit_flipped_is_refused(void **state)
{
    uint8_t *bytes = sealed();

    (void)state;
    for (uint32_t bit = 0; bit < 8 * 40; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(value_is_valid(bytes, 40));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(value_is_valid(bytes, 40));
    free(bytes);
}

static void valid_at_every_shorter_length_is_refused(void **state)
{
    uint8_t *bytes = sealed();

    (void)state;
    for (uint32_t len = 0; len < 40; len++) {
        uint8_t *copy = malloc(len ? len : 1);

        assert_non_null(copy);
        memcpy(copy, bytes, len);
        assert_false(value_is_valid(copy, len));
        free(copy);
    }
    free(bytes);
}

/* Rightly checksummed, and yet none that value_seal would make. */
static void valid_with_head_that_lies_is_refused(void **state)
{
    const struct {
        uint8_t at;
        uint8_t size;
        uint16_t accepted;
        uint16_t refused;
    } lies[] = {
        { 4, 1, VALUE_COMMANDS, 0 },
        { 4, 1, VALUE_COMMANDS, VALUE_NOOP },
        { 4, 1, VALUE_COMMANDS, VALUE_TAKEOVER + 1 },
        { 5, 1, 0, 1 },
        { 6, 2, 1, 0 },
        { 6, 2, VALUE_COMMANDS_MAX, VALUE_COMMANDS_MAX + 1 },
    };
    uint8_t *bytes = sealed();

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(bytes + lies[i].at, &lies[i].accepted, lies[i].size);
        reseal(bytes, 40);
        assert_true(value_is_valid(bytes, 40));
        memcpy(bytes + lies[i].at, &lies[i].refused, lies[i].size);
        reseal(bytes, 40);
        assert_false(value_is_valid(bytes, 40));
        memcpy(bytes + lies[i].at, &lies[i].accepted, lies[i].size);
    }
    free(bytes);
}

static void valid_beyond_largest_size_is_refused(void **state)
{
    uint8_t *bytes = calloc(1, VALUE_BYTES_MAX + 1);

    (void)state;
    assert_non_null(bytes);
    value_seal(bytes, VALUE_BYTES_MAX, VALUE_COMMANDS, 1, 0);
    assert_true(value_is_valid(bytes, VALUE_BYTES_MAX));
    reseal(bytes, VALUE_BYTES_MAX + 1);
    assert_false(value_is_valid(bytes, VALUE_BYTES_MAX + 1));
    free(bytes);
}

static void equal_compares_bytes(void **state)
{
    uint8_t *a = sealed();
    uint8_t *b = sealed();
    const struct value first = { .bytes = a, .len = 40 };
    const struct value second = { .bytes = b, .len = 40 };
    const struct value shorter = { .bytes = b, .len = 39 };

    (void)state;
    assert_true(value_equal(first, first));
    assert_true(value_equal(first, second));
    assert_false(value_equal(first, shorter));
    b[39] ^= 1;
    assert_false(value_equal(first, second));
    free(a);
    free(b);
}

static void keep_copies_what_is_borrowed_and_shares_a_blob(void **state)
{
    const size_t size = blob_pool_size(POOL_ORDER);
    void *memory = aligned_alloc(ARENA_ALIGN, ARENA_SIZE(size));
    uint8_t *bytes = sealed();
    struct blob_pool pool;
    struct arena mem;
    struct blob *copy;

    (void)state;
    assert_non_null(memory);
    memset(memory, 0, ARENA_SIZE(size));
    arena_init(&mem, memory, ARENA_SIZE(size));
    assert_int_equal(blob_pool_init(&pool, POOL_ORDER, &mem), 0);

    copy = value_keep((struct value){ .bytes = bytes, .len = 40 }, &pool);
    assert_non_null(copy);
    assert_ptr_not_equal(copy->bytes, bytes);
    assert_memory_equal(copy->bytes, bytes, 40);
    assert_int_equal(copy->refs, 1);

    assert_ptr_equal(value_keep(value_of(copy), &pool), copy);
    assert_int_equal(copy->refs, 2);

    while (blob_new(&pool, 1)) continue; /* until it is dry */
    assert_null(value_keep((struct value){ .bytes = bytes, .len = 40 }, &pool));
    assert_ptr_equal(value_keep(value_of(copy), &pool), copy);
    free(bytes);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seal_fills_the_head),
        cmocka_unit_test(seal_of_noop_is_valid_without_payload),
        cmocka_unit_test(valid_with_any_bit_flipped_is_refused),
        cmocka_unit_test(valid_at_every_shorter_length_is_refused),
        cmocka_unit_test(valid_with_head_that_lies_is_refused),
        cmocka_unit_test(valid_beyond_largest_size_is_refused),
        cmocka_unit_test(equal_compares_bytes),
        cmocka_unit_test(keep_copies_what_is_borrowed_and_shares_a_blob),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

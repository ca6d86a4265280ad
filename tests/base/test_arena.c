/* test_arena.c - src/base/arena.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static _Alignas(ARENA_ALIGN) uint8_t memory[1024];

static void arena_take_gives_aligned_pieces_in_order(void **state)
{
    struct arena a;
    uint8_t *first;
    uint8_t *second;

    (void)state;
    arena_init(&a, memory, sizeof memory);
    first = arena_take(&a, 1, 1);
    second = arena_take(&a, 3, 50);

    assert_ptr_equal(first, memory);
    assert_ptr_equal(second, memory + ARENA_ALIGN);
    assert_int_equal(a.used, ARENA_SIZE(1) + ARENA_SIZE(150));
}

static void arena_take_last_byte_fits_and_one_more_does_not(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, memory, sizeof memory);
    assert_null(arena_take(&a, 1, sizeof memory + 1));
    assert_non_null(arena_take(&a, sizeof memory, 1));
    assert_null(arena_take(&a, 1, 1));
    assert_int_equal(a.used, sizeof memory);
}

static void arena_take_of_odd_memory_refuses_what_rounding_exceeds(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, memory, 100);
    assert_non_null(arena_take(&a, 1, 64));
    assert_null(arena_take(&a, 1, 36)); /* 36 are left, 64 would be taken */
    assert_int_equal(a.used, 64);
}

static void arena_take_count_times_size_overflowing_is_refused(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, memory, sizeof memory);
    assert_null(arena_take(&a, SIZE_MAX / 2, 4));
    assert_null(arena_take(&a, SIZE_MAX, SIZE_MAX));
    assert_int_equal(a.used, 0);
}

static void arena_size_rounds_up_to_a_cache_line(void **state)
{
    (void)state;
    assert_int_equal(ARENA_SIZE(0), 0);
    assert_int_equal(ARENA_SIZE(1), 64);
    assert_int_equal(ARENA_SIZE(64), 64);
    assert_int_equal(ARENA_SIZE(65), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_take_gives_aligned_pieces_in_order),
        cmocka_unit_test(arena_take_last_byte_fits_and_one_more_does_not),
        cmocka_unit_test(
            arena_take_of_odd_memory_refuses_what_rounding_exceeds),
        cmocka_unit_test(arena_take_count_times_size_overflowing_is_refused),
        cmocka_unit_test(arena_size_rounds_up_to_a_cache_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

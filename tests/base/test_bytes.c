/* test_bytes.c - src/base/bytes.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

static struct bytes text(const char *s)
{
    return bytes_of(s, (uint32_t)strlen(s));
}

static void bytes_cmp_orders_by_unsigned_bytes_then_length(void **state)
{
    (void)state;
    assert_true(bytes_cmp(text("a"), text("b")) < 0);
    assert_true(bytes_cmp(text("b"), text("a")) > 0);
    assert_true(bytes_cmp(text("\x7f"), text("\x80")) < 0);
    assert_true(bytes_cmp(text("a"), text("aa")) < 0);
    assert_true(bytes_cmp(text("aa"), text("a")) > 0);
    assert_true(bytes_cmp(text("b"), text("aa")) > 0);
    assert_int_equal(bytes_cmp(text("same"), text("same")), 0);
}

static void bytes_cmp_empty_comes_first(void **state)
{
    (void)state;
    assert_true(bytes_cmp(bytes_of(NULL, 0), text("a")) < 0);
    assert_int_equal(bytes_cmp(bytes_of(NULL, 0), text("")), 0);
}

static void bytes_equal_needs_length_and_bytes(void **state)
{
    (void)state;
    assert_true(bytes_equal(text("ab"), text("ab")));
    assert_false(bytes_equal(text("ab"), text("ac")));
    assert_false(bytes_equal(text("ab"), text("abc")));
    assert_true(bytes_equal(bytes_of(NULL, 0), text("")));
}

static void store_and_load_are_little_endian_at_any_alignment(void **state)
{
    uint8_t b[16];

    (void)state;
    for (size_t at = 0; at < 8; at++) {
        store64(b + at, UINT64_C(0x0807060504030201));
        for (size_t i = 0; i < 8; i++) assert_int_equal(b[at + i], i + 1);
        assert_int_equal(load64(b + at), UINT64_C(0x0807060504030201));
        assert_int_equal(load32(b + at), 0x04030201);
        assert_int_equal(load16(b + at), 0x0201);
        store32(b + at, 0xaabbccdd);
        assert_int_equal(b[at], 0xdd);
        store16(b + at, 0x1122);
        assert_int_equal(b[at], 0x22);
        assert_int_equal(load32(b + at), 0xaabb1122);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_cmp_orders_by_unsigned_bytes_then_length),
        cmocka_unit_test(bytes_cmp_empty_comes_first),
        cmocka_unit_test(bytes_equal_needs_length_and_bytes),
        cmocka_unit_test(store_and_load_are_little_endian_at_any_alignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

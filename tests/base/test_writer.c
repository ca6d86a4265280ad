/* test_writer.c - src/base/writer.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/writer.h"

static void writer_exact_buffer_takes_all_little_endian(void **state)
{
    const uint8_t want[18] = { 1,  3,  2,  7,  6, 5, 4,   15,  14,
                               13, 12, 11, 10, 9, 8, 'x', 'y', 'z' };
    uint8_t b[18];
    struct writer w = writer_of(b, sizeof b);

    (void)state;
    writer_u8(&w, 1);
    writer_u16(&w, 0x0203);
    writer_u32(&w, 0x04050607);
    writer_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
    writer_bytes(&w, "xyz", 3);

    assert_true(writer_ok(&w));
    assert_int_equal(writer_len(&w), 18);
    assert_int_equal(writer_left(&w), 0);
    assert_memory_equal(b, want, sizeof want);
}

static void writer_every_short_buffer_goes_bad_and_is_not_overrun(void **state)
{
    (void)state;
    for (size_t size = 0; size < 18; size++) {
        uint8_t b[19];
        struct writer w = writer_of(b, size);

        memset(b, 0xee, sizeof b);
        writer_u8(&w, 1);
        writer_u16(&w, 1);
        writer_u32(&w, 1);
        writer_u64(&w, 1);
        writer_bytes(&w, "xyz", 3);
        assert_false(writer_ok(&w));
        assert_true(writer_len(&w) <= size);
        for (size_t i = size; i < sizeof b; i++) assert_int_equal(b[i], 0xee);
    }
}

static void writer_once_bad_writes_nothing_more(void **state)
{
    uint8_t b[3] = { 9, 9, 9 };
    struct writer w = writer_of(b, sizeof b);

    (void)state;
    writer_u32(&w, 0);
    writer_u8(&w, 0); /* though three bytes are free */
    assert_null(writer_take(&w, 0));
    assert_int_equal(b[0], 9);
    assert_int_equal(writer_len(&w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_exact_buffer_takes_all_little_endian),
        cmocka_unit_test(writer_every_short_buffer_goes_bad_and_is_not_overrun),
        cmocka_unit_test(writer_once_bad_writes_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

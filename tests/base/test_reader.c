/* test_reader.c - src/base/reader.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/reader.h"

static const uint8_t input[15] = {
    1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0
};

static void reader_exact_input_gives_all_and_is_done(void **state)
{
    struct reader r = reader_of(input, sizeof input);

    (void)state;
    assert_int_equal(reader_left(&r), 15);
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16(&r), 2);
    assert_int_equal(reader_u32(&r), 3);
    assert_false(reader_done(&r));
    assert_int_equal(reader_u64(&r), 4);
    assert_true(reader_ok(&r));
    assert_true(reader_done(&r));
}

static void reader_every_truncation_goes_bad(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof input; len++) {
        struct reader r = reader_of(input, len);

        reader_u8(&r);
        reader_u16(&r);
        reader_u32(&r);
        assert_int_equal(reader_u64(&r), 0);
        assert_false(reader_ok(&r));
        assert_false(reader_done(&r));
    }
}

static void reader_once_bad_gives_zeros_for_ever(void **state)
{
    struct reader r = reader_of(input, 3);

    (void)state;
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_u8(&r), 0); /* though three bytes were there */
    assert_null(reader_take(&r, 0));
    assert_int_equal(reader_left(&r), 0);
    assert_false(reader_ok(&r));
}

static void reader_take_borrows_from_the_input(void **state)
{
    struct reader r = reader_of(input, sizeof input);

    (void)state;
    assert_ptr_equal(reader_take(&r, 3), input);
    assert_ptr_equal(reader_take(&r, 0), input + 3);
    assert_null(reader_take(&r, SIZE_MAX));
    assert_false(reader_ok(&r));
}

static void reader_of_nothing_is_done_at_once(void **state)
{
    struct reader r = reader_of(NULL, 0);

    (void)state;
    assert_true(reader_done(&r));
    reader_u8(&r);
    assert_false(reader_ok(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_exact_input_gives_all_and_is_done),
        cmocka_unit_test(reader_every_truncation_goes_bad),
        cmocka_unit_test(reader_once_bad_gives_zeros_for_ever),
        cmocka_unit_test(reader_take_borrows_from_the_input),
        cmocka_unit_test(reader_of_nothing_is_done_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_page.c - pages of LIST: whole, cut short, trimmed.
 */
#include "base/writer.h"
#include "client/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define BYTES_OF(s) bytes_of(s, sizeof(s) - 1)

static void pair_put(struct writer *w, struct bytes key, struct bytes value)
{
    writer_u16(w, (uint16_t)key.len);
    writer_u32(w, value.len);
    writer_u64(w, 77);
    writer_bytes(w, key.at, key.len);
    writer_bytes(w, value.at, value.len);
}

static struct bytes page_example(uint8_t *buffer, size_t size)
{
    struct writer w = writer_of(buffer, size);

    pair_put(&w, BYTES_OF("a/1"), BYTES_OF("one"));
    pair_put(&w, BYTES_OF("a/2"), BYTES_OF(""));
    pair_put(&w, BYTES_OF("b"), BYTES_OF("three"));
    assert_true(writer_ok(&w));
    return bytes_of(buffer, (uint32_t)writer_len(&w));
}

static void next_gives_pairs_in_order(void **state)
{
    uint8_t buffer[256];
    struct bytes page = page_example(buffer, sizeof buffer);
    struct page_pair p;

    (void)state;
    assert_true(page_is_whole(page));
    assert_true(page_next(&page, &p));
    assert_true(bytes_equal(p.key, BYTES_OF("a/1")));
    assert_true(bytes_equal(p.value, BYTES_OF("one")));
    assert_int_equal(p.version, 77);
    assert_true(page_next(&page, &p));
    assert_int_equal(p.value.len, 0);
    assert_true(page_next(&page, &p));
    assert_true(bytes_equal(p.key, BYTES_OF("b")));
    assert_false(page_next(&page, &p));
}

static void page_cut_anywhere_is_not_whole(void **state)
{
    uint8_t buffer[256];
    const struct bytes page = page_example(buffer, sizeof buffer);
    unsigned whole = 0;

    (void)state;
    for (uint32_t len = 0; len < page.len; len++) {
        uint8_t *copy = malloc(len ? len : 1);

        assert_non_null(copy);
        memcpy(copy, page.at, len);
        whole += page_is_whole(bytes_of(copy, len));
        free(copy);
    }
    assert_int_equal(whole, 3); /* empty, and behind each pair but the last */
}

static void page_whose_length_lies_is_not_whole(void **state)
{
    uint8_t buffer[256];
    const struct bytes page = page_example(buffer, sizeof buffer);

    (void)state;
    buffer[5] = 0xff; /* 4 GiB of value */
    assert_false(page_is_whole(page));
}

static void trim_cuts_at_the_first_other_prefix(void **state)
{
    uint8_t buffer[256];
    const struct bytes whole = page_example(buffer, sizeof buffer);
    struct bytes page = whole;

    (void)state;
    assert_true(page_trim(&page, BYTES_OF("a/")));
    assert_int_equal(page.len, 2 * 14 + 3 + 3 + 3);
    assert_true(page_is_whole(page));
    assert_false(page_trim(&page, BYTES_OF("a/")));
    assert_true(page_trim(&page, BYTES_OF("a/1")));
    assert_int_equal(page.len, 14 + 3 + 3);
    page = whole;
    assert_true(page_trim(&page, BYTES_OF("c")));
    assert_int_equal(page.len, 0);
    page = whole;
    assert_false(page_trim(&page, BYTES_OF("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_gives_pairs_in_order),
        cmocka_unit_test(page_cut_anywhere_is_not_whole),
        cmocka_unit_test(page_whose_length_lies_is_not_whole),
        cmocka_unit_test(trim_cuts_at_the_first_other_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

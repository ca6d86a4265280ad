/*
 * test_text.c - words, UTF-8, base64 and JSON strings.
 */
#include "cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void assert_written(void (*write)(FILE *, const void *, size_t),
                           const char *bytes, size_t len, const char *wanted)
{
    char *text = NULL;
    size_t text_len;
    FILE *out = open_memstream(&text, &text_len);

    assert_non_null(out);
    write(out, bytes, len);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

#define WRITTEN(f, s, wanted) assert_written(f, s, sizeof(s) - 1, wanted)

static void word_is_bare_where_it_can_be(void **state)
{
    (void)state;
    WRITTEN(text_word, "plain/1", "plain/1");
    WRITTEN(text_word, "h\xc3\xa9\xff", "h\xc3\xa9\xff");
    WRITTEN(text_word, "", "\"\"");
    WRITTEN(text_word, "a b", "\"a b\"");
    WRITTEN(text_word, "a\"b\\", "\"a\\\"b\\\\\"");
    WRITTEN(text_word, "\n\r\t\0\x01\x7f", "\"\\n\\r\\t\\0\\x01\\x7f\"");
}

static void utf8_is_told_from_what_is_none(void **state)
{
    static const char *const good[] = {
        "",
        "a",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xc3\xa9z",
    };
    static const char *const bad[] = {
        "\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xc3",
        "\xc3(",
        "\xe0\x9f\xbf",
        "\xe1\x80",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf0\x90\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "a\xe1\x80(",
        "\xf1\x80\x80\xc0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
}

/* The vectors of RFC 4648, section 10. */
static void base64_is_padded(void **state)
{
    (void)state;
    WRITTEN(text_base64, "", "");
    WRITTEN(text_base64, "f", "Zg==");
    WRITTEN(text_base64, "fo", "Zm8=");
    WRITTEN(text_base64, "foo", "Zm9v");
    WRITTEN(text_base64, "foob", "Zm9vYg==");
    WRITTEN(text_base64, "fooba", "Zm9vYmE=");
    WRITTEN(text_base64, "foobar", "Zm9vYmFy");
    WRITTEN(text_base64, "\xff\xfe\xfb", "//77");
}

static void json_string_is_escaped(void **state)
{
    (void)state;
    WRITTEN(text_json, "a\"b\\c\n\x01\x7f", "\"a\\\"b\\\\c\\n\\u0001\\u007f\"");
    WRITTEN(text_json, "\0", "\"\\u0000\"");
    WRITTEN(text_json, "h\xc3\xa9", "\"h\xc3\xa9\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_is_bare_where_it_can_be),
        cmocka_unit_test(utf8_is_told_from_what_is_none),
        cmocka_unit_test(base64_is_padded),
        cmocka_unit_test(json_string_is_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

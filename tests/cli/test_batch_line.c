/*
 * test_batch_line.c - the grammar of batch lines.
 */
#include "cli/batch_line.h"
#include "cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *line_copy; /* of exactly its length: asan sees a step beyond */

static struct batch_line parsed_bytes(const char *line, size_t len)
{
    struct batch_line l;

    free(line_copy);
    line_copy = malloc(len ? len : 1);
    assert_non_null(line_copy);
    memcpy(line_copy, line, len);
    batch_line_parse(line_copy, len, &l);
    return l;
}

static struct batch_line parsed(const char *line)
{
    return parsed_bytes(line, strlen(line));
}

static int teardown(void **state)
{
    (void)state;
    free(line_copy);
    line_copy = NULL;
    return 0;
}

static void assert_bytes(const void *at, size_t len, const char *text,
                         size_t text_len)
{
    assert_int_equal(len, text_len);
    assert_memory_equal(at, text, len);
}

#define ASSERT_KEY(l, s)                                                       \
    assert_bytes((l).op.key, (l).op.key_len, s, sizeof(s) - 1)
#define ASSERT_OLD(l, s)                                                       \
    assert_bytes((l).op.expected, (l).op.expected_len, s, sizeof(s) - 1)
#define ASSERT_VALUE(l, s)                                                     \
    assert_bytes((l).op.value, (l).op.value_len, s, sizeof(s) - 1)

static void assert_bad(const char *line, const char *error)
{
    const struct batch_line l = parsed(line);

    assert_int_equal(l.kind, BATCH_BAD);
    if (strstr(l.error, error) == NULL)
        fail_msg("%s: \"%s\", not \"%s\"", line, l.error, error);
}

static void every_command_is_understood(void **state)
{
    struct batch_line l;

    (void)state;
    l = parsed("put key value");
    assert_int_equal(l.kind, BATCH_OP);
    assert_int_equal(l.op.code, PKV_PUT);
    ASSERT_KEY(l, "key");
    ASSERT_VALUE(l, "value");
    l = parsed("get key");
    assert_int_equal(l.op.code, PKV_GET);
    ASSERT_KEY(l, "key");
    l = parsed("del key");
    assert_int_equal(l.op.code, PKV_DEL);
    l = parsed("cas key old new");
    assert_int_equal(l.op.code, PKV_CAS);
    assert_int_equal(l.op.flags, 0);
    ASSERT_OLD(l, "old");
    ASSERT_VALUE(l, "new");
    l = parsed("incr key");
    assert_int_equal(l.op.delta, 1);
    l = parsed("incr key -5");
    assert_int_equal(l.op.code, PKV_INCR);
    assert_int_equal(l.op.delta, -5);
    l = parsed("list");
    assert_int_equal(l.op.code, PKV_LIST);
    l = parsed("list --keys p/");
    assert_int_equal(l.op.flags, PKV_KEYS);
    ASSERT_OLD(l, "p/");
    l = parsed("ping");
    assert_int_equal(l.op.code, PKV_PING);
}

/* In quotes it is data. */
static void options_are_bare_words(void **state)
{
    struct batch_line l;

    (void)state;
    l = parsed("cas key --absent new");
    assert_int_equal(l.op.flags, PKV_ABSENT);
    assert_int_equal(l.op.expected_len, 0);
    l = parsed("cas key \"--absent\" new");
    assert_int_equal(l.op.flags, 0);
    ASSERT_OLD(l, "--absent");
    l = parsed("list \"--keys\"");
    assert_int_equal(l.op.flags, 0);
    ASSERT_OLD(l, "--keys");
    assert_bad("\"ping\"", "unknown command");
}

static void nothing_needs_no_answer(void **state)
{
    (void)state;
    assert_int_equal(parsed("").kind, BATCH_NOTHING);
    assert_int_equal(parsed("\r").kind, BATCH_NOTHING);
    assert_int_equal(parsed(" \t ").kind, BATCH_NOTHING);
    assert_int_equal(parsed("# put a b").kind, BATCH_NOTHING);
    assert_int_equal(parsed("#\"").kind, BATCH_NOTHING);
    assert_bad(" # put", "unknown command");
}

static void blanks_separate_words(void **state)
{
    struct batch_line l;

    (void)state;
    l = parsed("  put \t a\tb  \r");
    assert_int_equal(l.kind, BATCH_OP);
    ASSERT_KEY(l, "a");
    ASSERT_VALUE(l, "b");
}

static void quotes_and_escapes_give_any_byte(void **state)
{
    struct batch_line l;

    (void)state;
    l = parsed("put \"a b\" \"\\\\\\\"\\n\\r\\t\\0\\x00\\xfF\\x20\"");
    assert_int_equal(l.kind, BATCH_OP);
    ASSERT_KEY(l, "a b");
    ASSERT_VALUE(l, "\\\"\n\r\t\0\0\xff ");
    l = parsed("put k \"\"");
    assert_int_equal(l.kind, BATCH_OP);
    assert_int_equal(l.op.value_len, 0);
    assert_non_null(l.op.value);
    l = parsed("put k\xc3\xa9 \xff\xfe");
    ASSERT_KEY(l, "k\xc3\xa9");
    ASSERT_VALUE(l, "\xff\xfe");
    l = parsed("put 'a '");
    ASSERT_KEY(l, "'a");
    l = parsed_bytes("put k \"\0\t\"", 10);
    ASSERT_VALUE(l, "\0\t");
}

static void bad_words_are_refused(void **state)
{
    (void)state;
    assert_bad("put k \"v", "not closed");
    assert_bad("put k \"v\\\"", "not closed");
    assert_bad("put k \"v\\", "backslash at the end");
    assert_bad("put k \"v\"w", "blank is missing");
    assert_bad("put k \"v\"\"w\"", "blank is missing");
    assert_bad("put k v\"w\"", "quote inside");
    assert_bad("put k v\\n", "backslash outside");
    assert_bad("put k v\001", "control byte");
    assert_bad("put k v\177", "control byte");
    assert_bad("put k v\r \r", "control byte");
    assert_bad("put k \"\\q\"", "unknown escape");
    assert_bad("put k \"\\x4\"", "two hexadecimal");
    assert_bad("put k \"\\xg0\"", "two hexadecimal");
    assert_bad("put k \"\\x4", "two hexadecimal");
}

static void bad_commands_are_refused(void **state)
{
    (void)state;
    assert_bad("puts k v", "unknown command");
    assert_bad("PUT k v", "unknown command");
    assert_bad("put k", "usage: put");
    assert_bad("put k v w", "usage: put");
    assert_bad("put k v w x y", "too many words");
    assert_bad("get", "usage: get");
    assert_bad("get k l", "usage: get");
    assert_bad("del", "usage: del");
    assert_bad("cas k v", "usage: cas");
    assert_bad("incr", "usage: incr");
    assert_bad("incr k 1 2", "usage: incr");
    assert_bad("incr k x", "not a signed");
    assert_bad("list a b", "usage: list");
    assert_bad("list --keys a b", "usage: list");
    assert_bad("ping k", "usage: ping");
    assert_bad("put \"\" v", "key is empty");
    assert_bad("get \"\"", "key is empty");
}

static void sizes_are_bounded(void **state)
{
    char line[3000];

    (void)state;
    snprintf(line, sizeof line, "get %0*d", PKV_KEY_MAX, 0);
    assert_int_equal(parsed(line).kind, BATCH_OP);
    snprintf(line, sizeof line, "get %0*d", PKV_KEY_MAX + 1, 0);
    assert_bad(line, "too large");
    snprintf(line, sizeof line, "put k %0*d", PKV_COMMAND_MAX - 1, 0);
    assert_int_equal(parsed(line).kind, BATCH_OP);
    snprintf(line, sizeof line, "put k %0*d", PKV_COMMAND_MAX, 0);
    assert_bad(line, "too large");
    snprintf(line, sizeof line, "list %0*d", PKV_KEY_MAX + 1, 0);
    assert_bad(line, "prefix");
}

static void number_takes_all_of_64_bits_and_no_more(void **state)
{
    static const char *const bad[] = {
        "",
        "-",
        "+",
        "1x",
        " 1",
        "1 ",
        "0x1",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999",
        "--1",
        "1.0",
    };
    int64_t n;

    (void)state;
    assert_true(batch_line_number("9223372036854775807", 19, &n));
    assert_true(n == INT64_MAX);
    assert_true(batch_line_number("-9223372036854775808", 20, &n));
    assert_true(n == INT64_MIN);
    assert_true(batch_line_number("+007", 4, &n));
    assert_int_equal(n, 7);
    assert_true(batch_line_number("-0", 2, &n));
    assert_int_equal(n, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(batch_line_number(bad[i], strlen(bad[i]), &n));
}

/* Whatever is written as a word is read back as the same bytes. */
static void word_written_is_the_word_read(void **state)
{
    const unsigned seed = 7;
    char bytes[64];

    (void)state;
    printf("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 2000; round++) {
        const size_t len = (size_t)rand() % sizeof bytes;
        struct batch_line l;
        char *text = NULL;
        size_t text_len;
        FILE *out = open_memstream(&text, &text_len);

        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(rand() % (round % 2 ? 256 : 64));
        fputs("put k ", out);
        text_word(out, bytes, len);
        fclose(out);
        l = parsed_bytes(text, text_len);
        assert_int_equal(l.kind, BATCH_OP);
        assert_bytes(l.op.value, l.op.value_len, bytes, len);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_understood),
        cmocka_unit_test(options_are_bare_words),
        cmocka_unit_test(nothing_needs_no_answer),
        cmocka_unit_test(blanks_separate_words),
        cmocka_unit_test(quotes_and_escapes_give_any_byte),
        cmocka_unit_test(bad_words_are_refused),
        cmocka_unit_test(bad_commands_are_refused),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(number_takes_all_of_64_bits_and_no_more),
        cmocka_unit_test(word_written_is_the_word_read),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}

/*
 * fuzz_batch.c - lines of `paxoskv batch`: each is nothing, an operation
 * within the limits, or an error with a text; and a word that is written by
 * text_word is read as the same bytes.
 */
#include "fuzz/fuzz.h"

#include "cli/batch_line.h"
#include "cli/text.h"

#include <stdio.h>

/* Borrowed bytes must be those of the line. */
static void check_bytes(const char *line, size_t line_len, const void *bytes,
                        size_t len)
{
    const char *at = bytes;

    if (len == 0) return;
    FUZZ_CHECK(at >= line && at + len <= line + line_len);
    fuzz_touch(bytes_of(bytes, (uint32_t)len));
}

/* The words of a put, written and read again. */
static void check_words(const struct pkv_op *op)
{
    struct batch_line again;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    FUZZ_CHECK(out);
    fputs("put ", out);
    text_word(out, op->key, op->key_len);
    fputc(' ', out);
    text_word(out, op->value, op->value_len);
    FUZZ_CHECK(fclose(out) == 0);

    batch_line_parse(text, len, &again);
    FUZZ_CHECK(again.kind == BATCH_OP);
    FUZZ_CHECK(again.op.key_len == op->key_len);
    FUZZ_CHECK(again.op.value_len == op->value_len);
    FUZZ_CHECK(memcmp(again.op.key, op->key, op->key_len) == 0);
    if (op->value_len)
        FUZZ_CHECK(memcmp(again.op.value, op->value, op->value_len) == 0);
    free(text);
}

static void check_op(const char *line, size_t len, const struct pkv_op *op)
{
    FUZZ_CHECK(op->key_len <= PKV_KEY_MAX);
    FUZZ_CHECK(op->key_len + op->expected_len + op->value_len <=
               PKV_COMMAND_MAX);
    check_bytes(line, len, op->key, op->key_len);
    check_bytes(line, len, op->expected, op->expected_len);
    check_bytes(line, len, op->value, op->value_len);
    if (op->code == PKV_PUT) check_words(op);
}

static void read_line(const uint8_t *data, size_t len)
{
    char *line = malloc(len ? len : 1); /* exactly, for asan */
    struct batch_line l;

    FUZZ_CHECK(line);
    memcpy(line, data, len);
    batch_line_parse(line, len, &l);
    FUZZ_CHECK((l.error != NULL) == (l.kind == BATCH_BAD));
    if (l.error) FUZZ_CHECK(l.error[0]);
    if (l.kind == BATCH_OP) check_op(line, len, &l.op);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *newline = memchr(data, '\n', size);
        const size_t len = newline ? (size_t)(newline - data) : size;

        read_line(data, len);
        data += newline ? len + 1 : len;
        size -= newline ? len + 1 : len;
    }
    return 0;
}

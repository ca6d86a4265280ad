/*
 * batch_line.c - see batch_line.h.
 */
#include "cli/batch_line.h"

#include <string.h>

struct word {
    char *at;
    size_t len;
    bool bare;
};

struct words {
    unsigned count;
    struct word list[BATCH_WORDS_MAX];
};

/* ---- words -------------------------------------------------------------- */

static bool byte_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool byte_is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/*
 * Replace the escape behind a backslash at *in.  Returns NULL and the byte in
 * *out, or what is wrong.
 */
static const char *escape_take(char **in, const char *end, char *out)
{
    char *at = *in;
    int high, low;

    if (at == end) return "a backslash at the end of the line";
    switch (*at++) {
    case '\\':
        *out = '\\';
        break;
    case '"':
        *out = '"';
        break;
    case 'n':
        *out = '\n';
        break;
    case 'r':
        *out = '\r';
        break;
    case 't':
        *out = '\t';
        break;
    case '0':
        *out = '\0';
        break;
    case 'x':
        if (end - at < 2) return "\\x needs two hexadecimal digits";
        high = hex_digit(at[0]);
        low = hex_digit(at[1]);
        if (high < 0 || low < 0) return "\\x needs two hexadecimal digits";
        *out = (char)(high << 4 | low);
        at += 2;
        break;
    default:
        return "an unknown escape; known are \\\\ \\\" \\n \\r \\t \\0 \\xHH";
    }
    *in = at;
    return NULL;
}

/* *in stands behind the opening quote, and then behind the closing one. */
static const char *quoted_take(char **in, const char *end, struct word *w)
{
    char *at = *in;
    char *out = at;

    w->at = out;
    w->bare = false;
    for (;;) {
        const char *error;

        if (at == end) return "a quote is not closed";
        if (*at == '"') break;
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        at++;
        error = escape_take(&at, end, out++);
        if (error) return error;
    }
    w->len = (size_t)(out - w->at);
    *in = at + 1;
    if (*in < end && !byte_is_blank(**in))
        return "a blank is missing behind a closing quote";
    return NULL;
}

static const char *bare_take(char **in, const char *end, struct word *w)
{
    char *at = *in;

    w->at = at;
    w->bare = true;
    for (; at < end && !byte_is_blank(*at); at++) {
        if (*at == '"') return "a quote inside a word; quote all of it";
        if (*at == '\\') return "a backslash outside of quotes";
        if (byte_is_control(*at)) return "a control byte outside of quotes";
    }
    w->len = (size_t)(at - w->at);
    *in = at;
    return NULL;
}

static const char *words_take(char *in, const char *end, struct words *words)
{
    words->count = 0;
    for (;;) {
        struct word w;
        const char *error;

        while (in < end && byte_is_blank(*in)) in++;
        if (in == end) return NULL;
        if (*in == '"') {
            in++;
            error = quoted_take(&in, end, &w);
        } else {
            error = bare_take(&in, end, &w);
        }
        if (error) return error;
        if (words->count == BATCH_WORDS_MAX) return "too many words";
        words->list[words->count++] = w;
    }
}

/* ---- operations --------------------------------------------------------- */

bool batch_line_number(const char *text, size_t len, int64_t *number)
{
    const bool minus = len > 0 && text[0] == '-';
    const uint64_t max = (uint64_t)INT64_MAX + minus;
    size_t i = len > 0 && (text[0] == '-' || text[0] == '+');
    uint64_t value = 0;

    if (i == len) return false;
    for (; i < len; i++) {
        const uint64_t digit = (uint64_t)(text[i] - '0');

        if (text[i] < '0' || text[i] > '9') return false;
        if (value > (max - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = (int64_t)(minus ? 0 - value : value);
    return true;
}

static bool word_is(const struct word *w, const char *text)
{
    return w->bare && w->len == strlen(text) &&
           memcmp(w->at, text, w->len) == 0;
}

static void op_key(struct pkv_op *op, const struct word *w)
{
    op->key = w->at;
    op->key_len = w->len;
}

static void op_value(struct pkv_op *op, const struct word *w)
{
    op->value = w->at;
    op->value_len = w->len;
}

static const char *op_cas(struct pkv_op *op, const struct words *words)
{
    const struct word *w = words->list;

    if (words->count != 4) return "usage: cas KEY OLD NEW, or --absent as OLD";
    op_key(op, &w[1]);
    op_value(op, &w[3]);
    if (word_is(&w[2], "--absent")) {
        op->flags = PKV_ABSENT;
        return NULL;
    }
    op->expected = w[2].at;
    op->expected_len = w[2].len;
    return NULL;
}

static const char *op_incr(struct pkv_op *op, const struct words *words)
{
    const struct word *w = words->list;

    if (words->count != 2 && words->count != 3) return "usage: incr KEY [N]";
    op_key(op, &w[1]);
    op->delta = 1;
    if (words->count == 3 && !batch_line_number(w[2].at, w[2].len, &op->delta))
        return "N is not a signed 64-bit decimal number";
    return NULL;
}

static const char *op_list(struct pkv_op *op, const struct words *words)
{
    const struct word *w = words->list + 1;
    unsigned count = words->count - 1;

    if (count > 0 && word_is(w, "--keys")) {
        op->flags = PKV_KEYS;
        w++;
        count--;
    }
    if (count > 1) return "usage: list [--keys] [PREFIX]";
    if (count == 0) return NULL;
    op->expected = w->at;
    op->expected_len = w->len;
    return NULL;
}

static const struct {
    const char *name;
    enum pkv_code code;
    unsigned count; /* of words, where it is fixed */
    const char *usage;
} commands[] = {
    { "put", PKV_PUT, 3, "usage: put KEY VALUE" },
    { "get", PKV_GET, 2, "usage: get KEY" },
    { "del", PKV_DEL, 2, "usage: del KEY" },
    { "ping", PKV_PING, 1, "usage: ping" },
    { "cas", PKV_CAS, 0, NULL },
    { "incr", PKV_INCR, 0, NULL },
    { "list", PKV_LIST, 0, NULL },
};

static const char *op_take(struct pkv_op *op, const struct words *words)
{
    const struct word *w = words->list;
    unsigned i = 0;

    while (i < sizeof commands / sizeof commands[0] &&
           !word_is(&w[0], commands[i].name))
        i++;
    if (i == sizeof commands / sizeof commands[0])
        return "unknown command; known are put get del cas incr list ping";
    op->code = commands[i].code;
    if (op->code == PKV_CAS) return op_cas(op, words);
    if (op->code == PKV_INCR) return op_incr(op, words);
    if (op->code == PKV_LIST) return op_list(op, words);
    if (words->count != commands[i].count) return commands[i].usage;
    if (words->count > 1) op_key(op, &w[1]);
    if (words->count > 2) op_value(op, &w[2]);
    return NULL;
}

/* The library would refuse these, too, but could not say why. */
static const char *op_check(const struct pkv_op *op)
{
    const bool needs_key = op->code != PKV_LIST && op->code != PKV_PING;
    const size_t number_len = op->code == PKV_INCR ? sizeof op->delta : 0;

    if (needs_key && op->key_len == 0) return "the key is empty";
    if (op->key_len > PKV_KEY_MAX || op->expected_len > PKV_COMMAND_MAX ||
        op->value_len > PKV_COMMAND_MAX ||
        op->key_len + op->expected_len + op->value_len + number_len >
            PKV_COMMAND_MAX)
        return pkv_status_text(PKV_TOO_LARGE);
    if (op->code == PKV_LIST && op->expected_len > PKV_KEY_MAX)
        return "the prefix is longer than a key, 1,024 bytes";
    return NULL;
}

void batch_line_parse(char *line, size_t len, struct batch_line *l)
{
    struct words words;

    memset(l, 0, sizeof *l);
    if (len > 0 && line[len - 1] == '\r') len--;
    if (len > 0 && line[0] == '#') return;
    l->error = words_take(line, line + len, &words);
    if (l->error == NULL && words.count == 0) return;
    if (l->error == NULL) l->error = op_take(&l->op, &words);
    if (l->error == NULL) l->error = op_check(&l->op);
    l->kind = l->error ? BATCH_BAD : BATCH_OP;
}

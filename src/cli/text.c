/*
 * text.c - see text.h.
 */
#include "cli/text.h"

#include <stdint.h>

static bool byte_is_bare(unsigned char c)
{
    return c > ' ' && c != 0x7f && c != '"' && c != '\\';
}

static bool word_is_bare(const unsigned char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!byte_is_bare(at[i])) return false;
    }
    return len > 0;
}

static void byte_quoted(FILE *out, unsigned char c)
{
    switch (c) {
    case '\\':
        fputs("\\\\", out);
        return;
    case '"':
        fputs("\\\"", out);
        return;
    case '\n':
        fputs("\\n", out);
        return;
    case '\r':
        fputs("\\r", out);
        return;
    case '\t':
        fputs("\\t", out);
        return;
    case '\0':
        fputs("\\0", out);
        return;
    default:
        break;
    }
    if (c < 0x20 || c == 0x7f)
        fprintf(out, "\\x%02x", c);
    else
        putc(c, out);
}

void text_word(FILE *out, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    if (word_is_bare(at, len)) {
        fwrite(at, 1, len, out);
        return;
    }
    putc('"', out);
    for (size_t i = 0; i < len; i++) byte_quoted(out, at[i]);
    putc('"', out);
}

/*
 * Bytes of the character that begins with at[0], or 0.  The second byte alone
 * tells overlong forms, surrogates and what lies beyond U+10FFFF.
 */
static size_t utf8_len(const unsigned char *at, size_t left)
{
    const unsigned char c = at[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (len > left) return 0;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    return len;
}

bool text_is_utf8(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    while (len > 0) {
        const size_t step = utf8_len(at, len);

        if (step == 0) return false;
        at += step;
        len -= step;
    }
    return true;
}

void text_base64(FILE *out, const void *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes;

    for (; len > 0; at += 3) {
        const size_t take = len < 3 ? len : 3;
        uint32_t group = (uint32_t)at[0] << 16;

        if (take > 1) group |= (uint32_t)at[1] << 8;
        if (take > 2) group |= at[2];
        putc(digits[group >> 18], out);
        putc(digits[group >> 12 & 63], out);
        putc(take > 1 ? digits[group >> 6 & 63] : '=', out);
        putc(take > 2 ? digits[group & 63] : '=', out);
        len -= take;
    }
}

void text_json(FILE *out, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    putc('"', out);
    for (size_t i = 0; i < len; i++) {
        if (at[i] == '"' || at[i] == '\\')
            fprintf(out, "\\%c", at[i]);
        else if (at[i] == '\n')
            fputs("\\n", out);
        else if (at[i] < 0x20 || at[i] == 0x7f)
            fprintf(out, "\\u%04x", at[i]);
        else
            putc(at[i], out);
    }
    putc('"', out);
}

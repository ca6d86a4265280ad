/* ini.c - see ini.h */
#include "config/ini.h"

#include "base/assert.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_';
}

static bool is_comment(char c)
{
    return c == '#' || c == ';';
}

static void ini_bad(struct ini_line *l, const char *fault, const char *remedy)
{
    l->kind = INI_BAD;
    l->fault = fault;
    l->remedy = remedy;
}

/* Copy a name in lower case, as iniparser does; false if it is none. */
static bool ini_name(struct ini_line *l, const char *at, const char *end)
{
    size_t len = 0;

    while (at < end && is_blank(*at)) at++;
    while (end > at && is_blank(end[-1])) end--;
    if (at == end || (size_t)(end - at) > INI_NAME_MAX) return false;

    for (; at < end; at++) {
        if (!is_name(*at)) return false;
        l->name[len++] = (*at >= 'A' && *at <= 'Z') ? (char)(*at + 32) : *at;
    }
    l->name[len] = 0;
    return true;
}

/* Bytes that would make iniparser read another line than the one we see. */
static bool ini_bytes(struct ini_line *l)
{
    size_t i;

    if (l->len > INI_LINE_MAX) {
        ini_bad(l, "the line is too long", "use at most 1,000 bytes");
        return false;
    }
    for (i = 0; i < l->len; i++) {
        const unsigned char c = (unsigned char)l->at[i];

        if (c == '\\') {
            ini_bad(l, "there is a backslash", "write it without");
            return false;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            ini_bad(l, "there is a control byte", "remove it");
            return false;
        }
    }
    return true;
}

/* What follows a quoted value: nothing, or a comment. */
static void ini_quoted(struct ini_line *l, const char *at, const char *end)
{
    const char *close = memchr(at + 1, *at, (size_t)(end - at - 1));

    if (!close) {
        ini_bad(l, "the closing quote is missing", "close the quote");
        return;
    }
    for (at = close + 1; at < end && is_blank(*at); at++) continue;
    if (at < end && !is_comment(*at))
        ini_bad(l, "there is text behind the closing quote", "remove it");
}

/* A bare value ends where iniparser cuts it; there must be a blank before. */
static void ini_bare(struct ini_line *l, const char *at, const char *end)
{
    const char *p;

    for (p = at; p < end && !is_comment(*p); p++) {
        if (*p != '"' && *p != '\'') continue;
        ini_bad(l, "there is a quote inside a bare value",
                "quote the value as a whole");
        return;
    }
    if (p < end && p > at && !is_blank(p[-1]))
        ini_bad(l, "a bare value is cut at # and ;",
                "quote the value, or put a blank before the comment");
}

static void ini_key(struct ini_line *l, const char *at, const char *end)
{
    const char *equals = memchr(at, '=', (size_t)(end - at));

    if (!equals) {
        ini_bad(l, "this is neither [section] nor key = value",
                "begin comments with #");
        return;
    }
    if (!ini_name(l, at, equals)) {
        ini_bad(l, "this is no name of a key",
                "use letters, digits and _ before the =");
        return;
    }
    l->kind = INI_KEY;
    for (at = equals + 1; at < end && is_blank(*at); at++) continue;
    if (at == end) return;
    if (*at == '"' || *at == '\'') {
        ini_quoted(l, at, end);
    } else {
        ini_bare(l, at, end);
    }
}

static void ini_judge(struct ini_line *l)
{
    const char *at = l->at;
    const char *end = at + l->len;

    if (!ini_bytes(l)) return;
    while (at < end && is_blank(*at)) at++;
    while (end > at && is_blank(end[-1])) end--;
    if (at == end || is_comment(*at)) return;

    if (*at != '[') {
        ini_key(l, at, end);
    } else if (end[-1] != ']') {
        ini_bad(l, "the section does not end in ]",
                "write [section], comments on a line of their own");
    } else if (!ini_name(l, at + 1, end - 1)) {
        ini_bad(l, "this is no name of a section", "use letters, digits and _");
    } else {
        l->kind = INI_SECTION;
    }
}

bool ini_next(struct ini_scan *s, struct ini_line *l)
{
    const char *newline;

    ASSERT(s->at <= s->end);
    if (s->at == s->end) return false;

    newline = memchr(s->at, '\n', (size_t)(s->end - s->at));
    *l = (struct ini_line){ .kind = INI_EMPTY, .number = ++s->number };
    l->at = s->at;
    l->len = (size_t)((newline ? newline : s->end) - s->at);
    s->at += l->len + (newline ? 1 : 0);
    if (l->len > 0 && l->at[l->len - 1] == '\r') l->len--;

    ini_judge(l);
    return true;
}

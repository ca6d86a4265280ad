/* explain.c - see explain.h */
#include "sim/explain.h"

#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static bool parse_level(struct explain *e, const char *text)
{
    e->trace = true;
    e->level = TRACE_DECISIONS;
    if (!text || strcmp(text, "decisions") == 0) return true;
    e->level = TRACE_MESSAGES;
    if (strcmp(text, "messages") == 0) return true;
    e->level = TRACE_ALL;
    return strcmp(text, "all") == 0;
}

/* A number of milliseconds, with a fraction or without. */
static bool parse_ms(const char *text, const char **end, uint64_t *ns)
{
    char *at;
    double ms;

    if (*text < '0' || *text > '9') return false;
    ms = strtod(text, &at);
    if (ms < 0 || ms > 1e9) return false;
    *ns = (uint64_t)(ms * NS_PER_MS);
    *end = at;
    return true;
}

static bool parse_window(struct explain *e, const char *text)
{
    const char *at = text;

    e->from_ns = 0;
    e->upto_ns = 0;
    if (*at != '.' && !parse_ms(at, &at, &e->from_ns)) return false;
    if (strncmp(at, "..", 2) != 0) return false;
    at += 2;
    if (*at == '\0') return true;
    return parse_ms(at, &at, &e->upto_ns) && *at == '\0' &&
           e->upto_ns > e->from_ns;
}

static bool parse_kind(struct explain *e, const char *text, size_t len)
{
    if (len == 3 && strncmp(text, "all", len) == 0) {
        e->kinds = ARROWS_ALL;
        return true;
    }
    for (uint32_t i = 0; i < ARROW_KINDS; i++) {
        const char *name = diagram_kind_name(i);

        if (strlen(name) != len || strncmp(name, text, len) != 0) continue;
        e->kinds |= 1u << i;
        return true;
    }
    return false;
}

static bool parse_kinds(struct explain *e, const char *text)
{
    e->kinds = 0;
    for (;;) {
        const size_t len = strcspn(text, ",");

        if (!parse_kind(e, text, len)) return false;
        if (text[len] == '\0') return true;
        text += len + 1;
    }
}

bool explain_option(struct explain *e, int letter, const char *text)
{
    switch (letter) {
    case 't':
        return parse_level(e, text);
    case 'V':
        e->svg = text;
        return true;
    case 'W':
        return parse_window(e, text);
    case 'K':
        return parse_kinds(e, text);
    case 'X':
        e->scenario = text;
        return true;
    default:
        return false;
    }
}

void explain_begin(struct explain *e, struct trace *t, const char *title)
{
    t->level = e->level;
    if (!e->svg) return;
    e->diagram = (struct diagram){
        .from_ns = e->from_ns,
        .upto_ns = e->upto_ns,
        .kinds = e->kinds,
    };
    snprintf(e->diagram.title, sizeof e->diagram.title, "%s", title);
    t->diagram = &e->diagram;
}

bool explain_end(struct explain *e, uint64_t end_ns)
{
    if (!e->svg) return true;
    (void)end_ns;
    diagram_clear(&e->diagram);
    return true;
}

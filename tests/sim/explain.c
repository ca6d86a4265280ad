/* explain.c - see explain.h */
#include "sim/explain.h"

#include "base/units.h"
#include "sim/scenario.h"
#include "sim/svg.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

#define MS_MAX 1000000000u

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

/* A number of milliseconds, with up to three decimals or without; behind it
 * may be "..", whose first dot is none of it. */
static bool parse_ms(const char *text, const char **end, uint64_t *ns)
{
    uint64_t us = 0;
    uint32_t decimals = 0;

    if (*text < '0' || *text > '9') return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        us = us * 10 + (uint64_t)(*text - '0');
        if (us > MS_MAX) return false;
    }
    us *= 1000;
    if (text[0] == '.' && text[1] != '.') {
        uint64_t unit = 100;

        for (text++; *text >= '0' && *text <= '9'; text++, decimals++) {
            us += (uint64_t)(*text - '0') * unit;
            unit /= 10;
        }
        if (decimals == 0 || decimals > 3) return false;
    }
    *ns = us * NS_PER_US;
    *end = text;
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

static bool explain_write(const struct explain *e)
{
    FILE *to = fopen(e->svg, "w");
    bool written = to != NULL;

    if (to) {
        svg_write(&e->diagram, to);
        written = !ferror(to);
        if (fclose(to) != 0) written = false;
    }
    if (!written) perror(e->svg);
    return written;
}

/* The run that is being explained, for the one signal that is of interest. */
static struct explain *explained;

/* An assertion has failed: what is told so far is what is wanted.  It is
 * abort() that brings us here, in the middle of no other call. */
static void explain_abort(int signal_number)
{
    (void)signal_number;
    fflush(stdout);
    if (explained && explained->svg) explain_write(explained);
    explained = NULL;
}

static void explain_on_abort(struct explain *e)
{
    explained = e;
    signal(SIGABRT, explain_abort);
}

void explain_begin(struct explain *e, struct trace *t, const char *title)
{
    t->level = e->level;
    t->from_ns = e->from_ns;
    t->upto_ns = e->upto_ns;
    explain_on_abort(e);
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
    bool written;

    explained = NULL;
    if (!e->svg) return true;
    e->diagram.end_ns = end_ns;
    written = explain_write(e);
    diagram_clear(&e->diagram);
    return written;
}

static int explain_list(void)
{
    for (const struct scenario *sc = scenarios; sc->name; sc++) {
        printf("%-34s%s\n", sc->name, sc->about);
    }
    return 0;
}

int explain_scenario(struct explain *e)
{
    const struct scenario *sc = scenario_find(e->scenario);
    struct trace t = { .out = stdout };
    struct world_result result;
    char text[SCENARIO_TEXT_MAX];
    char title[DIAGRAM_TEXT];
    bool ok;

    if (strcmp(e->scenario, "list") == 0) return explain_list();
    if (!sc) {
        fprintf(stderr, "paxoskv-sim: no scenario '%s'; try list\n",
                e->scenario);
        return 2;
    }
    if (e->svg && !e->trace) t.out = NULL;
    snprintf(title, sizeof title, "%s: %s", sc->name, sc->about);
    explain_begin(e, &t, title);
    ok = scenario_play(sc, &t, &result, text, sizeof text);
    if (!explain_end(e, result.virtual_ns)) return 1;
    if (!ok) printf("FAILED %s\n", text);
    return ok ? 0 : 1;
}

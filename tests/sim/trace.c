/* trace.c - see trace.h */
#include "sim/trace.h"

#include "base/assert.h"
#include "sim/diagram.h"

#include <inttypes.h>
#include <stdarg.h>

void trace_begin(struct trace *t, uint8_t n, const uint8_t *ids)
{
    if (!t) return;
    t->n = n;
    memcpy(t->ids, ids, n);
    if (t->diagram) diagram_begin(t->diagram, n, ids);
}

void trace_clean(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') *text = '.';
    }
}

const char *trace_place(const struct trace *t, char *buf, size_t size,
                        uint8_t place)
{
    if (place < MEMBERS_MAX) {
        snprintf(buf, size, "node %u", t->ids[place]);
    } else if (place == PLACE_STORY) {
        snprintf(buf, size, "--");
    } else if (place == PLACE_NETWORK) {
        snprintf(buf, size, "network");
    } else {
        snprintf(buf, size, "client %u", place - PLACE_CLIENT);
    }
    return buf;
}

void trace_unmute(struct trace *t, uint64_t now_ns)
{
    t->muted = false;
    t->zero_ns = now_ns;
    if (t->diagram) diagram_zero(t->diagram, now_ns);
}

static bool trace_keeps(const struct trace *t, enum trace_level level)
{
    if (t->diagram) return true;
    if (t->muted) return false;
    if (t->out && level <= t->level) return true;
    return t->ring && level <= TRACE_MESSAGES;
}

static bool trace_prints(const struct trace *t, const struct sight *s)
{
    const uint64_t told_ns = s->at_ns - t->zero_ns;

    if (!t->out || t->muted || s->level > t->level) return false;
    return told_ns >= t->from_ns && (!t->upto_ns || told_ns <= t->upto_ns);
}

static void trace_write(struct trace *t, const struct sight *s,
                        const char *label, const char *text)
{
    const uint64_t told_ns = s->at_ns - t->zero_ns;
    char line[TRACE_WIDTH];
    char who[16];

    snprintf(line, sizeof line, "%7" PRIu64 ".%03" PRIu64 "  %-9s %-4s %s",
             told_ns / 1000000, told_ns / 1000 % 1000,
             trace_place(t, who, sizeof who, s->place), s->rule ? s->rule : "",
             text);
    trace_clean(line);
    if (trace_prints(t, s)) fprintf(t->out, "%s\n", line);
    if (t->ring && s->level <= TRACE_MESSAGES) {
        memcpy(t->ring->lines[t->ring->count % TRACE_LINES], line, sizeof line);
        t->ring->count++;
    }
    if (t->diagram && s->mark != MARK_NONE) {
        diagram_mark(t->diagram, s, label, line);
    }
}

void trace_tell(struct trace *t, const struct sight *s, const char *label,
                const char *format, ...)
{
    char text[TRACE_WIDTH];
    va_list args;

    if (!trace_is_on(t) || !trace_keeps(t, s->level)) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trace_write(t, s, label, text);
}

static uint8_t trace_who(const struct trace *t, const char *kind, uint32_t who)
{
    if (strcmp(kind, "client") == 0) return (uint8_t)(PLACE_CLIENT + who);
    for (uint8_t i = 0; i < t->n && strcmp(kind, "node") == 0; i++) {
        if (t->ids[i] == who) return i;
    }
    return PLACE_NETWORK;
}

void trace_line(struct trace *t, uint64_t now_ns, const char *kind,
                uint32_t who, const char *format, ...)
{
    struct sight s = { .at_ns = now_ns, .mark = MARK_OTHER };
    char text[TRACE_WIDTH];
    va_list args;

    if (!trace_is_on(t)) return;
    s.place = trace_who(t, kind, who);
    if (s.place == PLACE_NETWORK) s.mark = MARK_NETWORK;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trace_write(t, &s, text, text);
}

void trace_print_ring(const struct trace_ring *ring, FILE *to)
{
    const uint64_t first = ring->count > TRACE_LINES ? ring->count - TRACE_LINES
                                                     : 0;

    for (uint64_t i = first; i < ring->count; i++) {
        fprintf(to, "%s\n", ring->lines[i % TRACE_LINES]);
    }
}

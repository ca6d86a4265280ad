/*
 * trace.h - what happens in a world, one readable line per decision.
 *
 * Lines go to a stream, or into a ring that keeps the last of them, in memory
 * that outlives the process that writes it.
 */
#ifndef PAXOSKV_SIM_TRACE_H
#define PAXOSKV_SIM_TRACE_H

#include "kv/command.h"
#include "node/node.h"

#include <stdio.h>

#define TRACE_LINES 60u
#define TRACE_WIDTH 300u

struct trace_ring {
    uint64_t count; /* lines ever written; line i is at i % TRACE_LINES */
    char lines[TRACE_LINES][TRACE_WIDTH];
};

struct trace {
    FILE *out;               /* or NULL */
    struct trace_ring *ring; /* or NULL */
};

static inline bool trace_is_on(const struct trace *t)
{
    return t && (t->out || t->ring);
}

/* who: a place for the second column, as "node 3" or "client 7". */
void trace_line(struct trace *t, uint64_t now_ns, const char *kind,
                uint32_t who, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Values may hold any bytes: what does not print becomes a dot. */
void trace_clean(char *text);

/* A message or record in words; returns buf. */
const char *trace_message(char *buf, size_t size, const struct message *m);

/* A note, a command and a reply status, likewise. */
const char *trace_note(char *buf, size_t size, const struct note *note);
const char *trace_command(char *buf, size_t size, const struct command *c);
const char *trace_status(uint8_t status);

/* The last lines of a ring. */
void trace_print_ring(const struct trace_ring *ring, FILE *to);

#endif

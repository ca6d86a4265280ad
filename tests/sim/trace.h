/*
 * trace.h - what happens in a world, one readable line per decision.
 *
 * Each line has the virtual time in milliseconds, who it is, the rule of
 * paxoskv(7) that made it so, and what happened:
 *
 *     104.312  node 2   P10  votes for slot 3 at 1.2: put k1=hello
 *
 * Lines go to a stream, into a ring that keeps the last of them in memory that
 * outlives the process that writes it, and as marks into a diagram.
 */
#ifndef PAXOSKV_SIM_TRACE_H
#define PAXOSKV_SIM_TRACE_H

#include "kv/command.h"
#include "node/node.h"

#include <stdio.h>

#define TRACE_LINES 60u
#define TRACE_WIDTH 300u
#define TRACE_LABEL 40u

struct diagram;

enum trace_level {
    TRACE_DECISIONS, /* what somebody decided, and what befell it */
    TRACE_MESSAGES,  /* and what was sent or lost, but heartbeats */
    TRACE_ALL,       /* and heartbeats, what arrives, the log */
};

/* What a line is in a diagram. */
enum trace_mark {
    MARK_NONE,
    MARK_STARTS,
    MARK_DIES,
    MARK_PAUSES,
    MARK_GOES_ON,
    MARK_ROLE_DIES,
    MARK_ROLE_BACK,
    MARK_ELECTION,
    MARK_CANDIDATE,
    MARK_LEADS,
    MARK_SERVES,
    MARK_STEPS_DOWN,
    MARK_FOLLOWS,
    MARK_PROMISE,
    MARK_NACK,
    MARK_VOTE,
    MARK_CHOSEN,
    MARK_EXECUTES,
    MARK_ASKS,
    MARK_TOLD,
    MARK_NETWORK,
    MARK_STORY,
    MARK_OTHER,
    MARKS,
};

/* Who a line is about: the index of a member, PLACE_CLIENT + that of a client,
 * or one of these. */
#define PLACE_CLIENT  16u
#define PLACE_STORY   254u
#define PLACE_NETWORK 255u

struct trace_ring {
    uint64_t count; /* lines ever written; line i is at i % TRACE_LINES */
    char lines[TRACE_LINES][TRACE_WIDTH];
};

struct trace {
    FILE *out;               /* or NULL */
    struct trace_ring *ring; /* or NULL; keeps TRACE_MESSAGES */
    struct diagram *diagram; /* or NULL */
    enum trace_level level;  /* of out */
    bool muted;              /* nothing is told as yet */
    uint64_t zero_ns;        /* the times told begin here */
    uint64_t from_ns;        /* of these, out has only what is between: */
    uint64_t upto_ns;        /* 0: no end */
    uint8_t n;
    uint8_t ids[MEMBERS_MAX];
};

/* One line, but for its text. */
struct sight {
    uint64_t at_ns;
    enum trace_level level;
    enum trace_mark mark;
    uint8_t place;
    const char *rule; /* or NULL */
};

static inline bool trace_is_on(const struct trace *t)
{
    return t && (t->out || t->ring || t->diagram);
}

/* A world of these members begins. */
void trace_begin(struct trace *t, uint8_t n, const uint8_t *ids);

/* From now on something is told, and the clock of the trace begins. */
void trace_unmute(struct trace *t, uint64_t now_ns);

/* A line; label: its few words in a diagram, NULL: a mark without words. */
void trace_tell(struct trace *t, const struct sight *s, const char *label,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A line without a rule; kind and who: "node" and its id, "client" and its
 * index, "network" and 0. */
void trace_line(struct trace *t, uint64_t now_ns, const char *kind,
                uint32_t who, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* "node 3", "client 0", "network", "story"; returns buf. */
const char *trace_place(const struct trace *t, char *buf, size_t size,
                        uint8_t place);

/* Values may hold any bytes: what does not print becomes a dot. */
void trace_clean(char *text);

/* The last lines of a ring. */
void trace_print_ring(const struct trace_ring *ring, FILE *to);

#endif

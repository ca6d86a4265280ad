/*
 * learner.h - which values are chosen, and what comes next to execute.
 *
 * Chosen is write-once (P17).  Values form a ring: those chosen ahead of
 * execution, and behind it a short history for members that lag a little.
 * Older ones are on disk; for them the learner remembers in runs under which
 * ballot each slot was shown chosen (P19), so that a record is told apart
 * from a vote that came to nothing.
 */
#ifndef PAXOSKV_PAXOS_LEARNER_H
#define PAXOSKV_PAXOS_LEARNER_H

#include "base/arena.h"
#include "paxos/message.h"

#define LEARNER_RING        16384u     /* a power of two */
#define LEARNER_WINDOW      2048u      /* slots ahead of execution */
#define LEARNER_HISTORY     8192u      /* most slots kept behind it */
#define LEARNER_HISTORY_MAX (4u << 20) /* and bytes */
#define LEARNER_RUNS_MAX    65536u

struct learned {
    struct ballot ballot;
    struct blob *blob; /* NULL: not chosen as far as is known */
};

/* Slots from first on, to the next run, were shown chosen at ballot. */
struct chosen_run {
    uint64_t first;
    struct ballot ballot;
};

struct learner {
    struct blob_pool *pool;
    uint64_t executed;    /* all slots <= this are applied */
    uint64_t chosen_upto; /* all slots <= this are chosen */
    uint64_t held_upto;   /* no slot above ever had a value here */
    uint64_t kept_from;   /* first slot of the history */
    uint64_t kept_bytes;
    uint32_t history; /* slots kept behind execution, at most */
    struct learned *ring;
    struct chosen_run *runs; /* of executed slots, ascending */
    uint32_t run_count;
};

enum learn_result {
    LEARN_NEW,
    LEARN_KNOWN,
    LEARN_CONFLICT, /* a second, different value: broken invariant */
    LEARN_BEYOND,   /* too far ahead of execution */
    LEARN_DRY,      /* no room for the value */
};

size_t learner_size(void);

/* history: 1..LEARNER_HISTORY.  Returns 0, or -ENOMEM if mem is too small. */
int learner_init(struct learner *l, struct blob_pool *pool, uint32_t history,
                 struct arena *mem);

/* It is dead, and knows nothing. */
void learner_reset(struct learner *l);

/* v is chosen in slot, shown so under ballot. */
enum learn_result learner_on_chosen(struct learner *l, uint64_t slot,
                                    struct ballot ballot, struct value v);

/* The value to execute next, in slot executed + 1, or NULL. */
const struct learned *learner_next(const struct learner *l);

/* That value was executed. */
void learner_executed(struct learner *l);

/* Give back history beyond its bounds; values borrowed before are gone. */
void learner_trim(struct learner *l);

/* The chosen value of slot if it is in memory, or NULL. */
const struct learned *learner_find(const struct learner *l, uint64_t slot);

/* Under which ballot slot was shown chosen; none if that is not known. */
struct ballot learner_ballot(const struct learner *l, uint64_t slot);

/* Ranges of slots <= upto not known to be chosen, ascending, at most max. */
uint32_t learner_missing(const struct learner *l, uint64_t upto,
                         struct range *ranges, uint32_t max);

#endif

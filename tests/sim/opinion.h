/*
 * opinion.h - a second opinion on what the clients were told: their history,
 * as they lived through it, is judged at the end by linear.h, which trusts no
 * slot that an answer names.
 *
 * A page of a list is a set of reads, one for each key that it could show; a
 * key that nobody had asked for by then could only be absent.
 */
#ifndef PAXOSKV_SIM_OPINION_H
#define PAXOSKV_SIM_OPINION_H

#include "kv/command.h"
#include "paxos/effects.h"
#include "sim/linear.h"
#include "sim/plan.h"

#define OPINION_KEYS_MAX (2 * PLAN_VAST_MAX)

struct opinion {
    struct history history;
    struct linear *linear;
    uint64_t instant; /* one for every call and every return */
    uint32_t keys[OPINION_KEYS_MAX];
    uint32_t key_count;
};

/* What an operation keeps until it ends. */
struct opinion_call {
    uint64_t called;
    uint32_t item; /* of the history; not of a list */
};

/* One world after the other: each begins with an empty history. */
void opinion_begin(struct opinion *o);
void opinion_end(struct opinion *o);
void opinion_free(struct opinion *o); /* and the memory of the search */

/* Client asks for c. */
struct opinion_call opinion_on_call(struct opinion *o, uint32_t client,
                                    const struct command *c);

/* It is told the outcome of c, called so; not that there is none. */
void opinion_on_reply(struct opinion *o, struct opinion_call call,
                      uint32_t client, const struct command *c,
                      const struct reply *r);

/* They say that it was executed in this order: that is tried first. */
void opinion_hint(struct opinion *o, struct opinion_call call, uint64_t order);

/* What is there to say of all of it? */
void opinion_judge(struct opinion *o, struct linear_result *result);

#endif

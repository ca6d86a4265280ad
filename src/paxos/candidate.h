/*
 * candidate.h - a proposer in phase 1; used by proposer.c alone, but for what
 * proposer.h declares.
 */
#ifndef PAXOSKV_PAXOS_CANDIDATE_H
#define PAXOSKV_PAXOS_CANDIDATE_H

#include "paxos/proposer.h"

/* Ask for values that are lacking. */
void candidate_pump(struct proposer *p, uint64_t now_ns, struct effects *out);

/* Repeat questions that were not answered. */
void candidate_on_tick(struct proposer *p, uint64_t now_ns,
                       struct effects *out);

/* Give up what phase 1 has gathered. */
void candidate_forget(struct proposer *p);

/* Of proposer.c: the place of a slot; give up what is there; the next slot. */
struct proposal *proposer_at(const struct proposer *p, uint64_t slot);
void proposer_clear(struct proposer *p, struct proposal *at);

/* It leads no more, and does not prepare: IDLE. */
void proposer_rest(struct proposer *p);
void proposer_put(struct proposer *p, struct blob *value, struct blob *context);
uint64_t proposer_backoff_ns(struct proposer *p, unsigned tries);

#endif

/*
 * proposer_kit.h - a proposer, index 0 of its group, and what others tell it.
 */
#ifndef PAXOSKV_SUPPORT_PROPOSER_KIT_H
#define PAXOSKV_SUPPORT_PROPOSER_KIT_H

#include "base/units.h"
#include "paxos/proposer.h"
#include "support/paxos_kit.h"

struct proposer_kit {
    struct kit k;
    struct proposer p;
    uint64_t now_ns;
};

/* A group of n; the proposer is idle. */
struct proposer_kit *proposer_kit_new(uint8_t n);
void proposer_kit_free(struct proposer_kit *f);

/* Phase 1 at this round, from the first slot not chosen. */
void start(struct proposer_kit *f, uint64_t round, uint64_t from);

/* A Promise at the proposer's ballot from a member, with count runs. */
void promise(struct proposer_kit *f, uint8_t index, uint64_t chosen_upto,
             const struct run *runs, uint32_t count);

struct run run_of(uint64_t first, uint32_t count, uint64_t round,
                  uint8_t index);

/* A Value: what was accepted in slot at (round, index). */
void give(struct proposer_kit *f, uint64_t slot, uint64_t round, uint8_t index,
          const char *text);

/* Take over if all is there, with this highest chosen_upto heard. */
bool lead(struct proposer_kit *f, uint64_t chosen_heard);

/* From idle to leading at this round; a majority knew slots <= upto chosen. */
void take_over(struct proposer_kit *f, uint64_t round, uint64_t upto);

/* Propose a value of one command with this payload. */
void propose(struct proposer_kit *f, const char *text, struct blob *context);

void pump(struct proposer_kit *f);
void flush(struct proposer_kit *f);
void tick(struct proposer_kit *f, uint16_t heard);

/* An Accepted at the proposer's ballot for slots first..last. */
void accepted(struct proposer_kit *f, uint8_t index, uint64_t first,
              uint64_t last);

/* Take what is chosen, in order; returns how many. */
unsigned take_chosen(struct proposer_kit *f);

#endif

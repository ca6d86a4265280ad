/*
 * election_kit.h - an election seen from one member, and what others say.
 */
#ifndef PAXOSKV_SUPPORT_ELECTION_KIT_H
#define PAXOSKV_SUPPORT_ELECTION_KIT_H

#include "base/units.h"
#include "paxos/election.h"
#include "support/paxos_kit.h"

#define BEAT (20 * NS_PER_MS)
#define GOOD (HEARTBEAT_OK | HEARTBEAT_QC)

struct election_kit {
    struct kit k;
    struct election e;
    struct self_view self;
    uint64_t now_ns;
};

/* A group of n seen by self, just started. */
struct election_kit *election_kit_new(uint8_t n, uint8_t self);
void election_kit_free(struct election_kit *f);

/* A heartbeat of a member that hears all of `hears` (and itself). */
void hear(struct election_kit *f, uint8_t index, uint16_t hears, uint8_t flags);

/* One that claims to lead at (round, index). */
void hear_claim(struct election_kit *f, uint8_t index, uint64_t round,
                uint16_t hears, uint8_t flags);

/* A tick after ns more. */
void election_tick(struct election_kit *f, uint64_t ns);

/* Ticks of one millisecond, members in `set` hearing all and beating, until
 * a note of this type; returns after how long, or 0 if not within most_ns. */
uint64_t until_note(struct election_kit *f, enum note_type type, uint16_t set,
                    uint8_t flags, uint64_t most_ns);

/* A token, as it comes from another member. */
struct token token_of(uint8_t initiator, uint64_t attempt, uint16_t visited);
void take_token(struct election_kit *f, uint8_t from, const struct token *t);
void take_nomination(struct election_kit *f, uint8_t from,
                     const struct token *t);

/* The token sent in the last step, which must be there; to in *to. */
const struct token *token_sent(const struct election_kit *f, uint8_t *to);

/* The token sent last is acknowledged by its receiver. */
void acknowledge(struct election_kit *f);

#endif

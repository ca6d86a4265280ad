/*
 * manners.h - how members behave towards each other where no value is at
 * stake: tokens, nominations, happiness, and answers that are owed.
 *
 * Nothing of it is needed for safety, and a group that errs here still comes
 * to rest, later than it should; so each rule is watched by itself.  All fail
 * as "manners":
 *
 *   E1   who says that it is happy heard a leader that can choose, lately
 *   E3   a token was visited only by those who held it
 *   E5   a nomination is obeyed once, and not by a member that is happy; what
 *        was obeyed is not refused
 *   P10  an Accept of the promised ballot is answered in its turn, where the
 *        slot is executed and its vote is as good as on disk
 *
 * Instants are of the clock of the member they are about.
 */
#ifndef PAXOSKV_SIM_MANNERS_H
#define PAXOSKV_SIM_MANNERS_H

#include "paxos/effects.h"
#include "paxos/quorum.h"

#include <stdbool.h>
#include <stdint.h>

struct world;
struct machine;

#define MANNERS_TOKENS 8u /* of one initiator that are remembered */

/* Who held a token. */
struct token_view {
    uint64_t attempt;
    uint16_t held;
};

struct manners {
    struct token_view tokens[MEMBERS_MAX][MANNERS_TOKENS];
    uint8_t next[MEMBERS_MAX];      /* to be forgotten, of an initiator */
    uint64_t heard_ns[MEMBERS_MAX]; /* a member, a leader that can choose */
    uint16_t able[MEMBERS_MAX];     /* bitmap: who said last that it can */
    uint64_t attempt[MEMBERS_MAX];  /* a member obeyed, in this life; */
    uint8_t initiator[MEMBERS_MAX]; /* MEMBER_NONE: none */
};

/* What was so before a step. */
struct manners_before {
    bool happy;
    bool obeyed; /* it was, and just this nomination */
    bool owes;   /* an answer to an Accept */
};

void manners_begin(struct manners *v);

/* A member begins a new life. */
void manners_on_start(struct world *w, const struct machine *m);

/* It follows a new leader, and may be happy with it for a while. */
void manners_on_following(struct world *w, const struct machine *m);

/* It stands for leader, whoever nominated it. */
void manners_on_candidate(struct world *w, const struct machine *m);

/* It sends this. */
void manners_on_send(struct world *w, const struct machine *m,
                     const struct message *message);

/* It is about to be told this; and it was. */
struct manners_before manners_before(struct world *w, const struct machine *m,
                                     const struct message *message);
void manners_after(struct world *w, const struct machine *m,
                   const struct message *message, struct manners_before before);

#endif

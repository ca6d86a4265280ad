/*
 * siege.h - a fault at the end of all others: a minority is gone for good, and
 * what it knew with it; the rest must go on without.
 *
 * When the faults have ended everybody comes back, so that whatever somebody
 * knew can be asked for again.  Here, once all were there and served, the
 * leader dies, and stays away until another one serves:
 *
 *   VALUE   an informant alone has its last vote; it says so in a Promise,
 *           and dies as well; then all talk to the candidate only
 *   LEARN   the informant alone knows that its last slot is chosen, likewise
 *   STAR    all that are left talk to one of them only
 *
 * With a majority that talks to one another, or to one, somebody has to lead
 * before plan.leader_ns is over.
 */
#ifndef PAXOSKV_SIM_SIEGE_H
#define PAXOSKV_SIM_SIEGE_H

#include "paxos/effects.h"

struct world;
struct machine;

enum siege_kind { SIEGE_NONE, SIEGE_VALUE, SIEGE_LEARN, SIEGE_STAR };

#define SIEGE_KINDS 4u

enum siege_step {
    SIEGE_AWAITED, /* all shall be there first */
    SIEGE_AMBUSH,  /* the leader is about to die */
    SIEGE_HELD,    /* it is gone */
    SIEGE_OVER,
};

struct siege {
    enum siege_step step;
    uint8_t leader;
    uint8_t other;     /* the informant */
    uint8_t middle;    /* of the star, or MEMBER_NONE */
    bool muted;        /* what is just sent reaches the informant only */
    uint16_t down;     /* bitmap: they stay so */
    uint64_t since_ns; /* the leader is gone */
};

/* The faults have ended: a look at it, now and then.  True while the world
 * cannot come to rest because of it. */
bool siege_look(struct world *w, bool clients_done);

/* This is about to be sent. */
void siege_on_send(struct world *w, const struct machine *m,
                   const struct effect *e);

/* Does nothing pass from one member to another at this moment? */
bool siege_cuts(const struct world *w, uint8_t from, uint8_t to);

/* Does it stay down? */
bool siege_keeps(const struct world *w, uint8_t who);

#endif

/*
 * usurp.h - a fault with a plan: two leaders at once.
 *
 * By chance alone a leader that is not one any more is rarely asked anything
 * before it knows.  Here the leader is cut off, with a minority of the others
 * perhaps, until somebody else leads; then it hears all but that one.  Or it is
 * cut off until somebody else wants to lead, who is then cut off instead: the
 * old leader goes on at a higher ballot, and is heard badly.  Clients reach it
 * all the time.  What the others have to tell it may be late, so that answers
 * to old questions arrive when they mean something else; and what they have
 * confirmed before it was cut off may come once more, again and again.
 */
#ifndef PAXOSKV_SIM_USURP_H
#define PAXOSKV_SIM_USURP_H

#include "paxos/effects.h"

struct packet;
struct world;

enum usurp_step {
    USURP_NOT,
    USURP_DULL,     /* what the leader is told may be late */
    USURP_CUT,      /* it is cut off */
    USURP_FACED,    /* only the new leader and it do not hear each other */
    USURP_THWARTED, /* the candidate is cut off instead */
};

struct usurp {
    enum usurp_step step;
    uint8_t leader; /* the old one */
    uint8_t rival;  /* FACED: the new one; THWARTED: the candidate */
    uint16_t side;  /* CUT: who stays with the old one, itself included */
    bool one_way;   /* FACED: the rival hears it */
    bool waits;     /* CUT: for a rival, not for a time */
    bool thwarts;   /* CUT: a candidate is waited for */
    bool late[5];   /* in which steps it is told late */
    bool lures;     /* CUT, FACED: half of the clients to the old one */
    bool echoes;    /* old confirmations come again */
    struct packet *confirmed[MEMBERS_MAX]; /* the last of each, before */
    uint64_t until_ns;                     /* of the step */
    uint64_t lasts_ns;                     /* of the last step */
};

/* The leader, if there is one, has a bad time; lasts_ns: of its last part. */
void usurp_begin(struct world *w, uint64_t lasts_ns);

/* The timer of it. */
void usurp_on_due(struct world *w);

/* All is over. */
void usurp_end(struct world *w);

/* Does nothing pass from one member to another? */
bool usurp_cuts(struct world *w, uint8_t from, uint8_t to);

/* Whom a client asks that would ask member to: where it is a matter of two
 * leaders, half of the clients know only one of them each. */
uint8_t usurp_asked(const struct world *w, uint8_t client, uint8_t to);

/* A member sends this message, as this packet, to another. */
void usurp_on_send(struct world *w, uint8_t from, uint8_t to,
                   const struct message *m, struct packet *p);

/* How much later than otherwise something arrives. */
uint64_t usurp_delay_ns(struct world *w, uint8_t to);

#endif

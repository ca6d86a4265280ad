/*
 * multicast.h - who hears whose multicast, found out by measuring (P25).
 *
 * Some heartbeats go both ways, by multicast and by unicast.  The receiver
 * compares what came by each, and tells the sender, in its own heartbeats,
 * whose multicast it does not hear well; a sender that is told so serves that
 * receiver by unicast copies.  It stops when the receiver has heard the
 * multicast well for several windows on end.
 */
#ifndef PAXOSKV_PAXOS_MULTICAST_H
#define PAXOSKV_PAXOS_MULTICAST_H

#include "paxos/quorum.h"

#define MULTICAST_BEATS   4u /* every so many heartbeats one goes both ways */
#define MULTICAST_WINDOW  8u /* copies by unicast that are judged together */
#define MULTICAST_WINDOWS 5u /* good ones on end, until it is believed again */

/* What this node has seen of one sender. */
struct hearing {
    uint8_t copies; /* in this window, by unicast */
    uint8_t groups; /* and by multicast */
    uint8_t good;   /* windows on end */
    bool deaf;      /* its multicast does not come here */
};

struct multicast {
    bool used; /* there is a group address at all */
    struct hearing heard[MEMBERS_MAX];
    uint16_t unicast; /* bitmap: who says that it does not hear ours */
};

/* A heartbeat that went both ways came by one of them. */
void multicast_on_copy(struct multicast *m, uint8_t from, bool by_group);

/* A member says whose multicast it hears well. */
void multicast_on_told(struct multicast *m, const struct group *g, uint8_t from,
                       uint16_t by_group);

/* Whose multicast this node hears well, itself included; for its heartbeats. */
uint16_t multicast_heard(const struct multicast *m, const struct group *g);

#endif

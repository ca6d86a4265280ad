/*
 * outbox.h - messages to other members, packed into datagrams.
 *
 * What goes one way in a turn shares datagrams, up to the mtu; a message that
 * is longer is cut into parts.  The group is one way of its own: one datagram
 * by multicast, or a copy for each member where there is no group address.
 */
#ifndef PAXOSKV_DAEMON_OUTBOX_H
#define PAXOSKV_DAEMON_OUTBOX_H

#include "daemon/faults.h"
#include "daemon/members.h"
#include "io/loop.h"
#include "paxos/effects.h"
#include "wire/peer.h"

struct outbox_lane {
    struct loop_buffer *buffer; /* NULL: nothing to send */
    uint32_t len;               /* of the messages in it */
};

struct outbox {
    struct loop *loop;
    const struct members *members;
    struct faults *faults; /* NULL: none */
    uint32_t socket;       /* of the loop: the member's own */
    uint32_t body_max;     /* bytes of messages in one datagram */
    uint64_t cluster;
    uint64_t process;     /* nonce of this process */
    uint64_t incarnation; /* of this node, set when the core knows it */
    uint64_t counter;     /* of what was sent by this process */
    uint16_t unicast;     /* bitmap: members that get copies of multicasts */
    uint64_t lost;        /* messages for which no buffer was left */
    struct outbox_lane group;
    struct outbox_lane lanes[MEMBERS_MAX]; /* by index */
    uint8_t scratch[PEER_MESSAGE_MAX];     /* of a message to be cut */
};

/*
 * Start with nothing to send.  The fields loop to incarnation are set by the
 * caller before; body_max is large enough to cut any message into no more
 * than DATAGRAM_PARTS_MAX parts, and its datagrams fit the loop's buffers.
 */
void outbox_init(struct outbox *o);

/* Add m for the member of index to (not ourselves), or TO_GROUP. */
void outbox_add(struct outbox *o, uint8_t to, const struct message *m);

/* At the end of a turn: queue all that was added for the kernel. */
void outbox_flush(struct outbox *o);

#endif

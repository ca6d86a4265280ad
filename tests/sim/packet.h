/*
 * packet.h - bytes on their way: what leaves a machine leaves it as bytes,
 * and what arrives shares no memory with the one that sent it.
 */
#ifndef PAXOSKV_SIM_PACKET_H
#define PAXOSKV_SIM_PACKET_H

#include "kv/command.h"
#include "paxos/effects.h"
#include "wire/datagram.h"

struct packet {
    uint32_t refs;
    uint32_t len;
    uint64_t slot; /* of a record: the head of a record in a segment */
    uint8_t type;
    bool damaged; /* bits were flipped on the way */
    bool foreign; /* of another cluster on the same wire */
    _Alignas(16) uint8_t bytes[];
};

/* A packet of these bytes, with one reference. */
struct packet *packet_new(const void *bytes, uint32_t len);

static inline struct packet *packet_ref(struct packet *p)
{
    p->refs++;
    return p;
}

void packet_unref(struct packet *p); /* NULL is allowed */

/* A datagram that holds m alone, or a part of a message; h is its head. */
struct packet *packet_of_message(const struct message *m,
                                 const struct datagram_head *h);
struct packet *packet_of_part(struct bytes part, const struct datagram_head *h);

/* The same, as a member of that cluster with the same id would send it. */
struct packet *packet_of_cluster(const struct packet *p, uint64_t cluster);

/* What the head of a datagram has the sum of all of it in. */
static inline uint32_t packet_sum(const struct packet *p)
{
    return load32(p->bytes + 8);
}

/* A record of the log, by its codec. */
struct packet *packet_of_record(const struct message *m);

/* A reply to a client. */
struct packet *packet_of_reply(const struct reply *r);

/*
 * Each reads a packet back; lists are borrowed from the packet or from a
 * scratch that the next call uses again.  False if the codec refuses it.
 * packet_message: for those who only watch; a part of a message is none.
 */
bool packet_message(const struct packet *p, struct message *m);
bool packet_record(const struct packet *p, struct message *m);
bool packet_reply(const struct packet *p, struct reply *r);

#endif

/*
 * network.h - what becomes of a datagram: lost, late, doubled, or cut off.
 *
 * Time is in nanoseconds of the world; chances are parts of 10,000.
 */
#ifndef PAXOSKV_SIM_NETWORK_H
#define PAXOSKV_SIM_NETWORK_H

#include "base/prng.h"
#include "paxos/message.h"

#define NETWORK_CLIENT     MEMBERS_MAX /* any client, as a place */
#define NETWORK_COPIES_MAX 2u

struct network_plan {
    uint64_t delay_ns;   /* the least */
    uint64_t jitter_ns;  /* uniform on top */
    uint64_t late_ns;    /* a late datagram: up to so much more */
    uint16_t late;       /* how many are: this reorders them */
    uint16_t loss;       /* of each copy */
    uint16_t group_loss; /* of a multicast, for all its receivers */
    uint16_t twice;
    uint16_t slow;    /* how many links are slow, each direction apart */
    uint64_t slow_ns; /* and by how much, at most */
};

enum partition_type {
    PARTITION_HALVES,   /* two sides, nothing passes */
    PARTITION_ALONE,    /* one machine hears and is heard by none */
    PARTITION_MUTE,     /* one is heard by none, but hears */
    PARTITION_DEAF,     /* one hears none, but is heard */
    PARTITION_LINKS,    /* each direction of each link, by chance */
    PARTITION_STAR,     /* all talk to one only */
    PARTITION_CHAIN,    /* each talks to its neighbours only */
    PARTITION_NO_GROUP, /* some hear no multicast, unicast passes */
    PARTITION_TYPES,
};

struct network {
    struct network_plan plan;
    struct prng random;
    uint8_t n;
    uint64_t partition; /* number of the one in force, 0: none */
    uint64_t partitions;
    uint16_t cut[MEMBERS_MAX]; /* bitmap: [from] does not reach index */
    uint16_t no_group;         /* bitmap of who hears no multicast */
    uint64_t slow_ns[MEMBERS_MAX][MEMBERS_MAX];
    uint64_t sent;
    uint64_t lost;
    uint64_t doubled;
    uint64_t late;
    uint64_t cut_off;
};

void network_init(struct network *net, const struct network_plan *plan,
                  uint8_t n, uint64_t seed);

/* A multicast begins: false if it is lost for all. */
bool network_group(struct network *net);

/*
 * The fate of a datagram from one place to another: how many copies arrive,
 * 0..NETWORK_COPIES_MAX, and the delay of each.
 */
uint32_t network_route(struct network *net, uint8_t from, uint8_t to,
                       bool multicast, uint64_t *delays_ns);

/* Cut the network, instead of what was cut before; returns its number. */
uint64_t network_cut(struct network *net, enum partition_type type);

/* Mend that partition, if it still is the one in force. */
void network_heal(struct network *net, uint64_t partition);

/* From now on nothing is lost, late, doubled or cut. */
void network_calm(struct network *net);

const char *partition_name(enum partition_type type);

#endif

/*
 * network.h - what becomes of a datagram: lost, late, doubled, damaged, too
 * long, or cut off.
 *
 * Time is in nanoseconds of the world; chances are parts of 10,000.
 */
#ifndef PAXOSKV_SIM_NETWORK_H
#define PAXOSKV_SIM_NETWORK_H

#include "base/prng.h"
#include "paxos/message.h"

#define NETWORK_CLIENT     MEMBERS_MAX /* any client, as a place */
#define NETWORK_PLACES     (MEMBERS_MAX + 1u)
#define NETWORK_COPIES_MAX 2u
#define NETWORK_HEADS      28u /* of IPv4 and UDP, in an MTU */

struct network_plan {
    uint64_t delay_ns;   /* the least */
    uint64_t jitter_ns;  /* on top, uniform; of a link: up to twice that */
    uint64_t late_ns;    /* a late datagram: up to so much more */
    uint16_t late;       /* how many are: this reorders them */
    uint16_t loss;       /* of each copy */
    uint16_t group_loss; /* of a multicast, for all its receivers */
    uint16_t twice;
    uint16_t flip;    /* how many arrive with bits flipped */
    uint16_t foreign; /* how many come once more, from another cluster */
    uint16_t slow;    /* how many links are slow, each direction apart */
    uint64_t slow_ns; /* and by how much, at most */
    uint32_t mtu;     /* of all links; nothing longer passes */
};

enum partition_type {
    PARTITION_HALVES,     /* two sides, nothing passes */
    PARTITION_ALONE,      /* one machine hears and is heard by none */
    PARTITION_MUTE,       /* one is heard by none, but hears */
    PARTITION_DEAF,       /* one hears none, but is heard */
    PARTITION_LINKS,      /* each direction of each link, by chance */
    PARTITION_STAR,       /* all talk to one only */
    PARTITION_CHAIN,      /* each talks to its neighbours only */
    PARTITION_SOME_GROUP, /* some hear no multicast, unicast passes */
    PARTITION_NO_GROUP,   /* nobody does */
    PARTITION_NO_UNICAST, /* multicast passes, unicast does not */
    PARTITION_SMALL,      /* some links lose what is long */
    PARTITION_CLIENTS,    /* clients reach some machines only */
    PARTITION_TYPES,
};

struct link {
    uint64_t delay_ns;
    uint64_t jitter_ns;
    uint64_t seed;    /* of the chance of its datagrams, */
    uint64_t carried; /* of which there were so many */
};

struct network {
    struct network_plan plan;
    struct prng group_random; /* what one draws is nothing to the others */
    struct prng flip_random;
    struct prng cut_random;
    uint8_t n;
    struct link links[NETWORK_PLACES][NETWORK_PLACES];

    uint64_t partition; /* number of the one in force, 0: none */
    uint64_t partitions;
    uint64_t since_ns;            /* it was made, and ... */
    uint64_t flap_ns;             /* comes and goes in this time, 0: it stays */
    uint16_t cut[NETWORK_PLACES]; /* bitmap: [from] does not reach index */
    uint16_t small[NETWORK_PLACES]; /* and loses what is long, likewise */
    uint16_t no_group;              /* bitmap of who hears no multicast */
    bool no_unicast;                /* between machines */
    uint32_t small_len;             /* bytes of a datagram that still pass */

    uint64_t sent;
    uint64_t lost;
    uint64_t group_lost; /* multicasts: none of its copies was sent */
    uint64_t doubled;
    uint64_t late;
    uint64_t flipped;
    uint64_t foreign;
    uint64_t too_long;
    uint64_t cut_off;
};

/* A datagram on its way. */
struct passage {
    uint64_t now_ns;
    uint32_t len;
    uint8_t from; /* a machine, or NETWORK_CLIENT */
    uint8_t to;
    bool multicast;
};

struct arrival {
    uint64_t delay_ns;
    bool flipped; /* some of its bits are: network_flip */
    bool foreign; /* another cluster sends the like, just behind it */
};

void network_init(struct network *net, const struct network_plan *plan,
                  uint8_t n, uint64_t seed);

/* A multicast begins: false if it is lost for all. */
bool network_group(struct network *net);

/*
 * The fate of a datagram: how many copies arrive, 0..NETWORK_COPIES_MAX, and
 * how.
 */
uint32_t network_route(struct network *net, const struct passage *p,
                       struct arrival *copies);

/* Flip one to three bits of these bytes. */
void network_flip(struct network *net, uint8_t *bytes, uint32_t len);

/*
 * Cut the network, instead of what was cut before; returns its number.
 * flap_ns: for so long it is cut, then for so long it is not, and so on; 0:
 * it stays cut.
 */
uint64_t network_cut(struct network *net, enum partition_type type,
                     uint64_t now_ns, uint64_t flap_ns);

/* Mend that partition, if it still is the one in force. */
void network_heal(struct network *net, uint64_t partition);

/* Cut or mend one direction of one link, by a script. */
void network_set_link(struct network *net, uint8_t from, uint8_t to, bool cut);

/* From now on nothing is lost, late, doubled, damaged or cut. */
void network_calm(struct network *net);

const char *partition_name(enum partition_type type);

#endif

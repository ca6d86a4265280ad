/*
 * ballot.h - (round, node), ordered by round, then by node id (P1).
 */
#ifndef PAXOSKV_PAXOS_BALLOT_H
#define PAXOSKV_PAXOS_BALLOT_H

#include <stdbool.h>
#include <stdint.h>

#define ROUND_MAX (UINT64_MAX / 2) /* a peer that claims more is refused */

struct ballot {
    uint64_t round; /* 0: no ballot at all */
    uint8_t node;   /* member id, 1..255 */
};

static inline int ballot_cmp(struct ballot a, struct ballot b)
{
    if (a.round != b.round) return a.round < b.round ? -1 : 1;
    return (a.node > b.node) - (a.node < b.node);
}

static inline bool ballot_equal(struct ballot a, struct ballot b)
{
    return a.round == b.round && a.node == b.node;
}

static inline bool ballot_is_none(struct ballot b)
{
    return b.round == 0;
}

#endif

/*
 * quorum.h - the members, sets of them as bitmaps, and majorities (P12).
 */
#ifndef PAXOSKV_PAXOS_QUORUM_H
#define PAXOSKV_PAXOS_QUORUM_H

#include "paxos/message.h"

#define MEMBER_NONE 0xffu

struct group {
    uint8_t n;
    uint8_t self;             /* own index */
    uint8_t ids[MEMBERS_MAX]; /* ascending */
};

static inline unsigned group_majority(const struct group *g)
{
    return g->n / 2u + 1u;
}

static inline uint16_t member_bit(uint8_t index)
{
    return (uint16_t)(1u << index);
}

static inline unsigned members_count(uint16_t set)
{
    return (unsigned)__builtin_popcount(set);
}

/* True if the set holds at least a majority: never "exactly" (P12). */
static inline bool group_is_majority(const struct group *g, uint16_t set)
{
    return members_count(set) >= group_majority(g);
}

static inline uint16_t group_others(const struct group *g)
{
    return (uint16_t)(((1u << g->n) - 1u) & ~(1u << g->self));
}

static inline uint8_t group_self_id(const struct group *g)
{
    return g->ids[g->self];
}

/* Index of a member id, or MEMBER_NONE. */
uint8_t group_index(const struct group *g, uint8_t id);

#endif

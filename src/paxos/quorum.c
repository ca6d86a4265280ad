/* quorum.c - see quorum.h */
#include "paxos/quorum.h"

#include "base/assert.h"

uint8_t group_index(const struct group *g, uint8_t id)
{
    ASSERT(g->n <= MEMBERS_MAX);

    for (uint8_t i = 0; i < g->n; i++) {
        if (g->ids[i] == id) return i;
    }
    return MEMBER_NONE;
}

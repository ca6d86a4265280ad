/* multicast.c - see multicast.h */
#include "paxos/multicast.h"

#include "base/assert.h"

/* More than half is lost: it is deaf.  Nearly nothing is: it may be better. */
static void multicast_judge(struct hearing *h)
{
    ASSERT(h->copies == MULTICAST_WINDOW);

    if (h->groups >= MULTICAST_WINDOW - 1) {
        if (h->good < MULTICAST_WINDOWS) h->good++;
        if (h->good == MULTICAST_WINDOWS) h->deaf = false;
    } else {
        h->good = 0;
        if (h->groups < MULTICAST_WINDOW / 2) h->deaf = true;
    }
    h->copies = 0;
    h->groups = 0;
}

void multicast_on_copy(struct multicast *m, uint8_t from, bool by_group)
{
    struct hearing *h = &m->heard[from];

    ASSERT(from < MEMBERS_MAX);

    if (!m->used) return;
    if (by_group) {
        if (h->groups < MULTICAST_WINDOW) h->groups++;
        return;
    }
    h->copies++;
    if (h->copies == MULTICAST_WINDOW) multicast_judge(h);
}

void multicast_on_told(struct multicast *m, const struct group *g, uint8_t from,
                       uint16_t by_group)
{
    ASSERT(from < g->n);
    ASSERT(from != g->self);

    m->unicast &= (uint16_t)~member_bit(from);
    if (!m->used || (by_group & member_bit(g->self))) return;
    m->unicast |= member_bit(from);
}

uint16_t multicast_heard(const struct multicast *m, const struct group *g)
{
    uint16_t set = (uint16_t)((1u << g->n) - 1u);

    for (uint8_t i = 0; i < g->n; i++) {
        if (m->heard[i].deaf) set &= (uint16_t)~member_bit(i);
    }
    return set;
}

/* siege.c - see siege.h */
#include "sim/siege.h"

#include "base/units.h"
#include "sim/faults.h"
#include "sim/observe.h"
#include "sim/world.h"

#define INFORMED_MIN 5u /* two may go, and a majority is left */
#define STAR_MIN     4u

/* All are up and admitted, and one of them serves: who, or MEMBER_NONE. */
static uint8_t siege_find_leader(const struct world *w)
{
    uint8_t leader = MEMBER_NONE;

    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        const struct machine *m = &w->machines[i];
        struct node_status s;

        if (m->state != MACHINE_UP || m->rotten) return MEMBER_NONE;
        node_status(m->node, &s);
        if (!s.admitted) return MEMBER_NONE;
        if (s.serving && s.confirmed) leader = i;
    }
    return leader;
}

static void siege_die(struct world *w, uint8_t who)
{
    w->siege.down |= (uint16_t)(1u << who);
    queue_push(&w->queue, (struct due){ .at_ns = w->now_ns + 1,
                                        .type = DUE_END,
                                        .who = who,
                                        .life = w->machines[who].life });
}

static void siege_hold(struct world *w)
{
    w->siege.step = SIEGE_HELD;
    w->siege.since_ns = w->now_ns;
    siege_die(w, w->siege.leader);
}

static void siege_begin(struct world *w, uint8_t leader)
{
    struct siege *s = &w->siege;
    const uint8_t n = w->plan->nodes;
    const uint64_t step = prng_range(&w->random, 1, n - 1u);

    s->leader = leader;
    s->other = (uint8_t)((leader + step) % n);
    s->step = SIEGE_AMBUSH;
    w->faults[FAULT_SIEGE]++;
    observe_life(w, &w->machines[leader], MARK_OTHER,
                 "IS BESIEGED, WITH NODE %u",
                 w->machines[s->other].config.ids[s->other]);
    s->middle = MEMBER_NONE;
    if (w->plan->siege != SIEGE_STAR) return;
    s->middle = s->other;
    siege_hold(w);
}

static void siege_end(struct world *w)
{
    w->siege.step = SIEGE_OVER;
    w->siege.down = 0;
    trace_line(w->trace, w->now_ns, "network", 0, "THE SIEGE IS OVER");
    faults_return(w);
}

/* Another one leads; or one more has died, by what began before: then there
 * is no majority perhaps, nor whom a new life needs to be admitted (M2). */
static bool siege_is_led(const struct world *w)
{
    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        struct node_status s;

        if (siege_keeps(w, i)) continue;
        if (w->machines[i].state != MACHINE_UP) return true;
        node_status(w->machines[i].node, &s);
        if (!s.admitted) return true;
        if (s.serving && s.confirmed) return true;
    }
    return false;
}

bool siege_look(struct world *w, bool clients_done)
{
    struct siege *s = &w->siege;
    const uint32_t least = w->plan->siege == SIEGE_STAR ? STAR_MIN
                                                        : INFORMED_MIN;
    uint8_t leader;

    if (w->plan->siege == SIEGE_NONE || w->plan->nodes < least) return false;
    switch (s->step) {
    case SIEGE_AWAITED:
        leader = siege_find_leader(w);
        if (clients_done) {
            s->step = SIEGE_OVER;
        } else if (leader != MEMBER_NONE) {
            siege_begin(w, leader);
        }
        return false;
    case SIEGE_AMBUSH:
        /* Somebody else leads, or there is nothing to be said any more. */
        if (clients_done || siege_find_leader(w) != s->leader) siege_end(w);
        return false;
    case SIEGE_HELD:
        if (siege_is_led(w)) {
            siege_end(w);
        } else if (w->now_ns - s->since_ns > w->plan->leader_ns) {
            world_fail(w, "liveness",
                       "node %u is gone, and nobody serves instead",
                       w->machines[s->leader].config.ids[s->leader]);
        }
        return true;
    case SIEGE_OVER:
        break;
    }
    return false;
}

/* The informant has told a candidate what it knows, and is gone. */
static void siege_betray(struct world *w, uint8_t candidate)
{
    struct siege *s = &w->siege;

    if (s->down >> s->other & 1) return;
    siege_die(w, s->other);
    s->since_ns = w->now_ns;
    if (w->plan->siege == SIEGE_VALUE) s->middle = candidate;
}

void siege_on_send(struct world *w, const struct machine *m,
                   const struct effect *e)
{
    struct siege *s = &w->siege;
    const enum message_type last = w->plan->siege == SIEGE_VALUE
                                       ? MESSAGE_ACCEPT
                                       : MESSAGE_LEARN;

    s->muted = false;
    if (s->step == SIEGE_AWAITED || s->step == SIEGE_OVER) return;
    if (w->plan->siege == SIEGE_STAR) return;
    if (m->self == s->leader && e->message.type == last) {
        s->muted = true;
        if (s->step == SIEGE_AMBUSH) siege_hold(w);
    }
    if (s->step == SIEGE_HELD && m->self == s->other &&
        e->message.type == MESSAGE_PROMISE && e->to != s->other &&
        e->to != s->leader) { /* which is no candidate any more */
        siege_betray(w, e->to);
    }
}

bool siege_cuts(const struct world *w, uint8_t from, uint8_t to)
{
    const struct siege *s = &w->siege;

    if (from >= w->plan->nodes || to >= w->plan->nodes) return false;
    if (s->muted) return from == s->leader && to != s->other;
    if (s->step != SIEGE_HELD || s->middle == MEMBER_NONE) return false;
    return from != s->middle && to != s->middle;
}

bool siege_keeps(const struct world *w, uint8_t who)
{
    return w->siege.down >> who & 1;
}

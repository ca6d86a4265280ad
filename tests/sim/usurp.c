/* usurp.c - see usurp.h */
#include "sim/usurp.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/observe.h"
#include "sim/world.h"

/* In heartbeats: what is late; how long a step lasts at most. */
#define LATE_MIN  2u
#define LATE_MAX  14u
#define DULL_MAX  8u
#define CUT_MIN   4u
#define CUT_MAX   12u
#define RIVAL_MAX 60u
#define EXTRA_MAX 6u
#define ECHOES    4u

static uint64_t usurp_beats(struct world *w, uint64_t low, uint64_t high)
{
    const uint64_t ns = w->plan->members.heartbeat_ns;

    return prng_range(&w->fault_random[FAULT_USURP], low * ns + 1,
                      high * ns + 1);
}

static void usurp_later(struct world *w, uint64_t after_ns)
{
    queue_push(&w->queue, (struct due){ .at_ns = w->now_ns + after_ns,
                                        .type = DUE_USURP });
}

/* A machine that leads, or would, other than this one; or MEMBERS_MAX. */
static uint8_t usurp_find(const struct world *w, uint8_t other_than,
                          enum node_role role)
{
    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        struct node_status s;

        if (i == other_than || w->machines[i].state != MACHINE_UP) continue;
        if (node_role(w->machines[i].node) != role) continue;
        node_status(w->machines[i].node, &s);
        if (s.serving || role != NODE_LEADER) return i;
    }
    return MEMBERS_MAX;
}

/* So many of the others at random that the rest still makes a majority. */
static uint16_t usurp_draw_side(struct world *w, uint8_t leader)
{
    const uint32_t n = w->plan->nodes;
    const uint32_t spare = n - 1 - min_u64(n - 1, n / 2 + 1);
    uint32_t left = (uint32_t)prng_below(&w->fault_random[FAULT_USURP],
                                         spare + 1);
    uint16_t side = (uint16_t)(1u << leader);

    for (uint32_t i = 0; i < n && left; i++) {
        if (i == leader || prng_below(&w->fault_random[FAULT_USURP], 2))
            continue;
        side |= (uint16_t)(1u << i);
        left--;
    }
    return side;
}

void usurp_begin(struct world *w, uint64_t lasts_ns)
{
    struct usurp *u = &w->usurp;
    const uint8_t leader = usurp_find(w, MEMBERS_MAX, NODE_LEADER);

    if (u->step != USURP_NOT || leader == MEMBERS_MAX) return;
    *u = (struct usurp){
        .step = USURP_DULL,
        .leader = leader,
        .side = usurp_draw_side(w, leader),
        .one_way = prng_below(&w->fault_random[FAULT_USURP], 2),
        .waits = prng_below(&w->fault_random[FAULT_USURP], 4) > 0,
        .thwarts = prng_below(&w->fault_random[FAULT_USURP], 2),
        .lasts_ns = lasts_ns,
    };
    for (int i = USURP_DULL; i <= USURP_FACED; i++) {
        u->late[i] = u->thwarts || prng_below(&w->fault_random[FAULT_USURP], 2);
    }
    u->echoes = prng_below(&w->fault_random[FAULT_USURP], 2);
    u->lures = prng_below(&w->fault_random[FAULT_USURP], 2);
    observe_life(w, &w->machines[leader], MARK_OTHER, "SHALL BE USURPED");
    usurp_later(w, usurp_beats(w, 0, DULL_MAX));
}

void usurp_end(struct world *w)
{
    w->usurp.step = USURP_NOT;
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        packet_unref(w->usurp.confirmed[i]);
        w->usurp.confirmed[i] = NULL;
    }
}

/* ---- confirmations that come again --------------------------------------- */

void usurp_on_send(struct world *w, uint8_t from, uint8_t to,
                   const struct message *m, struct packet *p)
{
    struct usurp *u = &w->usurp;

    if (m->type != MESSAGE_CONFIRMED || u->step != USURP_DULL) return;
    if (to != u->leader || !u->echoes) return;
    packet_unref(u->confirmed[from]);
    u->confirmed[from] = packet_ref(p);
}

/* No network carries them: they are on their way since long ago. */
static void usurp_echo(struct world *w, uint64_t beats)
{
    struct usurp *u = &w->usurp;

    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        if (!u->confirmed[i]) continue;
        w->faults[FAULT_ECHO]++;
        queue_push(&w->queue, (struct due){
                                  .at_ns = w->now_ns + usurp_beats(w, 0, beats),
                                  .type = DUE_MESSAGE,
                                  .who = u->leader,
                                  .from = i,
                                  .packet = packet_ref(u->confirmed[i]),
                              });
    }
}

/* ---- its steps ----------------------------------------------------------- */

static void usurp_cut(struct world *w)
{
    struct usurp *u = &w->usurp;

    u->step = USURP_CUT;
    u->until_ns = w->now_ns + usurp_beats(w, CUT_MIN, CUT_MAX);
    if (u->waits) {
        u->until_ns = w->now_ns + usurp_beats(w, RIVAL_MAX, RIVAL_MAX);
    }
    observe_life(w, &w->machines[u->leader], MARK_OTHER, "IS CUT OFF");
    usurp_later(w, usurp_beats(w, 0, 1));
}

/* Once there is a rival it has a little time to itself. */
static void usurp_look_for_rival(struct world *w)
{
    struct usurp *u = &w->usurp;
    const enum node_role want = u->thwarts ? NODE_CANDIDATE : NODE_LEADER;
    const uint8_t rival = usurp_find(w, u->leader, want);

    if (rival != MEMBERS_MAX && !(u->side >> rival & 1) && u->waits) {
        u->waits = false;
        u->until_ns = w->now_ns;
        if (!u->thwarts) u->until_ns += usurp_beats(w, 0, EXTRA_MAX);
    }
    usurp_echo(w, 1);
    if (w->now_ns < u->until_ns) {
        usurp_later(w, u->thwarts ? NS_PER_MS : usurp_beats(w, 0, 1));
    } else if (rival == MEMBERS_MAX) {
        usurp_end(w);
    } else {
        u->step = u->thwarts ? USURP_THWARTED : USURP_FACED;
        u->rival = rival;
        observe_life(w, &w->machines[rival], MARK_OTHER,
                     u->thwarts ? "IS CUT OFF INSTEAD OF NODE %u"
                                : "FACES NODE %u",
                     w->machines[u->leader].config.ids[u->leader]);
        for (uint64_t beats = 1; beats <= ECHOES; beats++) usurp_echo(w, beats);
        usurp_later(w, u->lasts_ns);
    }
}

void usurp_on_due(struct world *w)
{
    switch (w->usurp.step) {
    case USURP_NOT:
        break;
    case USURP_DULL:
        usurp_cut(w);
        break;
    case USURP_CUT:
        usurp_look_for_rival(w);
        break;
    case USURP_FACED:
    case USURP_THWARTED:
        usurp_end(w);
        break;
    }
}

uint8_t usurp_asked(const struct world *w, uint8_t client, uint8_t to)
{
    const struct usurp *u = &w->usurp;

    if (!u->lures || u->step == USURP_NOT || u->step == USURP_DULL) return to;
    if (client % 2) return u->leader;
    if (u->step != USURP_CUT) return u->rival;
    for (uint8_t i = 0; i < w->plan->nodes; i++, to++) {
        if (!(u->side >> (to % w->plan->nodes) & 1)) break;
    }
    return to % w->plan->nodes;
}

bool usurp_cuts(struct world *w, uint8_t from, uint8_t to)
{
    const struct usurp *u = &w->usurp;

    if (from >= w->plan->nodes || to >= w->plan->nodes) return false;
    switch (u->step) {
    case USURP_CUT:
        return (u->side >> from & 1) != (u->side >> to & 1);
    case USURP_FACED:
        if (from == u->rival && to == u->leader) return true;
        return from == u->leader && to == u->rival && !u->one_way;
    case USURP_THWARTED:
        if (from == u->rival || to == u->rival) return true;
        return from == u->leader &&
               prng_below(&w->fault_random[FAULT_USURP], 4) > 0;
    case USURP_NOT:
    case USURP_DULL:
        break;
    }
    return false;
}

uint64_t usurp_delay_ns(struct world *w, uint8_t to)
{
    const struct usurp *u = &w->usurp;

    if (!u->late[u->step] || to != u->leader) return 0;
    if (prng_below(&w->fault_random[FAULT_USURP], 2)) return 0;
    return usurp_beats(w, LATE_MIN, LATE_MAX);
}

/* machine_roles.c - see machine.h: roles die, and are given their log again. */
#include "sim/machine.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/world.h"

#define REPLAY_RECORDS 16u /* read at a time, at most */

/* Where a REPLAY stands. */
struct replay {
    uint64_t tag;
    uint32_t next;
};

static void replay_push(struct world *w, struct machine *m,
                        const struct replay *r)
{
    queue_push(&w->queue, (struct due){
                              .at_ns = w->now_ns + w->plan->disk.latency_ns,
                              .type = DUE_REPLAY,
                              .who = m->self,
                              .life = m->life,
                              .packet = packet_new(r, sizeof *r),
                          });
}

void machine_replay(struct world *w, struct machine *m,
                    const struct replay_order *order)
{
    struct replay r = { .tag = order->tag };

    while (r.next < m->disk.durable &&
           m->disk.records[r.next].slot < order->first) {
        r.next++;
    }
    /* It may begin earlier, and does. */
    r.next = (uint32_t)prng_below(&m->random, (uint64_t)r.next + 1);
    replay_push(w, m, &r);
}

void machine_on_replay(struct world *w, struct machine *m, const struct due *d)
{
    const uint32_t count = (uint32_t)prng_range(&m->random, 1, REPLAY_RECORDS);
    struct replay r;

    memcpy(&r, d->packet->bytes, sizeof r);
    for (uint32_t i = 0; i < count && r.next < m->disk.durable; i++) {
        const struct disk_record *at = &m->disk.records[r.next++];
        struct message record;

        if (!packet_record(at->packet, &record)) continue;
        machine_step(w, m,
                     &(struct event){ .type = EVENT_RECORD,
                                      .tag = r.tag,
                                      .message = &record });
        if (!m->node || w->checker.failed) return;
    }
    if (r.next < m->disk.durable) {
        replay_push(w, m, &r);
        return;
    }
    machine_step(w, m, &(struct event){ .type = EVENT_REPLAYED, .tag = r.tag });
}

void machine_kill_roles(struct world *w, struct machine *m, uint32_t set)
{
    for (uint8_t i = 0; i < ROLES; i++) {
        const struct role_order order = { .role = i, .kill = true };

        if (!(set >> i & 1) || m->state != MACHINE_UP) continue;
        machine_step(w, m,
                     &(struct event){ .type = EVENT_ROLE, .order = &order });
    }
    machine_end_turn(w, m);
}

void machine_calm_roles(struct world *w, struct machine *m)
{
    for (uint8_t i = 0; i < ROLES; i++) {
        const struct role_order order = { .role = i };

        m->config.schedules[i] = order.schedule;
        if (m->state != MACHINE_UP || w->checker.failed) continue;
        machine_step(w, m,
                     &(struct event){ .type = EVENT_ROLE, .order = &order });
    }
    machine_end_turn(w, m);
}

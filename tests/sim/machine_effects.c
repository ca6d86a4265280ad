/* machine_effects.c - see machine.h: what a step asks for is carried out. */
#include "sim/machine.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/observe.h"
#include "sim/world.h"

#include <inttypes.h>

static void machine_persist(struct world *w, struct machine *m,
                            const struct effect *e)
{
    struct disk *d = &m->disk;

    checker_on_persist(&w->checker, m->self, &e->message);
    if (w->checker.failed) return;
    disk_append(d, &e->message, e->seq);
    world_digest(w, d->records[d->count - 1].packet->bytes,
                 d->records[d->count - 1].packet->len);
}

static void machine_reply(struct world *w, struct machine *m,
                          const struct reply *r)
{
    struct due d = { .type = DUE_REPLY, .from = m->self, .number = r->cookie };
    struct command c;
    uint64_t began;

    if (!client_command(w, r, &c, &began)) {
        world_fail(w, "witness", "node %u answers what nobody asked",
                   m->config.ids[m->self]);
        return;
    }
    checker_on_reply(&w->checker, m->self, &c, r);
    checker_on_read(&w->checker, m->self, &c, r, began);
    d.who = (uint8_t)(r->to.port - PORT_FIRST);
    if (w->clients[d.who].library) {
        machine_answer_client(w, m, d.who, r);
        return;
    }
    d.packet = packet_of_reply(r);
    world_digest(w, d.packet->bytes, d.packet->len);
    world_send(w, m->self, NETWORK_CLIENT, false, d);
    packet_unref(d.packet);
}

static void machine_read(struct world *w, struct machine *m,
                         const struct read_order *r)
{
    queue_push(&w->queue, (struct due){
                              .at_ns = w->now_ns + w->plan->disk.latency_ns,
                              .type = DUE_READ,
                              .who = m->self,
                              .life = m->life,
                              .packet = packet_new(r, sizeof *r),
                          });
}

/* A closed port is told, if neither the question nor the answer is lost. */
static void machine_probe(struct world *w, struct machine *m,
                          const struct effect *e)
{
    const struct passage there = {
        .now_ns = w->now_ns, .len = 1, .from = m->self, .to = e->to
    };
    const struct passage back = {
        .now_ns = w->now_ns, .len = 1, .from = e->to, .to = m->self
    };
    struct arrival copies[NETWORK_COPIES_MAX];

    if (network_route(&w->network, &there, copies) == 0) return;
    if (w->machines[e->to].state != MACHINE_DOWN) return;
    if (network_route(&w->network, &back, copies) == 0) return;
    queue_push(&w->queue, (struct due){
                              .at_ns = w->now_ns + copies[0].delay_ns,
                              .type = DUE_GONE,
                              .who = m->self,
                              .life = m->life,
                              .number = e->to,
                          });
}

/* What a machine has to know of its node's state. */
static void machine_note(struct world *w, struct machine *m,
                         const struct note *n)
{
    if (n->type == NOTE_ADMITTED) m->admitted = true;
    if (n->type == NOTE_FOLLOWING) manners_on_following(w, m);
    if (n->type == NOTE_CANDIDATE) manners_on_candidate(w, m);
    if (n->type != NOTE_ROLE_CRASHED && n->type != NOTE_ROLE_OUT) return;
    if (n->node != ROLE_LEARNER) return;
    m->executed = 0;
    checker_on_lost_state(&w->checker, m->self);
}

void machine_carry_out(struct world *w, struct machine *m,
                       const struct effect *e)
{
    observe_effect(w, m, e);
    switch ((enum effect_type)e->type) {
    case EFFECT_NONE:
        break;
    case EFFECT_NOTE:
        machine_note(w, m, &e->note);
        break;
    case EFFECT_SEND:
        machine_send(w, m, e);
        break;
    case EFFECT_PERSIST:
        machine_persist(w, m, e);
        break;
    case EFFECT_READ:
        machine_read(w, m, &e->read);
        break;
    case EFFECT_PROBE:
        machine_probe(w, m, e);
        break;
    case EFFECT_REPLAY:
        machine_replay(w, m, &e->replay);
        break;
    case EFFECT_REPLY:
        machine_reply(w, m, &e->reply);
        break;
    case EFFECT_FATAL:
        if (e->fatal.status == 69) {
            m->ends = true; /* a role died too often: another process */
            break;
        }
        m->refused = m->rolled_back && e->fatal.status == 77;
        if (m->refused) break;
        world_fail(w, "fatal", "node %u ends with %d in slot %" PRIu64 ": %s",
                   m->config.ids[m->self], e->fatal.status, e->fatal.slot,
                   e->fatal.text);
        break;
    }
}

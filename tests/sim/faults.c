/* faults.c - see faults.h */
#include "sim/faults.h"

#include "base/units.h"
#include "sim/world.h"

#define SLOW_TURN_NS  (20 * NS_PER_MS)
#define SLOW_WRITE_NS (200 * NS_PER_MS)

static void faults_next(struct world *w, enum fault_type type)
{
    const uint64_t every_ns = w->plan->faults[type].every_ns;

    if (every_ns == 0) return;
    queue_push(&w->queue,
               (struct due){
                   .at_ns = w->now_ns +
                            prng_range(&w->fault_random[type], 1, 2 * every_ns),
                   .type = DUE_FAULT,
                   .number = type,
               });
}

void faults_begin(struct world *w)
{
    for (int type = 0; type < FAULT_TIMED; type++) {
        faults_next(w, (enum fault_type)type);
    }
    if (!w->plan->is_long || w->plan->nodes < 3) return;
    queue_push(&w->queue,
               (struct due){
                   .at_ns = prng_range(&w->random, NS_PER_MS, NS_PER_S),
                   .type = DUE_AWAY,
                   .who = (uint8_t)prng_below(&w->random, w->plan->nodes),
               });
}

/* Some machine that runs, the leader more often than others; or NULL. */
static struct machine *faults_victim(struct world *w, struct prng *random)
{
    const bool leader = prng_below(random, 2);
    const uint32_t from = (uint32_t)prng_below(random, w->plan->nodes);
    struct machine *any = NULL;

    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        struct machine *m = &w->machines[(from + i) % w->plan->nodes];

        if (m->state != MACHINE_UP) continue;
        if (!any) any = m;
        if (!leader) break;
        if (node_role(m->node) == NODE_LEADER) return m;
    }
    return any;
}

static void faults_crash_all(struct world *w, uint64_t lasts_ns)
{
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        const uint64_t down_ns = prng_range(&w->fault_random[FAULT_CRASH_ALL],
                                            1, lasts_ns);

        if (w->machines[i].state == MACHINE_DOWN) continue;
        machine_crash(w, &w->machines[i], down_ns);
    }
}

static void faults_cut(struct world *w, uint64_t lasts_ns)
{
    struct prng *random = &w->fault_random[FAULT_PARTITION];
    const enum partition_type type = (enum partition_type)prng_below(
        random, PARTITION_TYPES);

    /* Each fourth one flaps. */
    const bool flaps = prng_below(random, 4) == 0;
    const uint64_t flap_ns = flaps ? prng_range(random, NS_PER_MS,
                                                200 * NS_PER_MS)
                                   : 0;

    trace_line(w->trace, w->now_ns, "network", 0, "CUT: %s%s",
               partition_name(type), flaps ? ", flapping" : "");
    w->faults[FAULT_CUT_FIRST + (uint32_t)type]++;
    queue_push(&w->queue,
               (struct due){
                   .at_ns = w->now_ns + lasts_ns,
                   .type = DUE_HEAL,
                   .number = network_cut(&w->network, type, w->now_ns, flap_ns),
               });
}

static void faults_later(struct world *w, const struct machine *m,
                         enum due_type type, uint64_t after_ns)
{
    queue_push(&w->queue, (struct due){ .at_ns = w->now_ns + after_ns,
                                        .type = (uint8_t)type,
                                        .who = m->self,
                                        .life = m->life });
}

static void faults_on_machine(struct world *w, enum fault_type type,
                              struct machine *m, uint64_t lasts_ns)
{
    struct prng *random = &w->fault_random[type];

    switch (type) {
    case FAULT_CRASH:
        machine_crash(w, m, lasts_ns);
        break;
    case FAULT_INSIDE:
        m->effects_left = (uint32_t)prng_range(random, 1, 20);
        m->down_ns = lasts_ns;
        break;
    case FAULT_LEAVE:
        m->down_ns = lasts_ns;
        faults_later(w, m, DUE_END, prng_range(random, 1, 200 * NS_PER_MS));
        machine_leave(w, m);
        break;
    case FAULT_FULL:
        machine_fill(w, m, true);
        faults_later(w, m, DUE_ROOM, lasts_ns);
        break;
    case FAULT_LAG:
        m->disk.slow_ns = prng_range(random, NS_PER_MS, SLOW_WRITE_NS);
        faults_later(w, m, DUE_SMOOTH, lasts_ns);
        break;
    case FAULT_ROT:
        m->rotten = true; /* and half of them find out soon */
        if (prng_below(random, 2)) machine_crash(w, m, 1);
        break;
    case FAULT_ROLE:
        machine_kill_roles(w, m,
                           (uint32_t)prng_range(random, 1, (1u << ROLES) - 1));
        break;
    case FAULT_TRANSFER:
        machine_transfer(w, m, (uint8_t)prng_below(random, w->plan->nodes));
        break;
    case FAULT_RENEW:
        machine_renew(w, m);
        break;
    case FAULT_PAUSE:
        machine_pause(w, m, lasts_ns);
        break;
    case FAULT_SLOW:
        machine_slow(w, m, prng_range(random, NS_PER_US, SLOW_TURN_NS));
        faults_later(w, m, DUE_QUICK, lasts_ns);
        break;
    case FAULT_POOL:
        machine_crash(w, m, lasts_ns);
        m->config.pool_order = w->plan->members.small_pool_order;
        break;
    case FAULT_JUMP:
        machine_jump(w, m, lasts_ns);
        break;
    default:
        break;
    }
}

/*
 * A machine with damage is lost for the group once it is found: that may be a
 * minority, and nobody before all were admitted, for then nearly all have to
 * be there (M2).
 */
static bool faults_may_rot(struct world *w, struct machine *m)
{
    uint32_t rotten = 0;

    if (!m) return false;
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        if (!w->machines[i].admitted) return false;
        rotten += w->machines[i].rotten && m != &w->machines[i];
    }
    if (rotten + 1 > (w->plan->nodes - 1u) / 2) return false;
    return disk_rot(&m->disk);
}

void faults_on_due(struct world *w, enum fault_type type)
{
    struct prng *random = &w->fault_random[type];
    const uint64_t lasts_ns = prng_range(
        random, 1, max_u64(w->plan->faults[type].lasts_ns, 1));
    struct machine *m = faults_victim(w, random);

    if (world_is_calm(w)) return;
    faults_next(w, type);
    if (type == FAULT_ROT && !faults_may_rot(w, m)) return;
    w->faults[type]++;
    if (type == FAULT_PARTITION) {
        faults_cut(w, lasts_ns);
    } else if (type == FAULT_CRASH_ALL) {
        faults_crash_all(w, lasts_ns);
    } else if (type == FAULT_USURP) {
        usurp_begin(w, lasts_ns);
    } else if (type == FAULT_FORGET) {
        client_forget(w,
                      &w->clients[prng_below(random, w->plan->clients.count)]);
    } else if (m) {
        faults_on_machine(w, type, m, lasts_ns);
    }
}

void faults_end(struct world *w)
{
    trace_line(w->trace, w->now_ns, "network", 0, "CALM");
    network_calm(&w->network);
    usurp_end(w);
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        struct machine *m = &w->machines[i];

        disk_calm(&m->disk);
        m->effects_left = 0;
        m->slow_ns = 0;
        machine_resume(w, m);
        machine_calm_roles(w, m);
        if (m->state == MACHINE_UP) machine_fill(w, m, false);
        machine_widen(w, m);
    }
    faults_return(w);
}

void faults_return(struct world *w)
{
    for (uint32_t i = 0; i < w->plan->nodes && !w->checker.failed; i++) {
        struct machine *m = &w->machines[i];

        if (m->state != MACHINE_DOWN || m->broken || i == w->away) continue;
        if (siege_keeps(w, (uint8_t)i)) continue;
        machine_start(w, m);
    }
}

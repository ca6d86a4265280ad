/* machine.c - see machine.h */
#include "sim/machine.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/units.h"
#include "paxos/quorum.h"
#include "sim/memory.h"
#include "sim/observe.h"
#include "sim/renew.h"
#include "sim/world.h"
#include "wire/datagram.h"
#include "wire/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#define TURN_NS 1000u /* no turn is shorter */

/* No world lasts so long: 64 bits are enough to reckon a drift. */
#define DRIFT_NS_MAX (INT64_MAX / 2000000)

#define ENDED_NS     (100 * NS_PER_MS) /* until a service is restarted */
#define RESTLESS_MAX 10000u

/* ---- its clock ----------------------------------------------------------- */

static uint64_t machine_time(const struct machine *m, uint64_t world_ns)
{
    if (m->drift_ppm == 0) return m->clock_ns + world_ns;
    ASSERT(world_ns < DRIFT_NS_MAX);
    return m->clock_ns + world_ns +
           (uint64_t)((int64_t)world_ns * m->drift_ppm / 1000000);
}

uint64_t machine_now_ns(const struct world *w, const struct machine *m)
{
    return machine_time(m, w->now_ns);
}

/* An instant of the world at which its clock shows at least local_ns. */
static uint64_t machine_world_time(const struct machine *m, uint64_t local_ns)
{
    const uint64_t span = local_ns > m->clock_ns ? local_ns - m->clock_ns : 0;
    uint64_t ns = span;

    if (m->drift_ppm == 0) return ns;
    ASSERT(span < DRIFT_NS_MAX);
    ns = span * 1000000 / (uint64_t)(1000000 + m->drift_ppm);
    while (machine_time(m, ns) < local_ns) ns++;
    return ns;
}

/* ---- life and death ------------------------------------------------------ */

static void machine_draw_clock(struct machine *m, uint32_t drift_ppm)
{
    m->clock_ns = prng_range(&m->random, 1, 1000) * NS_PER_S;
    m->drift_ppm = (int64_t)prng_below(&m->random, 2 * drift_ppm + 1) -
                   (int64_t)drift_ppm;
}

static uint64_t machine_seed(const struct world *w, const struct machine *m)
{
    const uint64_t seed = w->plan->seed * 64 + m->self;

    return m->life ? hash_mix(seed) + m->life : seed;
}

/* What stands before the value of a reply that is alone in its datagram. */
#define REPLY_HEADS                                                            \
    (NETWORK_HEADS + DATAGRAM_HEAD + REPLY_HEAD + REPLY_ITEM_HEAD)

void machine_init(struct world *w, uint8_t self, const uint8_t *ids)
{
    const struct plan *p = w->plan;
    struct machine *m = &w->machines[self];
    uint8_t *memory = m->memory;
    const size_t memory_size = m->memory_size;

    *m = (struct machine){
        .self = self,
        .memory = memory,
        .memory_size = memory_size,
        .tick_ns = NEVER_NS,
        .config = {
            .n = p->nodes,
            .self = self,
            .heartbeat_ns = p->members.heartbeat_ns,
            .liveness_port = 1,
            .multicast = true,
            .noop_interval_ns = p->members.noop_interval_ns,
            .rto_min_ns = p->members.rto_min_ns,
            .rto_max_ns = p->members.rto_max_ns,
            .batch_bytes = p->members.batch_bytes,
            .reply_bytes = p->network.mtu - REPLY_HEADS,
            .window_slots = p->members.window_slots,
            .history_slots = PLAN_HISTORY,
            .pool_order = p->members.pool_order,
            .limits = p->members.limits,
            .memory = sim_memory_counted(&m->taken),
        },
    };
    prng_init(&m->random, machine_seed(w, m));
    memcpy(m->config.ids, ids, p->nodes);
    memcpy(m->config.schedules, p->members.roles, sizeof p->members.roles);
    m->config.instance = prng_next(&m->random) | 1;
    m->config.priority = (uint8_t)prng_below(&m->random, 3);
    machine_draw_clock(m, p->members.drift_ppm);
    disk_init(&m->disk, &p->disk, m->config.instance, prng_next(&m->random));
}

static void inbox_clear(struct machine *m)
{
    for (uint32_t i = 0; i < m->inbox_count; i++) {
        packet_unref(m->inbox[i].packet);
    }
    m->inbox_count = 0;
}

uint64_t machine_dry(const struct machine *m)
{
    struct node_status s = { 0 };

    if (m->node) node_status(m->node, &s);
    return m->dry + s.counters.drop_pool;
}

struct member_memory machine_held(const struct machine *m)
{
    const struct kv *kv;

    if (!m->node) return (struct member_memory){ 0 };
    kv = node_kv(m->node);
    return (struct member_memory){
        .pool = node_pool_bytes(m->node),
        .store = kv_bytes(kv),
        .counted = kv_memory_bytes(kv),
        .taken = m->taken,
    };
}

/* What the node has counted is kept. */
static void machine_end_node(struct machine *m)
{
    if (!m->node) return;
    m->dry = machine_dry(m);
    node_destroy(m->node);
    m->node = NULL;
}

void machine_clear(struct machine *m)
{
    machine_end_node(m);
    disk_clear(&m->disk);
    inbox_clear(m);
    free(m->inbox);
    m->inbox = NULL;
    m->inbox_size = 0;
}

/* Zeroed memory for a node; only what it touches costs anything. */
static struct arena machine_arena(struct machine *m)
{
    const size_t size = node_size(&m->config) + parts_size(m->config.n);
    struct arena a;

    if (size > m->memory_size) {
        if (m->memory) munmap(m->memory, m->memory_size);
        m->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ASSERT(m->memory != MAP_FAILED);
        m->memory_size = size;
    } else {
        const int rc = madvise(m->memory, m->memory_size, MADV_DONTNEED);

        ASSERT(rc == 0);
    }
    arena_init(&a, m->memory, size);
    return a;
}

static void machine_set_tick(struct world *w, struct machine *m);
static void machine_handle(struct world *w, struct machine *m,
                           const struct due *d);

/* Is this a life with a small pool? */
static bool machine_is_narrow(const struct world *w, const struct machine *m)
{
    return m->config.pool_order != w->plan->members.pool_order;
}

static bool machine_recover(struct world *w, struct machine *m)
{
    for (uint32_t i = 0; i < m->disk.count; i++) {
        struct message r;
        int rc = -EBADMSG;

        if (packet_record(m->disk.records[i].packet, &r)) {
            rc = node_recover(m->node, &r);
        }
        if (rc == 0) continue;
        if (rc == -ENOMEM && machine_is_narrow(w, m)) {
            machine_crash(w, m, NS_PER_MS); /* 71 */
            return false;
        }
        world_fail(w, "recovery",
                   "node %u: record %u of its own log is refused (%d)",
                   m->config.ids[m->self], i, rc);
        return false;
    }
    return true;
}

void machine_start(struct world *w, struct machine *m)
{
    struct arena arena = machine_arena(m);
    struct node_status status;

    ASSERT(m->state == MACHINE_DOWN);
    ASSERT(!m->node);
    ASSERT(!m->broken);

    /* What an earlier life has drawn is nothing to this one. */
    if (m->life++) prng_init(&m->random, machine_seed(w, m));
    prng_init(&m->turn_random, ~machine_seed(w, m));
    m->state = MACHINE_UP;
    m->tick_ns = NEVER_NS;
    m->flush_is_due = false;
    m->effects_left = 0;
    m->ends = false;
    m->executed = 0;
    m->restless = 0;
    m->config.process = prng_next(&m->random);
    m->config.seed = prng_next(&m->random);
    m->counter = 0;
    m->answers = 0;
    m->node = node_init(&m->config, &arena);
    ASSERT(m->node);
    if (parts_init(&m->parts, m->config.n, &arena) < 0) ASSERT(!"room");
    observe_life(w, m, MARK_STARTS, "STARTS, life %u, %u records", m->life,
                 m->disk.count);
    checker_on_start(&w->checker, m->self);
    manners_on_start(w, m);
    if (!machine_recover(w, m)) return;
    node_status(m->node, &status);
    checker_on_recovered(&w->checker, m->self, status.promised);
    machine_step(w, m, &(struct event){ .type = EVENT_START });
    machine_end_turn(w, m);
}

static void machine_is_durable(struct world *w, struct machine *m,
                               uint32_t found)
{
    for (uint32_t i = m->disk.durable - found; i < m->disk.durable; i++) {
        const struct disk_record *r = &m->disk.records[i];
        const bool chosen = checker_has_chosen(&w->checker, r->slot);

        checker_on_durable(&w->checker, m->self, r);
        if (chosen || !checker_has_chosen(&w->checker, r->slot)) continue;
        observe_chosen(w, m, r->slot);
    }
}

void machine_crash(struct world *w, struct machine *m, uint64_t down_ns)
{
    const uint64_t lost = m->disk.lost;

    ASSERT(m->state != MACHINE_DOWN);

    machine_is_durable(w, m, disk_crash(&m->disk));
    machine_end_node(m);
    checker_on_destroyed(&w->checker, m->self, m->taken);
    m->broken = m->disk.corrupt;
    if (m->disk.fault) {
        world_fail(w, "recovery", "node %u: %s", m->config.ids[m->self],
                   m->disk.fault);
    }
    m->state = MACHINE_DOWN;
    m->effects_left = 0;
    m->slow_ns = 0;
    m->config.pool_order = w->plan->members.pool_order;
    inbox_clear(m);
    if (prng_below(&m->random, 2)) {
        machine_draw_clock(m, w->plan->members.drift_ppm);
    }
    observe_life(w, m, MARK_DIES, "DIES, %" PRIu64 " records are lost%s",
                 m->disk.lost - lost,
                 m->broken ? ", and its log is damaged: 74 for ever" : "");
    queue_push(&w->queue, (struct due){
                              .at_ns = w->now_ns + down_ns,
                              .type = DUE_RESTART,
                              .who = m->self,
                              .life = m->life,
                          });
}

bool machine_roll_back(struct world *w, struct machine *m)
{
    machine_crash(w, m, NEVER_NS - w->now_ns);
    if (!disk_roll_back(&m->disk)) return false;
    observe_life(w, m, MARK_OTHER, "HAS AN OLD DISK, %u records",
                 m->disk.count);
    m->rolled_back = true;
    checker_on_roll_back(&w->checker, m->self);
    machine_start(w, m);
    return true;
}

static void machine_stop(struct world *w, struct machine *m, uint64_t lasts_ns)
{
    ASSERT(m->state == MACHINE_UP);
    ASSERT(lasts_ns > 0);

    m->state = MACHINE_PAUSED;
    m->pauses++;
    queue_push(&w->queue, (struct due){
                              .at_ns = w->now_ns + lasts_ns,
                              .type = DUE_RESUME,
                              .who = m->self,
                              .life = m->life,
                              .number = m->pauses,
                          });
}

void machine_pause(struct world *w, struct machine *m, uint64_t lasts_ns)
{
    if (m->state != MACHINE_UP) return;
    observe_life(w, m, MARK_PAUSES, "PAUSES");
    machine_stop(w, m, lasts_ns);
}

/* What waits is one turn, unless that takes so long that the rest waits on. */
void machine_resume(struct world *w, struct machine *m)
{
    uint32_t i = 0;

    if (m->state != MACHINE_PAUSED) return;
    m->state = MACHINE_UP;
    if (m->slow_ns == 0) {
        observe_life(w, m, MARK_GOES_ON, "GOES ON, %u wait", m->inbox_count);
    }
    while (i < m->inbox_count && m->state == MACHINE_UP) {
        const struct due d = m->inbox[i];

        m->inbox[i++].packet = NULL;
        machine_handle(w, m, &d);
        packet_unref(d.packet);
    }
    if (m->state == MACHINE_UP) machine_end_turn(w, m);
    if (m->state == MACHINE_DOWN || i == 0) return;
    m->inbox_count -= i;
    memmove(m->inbox, m->inbox + i, m->inbox_count * sizeof *m->inbox);
}

void machine_jump(struct world *w, struct machine *m, uint64_t by_ns)
{
    if (m->state == MACHINE_DOWN) return;
    m->clock_ns += by_ns;
    w->jumps_ns += by_ns;
    observe_life(w, m, MARK_OTHER, "CLOCK JUMPS by %" PRIu64 " ms",
                 by_ns / NS_PER_MS);
    machine_set_tick(w, m);
}

void machine_widen(struct world *w, struct machine *m)
{
    if (!machine_is_narrow(w, m)) return;
    if (m->state != MACHINE_DOWN) machine_crash(w, m, 1);
    m->config.pool_order = w->plan->members.pool_order;
}

void machine_slow(struct world *w, struct machine *m, uint64_t turn_ns)
{
    if (m->state == MACHINE_DOWN) return;
    m->slow_ns = turn_ns;
    observe_life(w, m, MARK_OTHER, turn_ns ? "IS SLOW" : "IS QUICK AGAIN");
}

void machine_fill(struct world *w, struct machine *m, bool full)
{
    if (m->state != MACHINE_UP) return;
    machine_step(w, m, &(struct event){ .type = EVENT_FULL, .seq = full });
    machine_end_turn(w, m);
}

void machine_renew(struct world *w, struct machine *m)
{
    const uint32_t pieces = renew_node(m->node);

    ASSERT(m->state == MACHINE_UP);
    observe_life(w, m, MARK_OTHER, "IS RENEWED, of %u pieces", pieces);
}

void machine_transfer(struct world *w, struct machine *m, uint8_t to)
{
    struct event ev = { .type = EVENT_TRANSFER, .tag = to };

    if (m->state != MACHINE_UP) return;
    if (to == m->self) ev.tag = MEMBER_NONE;
    observe_life(w, m, MARK_OTHER, "IS TOLD TO HAND OVER");
    machine_step(w, m, &ev);
    machine_end_turn(w, m);
}

void machine_leave(struct world *w, struct machine *m)
{
    if (m->state != MACHINE_UP) return;
    observe_life(w, m, MARK_OTHER, "IS TOLD TO STOP");
    machine_step(w, m, &(struct event){ .type = EVENT_STOP });
    machine_end_turn(w, m);
}

/* ---- steps --------------------------------------------------------------- */

/* Set the tick for the deadline; one set for earlier finds out by itself. */
static void machine_set_tick(struct world *w, struct machine *m)
{
    const uint64_t deadline_ns = node_deadline_ns(m->node);
    uint64_t at_ns;

    if (deadline_ns == NEVER_NS) return;
    if (m->tick_ns != NEVER_NS && machine_time(m, m->tick_ns) <= deadline_ns)
        return;
    at_ns = max_u64(machine_world_time(m, deadline_ns), w->now_ns + TURN_NS);
    m->tick_ns = at_ns;
    queue_push(&w->queue, (struct due){ .at_ns = at_ns,
                                        .type = DUE_TICK,
                                        .who = m->self,
                                        .life = m->life });
}

/* Most turns leave nothing to be flushed, nor to be written. */
static bool machine_needs_flush(const struct machine *m, uint64_t now_ns)
{
    return m->slow_ns > 0 || disk_has_waiting(&m->disk) ||
           node_has_flush(m->node, now_ns);
}

static void machine_set_flush(struct world *w, struct machine *m)
{
    if (m->flush_is_due) return;
    if (!machine_needs_flush(m, machine_time(m, w->now_ns))) return;
    m->flush_is_due = true;
    if (w->plan->members.turn_ns == 0) return; /* machine_end_turn does it */
    queue_push(&w->queue, (struct due){
                              .at_ns = w->now_ns +
                                       prng_below(&m->turn_random,
                                                  w->plan->members.turn_ns + 1),
                              .type = DUE_FLUSH,
                              .who = m->self,
                              .life = m->life,
                          });
}

static void machine_look_at_state(struct world *w, struct machine *m)
{
    const struct kv *kv = node_kv(m->node);
    const uint64_t executed = kv_applied_slot(kv);

    if (executed == m->executed) return;
    observe_executed(w, m, m->executed + 1, executed);
    m->executed = executed;
    checker_on_state(&w->checker, m->self, executed, kv_state_hash(kv));
    /* Leaders add what their clocks show since they lead: these drift, by less
     * than a tenth, and jump. */
    checker_on_time(&w->checker, m->self, kv_state_time_ns(kv),
                    w->now_ns + w->now_ns / 10 + w->jumps_ns);
}

void machine_step(struct world *w, struct machine *m, struct event *ev)
{
    uint32_t crash = m->effects_left;

    ev->now_ns = machine_time(m, w->now_ns);
    w->steps++;
    node_step(m->node, ev, &w->effects);
    for (uint32_t i = 0; i < w->effects.count && !w->checker.failed; i++) {
        machine_carry_out(w, m, &w->effects.list[i]);
        if (crash && --crash == 0) {
            machine_crash(w, m, m->down_ns);
            return;
        }
    }
    m->effects_left = crash;
    if (w->checker.failed) return;
    if (m->ends) {
        machine_crash(w, m, world_is_calm(w) ? 1 : ENDED_NS);
        return;
    }
    machine_look_at_state(w, m);
    machine_set_tick(w, m);
    if (ev->type != EVENT_FLUSH) machine_set_flush(w, m);
}

static void machine_write(struct world *w, struct machine *m)
{
    uint64_t takes_ns = 0;
    const uint64_t number = disk_submit(&m->disk, &takes_ns);

    if (number == 0) return;
    queue_push(&w->queue, (struct due){
                              .at_ns = w->now_ns + takes_ns,
                              .type = DUE_WRITTEN,
                              .who = m->self,
                              .life = m->life,
                              .number = number,
                          });
}

/* The turn of a slow machine is not over with its flush: only after a while it
 * looks at what has come meanwhile. */
static void machine_on_flush(struct world *w, struct machine *m)
{
    m->flush_is_due = false;
    if (node_has_flush(m->node, machine_time(m, w->now_ns))) {
        machine_step(w, m, &(struct event){ .type = EVENT_FLUSH });
    }
    if (!m->node) return;
    machine_write(w, m);
    if (m->slow_ns == 0 || w->checker.failed) return;
    machine_stop(w, m, prng_range(&m->turn_random, 1, m->slow_ns));
}

/* A tick is a turn of its own.  A node may ask for another at once while work
 * is left over, but not for ever. */
static void machine_on_tick(struct world *w, struct machine *m,
                            const struct due *d)
{
    const uint64_t now_ns = machine_time(m, w->now_ns);

    if (d->at_ns != m->tick_ns) return; /* another was set since */
    m->tick_ns = NEVER_NS;
    if (node_deadline_ns(m->node) > now_ns) {
        machine_set_tick(w, m);
        return;
    }
    machine_step(w, m, &(struct event){ .type = EVENT_TICK });
    if (m->node && !w->checker.failed) machine_on_flush(w, m);
    if (!m->node || w->checker.failed) return;
    if (node_deadline_ns(m->node) > now_ns) {
        m->restless = 0;
    } else if (++m->restless > RESTLESS_MAX) {
        world_fail(w, "contract",
                   "node %u: tick after tick, and no deadline "
                   "in the future",
                   m->config.ids[m->self]);
    }
}

void machine_end_turn(struct world *w, struct machine *m)
{
    if (!m->node || !m->flush_is_due || w->checker.failed) return;
    if (w->plan->members.turn_ns == 0) machine_on_flush(w, m);
}

/* The process ends as the daemon does when its log fails, and is started again
 * after a while. */
static void machine_end_with_74(struct world *w, struct machine *m,
                                const char *why)
{
    observe_life(w, m, MARK_OTHER, "ENDS WITH 74: %s", why);
    machine_crash(w, m, prng_range(&m->random, NS_PER_MS, NS_PER_S));
}

static void machine_on_written(struct world *w, struct machine *m,
                               const struct due *d)
{
    uint32_t found;

    if (disk_fails(&m->disk)) {
        machine_end_with_74(w, m, "a write failed");
        return;
    }
    found = disk_on_written(&m->disk, d->number);
    if (found == 0) {
        machine_set_flush(w, m);
        return;
    }
    machine_is_durable(w, m, found);
    machine_step(w, m,
                 &(struct event){
                     .type = EVENT_DURABLE,
                     .seq = m->disk.records[m->disk.durable - 1].seq,
                 });
}

/* The records of one batch that are asked for; false: the machine is gone. */
static bool machine_read_batch(struct world *w, struct machine *m, uint32_t i,
                               const struct read_order *order, uint32_t *bytes)
{
    const struct disk_batch *b = &m->disk.batches[i];
    const uint32_t end = b->end;

    if (b->head.slot_high < order->first || b->head.slot_low > order->last) {
        return true;
    }
    if (!disk_read(&m->disk, i)) {
        machine_end_with_74(w, m, "its log is damaged");
        return false;
    }
    for (uint32_t k = b->first; k < end && *bytes < order->bytes_max; k++) {
        const struct disk_record *r = &m->disk.records[k];
        struct message record;

        if (r->slot < order->first || r->slot > order->last) continue;
        *bytes += r->packet->len;
        if (!packet_record(r->packet, &record)) continue;
        machine_step(w, m,
                     &(struct event){ .type = EVENT_RECORD,
                                      .tag = order->tag,
                                      .message = &record });
        if (!m->node || w->checker.failed) return false;
    }
    return true;
}

static void machine_on_read(struct world *w, struct machine *m,
                            const struct due *d)
{
    const uint32_t end = m->disk.landed;
    struct read_order order;
    uint32_t bytes = 0;

    memcpy(&order, d->packet->bytes, sizeof order);
    for (uint32_t i = 0; i < end && bytes < order.bytes_max; i++) {
        if (!machine_read_batch(w, m, i, &order, &bytes)) return;
    }
    machine_step(w, m,
                 &(struct event){ .type = EVENT_READ_DONE, .tag = order.tag });
}

static void machine_keep(struct machine *m, struct due d)
{
    const bool datagram = d.type == DUE_MESSAGE || d.type == DUE_REQUEST;

    if (datagram && m->inbox_count >= MACHINE_INBOX_MAX) {
        packet_unref(d.packet);
        return;
    }
    if (m->inbox_count == m->inbox_size) {
        m->inbox_size = m->inbox_size ? 2 * m->inbox_size : 64;
        m->inbox = realloc(m->inbox, m->inbox_size * sizeof *m->inbox);
        ASSERT(m->inbox);
    }
    m->inbox[m->inbox_count++] = d;
}

static void machine_handle(struct world *w, struct machine *m,
                           const struct due *d)
{
    switch (d->type) {
    case DUE_MESSAGE:
        machine_on_datagram(w, m, d);
        break;
    case DUE_REQUEST:
        machine_on_request(w, m, d);
        break;
    case DUE_TICK:
        machine_on_tick(w, m, d);
        break;
    case DUE_FLUSH:
        machine_on_flush(w, m);
        break;
    case DUE_WRITTEN:
        machine_on_written(w, m, d);
        break;
    case DUE_READ:
        machine_on_read(w, m, d);
        break;
    case DUE_GONE:
        machine_step(
            w, m, &(struct event){ .type = EVENT_PEER_GONE, .tag = d->number });
        break;
    case DUE_REPLAY:
        machine_on_replay(w, m, d);
        break;
    default:
        ASSERT(!"due at a machine");
    }
}

void machine_on_due(struct world *w, struct machine *m, struct due d)
{
    const bool datagram = d.type == DUE_MESSAGE || d.type == DUE_REQUEST;

    /* A datagram reaches whoever has the port; all else, who asked for it. */
    if (m->state == MACHINE_DOWN || (!datagram && d.life != m->life)) {
        packet_unref(d.packet);
        return;
    }
    if (m->state == MACHINE_PAUSED) {
        machine_keep(m, d);
        return;
    }
    machine_handle(w, m, &d);
    packet_unref(d.packet);
    machine_end_turn(w, m);
}

/* world.c - see world.h */
#include "sim/world.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/units.h"
#include "sim/faults.h"
#include "sim/observe.h"
#include "sim/rest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LOOK_NS     (10 * NS_PER_MS)
#define REMEMBER_NS (200 * NS_PER_MS)
#define REFUSE_NS   (5 * NS_PER_S)

struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    const size_t size = EFFECTS_MAX * sizeof *w->effects.list;

    ASSERT(w);
    w->effects.list = malloc(size);
    ASSERT(w->effects.list);
    return w;
}

void world_free(struct world *w)
{
    for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
        struct machine *m = &w->machines[i];

        if (m->memory) munmap(m->memory, m->memory_size);
    }
    opinion_free(&w->opinion);
    free(w->effects.list);
    free(w);
}

void world_digest_sum(struct world *w, uint32_t sum, size_t len)
{
    w->digest = hash_mix(w->digest ^ sum ^ (uint64_t)len << 32) + w->now_ns;
}

void world_digest(struct world *w, const void *bytes, size_t len)
{
    world_digest_sum(w, crc32c(0, bytes, len), len);
}

static struct packet *world_damaged(struct world *w, const struct packet *p)
{
    struct packet *copy = packet_new(p->bytes, p->len);

    network_flip(&w->network, copy->bytes, copy->len);
    copy->damaged = true;
    return copy;
}

void world_send(struct world *w, uint8_t from, uint8_t to, bool multicast,
                struct due due)
{
    const struct passage passage = {
        .now_ns = w->now_ns,
        .len = due.packet->len,
        .from = from,
        .to = to,
        .multicast = multicast,
    };
    const uint64_t lost = w->network.lost;
    struct packet *whole = due.packet;
    struct arrival arrivals[NETWORK_COPIES_MAX];
    const uint32_t count = network_route(&w->network, &passage, arrivals);

    due.by_group = multicast;
    if (usurp_cuts(w, from, to) || siege_cuts(w, from, to)) {
        w->network.cut_off++;
        observe_datagram(w, &passage, &due, NULL, 0, "cut off");
        return;
    }
    observe_datagram(w, &passage, &due, arrivals, count,
                     w->network.lost > lost ? "lost" : "cut off");
    for (uint32_t i = 0; i < count; i++) {
        due.at_ns = w->now_ns + arrivals[i].delay_ns + usurp_delay_ns(w, to);
        due.packet = arrivals[i].flipped ? world_damaged(w, whole)
                                         : packet_ref(whole);
        queue_push(&w->queue, due);
        if (!arrivals[i].foreign || due.type != DUE_MESSAGE) continue;
        due.packet = packet_of_cluster(whole, ~machine_cluster(w));
        queue_push(&w->queue, due);
    }
}

/* ---- a world begins and ends --------------------------------------------- */

/* Ascending ids with gaps between them. */
static void world_draw_ids(struct world *w, uint8_t *ids)
{
    uint32_t id = 0;

    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        if (w->plan->scripted) {
            ids[i] = (uint8_t)(i + 1);
            continue;
        }
        id += 1 + (uint32_t)(prng_below(&w->random, 4) == 0 ? 10 : 0);
        ids[i] = (uint8_t)id;
    }
}

static void world_push_starts(struct world *w)
{
    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        queue_push(&w->queue,
                   (struct due){
                       .at_ns = prng_below(&w->random, 100 * NS_PER_MS),
                       .type = DUE_RESTART,
                       .who = i,
                   });
    }
}

/* What comes of its own accord, where no script is followed. */
static void world_push(struct world *w)
{
    queue_push(&w->queue,
               (struct due){ .at_ns = w->plan->faults_ns, .type = DUE_CALM });
    queue_push(&w->queue, (struct due){ .at_ns = LOOK_NS, .type = DUE_LOOK });
    faults_begin(w);
}

void world_begin(struct world *w, const struct plan *plan, struct trace *trace)
{
    const uint32_t share = plan->clients.ops / plan->clients.count;
    const uint32_t extra = plan->clients.ops % plan->clients.count;
    uint8_t ids[MEMBERS_MAX];

    ASSERT(plan->nodes >= 1 && plan->nodes <= MEMBERS_MAX);
    ASSERT(plan->clients.count >= 1);
    ASSERT(plan->clients.count <= PLAN_CLIENTS_MAX);

    w->plan = plan;
    w->trace = trace;
    w->now_ns = 0;
    w->digest = 0;
    w->steps = 0;
    w->calm_ns = NEVER_NS;
    w->jumps_ns = 0;
    w->away = plan->nodes;
    w->rolled = NULL;
    w->rolled_ns = NEVER_NS;
    w->led = false;
    w->done = false;
    w->usurp = (struct usurp){ 0 };
    w->siege = (struct siege){ 0 };
    memset(w->faults, 0, sizeof w->faults);
    prng_init(&w->random, plan->seed ^ UINT64_C(0x776f726c64));
    for (uint32_t i = 0; i < FAULT_TIMED; i++) {
        prng_init(&w->fault_random[i], hash_mix(plan->seed) + i);
    }
    world_draw_ids(w, ids);
    trace_begin(trace, plan->nodes, ids);
    network_init(&w->network, &plan->network, plan->nodes,
                 prng_next(&w->random));
    checker_init(&w->checker, plan->nodes, ids, &plan->members.limits);
    manners_begin(&w->manners);
    opinion_begin(&w->opinion);
    for (uint8_t i = 0; i < plan->nodes; i++) machine_init(w, i, ids);
    if (!plan->scripted) world_push_starts(w);
    for (uint8_t i = 0; i < plan->clients.count; i++) {
        client_init(w, i, share + (i < extra));
    }
    if (!plan->scripted) world_push(w);
}

static void world_count_faults(const struct world *w, uint64_t *faults)
{
    const struct network *net = &w->network;

    memcpy(faults, w->faults, sizeof w->faults);
    faults[FAULT_LOST] = net->lost;
    faults[FAULT_GROUP_LOST] = net->group_lost;
    faults[FAULT_DOUBLED] = net->doubled;
    faults[FAULT_LATE] = net->late;
    faults[FAULT_FLIPPED] = net->flipped;
    faults[FAULT_FOREIGN] = net->foreign;
    faults[FAULT_CUT_OFF] = net->cut_off;
    faults[FAULT_TOO_LONG] = net->too_long;
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        const struct disk *d = &w->machines[i].disk;

        faults[FAULT_DRY] += machine_dry(&w->machines[i]);
        faults[FAULT_STALL] += d->stalls;
        faults[FAULT_ERROR] += d->errors;
        faults[FAULT_TORN] += d->torn;
        faults[FAULT_DAMAGE] += d->corrupt;
    }
}

static void world_count(struct world *w, struct world_result *r)
{
    *r = (struct world_result){
        .ok = !w->checker.failed,
        .digest = w->digest,
        .steps = w->steps,
        .virtual_ns = w->now_ns,
        .lost = w->network.lost,
        .cut_off = w->network.cut_off,
        .doubled = w->network.doubled,
        .late = w->network.late,
        .answers = w->checker.answers,
        .slots = w->checker.prefix,
        .led_ns = w->led ? w->led_ns - w->calm_ns : 0,
        .rest_ns = w->done ? w->now_ns - w->calm_ns : 0,
    };
    world_count_faults(w, r->faults);
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        r->records_lost += w->machines[i].disk.lost;
    }
    for (uint32_t i = 0; i < w->plan->clients.count; i++) {
        r->ended += w->clients[i].ended;
        r->unknown += w->clients[i].unknown;
        r->given_up += w->clients[i].given_up;
    }
    if (r->ok) return;
    snprintf(r->check, sizeof r->check, "%s", w->checker.failed);
    snprintf(r->text, sizeof r->text, "%s", w->checker.text);
}

void world_result_add(struct world_result *sum, const struct world_result *r)
{
    sum->steps += r->steps;
    sum->virtual_ns += r->virtual_ns;
    for (uint32_t i = 0; i < FAULT_TYPES; i++) sum->faults[i] += r->faults[i];
    sum->lost += r->lost;
    sum->cut_off += r->cut_off;
    sum->doubled += r->doubled;
    sum->late += r->late;
    sum->records_lost += r->records_lost;
    sum->answers += r->answers;
    sum->ended += r->ended;
    sum->unknown += r->unknown;
    sum->given_up += r->given_up;
    sum->keys += r->keys;
    sum->keys_open += r->keys_open;
    sum->slots += r->slots;
    sum->led_ns = max_u64(sum->led_ns, r->led_ns);
    sum->rest_ns = max_u64(sum->rest_ns, r->rest_ns);
}

/* The search for an order is short if it begins with that of the slots. */
static void world_hint(struct world *w, const struct client *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        const uint64_t order = model_order(&w->checker.model,
                                           &c->ops[i].command);

        if (order) opinion_hint(&w->opinion, c->ops[i].call, order);
    }
}

/* Without a word to the contrary so far, the clients' own history decides. */
static void world_judge(struct world *w, struct linear_result *opinion)
{
    *opinion = (struct linear_result){ 0 };
    if (w->checker.failed) return;
    for (uint32_t i = 0; i < w->plan->clients.count; i++) {
        world_hint(w, &w->clients[i]);
    }
    opinion_judge(&w->opinion, opinion);
    if (opinion->verdict != LINEAR_NO) return;
    world_fail(w, "linearizability", "%s", opinion->text);
}

void world_end(struct world *w, struct world_result *result)
{
    struct linear_result opinion;

    world_judge(w, &opinion);
    if (w->checker.failed) {
        trace_line(w->trace, w->now_ns, "network", 0, "CHECK FAILS: %s: %s",
                   w->checker.failed, w->checker.text);
    }
    world_count(w, result);
    result->keys = opinion.keys;
    result->keys_open = opinion.gave_up;
    opinion_end(&w->opinion);
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        machine_clear(&w->machines[i]);
    }
    for (uint32_t i = 0; i < w->plan->clients.count; i++) {
        client_clear(&w->clients[i]);
    }
    usurp_end(w);
    queue_clear(&w->queue);
    checker_clear(&w->checker);
}

/* ---- is all well again? -------------------------------------------------- */

static bool world_clients_are_done(const struct world *w)
{
    for (uint32_t i = 0; i < w->plan->clients.count; i++) {
        if (!client_is_done(&w->clients[i])) return false;
    }
    return true;
}

static bool world_is_led(const struct world *w)
{
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        struct node_status s;

        if (w->machines[i].state != MACHINE_UP) continue;
        node_status(w->machines[i].node, &s);
        if (s.serving && s.confirmed) return true;
    }
    return false;
}

/* Who is not lost has executed everything; equal states are checked elsewhere.
 */
static bool world_is_alike(const struct world *w)
{
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        if (w->machines[i].broken) continue;
        if (w->machines[i].state != MACHINE_UP) return false;
        if (w->machines[i].executed != w->checker.prefix) return false;
    }
    return true;
}

static void world_calm(struct world *w)
{
    if (world_is_calm(w)) return;
    w->calm_ns = w->now_ns;
    faults_end(w);
    for (uint32_t i = 0; i < w->plan->clients.count; i++) {
        if (!w->checker.failed) client_on_calm(w, &w->clients[i]);
    }
}

/* Who is how far, where the world is stuck. */
static void world_fail_stuck(struct world *w, const char *what)
{
    char text[200] = "";
    uint32_t asking = 0;

    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        const struct machine *m = &w->machines[i];
        const size_t len = strlen(text);

        snprintf(text + len, sizeof text - len, " %u:%" PRIu64,
                 m->config.ids[i], m->executed);
    }
    for (uint32_t i = 0; i < w->plan->clients.count; i++) {
        asking += w->clients[i].active_count;
    }
    world_fail(w, "liveness",
               "%s; %u operations wait, slots up to %" PRIu64
               " are chosen, executed are%s",
               what, asking, w->checker.prefix, text);
}

static bool world_has_rot(const struct world *w)
{
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        if (w->machines[i].rotten) return true;
    }
    return false;
}

/* Does a disk still work on what a member has to say? */
static bool world_is_writing(const struct world *w)
{
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        const struct disk *d = &w->machines[i].disk;

        if (d->durable < d->count) return true;
    }
    return false;
}

/* At rest, and after everybody has heard how far the others had voted: a vote
 * that was never told may be lost with a disk. */
static void world_roll_back(struct world *w)
{
    struct machine *m = &w->machines[prng_below(&w->random, w->plan->nodes)];

    if (w->plan->nodes == 1) return; /* nobody would know */
    if (world_has_rot(w)) return;    /* and here the one who knows is gone */
    w->done = false;
    if (w->rolled_ns == NEVER_NS || world_is_writing(w))
        w->rolled_ns = w->now_ns + REMEMBER_NS;
    if (w->now_ns < w->rolled_ns) return;
    w->rolled_ns = w->now_ns;
    if (machine_roll_back(w, m)) w->rolled = m;
    w->done = !w->rolled;
}

static void world_look_at_rolled(struct world *w)
{
    w->done = w->rolled->refused;
    if (w->done || w->now_ns - w->rolled_ns < REFUSE_NS) return;
    world_fail(w, "identity", "node %u has an old disk, and nobody minds",
               w->rolled->config.ids[w->rolled->self]);
}

/* All is done, known to all, and nothing is kept that nobody needs. */
static bool world_is_at_rest(const struct world *w)
{
    return w->led && world_clients_are_done(w) && world_is_alike(w) &&
           !rest_restless(w);
}

static void world_fail_unfinished(struct world *w)
{
    const struct machine *restless = rest_restless(w);

    if (restless && w->led && world_clients_are_done(w) && world_is_alike(w)) {
        rest_fail(w, restless);
    } else {
        world_fail_stuck(w, "it does not come to rest");
    }
}

static void world_look(struct world *w)
{
    const bool clients_done = world_clients_are_done(w);
    const uint64_t since_ns = world_is_calm(w) ? w->now_ns - w->calm_ns : 0;

    queue_push(&w->queue,
               (struct due){ .at_ns = w->now_ns + LOOK_NS, .type = DUE_LOOK });
    rest_look(w);
    if (clients_done) {
        w->away = w->plan->nodes;
        world_calm(w);
        faults_return(w);
    }
    if (!world_is_calm(w) || w->checker.failed) return;
    if (siege_look(w, clients_done)) return;
    if (!w->led && world_is_led(w)) {
        w->led = true;
        w->led_ns = w->now_ns;
    }
    if (w->rolled) {
        world_look_at_rolled(w);
        return;
    }
    w->done = world_is_at_rest(w);
    if (w->done && w->plan->rollback) world_roll_back(w);
    if (!w->led && since_ns > w->plan->leader_ns) {
        world_fail_stuck(w, "no leader serves");
    } else if (!w->done && since_ns > w->plan->bound_ns) {
        world_fail_unfinished(w);
    }
}

/* ---- the loop ------------------------------------------------------------ */

/* A group comes up for the first time only with nearly all of its members
 * (M2): nobody goes for long before all were there at once. */
static void world_send_away(struct world *w, struct machine *m)
{
    if (world_is_calm(w)) return;
    for (uint32_t i = 0; i < w->plan->nodes; i++) {
        struct node_status s = { 0 };

        if (w->machines[i].node) node_status(w->machines[i].node, &s);
        if (s.admitted) continue;
        queue_push(&w->queue, (struct due){ .at_ns = w->now_ns + LOOK_NS,
                                            .type = DUE_AWAY,
                                            .who = m->self });
        return;
    }
    w->away = m->self;
    machine_crash(w, m, 0);
}

static void world_on_machine(struct world *w, const struct due *d)
{
    struct machine *m = &w->machines[d->who];

    switch (d->type) {
    case DUE_RESTART:
        if (d->life != m->life || d->who == w->away || m->broken) break;
        if (siege_keeps(w, d->who)) break;
        if (m->state == MACHINE_DOWN) machine_start(w, m);
        break;
    case DUE_SMOOTH:
        if (d->life == m->life) m->disk.slow_ns = 0;
        break;
    case DUE_AWAY:
        world_send_away(w, m);
        break;
    case DUE_RESUME:
        if (d->number == m->pauses) machine_resume(w, m);
        break;
    case DUE_QUICK:
        if (d->life == m->life) machine_slow(w, m, 0);
        break;
    case DUE_ROOM:
        if (d->life == m->life) machine_fill(w, m, false);
        break;
    case DUE_END:
        if (m->state != MACHINE_DOWN && d->life == m->life) {
            machine_crash(w, m, world_is_calm(w) ? 1 : m->down_ns);
        }
        break;
    default:
        machine_on_due(w, m, *d);
        break;
    }
}

static void world_on_due(struct world *w, const struct due *d)
{
    switch ((enum due_type)d->type) {
    case DUE_MESSAGE:
    case DUE_REQUEST:
    case DUE_TICK:
    case DUE_FLUSH:
    case DUE_WRITTEN:
    case DUE_READ:
    case DUE_GONE:
    case DUE_REPLAY:
    case DUE_RESTART:
    case DUE_RESUME:
    case DUE_QUICK:
    case DUE_SMOOTH:
    case DUE_AWAY:
    case DUE_ROOM:
    case DUE_END:
        world_on_machine(w, d);
        break;
    case DUE_REPLY:
        client_on_reply(w, &w->clients[d->who], d->from, d->number, d->packet);
        packet_unref(d->packet);
        break;
    case DUE_CLIENT:
        if (d->at_ns == w->clients[d->who].wake_ns) {
            client_on_timer(w, &w->clients[d->who]);
        }
        break;
    case DUE_FAULT:
        faults_on_due(w, (enum fault_type)d->number);
        break;
    case DUE_USURP:
        usurp_on_due(w);
        break;
    case DUE_HEAL:
        if (d->number == w->network.partition) {
            trace_line(w->trace, w->now_ns, "network", 0, "MENDED");
        }
        network_heal(&w->network, d->number);
        break;
    case DUE_CALM:
        world_calm(w);
        break;
    case DUE_LOOK:
        world_look(w);
        break;
    }
}

uint64_t world_next_ns(const struct world *w)
{
    return w->queue.count ? w->queue.heap[0].at_ns : NEVER_NS;
}

bool world_next(struct world *w)
{
    struct due d;

    if (w->checker.failed || !queue_pop(&w->queue, &d)) return false;
    ASSERT(d.at_ns >= w->now_ns);
    w->now_ns = d.at_ns;
    world_on_due(w, &d);
    return true;
}

void world_run(struct world *w, const struct plan *plan, struct trace *trace,
               struct world_result *result)
{
    world_begin(w, plan, trace);
    while (!w->done && world_next(w)) {
    }
    world_end(w, result);
}

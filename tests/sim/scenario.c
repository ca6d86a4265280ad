/* scenario.c - see scenario.h: the layer that scripts are written in. */
#include "sim/scenario.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/diagram.h"
#include "sim/inside.h"
#include "sim/words.h"

#include <stdarg.h>
#include <stdio.h>

static struct machine *script_machine(const struct script *s, uint8_t id)
{
    ASSERT(id >= 1 && id <= s->plan.nodes);

    return &s->w->machines[id - 1];
}

/* ---- telling ------------------------------------------------------------- */

void script_say(struct script *s, const char *format, ...)
{
    const struct sight sight = {
        .at_ns = s->w->now_ns,
        .mark = MARK_STORY,
        .place = PLACE_STORY,
    };
    char text[SCENARIO_TEXT_MAX];
    va_list args;

    if (s->failed) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trace_tell(s->trace, &sight, text, "%s", text);
}

void script_curtain(struct script *s)
{
    trace_unmute(s->trace, s->w->now_ns);
}

static void script_network(struct script *s, const char *what, uint8_t a,
                           uint8_t b)
{
    const struct sight sight = {
        .at_ns = s->w->now_ns,
        .mark = MARK_NETWORK,
        .place = PLACE_NETWORK,
    };

    trace_tell(s->trace, &sight, NULL, "%s %u - %u", what, a, b);
}

/* ---- what befalls the world ---------------------------------------------- */

void script_start(struct script *s, uint8_t id)
{
    if (s->failed) return;
    machine_start(s->w, script_machine(s, id));
}

void script_start_all(struct script *s)
{
    for (uint8_t id = 1; id <= s->plan.nodes; id++) script_start(s, id);
}

void script_prefer(struct script *s, uint8_t id)
{
    script_machine(s, id)->config.priority = 9;
}

void script_kill(struct script *s, uint8_t id)
{
    if (s->failed) return;
    machine_crash(s->w, script_machine(s, id), NEVER_NS - s->w->now_ns);
}

void script_kill_role(struct script *s, uint8_t id, enum role role)
{
    if (s->failed) return;
    machine_kill_roles(s->w, script_machine(s, id), 1u << role);
}

static void script_link(struct script *s, uint8_t a, uint8_t b, bool cut)
{
    network_set_link(&s->w->network, (uint8_t)(a - 1), (uint8_t)(b - 1), cut);
    network_set_link(&s->w->network, (uint8_t)(b - 1), (uint8_t)(a - 1), cut);
}

void script_cut(struct script *s, uint8_t a, uint8_t b)
{
    if (s->failed) return;
    script_link(s, a, b, true);
    script_network(s, "CUTS the link", a, b);
}

void script_mend(struct script *s, uint8_t a, uint8_t b)
{
    if (s->failed) return;
    script_link(s, a, b, false);
    script_network(s, "MENDS the link", a, b);
}

void script_slow(struct script *s, uint8_t from, uint8_t to, uint64_t us)
{
    struct link *link = &s->w->network.links[from - 1][to - 1];

    link->delay_ns = s->plan.network.delay_ns + us * NS_PER_US;
}

void script_isolate(struct script *s, uint8_t id)
{
    for (uint8_t other = 1; other <= s->plan.nodes; other++) {
        if (other != id) script_cut(s, id, other);
    }
}

void script_mend_all(struct script *s)
{
    const struct sight sight = {
        .at_ns = s->w->now_ns,
        .mark = MARK_NETWORK,
        .place = PLACE_NETWORK,
    };

    if (s->failed) return;
    for (uint8_t a = 1; a <= s->plan.nodes; a++) {
        for (uint8_t b = 1; b < a; b++) script_link(s, a, b, false);
    }
    trace_tell(s->trace, &sight, NULL, "MENDS all links");
}

void script_nominate(struct script *s, uint8_t id)
{
    const uint8_t from = id == 1 ? 1 : 0;
    const struct machine *other = &s->w->machines[from];
    struct machine *m = script_machine(s, id);
    struct message nominate = { .type = MESSAGE_NOMINATE, .from = from };

    if (s->failed) return;
    nominate.incarnation = node_incarnation(other->node);
    nominate.process = other->config.process;
    nominate.token = (struct token){
        .attempt = (UINT64_C(1) << 40) + ++s->nominations,
        .initiator = from,
        .round = script_status(s, id).promised.round + 1,
        .best = m->self,
    };
    machine_step(
        s->w, m,
        &(struct event){ .type = EVENT_MESSAGE, .message = &nominate });
    machine_fill(s->w, m, false); /* and its turn ends */
}

void script_stand(struct script *s, uint8_t id)
{
    struct machine *m = script_machine(s, id);

    if (s->failed) return;
    inside_stand(m->node);
    machine_fill(s->w, m, false); /* a step, and nothing else */
}

/* ---- clients ------------------------------------------------------------- */

static void script_ask(struct script *s, uint8_t client, uint8_t id,
                       const struct command *c)
{
    if (s->failed) return;
    client_order(s->w, &s->w->clients[client], c, (uint8_t)(id - 1));
}

void script_open(struct script *s, uint8_t client, uint8_t id)
{
    script_ask(s, client, id, &(struct command){ .op = COMMAND_OPEN });
}

void script_put(struct script *s, uint8_t client, uint8_t id, const char *key,
                const char *value)
{
    script_ask(s, client, id,
               &(struct command){
                   .op = COMMAND_PUT,
                   .key = bytes_of(key, (uint32_t)strlen(key)),
                   .value = bytes_of(value, (uint32_t)strlen(value)),
               });
}

void script_get(struct script *s, uint8_t client, uint8_t id, const char *key)
{
    script_ask(s, client, id,
               &(struct command){
                   .op = COMMAND_GET,
                   .key = bytes_of(key, (uint32_t)strlen(key)),
               });
}

void script_turn(struct script *s, uint8_t client, uint8_t id)
{
    s->w->clients[client].favourite = (uint8_t)(id - 1);
}

/* ---- time ---------------------------------------------------------------- */

static void script_fail(struct script *s, const char *what)
{
    if (s->failed) return;
    s->failed = true;
    snprintf(s->text, sizeof s->text, "at %.3f ms: not so: %s",
             (double)(s->w->now_ns - s->trace->zero_ns) / NS_PER_MS, what);
    trace_line(s->trace, s->w->now_ns, "network", 0, "NOT SO: %s", what);
}

/* The next thing due before end_ns happens; false: there is none. */
static bool script_step(struct script *s, uint64_t end_ns)
{
    if (world_next_ns(s->w) > end_ns) return false;
    if (world_next(s->w)) return true;
    s->failed = true;
    snprintf(s->text, sizeof s->text, "check: %s: %.120s", s->w->checker.failed,
             s->w->checker.text);
    return false;
}

void script_run(struct script *s, uint64_t us)
{
    const uint64_t end_ns = s->w->now_ns + us * NS_PER_US;

    while (!s->failed && script_step(s, end_ns)) {
    }
    if (!s->failed) s->w->now_ns = end_ns;
}

void script_until(struct script *s,
                  bool (*is_so)(const struct script *s, uint64_t arg),
                  uint64_t arg, uint64_t ms, const char *what)
{
    const uint64_t end_ns = s->w->now_ns + ms * NS_PER_MS;

    while (!s->failed && !is_so(s, arg)) {
        if (!script_step(s, end_ns)) script_fail(s, what);
    }
}

uint8_t script_until_led(struct script *s, uint64_t ms)
{
    script_until(s, script_is_led, 0, ms, "a leader serves in time");
    return s->failed ? 1 : script_leader(s);
}

void script_until_answered(struct script *s, uint8_t client, uint64_t ms)
{
    script_until(s, script_is_idle, client, ms, "the client has its answer");
}

/* ---- what is so ---------------------------------------------------------- */

struct node_status script_status(const struct script *s, uint8_t id)
{
    const struct machine *m = script_machine(s, id);
    struct node_status status = { 0 };

    if (m->node) node_status(m->node, &status);
    return status;
}

bool script_admitted(const struct script *s, uint64_t ignored)
{
    (void)ignored;
    for (uint8_t id = 1; id <= s->plan.nodes; id++) {
        const struct node_status status = script_status(s, id);

        if (!status.admitted) return false;
        if (__builtin_popcount(status.heard) < s->plan.nodes) return false;
    }
    return true;
}

bool script_serves(const struct script *s, uint64_t id)
{
    const struct node_status status = script_status(s, (uint8_t)id);

    return status.serving && status.confirmed;
}

uint8_t script_leader(const struct script *s)
{
    for (uint8_t id = 1; id <= s->plan.nodes; id++) {
        if (script_serves(s, id)) return id;
    }
    return 0;
}

bool script_is_led(const struct script *s, uint64_t ignored)
{
    (void)ignored;
    return script_leader(s) != 0;
}

bool script_is_idle(const struct script *s, uint64_t client)
{
    return s->w->clients[client].active_count == 0;
}

bool script_has_executed(const struct script *s, uint64_t id_and_slot)
{
    return script_machine(s, (uint8_t)id_and_slot)->executed >= id_and_slot >>
           8;
}

bool script_all_executed(const struct script *s, uint64_t slot)
{
    for (uint8_t id = 1; id <= s->plan.nodes; id++) {
        if (script_machine(s, id)->state != MACHINE_UP) continue;
        if (!script_has_executed(s, script_pair(id, slot))) return false;
    }
    return true;
}

uint64_t script_next_slot(const struct script *s, uint8_t id)
{
    return script_machine(s, id)->executed + 1;
}

void script_expect(struct script *s, bool is_so, const char *what)
{
    if (!is_so) script_fail(s, what);
}

/* What was chosen in slot, or NULL. */
static const struct proposal *script_chosen(const struct script *s,
                                            uint64_t slot)
{
    const struct checker *c = &s->w->checker;

    if (s->failed || !checker_has_chosen(c, slot)) return NULL;
    return &c->slots[slot].list[c->slots[slot].by];
}

bool script_slot_is(const struct script *s, uint64_t slot, const char *words)
{
    const struct proposal *p = script_chosen(s, slot);
    struct words text = { 0 };

    if (!p) return false;
    words_value(&text, (struct value){ .bytes = p->bytes, .len = p->len });
    return strcmp(text.text, words) == 0;
}

uint32_t script_votes(const struct script *s, uint64_t slot)
{
    const struct proposal *p = script_chosen(s, slot);

    return p ? (uint32_t)__builtin_popcount(p->durable) : 0;
}

/* ---- playing ------------------------------------------------------------- */

static void script_plan(struct plan *p, uint8_t nodes)
{
    *p = (struct plan){
        .seed = 1,
        .scripted = true,
        .nodes = nodes,
        .network = { .delay_ns = NS_PER_MS, .mtu = 9000 },
        .disk = { .latency_ns = 300 * NS_PER_US, .in_flight = 4 },
        .clients = {
            .count = 4,
            .pipeline = 1,
            .retry_ns = NS_PER_S,
            .patience_ns = 600 * NS_PER_S,
            .fence_ns = 600 * NS_PER_S,
            .keys = 1,
            .value_max = 8,
        },
        .members = {
            .heartbeat_ns = 20 * NS_PER_MS,
            .noop_interval_ns = NS_PER_S,
            .rto_min_ns = 8 * NS_PER_MS,
            .rto_max_ns = 200 * NS_PER_MS,
            .batch_bytes = 1400,
            .window_slots = 64,
            .pool_order = 20,
            .small_pool_order = 20,
            .limits = {
                .store_max_bytes = MIB,
                .session_period_ns = 60 * NS_PER_S,
                .sessions_max = 64,
            },
        },
    };
}

const struct scenario *scenario_find(const char *name)
{
    for (const struct scenario *sc = scenarios; sc->name; sc++) {
        if (strcmp(sc->name, name) == 0) return sc;
    }
    return NULL;
}

bool scenario_play(const struct scenario *sc, struct trace *trace,
                   struct world_result *result, char *text, size_t size)
{
    struct script s = { .w = world_new(), .trace = trace };

    script_plan(&s.plan, sc->nodes);
    trace->muted = true;
    world_begin(s.w, &s.plan, trace);
    for (uint8_t i = 0; i < sc->nodes; i++)
        s.w->machines[i].config.priority = 0;
    sc->play(&s);
    if (s.w->checker.failed && !s.failed) {
        s.failed = true;
        snprintf(s.text, sizeof s.text, "check: %s", s.w->checker.failed);
    }
    world_end(s.w, result);
    world_free(s.w);
    snprintf(text, size, "%s", s.text);
    return !s.failed;
}

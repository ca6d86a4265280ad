/* client.c - see client.h */
#include "sim/client_private.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/words.h"
#include "sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t op_cookie(const struct client *c, uint32_t i)
{
    return (uint64_t)(c->self + 1u) << 32 | i;
}

void client_init(struct world *w, uint8_t self, uint32_t ops)
{
    struct client *c = &w->clients[self];

    *c = (struct client){ .self = self, .left = ops };
    prng_init(&c->random, w->plan->seed * 1024 + 512 + self);
    c->favourite = (uint8_t)client_draw(c, w->plan->nodes);
    if (w->plan->clients.library &&
        client_draw(c, 100) < w->plan->clients.library) {
        library_new(w, c);
    }
    c->next_ns = 1 + client_draw(c, w->plan->clients.think_ns + 1);
    c->wake_ns = c->next_ns;
    queue_push(
        &w->queue,
        (struct due){ .at_ns = c->wake_ns, .type = DUE_CLIENT, .who = self });
}

void client_clear(struct client *c)
{
    for (uint32_t i = 0; i < c->count; i++) packet_unref(c->ops[i].bytes);
    for (uint32_t i = 0; i < PLAN_KEYS_MAX; i++) packet_unref(c->seen[i]);
    library_free(c);
    free(c->ops);
    *c = (struct client){ 0 };
}

static bool op_command(const struct op *o, uint8_t op, struct command *c)
{
    *c = o->command;
    if (op == c->op) return true;
    if (op != COMMAND_FENCE || !op_has_seq(o)) return false;
    *c = (struct command){
        .op = COMMAND_FENCE,
        .session = o->command.session,
        .seq = o->command.seq,
        .acked_upto = o->command.acked_upto,
    };
    return true;
}

bool client_command(const struct world *w, const struct reply *r,
                    struct command *c, uint64_t *began)
{
    const uint64_t self = r->to.port - PORT_FIRST;
    const uint32_t i = (uint32_t)r->cookie;
    const struct client *client;
    const struct op *o;

    if (r->to.family != 4 || r->to.port < PORT_FIRST) return false;
    if (self >= w->plan->clients.count) return false;
    client = &w->clients[self];
    if (client->library) {
        o = library_op(client, r->cookie, r->seq);
        if (!o) return false;
    } else {
        if (r->cookie >> 32 != self + 1 || i >= client->count) return false;
        o = &client->ops[i];
    }
    *began = o->began;
    return op_command(o, r->op, c);
}

/* ---- asking -------------------------------------------------------------- */

/* Every seq up to this one is done with, as far as this client cares. */
static uint64_t client_acked(const struct client *c)
{
    uint64_t acked = c->seq;

    for (uint32_t i = 0; i < c->active_count; i++) {
        const struct op *o = &c->ops[c->active[i]];

        if (op_has_seq(o)) acked = min_u64(acked, o->command.seq - 1);
    }
    return acked;
}

void client_tell(const struct world *w, const struct client *c,
                 enum trace_mark mark, const char *rule, const char *label,
                 const char *text)
{
    trace_tell(w->trace,
               &(struct sight){ .at_ns = w->now_ns,
                                .mark = mark,
                                .place = (uint8_t)(PLACE_CLIENT + c->self),
                                .rule = rule },
               label, "%s", text);
}

void client_tell_asked(const struct world *w, const struct client *c,
                       const struct op *o, const struct command *cmd,
                       uint8_t to)
{
    struct words text = { 0 };
    struct words label = { 0 };

    if (!trace_is_on(w->trace)) return;
    words_command(&label, cmd);
    words_add(&text, "asks node %u%s: %s", w->machines[to].config.ids[to],
              o->attempts > 1 ? " again" : "", label.text);
    if (cmd->session.slot && cmd->seq) {
        words_add(&text, " (seq %" PRIu64 ")", cmd->seq);
    }
    client_tell(w, c, MARK_ASKS,
                cmd->op == COMMAND_FENCE  ? "P32"
                : cmd->op == COMMAND_OPEN ? "P29"
                                          : "P30",
                label.text, text.text);
}

static void client_tell_answer(const struct world *w, const struct client *c,
                               const struct command *cmd, uint8_t from,
                               const struct reply *r)
{
    struct words text = { 0 };
    struct words label = { 0 };

    if (!trace_is_on(w->trace)) return;
    words_add(&label, "%s", words_status(r->status));
    if (r->op == COMMAND_GET && r->status == REPLY_OK) {
        words_add(&label, " ");
        words_bytes(&label, r->value);
    }
    words_add(&text,
              "is told by node %u: ", w->machines[from].config.ids[from]);
    words_command(&text, cmd);
    words_add(&text, ": %s", label.text);
    if (r->slot) words_add(&text, ", slot %" PRIu64, r->slot);
    client_tell(w, c, MARK_TOLD, command_is_read(r->op) ? "P26" : "P30",
                label.text, text.text);
}

static void client_send(struct world *w, struct client *c, uint32_t i,
                        uint8_t to)
{
    struct op *o = &c->ops[i];
    uint8_t bytes[COMMAND_HEAD + COMMAND_BYTES_MAX];
    struct writer wr = writer_of(bytes, sizeof bytes);
    struct command command;
    struct due d = {
        .type = DUE_REQUEST,
        .who = to,
        .from = c->self,
        .number = op_cookie(c, i),
    };

    if (op_has_seq(o)) o->command.acked_upto = client_acked(c);
    op_command(o, o->state == OP_FENCED ? COMMAND_FENCE : o->command.op,
               &command);
    command_encode(&command, &wr);
    ASSERT(writer_ok(&wr));
    client_tell_asked(w, c, o, &command, to);
    d.packet = packet_new(bytes, (uint32_t)writer_len(&wr));
    world_send(w, NETWORK_CLIENT, to, false, d);
    packet_unref(d.packet);
}

/* Ask the favourite first, then anybody, now and then two at once. */
static void client_ask(struct world *w, struct client *c, uint32_t i)
{
    struct op *o = &c->ops[i];
    const uint64_t shift = world_is_calm(w) ? 0 : min_u64(o->attempts, 4);
    const uint64_t wait_ns = w->plan->clients.retry_ns << shift;
    uint8_t to = (uint8_t)client_draw(c, w->plan->nodes);

    if (w->plan->scripted || (o->attempts == 0 && client_draw(c, 4) > 0))
        to = c->favourite;
    if (o->attempts > 0 && o->attempts % 8 == 0) c->favourite = to;
    to = usurp_asked(w, c->self, to);
    o->attempts++;
    o->retry_ns = w->now_ns + wait_ns + client_draw(c, wait_ns + 1);
    client_send(w, c, i, to);
    if (client_draw(c, 16) == 0 && !w->plan->scripted) {
        client_send(w, c, i, (uint8_t)client_draw(c, w->plan->nodes));
    }
}

void client_wake(struct world *w, struct client *c, uint64_t at_ns)
{
    const uint64_t next_ns = max_u64(at_ns, w->now_ns + 1);

    if (c->wake_ns > w->now_ns && c->wake_ns <= next_ns) return;
    c->wake_ns = next_ns;
    queue_push(
        &w->queue,
        (struct due){ .at_ns = next_ns, .type = DUE_CLIENT, .who = c->self });
}

struct op *client_op(struct client *c)
{
    if (c->count == c->size) {
        c->size = c->size ? 2 * c->size : 64;
        c->ops = realloc(c->ops, c->size * sizeof *c->ops);
        ASSERT(c->ops);
    }
    c->ops[c->count] = (struct op){ .state = OP_ASKED };
    return &c->ops[c->count++];
}

/* The op last made is asked for the first time. */
static void client_begin(struct world *w, struct client *c)
{
    struct op *o = &c->ops[c->count - 1];
    struct command *cmd = &o->command;

    cmd->session = c->session;
    if (op_has_seq(o)) cmd->seq = ++c->seq;
    client_called(w, c, c->count - 1);
    o->patience_ns = w->now_ns + w->plan->clients.patience_ns;
    client_ask(w, c, c->count - 1);
}

/* ---- what is asked ------------------------------------------------------- */

static void client_open(struct world *w, struct client *c)
{
    struct op *o = client_op(c);
    uint8_t nonce[COMMAND_NONCE];

    store64(nonce, prng_next(&c->random));
    store64(nonce + 8, prng_next(&c->random));
    c->session = (struct session_id){ 0 };
    c->seq = 0;
    o->command.op = COMMAND_OPEN;
    o->command.value = bytes_of(nonce, sizeof nonce);
    op_keep(o);
    client_begin(w, c);
}

static void client_begin_one(struct world *w, struct client *c)
{
    struct op *o = client_op(c);
    struct command *cmd = &o->command;

    client_choose(w, c, o);
    if (client_draw(c, 64) == 0) {
        *cmd = (struct command){ .op = COMMAND_KEEPALIVE };
    } else if (client_draw(c, 128) == 0 && c->active_count == 0) {
        *cmd = (struct command){ .op = COMMAND_CLOSE };
    }
    c->left--;
    client_begin(w, c);
}

/* ---- ends ---------------------------------------------------------------- */

void client_end(struct client *c, uint32_t i, enum op_state how)
{
    for (uint32_t a = 0; a < c->active_count; a++) {
        if (c->active[a] != i) continue;
        c->active[a] = c->active[--c->active_count];
        break;
    }
    c->ops[i].state = how;
    if (how == OP_ENDED) c->ended++;
    if (how == OP_UNKNOWN) c->unknown++;
    if (how == OP_GIVEN_UP) c->given_up++;
}

void client_forget(struct world *w, struct client *c)
{
    while (c->active_count) {
        const uint32_t i = c->active[0];

        client_end(c, i, op_is_write(&c->ops[i]) ? OP_UNKNOWN : OP_GIVEN_UP);
    }
    c->session = (struct session_id){ 0 };
    if (c->library) library_forget(w, c);
    client_tell(w, c, MARK_OTHER, "P29", "no session", "has no session");
    client_wake(w, c, w->now_ns);
}

/* The faults are over: what was asked in vain is asked again soon. */
void client_on_calm(struct world *w, struct client *c)
{
    const uint64_t soon_ns = w->now_ns + w->plan->clients.retry_ns;

    for (uint32_t a = 0; a < c->active_count && !c->library; a++) {
        struct op *o = &c->ops[c->active[a]];

        o->retry_ns = min_u64(o->retry_ns, soon_ns);
    }
    client_on_timer(w, c);
}

/* Patience is over: a read ends, a write is fenced, a fence ends too. */
static void client_lose_patience(struct world *w, struct client *c, uint32_t i)
{
    struct op *o = &c->ops[i];

    if (o->command.op == COMMAND_OPEN) return;
    if (!op_is_write(o)) {
        client_end(c, i, OP_GIVEN_UP);
        return;
    }
    if (o->state == OP_FENCED || !op_has_seq(o)) {
        client_tell(w, c, MARK_TOLD, "P32", "unknown",
                    "does not know whether it was done");
        client_end(c, i, OP_UNKNOWN);
        return;
    }
    o->state = OP_FENCED;
    o->attempts = 0;
    o->retry_ns = w->now_ns;
    o->patience_ns = w->now_ns + w->plan->clients.fence_ns;
}

static void client_look_after(struct world *w, struct client *c, uint32_t i)
{
    if (c->ops[i].patience_ns <= w->now_ns) client_lose_patience(w, c, i);
    if (c->ops[i].state > OP_FENCED) return;
    if (c->ops[i].retry_ns <= w->now_ns) client_ask(w, c, i);
}

static bool client_may_begin(const struct world *w, const struct client *c)
{
    return c->session.slot && c->left &&
           c->active_count < w->plan->clients.pipeline &&
           c->seq - client_acked(c) < SESSION_WINDOW;
}

static uint64_t client_next(const struct world *w, const struct client *c)
{
    uint64_t next_ns = NEVER_NS;

    for (uint32_t a = 0; a < c->active_count; a++) {
        const struct op *o = &c->ops[c->active[a]];

        next_ns = min_u64(next_ns, o->retry_ns);
        if (o->command.op != COMMAND_OPEN) {
            next_ns = min_u64(next_ns, o->patience_ns);
        }
    }
    if (client_may_begin(w, c)) next_ns = min_u64(next_ns, c->next_ns);
    return next_ns;
}

static void client_go_on(struct world *w, struct client *c)
{
    const uint64_t think_ns = world_is_calm(w) ? NS_PER_MS
                                               : w->plan->clients.think_ns;
    uint64_t next_ns;

    if (!c->session.slot && c->left && c->active_count == 0) client_open(w, c);
    while (c->next_ns <= w->now_ns && client_may_begin(w, c)) {
        c->next_ns = w->now_ns + client_draw(c, think_ns + 1);
        client_begin_one(w, c);
    }
    next_ns = client_next(w, c);
    if (next_ns != NEVER_NS) client_wake(w, c, next_ns);
}

void client_order(struct world *w, struct client *c, const struct command *cmd,
                  uint8_t to)
{
    c->favourite = to;
    if (cmd->op == COMMAND_OPEN) {
        client_open(w, c);
    } else {
        struct op *o = client_op(c);

        o->command = *cmd;
        op_keep(o);
        client_begin(w, c);
    }
    client_wake(w, c, client_next(w, c));
}

void client_on_timer(struct world *w, struct client *c)
{
    if (c->library) {
        library_on_timer(w, c);
        return;
    }
    for (uint32_t a = c->active_count; a > 0; a--) {
        if (a <= c->active_count) client_look_after(w, c, c->active[a - 1]);
    }
    if (world_is_calm(w)) c->next_ns = min_u64(c->next_ns, w->now_ns);
    client_go_on(w, c);
}

/* ---- answers ------------------------------------------------------------- */

/* Learn what the value of a key was. */
static void client_see(struct client *c, const struct op *o,
                       const struct reply *r)
{
    const struct command *cmd = &o->command;
    const bool told = cmd->op == COMMAND_GET || r->status == REPLY_MISMATCH;
    struct bytes value = told ? r->value : cmd->value;
    struct packet **seen;
    uint32_t key = 0;

    if (cmd->key.len < 2 || cmd->key.at[0] != 'k') return;
    if (r->status != REPLY_OK && r->status != REPLY_MISMATCH) return;
    if (!told && cmd->op != COMMAND_PUT && cmd->op != COMMAND_CAS) return;
    for (uint32_t i = 1; i < cmd->key.len; i++) {
        key = 10 * key + (uint32_t)(cmd->key.at[i] - '0');
    }
    seen = &c->seen[key % PLAN_KEYS_MAX];
    packet_unref(*seen);
    *seen = packet_new(value.at, value.len);
}

void client_called(struct world *w, struct client *c, uint32_t i)
{
    struct op *o = &c->ops[i];

    ASSERT(c->active_count < CLIENT_ACTIVE_MAX);

    o->began = checker_on_begin(&w->checker);
    o->call = opinion_on_call(&w->opinion, c->self, &o->command);
    c->active[c->active_count++] = i;
}

void client_returned(struct world *w, struct client *c, uint32_t i,
                     const struct reply *r)
{
    const struct op *o = &c->ops[i];

    checker_on_end(&w->checker, o->began, op_is_write(o), r->slot);
    opinion_on_reply(&w->opinion, o->call, c->self, &o->command, r);
    client_see(c, o, r);
    client_end(c, i, OP_ENDED);
}

static void client_on_answer(struct world *w, struct client *c, uint32_t i,
                             const struct reply *r)
{
    struct op *o = &c->ops[i];

    if (o->command.op == COMMAND_OPEN && r->status == REPLY_OK) {
        c->session.slot = load64(r->value.at);
        c->session.index = load16(r->value.at + 8);
    }
    client_returned(w, c, i, r);
    if (o->command.op == COMMAND_CLOSE) client_forget(w, c);
}

/* Not an outcome: ask again a little later, or it is over otherwise. */
static bool client_on_excuse(struct world *w, struct client *c, uint32_t i,
                             const struct reply *r)
{
    struct op *o = &c->ops[i];

    switch (r->status) {
    case REPLY_BUSY:
        o->retry_ns = min_u64(o->retry_ns,
                              w->now_ns + w->plan->clients.retry_ns);
        return true;
    case REPLY_UNAVAILABLE:
        client_end(c, i, OP_GIVEN_UP);
        return true;
    case REPLY_EXPIRED:
        client_forget(w, c);
        return true;
    case REPLY_FULL:
        if (o->command.op != COMMAND_OPEN) return false;
        client_end(c, i, OP_ENDED); /* and another one with a new nonce */
        return true;
    case REPLY_STALE:
    case REPLY_WINDOW:
    case REPLY_BAD:
        world_fail(w, "witness", "client %u is told %s for op %u seq %" PRIu64,
                   c->self, words_status(r->status), o->command.op,
                   o->command.seq);
        return true;
    default:
        return false;
    }
}

void client_on_reply(struct world *w, struct client *c, uint8_t from,
                     uint64_t cookie, const struct packet *p)
{
    const uint32_t i = (uint32_t)cookie;
    struct reply r;

    if (c->library) {
        library_on_datagram(w, c, from, p);
        return;
    }
    if (p->damaged) return;
    if (!packet_reply(p, &r)) {
        world_fail(w, "codec", "client %u cannot read a reply", c->self);
        return;
    }
    ASSERT(i < c->count);
    if (c->ops[i].state > OP_FENCED) return; /* too late */
    client_tell_answer(w, c, &c->ops[i].command, from, &r);
    c->favourite = from;
    if (!client_on_excuse(w, c, i, &r)) client_on_answer(w, c, i, &r);
    client_go_on(w, c);
}

/* client.c - see client.h */
#include "sim/client.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/words.h"
#include "sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_LEN_MAX 20u

static uint64_t op_cookie(const struct client *c, uint32_t i)
{
    return (uint64_t)(c->self + 1u) << 32 | i;
}

static bool op_is_write(const struct op *o)
{
    return !command_is_read(o->command.op);
}

static bool op_has_seq(const struct op *o)
{
    return o->command.op <= COMMAND_INCR;
}

static uint64_t draw(struct client *c, uint64_t bound)
{
    return prng_below(&c->random, bound);
}

void client_init(struct world *w, uint8_t self, uint32_t ops)
{
    struct client *c = &w->clients[self];

    *c = (struct client){ .self = self, .left = ops };
    prng_init(&c->random, w->plan->seed * 1024 + 512 + self);
    c->favourite = (uint8_t)draw(c, w->plan->nodes);
    c->next_ns = 1 + draw(c, w->plan->clients.think_ns + 1);
    c->wake_ns = c->next_ns;
    queue_push(
        &w->queue,
        (struct due){ .at_ns = c->wake_ns, .type = DUE_CLIENT, .who = self });
}

void client_clear(struct client *c)
{
    for (uint32_t i = 0; i < c->count; i++) packet_unref(c->ops[i].bytes);
    for (uint32_t i = 0; i < PLAN_KEYS_MAX; i++) packet_unref(c->seen[i]);
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

bool client_command(const struct world *w, uint64_t cookie, uint8_t op,
                    struct command *c)
{
    const uint64_t self = (cookie >> 32) - 1;
    const uint32_t i = (uint32_t)cookie;

    if (self >= w->plan->clients.count) return false;
    if (i >= w->clients[self].count) return false;
    return op_command(&w->clients[self].ops[i], op, c);
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

static void client_tell(const struct world *w, const struct client *c,
                        enum trace_mark mark, const char *rule,
                        const char *label, const char *text)
{
    trace_tell(w->trace,
               &(struct sight){ .at_ns = w->now_ns,
                                .mark = mark,
                                .place = (uint8_t)(PLACE_CLIENT + c->self),
                                .rule = rule },
               label, "%s", text);
}

static void client_tell_asked(const struct world *w, const struct client *c,
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
    const uint64_t wait_ns = w->plan->clients.retry_ns
                             << min_u64(o->attempts, 4);
    uint8_t to = (uint8_t)draw(c, w->plan->nodes);

    if (w->plan->scripted || (o->attempts == 0 && draw(c, 4) > 0))
        to = c->favourite;
    if (o->attempts > 0 && o->attempts % 8 == 0) c->favourite = to;
    o->attempts++;
    o->retry_ns = w->now_ns + wait_ns + draw(c, wait_ns + 1);
    client_send(w, c, i, to);
    if (draw(c, 16) == 0 && !w->plan->scripted) {
        client_send(w, c, i, (uint8_t)draw(c, w->plan->nodes));
    }
}

static void client_wake(struct world *w, struct client *c, uint64_t at_ns)
{
    const uint64_t next_ns = max_u64(at_ns, w->now_ns + 1);

    if (c->wake_ns > w->now_ns && c->wake_ns <= next_ns) return;
    c->wake_ns = next_ns;
    queue_push(
        &w->queue,
        (struct due){ .at_ns = next_ns, .type = DUE_CLIENT, .who = c->self });
}

static struct op *client_op(struct client *c)
{
    if (c->count == c->size) {
        c->size = c->size ? 2 * c->size : 64;
        c->ops = realloc(c->ops, c->size * sizeof *c->ops);
        ASSERT(c->ops);
    }
    c->ops[c->count] = (struct op){ .state = OP_ASKED };
    return &c->ops[c->count++];
}

/* The op last made: its strings are copied, and it is asked. */
static void client_begin(struct world *w, struct client *c)
{
    struct op *o = &c->ops[c->count - 1];
    struct command *cmd = &o->command;
    uint8_t bytes[COMMAND_BYTES_MAX];
    const uint32_t value_at = cmd->key.len + cmd->expected.len;

    ASSERT(value_at + cmd->value.len <= sizeof bytes);
    ASSERT(c->active_count < CLIENT_ACTIVE_MAX);

    if (cmd->key.len) memcpy(bytes, cmd->key.at, cmd->key.len);
    if (cmd->expected.len) {
        memcpy(bytes + cmd->key.len, cmd->expected.at, cmd->expected.len);
    }
    if (cmd->value.len) memcpy(bytes + value_at, cmd->value.at, cmd->value.len);
    o->bytes = packet_new(bytes, value_at + cmd->value.len);
    cmd->key.at = o->bytes->bytes;
    cmd->expected.at = o->bytes->bytes + cmd->key.len;
    cmd->value.at = o->bytes->bytes + value_at;
    cmd->session = c->session;
    if (op_has_seq(o)) cmd->seq = ++c->seq;
    o->began = checker_on_begin(&w->checker);
    o->call = opinion_on_call(&w->opinion, c->self, cmd);
    o->patience_ns = w->now_ns + w->plan->clients.patience_ns;
    c->active[c->active_count++] = c->count - 1;
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
    client_begin(w, c);
}

/* A value that nobody else writes. */
static struct bytes client_value(struct world *w, struct client *c,
                                 uint8_t *buf)
{
    const uint32_t max = w->plan->clients.value_max;
    uint32_t len = (uint32_t)snprintf((char *)buf, 32, "c%u-%u", c->self,
                                      c->count);

    if (draw(c, 8) == 0) return bytes_of(buf, (uint32_t)draw(c, 2) * len);
    while (len < max) buf[len++] = 'x';
    return bytes_of(buf, (uint32_t)draw(c, max - 7) + 8);
}

static struct bytes client_key(char *buf, char kind, uint32_t key)
{
    const int len = snprintf(buf, KEY_LEN_MAX,
                             key < PLAN_KEYS_MAX ? "%c%u" : "%c1-of-many-%03u",
                             kind, key);

    return bytes_of(buf, (uint32_t)len);
}

static void client_draw_list(struct client *c, struct command *cmd,
                             uint8_t *wanted)
{
    static const char *const prefixes[] = { "", "k", "n", "k1", "z" };
    const char *prefix = prefixes[draw(c, 5)];

    if (draw(c, 2)) cmd->key.len = 0;
    cmd->op = COMMAND_LIST;
    cmd->flags = draw(c, 2) ? COMMAND_KEYS : 0;
    cmd->expected = bytes_of(prefix, (uint32_t)strlen(prefix));
    store32(wanted, (uint32_t)draw(c, 1000) + 20);
    cmd->value = bytes_of(wanted, 4);
}

static void client_draw_read(struct client *c, struct command *cmd,
                             uint8_t *wanted)
{
    const uint64_t kind = draw(c, 10);

    if (kind == 0) {
        cmd->op = COMMAND_PING;
        cmd->key.len = 0;
    } else if (kind < 4) {
        client_draw_list(c, cmd, wanted);
    } else {
        cmd->op = COMMAND_GET;
    }
}

/* In a wide world first the store grows, and then it shrinks ... */
static bool client_shrinks(const struct world *w, const struct client *c)
{
    const struct client_plan *p = &w->plan->clients;

    return p->wide && c->left <= p->ops / p->count / 3;
}

static uint64_t client_draw_kind(struct world *w, struct client *c)
{
    if (!w->plan->clients.wide || draw(c, 4) == 0) return draw(c, 10);
    return client_shrinks(w, c) ? 3 : 0;
}

/* ... all over, or on one side only, so that neighbours differ. */
static uint32_t client_draw_key(struct world *w, struct client *c)
{
    const uint32_t keys = w->plan->clients.keys;
    const uint64_t side = w->plan->seed % 3;

    if (!client_shrinks(w, c) || side == 0) return (uint32_t)draw(c, keys);
    return (uint32_t)(draw(c, keys / 2) + (side == 1 ? 0 : keys / 2));
}

static void client_draw_write(struct world *w, struct client *c,
                              struct command *cmd, uint8_t *buf, uint32_t key)
{
    const struct packet *seen = c->seen[key % PLAN_KEYS_MAX];
    const uint64_t kind = client_draw_kind(w, c);

    cmd->value = client_value(w, c, buf);
    if (kind < 3) {
        cmd->op = COMMAND_PUT;
    } else if (kind < 5) {
        cmd->op = COMMAND_DEL;
        cmd->value.len = 0;
    } else if (kind < 8) {
        cmd->op = COMMAND_CAS;
        if (draw(c, 4) == 0)
            cmd->flags = COMMAND_ABSENT;
        else if (seen)
            cmd->expected = bytes_of(seen->bytes, seen->len);
    } else {
        cmd->op = COMMAND_INCR;
        store64(buf, draw(c, 16) ? draw(c, 2000) - 1000 : (uint64_t)INT64_MAX);
        cmd->value = bytes_of(buf, 8);
    }
}

static void client_begin_one(struct world *w, struct client *c)
{
    struct op *o = client_op(c);
    struct command *cmd = &o->command;
    uint8_t buf[COMMAND_BYTES_MAX];
    char name[KEY_LEN_MAX];
    const uint32_t key = client_draw_key(w, c);
    const bool read = draw(c, 100) < w->plan->clients.reads;

    cmd->key = client_key(name, 'k', key);
    if (read) {
        client_draw_read(c, cmd, buf);
    } else {
        client_draw_write(w, c, cmd, buf, key);
    }
    /* Numbers mostly have keys of their own. */
    if (((cmd->op == COMMAND_INCR && draw(c, 8)) || draw(c, 8) == 0) &&
        cmd->key.len && !w->plan->clients.wide) {
        cmd->key = client_key(name, 'n', key);
    }
    if (draw(c, 64) == 0) {
        *cmd = (struct command){ .op = COMMAND_KEEPALIVE };
    } else if (draw(c, 128) == 0 && c->active_count == 0) {
        *cmd = (struct command){ .op = COMMAND_CLOSE };
    }
    c->left--;
    client_begin(w, c);
}

/* ---- ends ---------------------------------------------------------------- */

static void client_end(struct client *c, uint32_t i, enum op_state how)
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
    client_tell(w, c, MARK_OTHER, "P29", "no session", "has no session");
    client_wake(w, c, w->now_ns);
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
        c->next_ns = w->now_ns + draw(c, think_ns + 1);
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
        client_op(c)->command = *cmd;
        client_begin(w, c);
    }
    client_wake(w, c, client_next(w, c));
}

void client_on_timer(struct world *w, struct client *c)
{
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

static void client_on_answer(struct world *w, struct client *c, uint32_t i,
                             const struct reply *r)
{
    struct op *o = &c->ops[i];

    if (o->command.op == COMMAND_OPEN && r->status == REPLY_OK) {
        c->session.slot = load64(r->value.at);
        c->session.index = load16(r->value.at + 8);
    }
    checker_on_end(&w->checker, o->began, op_is_write(o), r->slot);
    opinion_on_reply(&w->opinion, o->call, c->self, &o->command, r);
    client_see(c, o, r);
    client_end(c, i, OP_ENDED);
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

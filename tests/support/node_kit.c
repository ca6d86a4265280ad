/* node_kit.c - see node_kit.h */
#include "support/node_kit.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define TURNS_MAX 100000u /* in one instant: more is a busy loop */

/* ---- copies ---- */

static void *copy_of(const void *at, size_t len)
{
    void *p = malloc(len ? len : 1);

    assert_non_null(p);
    if (len) memcpy(p, at, len);
    return p;
}

static void packet_keep_value(struct packet *p, struct value *v)
{
    v->blob = NULL;
    if (v->len == 0) return;
    assert_true(value_is_valid(v->bytes, v->len));
    v->bytes = p->bytes = copy_of(v->bytes, v->len);
}

static struct packet *packet_of(const struct message *from, uint8_t to)
{
    struct packet *p = calloc(1, sizeof *p);
    struct message *m;

    assert_non_null(p);
    p->message = *from;
    p->to = to;
    m = &p->message;
    switch (m->type) {
    case MESSAGE_PROMISE:
        m->promise.runs = p->bytes = copy_of(
            m->promise.runs, m->promise.run_count * sizeof(struct run));
        break;
    case MESSAGE_ACCEPT:
    case RECORD_ACCEPT:
        packet_keep_value(p, &m->accept.value);
        break;
    case MESSAGE_ACCEPTED:
        m->ranges = p->bytes = copy_of(m->ranges,
                                       m->count * sizeof(struct range));
        break;
    case MESSAGE_FETCH:
        p->fetch = *m->fetch;
        m->fetch = &p->fetch;
        break;
    case MESSAGE_CHOSEN:
    case MESSAGE_VALUE:
    case RECORD_CHOSEN:
        packet_keep_value(p, &m->decided.value);
        break;
    case MESSAGE_FORWARD:
        m->forward.command.at = p->bytes = copy_of(m->forward.command.at,
                                                   m->forward.command.len);
        break;
    default:
        break;
    }
    return p;
}

static void packet_free(struct packet *p)
{
    free(p->bytes);
    free(p);
}

/* ---- members ---- */

static void *kv_take(void *ctx, size_t size)
{
    const struct nodes *g = ctx;

    return g->dry ? NULL : malloc(size);
}

static void kv_give(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

static struct node_config config_of(struct nodes *g, uint8_t i)
{
    struct node_config c = {
        .n = g->n,
        .self = i,
        .instance = g->instance + i,
        .process = g->m[i].process,
        .seed = 100u * i + g->m[i].process,
        .heartbeat_ns = 20 * NS_PER_MS,
        .liveness_port = g->ports,
        .noop_interval_ns = NS_PER_S,
        .rto_min_ns = 2 * NS_PER_MS,
        .rto_max_ns = 200 * NS_PER_MS,
        .batch_bytes = 8192,
        .reply_bytes = 4096,
        .window_slots = 64,
        .history_slots = 1024,
        .pool_order = 22,
        .limits = { .store_max_bytes = 64 * MIB,
                    .session_period_ns = 60 * NS_PER_S,
                    .sessions_max = 64 },
        .memory = { .alloc = kv_take, .free = kv_give, .ctx = g },
    };

    for (uint8_t k = 0; k < g->n; k++) c.ids[k] = kit_id(k);
    return c;
}

struct nodes *nodes_new(uint8_t n)
{
    struct nodes *g = calloc(1, sizeof *g);

    assert_non_null(g);
    g->n = n;
    g->now_ns = NS_PER_S;
    g->instance = 1000;
    kit_init(&g->kit, n, 0, 12, 0);
    g->answers = calloc(NODES_REPLIES_MAX, sizeof *g->answers);
    assert_non_null(g->answers);
    return g;
}

static void member_end(struct member *m)
{
    if (!m->node) return;
    node_destroy(m->node);
    free(m->memory);
    m->node = NULL;
    m->orders = 0;
    memset(m->replays, 0, sizeof m->replays);
}

void nodes_free(struct nodes *g)
{
    while (g->first) {
        struct packet *p = g->first;

        g->first = p->next;
        packet_free(p);
    }
    for (uint8_t i = 0; i < g->n; i++) {
        member_end(&g->m[i]);
        while (g->m[i].log) {
            struct packet *p = g->m[i].log;

            g->m[i].log = p->next;
            packet_free(p);
        }
    }
    free(g->answers);
    kit_free(&g->kit);
    free(g);
}

int nodes_start(struct nodes *g, uint8_t i)
{
    struct member *m = &g->m[i];
    const struct event start = { .type = EVENT_START };
    struct node_config c;
    struct arena arena;
    size_t size;

    assert_null(m->node);
    m->process += 1000;
    c = config_of(g, i);
    size = node_size(&c);
    m->memory = aligned_alloc(ARENA_ALIGN, size);
    assert_non_null(m->memory);
    memset(m->memory, 0, size);
    arena_init(&arena, m->memory, size);
    m->node = node_init(&c, &arena);
    assert_non_null(m->node);
    m->first_seq = m->written;
    m->told = 0;
    m->fatal = 0;
    for (struct packet *p = m->log; p; p = p->next) {
        const int rc = node_recover(m->node, &p->message);

        if (rc == 0) continue;
        member_end(m);
        return rc;
    }
    nodes_step(g, i, &start);
    return 0;
}

void nodes_start_all(struct nodes *g)
{
    for (uint8_t i = 0; i < g->n; i++) {
        if (!g->m[i].node) assert_int_equal(nodes_start(g, i), 0);
    }
}

static void member_cut_log(struct member *m)
{
    struct packet **at = &m->log;

    m->log_last = NULL;
    for (uint64_t k = 0; k < m->durable; k++) {
        m->log_last = *at;
        at = &(*at)->next;
    }
    while (*at) {
        struct packet *p = *at;

        *at = p->next;
        packet_free(p);
    }
    m->written = m->durable;
}

void nodes_kill(struct nodes *g, uint8_t i)
{
    assert_non_null(g->m[i].node);
    member_end(&g->m[i]);
    member_cut_log(&g->m[i]);
}

/* ---- effects ---- */

static void nodes_queue(struct nodes *g, struct packet *p)
{
    if (g->last)
        g->last->next = p;
    else
        g->first = p;
    g->last = p;
}

static void nodes_send(struct nodes *g, uint8_t from, uint8_t to,
                       const struct message *m)
{
    struct packet *p = packet_of(m, to);

    p->message.from = from;
    p->message.incarnation = node_incarnation(g->m[from].node);
    p->message.process = g->m[from].process;
    if (g->loses && g->loses(g, p)) {
        packet_free(p);
        return;
    }
    nodes_queue(g, p);
    if (g->doubles && g->doubles(g, p)) {
        nodes_queue(g, packet_of(&p->message, to));
    }
}

static void nodes_write(struct nodes *g, uint8_t i, const struct effect *e)
{
    struct member *m = &g->m[i];
    struct packet *p = packet_of(&e->message, i);

    assert_int_equal(e->seq, m->written - m->first_seq + 1);
    if (m->log_last)
        m->log_last->next = p;
    else
        m->log = p;
    m->log_last = p;
    m->written++;
}

static void nodes_note_reply(struct nodes *g, uint8_t by, const struct reply *r)
{
    struct answer *a = &g->answers[g->answer_count % NODES_REPLIES_MAX];

    g->answer_count++;
    *a = (struct answer){ .cookie = r->cookie,
                          .seq = r->seq,
                          .slot = r->slot,
                          .op = r->op,
                          .status = r->status,
                          .by = by,
                          .len = r->value.len };
    assert_int_equal(r->to.port, 4000);
    if (a->len > sizeof a->value) a->len = sizeof a->value;
    if (a->len) memcpy(a->value, r->value.at, a->len);
}

static void nodes_perform(struct nodes *g, uint8_t i, const struct effect *e)
{
    struct member *m = &g->m[i];

    switch ((enum effect_type)e->type) {
    case EFFECT_NONE:
        break;
    case EFFECT_SEND:
        for (uint8_t k = 0; k < g->n; k++) {
            if (k == i || (e->to != TO_GROUP && e->to != k)) continue;
            nodes_send(g, i, k, &e->message);
        }
        break;
    case EFFECT_PERSIST:
        nodes_write(g, i, e);
        break;
    case EFFECT_READ:
        assert_true(m->orders < MEMBERS_MAX);
        m->order[m->orders++] = e->read;
        m->reads++;
        break;
    case EFFECT_PROBE:
        if (!g->m[e->to].node) m->gone |= member_bit(e->to);
        break;
    case EFFECT_REPLAY:
        assert_true((e->replay.tag & 0xff) < ROLES);
        m->replay[e->replay.tag & 0xff] = e->replay;
        m->replays[e->replay.tag & 0xff] = true;
        break;
    case EFFECT_REPLY:
        nodes_note_reply(g, i, &e->reply);
        break;
    case EFFECT_NOTE:
        m->notes[e->note.type]++;
        break;
    case EFFECT_FATAL:
        m->fatal = e->fatal.status;
        break;
    }
}

void nodes_step(struct nodes *g, uint8_t i, const struct event *ev)
{
    struct event now = *ev;

    now.now_ns = g->now_ns;
    g->m[i].steps++;
    node_step(g->m[i].node, &now, &g->kit.out);
    assert_true(g->kit.out.count <= EFFECTS_MAX);
    for (uint32_t k = 0; k < g->kit.out.count; k++) {
        nodes_perform(g, i, &g->kit.out.list[k]);
    }
}

void nodes_tell(struct nodes *g, uint8_t i, const struct message *m)
{
    const struct event ev = { .type = EVENT_MESSAGE, .message = m };

    nodes_step(g, i, &ev);
}

/* ---- turns ---- */

static bool is_of_slots(const struct message *m, const struct read_order *r)
{
    uint64_t slot;

    if (m->type == RECORD_ACCEPT)
        slot = m->accept.slot;
    else if (m->type == RECORD_CHOSEN)
        slot = m->decided.slot;
    else
        return false;
    return slot >= r->first && slot <= r->last;
}

static void nodes_read(struct nodes *g, uint8_t i, struct read_order r)
{
    const struct event done = { .type = EVENT_READ_DONE, .tag = r.tag };
    uint32_t bytes = 0;

    for (const struct packet *p = g->m[i].log; p; p = p->next) {
        const struct event ev = { .type = EVENT_RECORD,
                                  .tag = r.tag,
                                  .message = &p->message };

        if (!is_of_slots(&p->message, &r)) continue;
        nodes_step(g, i, &ev);
        bytes += 128;
        if (bytes >= r.bytes_max) break;
    }
    nodes_step(g, i, &done);
}

/* All of the log that is durable, for a role. */
static void nodes_replay(struct nodes *g, uint8_t i, uint64_t tag)
{
    const struct event done = { .type = EVENT_REPLAYED, .tag = tag };
    uint64_t count = 0;

    for (const struct packet *p = g->m[i].log; p; p = p->next) {
        const struct event ev = { .type = EVENT_RECORD,
                                  .tag = tag,
                                  .message = &p->message };

        if (count++ == g->m[i].durable) break;
        nodes_step(g, i, &ev);
    }
    nodes_step(g, i, &done);
}

static bool nodes_receive(struct nodes *g, uint8_t i)
{
    struct packet **at = &g->first;
    struct packet *mine = NULL;
    struct packet **end = &mine;

    g->last = NULL;
    while (*at) {
        struct packet *p = *at;

        if (p->to != i) {
            g->last = p;
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->next = NULL;
        *end = p;
        end = &p->next;
    }
    if (!mine) return false;
    while (mine) {
        struct packet *p = mine;

        mine = p->next;
        if (g->m[i].node) nodes_tell(g, i, &p->message);
        packet_free(p);
    }
    return true;
}

static void nodes_tell_gone(struct nodes *g, uint8_t i)
{
    struct member *m = &g->m[i];

    while (m->gone) {
        const struct event ev = { .type = EVENT_PEER_GONE,
                                  .tag = (uint64_t)__builtin_ctz(m->gone) };

        m->gone &= (uint16_t)(m->gone - 1);
        nodes_step(g, i, &ev);
    }
}

/* A flush that may be left out does nothing. */
static void nodes_flush(struct nodes *g, uint8_t i)
{
    const struct event flush = { .type = EVENT_FLUSH };
    const bool needed = node_has_flush(g->m[i].node, g->now_ns);
    const uint64_t deadline_ns = node_deadline_ns(g->m[i].node);

    nodes_step(g, i, &flush);
    if (needed) return;
    assert_int_equal(g->kit.out.count, 0);
    assert_int_equal(node_deadline_ns(g->m[i].node), deadline_ns);
}

/* True if there was anything to do. */
static bool nodes_turn(struct nodes *g, uint8_t i)
{
    const struct event tick = { .type = EVENT_TICK };
    struct member *m = &g->m[i];
    struct event durable = { .type = EVENT_DURABLE };
    bool busy = nodes_receive(g, i);

    if (!m->node) return busy;
    nodes_tell_gone(g, i);
    if (!m->slow && m->durable < m->written) {
        m->durable = m->written;
        durable.seq = m->durable - m->first_seq;
        if (durable.seq > m->told) nodes_step(g, i, &durable);
        m->told = durable.seq;
        busy = true;
    }
    for (unsigned r = 0; r < ROLES; r++) {
        if (!m->replays[r] || m->keeps_log) continue;
        m->replays[r] = false;
        nodes_replay(g, i, m->replay[r].tag);
    }
    while (m->orders) {
        nodes_read(g, i, m->order[--m->orders]);
        busy = true;
    }
    if (g->now_ns >= node_deadline_ns(m->node)) {
        nodes_step(g, i, &tick);
        busy = true;
    }
    if (busy) nodes_flush(g, i);
    return busy;
}

static uint64_t nodes_deadline_ns(const struct nodes *g)
{
    uint64_t first = NEVER_NS;

    for (uint8_t i = 0; i < g->n; i++) {
        if (!g->m[i].node) continue;
        first = min_u64(first, node_deadline_ns(g->m[i].node));
    }
    return first;
}

/* All there is to do in this instant. */
static void nodes_settle(struct nodes *g)
{
    unsigned turns = 0;
    bool busy = true;

    while (busy) {
        busy = false;
        for (uint8_t i = 0; i < g->n; i++) busy |= nodes_turn(g, i);
        assert_true(turns++ < TURNS_MAX);
    }
}

static void nodes_advance(struct nodes *g, uint64_t end_ns)
{
    nodes_settle(g);
    g->now_ns = min_u64(end_ns, max_u64(g->now_ns, nodes_deadline_ns(g)));
}

void nodes_run(struct nodes *g, uint64_t ns)
{
    const uint64_t end_ns = g->now_ns + ns;

    while (g->now_ns < end_ns) nodes_advance(g, end_ns);
    nodes_settle(g);
}

void nodes_until(struct nodes *g, bool (*cond)(struct nodes *g),
                 uint64_t most_ns)
{
    const uint64_t end_ns = g->now_ns + most_ns;

    nodes_settle(g);
    while (!cond(g)) {
        if (g->now_ns >= end_ns) fail_msg("it did not happen in time");
        nodes_advance(g, end_ns);
        nodes_settle(g);
    }
}

/* ---- looking ---- */

struct node_status nodes_status(const struct nodes *g, uint8_t i)
{
    struct node_status s;

    node_status(g->m[i].node, &s);
    return s;
}

uint8_t nodes_leader(struct nodes *g)
{
    uint8_t leader = MEMBER_NONE;

    for (uint8_t i = 0; i < g->n; i++) {
        if (!g->m[i].node || !nodes_status(g, i).serving) continue;
        if (leader != MEMBER_NONE) return MEMBER_NONE;
        leader = i;
    }
    return leader;
}

bool nodes_are_led(struct nodes *g)
{
    const uint8_t leader = nodes_leader(g);

    if (leader == MEMBER_NONE) return false;
    for (uint8_t i = 0; i < g->n; i++) {
        if (!g->m[i].node) continue;
        if (nodes_status(g, i).leader != kit_id(leader)) return false;
        if (!nodes_status(g, i).admitted) return false;
    }
    return true;
}

bool nodes_agree(struct nodes *g)
{
    struct node_status first = { 0 };
    bool any = false;

    for (uint8_t i = 0; i < g->n; i++) {
        struct node_status s;

        if (!g->m[i].node) continue;
        s = nodes_status(g, i);
        if (any && s.executed != first.executed) return false;
        if (any) assert_int_equal(s.state_hash, first.state_hash);
        first = s;
        any = true;
    }
    return any;
}

/* ---- clients ---- */

uint64_t nodes_ask(struct nodes *g, uint8_t i, const struct command *c)
{
    uint8_t bytes[COMMAND_HEAD + COMMAND_BYTES_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct request r = { .client = { .family = 4, .port = 4000 } };
    const struct event ev = { .type = EVENT_REQUEST, .request = &r };

    command_encode(c, &w);
    assert_true(writer_ok(&w));
    r.cookie = ++g->cookie;
    r.command = bytes_of(bytes, (uint32_t)writer_len(&w));
    nodes_step(g, i, &ev);
    memset(bytes, 0xee, sizeof bytes); /* it was lent */
    {
        const struct event flush = { .type = EVENT_FLUSH };

        nodes_step(g, i, &flush);
    }
    return r.cookie;
}

const struct answer *nodes_answer(const struct nodes *g, uint64_t cookie)
{
    for (unsigned k = 0; k < g->answer_count && k < NODES_REPLIES_MAX; k++) {
        if (g->answers[k].cookie == cookie) return &g->answers[k];
    }
    return NULL;
}

const struct answer *nodes_do(struct nodes *g, uint8_t i,
                              const struct command *c, uint64_t most_ns)
{
    const uint64_t end_ns = g->now_ns + most_ns;
    const uint64_t cookie = nodes_ask(g, i, c);

    nodes_settle(g);
    while (!nodes_answer(g, cookie) && g->now_ns < end_ns) {
        nodes_advance(g, end_ns);
        nodes_settle(g);
    }
    return nodes_answer(g, cookie);
}

const struct answer *nodes_insist(struct nodes *g, uint8_t i,
                                  const struct command *c)
{
    const uint64_t end_ns = g->now_ns + 5 * NS_PER_S;

    while (g->now_ns < end_ns) {
        const struct answer *a = nodes_do(g, i, c, 200 * NS_PER_MS);

        if (a && a->status != REPLY_BUSY) return a;
        nodes_run(g, 10 * NS_PER_MS);
    }
    fail_msg("the command was not answered");
    return NULL;
}

void nodes_open(struct nodes *g, uint8_t i, struct session *s)
{
    const uint8_t nonce[COMMAND_NONCE] = { (uint8_t)(g->cookie + 1) };
    const struct command c = { .op = COMMAND_OPEN,
                               .value = bytes_of(nonce, sizeof nonce) };
    const struct answer *a = nodes_insist(g, i, &c);

    assert_int_equal(a->status, REPLY_OK);
    *s = (struct session){ .id = { .slot = load64(a->value),
                                   .index = load16(a->value + 8) } };
}

static struct bytes text_of(const char *text)
{
    return bytes_of(text, (uint32_t)strlen(text));
}

struct command put_of(struct session *s, const char *key, const char *value)
{
    s->seq++;
    return (struct command){
        .op = COMMAND_PUT,
        .session = s->id,
        .seq = s->seq,
        .acked_upto = s->seq - 1,
        .key = text_of(key),
        .value = text_of(value),
    };
}

struct command get_of(const char *key)
{
    return (struct command){ .op = COMMAND_GET, .key = text_of(key) };
}

void nodes_put(struct nodes *g, uint8_t i, struct session *s, const char *key,
               const char *value)
{
    const struct command c = put_of(s, key, value);
    const struct answer *a = nodes_insist(g, i, &c);

    assert_int_equal(a->status, REPLY_OK);
    assert_int_equal(a->seq, s->seq);
}

void nodes_get(struct nodes *g, uint8_t i, const char *key, const char *value)
{
    const struct command c = get_of(key);
    const struct answer *a = nodes_insist(g, i, &c);

    if (!value) {
        assert_int_equal(a->status, REPLY_NOTFOUND);
        return;
    }
    assert_int_equal(a->status, REPLY_OK);
    assert_int_equal(a->len, strlen(value));
    assert_memory_equal(a->value, value, a->len);
}

/* ---- one member ---- */

struct nodes *alone_new(uint8_t n)
{
    struct nodes *g = nodes_new(n);

    assert_int_equal(nodes_start(g, 0), 0);
    assert_null(g->first); /* no datagram before the incarnation is durable */
    alone_sync(g);
    return g;
}

struct message alone_from(uint8_t index, uint8_t type)
{
    return (struct message){
        .type = type,
        .from = index,
        .incarnation = 1,
        .process = 500u + index,
        .asker = 1,
    };
}

void alone_beat(struct nodes *g, uint8_t index, uint64_t round,
                uint64_t chosen_upto)
{
    struct message m = alone_from(index, MESSAGE_HEARTBEAT);

    m.heartbeat = (struct heartbeat){
        .chosen_upto = chosen_upto,
        .heard = 0x1ff,
        .flags = HEARTBEAT_OK | HEARTBEAT_ADMITTED | HEARTBEAT_QC,
    };
    if (round) {
        m.ballot = kit_ballot(round, index);
        m.heartbeat.flags |= HEARTBEAT_CLAIM | HEARTBEAT_HAPPY;
    }
    nodes_tell(g, 0, &m);
}

void alone_sync(struct nodes *g)
{
    struct member *m = &g->m[0];
    struct event durable = { .type = EVENT_DURABLE };

    while (m->node && m->durable < m->written) {
        m->durable = m->written;
        durable.seq = m->told = m->durable - m->first_seq;
        nodes_step(g, 0, &durable);
    }
    alone_flush(g);
}

void alone_flush(struct nodes *g)
{
    nodes_step(g, 0, &(struct event){ .type = EVENT_FLUSH });
}

void alone_tick(struct nodes *g, uint64_t ns)
{
    g->now_ns += ns;
    nodes_step(g, 0, &(struct event){ .type = EVENT_TICK });
}

void alone_admit(struct nodes *g)
{
    for (uint8_t i = 1; i < g->n; i++) {
        struct message m = alone_from(i, MESSAGE_HELLO);

        m.hello = (struct hello){ .instance = 2000u + i,
                                  .life = 1,
                                  .nonce = 500u + i };
        nodes_tell(g, 0, &m);
        m = alone_from(i, MESSAGE_HELLO_ANSWER);
        m.hello_answer = (struct hello_answer){
            .life = node_incarnation(g->m[0].node),
            .nonce = g->m[0].process,
            .yes = 1,
        };
        nodes_tell(g, 0, &m);
    }
    alone_sync(g);
    for (uint8_t i = 1; i < g->n; i++) alone_beat(g, i, 0, 0);
    assert_true(nodes_status(g, 0).admitted);
    alone_forget(g);
}

void alone_stand(struct nodes *g, uint64_t round)
{
    struct message m = alone_from(1, MESSAGE_NOMINATE);

    m.token = (struct token){ .attempt = round,
                              .round = round,
                              .initiator = 1,
                              .best = 0,
                              .visited = 3 };
    nodes_tell(g, 0, &m);
    alone_sync(g);
}

void alone_promise(struct nodes *g, uint8_t index, uint64_t round,
                   uint64_t chosen_upto)
{
    struct message m = alone_from(index, MESSAGE_PROMISE);

    m.ballot = kit_ballot(round, 0);
    m.promise.log_start = 1;
    m.promise.chosen_upto = chosen_upto;
    nodes_tell(g, 0, &m);
}

void alone_lead(struct nodes *g, uint64_t round)
{
    unsigned left = g->n / 2u;

    alone_stand(g, round);
    for (uint8_t i = 1; left > 0; i++, left--) {
        alone_promise(g, i, round, 0);
    }
    alone_sync(g);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    assert_int_equal(nodes_status(g, 0).ballot.round, round);
}

void alone_vote(struct nodes *g, uint8_t index, uint64_t round, uint64_t first,
                uint64_t last)
{
    const struct range range = { first, last };
    struct message m = alone_from(index, MESSAGE_ACCEPTED);

    m.ballot = kit_ballot(round, 0);
    m.count = 1;
    m.ranges = &range;
    nodes_tell(g, 0, &m);
}

void alone_serve(struct nodes *g, uint64_t round)
{
    alone_lead(g, round);
    for (uint8_t i = 1; i <= g->n / 2; i++) {
        alone_vote(g, i, round, 1, 1u << 20);
    }
    alone_sync(g);
    assert_true(nodes_status(g, 0).serving);
    alone_forget(g);
}

static bool packet_is(const struct packet *p, uint8_t to, uint8_t type)
{
    return p->message.type == type && (to == TO_GROUP || p->to == to);
}

unsigned alone_sent(const struct nodes *g, uint8_t to, uint8_t type)
{
    unsigned count = 0;

    for (const struct packet *p = g->first; p; p = p->next) {
        count += packet_is(p, to, type);
    }
    return count;
}

const struct message *alone_message(const struct nodes *g, uint8_t to,
                                    uint8_t type, unsigned nth)
{
    for (const struct packet *p = g->first; p; p = p->next) {
        if (packet_is(p, to, type) && nth-- == 0) return &p->message;
    }
    fail_msg("no message %u went to %u", type, to);
    return NULL;
}

void alone_forget(struct nodes *g)
{
    while (g->first) {
        struct packet *p = g->first;

        g->first = p->next;
        packet_free(p);
    }
    g->last = NULL;
}

unsigned alone_records(const struct nodes *g, uint8_t type)
{
    unsigned count = 0;

    for (const struct packet *p = g->m[0].log; p; p = p->next) {
        count += p->message.type == type;
    }
    return count;
}

const struct message *alone_record(const struct nodes *g, uint8_t type)
{
    const struct message *last = NULL;

    for (const struct packet *p = g->m[0].log; p; p = p->next) {
        if (p->message.type == type) last = &p->message;
    }
    assert_non_null(last);
    return last;
}

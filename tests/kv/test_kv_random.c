/*
 * test_kv_random.c - src/kv: random commands against a plain model of P29 to
 * P33, and between two state machines.  Every reply is foretold, and the state
 * hash is computed anew from the model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "kv/machine.h"
#include "kv/session.h"
#include "kv/store.h"

#define KEYS      12u
#define CLIENTS   6u
#define TEXT_MAX  48u
#define STORE_MAX 700u /* about ten pairs: often full */

struct string {
    uint32_t len;
    char at[TEXT_MAX];
};

struct model_reply {
    bool is;
    uint8_t status;
    uint64_t slot;
    struct string value;
};

struct model_session {
    bool is;
    char nonce[COMMAND_NONCE];
    struct session_id id;
    struct session_id last;
    uint64_t active_ns;
    uint64_t acked;
    struct model_reply replies[1000]; /* by seq, from 1 */
};

struct model_pair {
    bool is;
    uint64_t version;
    struct string value;
};

struct model {
    struct model_pair pairs[KEYS];
    struct model_session sessions[MACHINE_SESSIONS];
    uint64_t slot;
    uint64_t time_ns;
    uint64_t floor_ns;
};

/* One of those who send; it knows no more than a client would. */
struct client {
    struct session_id id;
    uint64_t seq;
    uint64_t acked;
    unsigned opened;
};

struct world {
    struct prng prng;
    struct model model;
    struct machine *a;
    struct machine *b;
    struct client clients[CLIENTS];
    unsigned seen[REPLY_BAD + 1]; /* statuses that occurred */
};

static const char *const keys[KEYS] = {
    "a",
    "aa",
    "aaa",
    "b",
    "counter:1",
    "counter:2",
    "counter:3",
    "k/1",
    "k/2",
    "k/20",
    "long-key-with-a-long-name:1",
    "long-key-with-a-long-name:2",
};

/* ---- the model -------------------------------------------------------- */

static struct string string_of(struct bytes b)
{
    struct string s = { .len = b.len };

    assert_true(b.len < TEXT_MAX);
    if (b.len) memcpy(s.at, b.at, b.len);
    return s;
}

static bool string_is(const struct string *s, struct bytes b)
{
    return bytes_equal(bytes_of(s->at, s->len), b);
}

static struct model_pair *model_pair(struct model *m, struct bytes key)
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (bytes_equal(key, text(keys[i]))) return &m->pairs[i];
    }
    fail();
    return NULL;
}

static uint64_t model_bytes(const struct model *m)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < KEYS; i++) {
        if (m->pairs[i].is)
            sum += strlen(keys[i]) + m->pairs[i].value.len + KV_PAIR_COST;
    }
    return sum;
}

static uint8_t model_put(struct model *m, struct bytes key, struct bytes value)
{
    struct model_pair *p = model_pair(m, key);
    const struct model_pair old = *p;

    *p = (struct model_pair){ true, m->slot, string_of(value) };
    if (old.is && value.len <= old.value.len) return REPLY_OK;
    if (model_bytes(m) <= STORE_MAX) return REPLY_OK;
    *p = old;
    return REPLY_FULL;
}

static struct model_reply model_cas(struct model *m, const struct command *c)
{
    struct model_pair *p = model_pair(m, c->key);
    struct model_reply r = { .is = true };

    if (c->flags & COMMAND_ABSENT) {
        r.status = p->is ? REPLY_MISMATCH : model_put(m, c->key, c->value);
    } else if (!p->is) {
        r.status = REPLY_NOTFOUND;
    } else if (!string_is(&p->value, c->expected)) {
        r.status = REPLY_MISMATCH;
    } else {
        r.status = model_put(m, c->key, c->value);
    }
    if (r.status == REPLY_MISMATCH) r.value = p->value;
    return r;
}

static struct model_reply model_incr(struct model *m, const struct command *c)
{
    struct model_pair *p = model_pair(m, c->key);
    struct model_reply r = { .is = true, .status = REPLY_NOT_NUMBER };
    char buffer[TEXT_MAX] = "0";
    char *end;
    int64_t n;

    if (p->is) {
        memcpy(buffer, p->value.at, p->value.len);
        buffer[p->value.len] = 0;
    }
    n = strtoimax(buffer, &end, 10);
    if (end == buffer || *end) return r;
    if (__builtin_add_overflow(n, (int64_t)load64(c->value.at), &n)) {
        r.status = REPLY_OVERFLOW;
        return r;
    }
    sprintf(buffer, "%" PRId64, n);
    r.status = model_put(m, c->key, text(buffer));
    if (r.status == REPLY_OK) r.value = string_of(text(buffer));
    return r;
}

static struct model_reply model_apply(struct model *m, const struct command *c)
{
    struct model_reply r = { .is = true };
    struct model_pair *p;

    switch (c->op) {
    case COMMAND_PUT:
        r.status = model_put(m, c->key, c->value);
        break;
    case COMMAND_DEL:
        p = model_pair(m, c->key);
        r.status = p->is ? REPLY_OK : REPLY_NOTFOUND;
        p->is = false;
        break;
    case COMMAND_CAS:
        r = model_cas(m, c);
        break;
    case COMMAND_INCR:
        r = model_incr(m, c);
        break;
    case COMMAND_FENCE:
        r.status = REPLY_VOID;
        break;
    default:
        fail();
    }
    r.slot = m->slot;
    return r;
}

static struct model_session *model_session(struct model *m,
                                           struct session_id id)
{
    for (unsigned i = 0; i < MACHINE_SESSIONS; i++) {
        struct model_session *s = &m->sessions[i];

        if (s->is && s->id.slot == id.slot && s->id.index == id.index) return s;
    }
    return NULL;
}

static bool id_below(struct session_id a, struct session_id b)
{
    return a.slot < b.slot || (a.slot == b.slot && a.index < b.index);
}

/* A free place for a session, by eviction if it must be; NULL: full. */
static struct model_session *model_place(struct model *m)
{
    struct model_session *oldest = &m->sessions[0];

    for (unsigned i = 0; i < MACHINE_SESSIONS; i++) {
        struct model_session *s = &m->sessions[i];

        if (!s->is) return s;
        if (id_below(s->last, oldest->last)) oldest = s;
    }
    if (m->time_ns - oldest->active_ns < MACHINE_PERIOD_NS / 3) return NULL;
    return oldest;
}

static struct model_reply model_opened(const struct model_session *s)
{
    struct model_reply r = { .slot = s->id.slot, .value.len = SESSION_OPENED };

    store64((uint8_t *)r.value.at, s->id.slot);
    store16((uint8_t *)r.value.at + 8, s->id.index);
    memcpy(r.value.at + 10, s->nonce, COMMAND_NONCE);
    return r;
}

static struct model_reply model_open(struct model *m, struct session_id at,
                                     const struct command *c)
{
    struct model_session *s = NULL;

    for (unsigned i = 0; i < MACHINE_SESSIONS; i++) {
        if (m->sessions[i].is &&
            memcmp(m->sessions[i].nonce, c->value.at, COMMAND_NONCE) == 0)
            s = &m->sessions[i];
    }
    if (!s) {
        s = model_place(m);
        if (!s)
            return (struct model_reply){ .status = REPLY_FULL,
                                         .slot = m->slot };
        memset(s, 0, sizeof *s);
        s->is = true;
        s->id = at;
        memcpy(s->nonce, c->value.at, COMMAND_NONCE);
    }
    s->last = at;
    s->active_ns = m->time_ns;
    return model_opened(s);
}

static void model_ack(struct model_session *s, uint64_t acked)
{
    if (acked > s->acked) s->acked = acked;
    for (uint64_t seq = 1; seq <= s->acked; seq++) s->replies[seq].is = false;
}

static struct model_reply model_execute(struct model *m, uint16_t index,
                                        const struct command *c)
{
    const struct session_id at = { m->slot, index };
    struct model_reply r = { .slot = m->slot };
    struct model_session *s = model_session(m, c->session);

    if (c->op == COMMAND_OPEN) return model_open(m, at, c);
    if (!s) {
        r.status = REPLY_EXPIRED;
        return r;
    }
    s->last = at;
    s->active_ns = m->time_ns;
    if (c->op == COMMAND_CLOSE) s->is = false;
    if (c->op == COMMAND_CLOSE || c->op == COMMAND_KEEPALIVE) return r;
    model_ack(s, c->acked_upto);
    if (c->seq <= s->acked) {
        r.status = REPLY_STALE;
    } else if (c->seq > s->acked + SESSION_WINDOW) {
        r.status = REPLY_WINDOW;
    } else {
        if (!s->replies[c->seq].is) s->replies[c->seq] = model_apply(m, c);
        r = s->replies[c->seq];
    }
    return r;
}

static void model_begin(struct model *m, uint64_t time_ns, bool takeover)
{
    m->slot++;
    if (time_ns > m->time_ns) m->time_ns = time_ns;
    if (takeover) m->floor_ns = m->time_ns + MACHINE_PERIOD_NS;
    for (unsigned i = 0; i < MACHINE_SESSIONS; i++) {
        struct model_session *s = &m->sessions[i];

        if (m->time_ns > s->active_ns + MACHINE_PERIOD_NS &&
            m->time_ns > m->floor_ns)
            s->is = false;
    }
}

/* ---- the hash, from the model alone ----------------------------------- */

static uint64_t hash_of_pairs(const struct model *m, struct memory *memory)
{
    struct store store;
    uint64_t hash;

    assert_int_equal(store_init(&store, UINT64_MAX, memory), 0);
    for (unsigned i = 0; i < KEYS; i++) {
        const struct model_pair *p = &m->pairs[i];

        if (!p->is) continue;
        assert_int_equal(store_put(&store, text(keys[i]),
                                   bytes_of(p->value.at, p->value.len),
                                   p->version),
                         0);
    }
    hash = store.hash;
    store_destroy(&store);
    return hash;
}

static void rebuild_session(struct session_table *t,
                            const struct model_session *from)
{
    struct session *s;

    assert_int_equal(session_table_open(t, from->id,
                                        (const uint8_t *)from->nonce,
                                        from->active_ns, &s),
                     0);
    session_table_touch(t, s, from->last, from->active_ns, from->acked);
    for (uint64_t i = 1; i <= SESSION_WINDOW; i++) {
        const struct model_reply *m = &from->replies[from->acked + i];
        struct kv_reply r = { m->status, m->slot,
                              bytes_of(m->value.at, m->value.len) };

        if (m->is)
            assert_int_equal(session_table_store(t, s, from->acked + i, &r), 0);
    }
}

static uint64_t hash_of_sessions(const struct model *m, struct memory *memory)
{
    const struct kv_limits limits = { .sessions_max = MACHINE_SESSIONS };
    struct session_table t;
    uint64_t hash;

    assert_int_equal(session_table_init(&t, &limits, memory), 0);
    for (unsigned i = 0; i < MACHINE_SESSIONS; i++) {
        if (m->sessions[i].is) rebuild_session(&t, &m->sessions[i]);
    }
    hash = t.hash;
    session_table_destroy(&t);
    return hash;
}

static void check_state(struct world *w)
{
    struct counting counting = { 0 };
    struct memory memory = { .allocator = counting_allocator(&counting) };
    uint32_t sessions = 0;
    uint64_t pairs = 0;

    for (unsigned i = 0; i < MACHINE_SESSIONS; i++)
        sessions += w->model.sessions[i].is;
    for (unsigned i = 0; i < KEYS; i++) pairs += w->model.pairs[i].is;
    assert_int_equal(kv_session_count(w->a->kv), sessions);
    assert_int_equal(kv_key_count(w->a->kv), pairs);
    assert_int_equal(kv_bytes(w->a->kv), model_bytes(&w->model));
    assert_int_equal(kv_memory_bytes(w->a->kv), w->a->counting.bytes);
    assert_int_equal(kv_state_hash(w->a->kv),
                     hash_of_pairs(&w->model, &memory) +
                         hash_of_sessions(&w->model, &memory));
    assert_int_equal(kv_state_hash(w->a->kv), kv_state_hash(w->b->kv));
}

/* ---- the commands ----------------------------------------------------- */

static struct bytes random_value(struct world *w)
{
    static const char *const values[] = {
        "",
        "0",
        "7",
        "-12",
        "abc",
        "9223372036854775800",
        "a value of some forty bytes, to fill it",
    };

    return text(values[prng_below(&w->prng, sizeof values / sizeof *values)]);
}

static uint8_t random_op(struct world *w)
{
    static const uint8_t ops[] = {
        COMMAND_PUT,  COMMAND_PUT,  COMMAND_PUT,   COMMAND_DEL,
        COMMAND_CAS,  COMMAND_CAS,  COMMAND_CAS,   COMMAND_INCR,
        COMMAND_INCR, COMMAND_INCR, COMMAND_FENCE, COMMAND_KEEPALIVE,
    };

    if (prng_below(&w->prng, 60) == 0) return COMMAND_CLOSE;
    return ops[prng_below(&w->prng, sizeof ops)];
}

static void random_operands(struct world *w, struct command *c)
{
    static const int64_t steps[] = { 1, -1, 5, INT64_MAX, INT64_MIN };

    if (c->op > COMMAND_INCR) return;
    c->key = text(keys[prng_below(&w->prng, KEYS)]);
    if (c->op == COMMAND_INCR) {
        c->value = bytes_of(&steps[prng_below(&w->prng, 5)], 8);
        return;
    }
    if (c->op != COMMAND_DEL) c->value = random_value(w);
    if (c->op != COMMAND_CAS) return;
    if (prng_below(&w->prng, 3) == 0)
        c->flags = COMMAND_ABSENT;
    else
        c->expected = random_value(w);
}

/* Mostly new numbers; also retries, old ones and some beyond the window. */
static struct command random_request(struct world *w, struct client *client)
{
    struct command c = { .op = random_op(w), .session = client->id };

    switch (prng_below(&w->prng, 8)) {
    case 0:
        c.seq = client->seq - prng_below(&w->prng, client->seq + 1);
        break;
    case 1:
        c.seq = client->seq + prng_below(&w->prng, 80);
        break;
    default:
        c.seq = ++client->seq;
    }
    if (prng_below(&w->prng, 3) == 0 && client->acked + 3 < client->seq)
        client->acked += prng_below(&w->prng, 4);
    if (c.seq > client->acked && prng_below(&w->prng, 2))
        c.acked_upto = client->acked;
    if (c.op == COMMAND_CLOSE || c.op == COMMAND_KEEPALIVE) c.acked_upto = 0;
    random_operands(w, &c);
    return c;
}

static struct command random_open(struct world *w, unsigned i)
{
    static char nonce[COMMAND_NONCE];
    struct client *client = &w->clients[i];

    /* A new nonce, or again that of the session it has. */
    if (client->id.slot == 0 || prng_below(&w->prng, 3)) {
        *client = (struct client){ .opened = client->opened + 1 };
    }
    memset(nonce, 0, sizeof nonce);
    snprintf(nonce, sizeof nonce, "%u-%u", i, client->opened);
    return (struct command){ .op = COMMAND_OPEN,
                             .value = bytes_of(nonce, sizeof nonce) };
}

static void assert_reply(const struct kv_reply *got,
                         const struct model_reply *want)
{
    assert_int_equal(got->status, want->status);
    assert_int_equal(got->slot, want->slot);
    assert_true(string_is(&want->value, got->value));
}

/* What is known without the log must be what the log would say. */
static void check_known(const struct world *w, bool known,
                        const struct kv_reply *early,
                        const struct string *value)
{
    const struct kv_reply *late = &w->b->reply;

    if (!known) return;
    assert_int_equal(early->status, late->status);
    assert_true(string_is(value, late->value));
    if (early->value.len > 0) assert_int_equal(early->slot, late->slot);
}

static void one_command(struct world *w, uint16_t index)
{
    const unsigned i = (unsigned)prng_below(&w->prng, CLIENTS);
    struct client *client = &w->clients[i];
    const bool opening = client->id.slot == 0 || client->seq > 800 ||
                         prng_below(&w->prng, 40) == 0;
    const struct command c = opening ? random_open(w, i)
                                     : random_request(w, client);
    const struct model_reply want = model_execute(&w->model, index, &c);
    struct string early_value;
    struct kv_reply early;
    bool known;

    execute(w->a, index, &c);
    assert_reply(&w->a->reply, &want);

    /* The other one is looked at in between: that changes nothing. */
    kv_warm(w->b->kv, &c, 1);
    known = kv_answer_known(w->b->kv, &c, &early);
    early_value = string_of(early.value);
    holds(w->b, keys[prng_below(&w->prng, KEYS)], NULL);
    execute(w->b, index, &c);
    assert_reply(&w->b->reply, &want);
    check_known(w, known, &early, &early_value);

    w->seen[want.status]++;
    if (opening && want.status == REPLY_OK)
        client->id = (struct session_id){ load64(w->a->reply.value.at),
                                          load16(w->a->reply.value.at + 8) };
}

static void one_slot(struct world *w)
{
    const uint64_t count = prng_below(&w->prng, 6);
    const bool takeover = prng_below(&w->prng, 100) == 0;
    uint64_t time_ns = w->model.time_ns;

    if (prng_below(&w->prng, 3)) time_ns += prng_below(&w->prng, 300);
    if (prng_below(&w->prng, 200) == 0) time_ns += MACHINE_PERIOD_NS;
    if (prng_below(&w->prng, 10) == 0) time_ns /= 2;

    model_begin(&w->model, time_ns, takeover);
    kv_begin_slot(w->a->kv, ++w->a->slot, time_ns, takeover);
    kv_begin_slot(w->b->kv, ++w->b->slot, time_ns, takeover);
    for (uint16_t i = 0; i < count; i++) one_command(w, i);
}

static void random_commands_agree_with_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct world *w = calloc(1, sizeof *w);

        assert_non_null(w);
        print_message("seed %" PRIu64 "\n", seed);
        prng_init(&w->prng, seed);
        w->a = machine_new(STORE_MAX);
        w->b = machine_new(STORE_MAX);
        for (int slot = 0; slot < 4000; slot++) {
            one_slot(w);
            if (slot % 10 == 0) check_state(w);
        }
        check_state(w);
        /* Each answer of the state machine came up, or this tests little. */
        for (unsigned i = 0; i < REPLY_BAD; i++) {
            if (i != REPLY_BUSY && i != REPLY_UNAVAILABLE)
                assert_true(w->seen[i] > 0);
        }
        machine_end(w->a);
        machine_end(w->b);
        free(w);
    }
}

/* A failed allocation is said, whatever command it hits; nothing leaks. */
static void every_failed_allocation_stops_the_command(void **state)
{
    unsigned failures = 0;

    (void)state;
    for (uint64_t fail = 1; fail < 200; fail++) {
        struct world *w = calloc(1, sizeof *w);
        struct command c = open_of("client");
        struct kv_reply r;
        int rc = 0;

        assert_non_null(w);
        prng_init(&w->prng, 3);
        w->a = machine_new(STORE_MAX);
        w->a->counting.fail_at = w->a->counting.calls + fail;
        for (uint64_t slot = 1; slot < 60 && rc == 0; slot++) {
            machine_slot(w->a, slot);
            rc = kv_execute(w->a->kv, 0, &c, &r);
            w->clients[0].id = (struct session_id){ 1, 0 };
            c = random_request(w, &w->clients[0]);
            if (c.op == COMMAND_CLOSE) c.op = COMMAND_KEEPALIVE;
        }
        if (rc != 0) assert_int_equal(rc, -ENOMEM);
        failures += rc != 0;
        machine_end(w->a);
        free(w);
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_commands_agree_with_model),
        cmocka_unit_test(every_failed_allocation_stops_the_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* model.c - see model.h */
#include "sim/model.h"

#include "base/assert.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SEQ_MAX 100000u /* of a simulated client */

static void *model_take(void *old, size_t count, size_t size)
{
    void *p = realloc(old, count * size);

    ASSERT(p);
    return p;
}

static uint8_t *model_copy(struct bytes b)
{
    uint8_t *p;

    if (b.len == 0) return NULL;
    p = model_take(NULL, b.len, 1);
    memcpy(p, b.at, b.len);
    return p;
}

void model_init(struct model *m, const struct kv_limits *limits)
{
    *m = (struct model){ .limits = *limits };
}

static void session_clear(struct model_session *s)
{
    for (uint64_t i = 0; i < s->size; i++) free(s->replies[i].value);
    free(s->replies);
}

void model_clear(struct model *m)
{
    for (uint32_t i = 0; i < m->key_count; i++) {
        struct model_key *k = &m->keys[i];

        for (uint32_t v = 0; v < k->count; v++) free(k->versions[v].value);
        free(k->versions);
    }
    for (uint32_t i = 0; i < m->session_count; i++) {
        session_clear(&m->sessions[i]);
    }
    free(m->keys);
    free(m->sessions);
    free(m->refusals);
    *m = (struct model){ 0 };
}

void model_begin_slot(struct model *m, uint64_t slot, uint64_t time_ns,
                      bool takeover)
{
    const uint64_t period = m->limits.session_period_ns;

    ASSERT(slot == m->slot + 1);

    m->slot = slot;
    m->time_ns = max_u64(m->time_ns, time_ns);
    if (takeover) m->floor_ns = m->time_ns + period;
    if (m->time_ns <= m->floor_ns) return;
    for (uint32_t i = 0; i < m->session_count; i++) {
        struct model_session *s = &m->sessions[i];

        if (s->ended_slot) continue;
        if (m->time_ns - s->active_ns > period) s->ended_slot = slot;
    }
}

/* ---- the store ----------------------------------------------------------- */

const struct model_key *model_key(const struct model *m, struct bytes b)
{
    uint32_t low = 0;
    uint32_t high = m->key_count;

    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        const int order = bytes_cmp(b, model_key_name(&m->keys[middle]));

        if (order == 0) return &m->keys[middle];
        if (order < 0) high = middle;
        if (order > 0) low = middle + 1;
    }
    return NULL;
}

static struct model_key *model_key_made(struct model *m, struct bytes name)
{
    uint32_t i = m->key_count;

    ASSERT(m->key_count < MODEL_KEYS_MAX);
    ASSERT(name.len <= MODEL_KEY_LEN);

    if (m->key_count == m->key_size) {
        m->key_size = m->key_size ? m->key_size * 2 : 2 * PLAN_KEYS_MAX;
        m->keys = model_take(m->keys, m->key_size, sizeof *m->keys);
    }
    while (i > 0 && bytes_cmp(name, model_key_name(&m->keys[i - 1])) < 0) {
        m->keys[i] = m->keys[i - 1];
        i--;
    }
    m->key_count++;
    m->keys[i] = (struct model_key){ .len = name.len };
    memcpy(m->keys[i].name, name.at, name.len);
    return &m->keys[i];
}

const struct model_version *model_key_at(const struct model_key *k,
                                         uint64_t slot)
{
    if (!k) return NULL;
    for (uint32_t i = k->count; i > 0; i--) {
        const struct model_version *v = &k->versions[i - 1];

        if (v->slot <= slot) return v->present ? v : NULL;
    }
    return NULL;
}

static void key_change(struct model *m, struct bytes name, bool present,
                       struct bytes value)
{
    struct model_key *k = (struct model_key *)model_key(m, name);

    if (!k) k = model_key_made(m, name);
    if (k->count == k->size) {
        k->size = k->size ? k->size * 2 : 16;
        k->versions = model_take(k->versions, k->size, sizeof *k->versions);
    }
    k->versions[k->count++] = (struct model_version){
        .slot = m->slot,
        .present = present,
        .len = value.len,
        .value = model_copy(value),
    };
}

static uint8_t model_put(struct model *m, const struct command *c,
                         struct bytes value)
{
    const struct model_version *now = model_key_at(model_key(m, c->key),
                                                   m->slot);
    const uint64_t old = now ? c->key.len + now->len + KV_PAIR_COST : 0;
    const uint64_t new = c->key.len + value.len + KV_PAIR_COST;

    if (new > old && m->bytes - old + new > m->limits.store_max_bytes) {
        return REPLY_FULL;
    }
    m->bytes = m->bytes - old + new;
    key_change(m, c->key, true, value);
    return REPLY_OK;
}

static uint8_t model_delete(struct model *m, const struct command *c)
{
    const struct model_version *now = model_key_at(model_key(m, c->key),
                                                   m->slot);

    if (!now) return REPLY_NOTFOUND;
    m->bytes -= c->key.len + now->len + KV_PAIR_COST;
    key_change(m, c->key, false, bytes_of(NULL, 0));
    return REPLY_OK;
}

static uint8_t model_cas(struct model *m, const struct command *c,
                         struct kv_reply *reply)
{
    const struct model_version *now = model_key_at(model_key(m, c->key),
                                                   m->slot);
    const bool absent = c->flags & COMMAND_ABSENT;

    if (!now) return absent ? model_put(m, c, c->value) : REPLY_NOTFOUND;
    if (!absent && bytes_equal(bytes_of(now->value, now->len), c->expected)) {
        return model_put(m, c, c->value);
    }
    reply->value = bytes_of(now->value, now->len);
    return REPLY_MISMATCH;
}

/* The clients of a world write no numbers but by INCR, and words. */
static uint8_t model_incr(struct model *m, const struct command *c,
                          struct kv_reply *reply)
{
    static char text[24];
    const struct model_version *now = model_key_at(model_key(m, c->key),
                                                   m->slot);
    char old[24] = "0";
    int64_t n;
    char *end;
    uint8_t status;

    if (now && (now->len == 0 || now->len > 20)) return REPLY_NOT_NUMBER;
    if (now) memcpy(old, now->value, now->len);
    if (now) old[now->len] = '\0';
    n = strtoll(old, &end, 10);
    if (*end || end == old) return REPLY_NOT_NUMBER;
    if (__builtin_add_overflow(n, (int64_t)load64(c->value.at), &n)) {
        return REPLY_OVERFLOW;
    }
    snprintf(text, sizeof text, "%" PRId64, n);
    status = model_put(m, c, bytes_of(text, (uint32_t)strlen(text)));
    if (status == REPLY_OK)
        reply->value = bytes_of(text, (uint32_t)strlen(text));
    return status;
}

/* ---- sessions ------------------------------------------------------------ */

struct model_session *model_session(const struct model *m, struct session_id id)
{
    for (uint32_t i = 0; i < m->session_count; i++) {
        struct model_session *s = &m->sessions[i];

        if (s->id.slot == id.slot && s->id.index == id.index) return s;
    }
    return NULL;
}

static struct model_reply *session_reply(struct model_session *s, uint64_t seq)
{
    ASSERT(seq < SEQ_MAX);
    if (seq >= s->size) {
        const uint64_t size = 2 * seq + 16;

        s->replies = model_take(s->replies, size, sizeof *s->replies);
        memset(s->replies + s->size, 0, (size - s->size) * sizeof *s->replies);
        s->size = size;
    }
    return &s->replies[seq];
}

static void session_touched(struct model *m, struct model_session *s)
{
    s->active_ns = m->time_ns;
    s->active_order = ++m->order;
}

/* The living session whose last command lies back farthest, and how many. */
static struct model_session *session_oldest(const struct model *m,
                                            uint32_t *living)
{
    struct model_session *oldest = NULL;

    *living = 0;
    for (uint32_t i = 0; i < m->session_count; i++) {
        struct model_session *s = &m->sessions[i];

        if (s->ended_slot) continue;
        (*living)++;
        if (!oldest || s->active_order < oldest->active_order) oldest = s;
    }
    return oldest;
}

static bool session_make_room(struct model *m)
{
    uint32_t living;
    struct model_session *oldest = session_oldest(m, &living);

    if (living < m->limits.sessions_max) return true;
    if (!oldest) return false;
    if (m->time_ns - oldest->active_ns < m->limits.session_period_ns / 3) {
        return false;
    }
    oldest->ended_slot = m->slot;
    return true;
}

static void model_refuse(struct model *m, const uint8_t *nonce)
{
    if (m->refusal_count == m->refusal_size) {
        m->refusal_size = m->refusal_size ? m->refusal_size * 2 : 16;
        m->refusals = model_take(m->refusals, m->refusal_size,
                                 sizeof *m->refusals);
    }
    m->refusals[m->refusal_count].slot = m->slot;
    memcpy(m->refusals[m->refusal_count++].nonce, nonce, COMMAND_NONCE);
}

static struct model_session *session_made(struct model *m, uint16_t index,
                                          const uint8_t *nonce)
{
    struct model_session *s;

    if (m->session_count == m->session_size) {
        m->session_size = m->session_size ? m->session_size * 2 : 16;
        m->sessions = model_take(m->sessions, m->session_size,
                                 sizeof *m->sessions);
    }
    s = &m->sessions[m->session_count++];
    *s = (struct model_session){ .id = { m->slot, index } };
    memcpy(s->nonce, nonce, COMMAND_NONCE);
    return s;
}

void model_opened(const struct model_session *s, struct kv_reply *reply)
{
    static uint8_t opened[8 + 2 + COMMAND_NONCE];

    store64(opened, s->id.slot);
    store16(opened + 8, s->id.index);
    memcpy(opened + 10, s->nonce, COMMAND_NONCE);
    *reply = (struct kv_reply){
        .status = REPLY_OK,
        .slot = s->id.slot,
        .value = bytes_of(opened, sizeof opened),
    };
}

static void model_open(struct model *m, uint16_t index, const struct command *c,
                       struct kv_reply *reply)
{
    struct model_session *s = NULL;

    for (uint32_t i = 0; i < m->session_count; i++) {
        struct model_session *old = &m->sessions[i];

        if (old->ended_slot) continue;
        if (memcmp(old->nonce, c->value.at, COMMAND_NONCE) == 0) s = old;
    }
    if (!s && !session_make_room(m)) {
        model_refuse(m, c->value.at);
        reply->status = REPLY_FULL;
        return;
    }
    if (!s) s = session_made(m, index, c->value.at);
    session_touched(m, s);
    model_opened(s, reply);
}

/* ---- commands ------------------------------------------------------------ */

static uint8_t model_apply(struct model *m, const struct command *c,
                           struct kv_reply *reply)
{
    switch (c->op) {
    case COMMAND_PUT:
        return model_put(m, c, c->value);
    case COMMAND_DEL:
        return model_delete(m, c);
    case COMMAND_CAS:
        return model_cas(m, c, reply);
    case COMMAND_INCR:
        return model_incr(m, c, reply);
    default:
        return REPLY_VOID;
    }
}

static void model_on_seq(struct model *m, struct model_session *s,
                         const struct command *c, struct kv_reply *reply)
{
    struct model_reply *r;

    if (c->seq <= s->acked_upto) {
        reply->status = REPLY_STALE;
        return;
    }
    if (c->seq > s->acked_upto + SESSION_WINDOW) {
        reply->status = REPLY_WINDOW;
        return;
    }
    r = session_reply(s, c->seq);
    if (!r->set) {
        reply->status = model_apply(m, c, reply);
        *r = (struct model_reply){
            .set = true,
            .status = reply->status,
            .slot = reply->slot,
            .order = m->order,
            .len = reply->value.len,
            .value = model_copy(reply->value),
        };
    }
    *reply = (struct kv_reply){
        .status = r->status,
        .slot = r->slot,
        .value = bytes_of(r->value, r->len),
    };
}

void model_execute(struct model *m, uint16_t index, const struct command *c,
                   struct kv_reply *reply)
{
    struct model_session *s;

    *reply = (struct kv_reply){ .status = REPLY_OK, .slot = m->slot };
    if (command_is_read(c->op)) {
        reply->status = REPLY_BAD;
        return;
    }
    if (c->op == COMMAND_OPEN) {
        model_open(m, index, c, reply);
        return;
    }
    s = model_session(m, c->session);
    if (!s || s->ended_slot) {
        reply->status = REPLY_EXPIRED;
        return;
    }
    session_touched(m, s);
    if (c->op == COMMAND_CLOSE) s->ended_slot = m->slot;
    if (!model_op_has_seq(c->op)) return;
    s->acked_upto = max_u64(s->acked_upto, c->acked_upto);
    model_on_seq(m, s, c, reply);
}

uint64_t model_order(const struct model *m, const struct command *c)
{
    const struct model_session *s;

    if (!model_op_has_seq(c->op)) return 0;
    s = model_session(m, c->session);
    if (!s || c->seq >= s->size) return 0;
    return s->replies[c->seq].status == REPLY_OK ? s->replies[c->seq].order : 0;
}

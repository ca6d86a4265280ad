/*
 * session.c - operations from being queued to being collected, and time.
 */
#include "client/session.h"

#include "base/assert.h"
#include "client/page.h"

#include <stdlib.h>

_Static_assert(PKV_KEY_MAX == COMMAND_KEY_MAX, "one limit, two names");
_Static_assert(PKV_COMMAND_MAX == COMMAND_BYTES_MAX, "one limit, two names");
_Static_assert(SESSION_OPS == 64, "a bit of a word each");
_Static_assert(SESSION_WINDOW == 64, "a bit of a word each");

#define WANTED_LEN 4u /* operand of LIST */

/* ---- start and end ------------------------------------------------------ */

static void session_draw_nonce(struct session *s)
{
    store64(s->nonce, prng_next(&s->prng));
    store64(s->nonce + 8, prng_next(&s->prng));
}

void session_init(struct session *s, const struct servers *servers,
                  const uint8_t entropy[SESSION_ENTROPY])
{
    ASSERT(servers->count > 0);

    memset(s, 0, sizeof *s);
    s->servers = *servers;
    memcpy(s->prng.s, entropy, SESSION_ENTROPY);
    s->prng.s[0] |= 1; /* all zeros would stay so */
    s->cookie = prng_next(&s->prng);
    session_draw_nonce(s);
    s->timer_ns = NEVER_NS;
}

void session_end(struct session *s)
{
    for (uint32_t i = 0; i < SESSION_OPS; i++) {
        free(s->ops[i].page);
        s->ops[i].page = NULL;
    }
    free(s->taken);
    s->taken = NULL;
}

/* ---- queueing ----------------------------------------------------------- */

static bool session_code_is_write(enum pkv_code code)
{
    return !command_is_read((uint8_t)code);
}

static bool operand_is_there(const void *at, size_t len)
{
    return at != NULL || len == 0;
}

static size_t op_value_len(const struct pkv_op *op)
{
    switch (op->code) {
    case PKV_PUT:
    case PKV_CAS:
        return op->value_len;
    case PKV_INCR:
        return sizeof op->delta;
    case PKV_LIST:
        return WANTED_LEN;
    case PKV_DEL:
    case PKV_GET:
    case PKV_PING:
        break;
    }
    return 0;
}

/* Operands that the code does not have must be empty. */
static bool op_shape_is_right(const struct pkv_op *op)
{
    const bool has_value = op->code == PKV_PUT || op->code == PKV_CAS;
    unsigned flags = 0;

    switch (op->code) {
    case PKV_CAS:
        flags = PKV_ABSENT;
        break;
    case PKV_LIST:
        flags = PKV_KEYS;
        break;
    case PKV_PING:
        if (op->key_len) return false;
        break;
    case PKV_PUT:
    case PKV_DEL:
    case PKV_INCR:
    case PKV_GET:
        break;
    default:
        return false; /* it comes from outside */
    }
    if (op->flags & ~flags) return false;
    if (!has_value && op->value_len) return false;
    if (op->code == PKV_LIST || op->code == PKV_PING) return true;
    if (op->code != PKV_CAS || op->flags & PKV_ABSENT) {
        if (op->expected_len) return false;
    }
    return op->key_len > 0;
}

static enum pkv_status op_check(const struct pkv_op *op)
{
    if (!operand_is_there(op->key, op->key_len)) return PKV_INVALID;
    if (!operand_is_there(op->expected, op->expected_len)) return PKV_INVALID;
    if (!operand_is_there(op->value, op->value_len)) return PKV_INVALID;
    if (!op_shape_is_right(op)) return PKV_INVALID;
    if (op->key_len > PKV_KEY_MAX) return PKV_TOO_LARGE;
    if (op->expected_len > PKV_COMMAND_MAX) return PKV_TOO_LARGE;
    if (op->value_len > PKV_COMMAND_MAX) return PKV_TOO_LARGE;
    if (op->code == PKV_LIST)
        return op->expected_len <= PKV_KEY_MAX ? PKV_OK : PKV_TOO_LARGE;
    if (op->key_len + op->expected_len + op_value_len(op) > PKV_COMMAND_MAX)
        return PKV_TOO_LARGE;
    return PKV_OK;
}

/*
 * A key to go on behind begins with the prefix itself.  Where both are so long
 * that they do not fit, the prefix is cut, and the pages are trimmed.
 */
static uint32_t op_expected_len(const struct pkv_op *op)
{
    const size_t room = PKV_COMMAND_MAX - WANTED_LEN - op->key_len;

    if (op->code != PKV_LIST || op->expected_len <= room)
        return (uint32_t)op->expected_len;
    return (uint32_t)room;
}

static void session_encode(struct session_op *o, const struct pkv_op *op)
{
    const uint8_t wanted[WANTED_LEN] = { 0 }; /* set when it is sent */
    struct writer w = writer_of(o->bytes, sizeof o->bytes);
    struct command c = {
        .op = (uint8_t)op->code,
        .flags = (uint8_t)op->flags,
        .seq = o->seq,
        .key = bytes_of(op->key, (uint32_t)op->key_len),
        .expected = bytes_of(op->expected, op_expected_len(op)),
        .value = bytes_of(op->value, (uint32_t)op->value_len),
    };

    if (op->code == PKV_INCR) c.value = bytes_of(&op->delta, sizeof op->delta);
    if (op->code == PKV_LIST) c.value = bytes_of(wanted, sizeof wanted);
    command_encode(&c, &w);
    ASSERT(writer_ok(&w));
    o->len = (uint16_t)writer_len(&w);
}

static void session_number_op(struct session *s, uint32_t i, bool is_write)
{
    struct session_op *o = &s->ops[i];

    if (!is_write) {
        o->seq = session_number(s, i);
        return;
    }
    o->seq = ++s->seq_last;
    s->seq_op[o->seq % SESSION_WINDOW] = (uint8_t)i;
    s->writes |= session_bit(i);
}

enum pkv_status session_submit(struct session *s, const struct pkv_op *op,
                               uint64_t limit_ns, uint32_t *own)
{
    const enum pkv_status status = op_check(op);
    const bool is_write = session_code_is_write(op->code);
    struct session_op *o;
    uint32_t i;

    if (status != PKV_OK) return status;
    if (s->used == UINT64_MAX) return PKV_AGAIN;
    if (is_write && s->seq_last == s->acked_upto + SESSION_WINDOW)
        return PKV_AGAIN;

    i = (uint32_t)__builtin_ctzll(~s->used);
    o = &s->ops[i];
    memset(o, 0, offsetof(struct session_op, bytes));
    o->code = (uint8_t)op->code;
    o->own = own != NULL;
    o->user = op->user;
    o->limit_ns = limit_ns;
    o->prefix_len = (uint16_t)(op->code == PKV_LIST ? op->expected_len : 0);
    s->used |= session_bit(i);
    s->fresh |= session_bit(i);
    session_number_op(s, i, is_write);
    session_encode(o, op);
    if (own) *own = i;
    return PKV_OK;
}

/* ---- finishing ---------------------------------------------------------- */

/* acked_upto goes up to the first number that is not done with (P30). */
static void session_ack(struct session *s, uint64_t seq)
{
    const uint64_t ahead = seq - s->acked_upto - 1;

    ASSERT(seq > s->acked_upto);
    ASSERT(ahead < SESSION_WINDOW);
    s->acked_mask |= session_bit((uint32_t)ahead);
    while (s->acked_mask & 1) {
        s->acked_mask >>= 1;
        s->acked_upto++;
    }
}

/* Keep a page; a first byte says whether more follow (kv/kv.h). */
static enum pkv_status session_keep_page(struct session_op *o,
                                         struct bytes value)
{
    struct bytes page = bytes_of(value.at + 1, value.len - 1);

    ASSERT(value.len > 0);
    o->more = value.at[0] != 0;
    if (o->prefix_len > load16(o->bytes + 6)) {
        /* Sent cut: what goes beyond the prefix is not wanted. */
        if (page_trim(&page, bytes_of(o->bytes + COMMAND_HEAD, o->prefix_len)))
            o->more = false;
    }
    o->page = malloc(page.len ? page.len : 1);
    if (o->page == NULL) return PKV_SYSTEM; /* errno is ENOMEM */
    memcpy(o->page, page.at, page.len);
    o->page_len = page.len;
    return PKV_OK;
}

void session_finish(struct session *s, uint32_t i, enum pkv_status status,
                    uint64_t slot, struct bytes value)
{
    struct session_op *o = &s->ops[i];
    const uint64_t bit = session_bit(i);

    ASSERT(s->used & bit);
    ASSERT(!(s->done & bit));
    ASSERT(value.len <= sizeof o->bytes || o->code == COMMAND_LIST);

    if (o->code == COMMAND_LIST && status == PKV_OK) {
        status = session_keep_page(o, value);
    } else {
        o->len = (uint16_t)value.len;
        if (value.len) memcpy(o->bytes, value.at, value.len);
    }
    o->status = (uint8_t)status;
    o->slot = slot;
    o->due_ns = s->now_ns - o->start_ns; /* reused: how long it took */
    s->done |= bit;
    s->ready &= ~bit;
    if (s->writes & bit) {
        s->writes &= ~bit;
        session_ack(s, o->seq);
    }
    if (o->own) return;
    s->queue[(s->queue_at + s->queue_count++) % SESSION_OPS] = (uint8_t)i;
}

static void session_give(struct session *s, uint32_t i, struct pkv_result *r)
{
    struct session_op *o = &s->ops[i];
    const uint64_t bit = session_bit(i);

    free(s->taken);
    s->taken = o->page;
    o->page = NULL;
    *r = (struct pkv_result){
        .user = o->user,
        .code = (enum pkv_code)o->code,
        .status = (enum pkv_status)o->status,
        .value = s->taken ? s->taken : o->bytes,
        .value_len = s->taken ? o->page_len : o->len,
        .more = o->more,
        .slot = o->slot,
        .elapsed_ns = o->due_ns,
    };
    s->used &= ~bit;
    s->done &= ~bit;
}

bool session_next(struct session *s, struct pkv_result *r)
{
    if (s->queue_count == 0) return false;
    session_give(s, s->queue[s->queue_at], r);
    s->queue_at = (s->queue_at + 1) % SESSION_OPS;
    s->queue_count--;
    return true;
}

bool session_take(struct session *s, uint32_t own, struct pkv_result *r)
{
    ASSERT(s->used & session_bit(own));
    ASSERT(s->ops[own].own);

    if (!(s->done & session_bit(own))) return false;
    session_give(s, own, r);
    return true;
}

/* ---- time --------------------------------------------------------------- */

uint64_t session_jitter(struct session *s, uint64_t t_ns)
{
    return prng_range(&s->prng, t_ns / 2, t_ns + t_ns / 2);
}

uint64_t session_wait_ns(const struct session *s)
{
    uint64_t wait_ns = s->rtt_ns + 4 * s->rtt_var_ns;

    if (s->rtt_ns == 0) return RTO_FIRST_NS;
    wait_ns = min_u64(max_u64(wait_ns, 2 * s->rtt_ns), 4 * s->rtt_ns);
    return min_u64(max_u64(wait_ns, RTO_MIN_NS), RTO_MAX_NS);
}

static uint64_t backed_off(uint64_t wait_ns, uint32_t attempts)
{
    const uint32_t shift = attempts > 1 ? (attempts - 1) / 2 : 0;
    const uint64_t end_ns = max_u64(wait_ns, BACKOFF_MAX_NS);

    if (shift > 10) return end_ns;
    return min_u64(wait_ns << shift, end_ns);
}

uint64_t session_rto(struct session *s, uint32_t attempts)
{
    const uint64_t wait_ns = backed_off(session_wait_ns(s), attempts);

    /* Only longer: an answer that is about to come is not asked for again. */
    return prng_range(&s->prng, wait_ns, wait_ns + wait_ns / 2);
}

void session_postpone(struct session *s, uint32_t i, uint64_t due_ns)
{
    struct session_op *o = &s->ops[i];

    o->waiting = false;
    o->due_ns = due_ns;
    s->ready &= ~session_bit(i);
    s->timer_ns = min_u64(s->timer_ns, due_ns);
}

void session_rotate(struct session *s)
{
    servers_rotate(&s->servers);
    s->knock.due_ns = 0;
}

void session_lose(struct session *s)
{
    uint64_t left = s->writes & ~s->fresh;

    s->open = false;
    s->ending = false;
    s->opening = (struct retry){ 0 };
    s->keeping = (struct retry){ 0 };
    session_draw_nonce(s);
    for (; left; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(left);

        if (!s->ops[i].sent) continue; /* it may go into the next session */
        session_finish(s, i, PKV_EXPIRED, 0, bytes_of(NULL, 0));
    }
}

static void session_begin(struct session *s)
{
    for (; s->fresh; s->fresh &= s->fresh - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(s->fresh);
        struct session_op *o = &s->ops[i];

        o->start_ns = s->now_ns;
        o->deadline_ns = add_u64(s->now_ns, o->limit_ns);
        o->fence_ns = o->deadline_ns;
        if (s->writes & session_bit(i))
            o->fence_ns -= min_u64(o->limit_ns / FENCE_PART, FENCE_MAX_NS);
        s->ready |= session_bit(i);
        s->timer_ns = min_u64(s->timer_ns, o->fence_ns);
    }
}

/*
 * Its time is over.  Not done is said only of what was never sent (P32), and
 * of reads, which do nothing.
 */
static void session_give_up(struct session *s, uint32_t i)
{
    const struct session_op *o = &s->ops[i];
    enum pkv_status status = o->busy ? PKV_BUSY : PKV_UNAVAILABLE;

    if (s->writes & session_bit(i) && o->sent) status = PKV_UNKNOWN;
    session_finish(s, i, status, 0, bytes_of(NULL, 0));
}

/* Nothing came from the preferred server since this was sent to it. */
static bool session_is_silent(const struct session *s, uint32_t server,
                              uint64_t sent_ns)
{
    return server == s->servers.preferred &&
           s->servers.list[server].heard_ns <= sent_ns;
}

/* Returns true if silence was noticed: another server may do better. */
static bool session_tick_op(struct session *s, uint32_t i, bool *large)
{
    struct session_op *o = &s->ops[i];
    const uint64_t bit = session_bit(i);
    const bool late = s->now_ns >= o->fence_ns && !o->fencing;
    bool silent = false;

    if (s->now_ns >= o->deadline_ns || (late && !o->sent)) {
        session_give_up(s, i);
        return false;
    }
    if (!(s->ready & bit) && s->now_ns >= o->due_ns) {
        silent = o->waiting && session_is_silent(s, o->server, o->sent_ns);
        if (silent && o->large) *large = true;
        s->ready |= bit;
    }
    if (late) {
        o->fencing = true;
        o->attempts = 0;
        s->ready |= bit;
    }
    s->timer_ns = min_u64(s->timer_ns,
                          o->fencing ? o->deadline_ns : o->fence_ns);
    if (!(s->ready & bit)) s->timer_ns = min_u64(s->timer_ns, o->due_ns);
    return silent;
}

static bool session_tick_retry(struct session *s, const struct retry *r)
{
    return r->attempts > 0 && s->now_ns >= r->due_ns &&
           servers_preferred(&s->servers)->heard_ns <= r->sent_ns;
}

/*
 * What was sent to the preferred server was not answered in time: by chance,
 * unless nothing at all comes from it for a while.
 */
static void session_on_silence(struct session *s)
{
    struct server *server = servers_preferred(&s->servers);
    const bool knocks = !server->has_token;
    const uint64_t waits = s->now_ns < server->lossy_ns ? LOSSY_RTOS
                                                        : SILENCE_RTOS;

    /* A short request with a token that is too old is not answered: knock. */
    server->doubted = server->silent;
    server->silent = true;
    if (s->now_ns - server->heard_ns >= TOKEN_SURE_NS) {
        server->has_token = false;
        s->knock.due_ns = 0;
    }
    if (!knocks && s->now_ns - server->asked_ns < waits * session_wait_ns(s))
        return;
    server->has_token = false;
    server->silent = false;
    server->doubted = false;
    s->refusals = 0;
    session_rotate(s);
}

void session_tick(struct session *s, uint64_t now_ns)
{
    bool silent = false, large = false;

    ASSERT(now_ns >= s->now_ns);
    s->now_ns = now_ns;
    session_begin(s);
    if (now_ns >= s->timer_ns) {
        uint64_t left = s->used & ~s->done;

        s->timer_ns = NEVER_NS;
        for (; left; left &= left - 1)
            silent |= session_tick_op(s, (uint32_t)__builtin_ctzll(left),
                                      &large);
    }
    if (large) servers_on_large_lost(&s->servers, s->servers.preferred, now_ns);
    if (!session_wants_server(s)) return;
    if (!servers_preferred(&s->servers)->has_token)
        silent |= session_tick_retry(s, &s->knock);
    else if (session_wants_open(s))
        silent |= session_tick_retry(s, &s->opening);
    else if (session_wants_keepalive(s))
        silent |= session_tick_retry(s, &s->keeping);
    if (silent) session_on_silence(s);
}

/* ---- what is wanted ----------------------------------------------------- */

/*
 * A session that was idle for so long may be gone (P31).  Nothing is written
 * in it before a KEEPALIVE was answered: EXPIRED would leave a write unknown.
 */
static bool session_is_sure(const struct session *s)
{
    return s->open && !session_wants_keepalive(s);
}

bool session_wants_open(const struct session *s)
{
    return !s->open && (s->ready & s->writes);
}

bool session_wants_keepalive(const struct session *s)
{
    return s->open && s->now_ns - s->active_ns >= SESSION_KEEP_NS;
}

uint64_t session_sendable(const struct session *s)
{
    return session_is_sure(s) ? s->ready : s->ready & ~s->writes;
}

bool session_wants_server(const struct session *s)
{
    if (s->servers.list[s->servers.preferred].foreign) return false;
    return s->ready || session_wants_keepalive(s) || session_is_closing(s);
}

uint64_t session_deadline(const struct session *s)
{
    uint64_t due_ns = s->timer_ns;

    if (s->fresh) return 0;
    if (s->open) due_ns = min_u64(due_ns, s->active_ns + SESSION_KEEP_NS);
    if (!session_wants_server(s)) return due_ns;
    if (!s->servers.list[s->servers.preferred].has_token)
        return min_u64(s->timer_ns, s->knock.due_ns);
    if (session_sendable(s)) return 0;
    due_ns = s->timer_ns;
    if (session_wants_open(s)) due_ns = min_u64(due_ns, s->opening.due_ns);
    if (session_wants_keepalive(s)) due_ns = min_u64(due_ns, s->keeping.due_ns);
    if (session_is_closing(s)) due_ns = min_u64(due_ns, s->closing.due_ns);
    return due_ns;
}

void session_want_close(struct session *s)
{
    /* What would still be sent might overtake the CLOSE. */
    s->used &= s->done;
    s->fresh = 0;
    s->ready = 0;
    s->writes = 0;
    s->ending = true;
    s->closing.due_ns = 0;
}

bool session_is_closing(const struct session *s)
{
    return s->ending && s->open;
}

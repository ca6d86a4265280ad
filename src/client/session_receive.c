/*
 * session_receive.c - what members answer.
 */
#include "client/session.h"

#include "base/assert.h"
#include "client/page.h"

#define NOTHING bytes_of(NULL, 0)

static uint64_t session_busy_ns(struct session *s, uint32_t attempts)
{
    const uint32_t shift = attempts < 9 ? attempts : 8;

    return s->now_ns +
           session_jitter(s, min_u64(BUSY_FIRST_NS << shift, RTO_MAX_NS));
}

/*
 * Round trips, smoothed as in RFC 6298.  For what was sent more than once, the
 * answer may be that to an earlier copy (Karn): it took at least so long.
 */
static void session_measure(struct session *s, const struct session_op *o)
{
    const uint64_t rtt_ns = s->now_ns - o->sent_ns;
    uint64_t error_ns;

    if (!o->waiting) return;
    if (o->attempts != 1 && rtt_ns <= s->rtt_ns) return;
    if (s->rtt_ns == 0) {
        s->rtt_ns = rtt_ns + 1;
        s->rtt_var_ns = rtt_ns / 2;
        return;
    }
    error_ns = rtt_ns > s->rtt_ns ? rtt_ns - s->rtt_ns : s->rtt_ns - rtt_ns;
    s->rtt_var_ns = (3 * s->rtt_var_ns + error_ns) / 4;
    s->rtt_ns = (7 * s->rtt_ns + rtt_ns) / 8 + 1;
}

/* ---- the session's own commands ----------------------------------------- */

static void session_on_open(struct session *s, const struct reply_item *item)
{
    uint64_t left;

    if (s->open || item->seq != s->opening.number) return;
    if (s->opening.attempts == 0) return;
    switch (item->status) {
    case REPLY_OK:
        if (item->value.len != 10 + COMMAND_NONCE) return;
        if (memcmp(item->value.at + 10, s->nonce, COMMAND_NONCE) != 0) return;
        s->id.slot = load64(item->value.at);
        s->id.index = load16(item->value.at + 8);
        s->open = true;
        s->active_ns = s->opening.first_ns;
        s->opening = (struct retry){ 0 };
        return;
    case REPLY_FULL: /* an answer of the state machine: nothing was done */
        s->opening = (struct retry){ 0 };
        for (left = s->ready & s->writes; left; left &= left - 1) {
            session_finish(s, (uint32_t)__builtin_ctzll(left), PKV_FULL,
                           item->slot, NOTHING);
        }
        return;
    default:
        s->opening.due_ns = session_busy_ns(s, s->opening.attempts);
    }
}

static void session_on_keepalive(struct session *s,
                                 const struct reply_item *item)
{
    if (!s->open || item->seq != s->keeping.number) return;
    if (s->keeping.attempts == 0) return;
    switch (item->status) {
    case REPLY_OK:
        s->active_ns = max_u64(s->active_ns, s->keeping.first_ns);
        s->keeping = (struct retry){ 0 };
        return;
    case REPLY_EXPIRED:
        session_lose(s);
        return;
    default:
        s->keeping.due_ns = session_busy_ns(s, s->keeping.attempts);
    }
}

static void session_on_close(struct session *s, const struct reply_item *item)
{
    if (item->seq == s->closing.number) s->ending = false;
}

/* ---- operations --------------------------------------------------------- */

/* The operation that an answer is for, or NULL: a late or doubled one. */
static struct session_op *session_op_of(struct session *s,
                                        const struct reply_item *item)
{
    const bool is_write = !(item->seq & SESSION_NUMBER);
    const uint32_t i = is_write ? s->seq_op[item->seq % SESSION_WINDOW]
                                : (uint32_t)(item->seq % SESSION_OPS);
    struct session_op *o = &s->ops[i];
    const uint64_t live = s->used & ~s->done & ~s->fresh;

    if (!(live & session_bit(i)) || o->seq != item->seq || !o->sent)
        return NULL;
    if (item->op == COMMAND_FENCE) return o->fencing ? o : NULL;
    return item->op == o->code ? o : NULL;
}

static bool session_value_is_sane(const struct session_op *o,
                                  const struct reply_item *item)
{
    if (o->code != COMMAND_LIST || item->status != REPLY_OK)
        return item->value.len <= COMMAND_BYTES_MAX;
    return item->value.len > 0 &&
           page_is_whole(bytes_of(item->value.at + 1, item->value.len - 1));
}

static void session_put_off(struct session *s, uint32_t i, bool busy)
{
    struct session_op *o = &s->ops[i];

    o->busy = busy;
    session_postpone(s, i, session_busy_ns(s, o->attempts));
}

static void session_on_write(struct session *s, uint32_t i,
                             const struct reply_item *item)
{
    struct session_op *o = &s->ops[i];
    const enum pkv_status void_status = o->cancelled ? PKV_CANCELLED
                                        : o->busy    ? PKV_BUSY
                                                     : PKV_UNAVAILABLE;

    switch ((enum reply_status)item->status) {
    case REPLY_OK:
    case REPLY_NOTFOUND:
    case REPLY_MISMATCH:
    case REPLY_FULL:
    case REPLY_NOT_NUMBER:
    case REPLY_OVERFLOW:
        break;
    case REPLY_BUSY:
    case REPLY_UNAVAILABLE:
    case REPLY_WINDOW: /* by a state older than ours */
        session_put_off(s, i, item->status == REPLY_BUSY);
        return;
    case REPLY_EXPIRED:
        session_lose(s);
        return;
    case REPLY_STALE: /* done with, says the group; how it went is gone */
        session_finish(s, i, PKV_UNKNOWN, item->slot, NOTHING);
        return;
    case REPLY_VOID:
        session_finish(s, i, void_status, item->slot, NOTHING);
        return;
    case REPLY_BAD: /* of a fence it says nothing about the write */
        session_finish(s, i, o->fencing ? PKV_UNKNOWN : PKV_REFUSED, item->slot,
                       NOTHING);
        return;
    }
    s->active_ns = max_u64(s->active_ns, o->start_ns);
    session_finish(s, i,
                   item->status == REPLY_NOT_NUMBER ? PKV_NOT_NUMBER
                   : item->status == REPLY_OVERFLOW ? PKV_OVERFLOW
                   : item->status == REPLY_FULL     ? PKV_FULL
                                                    : item->status,
                   item->slot, item->value);
}

static void session_on_read(struct session *s, uint32_t i,
                            const struct reply_item *item)
{
    switch (item->status) {
    case REPLY_OK:
    case REPLY_NOTFOUND:
        session_finish(s, i, item->status == REPLY_OK ? PKV_OK : PKV_NOTFOUND,
                       item->slot, item->value);
        return;
    case REPLY_BUSY:
    case REPLY_UNAVAILABLE:
        session_put_off(s, i, item->status == REPLY_BUSY);
        return;
    case REPLY_BAD:
        session_finish(s, i, PKV_REFUSED, item->slot, NOTHING);
        return;
    default:
        return; /* no answer to a read: as if it had been lost */
    }
}

static void session_on_item(struct session *s, const struct reply_item *item)
{
    struct session_op *o;
    uint32_t i;

    switch (item->op) {
    case COMMAND_OPEN:
        session_on_open(s, item);
        return;
    case COMMAND_KEEPALIVE:
        session_on_keepalive(s, item);
        return;
    case COMMAND_CLOSE:
        session_on_close(s, item);
        return;
    default:
        break;
    }
    o = session_op_of(s, item);
    if (o == NULL || !session_value_is_sane(o, item)) return;
    session_measure(s, o);
    i = (uint32_t)(o - s->ops);
    if (s->writes & session_bit(i))
        session_on_write(s, i, item);
    else
        session_on_read(s, i, item);
}

static bool status_is_refusal(uint8_t status)
{
    return status == REPLY_BUSY || status == REPLY_UNAVAILABLE;
}

/*
 * Who answers is the leader, and asked from now on.  A member that is not, and
 * only says BUSY, does not reach the leader: another one may.
 */
static void session_prefer(struct session *s, uint32_t server, bool is_leader,
                           bool refused)
{
    if (is_leader || !refused)
        s->servers.preferred = server;
    else if (server == s->servers.preferred)
        session_rotate(s);
}

/* It is there, and some of what was sent got lost: once may be a pause, and who
 * has only been turned to may have waited for a leader. */
static void session_on_lapse(struct session *s, struct server *server)
{
    if (!server->silent || !server->answers) return;
    if (server->lapse_ns && s->now_ns - server->lapse_ns < LOSSY_NS)
        server->lossy_ns = s->now_ns + LOSSY_NS;
    server->lapse_ns = s->now_ns;
}

static void session_on_reply(struct session *s, const struct address *addr,
                             uint8_t sender, struct reader r)
{
    struct reply_head head;
    struct reply_item item;
    struct server *server;
    bool refused = true;
    uint32_t i;

    if (reply_head_decode(&head, &r) != 0 || head.cookie != s->cookie) return;
    i = servers_learn(&s->servers, addr);
    server = &s->servers.list[i];
    if (server->foreign) return;
    server->known = true;
    server->has_token = true;
    server->token = head.token;
    session_on_lapse(s, server);
    server->answers = true;
    server->silent = false;
    server->doubted = false;
    server->heard_ns = s->now_ns;
    server->large_lost = 0;
    s->refusals = 0;
    s->knock.attempts = 0;
    while (reader_left(&r) > 0 && reply_item_decode(&item, &r) == 0) {
        refused = refused && status_is_refusal(item.status);
        session_on_item(s, &item);
    }
    session_prefer(s, i, head.leader == sender, refused);
}

/* ---- welcome ------------------------------------------------------------ */

static void retry_now(struct retry *r)
{
    if (r->attempts <= TOKEN_TRIES_MAX) r->due_ns = 0;
}

/* What was sent with an outdated token was not looked at: send it again now. */
static void session_send_anew(struct session *s, uint32_t server)
{
    uint64_t left = s->used & ~s->done & ~s->fresh & ~s->ready;

    for (; left; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(left);
        struct session_op *o = &s->ops[i];

        if (!o->waiting || o->server != server) continue;
        if (o->token_tries++ >= TOKEN_TRIES_MAX) continue;
        s->ready |= session_bit(i);
    }
    retry_now(&s->opening);
    retry_now(&s->keeping);
    retry_now(&s->closing);
}

static void session_on_welcome(struct session *s, const struct address *addr,
                               struct reader r)
{
    const uint32_t i = servers_find(&s->servers, addr);
    struct server *server;
    struct welcome m;
    bool had_token;
    uint64_t token, heard_ns;

    if (welcome_decode(&m, &r) != 0 || m.cookie != s->cookie) return;
    if (i == SERVERS_UNKNOWN) return;
    server = &s->servers.list[i];
    had_token = server->has_token;
    token = server->token;
    heard_ns = server->heard_ns;
    servers_on_welcome(&s->servers, i, &m, s->now_ns);
    s->refusals = 0;
    s->knock.attempts = 0;
    if (server->foreign) {
        if (i == s->servers.preferred) session_rotate(s);
        return;
    }
    if (!had_token) return;
    if (token != m.token)
        session_send_anew(s, i);
    else
        server->heard_ns = heard_ns; /* it is there, and answers nothing */
}

void session_on_datagram(struct session *s, uint64_t now_ns,
                         const struct address *addr, const uint8_t *datagram,
                         size_t len)
{
    struct datagram_head head;
    struct reader r;

    ASSERT(now_ns >= s->now_ns);
    s->now_ns = now_ns;
    if (datagram_open(datagram, len, &head) != DATAGRAM_OK) return;
    r = reader_of(datagram + DATAGRAM_HEAD, len - DATAGRAM_HEAD);
    if (head.kind == DATAGRAM_REPLY)
        session_on_reply(s, addr, head.sender, r);
    else if (head.kind == DATAGRAM_WELCOME)
        session_on_welcome(s, addr, r);
}

/* ---- nobody there ------------------------------------------------------- */

void session_on_refused(struct session *s, const struct address *addr)
{
    const uint32_t server = servers_find(&s->servers, addr);
    uint64_t left = s->used & ~s->done & ~s->fresh & ~s->ready;

    if (server == SERVERS_UNKNOWN || server != s->servers.preferred) return;
    if (s->refusals >= s->servers.count) return; /* all: wait for a time-out */
    s->refusals++;
    for (; left; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(left);

        if (s->ops[i].waiting && s->ops[i].server == server)
            s->ready |= session_bit(i);
    }
    s->opening.due_ns = 0;
    s->keeping.due_ns = 0;
    s->closing.due_ns = 0;
    session_rotate(s);
}

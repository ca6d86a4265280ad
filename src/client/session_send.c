/*
 * session_send.c - datagrams to the preferred server: a KNOCK while it has
 * given no token, else as many commands as one datagram takes.
 */
#include "client/session.h"

#include "base/assert.h"

/* Places in an encoded command that are set anew each time it is sent. */
#define AT_ACKED_DELTA   1
#define AT_SESSION_INDEX 2
#define AT_SESSION_SLOT  12
#define AT_SEQ           20

static void retry_sent(struct session *s, struct retry *r)
{
    if (r->attempts++ == 0) r->first_ns = s->now_ns;
    r->sent_ns = s->now_ns;
    r->due_ns = s->now_ns + session_rto(s, r->attempts);
}

static void session_seal(struct session *s, uint8_t *datagram, size_t len,
                         enum datagram_kind kind)
{
    const struct datagram_head head = {
        .kind = (uint8_t)kind,
        .parts = 1,
        .nonce = s->cookie,
        .counter = ++s->counter,
    };

    datagram_seal(datagram, len, &head);
}

static size_t session_put_knock(struct session *s, uint8_t *datagram)
{
    memset(datagram, 0, KNOCK_SIZE);
    session_seal(s, datagram, KNOCK_SIZE, DATAGRAM_KNOCK);
    return KNOCK_SIZE;
}

/* A ring of n servers is asked round once before the pace slows down. */
static size_t session_knock(struct session *s, uint8_t *datagram)
{
    struct retry *r = &s->knock;

    if (s->now_ns < r->due_ns) return 0;
    retry_sent(s, r);
    r->due_ns = s->now_ns + session_rto(s, r->attempts / s->servers.given + 1);
    return session_put_knock(s, datagram);
}

/* ---- the session's own commands ----------------------------------------- */

static void session_put_own(struct session *s, struct retry *r,
                            struct command c, struct writer *w)
{
    if (s->now_ns < r->due_ns) return;
    if (r->attempts == 0) r->number = session_number(s, 0);
    c.seq = r->number;
    command_encode(&c, w);
    ASSERT(writer_ok(w)); /* they come first, and are small */
    retry_sent(s, r);
}

static void session_put_owns(struct session *s, struct writer *w)
{
    if (session_wants_open(s)) {
        session_put_own(s, &s->opening,
                        (struct command){
                            .op = COMMAND_OPEN,
                            .value = bytes_of(s->nonce, sizeof s->nonce),
                        },
                        w);
    }
    if (session_wants_keepalive(s)) {
        session_put_own(s, &s->keeping,
                        (struct command){
                            .op = COMMAND_KEEPALIVE,
                            .session = s->id,
                        },
                        w);
    }
    if (session_is_closing(s)) {
        session_put_own(s, &s->closing,
                        (struct command){
                            .op = COMMAND_CLOSE,
                            .session = s->id,
                        },
                        w);
    }
}

/* ---- operations --------------------------------------------------------- */

static void session_put_fence(struct session *s, const struct session_op *o,
                              struct writer *w)
{
    const struct command fence = {
        .op = COMMAND_FENCE,
        .session = s->id,
        .seq = o->seq,
        .acked_upto = s->acked_upto,
    };

    command_encode(&fence, w);
}

static void session_put_write(struct session *s, struct session_op *o,
                              struct writer *w)
{
    ASSERT(o->seq > s->acked_upto);
    ASSERT(o->seq - s->acked_upto <= SESSION_WINDOW);

    o->bytes[AT_ACKED_DELTA] = (uint8_t)(o->seq - s->acked_upto);
    store16(o->bytes + AT_SESSION_INDEX, s->id.index);
    store64(o->bytes + AT_SESSION_SLOT, s->id.slot);
    writer_bytes(w, o->bytes, o->len);
}

/* A page is as long as the answer's datagram may be. */
static void session_put_list(struct session *s, struct session_op *o,
                             struct writer *w)
{
    const uint32_t payload = servers_payload_max(
        &s->servers, s->servers.preferred, s->now_ns);

    store32(o->bytes + o->len - 4,
            payload - DATAGRAM_HEAD - REPLY_HEAD - REPLY_ITEM_HEAD);
    writer_bytes(w, o->bytes, o->len);
}

/* Returns false where it does not fit any more. */
static bool session_put_op(struct session *s, uint32_t i, struct writer *w)
{
    struct session_op *o = &s->ops[i];

    if (o->fencing)
        session_put_fence(s, o, w);
    else if (s->writes & session_bit(i))
        session_put_write(s, o, w);
    else if (o->code == COMMAND_LIST)
        session_put_list(s, o, w);
    else
        writer_bytes(w, o->bytes, o->len);
    if (!writer_ok(w)) return false;

    o->attempts++;
    o->sent = true;
    o->waiting = true;
    o->large = DATAGRAM_HEAD + writer_len(w) > PATH_SMALL;
    o->server = s->servers.preferred;
    o->sent_ns = s->now_ns;
    o->due_ns = s->now_ns + session_rto(s, o->attempts);
    s->timer_ns = min_u64(s->timer_ns, o->due_ns);
    s->ready &= ~session_bit(i);
    return true;
}

static size_t session_request(struct session *s, uint8_t *datagram)
{
    struct server *server = servers_preferred(&s->servers);
    const uint32_t size = servers_payload_max(&s->servers, s->servers.preferred,
                                              s->now_ns);
    struct writer w = writer_of(datagram + DATAGRAM_HEAD, size - DATAGRAM_HEAD);
    uint64_t left = session_sendable(s);

    writer_u64(&w, server->token);
    session_put_owns(s, &w);
    for (; left; left &= left - 1) {
        const struct writer before = w;

        if (session_put_op(s, (uint32_t)__builtin_ctzll(left), &w)) continue;
        w = before; /* in the next datagram */
        break;
    }
    if (writer_len(&w) == REQUEST_HEAD) return 0;
    if (server->asked_ns <= server->heard_ns) server->asked_ns = s->now_ns;
    session_seal(s, datagram, DATAGRAM_HEAD + writer_len(&w), DATAGRAM_REQUEST);
    return DATAGRAM_HEAD + writer_len(&w);
}

size_t session_output(struct session *s, uint8_t *datagram, struct address *to)
{
    struct server *server = servers_preferred(&s->servers);

    if (!session_wants_server(s)) return 0;
    *to = server->addr;
    if (!server->has_token) return session_knock(s, datagram);
    if (!server->doubted) return session_request(s, datagram);
    server->doubted = false;
    return session_put_knock(s, datagram);
}

/* client_library.c - see client_private.h: a client that is the library. */
#include "sim/client_private.h"

#include "base/assert.h"
#include "base/units.h"
#include "client/session.h"
#include "sim/words.h"
#include "sim/world.h"
#include "wire/request.h"

#include <stdlib.h>

#define CLOSE_NS (500 * NS_PER_MS) /* then it is gone anyway */

struct library {
    struct session session;
    uint64_t limit_ns; /* of an operation */
    uint64_t close_ns; /* it is being closed, at the latest then; or NEVER_NS */
};

/* ---- begin and end ------------------------------------------------------- */

static void library_open(struct world *w, struct client *c)
{
    struct library *l = c->library;
    struct servers servers;
    uint8_t entropy[SESSION_ENTROPY];

    servers_init(&servers, NULL);
    for (uint8_t i = 0; i < w->plan->nodes; i++) {
        const struct address address = machine_address(i);

        if (servers_add(&servers, &address) < 0) ASSERT(!"room");
    }
    servers.preferred = (uint32_t)client_draw(c, w->plan->nodes);
    for (uint32_t i = 0; i < SESSION_ENTROPY; i += 8) {
        store64(entropy + i, prng_next(&c->random));
    }
    session_init(&l->session, &servers, entropy);
    l->close_ns = NEVER_NS;
}

void library_new(struct world *w, struct client *c)
{
    c->library = malloc(sizeof *c->library);
    ASSERT(c->library);
    c->library->limit_ns = w->plan->clients.patience_ns +
                           w->plan->clients.fence_ns;
    library_open(w, c);
}

void library_free(struct client *c)
{
    if (c->library) session_end(&c->library->session);
    free(c->library);
    c->library = NULL;
}

void library_forget(struct world *w, struct client *c)
{
    session_end(&c->library->session);
    library_open(w, c);
}

/* ---- what it asks for ---------------------------------------------------- */

const struct op *library_op(const struct client *c, uint64_t cookie,
                            uint64_t seq)
{
    for (uint32_t i = c->count; i > 0; i--) {
        const struct op *o = &c->ops[i - 1];

        if (o->cookie == cookie && o->command.seq == seq) return o;
    }
    return NULL;
}

static struct pkv_op library_pkv_op(const struct command *c, uint32_t i)
{
    struct pkv_op op = {
        .code = (enum pkv_code)c->op,
        .flags = c->flags,
        .key = c->key.at,
        .key_len = c->key.len,
        .expected = c->expected.at,
        .expected_len = c->expected.len,
        .user = (void *)(uintptr_t)(i + 1),
    };

    if (c->op == COMMAND_PUT || c->op == COMMAND_CAS) {
        op.value = c->value.at;
        op.value_len = c->value.len;
    }
    if (c->op == COMMAND_INCR) memcpy(&op.delta, c->value.at, sizeof op.delta);
    return op;
}

/* The number that the session gives to what is submitted next is known only
 * afterwards: it is that of the operation that is new. */
static void library_submit(struct world *w, struct client *c)
{
    struct session *s = &c->library->session;
    const uint64_t used = s->used;
    const uint32_t i = c->count;
    struct op *o = client_op(c);
    struct pkv_op op;
    enum pkv_status status;

    client_choose(w, c, o);
    op = library_pkv_op(&o->command, i);
    status = session_submit(s, &op, c->library->limit_ns, NULL);
    if (status != PKV_OK) {
        world_fail(w, "witness", "client %u: an operation is refused (%d)",
                   c->self, status);
        return;
    }
    ASSERT(s->used != used);
    o->cookie = s->cookie;
    o->command.seq = s->ops[__builtin_ctzll(s->used & ~used)].seq;
    c->left--;
    client_called(w, c, i);
}

/* Now and then it does not want to wait any more. */
static void library_cancel(struct world *w, struct client *c)
{
    const uint32_t i = c->active[client_draw(c, c->active_count)];

    client_tell(w, c, MARK_OTHER, NULL, "cancels", "cancels an operation");
    session_cancel(&c->library->session, (void *)(uintptr_t)(i + 1), w->now_ns);
}

static bool library_may_submit(const struct world *w, const struct client *c)
{
    const struct session *s = &c->library->session;

    return c->library->close_ns == NEVER_NS && c->left &&
           c->active_count < w->plan->clients.pipeline &&
           s->seq_last < s->acked_upto + SESSION_WINDOW;
}

static void library_begin(struct world *w, struct client *c)
{
    const uint64_t think_ns = world_is_calm(w) ? NS_PER_MS
                                               : w->plan->clients.think_ns;

    while (c->next_ns <= w->now_ns && library_may_submit(w, c)) {
        c->next_ns = w->now_ns + client_draw(c, think_ns + 1);
        library_submit(w, c);
        if (client_draw(c, 64) == 0) library_cancel(w, c);
        if (client_draw(c, 128) > 0 || c->active_count) continue;
        session_want_close(&c->library->session);
        c->library->close_ns = w->now_ns + CLOSE_NS;
    }
}

/* ---- sending ------------------------------------------------------------- */

/* What is sent in a session is what answers are judged by. */
static void library_on_command(struct world *w, struct client *c, uint8_t to,
                               const struct command *cmd)
{
    const uint64_t cookie = c->library->session.cookie;
    struct op *o = (struct op *)library_op(c, cookie, cmd->seq);

    if (!o) { /* the session's own: OPEN, KEEPALIVE, CLOSE */
        o = client_op(c);
        *o = (struct op){ .command = *cmd, .cookie = cookie };
        o->state = OP_ENDED;
        o->call = opinion_on_call(&w->opinion, c->self, cmd);
        op_keep(o);
    }
    if (cmd->op != COMMAND_FENCE) {
        o->command.session = cmd->session;
        o->command.acked_upto = cmd->acked_upto;
    }
    o->sent = true;
    o->attempts++;
    client_tell_asked(w, c, o, cmd, to);
}

static void library_on_request(struct world *w, struct client *c, uint8_t to,
                               struct bytes datagram)
{
    struct reader r = reader_of(datagram.at + DATAGRAM_HEAD,
                                datagram.len - DATAGRAM_HEAD);
    struct command cmd;

    if (datagram.at[5] != DATAGRAM_REQUEST) return;
    reader_u64(&r); /* the token */
    while (reader_left(&r) > 0) {
        if (command_decode(&cmd, &r) < 0) {
            world_fail(w, "codec", "client %u sends a malformed command",
                       c->self);
            return;
        }
        library_on_command(w, c, to, &cmd);
    }
}

static void library_post(struct world *w, struct client *c, uint8_t to,
                         struct bytes datagram)
{
    struct due d = {
        .type = DUE_REQUEST,
        .who = to,
        .from = c->self,
        .packet = packet_new(datagram.at, datagram.len),
    };

    world_digest_sum(w, packet_sum(d.packet), datagram.len);
    world_send(w, NETWORK_CLIENT, to, false, d);
    packet_unref(d.packet);
}

/* The same request, to another member too, with its token. */
static void library_post_again(struct world *w, struct client *c,
                               uint8_t *datagram, uint32_t len)
{
    const uint8_t to = (uint8_t)client_draw(c, w->plan->nodes);
    const struct server *server = &c->library->session.servers.list[to];
    struct datagram_head head;

    if (datagram[5] != DATAGRAM_REQUEST || !server->has_token) return;
    if (datagram_open(datagram, len, &head) != DATAGRAM_OK) ASSERT(!"sealed");
    store64(datagram + DATAGRAM_HEAD, server->token);
    datagram_seal(datagram, len, &head);
    library_post(w, c, to, bytes_of(datagram, len));
}

static void library_send(struct world *w, struct client *c)
{
    static uint8_t datagram[SESSION_DATAGRAM];
    struct address to;

    for (;;) {
        const uint32_t len = (uint32_t)session_output(&c->library->session,
                                                      datagram, &to);
        const struct bytes bytes = bytes_of(datagram, len);

        if (len == 0) return;
        library_on_request(w, c, machine_of_address(&to), bytes);
        library_post(w, c, machine_of_address(&to), bytes);
        if (client_draw(c, 16) == 0) library_post_again(w, c, datagram, len);
    }
}

/* ---- results ------------------------------------------------------------- */

/* A page as it was answered: one byte before it says whether more follow. */
static struct bytes library_page(const struct pkv_result *r)
{
    static uint8_t page[SESSION_DATAGRAM + 1];

    ASSERT(r->value_len < sizeof page);
    page[0] = r->more;
    if (r->value_len) memcpy(page + 1, r->value, r->value_len);
    return bytes_of(page, (uint32_t)r->value_len + 1);
}

static void library_returned(struct world *w, struct client *c, uint32_t i,
                             const struct pkv_result *r, uint8_t status)
{
    struct reply reply = {
        .op = (uint8_t)r->code,
        .status = status,
        .slot = r->slot,
        .value = bytes_of(r->value, (uint32_t)r->value_len),
    };

    if (r->code == PKV_LIST && status == REPLY_OK) {
        reply.value = library_page(r);
    }
    client_tell(w, c, MARK_TOLD, "P30", words_status(status),
                words_status(status));
    client_returned(w, c, i, &reply);
}

/* It says that a write was not done, and never will be (P32). */
static void library_not_done(struct world *w, struct client *c, uint32_t i)
{
    const struct op *o = &c->ops[i];

    client_tell(w, c, MARK_TOLD, "P32", "not done", "is told: not done");
    if (op_is_write(o)) {
        opinion_on_reply(
            &w->opinion, o->call, c->self, &o->command,
            &(struct reply){ .op = o->command.op, .status = REPLY_VOID });
    }
    client_end(c, i, op_is_write(o) ? OP_ENDED : OP_GIVEN_UP);
}

static void library_on_result(struct world *w, struct client *c,
                              const struct pkv_result *r)
{
    const uint32_t i = (uint32_t)(uintptr_t)r->user - 1;

    switch (r->status) {
    case PKV_OK:
    case PKV_NOTFOUND:
    case PKV_MISMATCH:
        library_returned(w, c, i, r, (uint8_t)r->status);
        return;
    case PKV_NOT_NUMBER:
        library_returned(w, c, i, r, REPLY_NOT_NUMBER);
        return;
    case PKV_OVERFLOW:
        library_returned(w, c, i, r, REPLY_OVERFLOW);
        return;
    case PKV_FULL: /* of the store; or of the sessions, and nothing was sent */
        if (c->ops[i].sent) library_returned(w, c, i, r, REPLY_FULL);
        if (!c->ops[i].sent) library_not_done(w, c, i);
        return;
    case PKV_UNAVAILABLE:
    case PKV_BUSY:
    case PKV_CANCELLED:
        library_not_done(w, c, i);
        return;
    case PKV_UNKNOWN:
    case PKV_EXPIRED:
        client_tell(w, c, MARK_TOLD, "P32", "unknown",
                    "does not know whether it was done");
        client_end(c, i, OP_UNKNOWN);
        return;
    default:
        world_fail(w, "witness", "client %u: the library says %d", c->self,
                   r->status);
    }
}

/* ---- time ---------------------------------------------------------------- */

static void library_look_after_close(struct world *w, struct client *c)
{
    struct library *l = c->library;

    if (l->close_ns == NEVER_NS) return;
    if (session_is_closing(&l->session) && w->now_ns < l->close_ns) return;
    client_forget(w, c);
}

static void library_go_on(struct world *w, struct client *c)
{
    struct library *l = c->library;
    uint64_t next_ns;
    struct pkv_result r;

    library_look_after_close(w, c);
    library_begin(w, c);
    session_tick(&l->session, w->now_ns);
    library_send(w, c);
    while (!w->checker.failed && session_next(&l->session, &r)) {
        library_on_result(w, c, &r);
    }
    next_ns = min_u64(session_deadline(&l->session), l->close_ns);
    if (library_may_submit(w, c)) next_ns = min_u64(next_ns, c->next_ns);
    if (next_ns != NEVER_NS) client_wake(w, c, next_ns);
}

void library_on_timer(struct world *w, struct client *c)
{
    if (world_is_calm(w)) c->next_ns = min_u64(c->next_ns, w->now_ns);
    library_go_on(w, c);
}

void library_on_datagram(struct world *w, struct client *c, uint8_t from,
                         const struct packet *p)
{
    const struct address address = machine_address(from);
    struct datagram_head head;
    const bool good = datagram_open(p->bytes, p->len, &head) == DATAGRAM_OK;

    if (good == p->damaged) {
        world_fail(w, "codec", "client %u %s", c->self,
                   good ? "takes a damaged datagram for good"
                        : "refuses a good datagram");
        return;
    }
    session_on_datagram(&c->library->session, w->now_ns, &address, p->bytes,
                        p->len);
    library_go_on(w, c);
}

/* edge.c - see edge.h */
#include "daemon/edge.h"

#include "base/assert.h"

#define EDGE_WELCOME_MAX (8u + 8 + 1 + 1 + 1 + CLUSTER_NAME_MAX)
#define EDGE_STATUS_MAX  1200u

_Static_assert(ADMIN_TEXT_MAX + 24 <= EDGE_STATUS_MAX, "room for an answer");

_Static_assert(DATAGRAM_HEAD + EDGE_WELCOME_MAX <= KNOCK_SIZE,
               "a WELCOME answers any KNOCK");

void edge_init(struct edge *e)
{
    ASSERT(e->body_max >= EDGE_STATUS_MAX);
    ASSERT(e->open_max >= 1);
    ASSERT(e->open_max <= EDGE_OPEN_MAX);
    e->counter = 0;
    e->lost = 0;
    e->open_count = 0;
    memset(e->table, 0, sizeof e->table);
}

static uint64_t edge_token_at(const struct edge *e, uint64_t minute,
                              const struct address *client)
{
    uint8_t bytes[1 + 2 + 16 + 8];

    bytes[0] = client->family;
    store16(bytes + 1, client->port);
    memcpy(bytes + 3, client->ip, sizeof client->ip);
    store64(bytes + 19, minute);
    return hash_bytes(e->secret, bytes, sizeof bytes);
}

uint64_t edge_token(const struct edge *e, const struct address *client)
{
    return edge_token_at(e, e->now_ns / EDGE_TOKEN_NS, client);
}

bool edge_token_is_valid(const struct edge *e, const struct address *client,
                         uint64_t token)
{
    const uint64_t minute = e->now_ns / EDGE_TOKEN_NS;

    if (token == edge_token_at(e, minute, client)) return true;
    return minute > 0 && token == edge_token_at(e, minute - 1, client);
}

/* Queue a datagram whose body stands in the buffer, which is given up. */
static void edge_send(struct edge *e, uint8_t kind, struct loop_buffer *b,
                      uint32_t len, const struct address *to)
{
    const struct datagram_head head = {
        .kind = kind,
        .sender = e->id,
        .parts = 1,
        .cluster = e->cluster,
        .incarnation = e->incarnation,
        .nonce = e->process,
        .counter = ++e->counter,
    };

    datagram_seal(b->bytes, len, &head);
    loop_send(e->loop, e->socket, b, len, to);
    loop_send_done(e->loop, b);
}

static struct loop_buffer *edge_buffer(struct edge *e)
{
    struct loop_buffer *b = loop_send_buffer(e->loop);

    if (!b) e->lost++;
    if (b) ASSERT(b->size >= DATAGRAM_HEAD + e->body_max);
    return b;
}

static struct writer edge_writer(const struct edge *e, struct loop_buffer *b)
{
    return writer_of(b->bytes + DATAGRAM_HEAD, e->body_max);
}

bool edge_welcome(struct edge *e, const struct address *client, uint64_t cookie,
                  uint32_t asked)
{
    const struct welcome m = {
        .cookie = cookie,
        .token = edge_token(e, client),
        .sender = e->id,
        .leader = e->leader,
        .name = bytes_of(e->name, (uint32_t)strlen(e->name)),
    };
    uint8_t body[EDGE_WELCOME_MAX];
    struct writer w = writer_of(body, sizeof body);
    struct loop_buffer *b;
    uint32_t len;

    welcome_encode(&m, &w);
    ASSERT(writer_ok(&w));
    len = (uint32_t)writer_len(&w);
    if (DATAGRAM_HEAD + len > asked) return false;
    b = edge_buffer(e);
    if (!b) return true;
    memcpy(b->bytes + DATAGRAM_HEAD, body, len);
    edge_send(e, DATAGRAM_WELCOME, b, DATAGRAM_HEAD + len, client);
    return true;
}

void edge_status(struct edge *e, const struct address *client, uint64_t cookie,
                 const struct status *s)
{
    struct loop_buffer *b = edge_buffer(e);
    struct writer w;

    if (!b) return;
    w = edge_writer(e, b);
    writer_u64(&w, cookie);
    writer_u64(&w, edge_token(e, client));
    status_encode(s, &w);
    ASSERT(writer_ok(&w));
    edge_send(e, DATAGRAM_STATUS, b, DATAGRAM_HEAD + (uint32_t)writer_len(&w),
              client);
}

void edge_admin(struct edge *e, const struct address *client, uint64_t cookie,
                uint8_t status, const char *text)
{
    const struct admin_answer answer = {
        .cookie = cookie,
        .token = edge_token(e, client),
        .status = status,
        .text = bytes_of(text, (uint32_t)strnlen(text, ADMIN_TEXT_MAX)),
    };
    struct loop_buffer *b = edge_buffer(e);
    struct writer w;

    if (!b) return;
    w = edge_writer(e, b);
    admin_answer_encode(&answer, &w);
    ASSERT(writer_ok(&w));
    edge_send(e, DATAGRAM_ADMIN, b, DATAGRAM_HEAD + (uint32_t)writer_len(&w),
              client);
}

/* Complete a datagram of replies by what was left open at its beginning. */
static void edge_close(struct edge *e, struct edge_open *o)
{
    const struct reply_head head = {
        .cookie = o->cookie,
        .token = edge_token(e, &o->to),
        .leader = e->leader,
    };
    struct writer w;

    if (!o->buffer) return;
    ASSERT(o->len > DATAGRAM_HEAD + REPLY_HEAD);
    w = edge_writer(e, o->buffer);
    reply_head_encode(&head, &w);
    ASSERT(writer_len(&w) == REPLY_HEAD);
    edge_send(e, DATAGRAM_REPLY, o->buffer, o->len, &o->to);
    o->buffer = NULL;
}

void edge_flush(struct edge *e)
{
    uint32_t i;

    if (e->open_count == 0) return;
    for (i = 0; i < e->open_count; i++) edge_close(e, &e->open[i]);
    e->open_count = 0;
    memset(e->table, 0, sizeof e->table);
}

static uint32_t edge_hash(const struct address *to, uint64_t cookie)
{
    uint64_t words[3];

    _Static_assert(sizeof words == sizeof *to, "an address is three words");
    memcpy(words, to, sizeof words);
    cookie = hash_mix(cookie ^ words[0]);
    cookie = hash_mix(cookie ^ words[1]) ^ words[2];
    return (uint32_t)hash_mix(cookie) & (EDGE_TABLE_SIZE - 1);
}

/* The place in the table of a client, or a free one. */
static uint16_t *edge_find(struct edge *e, const struct address *to,
                           uint64_t cookie)
{
    uint32_t at = edge_hash(to, cookie);

    /* It ends: the table has twice the places that can be taken. */
    for (;; at = (at + 1) & (EDGE_TABLE_SIZE - 1)) {
        const struct edge_open *o;

        if (!e->table[at]) return &e->table[at];
        o = &e->open[e->table[at] - 1];
        if (o->cookie == cookie && address_equal(&o->to, to))
            return &e->table[at];
    }
}

/* The entry of a client, made if need be; it may have no buffer yet. */
static struct edge_open *edge_open_of(struct edge *e, const struct address *to,
                                      uint64_t cookie)
{
    uint16_t *place = edge_find(e, to, cookie);
    struct edge_open *o;

    if (*place) return &e->open[*place - 1];
    if (e->open_count == e->open_max) {
        edge_flush(e);
        place = edge_find(e, to, cookie);
    }
    o = &e->open[e->open_count];
    o->buffer = NULL;
    o->to = *to;
    o->cookie = cookie;
    *place = (uint16_t)++e->open_count;
    return o;
}

void edge_reply(struct edge *e, const struct reply *r)
{
    const struct reply_item item = {
        .seq = r->seq,
        .slot = r->slot,
        .op = r->op,
        .status = r->status,
        .value = r->value,
    };
    const uint32_t size = REPLY_ITEM_HEAD + r->value.len;
    const uint32_t end = DATAGRAM_HEAD + e->body_max;
    struct edge_open *o;
    struct writer w;

    if (size > e->body_max - REPLY_HEAD) {
        e->lost++;
        return;
    }
    o = edge_open_of(e, &r->to, r->cookie);
    if (o->buffer && o->len + size > end) edge_close(e, o);
    if (!o->buffer) {
        o->buffer = edge_buffer(e);
        if (!o->buffer) return;
        o->len = DATAGRAM_HEAD + REPLY_HEAD;
    }
    w = writer_of(o->buffer->bytes + o->len, end - o->len);
    reply_item_encode(&item, &w);
    ASSERT(writer_ok(&w));
    o->len += (uint32_t)writer_len(&w);
}

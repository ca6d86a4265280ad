/*
 * peer.c - see peer.h: the half that writes.  What it checks is our own core,
 * by ASSERT; peer_decode.c would refuse the same.
 */
#include "wire/peer.h"

#include "base/assert.h"
#include "wire/field.h"

#define RANGE_SIZE     16u
#define RUN_SIZE       24u
#define HEARTBEAT_SIZE 40u
#define TOKEN_SIZE     48u
#define HELLO_SIZE     40u
#define ANSWER_SIZE    24u
#define FORWARD_SIZE   40u
#define LEAVING_SIZE   16u
#define TOKEN_ZEROS    6u

/* What the count of the head says. */
static uint16_t message_count(const struct message *m)
{
    if (m->type == MESSAGE_ACCEPTED) return m->count;
    if (m->type == MESSAGE_PROMISE) return (uint16_t)m->promise.run_count;
    if (m->type == MESSAGE_FETCH)
        return (uint16_t)(m->fetch->range_count | m->fetch->held_count << 8);
    return 0;
}

static uint32_t body_size(const struct message *m)
{
    switch ((enum message_type)m->type) {
    case MESSAGE_HEARTBEAT:
        return HEARTBEAT_SIZE;
    case MESSAGE_PREPARE:
    case MESSAGE_LEARN:
    case MESSAGE_WANT:
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        return 8;
    case MESSAGE_PROMISE:
        return 24 + m->promise.run_count * RUN_SIZE;
    case MESSAGE_NACK:
        return 2 * FIELD_BALLOT;
    case MESSAGE_ACCEPT:
        return PEER_ACCEPT_HEAD - PEER_HEAD + m->accept.value.len;
    case MESSAGE_ACCEPTED:
        return 8 + m->count * RANGE_SIZE;
    case MESSAGE_FETCH:
        return m->fetch->range_count * RANGE_SIZE +
               m->fetch->held_count * RUN_SIZE;
    case MESSAGE_CHOSEN:
    case MESSAGE_VALUE:
        return 8 + m->decided.value.len;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        return TOKEN_SIZE;
    case MESSAGE_HELLO:
        return HELLO_SIZE;
    case MESSAGE_HELLO_ANSWER:
        return ANSWER_SIZE;
    case MESSAGE_FORWARD:
        return FORWARD_SIZE + m->forward.command.len;
    case MESSAGE_LEAVING:
        return LEAVING_SIZE;
    case RECORD_PROMISE ... RECORD_REFUSED:
        break;
    }
    ASSERT(!"a message");
    return 0;
}

static void put_heartbeat(const struct message *m, struct writer *w)
{
    const struct heartbeat *h = &m->heartbeat;

    ASSERT(h->heard <= FIELD_BITMAP);
    ASSERT(h->by_group <= FIELD_BITMAP);
    ASSERT(h->ways <= 1);
    writer_u64(w, m->vote_seq);
    writer_u64(w, h->chosen_upto);
    writer_u64(w, h->accepted_upto);
    writer_u16(w, h->heard);
    writer_u8(w, h->flags);
    writer_u8(w, h->priority);
    writer_u8(w, h->leader);
    writer_u8(w, h->ways);
    writer_u16(w, h->port);
    writer_u16(w, h->by_group);
    field_put_zeros(w, 6);
}

static void put_run(const struct run *run, struct writer *w)
{
    ASSERT(run->count > 0);
    ASSERT(run->ballot.round > 0);
    writer_u64(w, run->first);
    writer_u32(w, run->count);
    writer_u8(w, run->ballot.node);
    field_put_zeros(w, 3);
    writer_u64(w, run->ballot.round);
}

static void put_promise(const struct message *m, struct writer *w)
{
    const struct promise *p = &m->promise;

    ASSERT(p->run_count <= MESSAGE_RUNS_MAX);
    ASSERT(p->log_start <= p->chosen_upto + 1); /* P5 */
    writer_u64(w, m->vote_seq);
    writer_u64(w, p->log_start);
    writer_u64(w, p->chosen_upto);
    for (uint32_t i = 0; i < p->run_count; i++) put_run(&p->runs[i], w);
}

static void put_accept(const struct message *m, struct writer *w)
{
    const struct accept *a = &m->accept;

    ASSERT(a->slot > 0);
    ASSERT(a->value.len >= VALUE_HEAD);
    ASSERT(a->value.len <= VALUE_BYTES_MAX);
    writer_u64(w, a->slot);
    writer_u64(w, a->learn_upto);
    writer_bytes(w, a->value.bytes, a->value.len);
}

/*
 * What is cut off comes later: a long gap is asked for again when some of it
 * was filled, votes are asked for again when they were not heard (P18).
 */
static void put_range(struct range range, struct writer *w)
{
    const uint64_t more = range.last - range.first;

    ASSERT(range.first > 0);
    ASSERT(range.first <= range.last);
    writer_u64(w, range.first);
    writer_u64(w, more < PEER_RANGE_MAX ? range.last
                                        : range.first + PEER_RANGE_MAX - 1);
}

static void put_accepted(const struct message *m, struct writer *w)
{
    ASSERT(m->count <= RANGES_MAX);
    writer_u64(w, m->vote_seq);
    for (uint32_t i = 0; i < m->count; i++) put_range(m->ranges[i], w);
}

static void put_fetch(const struct fetch *f, struct writer *w)
{
    ASSERT(f->range_count <= FETCH_RANGES_MAX);
    ASSERT(f->held_count <= FETCH_RANGES_MAX);
    for (uint32_t i = 0; i < f->range_count; i++) put_range(f->ranges[i], w);
    for (uint32_t i = 0; i < f->held_count; i++) put_run(&f->held[i], w);
}

static void put_decided(const struct message *m, struct writer *w)
{
    const struct value v = m->decided.value;

    ASSERT(m->decided.slot > 0);
    if (m->type == MESSAGE_VALUE) ASSERT(v.len >= VALUE_HEAD);
    if (v.len) ASSERT(v.len >= VALUE_HEAD && v.len <= VALUE_BYTES_MAX);
    writer_u64(w, m->decided.slot);
    writer_bytes(w, v.bytes, v.len);
}

static void put_token(const struct token *t, struct writer *w)
{
    ASSERT(t->path_len <= MEMBERS_MAX);
    ASSERT(t->visited <= FIELD_BITMAP);
    writer_u64(w, t->attempt);
    writer_u64(w, t->round);
    writer_u64(w, t->best_accepted);
    writer_u16(w, t->visited);
    writer_u8(w, t->initiator);
    writer_u8(w, t->hop);
    writer_u8(w, t->best);
    writer_u8(w, t->best_burden);
    writer_u8(w, t->best_links);
    writer_u8(w, t->best_priority);
    writer_u8(w, t->path_len);
    writer_bytes(w, t->path, t->path_len);
    field_put_zeros(w, MEMBERS_MAX - t->path_len + TOKEN_ZEROS);
}

static void put_hello(const struct message *m, struct writer *w)
{
    writer_u64(w, m->vote_seq);
    writer_u64(w, m->hello.instance);
    writer_u64(w, m->hello.previous);
    writer_u64(w, m->hello.life);
    writer_u64(w, m->hello.nonce);
}

static void put_hello_answer(const struct hello_answer *a, struct writer *w)
{
    ASSERT(a->yes <= 1);
    ASSERT(a->reason <= HELLO_NONCE);
    writer_u64(w, a->life);
    writer_u64(w, a->nonce);
    writer_u8(w, a->yes);
    writer_u8(w, a->reason);
    field_put_zeros(w, 6);
}

static void put_forward(const struct forward *f, struct writer *w)
{
    ASSERT(f->hops <= PEER_HOPS_MAX);
    ASSERT(f->passed <= FIELD_BITMAP);
    writer_u8(w, f->client.family);
    writer_u8(w, f->hops);
    writer_u16(w, f->client.port);
    writer_u32(w, f->client.scope);
    writer_bytes(w, f->client.ip, sizeof f->client.ip);
    writer_u64(w, f->cookie);
    writer_u16(w, f->passed);
    field_put_zeros(w, 6);
    writer_bytes(w, f->command.at, f->command.len);
}

static void put_leaving(const struct leaving *l, struct writer *w)
{
    ASSERT(l->round > 0);
    writer_u64(w, l->round);
    writer_u8(w, l->successor);
    field_put_zeros(w, 7);
}

static void put_body(const struct message *m, struct writer *w)
{
    switch ((enum message_type)m->type) {
    case MESSAGE_HEARTBEAT:
        put_heartbeat(m, w);
        return;
    case MESSAGE_PREPARE:
        writer_u64(w, m->prepare.from);
        return;
    case MESSAGE_PROMISE:
        put_promise(m, w);
        return;
    case MESSAGE_NACK:
        field_put_ballot(w, m->nack.refused);
        field_put_ballot(w, m->nack.claimed);
        return;
    case MESSAGE_ACCEPT:
        put_accept(m, w);
        return;
    case MESSAGE_ACCEPTED:
        put_accepted(m, w);
        return;
    case MESSAGE_LEARN:
        writer_u64(w, m->learn.upto);
        return;
    case MESSAGE_FETCH:
        put_fetch(m->fetch, w);
        return;
    case MESSAGE_WANT:
        writer_u64(w, m->decided.slot);
        return;
    case MESSAGE_CHOSEN:
    case MESSAGE_VALUE:
        put_decided(m, w);
        return;
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        writer_u64(w, m->confirm.nonce);
        return;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        put_token(&m->token, w);
        return;
    case MESSAGE_HELLO:
        put_hello(m, w);
        return;
    case MESSAGE_HELLO_ANSWER:
        put_hello_answer(&m->hello_answer, w);
        return;
    case MESSAGE_FORWARD:
        put_forward(&m->forward, w);
        return;
    case MESSAGE_LEAVING:
        put_leaving(&m->leaving, w);
        return;
    case RECORD_PROMISE ... RECORD_REFUSED:
        break;
    }
    ASSERT(!"a message");
}

uint32_t peer_size(const struct message *m)
{
    return PEER_HEAD + body_size(m);
}

void peer_encode(const struct message *m, struct writer *w)
{
    const uint32_t len = body_size(m);
    const uint8_t *begin = w->at;

    ASSERT(PEER_HEAD + len <= PEER_MESSAGE_MAX);
    if (m->ballot.round) ASSERT(m->ballot.node > 0);
    if (field_needs_ballot(m->type)) ASSERT(m->ballot.round > 0);

    if (writer_left(w) < PEER_HEAD + len) w->bad = true;
    if (w->bad) return;
    writer_u8(w, m->type);
    writer_u8(w, field_node(m->ballot));
    writer_u16(w, message_count(m));
    writer_u32(w, len);
    writer_u64(w, m->ballot.round);
    writer_u64(w, m->request);
    writer_u64(w, m->asker);
    put_body(m, w);
    ASSERT(w->at == begin + PEER_HEAD + len);
}

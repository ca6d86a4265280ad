/*
 * peer_decode.c - see peer.h: the half that reads what a stranger may have
 * sent.
 *
 * Each take_ gives false for a field that is not sane.  Reading beyond the
 * end gives zeros, and is found by peer_decode, which asks for reader_done.
 */
#include "wire/peer.h"

#include "kv/command.h"
#include "wire/field.h"

#include <errno.h>

#define BEST_NONE   0xffu
#define TOKEN_HOPS  (2 * MEMBERS_MAX)
#define TOKEN_ZEROS 6u

static bool take_slot(struct reader *r, uint64_t *slot)
{
    *slot = reader_u64(r);
    return field_slot_is_sane(*slot);
}

static bool take_upto(struct reader *r, uint64_t *slot)
{
    *slot = reader_u64(r);
    return field_upto_is_sane(*slot);
}

static bool take_bitmap(struct reader *r, uint16_t *bits)
{
    *bits = reader_u16(r);
    return *bits <= FIELD_BITMAP;
}

static bool ballot_is_sane(struct ballot b)
{
    return b.round <= ROUND_MAX && field_ballot_is_whole(b);
}

static bool take_heartbeat(struct message *m, struct reader *r)
{
    struct heartbeat *h = &m->heartbeat;

    m->vote_seq = reader_u64(r);
    if (!take_upto(r, &h->chosen_upto)) return false;
    if (!take_upto(r, &h->accepted_upto)) return false;
    if (!take_bitmap(r, &h->heard)) return false;
    h->flags = reader_u8(r);
    h->priority = reader_u8(r);
    h->leader = reader_u8(r);
    h->ways = reader_u8(r);
    h->port = reader_u16(r);
    if (!take_bitmap(r, &h->by_group)) return false;
    return h->ways <= 1 && field_take_zeros(r, 6);
}

static bool take_run(struct reader *r, struct run *run)
{
    if (!take_slot(r, &run->first)) return false;
    run->count = reader_u32(r);
    run->ballot.node = reader_u8(r);
    if (!field_take_zeros(r, 3)) return false;
    run->ballot.round = reader_u64(r);
    if (!ballot_is_sane(run->ballot)) return false;
    if (ballot_is_none(run->ballot) || run->count == 0) return false;
    return run->count - 1 <= FIELD_SLOT_MAX - run->first;
}

/* Runs that ascend and do not overlap. */
static bool take_runs(struct reader *r, struct run *runs, uint32_t count)
{
    uint64_t first_min = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!take_run(r, &runs[i])) return false;
        if (runs[i].first < first_min) return false;
        first_min = runs[i].first + runs[i].count;
    }
    return true;
}

static bool take_range(struct reader *r, struct range *range)
{
    if (!take_slot(r, &range->first)) return false;
    if (!take_slot(r, &range->last)) return false;
    if (range->first > range->last) return false;
    return range->last - range->first < PEER_RANGE_MAX;
}

static bool take_promise(struct message *m, struct peer_scratch *s,
                         uint32_t count, struct reader *r)
{
    struct promise *p = &m->promise;

    if (count > MESSAGE_RUNS_MAX) return false;
    m->vote_seq = reader_u64(r);
    if (!take_upto(r, &p->log_start)) return false;
    if (!take_upto(r, &p->chosen_upto)) return false;
    if (p->log_start > p->chosen_upto + 1) return false; /* P5 */
    p->runs = s->runs;
    p->run_count = count;
    return take_runs(r, s->runs, count);
}

static bool take_nack(struct nack *n, struct reader *r)
{
    return field_take_ballot(r, &n->refused) && ballot_is_sane(n->refused) &&
           field_take_ballot(r, &n->claimed) && ballot_is_sane(n->claimed);
}

static bool take_accept(struct message *m, struct reader *r)
{
    if (!take_slot(r, &m->accept.slot)) return false;
    if (!take_upto(r, &m->accept.learn_upto)) return false;
    return field_take_value(r, &m->accept.value);
}

static bool take_accepted(struct message *m, struct peer_scratch *s,
                          uint32_t count, struct reader *r)
{
    if (count > RANGES_MAX) return false;
    m->vote_seq = reader_u64(r);
    m->count = (uint8_t)count;
    m->ranges = s->ranges;
    for (uint32_t i = 0; i < count; i++)
        if (!take_range(r, &s->ranges[i])) return false;
    return true;
}

static bool take_fetch(struct message *m, struct peer_scratch *s,
                       uint16_t count, struct reader *r)
{
    struct fetch *f = &s->fetch;
    uint64_t first_min = 0;

    f->range_count = (uint8_t)count;
    f->held_count = (uint8_t)(count >> 8);
    m->fetch = f;
    if (f->range_count > FETCH_RANGES_MAX) return false;
    if (f->held_count > FETCH_RANGES_MAX) return false;
    for (uint32_t i = 0; i < f->range_count; i++) {
        if (!take_range(r, &f->ranges[i])) return false;
        if (f->ranges[i].first < first_min) return false;
        first_min = f->ranges[i].last + 1;
    }
    return take_runs(r, f->held, f->held_count);
}

static bool take_decided(struct message *m, struct reader *r)
{
    if (!take_slot(r, &m->decided.slot)) return false;
    if (m->type == MESSAGE_WANT) return true;
    if (m->type == MESSAGE_CHOSEN && reader_left(r) == 0) return true;
    return field_take_value(r, &m->decided.value);
}

static bool token_is_sane(const struct token *t)
{
    if (t->round > ROUND_MAX) return false;
    if (t->best_accepted > FIELD_SLOT_MAX) return false;
    if (t->initiator >= MEMBERS_MAX || t->hop > TOKEN_HOPS) return false;
    if (t->best >= MEMBERS_MAX && t->best != BEST_NONE) return false;
    if (t->best_burden > BURDEN_DISK || t->best_links > MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < t->path_len; i++)
        if (t->path[i] >= MEMBERS_MAX) return false;
    return true;
}

static bool take_token(struct token *t, struct reader *r)
{
    const uint8_t *path;

    t->attempt = reader_u64(r);
    t->round = reader_u64(r);
    t->best_accepted = reader_u64(r);
    if (!take_bitmap(r, &t->visited)) return false;
    t->initiator = reader_u8(r);
    t->hop = reader_u8(r);
    t->best = reader_u8(r);
    t->best_burden = reader_u8(r);
    t->best_links = reader_u8(r);
    t->best_priority = reader_u8(r);
    t->path_len = reader_u8(r);
    if (t->path_len > MEMBERS_MAX) return false;
    path = reader_take(r, t->path_len);
    if (!path) return false;
    memcpy(t->path, path, t->path_len);
    if (!field_take_zeros(r, MEMBERS_MAX - t->path_len + TOKEN_ZEROS))
        return false;
    return token_is_sane(t);
}

static bool take_hello(struct message *m, struct reader *r)
{
    m->vote_seq = reader_u64(r);
    m->hello.instance = reader_u64(r);
    m->hello.previous = reader_u64(r);
    m->hello.life = reader_u64(r);
    m->hello.nonce = reader_u64(r);
    return true;
}

static bool take_hello_answer(struct hello_answer *a, struct reader *r)
{
    a->life = reader_u64(r);
    a->nonce = reader_u64(r);
    a->yes = reader_u8(r);
    a->reason = reader_u8(r);
    if (a->yes > 1 || a->reason > HELLO_NONCE) return false;
    return field_take_zeros(r, 6);
}

/* An address that a datagram could be sent to, written in the one way. */
static bool address_is_sane(const struct address *a)
{
    uint8_t rest = 0;

    if (a->port == 0) return false;
    if (a->family == 6) return true;
    for (uint32_t i = 4; i < sizeof a->ip; i++) rest |= a->ip[i];
    return a->family == 4 && a->scope == 0 && rest == 0;
}

static bool take_forward(struct forward *f, struct reader *r)
{
    struct command ignored;
    const uint8_t *ip;
    struct reader command;

    f->client.family = reader_u8(r);
    f->hops = reader_u8(r);
    f->client.port = reader_u16(r);
    f->client.scope = reader_u32(r);
    ip = reader_take(r, sizeof f->client.ip);
    if (!ip) return false;
    memcpy(f->client.ip, ip, sizeof f->client.ip);
    f->cookie = reader_u64(r);
    if (!take_bitmap(r, &f->passed)) return false;
    if (!field_take_zeros(r, 6)) return false;
    if (f->hops > PEER_HOPS_MAX) return false;
    if (!address_is_sane(&f->client)) return false;

    command = *r;
    f->command.len = (uint32_t)reader_left(r);
    f->command.at = reader_take(r, f->command.len);
    return command_decode(&ignored, &command) == 0 && reader_done(&command);
}

static bool take_leaving(struct leaving *l, struct reader *r)
{
    l->round = reader_u64(r);
    l->successor = reader_u8(r);
    if (l->round == 0 || l->round > ROUND_MAX) return false;
    if (l->successor >= MEMBERS_MAX && l->successor != BEST_NONE) return false;
    return field_take_zeros(r, 7);
}

static bool take_body(struct message *m, struct peer_scratch *s, uint16_t count,
                      struct reader *r)
{
    switch ((enum message_type)m->type) {
    case MESSAGE_HEARTBEAT:
        return take_heartbeat(m, r);
    case MESSAGE_PREPARE:
        return take_slot(r, &m->prepare.from);
    case MESSAGE_PROMISE:
        return take_promise(m, s, count, r);
    case MESSAGE_NACK:
        return take_nack(&m->nack, r);
    case MESSAGE_ACCEPT:
        return take_accept(m, r);
    case MESSAGE_ACCEPTED:
        return take_accepted(m, s, count, r);
    case MESSAGE_LEARN:
        return take_upto(r, &m->learn.upto);
    case MESSAGE_FETCH:
        return take_fetch(m, s, count, r);
    case MESSAGE_CHOSEN:
    case MESSAGE_WANT:
    case MESSAGE_VALUE:
        return take_decided(m, r);
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        m->confirm.nonce = reader_u64(r);
        return true;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        return take_token(&m->token, r);
    case MESSAGE_HELLO:
        return take_hello(m, r);
    case MESSAGE_HELLO_ANSWER:
        return take_hello_answer(&m->hello_answer, r);
    case MESSAGE_FORWARD:
        return take_forward(&m->forward, r);
    case MESSAGE_LEAVING:
        return take_leaving(&m->leaving, r);
    case RECORD_PROMISE ... RECORD_REFUSED:
        break;
    }
    return false; /* of no type that travels */
}

static bool type_has_count(uint8_t type)
{
    return type == MESSAGE_PROMISE || type == MESSAGE_ACCEPTED ||
           type == MESSAGE_FETCH;
}

int peer_decode(struct message *m, struct peer_scratch *s, struct reader *r)
{
    struct reader body;
    uint16_t count;
    uint32_t len;

    memset(m, 0, sizeof *m);
    m->type = reader_u8(r);
    m->ballot.node = reader_u8(r);
    count = reader_u16(r);
    len = reader_u32(r);
    m->ballot.round = reader_u64(r);
    m->request = reader_u64(r);
    m->asker = reader_u64(r);
    body = reader_of(reader_take(r, len), len);
    if (!reader_ok(r)) return -EBADMSG;

    if (!ballot_is_sane(m->ballot)) return -EBADMSG;
    if (ballot_is_none(m->ballot) && field_needs_ballot(m->type))
        return -EBADMSG;
    if (count && !type_has_count(m->type)) return -EBADMSG;
    if (!take_body(m, s, count, &body)) return -EBADMSG;
    return reader_done(&body) ? 0 : -EBADMSG;
}

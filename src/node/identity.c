/* identity.c - see identity.h */
#include "node/identity.h"

#include "base/assert.h"
#include "base/units.h"

#include <errno.h>

#define HELLO_RETRY_NS     (20 * NS_PER_MS)
#define HELLO_RETRY_MAX_NS (200 * NS_PER_MS)
#define WRITE_INTERVAL_NS  (100 * NS_PER_MS)

int identity_recover(struct node *n, const struct message *record)
{
    struct identity *id = &n->identity;
    const struct life *l = &record->life;
    struct acquaintance *a;
    uint8_t index;

    switch (record->type) {
    case RECORD_LIFE:
        if (l->instance != n->cfg.instance) return -EBADMSG;
        if (l->incarnation <= id->incarnation) return -EBADMSG;
        id->incarnation = l->incarnation;
        return 0;
    case RECORD_ADMITTED:
        if (l->incarnation > id->incarnation) return -EBADMSG;
        id->previous = l->incarnation;
        return 0;
    case RECORD_PEER:
        index = group_index(&n->group, l->peer);
        if (index == MEMBER_NONE) return -EBADMSG;
        a = &id->members[index];
        a->instance = l->instance;
        a->incarnation = l->incarnation;
        a->nonce = l->nonce;
        a->heard_incarnation = l->heard_incarnation;
        a->vote_seq = record->vote_seq;
        return 0;
    case RECORD_REFUSED:
        return -EKEYREJECTED;
    default:
        return -EBADMSG;
    }
}

void identity_start(struct node *n, struct effects *out)
{
    struct message *r = journal_persist(&n->journal, out, RECORD_LIFE);
    struct identity *id = &n->identity;

    id->incarnation++;
    id->recovered_votes = n->acceptor.vote_seq;
    id->retry_ns = NEVER_NS;
    r->life = (struct life){
        .instance = n->cfg.instance,
        .incarnation = id->incarnation,
        .nonce = n->cfg.process,
    };
    id->life_seq = n->journal.last;
}

unsigned identity_quorum(const struct node *n)
{
    const unsigned others = n->group.n - 1u;
    const unsigned half = (n->group.n + 1u) / 2u;

    if (n->identity.previous > 0) return n->group.n / 2u;
    return others < half ? others : half;
}

static void identity_say_hello(struct node *n, struct effects *out)
{
    struct identity *id = &n->identity;
    uint64_t wait_ns;

    for (uint8_t i = 0; i < n->group.n; i++) {
        struct message *m;

        if (i == n->group.self || (id->answered & member_bit(i))) continue;
        m = effects_send(out, i, MESSAGE_HELLO);
        m->vote_seq = id->recovered_votes;
        m->hello = (struct hello){
            .instance = n->cfg.instance,
            .previous = id->previous,
            .life = id->incarnation,
            .nonce = n->cfg.process,
        };
    }
    wait_ns = min_u64(HELLO_RETRY_NS << (id->tries < 4 ? id->tries : 4),
                      HELLO_RETRY_MAX_NS);
    id->tries++;
    id->retry_ns = id->answered == group_others(&n->group)
                       ? NEVER_NS
                       : n->now_ns + wait_ns / 2 +
                             prng_below(&n->prng, wait_ns);
}

/* Enough have said yes: durably so, before the first vote. */
static void identity_check(struct node *n, struct effects *out)
{
    struct identity *id = &n->identity;
    struct message *r;

    if (id->admitted || id->admitted_seq) return;
    if (members_count(id->yes) < identity_quorum(n)) return;
    r = journal_persist(&n->journal, out, RECORD_ADMITTED);
    r->life.incarnation = id->incarnation;
    id->admitted_seq = n->journal.last;
}

static void identity_answer(uint8_t to, uint64_t life, uint64_t nonce,
                            uint8_t reason, struct effects *out)
{
    struct message *m = effects_send(out, to, MESSAGE_HELLO_ANSWER);

    m->hello_answer = (struct hello_answer){
        .life = life,
        .nonce = nonce,
        .yes = reason == 0,
        .reason = reason,
    };
}

void identity_on_durable(struct node *n, struct effects *out)
{
    struct identity *id = &n->identity;

    if (!id->live && journal_is_durable(&n->journal, id->life_seq)) {
        id->live = true;
        election_start(&n->election, id->incarnation, n->now_ns);
        identity_say_hello(n, out);
        identity_check(n, out);
    }
    if (!id->admitted && id->admitted_seq &&
        journal_is_durable(&n->journal, id->admitted_seq)) {
        id->admitted = true;
        effects_note(out, NOTE_ADMITTED, n->group.self, (struct ballot){ 0 },
                     id->incarnation);
    }
    for (uint8_t i = 0; i < n->group.n; i++) {
        struct acquaintance *a = &id->members[i];

        if (!a->answer_due) continue;
        if (!journal_is_durable(&n->journal, a->answer_seq)) continue;
        a->answer_due = false;
        identity_answer(i, a->incarnation, a->nonce, 0, out);
    }
}

static void identity_write(struct node *n, uint8_t i, struct effects *out)
{
    struct acquaintance *a = &n->identity.members[i];
    struct message *r = journal_persist(&n->journal, out, RECORD_PEER);

    r->vote_seq = a->vote_seq;
    r->life = (struct life){
        .instance = a->instance,
        .incarnation = a->incarnation,
        .nonce = a->nonce,
        .heard_incarnation = a->heard_incarnation,
        .peer = n->group.ids[i],
    };
    a->dirty = false;
}

/* Why a Hello is refused, or 0 (M2, M2a). */
static uint8_t identity_refusal(const struct acquaintance *a,
                                const struct message *m)
{
    const struct hello *h = &m->hello;

    if (a->instance && a->instance != h->instance) return HELLO_INSTANCE;
    if (a->heard_incarnation > h->previous && a->heard_incarnation != h->life) {
        return HELLO_INCARNATION;
    }
    if (a->incarnation > h->life) return HELLO_INCARNATION;
    if (a->incarnation == h->life && a->nonce != h->nonce) return HELLO_NONCE;
    if (a->heard_incarnation != h->life && a->vote_seq > m->vote_seq) {
        return HELLO_VOTES;
    }
    return 0;
}

void identity_on_hello(struct node *n, const struct message *m,
                       struct effects *out)
{
    struct acquaintance *a = &n->identity.members[m->from];
    const struct hello *h = &m->hello;
    const uint8_t reason = identity_refusal(a, m);

    ASSERT(m->type == MESSAGE_HELLO);

    if (h->life != m->incarnation || h->previous >= h->life) return;
    if (reason) {
        effects_note(out, NOTE_HELLO_REFUSED, m->from, (struct ballot){ 0 },
                     reason);
        identity_answer(m->from, h->life, h->nonce, reason, out);
        return;
    }
    if (a->incarnation != h->life) {
        a->instance = h->instance;
        a->incarnation = h->life;
        a->nonce = h->nonce;
        identity_write(n, m->from, out);
        /* It is new here, and perhaps it can admit this one. */
        if (!(n->identity.answered & member_bit(m->from))) {
            n->identity.tries = 0;
            n->identity.retry_ns = n->now_ns;
        }
    }
    a->answer_due = true;
    a->answer_seq = n->journal.last;
    identity_on_durable(n, out);
}

void identity_on_hello_answer(struct node *n, const struct message *m,
                              struct effects *out)
{
    struct identity *id = &n->identity;
    const struct hello_answer *a = &m->hello_answer;

    ASSERT(m->type == MESSAGE_HELLO_ANSWER);

    if (a->life != id->incarnation || a->nonce != n->cfg.process) return;
    id->answered |= member_bit(m->from);
    if (a->yes) {
        id->yes |= member_bit(m->from);
        identity_check(n, out);
        return;
    }
    journal_persist(&n->journal, out, RECORD_REFUSED);
    effects_fatal(out, 77, a->reason,
                  "refused by a member that remembers a later state of this "
                  "node: its data directory is a copy, was restored, or lost "
                  "part of its log; it must not vote again");
}

void identity_on_tick(struct node *n, struct effects *out)
{
    if (!n->identity.live || n->now_ns < n->identity.retry_ns) return;
    identity_say_hello(n, out);
}

void identity_on_flush(struct node *n, struct effects *out)
{
    struct identity *id = &n->identity;

    if (n->journal.last == id->written_seq) return;
    if (n->now_ns - id->written_ns >= WRITE_INTERVAL_NS) {
        for (uint8_t i = 0; i < n->group.n; i++) {
            if (id->members[i].dirty) identity_write(n, i, out);
        }
        id->written_ns = n->now_ns;
    }
    id->written_seq = n->journal.last;
}

void identity_note_votes(struct node *n, const struct message *m)
{
    struct acquaintance *a = &n->identity.members[m->from];

    if (m->from == n->group.self || !identity_counts(n, m)) return;
    if (m->incarnation == a->heard_incarnation && m->vote_seq <= a->vote_seq) {
        return;
    }
    a->heard_incarnation = m->incarnation;
    a->vote_seq = max_u64(a->vote_seq, m->vote_seq);
    a->dirty = true;
}

bool identity_counts(const struct node *n, const struct message *m)
{
    if (m->from == n->group.self) return n->identity.admitted;
    return m->incarnation == n->identity.members[m->from].incarnation;
}

bool identity_is_stale(const struct node *n, const struct message *m)
{
    if (m->from == n->group.self) return false;
    return m->incarnation < n->identity.members[m->from].incarnation;
}

uint64_t identity_deadline_ns(const struct node *n)
{
    return n->identity.live ? n->identity.retry_ns : NEVER_NS;
}

/* acceptor.c - see acceptor.h */
#include "paxos/acceptor.h"

#include "base/assert.h"
#include "base/units.h"

#include <errno.h>

size_t acceptor_size(void)
{
    return ARENA_SIZE(ACCEPTOR_WINDOW * sizeof(struct vote)) +
           ARENA_SIZE(ACCEPTOR_HELD_MAX * sizeof(struct held_votes)) +
           ARENA_SIZE(ACCEPTOR_HELD_MAX * sizeof(struct range)) +
           ARENA_SIZE(MESSAGE_RUNS_MAX * sizeof(struct run));
}

int acceptor_init(struct acceptor *a, const struct group *group,
                  struct journal *journal, struct blob_pool *pool,
                  struct arena *mem)
{
    *a = (struct acceptor){
        .group = group,
        .journal = journal,
        .pool = pool,
        .base = 1,
        .votes = arena_take(mem, ACCEPTOR_WINDOW, sizeof(struct vote)),
        .held = arena_take(mem, ACCEPTOR_HELD_MAX, sizeof(struct held_votes)),
        .ranges = arena_take(mem, ACCEPTOR_HELD_MAX, sizeof(struct range)),
        .runs = arena_take(mem, MESSAGE_RUNS_MAX, sizeof(struct run)),
    };
    return a->votes && a->held && a->ranges && a->runs ? 0 : -ENOMEM;
}

void acceptor_reset(struct acceptor *a, uint64_t base, uint64_t chosen_upto)
{
    const uint64_t last = min_u64(a->accepted_upto, ACCEPTOR_WINDOW - 1);

    ASSERT(base > 0);
    ASSERT(base <= chosen_upto + 1);

    /* What never held a vote stays untouched memory. */
    for (uint64_t i = 0; i <= last; i++) {
        blob_unref(a->pool, a->votes[i].blob);
        a->votes[i] = (struct vote){ 0 };
    }
    *a = (struct acceptor){
        .group = a->group,
        .journal = a->journal,
        .pool = a->pool,
        .base = base,
        .chosen_upto = chosen_upto,
        .votes = a->votes,
        .held = a->held,
        .ranges = a->ranges,
        .runs = a->runs,
    };
}

static struct vote *acceptor_at(const struct acceptor *a, uint64_t slot)
{
    ASSERT(slot >= a->base);
    ASSERT(slot - a->base < ACCEPTOR_WINDOW);

    return &a->votes[slot & (ACCEPTOR_WINDOW - 1)];
}

const struct vote *acceptor_vote(const struct acceptor *a, uint64_t slot)
{
    const struct vote *v;

    if (slot < a->base || slot - a->base >= ACCEPTOR_WINDOW) return NULL;
    v = acceptor_at(a, slot);
    return v->blob ? v : NULL;
}

static void acceptor_store(struct acceptor *a, uint64_t slot,
                           struct ballot ballot, struct blob *blob)
{
    struct vote *v = acceptor_at(a, slot);

    ASSERT(ballot_cmp(ballot, a->promised) >= 0);
    ASSERT(!v->blob || ballot_cmp(v->ballot, ballot) < 0);

    blob_unref(a->pool, v->blob);
    v->ballot = ballot;
    v->blob = blob;
    a->promised = ballot;
    a->accepted_upto = max_u64(a->accepted_upto, slot);
}

static int acceptor_recover_accept(struct acceptor *a, const struct message *r)
{
    const struct vote *old = acceptor_vote(a, r->accept.slot);
    struct blob *blob;

    if (ballot_cmp(r->ballot, a->promised) < 0) return -EBADMSG;
    if (r->accept.slot < a->base) {
        a->promised = r->ballot;
        return 0;
    }
    if (r->accept.slot - a->base >= ACCEPTOR_WINDOW) return -EBADMSG;
    if (old && ballot_cmp(old->ballot, r->ballot) >= 0) return -EBADMSG;

    blob = value_keep(r->accept.value, a->pool);
    if (!blob) return -ENOMEM;
    acceptor_store(a, r->accept.slot, r->ballot, blob);
    return 0;
}

int acceptor_recover(struct acceptor *a, const struct message *record)
{
    ASSERT(record->type == RECORD_PROMISE || record->type == RECORD_ACCEPT);

    if (record->type == RECORD_ACCEPT) {
        const int rc = acceptor_recover_accept(a, record);

        if (rc < 0) return rc;
    } else {
        if (ballot_cmp(record->ballot, a->promised) <= 0) return -EBADMSG;
        a->promised = record->ballot;
    }
    if (record->vote_seq <= a->vote_seq) return -EBADMSG;
    a->vote_seq = record->vote_seq;
    a->vote_seq_durable = record->vote_seq;
    return 0;
}

static void acceptor_nack(struct acceptor *a, const struct message *m,
                          struct effects *out)
{
    struct message *nack = effects_send(out, m->from, MESSAGE_NACK);

    nack->ballot = a->promised;
    nack->nack.refused = m->ballot;
    nack->asker = m->incarnation;
    nack->request = m->request;
}

static void acceptor_persist_promise(struct acceptor *a, struct ballot ballot,
                                     struct effects *out)
{
    struct message *r = journal_persist(a->journal, out, RECORD_PROMISE);

    ASSERT(ballot_cmp(ballot, a->promised) > 0);

    a->promised = ballot;
    r->ballot = ballot;
    r->vote_seq = ++a->vote_seq;
    a->last_seq = a->journal->last;
}

/* Fill in the (slot, ballot) runs of all votes in slots >= from (P5). */
static uint32_t acceptor_runs(const struct acceptor *a, uint64_t from)
{
    uint32_t count = 0;

    for (uint64_t s = max_u64(from, a->base);
         s <= a->accepted_upto && s - a->base < ACCEPTOR_WINDOW; s++) {
        const struct vote *v = acceptor_vote(a, s);
        struct run *last = count ? &a->runs[count - 1] : NULL;

        if (!v) continue;
        if (last && last->first + last->count == s &&
            ballot_equal(last->ballot, v->ballot)) {
            last->count++;
            continue;
        }
        ASSERT(count < MESSAGE_RUNS_MAX);
        a->runs[count++] = (struct run){ s, 1, v->ballot };
    }
    return count;
}

static void acceptor_send_promise(struct acceptor *a, struct effects *out)
{
    const struct held_promise *h = &a->promise;
    struct message *m = effects_send(out, h->to, MESSAGE_PROMISE);

    m->ballot = a->promised;
    m->asker = h->asker;
    m->request = h->request;
    m->vote_seq = a->vote_seq_durable;
    m->promise.log_start = 1;
    m->promise.chosen_upto = a->chosen_upto;
    m->promise.run_count = acceptor_runs(a,
                                         max_u64(h->from, a->chosen_upto + 1));
    m->promise.runs = a->runs;
}

/* The promise that is held, as soon as its record is durable. */
static void acceptor_tell_promise(struct acceptor *a, struct effects *out)
{
    if (!a->promise.set) return;
    if (!journal_is_durable(a->journal, a->promise.seq)) return;
    a->promise.set = false;
    /* Promised more since: whoever asked gets a nack when it tries. */
    if (!ballot_equal(a->promise.ballot, a->promised)) return;
    acceptor_send_promise(a, out);
}

void acceptor_on_prepare(struct acceptor *a, const struct message *m,
                         struct effects *out)
{
    ASSERT(m->type == MESSAGE_PREPARE);

    if (ballot_cmp(m->ballot, a->promised) < 0) {
        acceptor_nack(a, m, out);
        return;
    }
    if (ballot_cmp(m->ballot, a->promised) > 0) {
        acceptor_persist_promise(a, m->ballot, out);
    }
    /* Asked again, the answer waits for the disk like the first one (P4). */
    a->promise = (struct held_promise){
        .set = true,
        .to = m->from,
        .ballot = m->ballot,
        .seq = a->last_seq,
        .from = m->prepare.from,
        .asker = m->incarnation,
        .request = m->request,
    };
    acceptor_tell_promise(a, out);
}

/* Keep in mind to tell of the vote in slot when all so far is durable. */
static void acceptor_hold(struct acceptor *a, const struct message *m)
{
    const uint64_t slot = m->accept.slot;
    struct held_votes *last;

    if (!ballot_equal(a->voting, m->ballot)) {
        a->held_count = 0; /* as if lost: its proposer asks again */
        a->voting = m->ballot;
    }
    a->voting_asker = m->incarnation;
    last = &a->held[(a->held_first + a->held_count - 1) % ACCEPTOR_HELD_MAX];
    if (a->held_open && a->held_count && last->range.last + 1 == slot) {
        last->range.last = slot;
        last->seq = a->last_seq;
        last->vote_seq = a->vote_seq;
        return;
    }
    ASSERT(a->held_count < ACCEPTOR_HELD_MAX);
    last = &a->held[(a->held_first + a->held_count) % ACCEPTOR_HELD_MAX];
    *last = (struct held_votes){
        .seq = a->last_seq,
        .vote_seq = a->vote_seq,
        .range = { slot, slot },
    };
    a->held_count++;
    a->held_open = true;
}

/* A slot below base is chosen here: any later vote must be for its value, and
 * a promise that is durable is all that such a vote needs. */
static enum accept_result acceptor_on_old(struct acceptor *a,
                                          const struct message *m,
                                          struct effects *out)
{
    if (ballot_cmp(m->ballot, a->promised) > 0) {
        acceptor_persist_promise(a, m->ballot, out);
    }
    acceptor_hold(a, m);
    return ACCEPT_VOTED;
}

/* Three quarters of the pool are for votes: what was chosen must find room
 * even when they are not executed because a slot before them is missing. */
static bool acceptor_has_room(const struct acceptor *a)
{
    const uint64_t size = UINT64_C(1) << a->pool->order;

    return a->pool->bytes_used < size - size / 4;
}

static enum accept_result acceptor_vote_for(struct acceptor *a,
                                            const struct message *m,
                                            struct effects *out)
{
    struct blob *blob = value_keep(m->accept.value, a->pool);
    struct message *r;

    if (!blob) return ACCEPT_DROPPED;
    acceptor_store(a, m->accept.slot, m->ballot, blob);
    r = journal_persist(a->journal, out, RECORD_ACCEPT);
    r->ballot = m->ballot;
    r->vote_seq = ++a->vote_seq;
    r->accept.slot = m->accept.slot;
    r->accept.value = value_of(blob);
    a->last_seq = a->journal->last;
    acceptor_hold(a, m);
    return ACCEPT_VOTED;
}

enum accept_result acceptor_on_accept(struct acceptor *a,
                                      const struct message *m,
                                      struct effects *out)
{
    const uint64_t slot = m->accept.slot;
    const struct vote *v;

    ASSERT(m->type == MESSAGE_ACCEPT);

    /* An equal ballot passes: only its own leader can be sending it again. */
    if (ballot_cmp(m->ballot, a->promised) < 0) {
        acceptor_nack(a, m, out);
        return ACCEPT_REFUSED;
    }
    if (a->held_count == ACCEPTOR_HELD_MAX) return ACCEPT_DROPPED;
    if (slot < a->base) return acceptor_on_old(a, m, out);
    if (slot - a->base >= ACCEPTOR_WINDOW) return ACCEPT_DROPPED;

    v = acceptor_vote(a, slot);
    if (v && ballot_equal(v->ballot, m->ballot)) {
        if (!value_equal(value_of(v->blob), m->accept.value)) {
            return ACCEPT_CONFLICT;
        }
        acceptor_hold(a, m);
        return ACCEPT_VOTED;
    }
    if (!m->accept.value.blob && !acceptor_has_room(a)) return ACCEPT_DROPPED;
    return acceptor_vote_for(a, m, out);
}

void acceptor_on_confirm(struct acceptor *a, const struct message *m,
                         struct effects *out)
{
    struct message *answer;

    ASSERT(m->type == MESSAGE_CONFIRM);

    if (!ballot_equal(m->ballot, a->promised)) {
        if (ballot_cmp(m->ballot, a->promised) < 0) acceptor_nack(a, m, out);
        return;
    }
    answer = effects_send(out, m->from, MESSAGE_CONFIRMED);
    answer->ballot = m->ballot;
    answer->asker = m->incarnation;
    answer->confirm.nonce = m->confirm.nonce;
}

void acceptor_on_want(struct acceptor *a, const struct message *m,
                      struct effects *out)
{
    const struct vote *v = acceptor_vote(a, m->decided.slot);
    struct message *answer;

    ASSERT(m->type == MESSAGE_WANT);

    if (!v || !ballot_equal(v->ballot, m->ballot)) return;
    answer = effects_send(out, m->from, MESSAGE_VALUE);
    answer->ballot = v->ballot;
    answer->asker = m->incarnation;
    answer->decided.slot = m->decided.slot;
    answer->decided.value = value_of(v->blob);
}

static void acceptor_tell(struct acceptor *a, uint32_t first, uint32_t count,
                          struct effects *out)
{
    const uint8_t to = group_index(a->group, a->voting.node);
    struct message *m;

    if (count == 0 || to == MEMBER_NONE) return;
    m = effects_send(out, to, MESSAGE_ACCEPTED);
    m->ballot = a->voting;
    m->asker = a->voting_asker;
    m->vote_seq = a->vote_seq_durable;
    m->count = (uint8_t)count;
    m->ranges = &a->ranges[first];
}

/* Tell of all votes whose records are durable, in as few ranges as can be. */
static void acceptor_tell_votes(struct acceptor *a, struct effects *out)
{
    uint32_t first = 0;
    uint32_t count = 0;

    while (a->held_count) {
        const struct held_votes *h = &a->held[a->held_first];
        struct range *last = count ? &a->ranges[first + count - 1] : NULL;

        if (!journal_is_durable(a->journal, h->seq)) break;
        a->vote_seq_durable = max_u64(a->vote_seq_durable, h->vote_seq);
        if (last && last->last + 1 == h->range.first) {
            last->last = h->range.last;
        } else {
            if (count == RANGES_MAX) {
                acceptor_tell(a, first, count, out);
                first += count;
                count = 0;
            }
            a->ranges[first + count++] = h->range;
        }
        a->held_first = (a->held_first + 1) % ACCEPTOR_HELD_MAX;
        a->held_count--;
    }
    acceptor_tell(a, first, count, out);
}

void acceptor_on_durable(struct acceptor *a, struct effects *out)
{
    if (journal_is_durable(a->journal, a->last_seq)) {
        a->vote_seq_durable = a->vote_seq;
    }
    acceptor_tell_promise(a, out);
    acceptor_tell_votes(a, out);
}

bool acceptor_has_flush(const struct acceptor *a)
{
    return a->held_count > 0 && a->held_open;
}

void acceptor_on_flush(struct acceptor *a, struct effects *out)
{
    /* Votes told again wait for no record of their own. */
    acceptor_tell_votes(a, out);
    a->held_open = false;
}

void acceptor_advance(struct acceptor *a, uint64_t base, uint64_t chosen_upto)
{
    ASSERT(base >= a->base);
    ASSERT(base <= chosen_upto + 1);

    for (uint64_t s = a->base; s < base && s < a->base + ACCEPTOR_WINDOW; s++) {
        struct vote *v = &a->votes[s & (ACCEPTOR_WINDOW - 1)];

        blob_unref(a->pool, v->blob);
        *v = (struct vote){ 0 };
    }
    a->base = base;
    a->chosen_upto = max_u64(a->chosen_upto, chosen_upto);
}

/* candidate.c - phase 1 of proposer.h */
#include "paxos/candidate.h"

#include "base/assert.h"
#include "base/units.h"

static struct found *candidate_at(const struct proposer *p, uint64_t slot)
{
    return &p->found[slot & (PROPOSER_FOUND - 1)];
}

/* All that was found lies in from .. end: the rest is as it was, and touching
 * it would cost more than the whole of phase 1. */
void candidate_forget(struct proposer *p)
{
    const uint64_t count = min_u64(p->end + 1 - p->from, PROPOSER_FOUND);

    ASSERT(p->end + 1 >= p->from);

    for (uint64_t i = 0; i < count; i++) {
        struct found *at = candidate_at(p, p->end - i);

        blob_unref(p->pool, at->value);
        *at = (struct found){ 0 };
    }
}

static void candidate_ask(struct proposer *p, uint8_t to, struct effects *out)
{
    struct message *m = effects_send(out, to, MESSAGE_PREPARE);

    m->ballot = p->ballot;
    m->prepare.from = p->from;
    m->request = p->ballot.round;
}

void proposer_start(struct proposer *p, uint64_t round, uint64_t from,
                    uint64_t now_ns, struct effects *out)
{
    ASSERT(round > p->ballot.round);
    ASSERT(from > 0);

    candidate_forget(p);
    proposer_rest(p); /* of an earlier ballot, which it had just given up */
    p->phase = PROPOSER_PREPARING;
    p->ballot = (struct ballot){ round, group_self_id(p->group) };
    p->from = from;
    p->bound = from - 1;
    p->end = from - 1;
    p->promised = 0;
    p->own_promise = false;
    p->wanted = 0;
    p->missing = 0;
    p->retries = 0;
    p->progress_ns = now_ns;
    p->retry_ns = now_ns + proposer_backoff_ns(p, 1);
    /* The own acceptor first: what it promises must be durable before anybody
     * else hears of the ballot (P2). */
    candidate_ask(p, p->group->self, out);
}

/* Slots up to bound are chosen: nothing is proposed there (P6). */
static void candidate_raise_bound(struct proposer *p, uint64_t bound)
{
    if (bound <= p->bound) return;
    if (bound - p->bound >= PROPOSER_FOUND) {
        candidate_forget(p);
    } else {
        for (uint64_t s = p->bound + 1; s <= bound; s++) {
            *candidate_at(p, s) = (struct found){ 0 };
        }
    }
    p->bound = bound;
    p->end = max_u64(p->end, bound);
}

static void candidate_merge_slot(struct proposer *p, uint64_t slot,
                                 struct ballot ballot, uint8_t from)
{
    struct found *at = candidate_at(p, slot);

    if (at->slot != slot) *at = (struct found){ .slot = slot };
    if (ballot_cmp(ballot, at->ballot) > 0) {
        at->ballot = ballot;
        at->holders = 0;
    }
    if (ballot_equal(ballot, at->ballot)) at->holders |= member_bit(from);
}

/* An acceptor's window begins at most one behind what it knows chosen, so that
 * all it reports is in bound + 1 .. bound + PROPOSER_FOUND: the whole ring and
 * no slot more; a peer that lies is cut short. */
static void candidate_merge(struct proposer *p, const struct message *m)
{
    for (uint32_t i = 0; i < m->promise.run_count; i++) {
        const struct run *run = &m->promise.runs[i];
        const uint64_t last = min_u64(run->first + run->count - 1,
                                      p->bound + PROPOSER_FOUND);

        for (uint64_t s = max_u64(run->first, p->bound + 1); s <= last; s++) {
            candidate_merge_slot(p, s, run->ballot, m->from);
            p->end = max_u64(p->end, s);
        }
    }
}

/* The first majority is complete: what is missing now, and nothing later. */
static void candidate_freeze(struct proposer *p, uint64_t now_ns)
{
    p->phase = PROPOSER_COLLECTING;
    p->want_next = p->bound + 1;
    p->wanted = 0;
    p->missing = 0;
    p->retries = 0;
    p->progress_ns = now_ns;
    for (uint64_t s = p->bound + 1; s <= p->end; s++) {
        const struct found *at = candidate_at(p, s);

        if (at->slot == s && !ballot_is_none(at->ballot)) p->missing++;
    }
    p->retry_ns = now_ns + proposer_backoff_ns(p, 1);
}

void proposer_on_promise(struct proposer *p, const struct message *m,
                         uint64_t known_upto, uint64_t now_ns,
                         struct effects *out)
{
    ASSERT(m->type == MESSAGE_PROMISE);
    ASSERT(m->from < p->group->n);

    if (p->phase != PROPOSER_PREPARING) return;
    if (!ballot_equal(m->ballot, p->ballot)) return;
    if (p->promised & member_bit(m->from)) return;

    p->promised |= member_bit(m->from);
    p->progress_ns = now_ns;
    candidate_raise_bound(p, max_u64(known_upto, m->promise.chosen_upto));
    candidate_merge(p, m);
    if (m->from == p->group->self) {
        p->own_promise = true;
        if (p->group->n > 1) candidate_ask(p, TO_GROUP, out);
    }
    if (p->own_promise && group_is_majority(p->group, p->promised)) {
        candidate_freeze(p, now_ns);
    }
}

/* One of the holders, another one at each try. */
static uint8_t candidate_holder(const struct proposer *p, uint16_t holders)
{
    unsigned skip = p->retries % members_count(holders);

    if (p->retries == 0 && (holders & member_bit(p->group->self))) {
        return p->group->self;
    }
    while (skip--) {
        holders &= (uint16_t)(holders - 1);
    }
    return (uint8_t)__builtin_ctz(holders);
}

void candidate_pump(struct proposer *p, uint64_t now_ns, struct effects *out)
{
    ASSERT(p->phase == PROPOSER_COLLECTING);

    for (; p->want_next <= p->end && p->wanted < PROPOSER_WANTED;
         p->want_next++) {
        const struct found *at = candidate_at(p, p->want_next);
        struct message *m;

        if (at->slot != p->want_next || at->value) continue;
        m = effects_send(out, candidate_holder(p, at->holders), MESSAGE_WANT);
        m->ballot = at->ballot;
        m->decided.slot = at->slot;
        p->wanted++;
        p->retry_ns = now_ns + proposer_backoff_ns(p, p->retries + 1u);
    }
}

void proposer_on_value(struct proposer *p, const struct message *m,
                       uint64_t now_ns)
{
    struct found *at = candidate_at(p, m->decided.slot);

    ASSERT(m->type == MESSAGE_VALUE);

    if (p->phase != PROPOSER_COLLECTING) return;
    if (at->slot != m->decided.slot || at->value) return;
    if (!ballot_equal(at->ballot, m->ballot)) return;
    if (m->decided.value.len == 0) return;

    at->value = value_keep(m->decided.value, p->pool);
    if (!at->value) return;
    p->missing--;
    if (p->wanted) p->wanted--;
    p->progress_ns = now_ns;
}

/* By unicast every second time: see proposer_resend (P18). */
static void candidate_ask_again(struct proposer *p, struct effects *out)
{
    uint16_t left = group_others(p->group);

    ASSERT(p->retries > 0);

    if (p->retries % 2 != 0) {
        candidate_ask(p, TO_GROUP, out);
        return;
    }
    for (; left; left &= (uint16_t)(left - 1))
        candidate_ask(p, (uint8_t)__builtin_ctz(left), out);
}

void candidate_on_tick(struct proposer *p, uint64_t now_ns, struct effects *out)
{
    if (now_ns < p->retry_ns) return;
    p->retries += p->retries < UINT8_MAX ? 1 : -1;
    p->retry_ns = now_ns + proposer_backoff_ns(p, p->retries + 1u);

    if (p->phase == PROPOSER_COLLECTING) {
        p->want_next = p->bound + 1;
        p->wanted = 0;
        candidate_pump(p, now_ns, out);
        return;
    }
    if (p->own_promise)
        candidate_ask_again(p, out);
    else
        candidate_ask(p, p->group->self, out);
}

bool proposer_is_ready(const struct proposer *p)
{
    return p->phase == PROPOSER_COLLECTING && p->missing == 0;
}

bool proposer_is_stalled(const struct proposer *p, uint64_t now_ns)
{
    const uint64_t patience = max_u64(8 * proposer_rto_ns(p),
                                      2 * p->cfg.rto_max_ns);

    if (p->phase != PROPOSER_PREPARING && p->phase != PROPOSER_COLLECTING) {
        return false;
    }
    /* Only the own disk is late; there is nobody else to ask. */
    if (p->phase == PROPOSER_PREPARING && !p->own_promise) return false;
    return now_ns - p->progress_ns > patience;
}

/* A no-op at the leader's time (P9, P28). */
static struct blob *candidate_noop(struct proposer *p, enum value_kind kind)
{
    struct blob *b = blob_new(p->pool, VALUE_HEAD);

    if (b) value_seal(b->bytes, b->len, kind, 0, p->time_base_ns);
    return b;
}

/* Propose again what was found in the next slot; who asked for it then is kept
 * in mind if it is the very value. */
static bool candidate_repropose(struct proposer *p, uint64_t chosen_heard)
{
    const uint64_t slot = p->next_slot;
    struct found *found = candidate_at(p, slot);
    struct proposal *old = proposer_at(p, slot);
    struct blob *value = NULL;
    struct blob *context = NULL;

    if (found->slot == slot) {
        value = found->value;
        found->value = NULL;
    } else if (slot > chosen_heard) {
        value = candidate_noop(p, VALUE_NOOP);
    }
    if (!value) return false;
    if (old->slot == slot && old->value &&
        value_equal(value_of(old->value), value_of(value))) {
        context = old->context;
        old->context = NULL;
    }
    proposer_put(p, value, context);
    return true;
}

bool proposer_lead(struct proposer *p, uint64_t chosen_heard,
                   uint64_t state_time_ns, uint64_t now_ns, struct effects *out)
{
    struct blob *takeover;

    ASSERT(proposer_is_ready(p));

    p->time_base_ns = state_time_ns;
    p->lead_since_ns = now_ns;
    p->last_proposed_ns = now_ns;
    p->next_slot = p->bound + 1;
    p->next_sent = p->next_slot;
    p->chosen_upto = p->bound;
    p->learn_told = p->bound;
    p->bytes_in_flight = 0;
    p->resend_ns = NEVER_NS;
    while (p->next_slot <= p->end) {
        if (!candidate_repropose(p, chosen_heard)) goto fail;
    }
    takeover = candidate_noop(p, VALUE_TAKEOVER);
    if (!takeover) goto fail;
    p->takeover = p->next_slot;
    proposer_put(p, takeover, NULL);

    candidate_forget(p);
    p->phase = PROPOSER_LEADING;
    proposer_pump(p, now_ns, out);
    return true;

fail:
    candidate_forget(p);
    p->phase = PROPOSER_IDLE;
    return false;
}

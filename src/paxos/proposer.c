/* proposer.c - see proposer.h: phase 2.  Phase 1 is in candidate.c. */
#include "paxos/proposer.h"

#include "base/assert.h"
#include "base/units.h"
#include "paxos/candidate.h"

#include <errno.h>

size_t proposer_size(void)
{
    return ARENA_SIZE(PROPOSER_RING * sizeof(struct proposal)) +
           ARENA_SIZE(PROPOSER_FOUND * sizeof(struct found));
}

int proposer_init(struct proposer *p, const struct group *group,
                  struct blob_pool *pool, const struct proposer_config *cfg,
                  struct arena *mem)
{
    *p = (struct proposer){
        .group = group,
        .pool = pool,
        .cfg = *cfg,
        .srtt_ns = cfg->rto_min_ns,
        .rttvar_ns = cfg->rto_min_ns,
        .learn_ns = NEVER_NS,
        .ring = arena_take(mem, PROPOSER_RING, sizeof(struct proposal)),
        .found = arena_take(mem, PROPOSER_FOUND, sizeof(struct found)),
    };
    prng_init(&p->prng, cfg->seed);
    return p->ring && p->found ? 0 : -ENOMEM;
}

struct proposal *proposer_at(const struct proposer *p, uint64_t slot)
{
    return &p->ring[slot & (PROPOSER_RING - 1)];
}

void proposer_clear(struct proposer *p, struct proposal *at)
{
    blob_unref(p->pool, at->value);
    blob_unref(p->pool, at->context);
    *at = (struct proposal){ 0 };
}

/* What was executed before its votes were counted will not be counted now. */
void proposer_rest(struct proposer *p)
{
    const uint64_t last = min_u64(p->executed, p->next_slot - 1);
    const bool held = proposer_holds(p);

    p->phase = PROPOSER_IDLE;
    if (!held) return;

    ASSERT(p->next_slot > p->chosen_upto);
    ASSERT(p->next_slot - p->chosen_upto <= PROPOSER_RING);

    for (uint64_t s = p->chosen_upto + 1; s <= last; s++) {
        proposer_clear(p, proposer_at(p, s));
    }
}

uint64_t proposer_rto_ns(const struct proposer *p)
{
    const uint64_t rto = p->srtt_ns + 4 * p->rttvar_ns;

    if (rto < p->cfg.rto_min_ns) return p->cfg.rto_min_ns;
    return min_u64(rto, p->cfg.rto_max_ns);
}

/* Doubled with each try, capped, and +-50 % so that nobody keeps in step. */
uint64_t proposer_backoff_ns(struct proposer *p, unsigned tries)
{
    const unsigned shift = tries < 8 ? tries : 8;
    const uint64_t rto = min_u64(proposer_rto_ns(p) << shift,
                                 p->cfg.rto_max_ns);

    return rto / 2 + prng_below(&p->prng, rto);
}

/* Jacobson's estimate, from proposals that were sent once (Karn). */
static void proposer_measure(struct proposer *p, uint64_t rtt_ns)
{
    const uint64_t diff = rtt_ns > p->srtt_ns ? rtt_ns - p->srtt_ns
                                              : p->srtt_ns - rtt_ns;

    p->rttvar_ns += diff / 4;
    p->rttvar_ns -= p->rttvar_ns / 4;
    p->srtt_ns += rtt_ns / 8;
    p->srtt_ns -= p->srtt_ns / 8;
}

static void proposer_count_vote(struct proposer *p, uint64_t slot, uint8_t from,
                                uint64_t now_ns)
{
    struct proposal *at = proposer_at(p, slot);

    ASSERT(at->slot == slot);

    at->votes |= member_bit(from);
    if (at->chosen || !group_is_majority(p->group, at->votes)) return;
    at->chosen = true;
    p->progress_ns = now_ns;
    if (at->tries == 0) proposer_measure(p, now_ns - at->sent_ns);
}

void proposer_on_accepted(struct proposer *p, const struct message *m,
                          uint64_t now_ns)
{
    ASSERT(m->type == MESSAGE_ACCEPTED);
    ASSERT(m->from < p->group->n);

    if (!proposer_is_proposing(p)) return;
    if (!ballot_equal(m->ballot, p->ballot)) return;

    for (unsigned i = 0; i < m->count; i++) {
        const uint64_t last = min_u64(m->ranges[i].last, p->next_sent - 1);

        for (uint64_t s = max_u64(m->ranges[i].first, p->chosen_upto + 1);
             s <= last; s++) {
            proposer_count_vote(p, s, m->from, now_ns);
        }
    }
}

const struct proposal *proposer_next_chosen(const struct proposer *p)
{
    const struct proposal *at = proposer_at(p, p->chosen_upto + 1);

    if (!proposer_is_proposing(p)) return NULL;
    if (p->chosen_upto + 1 >= p->next_sent) return NULL;
    ASSERT(at->slot == p->chosen_upto + 1);
    return at->chosen ? at : NULL;
}

void proposer_chosen_taken(struct proposer *p)
{
    struct proposal *at = proposer_at(p, p->chosen_upto + 1);

    ASSERT(at == proposer_next_chosen(p));
    ASSERT(p->bytes_in_flight >= at->value->len);

    p->bytes_in_flight -= at->value->len;
    p->chosen_upto++;
    /* Executed before its votes were counted: nobody looks at it again. */
    if (p->chosen_upto <= p->executed) proposer_clear(p, at);
}

bool proposer_on_chosen_elsewhere(struct proposer *p, uint64_t slot,
                                  struct value v)
{
    struct proposal *at = proposer_at(p, slot);

    if (!proposer_holds(p) || slot <= p->chosen_upto) return true;
    /* Not sent at this ballot yet and chosen: by a ballot above the own. */
    if (slot >= p->next_sent) return false;
    ASSERT(at->slot == slot);
    if (!value_equal(value_of(at->value), v)) return false;
    at->chosen = true;
    return true;
}

bool proposer_has_window(const struct proposer *p)
{
    const uint64_t pool = UINT64_C(1) << p->pool->order;

    if (!proposer_is_leading(p)) return false;
    if (p->next_slot - 1 - p->chosen_upto >= p->cfg.window_slots) return false;
    if (p->next_slot > p->executed + PROPOSER_AHEAD) return false;
    return p->bytes_in_flight < pool / 4;
}

void proposer_put(struct proposer *p, struct blob *value, struct blob *context)
{
    struct proposal *at = proposer_at(p, p->next_slot);

    proposer_clear(p, at);
    at->slot = p->next_slot++;
    at->value = value;
    at->context = context;
    p->bytes_in_flight += value->len;
    p->put_upto = max_u64(p->put_upto, at->slot);
}

void proposer_propose(struct proposer *p, struct blob *value,
                      enum value_kind kind, uint16_t count,
                      struct blob *context, uint64_t now_ns)
{
    ASSERT(proposer_is_leading(p));
    ASSERT(value->refs == 1);

    value_seal(value->bytes, value->len, kind, count,
               p->time_base_ns + (now_ns - p->lead_since_ns));
    proposer_put(p, value, context);
    p->last_proposed_ns = now_ns;
    p->counters.proposed++;
}

static void proposer_send(struct proposer *p, const struct proposal *at,
                          uint8_t to, struct effects *out)
{
    struct message *m = effects_send(out, to, MESSAGE_ACCEPT);

    m->ballot = p->ballot;
    m->accept.slot = at->slot;
    m->accept.learn_upto = p->chosen_upto;
    m->accept.value = value_of(at->value);
    if (to == TO_GROUP) p->learn_told = p->chosen_upto;
}

void proposer_pump(struct proposer *p, uint64_t now_ns, struct effects *out)
{
    if (p->phase == PROPOSER_COLLECTING) candidate_pump(p, now_ns, out);
    if (!proposer_is_proposing(p)) return;

    for (unsigned i = 0; i < PROPOSER_BURST && p->next_sent < p->next_slot;
         i++) {
        struct proposal *at = proposer_at(p, p->next_sent);

        at->sent_ns = now_ns;
        proposer_send(p, at, TO_GROUP, out);
        p->next_sent++;
        if (p->resend_ns == NEVER_NS) {
            p->resend_ns = now_ns + proposer_rto_ns(p);
        }
    }
}

bool proposer_has_flush(const struct proposer *p, uint64_t now_ns)
{
    const bool waits = p->learn_ns != NEVER_NS;

    if (p->phase == PROPOSER_COLLECTING) return true;
    if (!proposer_is_proposing(p)) return waits;
    if (p->next_sent < p->next_slot) return true;
    if (p->learn_told >= p->chosen_upto) return waits;
    return !waits || now_ns >= p->learn_ns;
}

static void proposer_tell_learn(struct proposer *p, struct effects *out)
{
    struct message *m = effects_send(out, TO_GROUP, MESSAGE_LEARN);

    p->learn_ns = NEVER_NS;
    m->ballot = p->ballot;
    m->learn.upto = p->chosen_upto;
    p->learn_told = p->chosen_upto;
}

void proposer_on_flush(struct proposer *p, uint64_t now_ns, struct effects *out)
{
    if (p->group->n == 1) p->learn_told = p->chosen_upto;
    if (!proposer_is_proposing(p) || p->learn_told >= p->chosen_upto) {
        p->learn_ns = NEVER_NS;
        return;
    }
    if (p->learn_ns == NEVER_NS) p->learn_ns = now_ns + PROPOSER_LEARN_NS;
    if (now_ns >= p->learn_ns) proposer_tell_learn(p, out);
}

/*
 * To all who lack the slot and live: by unicast if that is one, or if it went
 * to the group twice: perhaps multicast is what does not get through, which is
 * found out slowly (P18, P25).
 */
static void proposer_resend(struct proposer *p, struct proposal *at,
                            uint16_t heard, uint64_t now_ns,
                            struct effects *out)
{
    uint16_t lacking = (uint16_t)(heard & ~at->votes);
    const unsigned count = members_count(lacking);
    const bool by_group = count == 0 || (count > 1 && at->tries % 2 == 0);

    at->sent_ns = now_ns;
    at->tries += at->tries < UINT8_MAX ? 1 : -1;
    p->counters.resent++;
    if (by_group) proposer_send(p, at, TO_GROUP, out);
    for (; !by_group && lacking; lacking &= (uint16_t)(lacking - 1))
        proposer_send(p, at, (uint8_t)__builtin_ctz(lacking), out);
}

/* The longer the first open slot waits the fewer are repeated at a time: where
 * datagrams overtake each other, parts of long messages that leave together
 * spoil each other (wire/parts.h), and one alone gets through. */
static unsigned proposer_burst(const struct proposal *first)
{
    unsigned burst = PROPOSER_RESEND;

    for (unsigned i = 1; i < first->tries && burst > 1; i++) burst /= 2;
    return burst;
}

static void proposer_resend_due(struct proposer *p, uint16_t heard,
                                uint64_t now_ns, struct effects *out)
{
    const uint64_t rto = proposer_rto_ns(p);
    const unsigned burst = proposer_burst(proposer_at(p, p->chosen_upto + 1));
    unsigned sent = 0;

    p->resend_ns = NEVER_NS;
    for (uint64_t s = p->chosen_upto + 1; s < p->next_sent; s++) {
        struct proposal *at = proposer_at(p, s);
        const unsigned shift = at->tries < 8 ? at->tries : 8;
        const uint64_t due = at->sent_ns +
                             min_u64(rto << shift, p->cfg.rto_max_ns);

        if (at->chosen) continue;
        if (now_ns >= due && sent < burst) {
            proposer_resend(p, at, heard, now_ns, out);
            sent++;
        }
        p->resend_ns = now_ns + proposer_backoff_ns(p, at->tries ? 1 : 0);
        if (sent == burst) break;
    }
}

void proposer_on_tick(struct proposer *p, uint16_t heard, uint64_t now_ns,
                      struct effects *out)
{
    if (p->phase == PROPOSER_PREPARING || p->phase == PROPOSER_COLLECTING) {
        candidate_on_tick(p, now_ns, out);
    } else if (p->phase == PROPOSER_RESIGNED && now_ns >= p->resigned_ns) {
        proposer_rest(p);
    } else if (proposer_is_proposing(p) && now_ns >= p->resend_ns) {
        proposer_resend_due(p, heard, now_ns, out);
    }
}

void proposer_keep_time(struct proposer *p, uint64_t state_time_ns,
                        uint64_t now_ns)
{
    if (!proposer_is_leading(p)) return;
    if (state_time_ns <= p->time_base_ns + (now_ns - p->lead_since_ns)) return;
    p->time_base_ns = state_time_ns;
    p->lead_since_ns = now_ns;
}

void proposer_resign(struct proposer *p, uint64_t until_ns, struct effects *out)
{
    ASSERT(proposer_is_leading(p));

    if (p->learn_told < p->chosen_upto) proposer_tell_learn(p, out);
    p->phase = PROPOSER_RESIGNED;
    p->resigned_ns = until_ns;
}

void proposer_preempt(struct proposer *p)
{
    if (p->phase == PROPOSER_IDLE) return;
    if (p->phase != PROPOSER_RESIGNED) p->counters.preemptions++;
    candidate_forget(p);
    proposer_rest(p);
}

struct blob *proposer_on_executed(struct proposer *p, uint64_t slot,
                                  struct value v)
{
    struct proposal *at = proposer_at(p, slot);
    struct blob *context = NULL;

    p->executed = max_u64(p->executed, slot);
    if (at->slot != slot) return NULL;
    if (at->value && value_equal(value_of(at->value), v)) {
        context = at->context;
        at->context = NULL;
    }
    /* An own proposal not chosen by votes yet was chosen by a later leader;
     * its place is looked at until then. */
    if (proposer_holds(p) && slot > p->chosen_upto) return context;
    proposer_clear(p, at);
    return context;
}

uint64_t proposer_deadline_ns(const struct proposer *p)
{
    switch (p->phase) {
    case PROPOSER_IDLE:
    case PROPOSER_DORMANT:
        return NEVER_NS;
    case PROPOSER_PREPARING:
        return p->retry_ns;
    case PROPOSER_COLLECTING:
        if (p->wanted == 0 && p->want_next <= p->end) return 0;
        return p->retry_ns;
    case PROPOSER_LEADING:
        if (p->next_sent < p->next_slot) return 0;
        return min_u64(p->resend_ns, p->learn_ns);
    case PROPOSER_RESIGNED:
        if (p->next_sent < p->next_slot) return 0;
        return min_u64(p->resigned_ns, min_u64(p->resend_ns, p->learn_ns));
    }
    return NEVER_NS;
}

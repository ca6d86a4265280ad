/* proposer_rebuild.c - death and return of a proposer, see proposer.h */
#include "base/assert.h"
#include "base/units.h"
#include "paxos/candidate.h"

/* What was counted and measured is gone; what was proposed is not. */
static void rebuild_forget_votes(struct proposer *p)
{
    const uint64_t last = min_u64(p->put_upto, PROPOSER_RING - 1);

    /* What never held a proposal stays untouched memory. */
    for (uint64_t i = 0; i <= last; i++) {
        struct proposal *at = &p->ring[i];

        *at = (struct proposal){
            .slot = at->slot,
            .value = at->value,
            .context = at->context,
        };
    }
}

void proposer_die(struct proposer *p)
{
    const bool led = proposer_has_lead(p);

    ASSERT(p->ring && p->found);

    candidate_forget(p);
    if (!led) proposer_rest(p);
    rebuild_forget_votes(p);
    *p = (struct proposer){
        .group = p->group,
        .pool = p->pool,
        .cfg = p->cfg,
        .prng = p->prng,
        .phase = led ? PROPOSER_DORMANT : PROPOSER_IDLE,
        .ballot = p->ballot,
        .bound = p->bound,
        .end = p->end,
        .next_slot = p->next_slot,
        .next_sent = p->next_sent,
        .put_upto = p->put_upto,
        .chosen_upto = p->chosen_upto,
        .takeover = p->takeover,
        .executed = p->executed,
        .time_base_ns = p->time_base_ns,
        .lead_since_ns = p->lead_since_ns,
        .srtt_ns = p->cfg.rto_min_ns,
        .rttvar_ns = p->cfg.rto_min_ns,
        .learn_ns = NEVER_NS,
        .ring = p->ring,
        .found = p->found,
        .counters = p->counters,
    };
}

void proposer_revive(struct proposer *p, uint64_t now_ns)
{
    ASSERT(p->phase == PROPOSER_IDLE || p->phase == PROPOSER_DORMANT);

    if (p->phase == PROPOSER_IDLE) return;
    p->phase = PROPOSER_LEADING;
    p->last_proposed_ns = now_ns;
    p->progress_ns = now_ns;
    p->next_sent = p->chosen_upto + 1;
    p->resend_ns = NEVER_NS;
    p->bytes_in_flight = 0;
    for (uint64_t s = p->next_sent; s < p->next_slot; s++) {
        struct proposal *at = proposer_at(p, s);

        ASSERT(at->slot == s);
        at->tries = 1; /* an answer to the first sending is no measure (Karn) */
        p->bytes_in_flight += at->value->len;
    }
}

/* repair.c - see repair.h */
#include "node/repair.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/chosen.h"

#define REPAIR_DELAY_NS (2 * NS_PER_MS)
#define BEHIND_SLOTS    4096u /* lagging by so much is worth a note */

void repair_target(struct node *n, uint64_t upto)
{
    n->repair.target = max_u64(n->repair.target, upto);
}

void repair_check(struct node *n, struct effects *out)
{
    struct repair *r = &n->repair;
    const uint64_t upto = n->learner.chosen_upto;

    if (!node_has(n, ROLE_LEARNER)) return;
    if (upto >= r->target) {
        r->ask_ns = NEVER_NS;
        r->tries = 0;
        if (r->behind) {
            effects_note(out, NOTE_CAUGHT_UP, n->group.self,
                         (struct ballot){ 0 }, upto);
        }
        r->behind = false;
        return;
    }
    if (!r->behind && r->target - upto > BEHIND_SLOTS) {
        r->behind = true;
        effects_note(out, NOTE_BEHIND, n->group.self, (struct ballot){ 0 },
                     r->target - upto);
    }
    if (r->ask_ns == NEVER_NS) {
        /* A random wait: often it is only late, or others ask too (P19). */
        r->ask_ns = n->now_ns + prng_below(&n->prng, REPAIR_DELAY_NS);
        r->asked_upto = 0;
    } else if (r->asked_upto && upto >= r->asked_upto) {
        r->tries = 0;
        r->asked_upto = 0;
        r->ask_ns = n->now_ns;
    }
}

/* Somebody who has it: any member heard whose chosen_upto goes so far. */
static uint8_t repair_whom(struct node *n, uint64_t slot)
{
    const uint16_t heard = election_heard(&n->election, n->now_ns);
    uint8_t have[MEMBERS_MAX];
    unsigned count = 0;

    for (uint8_t i = 0; i < n->group.n; i++) {
        if (i == n->group.self || !(heard & member_bit(i))) continue;
        if (n->election.peers[i].chosen_upto < slot) continue;
        have[count++] = i;
    }
    if (count) return have[prng_below(&n->prng, count)];
    return election_leader(&n->election);
}

/* The votes held in the slots asked for need no bytes if they were chosen. */
static void repair_name_votes(const struct node *n, struct fetch *f)
{
    f->held_count = 0;
    for (unsigned i = 0; i < f->range_count; i++) {
        for (uint64_t s = f->ranges[i].first; s <= f->ranges[i].last; s++) {
            const struct vote *v = node_vote(n, s);
            struct run *last = f->held_count ? &f->held[f->held_count - 1]
                                             : NULL;

            if (!v) continue;
            if (last && last->first + last->count == s &&
                ballot_equal(last->ballot, v->ballot)) {
                last->count++;
            } else if (f->held_count < FETCH_RANGES_MAX) {
                f->held[f->held_count++] = (struct run){ s, 1, v->ballot };
            }
        }
    }
}

/* Half as many with each try that brought nothing: long answers come in parts,
 * and where these overtake each other few are put together at a time. */
static uint64_t repair_slots(const struct repair *r)
{
    return r->tries < 32 ? max_u64(FETCH_SLOTS >> r->tries, 1) : 1;
}

static void repair_ask(struct node *n, struct effects *out)
{
    struct repair *r = &n->repair;
    struct fetch *f = &r->fetch;
    const uint64_t first = n->learner.chosen_upto + 1;
    const uint64_t upto = min_u64(r->target, first + repair_slots(r) - 1);
    const uint8_t to = repair_whom(n, first);
    struct message *m;

    if (to == MEMBER_NONE || to == n->group.self) return;
    f->range_count = (uint8_t)learner_missing(&n->learner, upto, f->ranges,
                                              FETCH_RANGES_MAX);
    if (f->range_count == 0) return;
    repair_name_votes(n, f);
    r->asked_upto = f->ranges[f->range_count - 1].last;
    m = effects_send(out, to, MESSAGE_FETCH);
    m->fetch = f;
}

void repair_on_tick(struct node *n, struct effects *out)
{
    struct repair *r = &n->repair;
    uint64_t wait_ns;

    if (n->now_ns < r->ask_ns || !n->identity.live) return;
    if (!node_has(n, ROLE_LEARNER)) return;
    if (n->learner.chosen_upto > r->had_upto) r->tries = 0;
    r->had_upto = n->learner.chosen_upto;
    repair_ask(n, out);
    wait_ns = min_u64(2 * proposer_rto_ns(&n->proposer)
                          << (r->tries < 6 ? r->tries : 6),
                      n->cfg.rto_max_ns);
    if (r->tries < UINT8_MAX) r->tries++;
    r->ask_ns = n->now_ns + wait_ns / 2 + prng_below(&n->prng, wait_ns);
}

static bool repair_holds(const struct fetch *f, uint64_t slot,
                         struct ballot ballot)
{
    for (unsigned i = 0; i < f->held_count; i++) {
        const struct run *h = &f->held[i];

        if (slot < h->first || slot - h->first >= h->count) continue;
        return ballot_equal(h->ballot, ballot);
    }
    return false;
}

void repair_give(uint8_t to, uint64_t slot, struct ballot ballot,
                 struct value v, struct effects *out)
{
    struct message *m = effects_send(out, to, MESSAGE_CHOSEN);

    m->ballot = ballot;
    m->decided.slot = slot;
    m->decided.value = v;
}

/* One reading of the log at a time for each peer; it asks again anyway. */
static void repair_read(struct node *n, uint8_t to, uint64_t first,
                        uint64_t last, struct effects *out)
{
    struct effect *e;

    if (n->repair.reading & member_bit(to)) return;
    n->repair.reading |= member_bit(to);
    e = &out->list[out->count++];
    *e = (struct effect){
        .type = EFFECT_READ,
        .read = { .tag = to,
                  .first = first,
                  .last = last,
                  .bytes_max = FETCH_BYTES },
    };
}

/* Returns bytes sent for one slot, or 0 if it is not in memory. */
static uint32_t repair_give_slot(struct node *n, const struct message *m,
                                 uint64_t slot, struct effects *out)
{
    const struct learned *at = learner_find(&n->learner, slot);

    if (!at) return 0;
    if (repair_holds(m->fetch, slot, at->ballot)) {
        repair_give(m->from, slot, at->ballot, (struct value){ 0 }, out);
    } else {
        repair_give(m->from, slot, at->ballot, value_of(at->blob), out);
    }
    return at->blob->len;
}

void repair_on_fetch(struct node *n, const struct message *m,
                     struct effects *out)
{
    const struct fetch *f = m->fetch;
    uint32_t bytes = 0;
    unsigned slots = 0;

    ASSERT(m->type == MESSAGE_FETCH);

    for (unsigned i = 0; i < f->range_count; i++) {
        const uint64_t last = min_u64(f->ranges[i].last,
                                      n->learner.executed + LEARNER_WINDOW);

        for (uint64_t s = f->ranges[i].first; s <= last; s++) {
            const uint32_t given = repair_give_slot(n, m, s, out);

            if (given == 0 && s <= n->learner.executed) {
                repair_read(n, m->from, s, last, out);
                return;
            }
            bytes += given;
            if (bytes > FETCH_BYTES || ++slots == FETCH_SLOTS) return;
        }
    }
}

void repair_on_record(struct node *n, uint64_t tag, const struct message *m,
                      struct effects *out)
{
    uint64_t slot;
    struct value v;

    if (tag >= n->group.n) return;
    if (m->type == RECORD_ACCEPT) {
        slot = m->accept.slot;
        v = m->accept.value;
    } else if (m->type == RECORD_CHOSEN) {
        slot = m->decided.slot;
        v = m->decided.value;
    } else {
        return;
    }
    /* A vote that came to nothing is not served as chosen (pitfall 30). */
    if (slot > n->learner.executed) return;
    if (!ballot_equal(learner_ballot(&n->learner, slot), m->ballot)) return;
    repair_give((uint8_t)tag, slot, m->ballot, v, out);
}

void repair_on_read_done(struct node *n, uint64_t tag)
{
    if (tag >= n->group.n) return;
    n->repair.reading &= (uint16_t)~member_bit((uint8_t)tag);
}

void repair_on_chosen(struct node *n, const struct message *m,
                      struct effects *out)
{
    struct value v = m->decided.value;

    ASSERT(m->type == MESSAGE_CHOSEN);

    if (v.len == 0) {
        const struct vote *vote = node_vote(n, m->decided.slot);

        if (!vote || !ballot_equal(vote->ballot, m->ballot)) return;
        v = value_of(vote->blob);
    }
    if (!proposer_on_chosen_elsewhere(&n->proposer, m->decided.slot, v)) {
        node_preempt(n, m->ballot.round, out);
    }
    /* The last of the log is for promises (P14). */
    if (n->full > 1) {
        n->counters.drop_pool++;
        return;
    }
    n->counters.fetched++;
    chosen_add(n, m->decided.slot, m->ballot, v, out);
}

uint64_t repair_deadline_ns(const struct node *n)
{
    return n->identity.live ? n->repair.ask_ns : NEVER_NS;
}

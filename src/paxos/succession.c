/* succession.c - see election.h: leaders that leave, or whose process has
 * ended, and who comes behind them. */
#include "base/assert.h"
#include "base/units.h"
#include "paxos/ring.h"

#define PROBES          4u /* of the leader's port in an interval, if busy */
#define QUIET_INTERVALS 10u
#define LAG_SLOTS       1024u /* fetched within milliseconds */

/* ---- leaving ---- */

/* Claims at this ballot, and below, are of the past. */
void election_leave(struct election *e, struct ballot ballot, uint64_t now_ns,
                    struct effects *out)
{
    if (ballot_cmp(ballot, e->left) > 0) e->left = ballot;
    if (ballot_is_none(e->leader)) return;
    if (ballot_cmp(e->leader, e->left) > 0) return;
    election_lose_leader(e, election_short_wait(e), now_ns, out);
    e->hurry = true;
}

/* Leaving counts while this node follows the one who leaves, or has only just
 * left it, since that it resigned may be heard first; behind a promise to
 * anybody later it is late (24). */
static bool election_follows(const struct election *e, struct ballot ballot,
                             const struct self_view *self)
{
    if (!ballot_is_none(e->leader)) return ballot_equal(e->leader, ballot);
    return ballot_equal(e->left, ballot) &&
           ballot_cmp(self->promised, ballot) <= 0;
}

static bool election_may_lead(const struct election *e,
                              const struct self_view *self, uint64_t now_ns)
{
    if (self->draining || !self->acceptor_ok || self->unable) return false;
    return election_is_qc(e, self, now_ns);
}

void election_on_leaving(struct election *e, const struct message *m,
                         const struct self_view *self, uint64_t now_ns,
                         struct effects *out)
{
    const uint64_t round = max_u64(m->leaving.round, self->round_seen + 1);

    ASSERT(m->type == MESSAGE_LEAVING);

    if (m->from == e->group->self) return;
    if (!election_follows(e, m->ballot, self)) return;
    if (ballot_equal(e->obeyed_leaving, m->ballot)) return;
    election_leave(e, m->ballot, now_ns, out);
    if (m->leaving.successor != e->group->self) return;
    if (self->leading || self->campaigning) return;
    if (!election_may_lead(e, self, now_ns)) {
        struct message *refuse = effects_send(out, m->from, MESSAGE_REFUSE);

        refuse->ballot = m->ballot;
        refuse->token.initiator = m->from;
        return;
    }
    e->obeyed_leaving = m->ballot;
    e->campaign = round;
}

void election_on_resigned(struct election *e, struct ballot ballot,
                          uint64_t now_ns)
{
    e->left = ballot;
    e->leader = (struct ballot){ 0 };
    e->happy_ns = now_ns;
    election_be_patient(e);
    /* Whoever takes over needs some time without this one. */
    e->quiet_ns = max_u64(e->quiet_ns,
                          now_ns + QUIET_INTERVALS * e->heartbeat_ns);
}

/* ---- gone ---- */

/* A byte for the leader's liveness port: where nobody listens any more, the
 * kernel there says so (E2). */
static bool election_may_probe(const struct election *e, uint8_t leader)
{
    if (leader == MEMBER_NONE || leader == e->group->self) return false;
    return e->peers[leader].port != 0 && !e->peers[leader].port_lies;
}

void election_probe(struct election *e, uint64_t now_ns, struct effects *out)
{
    const uint8_t leader = election_leader(e);

    if (!election_may_probe(e, leader)) return;
    e->probed_ns = now_ns;
    effects_probe(out, leader, e->peers[leader].port);
}

bool election_has_flush(const struct election *e, uint64_t now_ns)
{
    if (now_ns - e->probed_ns < e->heartbeat_ns / PROBES) return false;
    return election_may_probe(e, election_leader(e));
}

void election_on_flush(struct election *e, uint64_t now_ns, struct effects *out)
{
    if (election_has_flush(e, now_ns)) election_probe(e, now_ns, out);
}

/* A member follows our leader no more: ask at once whether it is there. */
void election_suspect(struct election *e, const struct message *m,
                      uint64_t now_ns, struct effects *out)
{
    const uint8_t leader = election_leader(e);

    if (leader == MEMBER_NONE || m->from == leader) return;
    if (m->heartbeat.leader != 0) return;
    if (e->peers[m->from].leader != e->leader.node) return;
    election_probe(e, now_ns, out);
}

/* Its port was closed, and it speaks: what it said before, or the port lies. */
bool election_is_ghost(struct election *e, struct ballot ballot,
                       uint64_t now_ns)
{
    if (ballot_is_none(e->gone) || !ballot_equal(ballot, e->gone)) return false;
    if (now_ns < e->gone_ns) return true;
    e->peers[group_index(e->group, ballot.node)].port_lies = true;
    e->gone = (struct ballot){ 0 };
    return false;
}

void election_on_gone(struct election *e, uint8_t index,
                      const struct self_view *self, uint64_t now_ns,
                      struct effects *out)
{
    ASSERT(index < e->group->n);

    if (index == e->group->self || e->peers[index].port_lies) return;
    if (election_leader(e) != index) return;
    effects_note(out, NOTE_LEADER_GONE, index, e->leader, 0);
    e->gone = e->leader;
    e->gone_ns = now_ns + e->heartbeat_ns / 2;
    /* What its next life can do is not known yet. */
    e->peers[index].heard_ns = 0;
    e->peers[index].flags = 0;
    election_forget_leader(e, prng_below(&e->prng, e->heartbeat_ns / 10),
                           now_ns);
    e->hurry = true;
    /* The others learn at once that this one is happy no more. */
    election_heartbeat(e, self, now_ns, out);
}

/* ---- who could lead ---- */

static bool election_is_able(const struct election *e, uint8_t i,
                             uint64_t now_ns)
{
    const uint8_t flags = e->peers[i].flags;

    if (i == e->group->self) return false;
    if (!(election_links(e, now_ns) & member_bit(i))) return false;
    if (flags & HEARTBEAT_DRAINING) return false;
    return (flags & HEARTBEAT_OK) && (flags & HEARTBEAT_QC);
}

bool election_has_able_peer(const struct election *e, uint64_t now_ns)
{
    for (uint8_t i = 0; i < e->group->n; i++) {
        if (election_is_able(e, i, now_ns)) return true;
    }
    return false;
}

/* It has to fetch so much before it could serve that others are better. */
static bool election_lags(const struct peer *p, uint64_t known)
{
    return known - p->chosen_upto > LAG_SLOTS;
}

/* By the order of E3, as far as heartbeats tell.  known: what the best informed
 * of those in question knows as chosen. */
static bool election_is_better(const struct election *e, uint8_t i, uint8_t j,
                               uint64_t known)
{
    const struct peer *a = &e->peers[i], *b = &e->peers[j];
    const bool a_full = a->flags & HEARTBEAT_FULL;
    const bool b_full = b->flags & HEARTBEAT_FULL;

    if (a_full != b_full) return b_full;
    if (election_lags(a, known) != election_lags(b, known)) {
        return election_lags(b, known);
    }
    if (members_count(a->heard) != members_count(b->heard)) {
        return members_count(a->heard) > members_count(b->heard);
    }
    if (a->accepted_upto / ACCEPTED_BUCKET !=
        b->accepted_upto / ACCEPTED_BUCKET) {
        return a->accepted_upto > b->accepted_upto;
    }
    if (a->priority != b->priority) return a->priority > b->priority;
    return i > j;
}

uint8_t election_successor(const struct election *e, uint16_t among,
                           uint64_t now_ns)
{
    uint64_t known = 0;
    uint8_t best = MEMBER_NONE;

    for (uint8_t i = 0; i < e->group->n; i++) {
        if (!election_is_able(e, i, now_ns)) among &= (uint16_t)~member_bit(i);
        if (!(among & member_bit(i))) continue;
        known = max_u64(known, e->peers[i].chosen_upto);
    }
    for (uint8_t i = 0; i < e->group->n; i++) {
        if (!(among & member_bit(i))) continue;
        if (best == MEMBER_NONE || election_is_better(e, i, best, known)) {
            best = i;
        }
    }
    return best;
}

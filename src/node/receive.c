/* receive.c - see receive.h */
#include "node/receive.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/chosen.h"
#include "node/identity.h"
#include "node/leadership.h"
#include "node/reads.h"
#include "node/repair.h"
#include "node/requests.h"

#define ROUND_LEAP_MAX (UINT64_C(1) << 32)

/* The own acceptor promised more than the own proposer has: in this very step
 * it stops (P15). */
static void receive_check_promise(struct node *n, struct effects *out)
{
    const struct ballot promised = n->acceptor.promised;

    n->round_seen = max_u64(n->round_seen, promised.round);
    if (n->proposer.phase == PROPOSER_IDLE) return;
    if (ballot_cmp(promised, n->proposer.ballot) > 0) {
        node_preempt(n, promised.round, out);
    }
}

/* The leader of m's ballot speaks: the own ballot ends if it is below, also
 * where the own acceptor does not vote (P15). */
static void receive_claim(struct node *n, const struct message *m,
                          struct effects *out)
{
    const struct self_view self = node_self(n);

    if (m->from == n->group.self) return;
    n->round_seen = max_u64(n->round_seen, m->ballot.round);
    election_on_claim(&n->election, m->ballot, &self, n->now_ns, out);
    if (ballot_cmp(m->ballot, n->proposer.ballot) > 0) {
        node_preempt(n, m->ballot.round, out);
    }
}

static void receive_learn(struct node *n, const struct message *m,
                          struct effects *out)
{
    receive_claim(n, m, out);
    chosen_on_learn(n, m->ballot, m->learn.upto, out);
}

/* A slot that is decided needs no vote: who proposes something else there is
 * told so (P19), and what is not in memory any more is left to repair. */
static bool receive_decided(struct node *n, const struct message *m,
                            struct effects *out)
{
    const uint64_t slot = m->accept.slot;
    const struct learned *at = learner_find(&n->learner, slot);

    if (ballot_cmp(m->ballot, n->acceptor.promised) < 0) return false;
    if (!node_has(n, ROLE_LEARNER)) return false;
    if (!at) return slot <= n->learner.executed;
    if (value_equal(value_of(at->blob), m->accept.value)) return false;
    repair_give(m->from, slot, at->ballot, value_of(at->blob), out);
    return true;
}

/* A dead acceptor answers nothing, nor one that is not admitted. */
static bool receive_may_vote(const struct node *n)
{
    return n->identity.admitted && node_has(n, ROLE_ACCEPTOR);
}

static void receive_accept(struct node *n, const struct message *m,
                           struct effects *out)
{
    receive_claim(n, m, out);
    chosen_on_learn(n, m->ballot, m->accept.learn_upto, out);
    if (!receive_may_vote(n) || n->full > 1) return;
    if (receive_decided(n, m, out)) return;
    chosen_flush(n, out);
    switch (acceptor_on_accept(&n->acceptor, m, out)) {
    case ACCEPT_VOTED:
        chosen_on_vote(n, m->ballot, m->accept.slot, out);
        break;
    case ACCEPT_REFUSED:
        break;
    case ACCEPT_DROPPED:
        n->counters.drop_pool++;
        break;
    case ACCEPT_CONFLICT:
        effects_fatal(out, 70, m->accept.slot,
                      "two values were proposed in one slot at one ballot");
        break;
    }
    receive_check_promise(n, out);
}

static void receive_prepare(struct node *n, const struct message *m,
                            struct effects *out)
{
    if (!receive_may_vote(n)) return;
    if (m->from != n->group.self) {
        election_on_prepare(&n->election, n->now_ns);
    }
    acceptor_on_prepare(&n->acceptor, m, out);
    receive_check_promise(n, out);
}

/* E7: a leader that nobody has succeeded goes on at once, twice a second. */
static void receive_nack(struct node *n, const struct message *m,
                         struct effects *out)
{
    struct proposer *p = &n->proposer;
    const bool led = proposer_is_leading(p);

    n->round_seen = max_u64(n->round_seen, m->ballot.round);
    if (p->phase == PROPOSER_IDLE || m->asker != n->identity.incarnation) {
        return;
    }
    if (!ballot_equal(m->nack.refused, p->ballot)) return;
    if (ballot_cmp(m->ballot, p->ballot) <= 0) return;
    node_preempt(n, m->ballot.round, out);
    if (!led || election_leader(&n->election) != n->group.self) return;
    if (n->nack_ns[0] && n->now_ns - n->nack_ns[0] < NS_PER_S) return;
    n->nack_ns[0] = n->nack_ns[1];
    n->nack_ns[1] = n->now_ns;
    n->election.campaign = n->round_seen + 1;
}

static void receive_heartbeat(struct node *n, const struct message *m,
                              struct effects *out)
{
    const struct self_view self = node_self(n);

    /* What it knew an interval ago should have come here by now. */
    repair_target(n, n->election.peers[m->from].chosen_upto);
    if (m->heartbeat.flags & HEARTBEAT_ADMITTED) identity_note_votes(n, m);
    if (m->from == n->group.self) return;
    n->round_seen = max_u64(n->round_seen, m->ballot.round);
    election_on_heartbeat(&n->election, m, &self, n->now_ns, out);
    if (!(m->heartbeat.flags & HEARTBEAT_CLAIM)) return;
    if (ballot_cmp(m->ballot, n->proposer.ballot) > 0) {
        node_preempt(n, m->ballot.round, out);
    }
}

/* Answers count only from a life that this node has said yes to, and only if
 * this very life has asked (M2, M3). */
static bool receive_counts(struct node *n, const struct message *m)
{
    if (!identity_counts(n, m)) {
        n->counters.drop_sender++;
        return false;
    }
    if (m->asker != n->identity.incarnation) {
        n->counters.drop_stale++;
        return false;
    }
    return true;
}

static void receive_answer(struct node *n, const struct message *m,
                           struct effects *out)
{
    if (!receive_counts(n, m)) return;
    switch (m->type) {
    case MESSAGE_PROMISE:
        identity_note_votes(n, m);
        repair_target(n, m->promise.chosen_upto);
        election_on_told(&n->election, m->from, m->promise.chosen_upto);
        proposer_on_promise(&n->proposer, m, n->learner.chosen_upto, n->now_ns,
                            out);
        break;
    case MESSAGE_ACCEPTED:
        identity_note_votes(n, m);
        proposer_on_accepted(&n->proposer, m, n->now_ns);
        break;
    case MESSAGE_CONFIRMED:
        reads_on_confirmed(n, m);
        break;
    case MESSAGE_VALUE:
        proposer_on_value(&n->proposer, m, n->now_ns);
        break;
    default:
        break;
    }
}

static void receive_election(struct node *n, const struct message *m,
                             struct effects *out)
{
    const struct self_view self = node_self(n);

    switch (m->type) {
    case MESSAGE_TOKEN:
        election_on_token(&n->election, m, &self, n->now_ns, out);
        break;
    case MESSAGE_TOKEN_ACK:
        election_on_ack(&n->election, m);
        break;
    case MESSAGE_NOMINATE:
        election_on_nominate(&n->election, m, &self, n->now_ns, out);
        break;
    case MESSAGE_REFUSE:
        if (ballot_is_none(m->ballot)) {
            election_on_refuse(&n->election, m, n->now_ns);
        } else {
            leadership_on_refused(n, m, out);
        }
        break;
    case MESSAGE_LEAVING:
        n->round_seen = max_u64(n->round_seen, m->ballot.round);
        election_on_leaving(&n->election, m, &self, n->now_ns, out);
        break;
    default:
        break;
    }
}

void receive_own(struct node *n, const struct message *m, struct effects *out)
{
    switch ((enum message_type)m->type) {
    case MESSAGE_HEARTBEAT:
        receive_heartbeat(n, m, out);
        break;
    case MESSAGE_PREPARE:
        receive_prepare(n, m, out);
        break;
    case MESSAGE_NACK:
        receive_nack(n, m, out);
        break;
    case MESSAGE_ACCEPT:
        receive_accept(n, m, out);
        break;
    case MESSAGE_LEARN:
        receive_learn(n, m, out);
        break;
    case MESSAGE_PROMISE:
    case MESSAGE_ACCEPTED:
    case MESSAGE_CONFIRMED:
    case MESSAGE_VALUE:
        receive_answer(n, m, out);
        break;
    case MESSAGE_FETCH:
        if (node_has(n, ROLE_LEARNER)) repair_on_fetch(n, m, out);
        break;
    case MESSAGE_CHOSEN:
        if (node_has(n, ROLE_LEARNER)) repair_on_chosen(n, m, out);
        break;
    case MESSAGE_WANT:
        if (receive_may_vote(n)) acceptor_on_want(&n->acceptor, m, out);
        break;
    case MESSAGE_CONFIRM:
        if (receive_may_vote(n)) acceptor_on_confirm(&n->acceptor, m, out);
        break;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
    case MESSAGE_LEAVING:
        receive_election(n, m, out);
        break;
    case MESSAGE_HELLO:
        identity_on_hello(n, m, out);
        break;
    case MESSAGE_HELLO_ANSWER:
        identity_on_hello_answer(n, m, out);
        break;
    case MESSAGE_FORWARD:
        requests_on_forward(n, m, out);
        break;
    case RECORD_PROMISE ... RECORD_REFUSED:
        n->counters.drop_malformed++;
        break;
    }
}

/* Rounds grow by one at a time; one that leaps would use up what is left. */
static bool receive_leaps(const struct node *n, const struct message *m)
{
    uint64_t round = m->ballot.round;

    if (m->type == MESSAGE_TOKEN || m->type == MESSAGE_NOMINATE) {
        round = max_u64(round, m->token.round);
    }
    if (m->type == MESSAGE_LEAVING) round = max_u64(round, m->leaving.round);
    return round > n->round_seen && round - n->round_seen > ROUND_LEAP_MAX;
}

/* A datagram under the own id that is not the own: a second live node (M3). */
static void receive_double(struct node *n, const struct message *m,
                           struct effects *out)
{
    const uint64_t own = n->identity.incarnation;

    if (m->incarnation < own ||
        (m->incarnation == own && m->process == n->cfg.process)) {
        n->counters.drop_stale++;
        return;
    }
    effects_fatal(out, 77, m->incarnation,
                  "another live process uses this member's id");
}

/* Only its own member speaks for a ballot. */
static bool receive_is_entitled(const struct node *n, const struct message *m)
{
    switch (m->type) {
    case MESSAGE_HEARTBEAT:
        if (ballot_is_none(m->ballot)) return true;
        break;
    case MESSAGE_PREPARE:
    case MESSAGE_ACCEPT:
    case MESSAGE_LEARN:
    case MESSAGE_CONFIRM:
    case MESSAGE_LEAVING:
        break;
    default:
        return true;
    }
    return m->ballot.node == n->group.ids[m->from];
}

void receive_message(struct node *n, const struct message *m,
                     struct effects *out)
{
    if (!n->identity.live) return;
    if (m->from >= n->group.n) {
        n->counters.drop_sender++;
        return;
    }
    if (m->from == n->group.self) {
        receive_double(n, m, out);
        return;
    }
    if (m->type != MESSAGE_HELLO && identity_is_stale(n, m)) {
        n->counters.drop_stale++;
        return;
    }
    if (receive_leaps(n, m) || !receive_is_entitled(n, m)) {
        n->counters.drop_malformed++;
        return;
    }
    receive_own(n, m, out);
}

/* status.c - what node.h tells of a node. */
#include "base/units.h"
#include "node/state.h"

static enum node_role status_role(const struct node *n)
{
    switch (n->proposer.phase) {
    case PROPOSER_LEADING:
    case PROPOSER_DORMANT:
        return NODE_LEADER;
    case PROPOSER_PREPARING:
    case PROPOSER_COLLECTING:
        return NODE_CANDIDATE;
    case PROPOSER_IDLE:
    case PROPOSER_RESIGNED:
        break;
    }
    return ballot_is_none(n->election.leader) ? NODE_PROVISIONAL
                                              : NODE_FOLLOWER;
}

static const char *status_reason(const struct node *n)
{
    const struct self_view self = node_self(n);

    if (election_leader(&n->election) != MEMBER_NONE) return NULL;
    if (!n->identity.live) return "starting: the log is being made ready";
    if (!n->identity.admitted) {
        return n->identity.previous
                   ? "waiting for half of the members to admit this one"
                   : "first start: waiting for the other members to admit "
                     "this one";
    }
    if (!election_is_qc(&n->election, &self, n->now_ns)) {
        return "no majority: too few members are heard both ways";
    }
    return "an election is under way";
}

void node_status(const struct node *n, struct node_status *s)
{
    const struct self_view self = node_self(n);
    const uint8_t leader = election_leader(&n->election);

    *s = (struct node_status){
        .role = status_role(n),
        .admitted = n->identity.admitted,
        .serving = node_is_serving(n),
        .confirmed = self.leading &&
                     election_is_qc(&n->election, &self, n->now_ns),
        .leader = leader == MEMBER_NONE ? 0 : n->group.ids[leader],
        .heard = election_heard(&n->election, n->now_ns),
        .ballot = self.leading || self.campaigning ? n->proposer.ballot
                                                   : n->election.leader,
        .promised = n->acceptor.promised,
        .incarnation = n->identity.incarnation,
        .chosen = n->learner.chosen_upto,
        .executed = n->learner.executed,
        .state_hash = kv_state_hash(n->kv),
        .keys = kv_key_count(n->kv),
        .kv_memory_bytes = kv_memory_bytes(n->kv),
        .pool_bytes = n->pool.bytes_used,
        .sessions = kv_session_count(n->kv),
        .reason = status_reason(n),
        .counters = n->counters,
    };
    for (unsigned i = 0; i < ROLES; i++) {
        supervisor_status(&n->supervisor, (enum role)i, &s->roles[i]);
    }
    s->counters.proposed = n->proposer.counters.proposed;
    s->counters.resent = n->proposer.counters.resent;
    s->counters.elections = n->election.elections;
}

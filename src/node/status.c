/* status.c - what node.h tells of a node. */
#include "base/units.h"
#include "node/leadership.h"
#include "node/reason.h"
#include "node/state.h"

enum node_role node_role(const struct node *n)
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

uint64_t node_pool_bytes(const struct node *n)
{
    return n->pool.bytes_used;
}

/* Bitmaps, and what an operator asks for beside. */
static void status_more(const struct node *n, struct node_status *s)
{
    s->links = election_links(&n->election, n->now_ns);
    s->unicast = node_unicast(n);
    s->priority = n->cfg.priority;
    s->draining = n->stopping;
    s->disk_age_ns = leadership_disk_age_ns(n);
    s->noops_in_time = n->availability.in_time;
    s->noop_p50_ns = availability_p50_ns(&n->availability);
    s->noop_max_ns = availability_max_ns(&n->availability);
    reason_say(n, s->reason_text);
    s->reason = s->reason_text[0] ? s->reason_text : NULL;
}

uint8_t node_leader(const struct node *n)
{
    const uint8_t leader = election_leader(&n->election);

    return leader == MEMBER_NONE ? 0 : n->group.ids[leader];
}

void node_status(const struct node *n, struct node_status *s)
{
    const struct self_view self = node_self(n);
    *s = (struct node_status){
        .role = node_role(n),
        .admitted = n->identity.admitted,
        .serving = node_is_serving(n),
        .confirmed = self.leading &&
                     election_is_qc(&n->election, &self, n->now_ns),
        .leader = node_leader(n),
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
        .pool_bytes = node_pool_bytes(n),
        .sessions = kv_session_count(n->kv),
        .counters = n->counters,
    };
    for (unsigned i = 0; i < ROLES; i++) {
        supervisor_status(&n->supervisor, (enum role)i, &s->roles[i]);
    }
    s->counters.proposed = n->proposer.counters.proposed;
    s->counters.resent = n->proposer.counters.resent;
    s->counters.elections = n->election.elections;
    status_more(n, s);
}

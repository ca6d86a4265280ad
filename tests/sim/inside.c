/* inside.c - see inside.h; apart, since names of node/state.h are those of
 * the checker, too. */
#include "sim/inside.h"

#include "node/identity.h"
#include "node/state.h"
#include "paxos/ring.h"

uint64_t inside_quiet_ns(const struct node *n)
{
    return n->election.quiet_ns;
}

bool inside_is_happy(const struct node *n, uint64_t now_ns)
{
    return election_is_happy(&n->election, now_ns);
}

bool inside_is_stale(const struct node *n, const struct message *m)
{
    return identity_is_stale(n, m);
}

/* Who drops it for want of room, or tells something else, need not. */
bool inside_owes_vote(const struct node *n, const struct message *accept)
{
    const struct acceptor *a = &n->acceptor;
    const uint64_t slot = accept->accept.slot;
    const struct learned *at;

    if (!n->identity.live || !n->identity.admitted || n->full > 1) return false;
    if (!node_has(n, ROLE_ACCEPTOR) || !node_has(n, ROLE_LEARNER)) return false;
    if (identity_is_stale(n, accept)) return false;
    if (!ballot_equal(a->promised, accept->ballot)) return false;
    if (a->held_count || slot >= a->base) return false;
    if (n->learner.executed - slot > n->learner.history / 2) return false;
    if (n->learner.kept_bytes > LEARNER_HISTORY_MAX) return false;
    at = learner_find(&n->learner, slot);
    return at && value_equal(value_of(at->blob), accept->accept.value);
}

bool inside_holds_vote(const struct node *n)
{
    return n->acceptor.held_count > 0;
}

void inside_stand(struct node *n)
{
    n->election.campaign = n->acceptor.promised.round + 1;
}

/* inside.c - see inside.h; apart, since names of node/state.h are those of
 * the checker, too. */
#include "sim/inside.h"

#include "node/state.h"

uint64_t inside_quiet_ns(const struct node *n)
{
    return n->election.quiet_ns;
}

void inside_stand(struct node *n)
{
    n->election.campaign = n->acceptor.promised.round + 1;
}

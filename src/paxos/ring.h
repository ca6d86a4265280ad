/*
 * ring.h - the walk of the election's token; used by election.c alone, but
 * for what election.h declares.
 */
#ifndef PAXOSKV_PAXOS_RING_H
#define PAXOSKV_PAXOS_RING_H

#include "paxos/election.h"

/* Send an own token around, or nominate itself where that was in vain (E6). */
void ring_start(struct election *e, const struct self_view *self,
                uint64_t now_ns, struct effects *out);

/* Hops that were not acknowledged. */
void ring_on_tick(struct election *e, const struct self_view *self,
                  uint64_t now_ns, struct effects *out);

/* Of election.c: follows a leader that was heard lately. */
bool election_is_happy(const struct election *e, uint64_t now_ns);

#endif

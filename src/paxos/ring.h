/*
 * ring.h - the walk of the election's token; and what election.c, ring.c and
 * succession.c have of each other.
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

/* Of succession.c: claims at this ballot, and below, are of the past. */
void election_leave(struct election *e, struct ballot ballot, uint64_t now_ns,
                    struct effects *out);

/* A byte for the leader's port; and if m says that its sender follows the
 * leader no more. */
void election_probe(struct election *e, uint64_t now_ns, struct effects *out);
void election_suspect(struct election *e, const struct message *m,
                      uint64_t now_ns, struct effects *out);

/* True if the claim is of a leader whose port was closed just now. */
bool election_is_ghost(struct election *e, struct ballot ballot,
                       uint64_t now_ns);

/* Of election.c: a heartbeat for one member, between the others; not more
 * often than two in an interval. */
void election_tell(struct election *e, uint8_t to, const struct self_view *self,
                   uint64_t now_ns, struct effects *out);

/* Of election.c: follow nobody, and look around after wait_ns; the second one
 * tells of it. */
void election_forget_leader(struct election *e, uint64_t wait_ns,
                            uint64_t now_ns);
void election_lose_leader(struct election *e, uint64_t wait_ns, uint64_t now_ns,
                          struct effects *out);

/* Wait for four to five intervals from the last happy moment on. */
void election_be_patient(struct election *e);

/* One interval, and a bit so that not all begin at once. */
uint64_t election_short_wait(struct election *e);

/* Of election.c: follows a leader that was heard lately. */
bool election_is_happy(const struct election *e, uint64_t now_ns);

#endif

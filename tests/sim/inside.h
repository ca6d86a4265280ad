/*
 * inside.h - what scripts want of the inside of a node.
 */
#ifndef PAXOSKV_SIM_INSIDE_H
#define PAXOSKV_SIM_INSIDE_H

#include "node/node.h"

/* When its back-off is over, by its own clock (E7). */
uint64_t inside_quiet_ns(const struct node *n);

/* Is it happy with its leader (E1)? */
bool inside_is_happy(const struct node *n, uint64_t now_ns);

/* Is this of an earlier life of its sender, as far as it knows (M3)? */
bool inside_is_stale(const struct node *n, const struct message *m);

/* Must it answer this Accept, for a slot that it has executed, with its vote,
 * and at once (P10)? */
bool inside_owes_vote(const struct node *n, const struct message *accept);

/* Is there a vote that it will tell of? */
bool inside_holds_vote(const struct node *n);

/* It stands for leader in its next step, whatever its election thinks. */
void inside_stand(struct node *n);

#endif

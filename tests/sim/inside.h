/*
 * inside.h - what scripts want of the inside of a node.
 */
#ifndef PAXOSKV_SIM_INSIDE_H
#define PAXOSKV_SIM_INSIDE_H

#include "node/node.h"

/* When its back-off is over, by its own clock (E7). */
uint64_t inside_quiet_ns(const struct node *n);

/* It stands for leader in its next step, whatever its election thinks. */
void inside_stand(struct node *n);

#endif

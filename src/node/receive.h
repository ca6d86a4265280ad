/*
 * receive.h - a message arrives: whose it is, and which part it is for.
 */
#ifndef PAXOSKV_NODE_RECEIVE_H
#define PAXOSKV_NODE_RECEIVE_H

#include "node/state.h"

/* From the network: checks the sender's life first (M3). */
void receive_message(struct node *n, const struct message *m,
                     struct effects *out);

/* From this very node. */
void receive_own(struct node *n, const struct message *m, struct effects *out);

#endif

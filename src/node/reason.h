/*
 * reason.h - why there is no leader, in one line for whoever is awake.
 */
#ifndef PAXOSKV_NODE_REASON_H
#define PAXOSKV_NODE_REASON_H

#include "node/state.h"

/* Fill text of NODE_REASON_MAX bytes; "" if a leader is followed. */
void reason_say(const struct node *n, char *text);

#endif

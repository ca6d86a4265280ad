/*
 * replay_log.h - the values that a member has executed, out of its log.
 */
#ifndef PAXOSKV_SIM_REPLAY_LOG_H
#define PAXOSKV_SIM_REPLAY_LOG_H

#include "node/node.h"

/*
 * Have node, which is new, execute slots 1..upto from the segments in
 * directory dir, of this instance.  False, and why it is told on standard
 * error, if it cannot.
 */
bool replay_log(struct node *node, const char *dir, uint64_t instance,
                uint64_t upto);

#endif

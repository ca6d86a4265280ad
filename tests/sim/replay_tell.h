/*
 * replay_tell.h - a recorded event and its effects in words, on standard
 * output.
 */
#ifndef PAXOSKV_SIM_REPLAY_TELL_H
#define PAXOSKV_SIM_REPLAY_TELL_H

#include "node/node.h"

/* number: of all that the member was given in that life. */
void replay_tell_event(const struct node_config *c, uint64_t number,
                       const struct event *ev);

void replay_tell_effects(const struct node_config *c, uint64_t now_ns,
                         const struct effects *out);

#endif

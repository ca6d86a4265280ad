/*
 * execute.h - chosen values, in slot order, once each (P17).
 */
#ifndef PAXOSKV_NODE_EXECUTE_H
#define PAXOSKV_NODE_EXECUTE_H

#include "node/state.h"

/*
 * Execute what is chosen, as far as the room for effects and scratch goes;
 * n->more says that something is left.  out NULL: recovery, no answers.
 * Returns 0, -ENOMEM or -EBADMSG.
 */
int execute_chosen(struct node *n, struct effects *out);

#endif

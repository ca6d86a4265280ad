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

/*
 * The learner is rebuilt: execute once more what was executed before, up to
 * that slot, as far as it is known.  Its answers were given then.
 */
int execute_again(struct node *n, uint64_t upto);

#endif

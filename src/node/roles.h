/*
 * roles.h - roles that die alone, and are rebuilt (S1 to S4).
 *
 * What a role had in memory is gone with it.  An acceptor and a learner are
 * rebuilt from the log: REPLAY is asked for when all that was PERSISTed is
 * durable, so that what is read is all there ever was (pitfall 29).  Until
 * REPLAYED they answer nothing, and nobody waits for them (pitfall 26).  A
 * proposer is rebuilt at once from what was kept for it.
 */
#ifndef PAXOSKV_NODE_ROLES_H
#define PAXOSKV_NODE_ROLES_H

#include "node/state.h"

/* Returns 0, or -ENOMEM. */
int roles_init(struct node *n, struct arena *mem);
size_t roles_size(void);

/* The schedules of the configuration begin. */
void roles_start(struct node *n);

/* EVENT_ROLE */
void roles_on_order(struct node *n, const struct role_order *order,
                    struct effects *out);

/* What fails by schedule, what is to be rebuilt, what was away for too long.
 * To be called before anything else is done in a step: memory is given back. */
void roles_on_tick(struct node *n, struct effects *out);

/* The journal's durable has moved. */
void roles_on_durable(struct node *n, struct effects *out);

/* EVENT_RECORD and EVENT_REPLAYED; false if the tag is not of a REPLAY. */
bool roles_on_record(struct node *n, uint64_t tag, const struct message *m,
                     struct effects *out);
void roles_on_replayed(struct node *n, uint64_t tag, struct effects *out);

/* The step is over: what has to outlive the roles is kept (S3). */
void roles_keep(struct node *n);

#endif

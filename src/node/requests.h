/*
 * requests.h - commands of clients on their way into the log.
 *
 * All that arrives goes into the open batch.  At the end of the turn the
 * leader proposes it as one value (P23); a follower passes its commands on
 * (E10); who knows no leader keeps them for a while (E9).
 */
#ifndef PAXOSKV_NODE_REQUESTS_H
#define PAXOSKV_NODE_REQUESTS_H

#include "node/state.h"

size_t requests_size(const struct node_config *cfg);
int requests_init(struct node *n, struct arena *mem);

/* EVENT_REQUEST: a client's own datagram. */
void requests_on_request(struct node *n, const struct request *r,
                         struct effects *out);

/* FORWARD: passed on by another member. */
void requests_on_forward(struct node *n, const struct message *m,
                         struct effects *out);

/* Propose, or pass on, what waits. */
void requests_on_flush(struct node *n, struct effects *out);

/* True if another member is known to lead: nothing waits here then.  One that
 * was the leader itself keeps what comes while it tries again (E7). */
bool requests_is_led(const struct node *n);

/* True if a command was passed to the leader, or one that has a good link. */
bool requests_forward(struct node *n, const struct origin *from,
                      struct bytes command, struct effects *out);

/* Answer a command as the state machine did; the value is copied to scratch,
 * which must have room for it. */
void requests_answer(struct node *n, const struct origin *to,
                     const struct command *c, const struct kv_reply *r,
                     struct effects *out);

/* Answer a command that goes no further. */
void requests_refuse(struct node *n, const struct origin *to,
                     const struct command *c, uint8_t status,
                     struct effects *out);

#endif

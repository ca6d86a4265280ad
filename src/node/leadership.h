/*
 * leadership.h - when a leader gives up of its own accord, and to whom (E8).
 */
#ifndef PAXOSKV_NODE_LEADERSHIP_H
#define PAXOSKV_NODE_LEADERSHIP_H

#include "node/state.h"

/*
 * Stop leading, or trying to: the successor is nominated by Leaving (E5),
 * requests that wait go to it, what is in flight is brought to its end.
 *
 * reason  enum resign_reason
 * wanted  the successor; MEMBER_NONE: the best one
 */
void leadership_resign(struct node *n, enum resign_reason reason,
                       uint8_t wanted, struct effects *out);

/* REFUSE of the successor that Leaving has named. */
void leadership_on_refused(struct node *n, const struct message *m,
                           struct effects *out);

/* An operator wants this member (MEMBER_NONE: another one) to lead. */
void leadership_transfer(struct node *n, uint8_t wanted, struct effects *out);

/* A step begins, gap_ns behind the one before. */
void leadership_on_step(struct node *n, uint64_t gap_ns, struct effects *out);

/* Whether this node can go on leading; Leaving, if it was not heard. */
void leadership_on_tick(struct node *n, struct effects *out);

uint64_t leadership_deadline_ns(const struct node *n);

/* The step is over: how old the records are that are not durable yet. */
void leadership_note_records(struct node *n);
void leadership_on_durable(struct node *n);

/* Age of the oldest record that is not durable, 0: none. */
uint64_t leadership_disk_age_ns(const struct node *n);

/* True if that is above its limit: this acceptor is not ok (E1). */
bool leadership_disk_stalls(const struct node *n);

/* enum burden */
uint8_t leadership_burden(const struct node *n);

#endif

/*
 * repair.h - fetching chosen values that this node lacks, and giving them to
 * others that do (P18, P19).
 */
#ifndef PAXOSKV_NODE_REPAIR_H
#define PAXOSKV_NODE_REPAIR_H

#include "node/state.h"

/* Slots <= upto are chosen somewhere: what lacks is to be fetched. */
void repair_target(struct node *n, uint64_t upto);

void repair_on_tick(struct node *n, struct effects *out);

/* FETCH from a peer. */
void repair_on_fetch(struct node *n, const struct message *m,
                     struct effects *out);

/* Tell a member what is chosen in slot, as shown under ballot (P19). */
void repair_give(uint8_t to, uint64_t slot, struct ballot ballot,
                 struct value v, struct effects *out);

/* CHOSEN, an answer. */
void repair_on_chosen(struct node *n, const struct message *m,
                      struct effects *out);

/* EVENT_RECORD and EVENT_READ_DONE. */
void repair_on_record(struct node *n, uint64_t tag, const struct message *m,
                      struct effects *out);
void repair_on_read_done(struct node *n, uint64_t tag);

/* After each step: is anything lacking still? */
void repair_check(struct node *n, struct effects *out);

uint64_t repair_deadline_ns(const struct node *n);

#endif

/*
 * reads.h - linearizable reads without the log (P26).
 */
#ifndef PAXOSKV_NODE_READS_H
#define PAXOSKV_NODE_READS_H

#include "node/state.h"

size_t reads_size(void);
int reads_init(struct node *n, struct arena *mem);

/* A read of a client, or one passed on. */
void reads_add(struct node *n, const struct origin *from,
               const struct command *c, struct bytes bytes,
               struct effects *out);

/* CONFIRMED from an admitted member. */
void reads_on_confirmed(struct node *n, const struct message *m);

/* Answer what is confirmed and executed; start the next round. */
void reads_on_flush(struct node *n, struct effects *out);

/* Ask again for rounds without a majority (P18). */
void reads_on_tick(struct node *n, struct effects *out);

/* Leadership is lost: no round begun before counts any more. */
void reads_void(struct node *n);

uint64_t reads_deadline_ns(const struct node *n);

#endif

/*
 * identity.h - incarnations, Hello, and whose votes count (M2, M3).
 */
#ifndef PAXOSKV_NODE_IDENTITY_H
#define PAXOSKV_NODE_IDENTITY_H

#include "node/state.h"

/* RECORD_LIFE, ADMITTED, PEER, REFUSED: as node_recover. */
int identity_recover(struct node *n, const struct message *record);

/* A new life: its incarnation goes to the log first. */
void identity_start(struct node *n, struct effects *out);

void identity_on_durable(struct node *n, struct effects *out);
void identity_on_hello(struct node *n, const struct message *m,
                       struct effects *out);
void identity_on_hello_answer(struct node *n, const struct message *m,
                              struct effects *out);
void identity_on_tick(struct node *n, struct effects *out);

/* Write what was heard of others along with what this turn wrote anyway. */
void identity_on_flush(struct node *n, struct effects *out);

/* Remember the vote sequence that an admitted member tells. */
void identity_note_votes(struct node *n, const struct message *m);

/* True if votes of m's sender count: an incarnation said yes to. */
bool identity_counts(const struct node *n, const struct message *m);

/* True if m is from an earlier life of its sender. */
bool identity_is_stale(const struct node *n, const struct message *m);

uint64_t identity_deadline_ns(const struct node *n);

/* Others that must say yes: the first time any two such sets meet (M2). */
unsigned identity_quorum(const struct node *n);

#endif

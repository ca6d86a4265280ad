/*
 * chosen.h - from "chosen" to the learner and to the log.
 *
 * What is chosen is written down lazily: as a mark over votes that the log
 * holds already, or as the value itself.  In the log a mark stands before
 * every vote made after it, so that recovery never is behind what the window
 * of votes was when they were made.
 */
#ifndef PAXOSKV_NODE_CHOSEN_H
#define PAXOSKV_NODE_CHOSEN_H

#include "node/state.h"

/* v is chosen in slot, shown so under ballot. */
void chosen_add(struct node *n, uint64_t slot, struct ballot ballot,
                struct value v, struct effects *out);

/* LEARN, or the learn part of an ACCEPT (P15, P16). */
void chosen_on_learn(struct node *n, struct ballot ballot, uint64_t upto,
                     struct effects *out);

/* A vote was made in slot: perhaps a Learn that came before it covers it. */
void chosen_on_vote(struct node *n, struct ballot ballot, uint64_t slot,
                    struct effects *out);

/* Write the mark that is pending. */
void chosen_flush(struct node *n, struct effects *out);

/* What the own proposals have reached: majorities of votes (P12). */
void chosen_by_votes(struct node *n, struct effects *out);

/* RECORD_CHOSEN, RECORD_MARK, over the votes of the log as held by this
 * acceptor: as node_recover. */
int chosen_recover(struct node *n, const struct acceptor *votes,
                   const struct message *record);

#endif

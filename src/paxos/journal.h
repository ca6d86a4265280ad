/*
 * journal.h - how far the own log was told to go, and how far it is durable.
 */
#ifndef PAXOSKV_PAXOS_JOURNAL_H
#define PAXOSKV_PAXOS_JOURNAL_H

#include "paxos/effects.h"

struct journal {
    uint64_t last;    /* seq of the last PERSIST */
    uint64_t durable; /* all up to this seq are durable */
};

/* A zeroed record to fill in; its seq is j->last afterwards. */
struct message *journal_persist(struct journal *j, struct effects *out,
                                uint8_t type);

static inline bool journal_is_durable(const struct journal *j, uint64_t seq)
{
    return seq <= j->durable;
}

#endif

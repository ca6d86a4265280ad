/*
 * acceptor.h - the voting half of Paxos: phases 1b and 2b (Lamport 2001, 2.2).
 *
 * One promise covers all slots; each slot keeps its own vote.  The votes form
 * a ring: slot s is at s & (window - 1), base <= s < base + window.  Slots
 * below base are chosen and executed here.  No answer leaves before what it
 * says is durable (P4, P10): answers are held until acceptor_on_durable.
 */
#ifndef PAXOSKV_PAXOS_ACCEPTOR_H
#define PAXOSKV_PAXOS_ACCEPTOR_H

#include "base/arena.h"
#include "paxos/journal.h"
#include "paxos/quorum.h"

#define ACCEPTOR_WINDOW   2048u /* a power of two; its runs fit a PROMISE */
#define ACCEPTOR_HELD_MAX 2048u

struct vote {
    struct ballot ballot;
    struct blob *blob; /* NULL: no vote */
};

/* Votes to be told when their records are durable. */
struct held_votes {
    uint64_t seq;
    uint64_t vote_seq;
    struct range range;
};

/* A promise to be told likewise; there is one candidate at most (P1). */
struct held_promise {
    bool set;
    uint8_t to;
    struct ballot ballot;
    uint64_t seq;
    uint64_t from;
    uint64_t asker;
    uint64_t request;
};

struct acceptor {
    const struct group *group;
    struct journal *journal;
    struct blob_pool *pool;
    struct ballot promised;
    uint64_t base;
    uint64_t chosen_upto;      /* of this node, told in promises */
    uint64_t accepted_upto;    /* highest slot voted for */
    uint64_t vote_seq;         /* promise and accept records made (M2) */
    uint64_t vote_seq_durable; /* of them, known to be durable */
    uint64_t last_seq;         /* journal seq of the last of them */
    struct vote *votes;
    struct held_promise promise;
    struct ballot voting;  /* of the held votes */
    uint64_t voting_asker; /* incarnation of its proposer */
    struct held_votes *held;
    uint32_t held_first;
    uint32_t held_count;
    bool held_open; /* the last entry may grow: same turn */
    struct run *runs;
    struct range *ranges;
};

enum accept_result {
    ACCEPT_VOTED,
    ACCEPT_REFUSED, /* a higher ballot is promised: nack */
    ACCEPT_DROPPED, /* outside the window, or a pool is dry */
    ACCEPT_CONFLICT /* two values at one ballot: broken invariant */
};

size_t acceptor_size(void);

/* Returns 0, or -ENOMEM if mem is too small. */
int acceptor_init(struct acceptor *a, const struct group *group,
                  struct journal *journal, struct blob_pool *pool,
                  struct arena *mem);

/*
 * It is dead: nothing is held or remembered, and answers that were to leave
 * are void (pitfall 29).  What it promised and voted is in the log; slots
 * below base are executed here, those up to chosen_upto chosen.
 */
void acceptor_reset(struct acceptor *a, uint64_t base, uint64_t chosen_upto);

/* Take in RECORD_PROMISE or RECORD_ACCEPT.  0, or -EBADMSG, -ENOMEM. */
int acceptor_recover(struct acceptor *a, const struct message *record);

/* PREPARE: promise, or nack (P4). */
void acceptor_on_prepare(struct acceptor *a, const struct message *m,
                         struct effects *out);

/*
 * ACCEPT: vote, unless a higher ballot was promised (P10).  The value is kept
 * by reference where it is a blob, else copied.
 */
enum accept_result acceptor_on_accept(struct acceptor *a,
                                      const struct message *m,
                                      struct effects *out);

/* CONFIRM: say whether the promise is that ballot still (P26). */
void acceptor_on_confirm(struct acceptor *a, const struct message *m,
                         struct effects *out);

/* WANT: the value accepted at (slot, ballot), if it is held. */
void acceptor_on_want(struct acceptor *a, const struct message *m,
                      struct effects *out);

/* The journal's durable has moved: let out what waited for it. */
void acceptor_on_durable(struct acceptor *a, struct effects *out);

/*
 * The turn is over: tell of votes whose records are durable already; those to
 * come are told apart from those before.
 */
void acceptor_on_flush(struct acceptor *a, struct effects *out);

/* Would that do anything? */
bool acceptor_has_flush(const struct acceptor *a);

/* Slots below base are executed, those up to chosen_upto chosen. */
void acceptor_advance(struct acceptor *a, uint64_t base, uint64_t chosen_upto);

/* The vote in slot, or NULL. */
const struct vote *acceptor_vote(const struct acceptor *a, uint64_t slot);

#endif

/*
 * state.h - the insides of struct node, shared by the files of this room.
 *
 * Each part is one struct of its own: the roles of Paxos, and what binds them
 * to clients, to the other members and to the state machine.
 */
#ifndef PAXOSKV_NODE_STATE_H
#define PAXOSKV_NODE_STATE_H

#include "base/prng.h"
#include "node/availability.h"
#include "node/node.h"
#include "node/supervisor.h"
#include "paxos/acceptor.h"
#include "paxos/election.h"
#include "paxos/learner.h"
#include "paxos/proposer.h"

#define SCRATCH_BYTES  (1u << 20) /* values of the replies of one step */
#define BATCHES_MAX    256u       /* closed and waiting for the window */
#define READS_MAX      8192u
#define ROUNDS_MAX     8u
#define FETCH_SLOTS    256u          /* asked for at a time */
#define FETCH_BYTES    (256u * 1024) /* answered at a time, about */
#define REQUEST_AGE_NS (5 * NS_PER_S)
#define FLUSH_ROOM     1024u /* effects kept for what a flush sends last */
#define TRASH_MAX      (BATCHES_MAX * 2 + READS_MAX)
#define HOPS_MAX       3u /* of a forwarded request (E10) */
#define DISK_MARKS     16u

enum resign_reason {
    RESIGN_NO_MAJORITY = 1, /* QC is lost */
    RESIGN_STALLED = 2,     /* nothing could be executed */
    RESIGN_FULL = 3,        /* the disk is */
    RESIGN_STOPPING = 4,
    RESIGN_PAUSED = 5,   /* the process stood still for too long */
    RESIGN_DISK = 6,     /* a write is not durable for too long */
    RESIGN_TRANSFER = 7, /* an operator wants it */
    RESIGN_PROPOSER = 8, /* it is dead, and was not rebuilt in time */
    RESIGN_LEARNER = 9,  /* likewise */
};

/* Who asked, and by which way it came. */
struct origin {
    struct address client;
    uint64_t cookie;
    uint16_t passed;
    uint8_t hops;
};

/* Commands that wait to be proposed or passed on, and who asked for them. */
struct batch {
    struct blob *value;   /* room for the head, then the commands */
    struct blob *origins; /* count of struct origin */
    uint64_t since_ns;
    uint16_t count;
};

struct requests {
    uint8_t *bytes; /* the open batch: head and payload */
    struct origin *origins;
    uint32_t used; /* payload bytes */
    uint16_t count;
    uint64_t since_ns;
    struct batch *queue; /* ring of closed ones */
    uint32_t first;
    uint32_t queued;
    uint64_t queued_bytes;
};

struct read {
    struct origin origin;
    struct blob *command;
    uint64_t since_ns;
};

/* One confirmation of leadership for the reads first..first + count - 1. */
struct round {
    uint64_t nonce;
    uint64_t noted; /* executed must reach it (P26) */
    uint64_t sent_ns;
    uint32_t count;
    uint16_t confirmed;
    uint8_t tries;
};

struct reads {
    struct read *queue; /* ring; those in rounds come first */
    uint32_t first;
    uint32_t count;
    uint32_t in_rounds;
    struct round rounds[ROUNDS_MAX];
    uint32_t round_count;
    uint64_t nonce;
};

/* What is remembered of a member (M2). */
struct acquaintance {
    uint64_t instance;
    uint64_t incarnation; /* the one said yes to */
    uint64_t nonce;
    uint64_t heard_incarnation;
    uint64_t vote_seq;
    bool dirty;      /* to be written with the next record */
    bool answer_due; /* yes, as soon as durable */
    uint64_t answer_seq;
};

struct identity {
    uint64_t incarnation;
    uint64_t previous;        /* last admitted, 0: never */
    uint64_t recovered_votes; /* vote sequence found in the log */
    uint64_t life_seq;
    uint64_t admitted_seq;
    bool live;     /* the own incarnation is durable */
    bool admitted; /* and may vote */
    uint16_t answered;
    uint16_t yes;
    uint64_t retry_ns;
    uint8_t tries;
    uint64_t written_ns;
    uint64_t written_seq;
    struct acquaintance members[MEMBERS_MAX];
};

struct repair {
    uint64_t target; /* slots <= this are known to be chosen somewhere */
    uint64_t ask_ns; /* when to ask (again); NEVER_NS: nothing lacks */
    uint64_t asked_upto;
    uint64_t had_upto; /* chosen_upto when asked */
    uint8_t tries;
    bool behind;        /* told so in a note */
    uint16_t reading;   /* peers served from the log right now */
    struct fetch fetch; /* scratch of the message */
};

/* Leaving is said more than once: the successor may miss it (E2). */
struct handover {
    uint8_t to; /* index, or MEMBER_NONE */
    uint8_t tries;
    bool pending;     /* nobody has taken over yet */
    uint16_t refused; /* by these members */
    uint64_t round;
    uint64_t again_ns;
};

/* Which record was made when, the oldest first, of those not durable yet. */
struct disk_age {
    struct {
        uint64_t seq;
        uint64_t at_ns;
    } marks[DISK_MARKS];
    uint32_t first;
    uint32_t count;
};

/* What the supervisor keeps of the roles, never lowered in a process (S1).
 * What it keeps of proposals stands in the proposer's own ring. */
struct kept {
    uint64_t applied;       /* slots <= this were executed */
    uint64_t chosen_upto;   /* slots <= this are chosen */
    uint64_t learned_upto;  /* and those <= this the learner had chosen: this
                               node can show them, and says so (P5) */
    uint64_t accepted_upto; /* highest slot voted for */
};

struct rebuild {
    uint64_t settled[ROLES]; /* REPLAY waits for this seq to be durable */
    bool asked[ROLES];       /* REPLAY is under way */
    uint64_t had_chosen;     /* by the learner, when the log was asked for */
    bool phase_1_again;      /* the proposer was leading, or wanted to */
};

struct node {
    struct node_config cfg;
    struct group group;
    struct journal journal;
    struct blob_pool pool;
    struct prng prng;
    struct supervisor supervisor;
    struct kept kept;
    struct rebuild rebuild;
    struct acceptor acceptor;
    struct acceptor shadow; /* votes of the log, while the learner is rebuilt */
    struct learner learner;
    struct proposer proposer;
    struct election election;
    struct identity identity;
    struct requests requests;
    struct reads reads;
    struct repair repair;
    struct handover handover;
    struct disk_age disk_age;
    struct availability availability;
    struct kv *kv;
    uint64_t now_ns;
    uint64_t round_seen;
    struct ballot learn_ballot; /* of the last Learn, */
    uint64_t learn_upto;        /* and how far it went */
    struct ballot mark_ballot;  /* chosen marks not yet written: */
    struct mark mark;           /* upto 0: none */
    uint64_t progress_ns;       /* E8: when something was executed last */
    uint64_t progress_slot;
    uint64_t progress_fetched;
    uint64_t stall_ns;
    uint64_t disk_resigned_ns; /* when last for the own disk; 0: never */
    uint64_t nack_ns[2]; /* preemptions while leading, the last two (E7) */
    bool started;
    bool serving; /* and it was said in a note */
    bool stopping;
    uint8_t full; /* EVENT_FULL */
    bool dead;    /* after FATAL nothing happens any more */
    bool more;    /* work was put off to the next step */
    uint8_t *scratch;
    uint32_t scratch_used;
    struct blob **trash; /* given back at the next step */
    uint32_t trash_count;
    struct node_counters counters;
};

/* Free b when the effects of this step are done with. */
void node_discard(struct node *n, struct blob *b);

/* Copy bytes so that they live until the next step; len <= room.  Those that
 * were made at the very place already stay there. */
struct bytes node_scratch(struct node *n, struct bytes b);

static inline uint32_t node_scratch_room(const struct node *n)
{
    return SCRATCH_BYTES - n->scratch_used;
}

static inline bool node_has(const struct node *n, enum role role)
{
    return supervisor_is_up(&n->supervisor, role);
}

/* The vote in slot, or NULL, also while there is no acceptor. */
static inline const struct vote *node_vote(const struct node *n, uint64_t slot)
{
    return node_has(n, ROLE_ACCEPTOR) ? acceptor_vote(&n->acceptor, slot)
                                      : NULL;
}

/* It leads, and its state is as far as its takeover no-op: clients may be
 * answered (P26). */
static inline bool node_is_serving(const struct node *n)
{
    return proposer_is_serving(&n->proposer) && node_has(n, ROLE_LEARNER) &&
           n->learner.executed >= n->proposer.takeover;
}

struct self_view node_self(const struct node *n);

/* The proposer lost its ballot to a higher one (P15). */
void node_preempt(struct node *n, uint64_t round, struct effects *out);

#endif

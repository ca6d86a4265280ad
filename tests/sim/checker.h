/*
 * checker.h - what must hold in every world, watched from outside.
 *
 * The checker sees what the members write and send, and what the clients ask
 * and are told; it trusts no member.  A slot is chosen when a majority has a
 * durable vote for one value at one ballot: that is what it counts itself.
 * The chosen values are executed, in slot order, by a state machine of its
 * own and by the model; every state hash and every answer is held against it.
 *
 * The checks, by the names under which they fail:
 *
 *   agreement    one value per slot, and per (slot, ballot) (P13, P17); what a
 *                higher ballot proposes is what was chosen (P7)
 *   durability   what is told of a promise or vote is on disk (P4, P10), also
 *                after a restart; nothing is said of slots that are not chosen
 *   promise      no vote or promise below an earlier promise; no ballot used
 *                by two lives (P2); Learn by a leader that proposed otherwise
 *   execution    no slot is executed before it is chosen, nor out of order;
 *                equal state hashes at equal slots; the model agrees with kv
 *   memory       a state machine takes what it counts, the store keeps its
 *                limit; at rest the pool holds what is kept for others, the
 *                state machine as much as ours, and nothing more
 *   identity     a member whose log was set back does not vote (M2)
 *   time         the state's time runs no faster than a clock (P28)
 *   witness      every answer is that of the model at its slot; slots follow
 *                real time
 */
#ifndef PAXOSKV_SIM_CHECKER_H
#define PAXOSKV_SIM_CHECKER_H

#include "paxos/effects.h"
#include "sim/disk.h"
#include "sim/model.h"

#define CHECKER_SLOTS_MAX 100000u
#define CHECKER_TEXT_MAX  400u

/* A value proposed in a slot at a ballot. */
struct proposal {
    struct ballot ballot;
    uint8_t *bytes; /* shared by the equal proposals of a slot */
    uint32_t len;
    bool owner;       /* of the bytes */
    uint16_t written; /* bitmap of members that ever wrote this vote */
    uint16_t durable; /* and of those that have it on disk */
};

struct slot_view {
    struct proposal *list;
    uint8_t count;
    uint8_t size;
    bool chosen;
    uint8_t by; /* index in list of the proposal that was chosen first */
    uint64_t state_hash; /* when executed */
};

/* A ballot and the life of the process that used it. */
struct ballot_use {
    uint64_t round;
    uint32_t life;
    uint64_t from; /* of its Prepare, the highest */
};

struct member_view {
    uint32_t life;
    bool rolled_back;      /* it must not vote any more */
    struct ballot written; /* highest promise PERSISTed, in order */
    struct ballot durable; /* of those on disk */
    struct ballot told;    /* in Promise or Accepted */
    uint64_t executed;     /* in this life */
    uint64_t learn_upto;   /* checked by the Learns at learn_ballot */
    struct ballot learn_ballot;
    struct ballot_use *uses;
    uint32_t use_count;
    uint32_t use_size;
};

struct checker {
    uint8_t n;
    uint8_t ids[MEMBERS_MAX];
    struct slot_view *slots; /* that of slot s at s */
    uint64_t slot_size;
    uint64_t prefix; /* all slots <= this are chosen, and executed here */
    struct kv *kv;
    struct model model;
    struct member_view members[MEMBERS_MAX];
    uint64_t ended_slot; /* highest slot of an operation that has ended */
    uint64_t answers;    /* judged */
    const char *failed;  /* the name of the check, or NULL */
    char text[CHECKER_TEXT_MAX];
};

/* ids: of the members, ascending.  The limits are those of the members. */
void checker_init(struct checker *c, uint8_t n, const uint8_t *ids,
                  const struct kv_limits *limits);
void checker_clear(struct checker *c);

/* A check failed; only the first failure is kept. */
void checker_fail(struct checker *c, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Member i begins a new life, with what is durable. */
void checker_on_start(struct checker *c, uint8_t i);

/* Its log is an old copy. */
void checker_on_roll_back(struct checker *c, uint8_t i);

/* Its log is recovered, and it says that it has promised this. */
void checker_on_recovered(struct checker *c, uint8_t i, struct ballot promised);

void checker_on_persist(struct checker *c, uint8_t i, const struct message *r);
void checker_on_durable(struct checker *c, uint8_t i,
                        const struct disk_record *r);
void checker_on_send(struct checker *c, uint8_t i, const struct message *m);

/* Member i lost its learner, and the state with it: it begins at slot 1. */
void checker_on_lost_state(struct checker *c, uint8_t i);

/* The state machine of member i is at that slot. */
void checker_on_state(struct checker *c, uint8_t i, uint64_t executed,
                      uint64_t state_hash);

/* Member i answers a client's command. */
void checker_on_reply(struct checker *c, uint8_t i, const struct command *cmd,
                      const struct reply *reply);

/* If that is a read: it was to come behind slot began.  What is sent counts,
 * not what arrives first. */
void checker_on_read(struct checker *c, uint8_t i, const struct command *cmd,
                     const struct reply *reply, uint64_t began);

/* The state of member i has this time: no more has gone by than limit_ns. */
void checker_on_time(struct checker *c, uint8_t i, uint64_t state_time_ns,
                     uint64_t limit_ns);

/* A client begins an operation: the slot behind which it must come. */
uint64_t checker_on_begin(const struct checker *c);

/* It ends, and was told that slot. */
void checker_on_end(struct checker *c, uint64_t began, bool is_write,
                    uint64_t slot);

/* Is something chosen in slot?  Slot 0 never is. */
static inline bool checker_has_chosen(const struct checker *c, uint64_t slot)
{
    return slot < c->slot_size && c->slots[slot].chosen;
}

/* The memory of a member. */
struct member_memory {
    uint64_t pool;    /* bytes in use in its pool */
    uint64_t store;   /* as counted to the limit of the store */
    uint64_t counted; /* of the state machine, as it says */
    uint64_t taken;   /* and as its allocator says */
};

/* Member i has so much, at any moment; it was destroyed, and left that. */
void checker_on_memory(struct checker *c, uint8_t i,
                       const struct member_memory *m);
void checker_on_destroyed(struct checker *c, uint8_t i, uint64_t taken);

/* Where nothing is asked and all is executed: is all given back?  It must be,
 * after a while. */
bool checker_is_resting(const struct checker *c, const struct member_memory *m);
void checker_fail_restless(struct checker *c, uint8_t i,
                           const struct member_memory *m);

/* ---- for the parts of the checker ---------------------------------------- */

/* v is proposed, or voted for; its proposal, or NULL after a failure. */
struct proposal *checker_propose(struct checker *c, uint64_t slot,
                                 struct ballot b, struct value v);

/* Member i says of slot: v is chosen; what b proposed is chosen. */
void checker_claim(struct checker *c, uint8_t i, const char *what,
                   uint64_t slot, struct value v);
void checker_claim_at(struct checker *c, uint8_t i, const char *what,
                      uint64_t slot, struct ballot b);

/* What b proposed in slot, or NULL. */
struct proposal *checker_proposal(struct checker *c, uint64_t slot,
                                  struct ballot b);

/* Is p what is chosen in its slot? */
bool checker_is_chosen(const struct checker *c, uint64_t slot,
                       const struct proposal *p);

#endif

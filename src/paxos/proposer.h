/*
 * proposer.h - the proposing half of Paxos: phases 1a and 2a (Lamport 2001).
 *
 * Phase 1 asks all members at once for everything above what is known to be
 * chosen; the first majority of promises is frozen (P7) and gives: bound, up
 * to which slots are chosen and are only learned (P6), and for each slot
 * behind it the value to propose again.  Then the takeover no-op, then new
 * values.  Proposals form a ring: slot s is at s & (PROPOSER_RING - 1).
 */
#ifndef PAXOSKV_PAXOS_PROPOSER_H
#define PAXOSKV_PAXOS_PROPOSER_H

#include "base/arena.h"
#include "base/prng.h"
#include "base/units.h"
#include "paxos/effects.h"
#include "paxos/quorum.h"

#define PROPOSER_RING     4096u
#define PROPOSER_FOUND    2048u /* as ACCEPTOR_WINDOW: all that is reported */
#define PROPOSER_AHEAD    1024u /* new values beyond execution, at most */
#define PROPOSER_BURST    128u  /* messages of one pump */
#define PROPOSER_WANTED   64u   /* values fetched at the same time */
#define PROPOSER_LEARN_NS (2 * NS_PER_MS)
#define PROPOSER_RESEND   64u /* accepts repeated by one tick */

enum proposer_phase {
    PROPOSER_IDLE,
    PROPOSER_PREPARING,  /* promises are being gathered */
    PROPOSER_COLLECTING, /* frozen: values are being fetched */
    PROPOSER_LEADING,
    PROPOSER_RESIGNED, /* what is in flight is brought to its end (E8) */
    PROPOSER_DORMANT,  /* dead, and led: it goes on when it is rebuilt (S3) */
};

/*
 * Slot, value and context are the supervisor's: they outlive the proposer,
 * until the slot is executed (S1).  The rest dies with it.
 */
struct proposal {
    uint64_t slot; /* 0: nothing here */
    struct blob *value;
    struct blob *context; /* what the node keeps with it: who asked */
    uint16_t votes;       /* set of acceptors, at the own ballot (P12) */
    uint8_t tries;
    bool chosen;
    uint64_t sent_ns;
};

/* Phase 1: what the frozen majority reported of a slot above bound. */
struct found {
    uint64_t slot;
    struct ballot ballot; /* the highest; none: a hole */
    uint16_t holders;     /* who reported it */
    struct blob *value;   /* NULL: not fetched yet */
};

struct proposer_config {
    uint64_t rto_min_ns;
    uint64_t rto_max_ns;
    uint32_t window_slots;
    uint64_t seed;
};

struct proposer_counters {
    uint64_t proposed;
    uint64_t resent;
    uint64_t preemptions;
};

struct proposer {
    const struct group *group;
    struct blob_pool *pool;
    struct proposer_config cfg;
    struct prng prng;
    enum proposer_phase phase;
    struct ballot ballot;
    uint64_t from;        /* phase 1: first slot asked for */
    uint64_t bound;       /* slots <= bound are chosen (P6) */
    uint64_t end;         /* highest slot reported, >= bound */
    uint64_t next_slot;   /* to be given to the next value */
    uint64_t next_sent;   /* slots below were sent once */
    uint64_t put_upto;    /* no slot above ever had a proposal here */
    uint64_t chosen_upto; /* slots <= this are chosen */
    uint64_t learn_told;
    uint64_t learn_ns; /* when to tell it alone; NEVER_NS: nothing waits */
    uint64_t takeover; /* slot of the takeover no-op */
    uint64_t executed; /* by the node, in this process */
    uint16_t promised; /* set of members whose promise counts */
    bool own_promise;  /* durable: the others may be asked (P2) */
    uint64_t want_next;
    uint32_t wanted;  /* values asked for and not here */
    uint32_t missing; /* values not here */
    uint64_t time_base_ns;
    uint64_t lead_since_ns;
    uint64_t last_proposed_ns;
    uint64_t progress_ns;
    uint64_t retry_ns; /* phase 1 and fetches: when to ask again */
    uint8_t retries;
    uint64_t srtt_ns;
    uint64_t rttvar_ns;
    uint64_t resend_ns;   /* when to look for accepts to repeat */
    uint64_t resigned_ns; /* RESIGNED: until then */
    uint64_t bytes_in_flight;
    struct proposal *ring;
    struct found *found; /* slot s is at s & (PROPOSER_FOUND - 1) */
    struct proposer_counters counters;
};

size_t proposer_size(void);

/* Returns 0, or -ENOMEM if mem is too small. */
int proposer_init(struct proposer *p, const struct group *group,
                  struct blob_pool *pool, const struct proposer_config *cfg,
                  struct arena *mem);

/*
 * Begin phase 1 at (round, self), asking from the first slot whose chosen
 * value is lacking.  round must be above every round seen (P2).
 */
void proposer_start(struct proposer *p, uint64_t round, uint64_t from,
                    uint64_t now_ns, struct effects *out);

/* PROMISE from an admitted member; known_upto: what this node knows chosen. */
void proposer_on_promise(struct proposer *p, const struct message *m,
                         uint64_t known_upto, uint64_t now_ns,
                         struct effects *out);

/* VALUE: an answer to WANT. */
void proposer_on_value(struct proposer *p, const struct message *m,
                       uint64_t now_ns);

/*
 * All values are here: propose them again, fill holes, take over.
 *
 * chosen_heard   the highest chosen_upto ever heard: a hole at or below it is
 *                never filled (P6)
 * state_time_ns  of this node, where the leader's time goes on (P28)
 *
 * Returns true if this node leads now; false if it cannot (a hole, or no
 * memory): the phase is idle then.
 */
bool proposer_lead(struct proposer *p, uint64_t chosen_heard,
                   uint64_t state_time_ns, uint64_t now_ns,
                   struct effects *out);

/* True if phase 1 has all that proposer_lead needs. */
bool proposer_is_ready(const struct proposer *p);

/* True if a candidate got nothing new for too long (P6). */
bool proposer_is_stalled(const struct proposer *p, uint64_t now_ns);

/* ACCEPTED from an admitted member: count the votes. */
void proposer_on_accepted(struct proposer *p, const struct message *m,
                          uint64_t now_ns);

/*
 * The next chosen value in slot order, or NULL: give it to the learner, then
 * call proposer_chosen_taken.
 */
const struct proposal *proposer_next_chosen(const struct proposer *p);
void proposer_chosen_taken(struct proposer *p);

/*
 * A value was chosen in slot by other means: true, and counted as chosen, if
 * it does not differ from the own proposal there; false: preempted (P15).
 */
bool proposer_on_chosen_elsewhere(struct proposer *p, uint64_t slot,
                                  struct value v);

/* True if one more value may be proposed now. */
bool proposer_has_window(const struct proposer *p);

/*
 * Propose a new value; takes over both references.  The blob holds room for
 * the head and the payload; it is stamped and sealed here (P9).
 */
void proposer_propose(struct proposer *p, struct blob *value,
                      enum value_kind kind, uint16_t count,
                      struct blob *context, uint64_t now_ns);

/* Send what is due: WANTs, first Accepts. */
void proposer_pump(struct proposer *p, uint64_t now_ns, struct effects *out);

/*
 * The turn is over.  What is chosen is told by the next Accept; if none leaves
 * within PROPOSER_LEARN_NS, by a Learn alone (P15): with few clients the next
 * command is nearly there, and the others are woken once instead of twice.
 */
void proposer_on_flush(struct proposer *p, uint64_t now_ns,
                       struct effects *out);

/* Would pump or flush do anything? */
bool proposer_has_flush(const struct proposer *p, uint64_t now_ns);

/* Repeat what was not answered (P18); heard: members that are alive. */
void proposer_on_tick(struct proposer *p, uint16_t heard, uint64_t now_ns,
                      struct effects *out);

/* The leader's time is never behind that of the state, which may have caught
 * up with values of others only after it took over (P28). */
void proposer_keep_time(struct proposer *p, uint64_t state_time_ns,
                        uint64_t now_ns);

/*
 * Lead no more, of the own accord: all that is chosen is told, so that the
 * successor need not ask for it; nothing new is proposed, what is in flight
 * is sent on and counted until until_ns or until a higher ballot is seen (E8).
 */
void proposer_resign(struct proposer *p, uint64_t until_ns,
                     struct effects *out);

/* A higher ballot was seen: no Accept, Learn or read at the own (P15). */
void proposer_preempt(struct proposer *p);

/*
 * The proposer is dead: all is gone but what was stored in the very step that
 * emitted it (S1, S3): the ballot and whether phase 1 had finished, the next
 * slot, what is known chosen, the leader's time, and slot, value and context
 * of every proposal not yet executed.
 */
void proposer_die(struct proposer *p);

/*
 * It is rebuilt from that.  One that led, and was not preempted meanwhile,
 * goes on at the same ballot: every proposal not known chosen is sent again,
 * the same bytes, and its votes are counted anew.
 */
void proposer_revive(struct proposer *p, uint64_t now_ns);

/*
 * Slot was executed with value v: its proposal is done with.  Returns the
 * context, whose reference passes to the caller, if the value was the own;
 * else NULL.
 */
struct blob *proposer_on_executed(struct proposer *p, uint64_t slot,
                                  struct value v);

/* When proposer_on_tick is due; 0: pump at once. */
uint64_t proposer_deadline_ns(const struct proposer *p);

static inline bool proposer_is_leading(const struct proposer *p)
{
    return p->phase == PROPOSER_LEADING;
}

/* Phase 2 at the own ballot goes on, if only for what is in flight. */
static inline bool proposer_is_proposing(const struct proposer *p)
{
    return p->phase == PROPOSER_LEADING || p->phase == PROPOSER_RESIGNED;
}

/* It leads, or did when it died and may go on (S3). */
static inline bool proposer_has_lead(const struct proposer *p)
{
    return p->phase == PROPOSER_LEADING || p->phase == PROPOSER_DORMANT;
}

/* What it proposed at its ballot still counts, dead or alive. */
static inline bool proposer_holds(const struct proposer *p)
{
    return proposer_is_proposing(p) || p->phase == PROPOSER_DORMANT;
}

/* The takeover no-op is executed: clients may be answered (P26). */
static inline bool proposer_is_serving(const struct proposer *p)
{
    return p->phase == PROPOSER_LEADING && p->executed >= p->takeover;
}

/* Retransmission time-out from measured round trips (P18). */
uint64_t proposer_rto_ns(const struct proposer *p);

#endif

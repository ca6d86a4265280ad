/*
 * election.h - who should lead: heartbeats, and a token that walks the ring
 * (Chang and Roberts 1979; quorum-connectedness: Omni-Paxos 2023).
 *
 * Serves liveness only.  Whatever it decides, ballots keep the group safe.
 * Its verdict is election.campaign: a round that the proposer shall start.
 */
#ifndef PAXOSKV_PAXOS_ELECTION_H
#define PAXOSKV_PAXOS_ELECTION_H

#include "base/prng.h"
#include "paxos/effects.h"
#include "paxos/multicast.h"
#include "paxos/quorum.h"

#define ACCEPTED_BUCKET 4096u /* freshness is compared in steps of so many */
#define HOP_TRIES       3u    /* of one hop, then the next member is tried */

struct peer {
    uint64_t heard_ns; /* last heartbeat; 0: never */
    uint64_t told_ns;  /* its token died here, and it was told why (E4) */
    uint64_t incarnation;
    uint64_t chosen_upto;
    uint64_t accepted_upto;
    struct ballot claim; /* none: does not lead */
    uint16_t heard;
    uint8_t flags;
    uint8_t priority;
    uint8_t leader; /* id it follows */
    uint16_t port;  /* of liveness, 0: none */
    bool port_lies; /* it was called closed, and its owner lives */
};

/* What the node knows of itself at this moment. */
struct self_view {
    struct ballot promised;
    struct ballot ballot; /* of the own proposer */
    uint64_t round_seen;  /* highest round seen or promised */
    uint64_t chosen_upto;
    uint64_t accepted_upto;
    uint64_t vote_seq;
    bool leading;
    bool resigned;    /* from ballot, and nobody has taken over yet (E8) */
    bool draining;    /* it is about to stop: leads no more */
    bool campaigning; /* phase 1 is under way */
    bool admitted;
    bool acceptor_ok; /* admitted, and its disk keeps up */
    bool unable;      /* to lead: its proposer or its learner is away */
    uint8_t burden;   /* enum burden */
};

/* A token in the own hands, on its way to the next member. */
struct hop {
    bool busy;
    struct token token;
    uint8_t to;
    uint8_t tries;
    uint16_t missed; /* did not acknowledge; counts for this holder only */
    uint64_t deadline_ns;
};

struct election {
    const struct group *group;
    struct prng prng;
    uint64_t heartbeat_ns;
    uint8_t priority;
    uint16_t port; /* of liveness, the own one; 0: none */
    struct peer peers[MEMBERS_MAX];
    uint64_t next_heartbeat_ns;
    struct ballot leader; /* the highest claim that counts, or none */
    uint64_t happy_ns;    /* when this node was happy last */
    uint64_t patience_ns; /* and how long it waits from there (E2) */
    uint64_t look_ns;     /* when to look at that, between heartbeats */
    bool hurry;           /* the leader is known to be gone (E2) */
    struct ballot left;   /* claims up to this one do not count any more */
    struct ballot gone;   /* of the leader whose port was closed, */
    uint64_t gone_ns;     /* what it said before may come until then */
    uint64_t probed_ns;
    uint64_t quiet_ns;   /* no own token before: somebody else is at it */
    uint64_t attempt;    /* number of the own token */
    uint64_t attempt_ns; /* when it counts as lost; NEVER_NS: none is out */
    uint8_t losses;
    struct hop hop;
    struct multicast multicast;
    uint8_t top_initiator; /* highest seen lately (E4) */
    uint64_t top_attempt;
    uint64_t top_until_ns;
    uint8_t obeyed_initiator; /* a nomination is obeyed once (E5) */
    uint64_t obeyed_attempt;
    struct ballot obeyed_leaving;
    uint8_t duels; /* preemptions without a stable time in between (E7) */
    uint64_t duel_ns;
    uint64_t campaign;  /* round to start phase 1 at, 0: none */
    uint64_t elections; /* counter: tokens started */
    uint64_t beats;     /* heartbeats sent */
};

void election_init(struct election *e, const struct group *group,
                   uint64_t heartbeat_ns, uint8_t priority, uint64_t seed);

/* The process begins to take part. */
void election_start(struct election *e, uint64_t incarnation, uint64_t now_ns);

void election_on_heartbeat(struct election *e, const struct message *m,
                           const struct self_view *self, uint64_t now_ns,
                           struct effects *out);

/*
 * A claim: a heartbeat or an Accept by the leader of ballot.  One below the
 * own promise does not count.
 */
void election_on_claim(struct election *e, struct ballot ballot,
                       const struct self_view *self, uint64_t now_ns,
                       struct effects *out);

/* A member said up to where it knows what was chosen, not in a heartbeat: who
 * lacks some of that need not wait for one to know whom to ask (P19). */
void election_on_told(struct election *e, uint8_t from, uint64_t chosen_upto);

/* A Prepare by another member: give it time. */
void election_on_prepare(struct election *e, uint64_t now_ns);

/* LEAVING: the leader of its ballot goes, and names its successor (E5), which
 * refuses to the leader if it cannot obey. */
void election_on_leaving(struct election *e, const struct message *m,
                         const struct self_view *self, uint64_t now_ns,
                         struct effects *out);

/* The liveness port of this member is closed: its process has ended (E2). */
void election_on_gone(struct election *e, uint8_t index,
                      const struct self_view *self, uint64_t now_ns,
                      struct effects *out);

/* The own node has resigned: it follows nobody, and waits a while (E8). */
void election_on_resigned(struct election *e, struct ballot ballot,
                          uint64_t now_ns);

/*
 * The member to lead after this one: able to, and the best of those by what
 * they said last (E3); MEMBER_NONE if there is none.  among: the bits of those
 * that come into question.
 */
uint8_t election_successor(const struct election *e, uint16_t among,
                           uint64_t now_ns);

/* True if another member could lead: hears a majority, and votes (E8). */
bool election_has_able_peer(const struct election *e, uint64_t now_ns);

/* The turn is over: ask the leader's port more often while busy anyway. */
void election_on_flush(struct election *e, uint64_t now_ns,
                       struct effects *out);

/* Would that do anything? */
bool election_has_flush(const struct election *e, uint64_t now_ns);

/* TOKEN, TOKEN_ACK, NOMINATE, REFUSE */
void election_on_token(struct election *e, const struct message *m,
                       const struct self_view *self, uint64_t now_ns,
                       struct effects *out);
void election_on_ack(struct election *e, const struct message *m);
void election_on_nominate(struct election *e, const struct message *m,
                          const struct self_view *self, uint64_t now_ns,
                          struct effects *out);
void election_on_refuse(struct election *e, const struct message *m,
                        uint64_t now_ns);

/* The own proposer was preempted: wait before the next try (E7). */
void election_on_preempted(struct election *e, uint64_t rto_ns,
                           uint64_t now_ns);

/* Heartbeats, lost hops, lost tokens, the trigger of E2. */
void election_on_tick(struct election *e, const struct self_view *self,
                      uint64_t now_ns, struct effects *out);

uint64_t election_deadline_ns(const struct election *e);

/* Send a heartbeat now: something in it changed that others wait for. */
void election_heartbeat(struct election *e, const struct self_view *self,
                        uint64_t now_ns, struct effects *out);

/* Members heard lately, this one included. */
uint16_t election_heard(const struct election *e, uint64_t now_ns);

/* Good links: heard, and hear this one (E1); this one included. */
uint16_t election_links(const struct election *e, uint64_t now_ns);

/* Good links to acceptors that are ok make at least a majority (E1). */
bool election_is_qc(const struct election *e, const struct self_view *self,
                    uint64_t now_ns);

/* Index of the leader followed, or MEMBER_NONE. */
uint8_t election_leader(const struct election *e);

#endif

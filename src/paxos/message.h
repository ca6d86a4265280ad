/*
 * message.h - what members say to each other, and what they write down.
 *
 * One struct for both: a record is a message to the own future.  Lists are
 * borrowed: from the datagram while it is decoded, from the sender's scratch
 * until its next step.  Members are named by id in ballots, and by index
 * (0..n-1, in order of id) everywhere else.
 */
#ifndef PAXOSKV_PAXOS_MESSAGE_H
#define PAXOSKV_PAXOS_MESSAGE_H

#include "base/address.h"
#include "paxos/ballot.h"
#include "paxos/value.h"

#define MEMBERS_MAX      9u
#define MESSAGE_RUNS_MAX 2048u /* in a PROMISE; a FETCH carries 16 */
#define FETCH_RANGES_MAX 16u
#define RANGES_MAX       64u /* in an ACCEPTED */

enum message_type {
    MESSAGE_HEARTBEAT = 1, /* E1 */
    MESSAGE_PREPARE,       /* P3 */
    MESSAGE_PROMISE,       /* P5 */
    MESSAGE_NACK,          /* P4, P10, P26 */
    MESSAGE_ACCEPT,        /* P9 */
    MESSAGE_ACCEPTED,      /* P10 */
    MESSAGE_LEARN,         /* P15 */
    MESSAGE_FETCH,         /* P19: chosen values wanted */
    MESSAGE_CHOSEN,        /* P19: here is one */
    MESSAGE_WANT,          /* P5: the value accepted at (slot, ballot) */
    MESSAGE_VALUE,         /* and the answer */
    MESSAGE_CONFIRM,       /* P26 */
    MESSAGE_CONFIRMED,
    MESSAGE_TOKEN,     /* E3 */
    MESSAGE_TOKEN_ACK, /* each hop is acknowledged */
    MESSAGE_NOMINATE,  /* E5 */
    MESSAGE_REFUSE,    /* E5: refused to the initiator */
    MESSAGE_HELLO,     /* M2 */
    MESSAGE_HELLO_ANSWER,
    MESSAGE_FORWARD, /* E10: a client's command, passed on */
    MESSAGE_LEAVING, /* E2, E5: the leader of ballot names its successor */

    RECORD_PROMISE = 64, /* promised = ballot */
    RECORD_ACCEPT,       /* a vote, P10; raises the promise too */
    RECORD_CHOSEN,       /* a chosen value that was not accepted here */
    RECORD_MARK,         /* accepts at ballot in [first, upto] are chosen */
    RECORD_LIFE,         /* incarnation, nonce, instance of one start */
    RECORD_ADMITTED,     /* incarnation that was admitted, M2 */
    RECORD_PEER,         /* what is remembered of a peer, M2 */
    RECORD_REFUSED,      /* never start again */
};

/* Slots first..first + count - 1, accepted at ballot. */
struct run {
    uint64_t first;
    uint32_t count;
    struct ballot ballot;
};

/* Slots first..last, both included. */
struct range {
    uint64_t first;
    uint64_t last;
};

#define HEARTBEAT_CLAIM    1u  /* ballot is claimed: the sender leads */
#define HEARTBEAT_QC       2u  /* E1 */
#define HEARTBEAT_HAPPY    4u  /* follows a leader that says QC */
#define HEARTBEAT_OK       8u  /* acceptor_ok */
#define HEARTBEAT_ADMITTED 16u /* vote_seq counts for M2 */
#define HEARTBEAT_FULL     32u
#define HEARTBEAT_DRAINING 64u
#define HEARTBEAT_RESIGNED 128u

struct heartbeat {
    uint64_t chosen_upto;
    uint64_t accepted_upto;
    uint16_t heard; /* bitmap of indices, itself included */
    uint8_t flags;
    uint8_t priority;
    uint8_t leader;    /* id of the leader followed, 0: none */
    uint8_t ways;      /* 1: by multicast and by unicast, a copy each (P25) */
    uint16_t port;     /* of liveness, 0: none */
    uint16_t by_group; /* bitmap: whose multicast is heard well (P25) */
};

struct prepare {
    uint64_t from; /* first slot whose chosen value is lacking */
};

struct promise {
    uint64_t log_start;
    uint64_t chosen_upto;
    const struct run *runs; /* ascending, above chosen_upto, disjoint */
    uint32_t run_count;
};

/* ballot = promised; refused = the ballot that was refused. */
struct nack {
    struct ballot refused;
    struct ballot claimed; /* highest claim heard, or none */
};

struct accept {
    uint64_t slot;
    uint64_t learn_upto; /* 0: none; as LEARN */
    struct value value;
};

struct learn {
    uint64_t upto;
};

struct fetch {
    struct range ranges[FETCH_RANGES_MAX]; /* wanted, ascending */
    struct run held[FETCH_RANGES_MAX];     /* accepted by the asker */
    uint8_t range_count;
    uint8_t held_count;
};

/* CHOSEN, VALUE; ballot: under which it was shown chosen; accepted at. */
struct decided {
    uint64_t slot;
    struct value value; /* CHOSEN without bytes: the one held at ballot */
};

struct confirm {
    uint64_t nonce;
};

struct token {
    uint64_t attempt;  /* of the initiator, never repeated in its life */
    uint64_t round;    /* highest round seen by the holders, + 1 */
    uint8_t initiator; /* index */
    uint8_t hop;       /* hops so far, at most 2n */
    uint16_t visited;  /* bitmap */
    uint8_t path_len;
    uint8_t path[MEMBERS_MAX]; /* indices, to walk back */
    uint8_t best;              /* index of the best so far, 0xff: none */
    uint8_t best_burden;       /* enum burden */
    uint8_t best_links;
    uint8_t best_priority;
    uint64_t best_accepted; /* in buckets */
};

/* What makes a member a bad leader, the least of it first (E3). */
enum burden {
    BURDEN_NONE = 0,
    BURDEN_FULL = 1,
    BURDEN_DISK = 2, /* resigned for its disk not long ago (E8) */
};

struct leaving {
    uint64_t round;    /* above all that the leader has seen */
    uint8_t successor; /* index; 0xff: nobody is nominated */
};

struct hello {
    uint64_t instance;
    uint64_t previous; /* last admitted incarnation, 0: never */
    uint64_t life;     /* the new incarnation */
    uint64_t nonce;    /* of the process */
};

struct hello_answer {
    uint64_t life;  /* echoed */
    uint64_t nonce; /* echoed */
    uint8_t yes;
    uint8_t reason; /* if not: enum hello_refusal */
};

enum hello_refusal {
    HELLO_INSTANCE = 1,    /* another data directory under this id */
    HELLO_INCARNATION = 2, /* an older copy of the directory */
    HELLO_VOTES = 3,       /* the log lost votes */
    HELLO_NONCE = 4,       /* a second process of the same incarnation */
};

struct forward {
    struct address client;
    uint64_t cookie;
    uint16_t passed; /* bitmap of members that passed it on */
    uint8_t hops;
    struct bytes command; /* kv/command.h: one command */
};

struct mark {
    uint64_t first;
    uint64_t upto;
};

/* RECORD_LIFE, RECORD_ADMITTED, RECORD_PEER */
struct life {
    uint64_t instance;
    uint64_t incarnation; /* PEER: the one said yes to */
    uint64_t nonce;
    uint64_t heard_incarnation; /* PEER: with vote_seq, the highest heard */
    uint8_t peer;               /* PEER: id */
};

struct message {
    uint8_t type;
    uint8_t from;         /* index of the sender, set by the receiver */
    uint8_t count;        /* ranges in an ACCEPTED */
    bool by_group;        /* it came by multicast, set by the receiver */
    uint64_t incarnation; /* of the sender, from the head of the datagram */
    uint64_t process;     /* nonce of the sender's process, likewise */
    uint64_t asker;       /* answers: incarnation of the asker (M3) */
    uint64_t request;     /* answers: number of the request (M3) */
    uint64_t vote_seq;    /* PROMISE ACCEPTED HEARTBEAT HELLO; vote records */
    struct ballot ballot;
    union {
        struct heartbeat heartbeat;
        struct prepare prepare;
        struct promise promise;
        struct nack nack;
        struct accept accept;       /* and RECORD_ACCEPT */
        const struct range *ranges; /* ACCEPTED, count of them */
        struct learn learn;
        const struct fetch *fetch;
        struct decided decided; /* CHOSEN VALUE WANT, RECORD_CHOSEN */
        struct confirm confirm;
        struct token token; /* TOKEN; NOMINATE REFUSE TOKEN_ACK: its id */
        struct leaving leaving;
        struct hello hello;
        struct hello_answer hello_answer;
        struct forward forward;
        struct mark mark;
        struct life life;
    };
};

#endif

/*
 * node_kit.h - a small group in one process: the real core, a network that
 * delivers at once and in order, a disk that is durable at once, and a clock
 * that moves only when nothing is left to do.
 *
 * No faults but those that a test asks for; for all others see tests/sim.
 */
#ifndef PAXOSKV_SUPPORT_NODE_KIT_H
#define PAXOSKV_SUPPORT_NODE_KIT_H

#include "base/units.h"
#include "node/node.h"
#include "support/paxos_kit.h"

#define NODES_REPLIES_MAX 16384u
#define NODES_NOTES       (NOTE_ROLE_BACK + 1u) /* the last of enum note_type */

/* A message in the network, or a record in a log, with all that it borrows. */
struct packet {
    struct message message;
    uint8_t to;
    struct fetch fetch;
    void *bytes; /* of the value, command, runs or ranges */
    struct packet *next;
};

struct member {
    struct node *node; /* NULL: down */
    void *memory;
    uint64_t process;
    struct packet *log;
    struct packet *log_last;
    uint64_t first_seq; /* records before this life */
    uint64_t written;   /* records in all */
    uint64_t durable;   /* of them */
    uint64_t told;      /* seq told durable in this life */
    bool slow;          /* its disk is: nothing becomes durable */
    int fatal;          /* exit status it asked for */
    unsigned notes[NODES_NOTES];
    unsigned reads; /* of the log */
    uint16_t gone;  /* indices: found closed, and not told yet */
    uint64_t steps;
    struct read_order order[MEMBERS_MAX];
    unsigned orders;
    struct replay_order replay[ROLES]; /* asked for, one of each role */
    bool replays[ROLES];
    bool keeps_log; /* REPLAY is not answered */
};

struct answer {
    uint64_t cookie;
    uint64_t seq;
    uint64_t slot;
    uint8_t op;
    uint8_t status;
    uint8_t by; /* index of the member that answered */
    uint8_t value[4096];
    uint32_t len;
};

struct session {
    struct session_id id;
    uint64_t seq;
};

struct nodes {
    uint8_t n;
    uint64_t now_ns;
    struct member m[MEMBERS_MAX];
    struct packet *first;
    struct packet *last;
    struct kit kit; /* kit.out: effects of the last step */
    struct answer *answers;
    unsigned answer_count;
    uint64_t cookie;
    uint64_t instance; /* of members started from now on: + index */
    bool (*loses)(const struct nodes *g, const struct packet *p);
    bool (*doubles)(const struct nodes *g, const struct packet *p);
    uint64_t test; /* for the use of loses */
    bool ports;    /* members started from now on have a liveness port */
    bool dry;      /* there is no memory for any state machine */
};

struct nodes *nodes_new(uint8_t n);
void nodes_free(struct nodes *g);

/* Start member i on the log that it has; 0, or what node_recover said. */
int nodes_start(struct nodes *g, uint8_t i);
void nodes_start_all(struct nodes *g);

/* End member i at once; what was not durable is lost. */
void nodes_kill(struct nodes *g, uint8_t i);

/* One step of member i, with its effects carried out. */
void nodes_step(struct nodes *g, uint8_t i, const struct event *ev);

/* A message arrives at member i; it is from a member and of an incarnation. */
void nodes_tell(struct nodes *g, uint8_t i, const struct message *m);

/* Let time pass. */
void nodes_run(struct nodes *g, uint64_t ns);

/* Until cond is true; fails the test when most_ns have passed. */
void nodes_until(struct nodes *g, bool (*cond)(struct nodes *g),
                 uint64_t most_ns);

/* Index of the one member that serves, or MEMBER_NONE. */
uint8_t nodes_leader(struct nodes *g);
bool nodes_are_led(struct nodes *g);

/* All that are up have executed the same, and are in the same state. */
bool nodes_agree(struct nodes *g);

struct node_status nodes_status(const struct nodes *g, uint8_t i);

/* A command of a client reaches member i; returns the cookie of the answer. */
uint64_t nodes_ask(struct nodes *g, uint8_t i, const struct command *c);

/* The answer, or NULL as long as there is none. */
const struct answer *nodes_answer(const struct nodes *g, uint64_t cookie);

/* Ask, and run until it is answered or most_ns have passed (then NULL). */
const struct answer *nodes_do(struct nodes *g, uint8_t i,
                              const struct command *c, uint64_t most_ns);

/* As a client does: the same again and again, until it is done. */
const struct answer *nodes_insist(struct nodes *g, uint8_t i,
                                  const struct command *c);

/* The usual commands; those that must succeed fail the test otherwise. */
void nodes_open(struct nodes *g, uint8_t i, struct session *s);
struct command put_of(struct session *s, const char *key, const char *value);
struct command get_of(const char *key);
void nodes_put(struct nodes *g, uint8_t i, struct session *s, const char *key,
               const char *value);
void nodes_get(struct nodes *g, uint8_t i, const char *key, const char *value);

/* ---- one member, index 0; the test plays the others ---- */

/* Member 0 of n, its incarnation durable. */
struct nodes *alone_new(uint8_t n);

/* All said yes to each other, and beat: member 0 may vote. */
void alone_admit(struct nodes *g);

/* A message of this type by a member, in its first life, as an answer to
 * the first life of member 0. */
struct message alone_from(uint8_t index, uint8_t type);

/* A heartbeat; round > 0: it claims to lead. */
void alone_beat(struct nodes *g, uint8_t index, uint64_t round,
                uint64_t chosen_upto);

/* The disk is done, and the turn over. */
void alone_sync(struct nodes *g);
void alone_flush(struct nodes *g);
void alone_tick(struct nodes *g, uint64_t ns);

/* It is nominated, and a candidate; one of its promises, of a member that knows
 * so far what was chosen. */
void alone_stand(struct nodes *g, uint64_t round);
void alone_promise(struct nodes *g, uint8_t index, uint64_t round,
                   uint64_t chosen_upto);

/* Member 0 leads at this round, its takeover no-op sent (not chosen). */
void alone_lead(struct nodes *g, uint64_t round);

/* Vote of a member for what member 0 proposed in slots first..last. */
void alone_vote(struct nodes *g, uint8_t index, uint64_t round, uint64_t first,
                uint64_t last);

/* ... and it serves: its takeover is chosen by it and those next to it. */
void alone_serve(struct nodes *g, uint64_t round);

/* What left since the last alone_forget; to TO_GROUP: to anybody. */
unsigned alone_sent(const struct nodes *g, uint8_t to, uint8_t type);
const struct message *alone_message(const struct nodes *g, uint8_t to,
                                    uint8_t type, unsigned nth);
void alone_forget(struct nodes *g);

/* Records of a type in the log, durable or not; the last of them. */
unsigned alone_records(const struct nodes *g, uint8_t type);
const struct message *alone_record(const struct nodes *g, uint8_t type);

#endif

/*
 * node.h - one member of the group: Paxos and the state machine together.
 *
 * A driver (the daemon, the simulator) gives events, and carries out effects
 * before the next step.  It owes the core:
 *
 *   1. Time never goes back; one thread, one step at a time.
 *   2. PERSISTs go to the log in the order of their seq.  EVENT_DURABLE{seq}
 *      says that all up to seq are durable.  Everything else leaves at once.
 *   3. EVENT_FLUSH at the end of each turn: batches are closed then.  It may
 *      be left out where node_has_flush says so.
 *   4. EVENT_TICK when now >= node_deadline_ns().  A deadline that is now
 *      again after the flush says that work was put off: another turn at once.
 *   5. READ is answered by EVENT_RECORD for each record (RECORD_ACCEPT or
 *      RECORD_CHOSEN) of the range that the log holds, in the order of the
 *      log, of those PERSISTed before it that are written; then
 *      EVENT_READ_DONE.  Nothing of what it gives needs to be complete.
 *   6. REPLAY is answered by EVENT_RECORD for every record, of any type, in
 *      the order of the log: all that is durable at that moment, from the first
 *      one of a slot >= first on, or from an earlier one; then EVENT_REPLAYED.
 *      Other steps may come in between.  A later REPLAY whose tag has the same
 *      lowest byte stands for one that is not finished.
 *   7. Messages may be lost, delayed, doubled, reordered.
 *
 * Life: node_init, node_recover for each record of the log in its order,
 * EVENT_START, then anything.
 */
#ifndef PAXOSKV_NODE_NODE_H
#define PAXOSKV_NODE_NODE_H

#include "base/arena.h"
#include "kv/kv.h"
#include "paxos/effects.h"

/* A pair of the largest size fits a page of a LIST. */
#define REPLY_BYTES_MIN 1216u
#define REPLY_BYTES_MAX 65536u

/* The parts of a node that can die alone (S1). */
enum role {
    ROLE_ACCEPTOR,
    ROLE_PROPOSER,
    ROLE_LEARNER,
    ROLES,
};

/* Outages by schedule (S4): each time is drawn between 0 and twice the mean. */
struct role_schedule {
    uint64_t mttf_ns; /* mean time to failure; 0: none */
    uint64_t mttr_ns; /* mean time to repair */
    uint64_t seed;    /* of the draws; mixed with member and role */
};

struct node_config {
    uint8_t n;                /* members, 1..MEMBERS_MAX */
    uint8_t self;             /* own index */
    uint8_t ids[MEMBERS_MAX]; /* ascending */
    uint8_t priority;         /* higher is preferred as leader, E3 */
    uint16_t liveness_port;   /* told to the others, 0: none (E2) */
    bool multicast;           /* a SEND to the group is one datagram (P25) */
    uint64_t instance;        /* drawn by --format, M2a */
    uint64_t process;         /* random nonce of this process */
    uint64_t seed;            /* of the jitter */
    uint64_t heartbeat_ns;
    uint64_t noop_interval_ns;
    uint64_t rto_min_ns;
    uint64_t rto_max_ns;
    uint32_t batch_bytes;   /* most bytes of commands in one value */
    uint32_t reply_bytes;   /* most bytes of the value of one reply */
    uint32_t window_slots;  /* most slots in flight, 1..1024 */
    uint32_t history_slots; /* kept in memory for members that lag, 1..8192 */
    uint32_t pool_order;    /* values live in 1 << order bytes */
    struct kv_limits limits;
    struct kv_allocator memory; /* for the state machine */
    struct role_schedule schedules[ROLES];
};

enum event_type {
    EVENT_START,     /* the log is recovered */
    EVENT_MESSAGE,   /* from a peer; decoded, checksums verified */
    EVENT_REQUEST,   /* one command of a client */
    EVENT_DURABLE,   /* seq */
    EVENT_RECORD,    /* an answer to READ or REPLAY: message, tag */
    EVENT_READ_DONE, /* tag */
    EVENT_REPLAYED,  /* tag */
    EVENT_TICK,
    EVENT_FLUSH,
    EVENT_FULL, /* seq: 1 the log is at its reserve, 2 at the last of it, which
                 * is for promises; 0 neither, any more (P14) */
    EVENT_STOP, /* resign: the process is about to end (E8) */
    EVENT_TRANSFER,  /* tag: index of the member that shall lead, or
                      * MEMBER_NONE; one for which node_may_transfer is true */
    EVENT_PEER_GONE, /* tag: index; its liveness port is closed (E2) */
    EVENT_ROLE,      /* order: a role dies, or gets a schedule (S4) */
};

struct role_order {
    uint8_t role; /* enum role */
    bool kill;    /* a crash, at once; else: the schedule from now on */
    struct role_schedule schedule;
};

struct request {
    struct address client;
    uint64_t cookie;
    struct bytes command; /* one command, checked by command_decode */
};

struct event {
    enum event_type type;
    uint64_t now_ns;                /* monotonic, and > 0 */
    uint64_t seq;                   /* DURABLE, FULL */
    uint64_t tag;                   /* RECORD, READ_DONE, TRANSFER, PEER_GONE,
                                    * REPLAYED */
    const struct message *message;  /* MESSAGE, RECORD */
    const struct request *request;  /* REQUEST */
    const struct role_order *order; /* ROLE */
};

struct node;

/* Bytes of arena that node_init takes. */
size_t node_size(const struct node_config *cfg);

/* Returns the node, or NULL if mem or cfg->memory is too small. */
struct node *node_init(const struct node_config *cfg, struct arena *mem);

/* Give back what came from cfg->memory. */
void node_destroy(struct node *n);

/*
 * Take in one record of the log.  Returns 0, -EBADMSG if the records do not
 * fit together (corruption: 74), -ENOMEM (71), or -EKEYREJECTED: the
 * directory was refused by the group and never starts again (77).
 */
int node_recover(struct node *n, const struct message *record);

/* out->list must have room for EFFECTS_MAX; the step sets out->count. */
void node_step(struct node *n, const struct event *ev, struct effects *out);

/*
 * Why EVENT_TRANSFER to this member (an index, or MEMBER_NONE: whoever is the
 * best) would not be obeyed, or NULL; then *to is who would be nominated.
 */
const char *node_transfer_refusal(const struct node *n, uint8_t wanted,
                                  uint8_t *to);

/* Bitmap of members that do not hear the multicast of this node: a SEND to the
 * group goes to each of them by unicast as well (P25). */
uint16_t node_unicast(const struct node *n);

/* Behind EVENT_STOP: nothing is left to be handed over. */
bool node_may_stop(const struct node *n);

/* When the next EVENT_TICK is due. */
uint64_t node_deadline_ns(const struct node *n);

/* Would EVENT_FLUSH do anything?  Most turns leave nothing behind for it. */
bool node_has_flush(const struct node *n, uint64_t now_ns);

/*
 * The flight recorder: a node at rest between two steps is the bytes of these
 * pieces, which lie in its node_size bytes from n on, ascending; all else
 * there reads as zeros or does not matter.  At the very same address they are
 * the node again, but for its state machine, which is outside.
 */
#define NODE_SPANS_MAX 64u

struct node_span {
    const uint8_t *at;
    size_t len;
};

/* Returns how many pieces there are. */
uint32_t node_image(const struct node *n,
                    struct node_span spans[NODE_SPANS_MAX]);

/* A node put together from pieces takes over the state machine of donor, which
 * has executed as many slots, and donor is not stepped any more. */
void node_adopt(struct node *n, struct node *donor);

/* Counters that the core keeps; the driver adds its own (wire/status.h). */
struct node_counters {
    uint64_t requests;
    uint64_t replies;
    uint64_t busy;
    uint64_t proposed;
    uint64_t executed_commands;
    uint64_t reads;
    uint64_t resent;
    uint64_t fetched;
    uint64_t elections;
    uint64_t preemptions;
    uint64_t noops;
    uint64_t forwarded;
    uint64_t drop_sender; /* not said yes to, not a member */
    uint64_t drop_stale;  /* answers to an older asker, old incarnations */
    uint64_t drop_pool;   /* pools were dry */
    uint64_t drop_malformed;
};

enum node_role {
    NODE_FOLLOWER = 0,
    NODE_CANDIDATE = 1,
    NODE_LEADER = 2,
    NODE_PROVISIONAL = 3, /* knows no leader */
};

struct role_status {
    bool up;
    bool scheduled;      /* this outage is one by schedule */
    uint64_t since_ns;   /* up or down since */
    uint64_t restarts;   /* times that it was rebuilt */
    uint64_t restart_ns; /* down: when its rebuilding begins; 0: it has */
    struct role_schedule schedule;
};

#define NODE_REASON_MAX 96u /* bytes of text, with its end */

struct node_status {
    enum node_role role;
    bool admitted;
    bool serving;         /* leads, and its takeover no-op is executed */
    bool confirmed;       /* leads, and a majority is heard both ways */
    uint8_t leader;       /* id, 0: none known */
    uint16_t heard;       /* bitmap of indices heard lately, itself included */
    struct ballot ballot; /* of the leader followed, or the own */
    struct ballot promised;
    uint64_t incarnation;
    uint64_t chosen;
    uint64_t executed;
    uint64_t state_hash;
    uint64_t keys;
    uint64_t kv_memory_bytes;
    uint64_t pool_bytes;
    uint32_t sessions;
    const char *reason;                /* why there is no leader, or NULL */
    char reason_text[NODE_REASON_MAX]; /* what reason points to */
    uint16_t links;                    /* bitmap: good links (E1) */
    uint16_t unicast; /* bitmap: served by unicast copies (P25) */
    uint8_t priority;
    bool draining;        /* about to stop */
    uint64_t disk_age_ns; /* of the oldest record not durable; 0: none */
    uint64_t noops_in_time;
    uint64_t noop_p50_ns; /* of the last ones; 0: there were none */
    uint64_t noop_max_ns;
    struct role_status roles[ROLES];
    struct node_counters counters;
};

void node_status(const struct node *n, struct node_status *s);

/* Two of these, for who asks often. */
enum node_role node_role(const struct node *n);
uint64_t node_pool_bytes(const struct node *n);

/* Id of the leader followed, 0: none. */
uint8_t node_leader(const struct node *n);

/* The own incarnation, for the heads of datagrams; 0 before EVENT_START. */
uint64_t node_incarnation(const struct node *n);

/* The state machine, for checks in tests and the simulator. */
const struct kv *node_kv(const struct node *n);

#endif

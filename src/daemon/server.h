/*
 * server.h - the driver: one member of the group, its sockets and its log.
 *
 * One turn: sleep until something is there; read the clock once; step the core
 * with every completion; tell it what became durable and what was read back;
 * tick; flush.  intake.c makes events of datagrams, perform.c carries out
 * effects, start.c brings all of it up, report.c tells people.
 */
#ifndef PAXOSKV_DAEMON_SERVER_H
#define PAXOSKV_DAEMON_SERVER_H

#include "daemon/admin.h"
#include "daemon/datadir.h"
#include "daemon/disk.h"
#include "daemon/edge.h"
#include "daemon/failure.h"
#include "daemon/faults.h"
#include "daemon/log.h"
#include "daemon/members.h"
#include "daemon/notify.h"
#include "daemon/outbox.h"
#include "daemon/recorder.h"
#include "io/liveness.h"
#include "io/udp.h"
#include "node/node.h"
#include "wire/parts.h"
#include "wire/status.h"

/* What goes wrong again and again, and is told once per episode. */
enum server_episode {
    EPISODE_FOREIGN,  /* datagrams of another cluster or configuration */
    EPISODE_STRANGER, /* datagrams under an id that is not the sender's */
    EPISODE_DAMAGED,  /* checksum, lengths */
    EPISODE_BEHIND,   /* the disk is slower than the load */
    EPISODE_SOCKET,   /* full socket buffers */
    EPISODE_SEND,     /* sends that failed, or found no buffer */
    EPISODE_COUNT,
};

struct server {
    const struct config *config;
    struct members members;
    struct datadir datadir;
    struct udp udp;
    struct liveness liveness;
    uint16_t liveness_port;       /* the own one, 0: none */
    uint16_t probed[MEMBERS_MAX]; /* port last asked, by index */
    struct loop *loop;
    struct wal *wal;
    uint32_t member_socket; /* numbers of the loop */
    uint32_t group_socket;  /* the same as member_socket if there is none */
    uint32_t mtu;

    void *memory; /* one mapping: the core, parts, effects */
    size_t memory_size;
    uint64_t kv_bytes; /* taken by the state machine */
    struct node *node;
    struct parts parts;
    struct effects effects;
    struct peer_scratch scratch;

    struct edge edge;
    struct outbox outbox;
    struct faults faults;
    struct disk disk;
    struct notify notify;
    struct admin admin;
    struct recorder recorder;

    uint64_t cluster; /* hash that travels */
    uint64_t process; /* nonce of this process */
    uint64_t now_ns;  /* of this turn */
    uint64_t started_ns;
    uint64_t stop_by_ns;   /* asked to stop: no later than this; 0: not asked */
    uint64_t told_durable; /* seq of the last EVENT_DURABLE */
    uint64_t told_ns;      /* last look at the episodes */
    uint8_t told_full;
    bool ended; /* the next turn is not begun; failure says why */
    struct failure failure;

    uint64_t counters[COUNTER_COUNT]; /* the driver's own */
    struct log_episode episodes[EPISODE_COUNT];
    struct loop_counters told_loop; /* as of the last look */
    uint64_t told_damaged;
};

/*
 * Serve until a signal or a failure ends it.  Returns the exit status; if it
 * is not EXIT_STOPPED, s->failure says why.
 */
int server_run(struct server *s);

/* Step the core at the time of this turn, and carry out its effects. */
void server_step(struct server *s, struct event *ev);

/* The same with a message, of which these are the bytes that came. */
void server_step_message(struct server *s, struct event *ev,
                         struct bytes bytes);

/* Write down the last events, and say in the log where. */
void server_write_flight(struct server *s, const char *why);

/* End now, with this exit status; the first reason given counts. */
void server_end(struct server *s, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

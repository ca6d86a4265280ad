/*
 * status.h - what one member says of itself to `paxoskv status`.
 *
 * Body of a STATUS datagram behind cookie and token: the fields of struct
 * status in order, little-endian, each list preceded by its count (u8),
 * addresses as text preceded by a length (u8).  It fits 1,200 bytes.
 */
#ifndef PAXOSKV_WIRE_STATUS_H
#define PAXOSKV_WIRE_STATUS_H

#include "base/reader.h"
#include "base/writer.h"

#define STATUS_MEMBERS_MAX 9u
#define STATUS_ADDR_MAX    56u /* text, with its end: [v6]:port */
#define STATUS_NAME_MAX    64u /* text, with its end */
#define STATUS_REASON_MAX  96u /* text, with its end */

/* Counters, in the order of the wire; names by status_counter_name. */
enum status_counter {
    COUNTER_DATAGRAMS_IN,
    COUNTER_DATAGRAMS_OUT,
    COUNTER_REQUESTS,
    COUNTER_REPLIES,
    COUNTER_BUSY,
    COUNTER_PROPOSED,
    COUNTER_EXECUTED_COMMANDS,
    COUNTER_READS,
    COUNTER_RESENT,
    COUNTER_FETCHED,
    COUNTER_ELECTIONS,
    COUNTER_PREEMPTIONS,
    COUNTER_NOOPS,
    COUNTER_FORWARDED,
    COUNTER_LOG_WRITES,
    COUNTER_LOG_BYTES,
    COUNTER_DROP_SHORT,
    COUNTER_DROP_MAGIC,
    COUNTER_DROP_VERSION,
    COUNTER_DROP_KIND,
    COUNTER_DROP_CHECKSUM,
    COUNTER_DROP_HEAD,
    COUNTER_DROP_CLUSTER,
    COUNTER_DROP_SENDER,
    COUNTER_DROP_MALFORMED,
    COUNTER_DROP_STALE,
    COUNTER_DROP_POOL,
    COUNTER_DROP_TOKEN,
    COUNTER_DROP_SOCKET, /* SO_RXQ_OVFL */
    COUNTER_SEND_FAILED,
    COUNTER_COUNT,
};

enum status_role {
    ROLE_FOLLOWER = 0,
    ROLE_CANDIDATE = 1,
    ROLE_LEADER = 2,
    ROLE_PROVISIONAL = 3,
};

#define STATUS_HEARD   1u /* heard lately by the answering member */
#define STATUS_LINK    2u /* and both ways, to the other's knowledge (E1) */
#define STATUS_UNICAST 4u /* served by unicast copies of multicasts (P25) */

struct status_member {
    uint8_t id;
    uint8_t ways;               /* STATUS_HEARD and its like */
    char addr[STATUS_ADDR_MAX]; /* host:port as in the ini, resolved */
};

#define STATUS_ROLES_MAX 3u /* acceptor, proposer, learner */

/* All times in milliseconds; what is longer is cut to the largest number. */
struct status_of_role {
    uint8_t up;
    uint32_t for_ms;     /* up or down for so long */
    uint32_t restarts;   /* times that it was rebuilt */
    uint32_t restart_ms; /* down: its rebuilding begins after so long */
    uint32_t mttf_ms;    /* mean time to failure, 0: no schedule (S4) */
    uint32_t mttr_ms;
};

struct status {
    char cluster[STATUS_NAME_MAX];
    char group[STATUS_ADDR_MAX];
    char reason[STATUS_REASON_MAX]; /* why there is no leader; "" if one is */
    uint8_t id;
    uint8_t role;      /* enum status_role */
    uint8_t leader;    /* id, 0: none known */
    uint8_t confirmed; /* 1: it serves as leader, and a majority hears it */
    uint8_t sync;      /* 1: always */
    uint8_t io_ring;   /* 1: io_uring, 0: epoll */
    uint64_t ballot_round;
    uint8_t ballot_node;
    uint64_t promised_round;
    uint8_t promised_node;
    uint64_t chosen;
    uint64_t executed;
    uint64_t state_hash;
    uint64_t keys;
    uint64_t log_bytes;
    uint64_t memory_bytes;
    uint64_t uptime_s;
    uint64_t wall_us; /* its wall clock, since 1970; no decision needs it */
    uint32_t mtu;
    uint8_t priority;
    uint8_t draining;       /* 1: it is about to stop */
    uint64_t disk_age_us;   /* of the oldest record not durable; 0: none */
    uint64_t noops_in_time; /* of the counter noops, E11 */
    uint64_t noop_p50_us;   /* of the last ones; 0: there were none */
    uint64_t noop_max_us;
    uint8_t member_count;
    struct status_member members[STATUS_MEMBERS_MAX];
    uint8_t counter_count;
    uint64_t counters[COUNTER_COUNT];
    uint8_t role_count;
    struct status_of_role roles[STATUS_ROLES_MAX];
    uint8_t drop_pct; /* faults in force */
    uint32_t delay_ms;
};

void status_encode(const struct status *s, struct writer *w);

/* Returns 0, or -EBADMSG.  More counters than known are skipped. */
int status_decode(struct status *s, struct reader *r);

/* snake_case name of a counter, as in the JSON; NULL beyond the last. */
const char *status_counter_name(unsigned counter);

#endif

/*
 * plan.h - what one world is like: all of it is drawn from the seed (swarm
 * testing, Groce et al. 2012), so that each seed has faults of its own.
 */
#ifndef PAXOSKV_SIM_PLAN_H
#define PAXOSKV_SIM_PLAN_H

#include "node/node.h"
#include "sim/disk.h"
#include "sim/network.h"

#define PLAN_CLIENTS_MAX 64u
#define PLAN_KEYS_MAX    16u
#define PLAN_HISTORY     1024u /* slots kept, fewer than some worlds have */
#define PLAN_WIDE_MAX    130u  /* keys in a world with many */
#define PLAN_VAST_MAX    4000u /* and in a rare one with very many */

enum fault_type {
    FAULT_CRASH,     /* a machine dies */
    FAULT_INSIDE,    /* it dies between two effects of a step */
    FAULT_CRASH_ALL, /* all die at once */
    FAULT_LEAVE,     /* one is told to stop, and ends */
    FAULT_PAUSE,     /* one sleeps, then gets all that came meanwhile */
    FAULT_SLOW,      /* its turns take long for a while */
    FAULT_JUMP,      /* its clock jumps ahead */
    FAULT_POOL,      /* it dies, and its next life has little memory */
    FAULT_PARTITION,
    FAULT_FORGET,   /* a client loses its memory */
    FAULT_FULL,     /* a disk is at its reserve for a while */
    FAULT_LAG,      /* a disk is slow for a while */
    FAULT_ROT,      /* a bit of a closed part of a log is flipped */
    FAULT_USURP,    /* another one leads while the leader does not know */
    FAULT_ROLE,     /* roles of one die, alone or together */
    FAULT_TRANSFER, /* the leader is asked to hand over */
    FAULT_RENEW,    /* memory is spoilt but for its image: renew.h */
    FAULT_TIMED,    /* those before come at times of their own: fault_plan */

    /* These come with what is done, by chance; here they are only counted. */
    FAULT_LOST = FAULT_TIMED, /* copies of datagrams */
    FAULT_GROUP_LOST,         /* multicasts, for all */
    FAULT_DOUBLED,
    FAULT_LATE,
    FAULT_FLIPPED,
    FAULT_FOREIGN, /* datagrams of another cluster */
    FAULT_CUT_OFF,
    FAULT_TOO_LONG,
    FAULT_ECHO,      /* old answers to a leader that is usurped */
    FAULT_SIEGE,     /* a leader that dies for good, at the end */
    FAULT_DRY,       /* no room in a pool */
    FAULT_STALL,     /* of a write */
    FAULT_ERROR,     /* of a write: the process ends with 74 */
    FAULT_TORN,      /* writes, at a crash */
    FAULT_DAMAGE,    /* found in a log: it is not used any more */
    FAULT_CUT_FIRST, /* and of the partitions those of each type */
    FAULT_TYPES = FAULT_CUT_FIRST + PARTITION_TYPES,
};

/* How often a fault comes, on average (0: never), and how long it may last. */
struct fault_plan {
    uint64_t every_ns;
    uint64_t lasts_ns;
};

struct client_plan {
    uint8_t count;
    uint8_t pipeline;     /* operations in flight of one client */
    uint8_t library;      /* parts of 100 are the library's own session */
    uint16_t keys;        /* few, so that they conflict; mostly */
    bool wide;            /* many: the store grows, and then shrinks */
    bool vast;            /* so many that the tree of the store is high */
    uint8_t reads;        /* parts of 100 */
    uint16_t value_max;   /* bytes of a value */
    uint32_t ops;         /* of all clients together */
    uint64_t think_ns;    /* between operations, at most */
    uint64_t retry_ns;    /* first wait for an answer, doubled */
    uint64_t patience_ns; /* then a write is fenced, a read given up */
    uint64_t fence_ns;    /* then the outcome is unknown */
};

/* What the members are told; the same for all of them. */
struct member_plan {
    uint64_t heartbeat_ns;
    uint64_t noop_interval_ns;
    uint64_t rto_min_ns;
    uint64_t rto_max_ns;
    uint64_t turn_ns; /* from the first input to the flush, at most */
    uint32_t batch_bytes;
    uint32_t window_slots;
    uint32_t pool_order;
    struct role_schedule roles[ROLES]; /* outages, in all of them */
    uint32_t small_pool_order;         /* too small for what is in flight */
    uint32_t drift_ppm;                /* clocks go wrong by up to so much */
    struct kv_limits limits;
};

struct plan {
    uint64_t seed;
    bool is_long;  /* one member is away for more slots than others keep */
    bool scripted; /* nothing comes of its own accord, not even a start */
    uint8_t siege; /* enum siege_kind, when the faults have ended */
    bool rollback; /* at the end a log is set back: it must be refused (M2) */
    uint8_t nodes;
    uint64_t faults_ns; /* when the faults end */
    uint64_t leader_ns; /* then a leader serves after that time, at most */
    uint64_t bound_ns;  /* and all is done and alike after that */
    struct network_plan network;
    struct disk_plan disk;
    struct client_plan clients;
    struct member_plan members;
    struct fault_plan faults[FAULT_TYPES]; /* of FAULT_TIMED of them */
};

/* What the user wants instead of what is drawn; 0: as drawn. */
struct plan_wish {
    uint32_t nodes;
    uint32_t clients;
    uint32_t ops;
    uint32_t until_ms; /* when the faults end */
    uint64_t off;      /* aspects (aspect.h) that it shall not have */
};

void plan_draw(struct plan *p, uint64_t seed, const struct plan_wish *wish);

const char *fault_name(enum fault_type type);

#endif

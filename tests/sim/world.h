/*
 * world.h - N members, their network, disks and clients, under one clock.
 *
 * The second driver of the core, after daemon/server.c: it steps real nodes as
 * node.h says.  All that happens comes from the plan, and all chance in it
 * from the seed: the same plan gives the same run, byte for byte.
 */
#ifndef PAXOSKV_SIM_WORLD_H
#define PAXOSKV_SIM_WORLD_H

#include "sim/checker.h"
#include "sim/client.h"
#include "sim/machine.h"
#include "sim/manners.h"
#include "sim/network.h"
#include "sim/opinion.h"
#include "sim/plan.h"
#include "sim/queue.h"
#include "sim/siege.h"
#include "sim/trace.h"
#include "sim/usurp.h"

/* What a run was like. */
struct world_result {
    bool ok;
    char check[32]; /* which one failed */
    char text[CHECKER_TEXT_MAX];
    uint64_t digest; /* of all effects */
    uint64_t steps;
    uint64_t virtual_ns;
    uint64_t faults[FAULT_TYPES]; /* injected */
    uint64_t lost;                /* datagrams; cut off ones count apart */
    uint64_t cut_off;
    uint64_t doubled;
    uint64_t late;
    uint64_t records_lost;
    uint64_t answers;   /* judged */
    uint64_t ended;     /* operations with a known outcome */
    uint64_t unknown;   /* and without */
    uint64_t given_up;  /* reads */
    uint64_t keys;      /* whose history was judged without the slots */
    uint64_t keys_open; /* and of which nothing is known: too much at once */
    uint64_t slots;
    uint64_t led_ns;  /* from the end of the faults until a leader served */
    uint64_t rest_ns; /* and until all was done and alike */
};

struct world {
    const struct plan *plan;
    struct prng random;
    struct prng fault_random[FAULT_TIMED]; /* what one draws is nothing to the
                                              others */
    uint64_t now_ns;
    struct queue queue;
    struct network network;
    struct usurp usurp;
    struct siege siege;
    struct machine machines[MEMBERS_MAX];
    struct client clients[PLAN_CLIENTS_MAX];
    struct checker checker;
    struct manners manners;
    struct opinion opinion;
    struct trace *trace;
    struct effects effects; /* of the step that is carried out */
    uint64_t digest;
    uint64_t steps;
    uint64_t jumps_ns; /* of all clocks, together */
    uint64_t calm_ns;  /* when the faults ended, or NEVER_NS */
    uint8_t away;      /* machine that stays down until all is asked, or n */
    uint64_t led_ns;   /* when somebody served then */
    struct machine *rolled; /* the one whose disk was set back, or NULL */
    uint64_t rolled_ns;     /* when; before: when all was at rest */
    bool led;               /* somebody served since */
    bool done;
    uint64_t faults[FAULT_TYPES];
};

/* Memory for one world after the other. */
struct world *world_new(void);
void world_free(struct world *w);

/* Add what is counted in r to *sum; of the times, the longest stays. */
void world_result_add(struct world_result *sum, const struct world_result *r);

/* Live through one plan. trace: NULL for none. */
void world_run(struct world *w, const struct plan *plan, struct trace *trace,
               struct world_result *result);

/* The same in pieces: begin, then what is due next, as long as there is
 * something and no check has failed, and end. */
void world_begin(struct world *w, const struct plan *plan, struct trace *trace);
bool world_next(struct world *w);
uint64_t world_next_ns(const struct world *w); /* when; NEVER_NS: never */
void world_end(struct world *w, struct world_result *result);

/* ---- for the things in the world ----------------------------------------- */

/* Put a datagram on the network, to arrive as it may. */
void world_send(struct world *w, uint8_t from, uint8_t to, bool multicast,
                struct due due);

/* The run failed. */
#define world_fail(w, ...) checker_fail(&(w)->checker, __VA_ARGS__)

static inline bool world_is_calm(const struct world *w)
{
    return w->now_ns >= w->calm_ns;
}

/* Mix into the digest of the run: bytes, or the sum of so many. */
void world_digest(struct world *w, const void *bytes, size_t len);
void world_digest_sum(struct world *w, uint32_t sum, size_t len);

#endif

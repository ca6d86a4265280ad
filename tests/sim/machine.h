/*
 * machine.h - one member: a node, its log, its clock, its life and death.
 */
#ifndef PAXOSKV_SIM_MACHINE_H
#define PAXOSKV_SIM_MACHINE_H

#include "node/node.h"
#include "sim/checker.h"
#include "sim/disk.h"
#include "sim/plan.h"
#include "sim/queue.h"
#include "wire/parts.h"

struct world;

enum machine_state { MACHINE_DOWN, MACHINE_UP, MACHINE_PAUSED };

/* The receive buffer of a socket that nobody reads. */
#define MACHINE_INBOX_MAX 500u

struct machine {
    uint8_t self;
    enum machine_state state;
    struct node *node; /* NULL while down */
    struct node_config config;
    uint8_t *memory;
    size_t memory_size;
    struct disk disk;
    struct prng random;      /* of this life */
    struct prng turn_random; /* and how long its turns are */
    uint32_t life;
    struct parts parts; /* of messages that are coming in */
    uint64_t counter;   /* of messages sent in this life */
    uint64_t answers;   /* and of datagrams to clients */
    uint64_t clock_ns;  /* its clock stood so when the world began */
    int64_t drift_ppm;
    uint64_t tick_ns; /* when the next tick is pushed for, or NEVER_NS */
    bool flush_is_due;
    uint32_t effects_left; /* it dies behind so many; 0: it does not */
    uint64_t down_ns;      /* and stays down for so long */
    bool admitted;         /* it was once, for good (M2) */
    bool rotten;           /* bits of its log were flipped, */
    bool broken;           /* and that was found: it never starts again */
    bool ends;             /* by itself: the process is restarted (69) */
    bool rolled_back;      /* its disk is an old copy */
    bool refused;      /* and the group has said so: it does not come back */
    uint32_t restless; /* ticks without a deadline in the future */
    uint64_t executed;
    uint64_t taken;    /* memory of its state machine */
    uint64_t dry;      /* what pools of earlier lives had no room for */
    uint64_t pauses;   /* so far: DUE_RESUME has the number of one */
    uint64_t slow_ns;  /* how long a turn takes at most, 0: no time */
    struct due *inbox; /* while paused */
    uint32_t inbox_count;
    uint32_t inbox_size;
};

/* A machine without a past, down. */
void machine_init(struct world *w, uint8_t self, const uint8_t *ids);
void machine_clear(struct machine *m);

/* What it has in use; nothing while it is down. */
struct member_memory machine_held(const struct machine *m);

/* A new process on it, with what the disk holds. */
void machine_start(struct world *w, struct machine *m);

/* The process is gone, and what was not durable; later it starts again. */
void machine_crash(struct world *w, struct machine *m, uint64_t down_ns);

/* An old copy of its disk comes back; false if that loses no vote. */
bool machine_roll_back(struct world *w, struct machine *m);

/* What its pools had no room for, so far. */
uint64_t machine_dry(const struct machine *m);

/* It does nothing for so long, then gets all that came meanwhile. */
void machine_pause(struct world *w, struct machine *m, uint64_t lasts_ns);
void machine_resume(struct world *w, struct machine *m);

/* Its clock jumps ahead.  (No other clock is told to a node.) */
void machine_jump(struct world *w, struct machine *m, uint64_t by_ns);

/* Its life with a small pool is over. */
void machine_widen(struct world *w, struct machine *m);

/* Each of its turns takes up to so long from now on; 0: none does. */
void machine_slow(struct world *w, struct machine *m, uint64_t turn_ns);

/* Its disk is at its reserve, or not any more. */
void machine_fill(struct world *w, struct machine *m, bool full);

/* Its memory is lost but for the image of its node: nothing changes. */
void machine_renew(struct world *w, struct machine *m);

/* It is told to hand over, to a member or (itself) to whoever is best. */
void machine_transfer(struct world *w, struct machine *m, uint8_t to);

/* It is told to stop. */
void machine_leave(struct world *w, struct machine *m);

/* Roles of it die: a set of bits 1 << enum role. */
void machine_kill_roles(struct world *w, struct machine *m, uint32_t set);

/* No role fails by schedule any more. */
void machine_calm_roles(struct world *w, struct machine *m);

/* Something due at this machine: MESSAGE, REQUEST, TICK, FLUSH, WRITTEN, READ,
 * REPLAY.
 * The reference to its packet is the machine's now. */
void machine_on_due(struct world *w, struct machine *m, struct due d);

/* ---- for the parts of the machine ---------------------------------------- */

#define PORT_FIRST 1000u /* that of client 0 */

/* What its clock shows. */
uint64_t machine_now_ns(const struct world *w, const struct machine *m);

/* Step its node at this moment, and carry out what that asks for. */
void machine_step(struct world *w, struct machine *m, struct event *ev);

/* Where turns take no time, what was stepped just now was all of it. */
void machine_end_turn(struct world *w, struct machine *m);

/* Begin to read the log for a role, and go on with it. */
void machine_replay(struct world *w, struct machine *m,
                    const struct replay_order *order);
void machine_on_replay(struct world *w, struct machine *m, const struct due *d);

/* Carry out one effect of the step just made. */
void machine_carry_out(struct world *w, struct machine *m,
                       const struct effect *e);

/* Step the node; what it asks for is carried out. */
void machine_step(struct world *w, struct machine *m, struct event *ev);

/* Send a message to another member, or to the group, as datagrams; and take
 * one in. */
void machine_send(struct world *w, struct machine *m, const struct effect *e);
void machine_on_datagram(struct world *w, struct machine *m,
                         const struct due *d);

/* Take in what a client sends; and answer one that is the library. */
void machine_on_request(struct world *w, struct machine *m,
                        const struct due *d);
void machine_answer_client(struct world *w, struct machine *m, uint8_t client,
                           const struct reply *r);

/* Open a datagram; what was damaged must be found out, and nothing else be
 * refused. */
bool machine_open(struct world *w, struct machine *m, const struct packet *p,
                  struct datagram_head *h);

/* All members of a world belong to one cluster. */
uint64_t machine_cluster(const struct world *w);

/* Where clients find machine i. */
static inline struct address machine_address(uint8_t i)
{
    return (struct address){ .family = 4,
                             .port = 7401,
                             .ip = { 10, 0, 0, (uint8_t)(i + 1) } };
}

static inline uint8_t machine_of_address(const struct address *a)
{
    return (uint8_t)(a->ip[3] - 1);
}

#endif

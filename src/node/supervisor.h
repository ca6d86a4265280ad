/*
 * supervisor.h - which role is up, and when a dead one is rebuilt (S2, S4).
 *
 * A crash is followed by a wait that doubles with each further one, jittered
 * and capped; a role that crashes too often ends the process.  An outage by
 * schedule is repaired after its drawn time, and counts for neither.  All
 * chance comes from the seeds: the same events give the same deaths.
 *
 * What dying and rebuilding mean for each role is in roles.c.
 */
#ifndef PAXOSKV_NODE_SUPERVISOR_H
#define PAXOSKV_NODE_SUPERVISOR_H

#include "base/prng.h"
#include "base/units.h"
#include "node/node.h"

#define SUPERVISOR_CRASHES_MAX 5u /* of one role in SUPERVISOR_CRASHES_NS */
#define SUPERVISOR_CRASHES_NS  (10 * NS_PER_S)
#define SUPERVISOR_BACKOFF_NS  (10 * NS_PER_MS) /* the first one */
#define SUPERVISOR_BACKOFF_MAX (1 * NS_PER_S)

enum role_state {
    ROLE_UP = 0,
    ROLE_DOWN,       /* dead, and nothing is done about it yet */
    ROLE_REBUILDING, /* it answers nothing, still */
};

struct supervised {
    enum role_state state;
    bool scheduled; /* the present outage */
    uint64_t epoch; /* deaths so far: what an earlier one asked for is void */
    uint64_t since_ns; /* up or down since */
    uint64_t due_ns;   /* UP: it fails by schedule; DOWN: it is rebuilt */
    uint64_t restarts;
    uint64_t crashes_ns[SUPERVISOR_CRASHES_MAX]; /* a ring of the last ones */
    uint32_t crashes;
    uint32_t backoff; /* crashes without a quiet time in between */
    struct role_schedule schedule;
    struct prng prng; /* of the schedule */
};

struct supervisor {
    struct prng prng; /* of the back-off */
    uint8_t id;       /* of the member: the same seed, other draws */
    struct supervised roles[ROLES];
};

void supervisor_init(struct supervisor *s, uint64_t seed, uint8_t id);

/* The schedule of a role from now on; mttf 0 ends it. */
void supervisor_schedule(struct supervisor *s, enum role role,
                         const struct role_schedule *schedule, uint64_t now_ns);

/*
 * The role is dead, by schedule or by itself.  Returns false if that was one
 * crash too many: the process ends (69).
 */
bool supervisor_on_death(struct supervisor *s, enum role role, bool scheduled,
                         uint64_t now_ns);

/* Its rebuilding begins. */
void supervisor_on_rebuild(struct supervisor *s, enum role role);

/* It is up again. */
void supervisor_on_return(struct supervisor *s, enum role role,
                          uint64_t now_ns);

static inline bool supervisor_is_up(const struct supervisor *s, enum role role)
{
    return s->roles[role].state == ROLE_UP;
}

/* True if the role fails now by schedule, or its rebuilding is due. */
static inline bool supervisor_is_due(const struct supervisor *s, enum role role,
                                     uint64_t now_ns)
{
    return now_ns >= s->roles[role].due_ns;
}

/* When something is due next. */
uint64_t supervisor_deadline_ns(const struct supervisor *s);

void supervisor_status(const struct supervisor *s, enum role role,
                       struct role_status *status);

#endif

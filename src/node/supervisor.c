/* supervisor.c - see supervisor.h */
#include "node/supervisor.h"

#include "base/assert.h"

#define BACKOFF_SHIFT_MAX 16u

static const struct supervised *supervised_of(const struct supervisor *s,
                                              enum role role)
{
    ASSERT(role < ROLES);
    return &s->roles[role];
}

void supervisor_init(struct supervisor *s, uint64_t seed, uint8_t id)
{
    *s = (struct supervisor){ .id = id };
    prng_init(&s->prng, seed);
    for (unsigned i = 0; i < ROLES; i++) s->roles[i].due_ns = NEVER_NS;
}

/* A time whose mean is this, drawn from the schedule's seed. */
static uint64_t supervisor_draw_ns(struct supervised *r, uint64_t mean_ns)
{
    return prng_range(&r->prng, 1, 2 * max_u64(mean_ns, 1));
}

static void supervisor_plan_outage(struct supervised *r, uint64_t now_ns)
{
    ASSERT(r->state == ROLE_UP);

    r->due_ns = NEVER_NS;
    if (r->schedule.mttf_ns == 0) return;
    r->due_ns = now_ns + supervisor_draw_ns(r, r->schedule.mttf_ns);
}

void supervisor_schedule(struct supervisor *s, enum role role,
                         const struct role_schedule *schedule, uint64_t now_ns)
{
    struct supervised *r = &s->roles[role];

    ASSERT(role < ROLES);

    r->schedule = *schedule;
    prng_init(&r->prng, (schedule->seed * 256 + s->id) * ROLES + role);
    if (r->state == ROLE_UP) supervisor_plan_outage(r, now_ns);
}

/* Too many: the last SUPERVISOR_CRASHES_MAX and this one are close together. */
static bool supervisor_count_crash(struct supervised *r, uint64_t now_ns)
{
    uint64_t *oldest = &r->crashes_ns[r->crashes % SUPERVISOR_CRASHES_MAX];
    const bool too_many = r->crashes >= SUPERVISOR_CRASHES_MAX &&
                          now_ns - *oldest < SUPERVISOR_CRASHES_NS;

    *oldest = now_ns;
    r->crashes++;
    return !too_many;
}

/* Doubled with each crash that follows another, capped, and +-50 %. */
static uint64_t supervisor_backoff_ns(struct supervisor *s,
                                      struct supervised *r, uint64_t up_ns)
{
    uint64_t wait_ns;

    if (up_ns >= SUPERVISOR_CRASHES_NS) r->backoff = 0;
    wait_ns = min_u64(SUPERVISOR_BACKOFF_NS << r->backoff,
                      SUPERVISOR_BACKOFF_MAX);
    if (r->backoff < BACKOFF_SHIFT_MAX) r->backoff++;
    return wait_ns / 2 + prng_below(&s->prng, wait_ns);
}

bool supervisor_on_death(struct supervisor *s, enum role role, bool scheduled,
                         uint64_t now_ns)
{
    struct supervised *r = &s->roles[role];
    const uint64_t up_ns = r->state == ROLE_UP ? now_ns - r->since_ns : 0;

    ASSERT(role < ROLES);
    ASSERT(r->state != ROLE_DOWN);

    r->epoch++;
    if (r->state == ROLE_UP) r->since_ns = now_ns;
    r->state = ROLE_DOWN;
    r->scheduled = scheduled;
    if (scheduled) {
        r->due_ns = now_ns + supervisor_draw_ns(r, r->schedule.mttr_ns);
        return true;
    }
    r->due_ns = now_ns + supervisor_backoff_ns(s, r, up_ns);
    return supervisor_count_crash(r, now_ns);
}

void supervisor_on_rebuild(struct supervisor *s, enum role role)
{
    struct supervised *r = &s->roles[role];

    ASSERT(r->state == ROLE_DOWN);

    r->state = ROLE_REBUILDING;
    r->due_ns = NEVER_NS;
}

void supervisor_on_return(struct supervisor *s, enum role role, uint64_t now_ns)
{
    struct supervised *r = &s->roles[role];

    ASSERT(r->state == ROLE_REBUILDING);

    r->state = ROLE_UP;
    r->scheduled = false;
    r->since_ns = now_ns;
    r->restarts++;
    supervisor_plan_outage(r, now_ns);
}

uint64_t supervisor_deadline_ns(const struct supervisor *s)
{
    uint64_t first = NEVER_NS;

    for (unsigned i = 0; i < ROLES; i++) {
        first = min_u64(first, s->roles[i].due_ns);
    }
    return first;
}

void supervisor_status(const struct supervisor *s, enum role role,
                       struct role_status *status)
{
    const struct supervised *r = supervised_of(s, role);

    *status = (struct role_status){
        .up = r->state == ROLE_UP,
        .scheduled = r->scheduled,
        .since_ns = r->since_ns,
        .restarts = r->restarts,
        .restart_ns = r->state == ROLE_DOWN ? r->due_ns : 0,
        .schedule = r->schedule,
    };
}

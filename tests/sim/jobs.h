/*
 * jobs.h - worlds in child processes, so that one that aborts or hangs is a
 * result like any other.
 *
 * Seeds are handed out in ascending order, and when one fails, those below it
 * are still lived through: which failure is told does not depend on how many
 * jobs there are, nor does the digest.
 */
#ifndef PAXOSKV_SIM_JOBS_H
#define PAXOSKV_SIM_JOBS_H

#include "sim/options.h"
#include "sim/world.h"

/* What many worlds were like, together. */
struct jobs_sum {
    uint64_t worlds;
    uint64_t digest; /* of the set of them */
    uint64_t failed; /* the lowest seed that failed, or 0 */
    uint64_t last;   /* the highest seed that was begun */
    double seconds;  /* real ones */
    struct world_result all;
};

/* One world, lived through on its own. */
struct jobs_one {
    bool finished; /* it came to its end: result is set */
    int status;    /* of the process, where it did not */
    struct world_result result;
    const struct trace_ring *ring; /* its last events */
};

struct jobs; /* memory that the children share with us */

struct jobs *jobs_new(void);
void jobs_free(struct jobs *j);

/* Called now and then, with what is done so far. */
struct jobs_watcher {
    void (*tell)(void *ctx, uint64_t worlds, double seconds);
    void *ctx;
};

/* All seeds of the options, as far as time and luck go; watcher: or NULL. */
void jobs_run(struct jobs *j, const struct options *o,
              const struct jobs_watcher *watcher, struct jobs_sum *sum);

/* One seed; it is explained if explain is not NULL. */
void jobs_run_one(struct jobs *j, uint64_t seed, const struct plan_wish *wish,
                  struct explain *explain, struct jobs_one *one);

/* The name of the check that failed, or NULL. */
const char *jobs_failure(const struct jobs_one *one);

#endif

/*
 * minimize.h - a run that fails is made as small as can be: less of what is
 * hard, fewer members, clients and operations, less time; as long as the same
 * check breaks.
 */
#ifndef PAXOSKV_SIM_MINIMIZE_H
#define PAXOSKV_SIM_MINIMIZE_H

#include "sim/plan.h"

/* Lives through seed with a wish; the name of the check that broke, or NULL. */
struct minimize_run {
    const char *(*run)(void *ctx, uint64_t seed, const struct plan_wish *wish);
    void *ctx;
};

/*
 * Make *wish, with which seed fails in check, smaller.  Nothing is taken but
 * what was run and failed, so the last wish reproduces it.  Returns how many
 * runs that took.
 */
uint32_t minimize(const struct minimize_run *run, uint64_t seed,
                  const char *check, struct plan_wish *wish);

#endif

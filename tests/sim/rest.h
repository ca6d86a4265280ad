/*
 * rest.h - the memory of the machines: within its bounds all the time, and
 * given back where there is nothing left to do.
 */
#ifndef PAXOSKV_SIM_REST_H
#define PAXOSKV_SIM_REST_H

#include "sim/world.h"

/* Look at the memory of all that run. */
void rest_look(struct world *w);

/* One that runs and has not given back what it can, or NULL; asked when all is
 * executed. */
const struct machine *rest_restless(const struct world *w);

/* It never did. */
void rest_fail(struct world *w, const struct machine *m);

#endif

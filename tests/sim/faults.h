/*
 * faults.h - when what goes wrong, as the plan has it.
 */
#ifndef PAXOSKV_SIM_FAULTS_H
#define PAXOSKV_SIM_FAULTS_H

#include "sim/plan.h"

struct world;

/* The first of each kind. */
void faults_begin(struct world *w);

/* One is due: it happens, and the next of its kind is drawn. */
void faults_on_due(struct world *w, enum fault_type type);

/* All is mended: whoever is down or paused comes back, the network is whole. */
void faults_end(struct world *w);

/* Whoever is down starts again, but for the one that shall be away. */
void faults_return(struct world *w);

#endif

/*
 * report.h - what paxoskv-sim says: how far it is, what it has seen, and all
 * that is needed to understand a failure.
 *
 * What a run is like goes to standard output, and is the same each time; how
 * long it took goes to standard error.
 */
#ifndef PAXOSKV_SIM_REPORT_H
#define PAXOSKV_SIM_REPORT_H

#include "sim/jobs.h"

/* A line that is written over and over, where standard error is a terminal. */
struct jobs_watcher report_watcher(const struct options *o);

/* Likewise, while a failure is made small; 0: it is. */
void report_shrinking(uint32_t runs);

/* What a world is like. */
void report_plan(const struct plan *p);

/* Why this run failed, and how to see it again. */
void report_failure(const struct jobs_one *one, const char *program,
                    uint64_t seed, const struct plan_wish *wish);

void report_sum(const struct jobs_sum *sum);

/* Every seed, once it is lived through: check and text, or the digest. */
void report_one(const struct jobs_one *one);

#endif

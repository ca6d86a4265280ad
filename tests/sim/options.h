/*
 * options.h - the command line of paxoskv-sim, read and written: what fails is
 * told together with the command that lets it fail again.
 */
#ifndef PAXOSKV_SIM_OPTIONS_H
#define PAXOSKV_SIM_OPTIONS_H

#include "sim/explain.h"
#include "sim/plan.h"

#include <stdio.h>

#define OPTIONS_JOBS_MAX 64u

enum options_verdict { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

struct options {
    uint64_t first; /* seeds, both included */
    uint64_t last;
    struct plan_wish wish;
    uint32_t jobs;
    uint32_t seconds; /* after these no further world begins; 0: no limit */
    bool minimize;
    struct explain explain; /* of one seed */
};

/* Read the command line; what is wrong is told on errors. */
enum options_verdict options_parse(struct options *o, int argc, char **argv,
                                   FILE *errors);

void options_usage(FILE *to);

/* The shortest command that runs this seed with this wish, without newline. */
void options_tell_command(FILE *to, const char *program, uint64_t seed,
                          const struct plan_wish *wish);

#endif

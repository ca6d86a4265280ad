/*
 * explain.h - the options by which a run is explained to a person: the
 * transcript, the diagram, the scenarios.
 */
#ifndef PAXOSKV_SIM_EXPLAIN_H
#define PAXOSKV_SIM_EXPLAIN_H

#include "sim/diagram.h"

/* For getopt_long; the letters are handed to explain_option. */
#define EXPLAIN_OPTIONS                                                        \
    { "trace", optional_argument, NULL, 't' },                                 \
        { "svg", required_argument, NULL, 'V' },                               \
        { "window", required_argument, NULL, 'W' },                            \
        { "kinds", required_argument, NULL, 'K' },                             \
    {                                                                          \
        "scenario", required_argument, NULL, 'X'                               \
    }

#define EXPLAIN_USAGE                                                          \
    "  --trace[=all]     what happens, line by line; =messages: what is\n"     \
    "                    sent and lost too\n"                                  \
    "  --svg FILE        draw the run\n"                                       \
    "  --window A..B     only this part of it, in ms\n"                        \
    "  --kinds A,B,...   only these arrows, or all\n"                          \
    "  --scenario NAME   a scripted run instead of a seed; or list\n"

struct explain {
    bool trace;
    enum trace_level level;
    const char *svg; /* file, or NULL */
    const char *scenario;
    uint64_t from_ns;
    uint64_t upto_ns; /* 0: no end */
    uint32_t kinds;   /* 0: those that fit */
    struct diagram diagram;
};

/* One option; false if it is none of these, or text is wrong. */
bool explain_option(struct explain *e, int letter, const char *text);

/* Is there anything to explain? */
static inline bool explain_is_on(const struct explain *e)
{
    return e->trace || e->svg;
}

/* Before and behind a run: t is what is traced, title what is drawn. */
void explain_begin(struct explain *e, struct trace *t, const char *title);

/* Writes the diagram, also if the run ends with abort(); false, with a message
 * on stderr, if it cannot be written. */
bool explain_end(struct explain *e, uint64_t end_ns);

/* --scenario NAME, list or all; returns the exit status. */
int explain_scenario(struct explain *e);

#endif

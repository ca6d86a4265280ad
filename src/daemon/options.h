/*
 * options.h - the command line of paxoskvd.
 */
#ifndef PAXOSKV_DAEMON_OPTIONS_H
#define PAXOSKV_DAEMON_OPTIONS_H

#include "daemon/failure.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *config; /* -c, NULL: none */
    uint8_t node;       /* --node, 0: not said */
    bool check;         /* -n */
    bool debug;         /* -d */
    bool format;
    bool version;
    bool help;
};

/* Returns 0, or EXIT_USAGE with *f filled in. */
int options_parse(int argc, char **argv, struct options *o, struct failure *f);

/* What --help prints; it fits a screen of 80 columns and 24 lines. */
extern const char options_help[];

#endif

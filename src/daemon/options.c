/* options.c - see options.h */
#include "daemon/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
    "paxoskvd - one member of a replicated key-value store\n"
    "\n"
    "usage: paxoskvd [-c FILE] [--node ID] [-n] [-d] [--format]\n"
    "\n"
    "  -c FILE     read the configuration, see paxoskvd.ini(5)\n"
    "  --node ID   be this member of it, whatever its [node] id says\n"
    "  -n          check the configuration and exit\n"
    "  -d          log to standard error, at level debug\n"
    "  --format    make the data directory of this member, and exit; once for\n"
    "              each member, before its first start\n"
    "  --version   print the version and exit\n"
    "  --help      print this and exit\n"
    "\n"
    "Without -c it serves a group of one at 127.0.0.1:7401, with its data in\n"
    "./paxoskv-data, which is made if it is missing.\n"
    "\n"
    "SIGTERM and SIGINT stop it, SIGHUP reopens the log file.  Exit status:\n"
    "0 stopped, 64 usage, 70 broken invariant, 71 system call, 74 damaged log\n"
    "or disk, 75 directory or port in use, 77 refused, 78 configuration.\n";

static bool options_node(const char *text, uint8_t *node)
{
    const size_t len = strlen(text);
    unsigned long n;

    if (len < 1 || len > 3 || strspn(text, "0123456789") != len) return false;
    n = strtoul(text, NULL, 10);
    if (n < 1 || n > 255) return false;
    *node = (uint8_t)n;
    return true;
}

/* getopt names a letter by optopt, and a long option by nothing. */
static int options_unknown(const char *word, struct failure *f)
{
    const char letter[] = { '-', (char)optopt, 0 };
    const bool is_letter = optopt && strncmp(word, "--", 2) != 0;

    return failure_set(f, EXIT_USAGE, "%s is no option of paxoskvd",
                       is_letter ? letter : word);
}

/* word is the one that getopt has just been through. */
static int options_take(int c, const char *word, struct options *o,
                        struct failure *f)
{
    switch (c) {
    case 'c':
        o->config = optarg;
        return 0;
    case 'i':
        if (options_node(optarg, &o->node)) return 0;
        return failure_set(f, EXIT_USAGE, "--node %s: give an id from 1 to 255",
                           optarg);
    case 'n':
        o->check = true;
        return 0;
    case 'd':
        o->debug = true;
        return 0;
    case 'f':
        o->format = true;
        return 0;
    case 'v':
        o->version = true;
        return 0;
    case 'h':
        o->help = true;
        return 0;
    case ':':
        return failure_set(f, EXIT_USAGE, "%s needs an argument", word);
    }
    return options_unknown(word, f);
}

int options_parse(int argc, char **argv, struct options *o, struct failure *f)
{
    static const struct option names[] = {
        { "node", required_argument, NULL, 'i' },
        { "format", no_argument, NULL, 'f' },
        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    memset(o, 0, sizeof *o);
    opterr = 0;
    optind = 0; /* begin anew, in tests too */
    while ((c = getopt_long(argc, argv, "+:c:nd", names, NULL)) != -1) {
        const int status = options_take(c, argv[optind - 1], o, f);

        if (status) return status;
    }
    if (optind < argc)
        return failure_set(f, EXIT_USAGE, "%s: no operands are expected",
                           argv[optind]);
    if (o->check && o->format)
        return failure_set(f, EXIT_USAGE, "-n and --format exclude each other");
    return 0;
}

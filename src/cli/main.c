/*
 * main.c - paxoskv: options, and the command they lead to.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS    5000u
#define TIMEOUT_S_MAX 86400.0
#define STDOUT_BUFFER 65536

static const char help[] =
    "usage: paxoskv [-c FILE | -s HOST:PORT[,...]] [-t SECONDS] [--json]\n"
    "               COMMAND [ARG...]\n"
    "  -c FILE         members from an ini file of paxoskvd\n"
    "  -s LIST         members as HOST:PORT; one that runs is enough\n"
    "  -t SECONDS      time limit of each operation (5; fractions allowed)\n"
    "  --json          an object on a line for each outcome\n"
    "Without -c and -s: PAXOSKV_SERVERS, " PAXOSKV_SYSCONFDIR
    "/paxoskv/paxoskvd.ini, or who\n"
    "answers on this machine.  Commands (-- ends their options):\n"
    "  put KEY VALUE                - as VALUE or NEW reads standard input\n"
    "  get [--raw] KEY              --raw: the bytes, no newline behind\n"
    "  del KEY\n"
    "  cas KEY OLD NEW | cas KEY --absent NEW\n"
    "  incr KEY [N]                 add N (1), print the sum\n"
    "  list [--keys] [PREFIX]       pairs in the order of their bytes\n"
    "  status                       members, leader, state\n"
    "  top                          the same every second, with rates; q ends\n"
    "  ping                         round trip to each member\n"
    "  transfer [ID]                make this, or another, member the leader\n"
    "  fault status | set ROLE MTTF MTTR | kill ROLE | drop PCT | delay MS |\n"
    "        clear [--node ID|all]  what shall fail, see paxoskv(1)\n"
    "  doctor                       why a group does not form; needs -c FILE\n"
    "  batch [--pipeline D]         commands from standard input, one a line\n"
    "  bench [--clients N] [--pipeline D] [--seconds S] [--size B]\n"
    "        [--reads PCT] [--keys K] [--zipf THETA] [--sockets N]\n"
    "        [--rate N] [--plot FILE.png]\n"
    "Exit: 0 done, 1 absent or another value, 2 refused, 3 not done,\n"
    "      4 unknown whether done, 130 interrupted.  See paxoskv(1).\n";

static const struct {
    const char *name;
    int (*run)(struct cli *c);
} commands[] = {
    { "put", values_run },        { "get", values_run },
    { "del", values_run },        { "cas", values_run },
    { "incr", values_run },       { "list", list_run },
    { "status", status_run },     { "ping", ping_run },
    { "batch", batch_run },       { "bench", bench_run },
    { "transfer", transfer_run }, { "top", top_run },
    { "fault", fault_run },       { "doctor", doctor_run },
};

enum { OPTION_JSON = 256 };

static const struct option options[] = {
    { "json", no_argument, NULL, OPTION_JSON },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { 0 },
};

static const char option_letters[] = "+:c:s:t:hV";

static void on_interrupt(int signal)
{
    (void)signal;
    _exit(130);
}

/* Errors in the options, too, are told as --json asks for. */
static bool wants_json(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, option_letters, options, NULL)) !=
           -1) {
        if (option == OPTION_JSON) break;
    }
    optind = 0; /* begin anew */
    return option == OPTION_JSON;
}

static int timeout_take(struct cli *c, const char *text)
{
    char *end;
    const double seconds = strtod(text, &end);

    if (end == text || *end || !isfinite(seconds) || seconds < 0.001 ||
        seconds > TIMEOUT_S_MAX)
        return report_refusal(c,
                              "-t %s: not a number of seconds from 0.001 "
                              "to %.0f",
                              text, TIMEOUT_S_MAX);
    c->timeout_ms = (unsigned)(seconds * 1000 + 0.5);
    return CLI_DONE;
}

/* What getopt found wrong: optopt, or the argument it stopped behind. */
static int option_refusal(const struct cli *c, int option, char **argv)
{
    if (option == ':')
        return report_refusal(c,
                              "option -%c needs an argument (paxoskv "
                              "--help)",
                              optopt);
    if (optopt > 0 && optopt < 256)
        return report_refusal(c, "unknown option -%c (paxoskv --help)", optopt);
    return report_refusal(c, "unknown option %s (paxoskv --help)",
                          argv[optind - 1]);
}

/* Returns -1 to go on, or the exit status. */
static int options_take(struct cli *c, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, option_letters, options, NULL)) !=
           -1) {
        switch (option) {
        case 'c':
            c->config = optarg;
            break;
        case 's':
            c->servers = optarg;
            break;
        case 't':
            if (timeout_take(c, optarg) != CLI_DONE) return CLI_REFUSED;
            break;
        case OPTION_JSON:
            break;
        case 'h':
            fputs(help, stdout);
            return CLI_DONE;
        case 'V':
            printf("paxoskv %s\n", pkv_version());
            return CLI_DONE;
        default:
            return option_refusal(c, option, argv);
        }
    }
    if (c->config && c->servers)
        return report_refusal(c, "-c and -s exclude one another");
    return -1;
}

/* `status --json` is what one types: taken right behind any command too. */
static void command_take_json(struct cli *c, int argc, char **argv)
{
    if (optind + 1 >= argc || strcmp(argv[optind + 1], "--json") != 0) return;
    c->json = true;
    argv[optind + 1] = argv[optind];
    optind++;
}

static int command_run(struct cli *c)
{
    const char *name = c->argv[-1];

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) != 0) continue;
        c->command = name;
        return commands[i].run(c);
    }
    return report_refusal(c, "unknown command %s (paxoskv --help)", name);
}

/* What was not written is not done, from the point of view of a script. */
static int output_end(const struct cli *c, int rc)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return rc;
    fprintf(stderr, "paxoskv: standard output: %s\n", strerror(errno));
    return c->handle ? CLI_UNKNOWN : CLI_REFUSED;
}

int main(int argc, char **argv)
{
    static char buffer[STDOUT_BUFFER];
    struct cli c = { .timeout_ms = TIMEOUT_MS };
    int rc;

    signal(SIGINT, on_interrupt);
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    opterr = 0;
    c.json = wants_json(argc, argv);
    rc = options_take(&c, argc, argv);
    if (rc < 0 && optind == argc)
        rc = report_refusal(&c, "no command was given (paxoskv --help)");
    if (rc < 0) {
        command_take_json(&c, argc, argv);
        c.argc = argc - optind - 1;
        c.argv = argv + optind + 1;
        rc = command_run(&c);
    }
    rc = output_end(&c, rc);
    pkv_close(c.handle);
    return rc;
}

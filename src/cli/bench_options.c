/*
 * bench_options.c - the options of `paxoskv bench`, and what of them does not
 * go together.
 */
#include "cli/batch_line.h"
#include "cli/bench.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX INT64_C(1000000000000)
#define ZIPF_MAX 10.0

struct number_option {
    const char *name;
    int64_t *to;
    int64_t min, max;
};

static int number_take(const struct cli *c, const struct number_option *n,
                       const char *text)
{
    if (text && batch_line_number(text, strlen(text), n->to) &&
        *n->to >= n->min && *n->to <= n->max)
        return CLI_DONE;
    return report_refusal(c, "%s %s: not a number from %" PRId64 " to %" PRId64,
                          n->name, text ? text : "", n->min, n->max);
}

static int zipf_take(const struct cli *c, const char *text, double *theta)
{
    char *end = NULL;

    if (text) *theta = strtod(text, &end);
    if (text && end != text && *end == '\0' && isfinite(*theta) && *theta > 0 &&
        *theta <= ZIPF_MAX)
        return CLI_DONE;
    return report_refusal(c, "--zipf %s: not a number above 0, %g at most",
                          text ? text : "", ZIPF_MAX);
}

static int option_take(const struct cli *c, const char *name, const char *text,
                       struct bench_options *o)
{
    const struct number_option known[] = {
        { "--clients", &o->clients, 1, BENCH_CLIENTS_MAX },
        { "--pipeline", &o->pipeline, 1, PKV_FLIGHT_MAX },
        { "--seconds", &o->seconds, 1, 86400 },
        { "--size", &o->size, 0, PKV_COMMAND_MAX - BENCH_KEY_LEN },
        { "--reads", &o->reads, 0, 100 },
        { "--keys", &o->keys, 1, KEYS_MAX },
        { "--sockets", &o->sockets, 1, BENCH_CLIENTS_MAX },
        { "--rate", &o->rate, 1, PACE_RATE_MAX },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) == 0)
            return number_take(c, &known[i], text);
    }
    if (strcmp(name, "--zipf") == 0) return zipf_take(c, text, &o->zipf);
    if (strcmp(name, "--plot") != 0)
        return report_refusal(c, "unknown option %s (paxoskv --help)", name);
    if (text == NULL || text[0] == '\0')
        return report_refusal(c, "--plot: the name of a file is missing");
    o->plot = text;
    return CLI_DONE;
}

/* Clients that share the fullest socket. */
static int64_t clients_per_socket(const struct bench_options *o)
{
    return (o->clients + o->sockets - 1) / o->sockets;
}

static int sockets_check(const struct cli *c, struct bench_options *o)
{
    if (o->sockets == 0) o->sockets = o->clients;
    if (o->sockets > o->clients)
        return report_refusal(
            c, "--sockets %" PRId64 ": there are only %" PRId64 " clients",
            o->sockets, o->clients);
    if (clients_per_socket(o) * o->pipeline > PKV_FLIGHT_MAX)
        return report_refusal(c,
                              "--sockets %" PRId64 ": %" PRId64 " clients with "
                              "%" PRId64 " in flight would share one, which "
                              "takes %d in flight",
                              o->sockets, clients_per_socket(o), o->pipeline,
                              PKV_FLIGHT_MAX);
    return CLI_DONE;
}

int bench_options_take(const struct cli *c, struct bench_options *o)
{
    *o = (struct bench_options){
        .clients = 64, .pipeline = 1, .seconds = 10, .size = 64, .keys = 100000
    };
    for (int i = 0; i < c->argc; i += 2) {
        const int rc = option_take(c, c->argv[i],
                                   i + 1 < c->argc ? c->argv[i + 1] : NULL, o);

        if (rc != CLI_DONE) return rc;
    }
    return sockets_check(c, o);
}

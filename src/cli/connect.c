/*
 * connect.c - finding the members: -c, -s, PAXOSKV_SERVERS, the default ini,
 * and at last a question to the default group on this machine.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_INI PAXOSKV_SYSCONFDIR "/paxoskv/paxoskvd.ini"
#define FOUND_MAX   16u

static char discovered[512];

static int connect_failure(const struct cli *c, enum pkv_status status,
                           const char *what, const char *why)
{
    if (status == PKV_SYSTEM)
        return report_failure(c, CLI_NOT_DONE, "error", "%s", why);
    return report_refusal(c, "%s%s", what, why);
}

static int connect_servers(struct cli *c, const char *what, struct pkv **h)
{
    char why[PKV_TEXT_MAX] = "";
    const enum pkv_status status = pkv_open(h, c->servers, why, sizeof why);

    return status == PKV_OK ? CLI_DONE : connect_failure(c, status, what, why);
}

static int connect_config(struct cli *c, struct pkv **h)
{
    char why[2 * PKV_TEXT_MAX] = "";
    const enum pkv_status status = pkv_open_config(h, c->config, why,
                                                   sizeof why);

    return status == PKV_OK ? CLI_DONE : connect_failure(c, status, "", why);
}

static int connect_ambiguous(struct cli *c, const struct pkv_found *found,
                             int count)
{
    char text[PKV_TEXT_MAX] = "";
    size_t len = 0;

    for (int i = 0; i < count && len + 1 < sizeof text; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s at %s",
                                i ? "; " : "", found[i].name, found[i].servers);
    }
    return report_refusal(c,
                          "several clusters answer on this machine, choose "
                          "one with -s: %s",
                          text);
}

static int connect_discover(struct cli *c)
{
    struct pkv_found *found = calloc(FOUND_MAX, sizeof *found);
    int count, rc = CLI_DONE;

    if (found == NULL)
        return report_failure(c, CLI_NOT_DONE, "error", "out of memory");
    count = pkv_discover(found, FOUND_MAX);
    if (count > 1) {
        rc = connect_ambiguous(c, found, count);
    } else if (count == 1) {
        memcpy(discovered, found[0].servers, sizeof discovered);
        c->servers = discovered;
    } else {
        rc = report_failure(c, CLI_NOT_DONE, "unavailable",
                            "no member found: neither -c nor -s was given, "
                            "PAXOSKV_SERVERS is not set, there is no %s, and "
                            "nobody answered on this machine: is paxoskvd "
                            "running? (paxoskv -s HOST:PORT)",
                            DEFAULT_INI);
    }
    free(found);
    return rc;
}

/* Settle on c->config or c->servers. */
static int connect_choose(struct cli *c, const char **what)
{
    const char *servers = getenv("PAXOSKV_SERVERS");

    *what = "-s ";
    if (c->config || c->servers) return CLI_DONE;
    if (servers && servers[0]) {
        *what = "PAXOSKV_SERVERS: ";
        c->servers = servers;
        return CLI_DONE;
    }
    if (access(DEFAULT_INI, F_OK) == 0) {
        c->config = DEFAULT_INI;
        return CLI_DONE;
    }
    return connect_discover(c);
}

int connect_again(struct cli *c, struct pkv **h)
{
    const int rc = c->config ? connect_config(c, h)
                             : connect_servers(c, "-s ", h);

    if (rc == CLI_DONE) pkv_set_timeout_ms(*h, c->timeout_ms);
    return rc;
}

int connect_run(struct cli *c)
{
    const char *what;
    int rc = connect_choose(c, &what);

    if (rc != CLI_DONE) return rc;
    rc = c->config ? connect_config(c, &c->handle)
                   : connect_servers(c, what, &c->handle);
    if (rc == CLI_DONE) pkv_set_timeout_ms(c->handle, c->timeout_ms);
    return rc;
}

/*
 * transfer.c - `paxoskv transfer`: another member shall lead.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <time.h>

#define LOOK_NS 5000000L /* between looks at who leads */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* An id, or 0: whoever is the best.  Returns CLI_DONE, or has reported. */
static int transfer_take(const struct cli *c, unsigned *id)
{
    char *end;

    *id = 0;
    if (c->argc > 1) return report_refusal(c, "usage: paxoskv transfer [ID]");
    if (c->argc == 0) return CLI_DONE;
    *id = (unsigned)strtoul(c->argv[0], &end, 10);
    if (*end == '\0' && *id >= 1 && *id <= 255) return CLI_DONE;
    return report_refusal(c, "%s: not the id of a member", c->argv[0]);
}

/* The leader of now into *leader.  Returns CLI_DONE, or has reported. */
static int transfer_leader(const struct cli *c, unsigned *leader)
{
    static struct pkv_cluster cluster;
    const enum pkv_status status = pkv_status(c->handle, &cluster);

    if (status != PKV_OK) return report_status(c, status);
    *leader = cluster.leader;
    if (cluster.leader) return CLI_DONE;
    return report_failure(c, CLI_NOT_DONE, "unavailable", "no leader: %s",
                          cluster.reason);
}

/* Who leads when the one that was asked does no more; 0: time is over. */
static unsigned transfer_wait(const struct cli *c, unsigned from)
{
    const struct timespec pause = { .tv_nsec = LOOK_NS };
    const uint64_t end_ms = now_ms() + c->timeout_ms;
    static struct pkv_cluster cluster;

    while (now_ms() < end_ms) {
        if (pkv_status(c->handle, &cluster) == PKV_OK && cluster.leader &&
            cluster.leader != from)
            return cluster.leader;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static void transfer_print(const struct cli *c, unsigned leader)
{
    struct json j = json_to(stdout);

    if (!c->json) {
        printf("leader %u\n", leader);
        return;
    }
    json_open(&j, NULL, '{');
    json_text(&j, "op", "transfer");
    json_text(&j, "status", "ok");
    json_number(&j, "leader", leader);
    json_end(&j);
}

static int transfer_ask(const struct cli *c, unsigned from, unsigned to)
{
    char request[32] = "transfer";
    char answer[PKV_TEXT_MAX];
    enum pkv_status status;

    if (to) snprintf(request, sizeof request, "transfer %u", to);
    status = pkv_admin(c->handle, from, request, answer, sizeof answer);
    if (status == PKV_OK) return CLI_DONE;
    if (status != PKV_REFUSED) return report_status(c, status);
    return report_failure(c, CLI_NOT_DONE, "error", "member %u: %s", from,
                          answer);
}

int transfer_run(struct cli *c)
{
    unsigned from, to, leader;
    int rc = transfer_take(c, &to);

    if (rc == CLI_DONE) rc = connect_run(c);
    if (rc == CLI_DONE) rc = transfer_leader(c, &from);
    if (rc == CLI_DONE && to == from) {
        transfer_print(c, from);
        return CLI_DONE;
    }
    if (rc == CLI_DONE) rc = transfer_ask(c, from, to);
    if (rc != CLI_DONE) return rc;
    leader = transfer_wait(c, from);
    if (leader == 0)
        return report_failure(c, CLI_UNKNOWN, "unknown",
                              "member %u was asked, and nobody else leads yet",
                              from);
    if (to && leader != to)
        return report_failure(c, CLI_NOT_DONE, "error", "member %u leads now",
                              leader);
    transfer_print(c, leader);
    return CLI_DONE;
}

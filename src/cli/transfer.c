/*
 * transfer.c - `paxoskv transfer`: another member shall lead.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <time.h>

#define LOOK_NS  5000000L /* between looks at who leads */
#define ASKS_MAX 5u       /* who is named may be unable to lead just then */

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

/* Who leads, and at which round. */
struct lead {
    unsigned leader; /* id, or 0 */
    uint64_t round;
};

static struct lead transfer_lead(const struct pkv_cluster *cluster)
{
    struct lead lead = { .leader = cluster->leader };

    for (unsigned i = 0; i < cluster->size; i++) {
        const struct pkv_member *m = &cluster->members[i];

        if (m->id == lead.leader) lead.round = m->ballot_round;
    }
    return lead;
}

/* The leader of now into *lead.  Returns CLI_DONE, or has reported. */
static int transfer_leader(const struct cli *c, struct lead *lead)
{
    static struct pkv_cluster cluster;
    const enum pkv_status status = pkv_status(c->handle, &cluster);

    if (status != PKV_OK) return report_status(c, status);
    *lead = transfer_lead(&cluster);
    if (lead->leader) return CLI_DONE;
    return report_failure(c, CLI_NOT_DONE, "unavailable", "no leader: %s",
                          cluster.reason);
}

/* Who leads behind the one that was asked, which may be that one again: its
 * successor could not.  None: time is over. */
static struct lead transfer_wait(const struct cli *c, struct lead asked,
                                 uint64_t end_ms)
{
    const struct timespec pause = { .tv_nsec = LOOK_NS };
    static struct pkv_cluster cluster;

    while (now_ms() < end_ms) {
        if (pkv_status(c->handle, &cluster) == PKV_OK && cluster.leader) {
            const struct lead now = transfer_lead(&cluster);

            if (now.leader != asked.leader || now.round > asked.round)
                return now;
        }
        nanosleep(&pause, NULL);
    }
    return (struct lead){ 0 };
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

/* Returns CLI_DONE with the leader that was wished for in *lead, or has
 * reported. */
static int transfer_move(const struct cli *c, struct lead *lead, unsigned to)
{
    const uint64_t end_ms = now_ms() + c->timeout_ms;
    const unsigned first = lead->leader;

    for (unsigned asks = 0; asks < ASKS_MAX; asks++) {
        const struct lead asked = *lead;
        const int rc = transfer_ask(c, asked.leader, to);

        if (rc != CLI_DONE) return rc;
        *lead = transfer_wait(c, asked, end_ms);
        if (lead->leader == 0)
            return report_failure(c, CLI_UNKNOWN, "unknown",
                                  "member %u was asked, and nobody else leads "
                                  "yet",
                                  asked.leader);
        if (to ? lead->leader == to : lead->leader != first) return CLI_DONE;
    }
    return report_failure(c, CLI_NOT_DONE, "error", "member %u leads now",
                          lead->leader);
}

int transfer_run(struct cli *c)
{
    struct lead lead;
    unsigned to;
    int rc = transfer_take(c, &to);

    if (rc == CLI_DONE) rc = connect_run(c);
    if (rc == CLI_DONE) rc = transfer_leader(c, &lead);
    if (rc == CLI_DONE && to != lead.leader) rc = transfer_move(c, &lead, to);
    if (rc == CLI_DONE) transfer_print(c, lead.leader);
    return rc;
}

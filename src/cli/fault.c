/*
 * fault.c - `paxoskv fault`: roles that die, datagrams that are lost or late.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define FAULT_USAGE                                                            \
    "usage: paxoskv fault set ROLE MTTF MTTR | drop PCT | delay MS | clear "   \
    "[--node ID|all], or kill ROLE --node ID, or status"

struct fault {
    char request[128];
    unsigned node; /* 0: all */
};

/* "--node ID" or "--node all", wherever it stands.  False: it is wrong. */
static bool fault_take_node(struct cli *c, struct fault *f, bool *given)
{
    int left = 0;

    *given = false;
    for (int i = 0; i < c->argc; i++) {
        char *end;

        if (strcmp(c->argv[i], "--node") != 0) {
            c->argv[left++] = c->argv[i];
            continue;
        }
        if (*given || ++i == c->argc) return false;
        *given = true;
        if (strcmp(c->argv[i], "all") == 0) continue;
        f->node = (unsigned)strtoul(c->argv[i], &end, 10);
        if (*end || f->node < 1 || f->node > 255) return false;
    }
    c->argc = left;
    return true;
}

/* Returns CLI_DONE, or has reported. */
static int fault_take(struct cli *c, struct fault *f)
{
    bool given;
    size_t len;

    if (!fault_take_node(c, f, &given) || c->argc == 0)
        return report_refusal(c, FAULT_USAGE);
    if (strcmp(c->argv[0], "kill") == 0 && !given)
        return report_refusal(c, "kill takes --node ID, or --node all");
    len = (size_t)snprintf(f->request, sizeof f->request, "fault");
    for (int i = 0; i < c->argc && len < sizeof f->request; i++) {
        if (strchr(c->argv[i], ' ')) return report_refusal(c, FAULT_USAGE);
        len += (size_t)snprintf(f->request + len, sizeof f->request - len,
                                " %s", c->argv[i]);
    }
    if (len >= sizeof f->request) return report_refusal(c, FAULT_USAGE);
    return CLI_DONE;
}

static void fault_print(const struct cli *c, unsigned id, const char *word,
                        const char *text)
{
    struct json j = json_to(stdout);

    if (!c->json) {
        printf("%u %s %s\n", id, word, text);
        return;
    }
    json_open(&j, NULL, '{');
    json_text(&j, "op", "fault");
    json_text(&j, "status", word);
    json_number(&j, "id", id);
    json_text(&j, "text", text);
    json_end(&j);
}

/* One member; returns the exit status. */
static int fault_ask(const struct cli *c, const struct fault *f, unsigned id)
{
    char answer[PKV_TEXT_MAX];
    const enum pkv_status status = pkv_admin(c->handle, id, f->request, answer,
                                             sizeof answer);

    if (status == PKV_OK || status == PKV_REFUSED) {
        fault_print(c, id, status == PKV_OK ? "ok" : "error", answer);
        return status == PKV_OK ? CLI_DONE : CLI_NOT_DONE;
    }
    fault_print(c, id, pkv_status_word(status), pkv_status_text(status));
    return report_exit(status);
}

/* The worst of all; a member that is down has no faults to be told of. */
static int fault_ask_all(const struct cli *c, const struct fault *f)
{
    static struct pkv_cluster cluster;
    const enum pkv_status status = pkv_status(c->handle, &cluster);
    int worst = CLI_DONE;

    if (status != PKV_OK) return report_status(c, status);
    for (unsigned i = 0; i < cluster.size; i++) {
        int rc;

        if (!cluster.members[i].up) continue;
        rc = fault_ask(c, f, cluster.members[i].id);
        if (rc > worst) worst = rc;
    }
    return worst;
}

int fault_run(struct cli *c)
{
    struct fault f = { .node = 0 };
    int rc = fault_take(c, &f);

    if (rc == CLI_DONE) rc = connect_run(c);
    if (rc != CLI_DONE) return rc;
    return f.node ? fault_ask(c, &f, f.node) : fault_ask_all(c, &f);
}

/*
 * status.c - `paxoskv status` and `paxoskv ping`: the members, one by one.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *role_word(enum pkv_role role)
{
    switch (role) {
    case PKV_FOLLOWER:
        return "follower";
    case PKV_CANDIDATE:
        return "candidate";
    case PKV_LEADER:
        return "leader";
    case PKV_PROVISIONAL:
        return "provisional";
    }
    return "?";
}

/* ---- as an object ------------------------------------------------------- */

static void id_json(struct json *j, const char *name, unsigned id)
{
    if (id)
        json_number(j, name, id);
    else
        json_null(j, name);
}

static void counters_json(struct json *j, const struct pkv_member *m)
{
    json_open(j, "counters", '{');
    for (unsigned i = 0; i < m->counter_count; i++)
        json_number(j, pkv_counter_name(i), m->counters[i]);
    json_close(j, '}');
}

static void heard_json(struct json *j, const struct pkv_member *m)
{
    json_open(j, "heard", '[');
    for (unsigned i = 0; i < m->heard_count; i++)
        json_number(j, NULL, m->heard[i]);
    json_close(j, ']');
}

static void ballot_json(struct json *j, const char *name, uint64_t round,
                        unsigned node)
{
    json_open(j, name, '{');
    json_number(j, "round", round);
    json_number(j, "node", node);
    json_close(j, '}');
}

static const char *io_word(const struct pkv_member *m)
{
    return m->io_ring ? "ring" : "epoll";
}

static void up_json(struct json *j, const struct pkv_member *m)
{
    char hash[17];

    snprintf(hash, sizeof hash, "%016" PRIx64, m->state_hash);
    json_text(j, "role", role_word(m->role));
    id_json(j, "leader", m->leader);
    ballot_json(j, "ballot", m->ballot_round, m->ballot_node);
    ballot_json(j, "promised", m->promised_round, m->promised_node);
    json_number(j, "chosen", m->chosen);
    json_number(j, "executed", m->executed);
    json_text(j, "state_hash", hash);
    heard_json(j, m);
    json_number(j, "keys", m->keys);
    json_number(j, "log_bytes", m->log_bytes);
    json_number(j, "memory_bytes", m->memory_bytes);
    json_bool(j, "sync", m->sync);
    json_text(j, "io", io_word(m));
    json_number(j, "uptime_s", m->uptime_s);
    counters_json(j, m);
}

static void member_json(struct json *j, const struct pkv_member *m)
{
    json_open(j, NULL, '{');
    json_number(j, "id", m->id);
    json_text(j, "addr", m->addr);
    json_bool(j, "up", m->up);
    if (m->up) up_json(j, m);
    json_close(j, '}');
}

static void cluster_json(const struct pkv_cluster *c)
{
    struct json j = json_to(stdout);

    json_open(&j, NULL, '{');
    json_text(&j, "cluster", c->name);
    json_text(&j, "group", c->group);
    json_number(&j, "size", c->size);
    json_number(&j, "quorum", c->quorum);
    id_json(&j, "leader", c->leader);
    if (c->leader)
        json_null(&j, "reason");
    else
        json_text(&j, "reason", c->reason);
    json_open(&j, "nodes", '[');
    for (unsigned i = 0; i < c->size; i++) member_json(&j, &c->members[i]);
    json_close(&j, ']');
    json_end(&j);
}

/* ---- as a table --------------------------------------------------------- */

static uint64_t executed_max(const struct pkv_cluster *c)
{
    uint64_t max = 0;

    for (unsigned i = 0; i < c->size; i++) {
        if (c->members[i].up && c->members[i].executed > max)
            max = c->members[i].executed;
    }
    return max;
}

static void member_line(const struct pkv_cluster *c, const struct pkv_member *m)
{
    if (!m->up) {
        printf("%3u  %-20s no answer\n", m->id, m->addr);
        return;
    }
    printf("%3u  %-20s %-11s %9" PRIu64 " %6" PRIu64 "  %016" PRIx64
           " %8" PRIu64 " %s\n",
           m->id, m->addr, role_word(m->role), m->executed,
           executed_max(c) - m->executed, m->state_hash, m->keys, io_word(m));
}

static void cluster_table(const struct pkv_cluster *c)
{
    printf("cluster %s, group %s, %u members, %u up, majority %u\n", c->name,
           c->group, c->size, c->up, c->quorum);
    if (c->leader)
        printf("leader %u\n", c->leader);
    else
        printf("no leader: %s\n", c->reason);
    printf("%3s  %-20s %-11s %9s %6s  %-16s %8s %s\n", "id", "address", "role",
           "executed", "behind", "state hash", "keys", "io");
    for (unsigned i = 0; i < c->size; i++) member_line(c, &c->members[i]);
}

/* ---- both commands ------------------------------------------------------ */

/* Returns CLI_DONE, or has reported. */
static int cluster_take(struct cli *c, struct pkv_cluster *cluster)
{
    enum pkv_status status;
    int rc;

    if (c->argc > 0)
        return report_refusal(c, "usage: paxoskv %s (paxoskv --help)",
                              c->command);
    rc = connect_run(c);
    if (rc != CLI_DONE) return rc;
    status = pkv_status(c->handle, cluster);
    return status == PKV_OK ? CLI_DONE : report_status(c, status);
}

int status_run(struct cli *c)
{
    static struct pkv_cluster cluster;
    const int rc = cluster_take(c, &cluster);

    if (rc != CLI_DONE) return rc;
    if (c->json)
        cluster_json(&cluster);
    else
        cluster_table(&cluster);
    return cluster.leader ? CLI_DONE : CLI_NOT_DONE;
}

static void ping_line(const struct cli *c, const struct pkv_member *m)
{
    struct json j = json_to(stdout);

    if (!c->json && m->up)
        printf("%u %s %" PRIu64 "\n", m->id, m->addr, m->rtt_ns / 1000);
    else if (!c->json)
        printf("%u %s no answer\n", m->id, m->addr);
    if (!c->json) return;
    json_open(&j, NULL, '{');
    json_text(&j, "op", "ping");
    json_text(&j, "status", m->up ? "ok" : "unavailable");
    json_number(&j, "id", m->id);
    json_text(&j, "addr", m->addr);
    if (m->up) json_number(&j, "us", m->rtt_ns / 1000);
    json_end(&j);
}

int ping_run(struct cli *c)
{
    const struct pkv_op op = { .code = PKV_PING };
    static struct pkv_cluster cluster;
    struct pkv_result r;
    const int rc = cluster_take(c, &cluster);

    if (rc != CLI_DONE) return rc;
    for (unsigned i = 0; i < cluster.size; i++)
        ping_line(c, &cluster.members[i]);
    pkv_call(c->handle, &op, &r);
    if (c->json)
        report_json(c, "ping", NULL, 0, &r, NULL, 0);
    else if (r.status != PKV_OK)
        return report_status(c, r.status);
    return report_exit(r.status);
}

/*
 * status.c - `paxoskv status` and `paxoskv ping`: the members, one by one.
 */
#include "cli/board.h"
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>

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

static void ids_json(struct json *j, const char *name, const unsigned *ids,
                     unsigned count)
{
    json_open(j, name, '[');
    for (unsigned i = 0; i < count; i++) json_number(j, NULL, ids[i]);
    json_close(j, ']');
}

static void availability_json(struct json *j, const struct pkv_member *m)
{
    json_open(j, "availability", '{');
    json_number(j, "in_time", m->noops_in_time);
    json_number(j, "p50_us", m->noop_p50_us);
    json_number(j, "max_us", m->noop_max_us);
    json_close(j, '}');
}

static void ballot_json(struct json *j, const char *name, uint64_t round,
                        unsigned node)
{
    json_open(j, name, '{');
    json_number(j, "round", round);
    json_number(j, "node", node);
    json_close(j, '}');
}

static void parts_json(struct json *j, const struct pkv_member *m)
{
    json_open(j, "roles", '{');
    for (unsigned i = 0; i < m->part_count; i++) {
        const struct pkv_part *p = &m->parts[i];

        json_open(j, board_part(i), '{');
        json_bool(j, "up", p->up);
        json_number(j, "for_ms", p->for_ms);
        json_number(j, "restarts", p->restarts);
        json_number(j, "restart_ms", p->restart_ms);
        json_number(j, "mttf_ms", p->mttf_ms);
        json_number(j, "mttr_ms", p->mttr_ms);
        json_close(j, '}');
    }
    json_close(j, '}');
    json_open(j, "faults", '{');
    json_number(j, "drop_pct", m->drop_pct);
    json_number(j, "delay_ms", m->delay_ms);
    json_close(j, '}');
}

static void up_json(struct json *j, const struct pkv_member *m)
{
    char hash[17];

    snprintf(hash, sizeof hash, "%016" PRIx64, m->state_hash);
    json_text(j, "role", board_role(m->role));
    id_json(j, "leader", m->leader);
    ballot_json(j, "ballot", m->ballot_round, m->ballot_node);
    ballot_json(j, "promised", m->promised_round, m->promised_node);
    json_number(j, "chosen", m->chosen);
    json_number(j, "executed", m->executed);
    json_text(j, "state_hash", hash);
    ids_json(j, "heard", m->heard, m->heard_count);
    json_number(j, "keys", m->keys);
    json_number(j, "log_bytes", m->log_bytes);
    json_number(j, "memory_bytes", m->memory_bytes);
    json_bool(j, "sync", m->sync);
    json_text(j, "io", m->io_ring ? "ring" : "epoll");
    json_number(j, "uptime_s", m->uptime_s);
    counters_json(j, m);
    ids_json(j, "links", m->links, m->link_count);
    ids_json(j, "unicast", m->unicast, m->unicast_count);
    json_number(j, "priority", m->priority);
    json_bool(j, "draining", m->draining);
    json_number(j, "disk_age_us", m->disk_age_us);
    availability_json(j, m);
    parts_json(j, m);
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

void status_json(const struct pkv_cluster *c)
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
        status_json(&cluster);
    else
        board_print(stdout, &cluster);
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

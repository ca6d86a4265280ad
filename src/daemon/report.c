/* report.c - see report.h */
#include "daemon/report.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAUSE_NS           (60 * NS_PER_MS) /* two to three missed heartbeats */
#define REPORT_INTERVAL_NS NS_PER_S
#define REPORT_BALLOT_MAX  32u

/* "7.3": round 7 of member 3. */
static const char *report_ballot(struct ballot b, char text[REPORT_BALLOT_MAX])
{
    snprintf(text, REPORT_BALLOT_MAX, "%" PRIu64 ".%u", b.round, b.node);
    return text;
}

static const char *report_refusal(uint64_t reason)
{
    switch ((enum hello_refusal)reason) {
    case HELLO_INSTANCE:
        return "its data directory is not the one known under this id";
    case HELLO_INCARNATION:
        return "its data directory is an older copy";
    case HELLO_VOTES:
        return "its log has lost votes";
    case HELLO_NONCE:
        return "a second process, or a copy of its data directory, runs "
               "under this id";
    }
    return "for no reason known here";
}

/* As the core numbers its reasons to resign (E8). */
static const char *report_resignation(uint64_t reason)
{
    static const char *const texts[] = {
        "for a reason not known here",
        "no majority is heard",
        "nothing could be executed",
        "the disk is full",
        "stopping",
        "the process stood still",
        "the disk stalls",
        "an operator wants another leader",
        "its proposer is dead",
        "its learner is dead",
    };

    return texts[reason < sizeof texts / sizeof texts[0] ? reason : 0];
}

const char *report_role(unsigned role)
{
    static const char *const names[ROLES] = {
        [ROLE_ACCEPTOR] = "acceptor",
        [ROLE_PROPOSER] = "proposer",
        [ROLE_LEARNER] = "learner",
    };

    return role < ROLES ? names[role] : "role";
}

/* Outages by schedule are many, and were asked for. */
static void report_role_note(const struct note *n)
{
    const char *role = report_role(n->node);
    const uint64_t us = n->number / NS_PER_US;

    if (n->type == NOTE_ROLE_CRASHED)
        log_warning("the %s died; it is rebuilt in %" PRIu64 " us", role, us);
    else if (n->type == NOTE_ROLE_OUT)
        log_debug("the %s is out by schedule, for %" PRIu64 " us", role, us);
    else
        log_debug("the %s is back after %" PRIu64 " us", role, us);
}

void report_pause(uint64_t due_ns, uint64_t now_ns)
{
    if (now_ns <= due_ns || now_ns - due_ns < PAUSE_NS) return;
    log_warning("the process stood still for %" PRIu64 " ms: the machine is "
                "overloaded, or it was stopped",
                (now_ns - due_ns) / NS_PER_MS);
}

void report_note(const struct server *s, const struct note *n)
{
    const uint8_t id = n->node < s->members.n ? s->members.ids[n->node]
                                              : n->ballot.node;
    char ballot[REPORT_BALLOT_MAX];
    const uint64_t number = n->number;

    report_ballot(n->ballot, ballot);
    switch (n->type) {
    case NOTE_ADMITTED:
        log_info("admitted to the group, incarnation %" PRIu64, number);
        return;
    case NOTE_HELLO_REFUSED:
        log_error("member %u is refused: %s", id, report_refusal(number));
        return;
    case NOTE_ELECTION:
        log_info("looking for a leader, attempt %" PRIu64, number);
        return;
    case NOTE_CANDIDATE:
        log_info("candidate at ballot %s", ballot);
        return;
    case NOTE_LEADING:
        log_info("leading at ballot %s, from slot %" PRIu64, ballot, number);
        return;
    case NOTE_SERVING:
        log_info("serving clients as the leader of ballot %s", ballot);
        return;
    case NOTE_FOLLOWING:
        if (n->ballot.node == s->edge.id) return; /* LEADING says it */
        log_info("following member %u, ballot %s", n->ballot.node, ballot);
        return;
    case NOTE_PREEMPTED:
        log_info("ballot %s is preempted by round %" PRIu64, ballot, number);
        return;
    case NOTE_RESIGNED:
        log_info("resigned from ballot %s: %s", ballot,
                 report_resignation(number));
        return;
    case NOTE_LEADER_LOST:
        log_info("the leader of ballot %s is not heard any more", ballot);
        return;
    case NOTE_LEADER_GONE:
        log_info("member %u, the leader of ballot %s, has ended", id, ballot);
        return;
    case NOTE_LEAVING:
        log_info("member %u is nominated to succeed ballot %s", id, ballot);
        return;
    case NOTE_CAUGHT_UP:
        log_info("caught up at slot %" PRIu64, number);
        return;
    case NOTE_BEHIND:
        log_info("%" PRIu64 " slots to fetch", number);
        return;
    case NOTE_ROLE_CRASHED:
    case NOTE_ROLE_OUT:
    case NOTE_ROLE_BACK:
        report_role_note(n);
        return;
    }
}

static const char *const episode_texts[EPISODE_COUNT] = {
    [EPISODE_FOREIGN] = "datagrams of other clusters",
    [EPISODE_STRANGER] = "datagrams under a wrong member id",
    [EPISODE_DAMAGED] = "damaged datagrams",
    [EPISODE_BEHIND] = "datagrams dropped while the disk was behind",
    [EPISODE_SOCKET] = "datagrams dropped by full socket buffers",
    [EPISODE_SEND] = "datagrams not sent",
};

/* An episode of what others count: it goes on while the count grows. */
static void report_growth(struct server *s, enum server_episode which,
                          uint64_t grown, const char *hint)
{
    struct log_episode *e = &s->episodes[which];

    if (grown == 0) return;
    if (log_episode_begins(e, s->now_ns))
        log_warning("%s%s", episode_texts[which], hint);
    e->count += grown - 1;
}

static uint64_t report_damaged(const struct server *s)
{
    return s->counters[COUNTER_DROP_SHORT] + s->counters[COUNTER_DROP_MAGIC] +
           s->counters[COUNTER_DROP_VERSION] + s->counters[COUNTER_DROP_KIND] +
           s->counters[COUNTER_DROP_CHECKSUM] + s->counters[COUNTER_DROP_HEAD] +
           s->counters[COUNTER_DROP_MALFORMED];
}

static uint64_t report_not_sent(const struct loop_counters *c)
{
    return c->send_failed + c->send_dry;
}

void report_episodes(struct server *s)
{
    const struct loop_counters *now = loop_counters(s->loop);
    const uint64_t damaged = report_damaged(s);
    unsigned i;

    if (s->now_ns - s->told_ns < REPORT_INTERVAL_NS) return;
    s->told_ns = s->now_ns;
    report_growth(s, EPISODE_SOCKET,
                  now->recv_dropped - s->told_loop.recv_dropped,
                  "; a larger net.core.rmem_max and [io] rcvbuf help");
    report_growth(s, EPISODE_SEND,
                  report_not_sent(now) - report_not_sent(&s->told_loop), "");
    report_growth(s, EPISODE_DAMAGED, damaged - s->told_damaged, "");
    s->told_loop = *now;
    s->told_damaged = damaged;

    for (i = 0; i < EPISODE_COUNT; i++) {
        const uint64_t count = log_episode_ends(&s->episodes[i], s->now_ns);

        if (count)
            log_info("over: %s, %" PRIu64 " in all", episode_texts[i], count);
    }
}

uint8_t report_leader(const struct server *s)
{
    return node_leader(s->node);
}

static void report_counters(const struct server *s,
                            const struct node_counters *n, uint64_t *counters)
{
    const struct loop_counters *l = loop_counters(s->loop);

    memcpy(counters, s->counters, sizeof s->counters);
    counters[COUNTER_DATAGRAMS_IN] = l->datagrams_in;
    counters[COUNTER_DATAGRAMS_OUT] = l->datagrams_out;
    counters[COUNTER_REQUESTS] = n->requests;
    counters[COUNTER_REPLIES] = n->replies;
    counters[COUNTER_BUSY] = n->busy;
    counters[COUNTER_PROPOSED] = n->proposed;
    counters[COUNTER_EXECUTED_COMMANDS] = n->executed_commands;
    counters[COUNTER_READS] = n->reads;
    counters[COUNTER_RESENT] = n->resent;
    counters[COUNTER_FETCHED] = n->fetched;
    counters[COUNTER_ELECTIONS] = n->elections;
    counters[COUNTER_PREEMPTIONS] = n->preemptions;
    counters[COUNTER_NOOPS] = n->noops;
    counters[COUNTER_FORWARDED] = n->forwarded;
    counters[COUNTER_LOG_WRITES] = wal_writes(s->wal);
    counters[COUNTER_LOG_BYTES] = wal_bytes(s->wal);
    counters[COUNTER_DROP_SENDER] += n->drop_sender;
    counters[COUNTER_DROP_STALE] += n->drop_stale;
    counters[COUNTER_DROP_POOL] += n->drop_pool;
    counters[COUNTER_DROP_MALFORMED] += n->drop_malformed;
    counters[COUNTER_DROP_SOCKET] = l->recv_dropped;
    counters[COUNTER_SEND_FAILED] = l->send_failed + l->send_dry +
                                    s->edge.lost + s->outbox.lost;
}

static void report_members(const struct server *s, const struct node_status *n,
                           struct status *status)
{
    char text[UDP_TEXT_MAX];
    uint8_t i;

    status->member_count = s->members.n;
    for (i = 0; i < s->members.n; i++) {
        struct status_member *m = &status->members[i];

        m->id = s->members.ids[i];
        if (n->heard >> i & 1) m->ways |= STATUS_HEARD;
        if (n->links >> i & 1) m->ways |= STATUS_LINK;
        if (n->unicast >> i & 1) m->ways |= STATUS_UNICAST;
        snprintf(m->addr, sizeof m->addr, "%.*s", (int)sizeof m->addr - 1,
                 udp_format(&s->members.addresses[i], text));
    }
}

static void report_group(const struct server *s, struct status *status)
{
    char text[UDP_TEXT_MAX] = "";

    if (s->members.group.family) udp_format(&s->members.group, text);
    snprintf(status->group, sizeof status->group, "%.*s",
             (int)sizeof status->group - 1, text);
}

/* The core's roles travel as they are. */
_Static_assert((int)NODE_FOLLOWER == (int)ROLE_FOLLOWER &&
                   (int)NODE_CANDIDATE == (int)ROLE_CANDIDATE &&
                   (int)NODE_LEADER == (int)ROLE_LEADER &&
                   (int)NODE_PROVISIONAL == (int)ROLE_PROVISIONAL,
               "roles");

static uint32_t report_ms(uint64_t ns)
{
    return (uint32_t)min_u64(ns / NS_PER_MS, UINT32_MAX);
}

static void report_roles(const struct server *s, const struct node_status *n,
                         struct status *status)
{
    _Static_assert(STATUS_ROLES_MAX == ROLES, "one count, two names");
    status->role_count = ROLES;
    for (unsigned i = 0; i < ROLES; i++) {
        const struct role_status *r = &n->roles[i];
        const uint64_t since_ns = max_u64(r->since_ns, s->started_ns);

        status->roles[i] = (struct status_of_role){
            .up = r->up,
            .for_ms = report_ms(s->now_ns - min_u64(since_ns, s->now_ns)),
            .restarts = (uint32_t)min_u64(r->restarts, UINT32_MAX),
            .restart_ms = report_ms(
                r->restart_ns > s->now_ns ? r->restart_ns - s->now_ns : 0),
            .mttf_ms = report_ms(r->schedule.mttf_ns),
            .mttr_ms = report_ms(r->schedule.mttr_ns),
        };
    }
    status->drop_pct = (uint8_t)s->faults.drop_pct;
    status->delay_ms = report_ms(s->faults.delay_ns);
}

void report_status(const struct server *s, struct status *status)
{
    struct node_status n;

    memset(status, 0, sizeof *status);
    memset(&n, 0, sizeof n);
    node_status(s->node, &n);
    snprintf(status->cluster, sizeof status->cluster, "%s", s->config->name);
    snprintf(status->reason, sizeof status->reason, "%s",
             n.reason ? n.reason : "");
    report_group(s, status);
    status->id = s->edge.id;
    status->role = (uint8_t)n.role;
    status->leader = n.leader;
    status->confirmed = n.serving && n.confirmed;
    status->sync = s->config->sync == CONFIG_SYNC_ALWAYS;
    status->io_ring = loop_is_ring(s->loop);
    status->ballot_round = n.ballot.round;
    status->ballot_node = n.ballot.node;
    status->promised_round = n.promised.round;
    status->promised_node = n.promised.node;
    status->chosen = n.chosen;
    status->executed = n.executed;
    status->state_hash = n.state_hash;
    status->keys = n.keys;
    status->log_bytes = wal_bytes(s->wal);
    status->memory_bytes = host_resident_bytes();
    status->uptime_s = (s->now_ns - s->started_ns) / NS_PER_S;
    status->wall_us = host_wall_ns() / NS_PER_US;
    status->mtu = s->mtu;
    status->priority = n.priority;
    status->draining = n.draining;
    status->disk_age_us = n.disk_age_ns / NS_PER_US;
    status->noops_in_time = n.noops_in_time;
    status->noop_p50_us = n.noop_p50_ns / NS_PER_US;
    status->noop_max_us = n.noop_max_ns / NS_PER_US;
    report_roles(s, &n, status);
    report_members(s, &n, status);
    status->counter_count = COUNTER_COUNT;
    report_counters(s, &n.counters, status->counters);
}

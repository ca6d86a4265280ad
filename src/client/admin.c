/*
 * admin.c - pkv_status and pkv_discover: asking members, not the store.
 */
#include "client/handle.h"
#include "client/polling.h"
#include "client/resolve.h"
#include "client/survey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DISCOVER_NS       (200 * NS_PER_MS)
#define DISCOVER_AGAIN_NS (60 * NS_PER_MS)
#define DISCOVER_GROUP    "239.255.74.1:7400"

_Static_assert(PKV_COUNTERS_MAX >= COUNTER_COUNT, "room for all counters");
_Static_assert(PKV_MEMBERS_MAX == STATUS_MEMBERS_MAX, "one limit, two names");

/* ---- status ------------------------------------------------------------- */

static void member_heard(struct pkv_member *m, const struct status *s)
{
    for (unsigned i = 0; i < s->member_count; i++) {
        const struct status_member *o = &s->members[i];

        if (o->ways & STATUS_HEARD) m->heard[m->heard_count++] = o->id;
        if (o->ways & STATUS_LINK) m->links[m->link_count++] = o->id;
        if (o->ways & STATUS_UNICAST) m->unicast[m->unicast_count++] = o->id;
    }
}

static void member_parts(struct pkv_member *m, const struct status *s)
{
    m->part_count = s->role_count;
    for (unsigned i = 0; i < s->role_count; i++) {
        const struct status_of_role *r = &s->roles[i];

        m->parts[i] = (struct pkv_part){
            .up = r->up,
            .for_ms = r->for_ms,
            .restarts = r->restarts,
            .restart_ms = r->restart_ms,
            .mttf_ms = r->mttf_ms,
            .mttr_ms = r->mttr_ms,
        };
    }
    m->drop_pct = s->drop_pct;
    m->delay_ms = s->delay_ms;
}

/* How far its wall clock was ahead of ours when its answer was half way;
 * zero_us is what ours showed when the monotonic clock began. */
static int64_t member_clock_us(const struct survey_target *t, int64_t zero_us)
{
    const uint64_t way_ns = (t->answered_ns - t->sent_ns) / 2;
    const int64_t ours_us = zero_us +
                            (int64_t)((t->answered_ns - way_ns) / NS_PER_US);

    return (int64_t)t->status.wall_us - ours_us;
}

static void member_fill(struct pkv_member *m, const struct survey_target *t,
                        int64_t zero_us)
{
    const struct status *s = &t->status;

    m->up = true;
    m->role = (enum pkv_role)s->role;
    m->leader = s->leader;
    m->confirmed = s->confirmed;
    snprintf(m->reason, sizeof m->reason, "%s", s->reason);
    m->ballot_round = s->ballot_round;
    m->ballot_node = s->ballot_node;
    m->promised_round = s->promised_round;
    m->promised_node = s->promised_node;
    m->chosen = s->chosen;
    m->executed = s->executed;
    m->state_hash = s->state_hash;
    m->keys = s->keys;
    m->log_bytes = s->log_bytes;
    m->memory_bytes = s->memory_bytes;
    m->sync = s->sync;
    m->io_ring = s->io_ring;
    m->uptime_s = s->uptime_s;
    m->clock_us = member_clock_us(t, zero_us);
    m->mtu = s->mtu;
    m->priority = s->priority;
    m->draining = s->draining;
    m->disk_age_us = s->disk_age_us;
    m->noops_in_time = s->noops_in_time;
    m->noop_p50_us = s->noop_p50_us;
    m->noop_max_us = s->noop_max_us;
    member_parts(m, s);
    m->counter_count = s->counter_count;
    memcpy(m->counters, s->counters, sizeof s->counters);
    m->rtt_ns = t->rtt_ns;
    member_heard(m, s);
}

/* Who leads: not who was heard of last, but who says so and has a majority. */
static void cluster_find_leader(struct pkv_cluster *c)
{
    const char *reason = "";

    for (unsigned i = 0; i < c->size; i++) {
        const struct pkv_member *m = &c->members[i];

        if (!m->up) continue;
        if (m->role == PKV_LEADER && m->confirmed) {
            c->leader = m->id;
            return;
        }
        if (reason[0] == '\0') reason = m->reason;
    }
    if (c->up < c->quorum) {
        snprintf(c->reason, sizeof c->reason,
                 "%u of %u members answered, a majority is %u", c->up, c->size,
                 c->quorum);
    } else {
        snprintf(c->reason, sizeof c->reason, "%s",
                 reason[0] ? reason : "an election is under way");
    }
}

static int member_cmp(const void *a, const void *b)
{
    const struct pkv_member *l = a, *r = b;

    return (l->id > r->id) - (l->id < r->id);
}

/* What the wall clock showed when the monotonic one began. */
static int64_t cluster_zero_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 -
           (int64_t)(handle_now_ns() / NS_PER_US);
}

static void cluster_fill(struct pkv_cluster *c, const struct survey *s)
{
    const struct status *first = s->first;
    const int64_t zero_us = cluster_zero_us();

    snprintf(c->name, sizeof c->name, "%s", first->cluster);
    snprintf(c->group, sizeof c->group, "%s", first->group);
    c->size = first->member_count;
    c->quorum = c->size / 2 + 1;
    for (unsigned i = 0; i < c->size; i++) {
        struct pkv_member *m = &c->members[i];
        const struct survey_target *t = survey_member(s, first->members[i].id);

        m->id = first->members[i].id;
        snprintf(m->addr, sizeof m->addr, "%s", first->members[i].addr);
        if (t == NULL) continue;
        member_fill(m, t, zero_us);
        c->up++;
    }
    qsort(c->members, c->size, sizeof c->members[0], member_cmp);
    cluster_find_leader(c);
}

enum pkv_status pkv_status(struct pkv *h, struct pkv_cluster *cluster)
{
    const uint64_t limit_ns = h->timeout_ms * NS_PER_MS / POLLING_PART;
    struct survey *s = malloc(sizeof *s);
    struct socket_inbox *inbox = malloc(sizeof *inbox);
    enum pkv_status status = PKV_FORKED;
    struct client_socket sock;
    int rc = -ENOMEM;

    memset(cluster, 0, sizeof *cluster);
    if (handle_is_forked(h)) goto out;
    status = PKV_SYSTEM;
    if (s == NULL || inbox == NULL) goto out;
    rc = socket_open(&sock, h->socket.v6);
    if (rc != 0) goto out;
    socket_inbox_init(inbox);
    survey_init(s, &h->session.servers, limit_ns, handle_now_ns(),
                polling_seed());
    polling_survey(s, &sock, inbox);
    socket_close(&sock);
    status = s->first ? PKV_OK : PKV_UNAVAILABLE;
    if (s->first) cluster_fill(cluster, s);

out:
    free(s);
    free(inbox);
    if (status == PKV_SYSTEM) errno = -rc;
    return status;
}

const char *pkv_counter_name(unsigned counter)
{
    return status_counter_name(counter);
}

/* ---- discover ----------------------------------------------------------- */

/* All that a discovery holds on to, in one piece. */
struct discovery {
    struct client_socket sock;
    struct pkv_found *found;
    unsigned found_max;
    int count;
    uint64_t cookie;
    struct socket_inbox inbox;
};

static void found_add(struct pkv_found *f, const struct address *addr)
{
    char text[RESOLVE_TEXT_MAX];
    const size_t len = strlen(f->servers);

    resolve_print(addr, text, sizeof text);
    if (strstr(f->servers, text)) return; /* it was asked more than once */
    if (len + strlen(text) + 2 > sizeof f->servers) return;
    snprintf(f->servers + len, sizeof f->servers - len, "%s%s", len ? "," : "",
             text);
}

static void discover_on_datagram(struct discovery *d,
                                 const struct socket_datagram *from)
{
    struct datagram_head head;
    struct welcome m;
    struct reader r;
    char name[CLUSTER_NAME_MAX + 1];
    int i = 0;

    if (datagram_open(from->bytes, from->len, &head) != DATAGRAM_OK) return;
    if (head.kind != DATAGRAM_WELCOME) return;
    r = reader_of(from->bytes + DATAGRAM_HEAD, from->len - DATAGRAM_HEAD);
    if (welcome_decode(&m, &r) != 0 || m.cookie != d->cookie) return;
    snprintf(name, sizeof name, "%.*s", (int)m.name.len,
             (const char *)m.name.at);
    while (i < d->count && strcmp(d->found[i].name, name) != 0) i++;
    if (i == (int)d->found_max) return;
    if (i == d->count) {
        memset(&d->found[i], 0, sizeof d->found[i]);
        snprintf(d->found[i].name, sizeof d->found[i].name, "%s", name);
        d->count++;
    }
    found_add(&d->found[i], &from->addr);
}

static void discover_receive(struct discovery *d)
{
    struct socket_datagram list[SOCKET_BATCH];
    int count;

    while ((count = socket_receive(&d->sock, &d->inbox, SOCKET_BATCH, list)) >
           0) {
        for (int i = 0; i < count; i++) discover_on_datagram(d, &list[i]);
    }
}

static void discover_ask(const struct discovery *d)
{
    const struct datagram_head head = { .kind = DATAGRAM_KNOCK,
                                        .parts = 1,
                                        .nonce = d->cookie };
    uint8_t knock[KNOCK_SIZE] = { 0 };
    struct socket_datagram out = { .bytes = knock, .len = sizeof knock };

    resolve_numeric(DISCOVER_GROUP, &out.addr);
    datagram_seal(knock, sizeof knock, &head);
    socket_send(&d->sock, &out, 1);
}

static void discover_run(struct discovery *d)
{
    const uint64_t end_ns = handle_now_ns() + DISCOVER_NS;
    uint64_t ask_ns = 0;

    for (;;) {
        const uint64_t now_ns = handle_now_ns();

        if (now_ns >= end_ns) return;
        if (now_ns >= ask_ns) {
            discover_ask(d);
            ask_ns = now_ns + DISCOVER_AGAIN_NS;
        }
        polling_wait(d->sock.fd, min_u64(ask_ns, end_ns));
        discover_receive(d);
    }
}

int pkv_discover(struct pkv_found *found, unsigned found_max)
{
    const struct ip_mreqn lo = { .imr_ifindex = (int)if_nametoindex("lo") };
    struct discovery *d = calloc(1, sizeof *d);
    int rc;

    if (d == NULL) return -ENOMEM;
    rc = socket_open(&d->sock, false);
    if (rc != 0) goto out;
    d->found = found;
    d->found_max = found_max;
    d->cookie = polling_seed();
    socket_inbox_init(&d->inbox);
    rc = setsockopt(d->sock.fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo);
    if (rc != 0) {
        rc = -errno;
    } else {
        discover_run(d);
        rc = d->count;
    }
    socket_close(&d->sock);

out:
    free(d);
    return rc;
}

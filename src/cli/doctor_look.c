/*
 * doctor_look.c - facts of the members: questions by unicast, small and large,
 * and multicasts that come by themselves.
 */
#include "cli/doctor.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_MS    1000
#define DATAGRAM_MAX 65536u

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- multicasts ---------------------------------------------------------- */

static int join4(const struct doctor_facts *f, int fd)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(
                                  (uint16_t)f->settings.group_port) };
    struct ip_mreqn join = { .imr_ifindex = (int)if_nametoindex(f->interface) };

    if (inet_pton(AF_INET, f->settings.group_host, &at.sin_addr) != 1)
        return -1;
    join.imr_multiaddr = at.sin_addr;
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) return -1;
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join);
}

static int join6(const struct doctor_facts *f, int fd)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6,
                               .sin6_port = htons(
                                   (uint16_t)f->settings.group_port) };
    struct ipv6_mreq join = { .ipv6mr_interface = if_nametoindex(
                                  f->interface) };

    if (inet_pton(AF_INET6, f->settings.group_host, &at.sin6_addr) != 1)
        return -1;
    join.ipv6mr_multiaddr = at.sin6_addr;
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) return -1;
    return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &join, sizeof join);
}

static int listen_open(const struct doctor_facts *f)
{
    const bool v6 = strchr(f->settings.group_host, ':') != NULL;
    const int on = 1, fd = socket(v6 ? AF_INET6 : AF_INET,
                                  SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if ((v6 ? join6(f, fd) : join4(f, fd)) == 0) return fd;
    close(fd);
    return -1;
}

static void multicast_count(struct doctor_facts *f,
                            const struct sockaddr_storage *from)
{
    char ip[INET6_ADDRSTRLEN], text[80];

    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)from;

        inet_ntop(AF_INET, &a->sin_addr, ip, sizeof ip);
        snprintf(text, sizeof text, "%s:%u", ip, ntohs(a->sin_port));
    } else {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)from;

        inet_ntop(AF_INET6, &a->sin6_addr, ip, sizeof ip);
        snprintf(text, sizeof text, "[%s]:%u", ip, ntohs(a->sin6_port));
    }
    for (unsigned i = 0; i < f->size; i++) {
        if (strcmp(f->members[i].addr, text) == 0) f->members[i].multicasts++;
    }
}

static void look_multicast(struct doctor_facts *f)
{
    const uint64_t end_ms = now_ms() + LISTEN_MS;
    static char buffer[DATAGRAM_MAX];
    uint64_t at_ms;
    int fd;

    if (f->settings.unicast || f->interface[0] == '\0') return;
    fd = listen_open(f);
    if (fd < 0) return;
    f->listened = true;
    /* A follower tells the group every second time. */
    f->expected = LISTEN_MS / (2 * f->settings.heartbeat_ms);
    while ((at_ms = now_ms()) < end_ms) {
        struct pollfd polled = { .fd = fd, .events = POLLIN };
        struct sockaddr_storage from;
        socklen_t len = sizeof from;

        poll(&polled, 1, (int)(end_ms - at_ms));
        if (recvfrom(fd, buffer, sizeof buffer, MSG_DONTWAIT, (void *)&from,
                     &len) >= 0)
            multicast_count(f, &from);
    }
    close(fd);
}

/* ---- questions ----------------------------------------------------------- */

/* The bytes of the longest datagram that members send each other. */
static unsigned large_bytes(const struct doctor_facts *f)
{
    const unsigned heads = strchr(f->settings.group_host, ':') ? 48 : 28;
    unsigned mtu = f->settings.mtu;

    if (mtu == 0 || mtu > f->interface_mtu) mtu = f->interface_mtu;
    if (mtu < 1400) mtu = 1400;
    if (mtu > PKV_PROBE_MAX) mtu = PKV_PROBE_MAX;
    return mtu - heads;
}

/*
 * A kernel tells of a closed port about once a second, and members that probe
 * it ask often: to be told, too, one has to ask for a while.
 */
static void look_closed(struct doctor_member *m)
{
    struct pkv_probed again;

    if (m->small.answered || m->small.closed || m->small.error) return;
    pkv_probe(m->addr, PKV_PROBE_MIN, DOCTOR_PATIENCE, &again);
    if (again.answered > 0) return;
    m->small.closed = again.closed;
    m->small.error = again.error;
}

static void look_member(struct doctor_facts *f, struct doctor_member *m)
{
    if (m->addr[0] == '\0') return;
    pkv_probe(m->addr, PKV_PROBE_MIN, DOCTOR_PROBES, &m->small);
    m->up = m->small.answered > 0;
    look_closed(m);
    m->neighbour = m->is_self || doctor_is_neighbour(m->addr);
    if (!m->up) return;
    pkv_probe(m->addr, f->large_bytes, DOCTOR_PROBES, &m->large);
}

/* What the own member counts of datagrams of other clusters. */
static uint64_t foreign_count(const struct pkv_member *m)
{
    for (unsigned i = 0; i < m->counter_count; i++) {
        const char *name = pkv_counter_name(i);

        if (name && strcmp(name, "drop_cluster") == 0) return m->counters[i];
    }
    return 0;
}

static void keep_clocks(struct doctor_facts *f, const struct pkv_cluster *c)
{
    for (unsigned i = 0; i < c->size; i++) {
        for (unsigned j = 0; j < f->size; j++) {
            if (c->members[i].up && c->members[i].id == f->members[j].id)
                f->members[j].clock_us = c->members[i].clock_us;
        }
    }
}

/* The own member, as it says itself; NULL: it does not answer.  It names the
 * others, which are asked for the time. */
static const struct pkv_member *own_member(struct doctor_facts *f)
{
    static struct pkv_cluster cluster;

    for (unsigned i = 0; i < f->size; i++) {
        struct pkv *h;
        bool good;

        if (!f->members[i].is_self || !f->members[i].up) continue;
        if (pkv_open(&h, f->members[i].addr, NULL, 0) != PKV_OK) continue;
        pkv_set_timeout_ms(h, 2000);
        good = pkv_status(h, &cluster) == PKV_OK;
        pkv_close(h);
        if (good) keep_clocks(f, &cluster);
        for (unsigned j = 0; good && j < cluster.size; j++) {
            if (cluster.members[j].id == f->members[i].id &&
                cluster.members[j].up)
                return &cluster.members[j];
        }
    }
    return NULL;
}

_Static_assert(sizeof((struct doctor_facts *)0)->members[0].addr ==
                   sizeof((struct doctor_facts *)0)->settings.members[0].addr,
               "addresses are copied whole");

void doctor_look(struct doctor_facts *f)
{
    const struct pkv_member *own;
    uint64_t foreign = 0;

    f->size = f->settings.size;
    for (unsigned i = 0; i < f->size; i++) {
        f->members[i].id = f->settings.members[i].id;
        memcpy(f->members[i].addr, f->settings.members[i].addr,
               sizeof f->members[i].addr);
    }
    doctor_see_interface(f);
    doctor_see_kernel(f);
    doctor_see_disk(f);
    f->large_bytes = large_bytes(f);
    for (unsigned i = 0; i < f->size; i++) look_member(f, &f->members[i]);
    own = own_member(f);
    if (own) foreign = foreign_count(own);
    look_multicast(f);
    own = own_member(f);
    f->own_up = own != NULL;
    f->own_ring = own && own->io_ring;
    if (own) f->foreign = foreign_count(own) - foreign;
    doctor_see_socket(f);
}

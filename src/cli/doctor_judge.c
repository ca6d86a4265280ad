/*
 * doctor_judge.c - findings from facts, the gravest causes first: what follows
 * from another finding about the same member is not told as well.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIVENESS 1000u /* to the port that tells of a process that ended */

static struct doctor_finding *add(struct doctor_findings *out, const char *what,
                                  unsigned member)
{
    struct doctor_finding *f = &out->list[out->count];

    if (out->count < DOCTOR_FINDINGS_MAX - 1) out->count++;
    memset(f, 0, sizeof *f);
    f->what = what;
    f->member = member;
    return f;
}

__attribute__((format(printf, 2, 3))) static void say(char *to,
                                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(to, DOCTOR_TEXT_MAX, format, args);
    va_end(args);
}

/* ---- this machine -------------------------------------------------------- */

static void judge_interface(const struct doctor_facts *f,
                            struct doctor_findings *out)
{
    const char *name = f->interface;
    struct doctor_finding *d;

    if (name[0] == '\0') {
        d = add(out, "interface", 0);
        say(d->text, "no interface of this machine has the address of a "
                     "member");
        say(d->mend, "ip addr; then correct [members] in %s", f->config);
        return;
    }
    if (!f->interface_up) {
        d = add(out, "interface", 0);
        say(d->text, "%s is down", name);
        say(d->mend, "ip link set dev %s up", name);
    }
    if (f->settings.unicast || f->interface_loopback) return;
    if (!f->interface_multicast) {
        d = add(out, "interface", 0);
        say(d->text, "%s does no multicast", name);
        say(d->mend, "ip link set dev %s multicast on", name);
    }
    if (f->snoops && !f->querier) {
        d = add(out, "querier", 0);
        say(d->text,
            "the bridge at %s snoops IGMP, and does not ask: without "
            "another querier multicast ends after minutes",
            name);
        say(d->mend, "ip link set dev BRIDGE type bridge mcast_querier 1");
    }
    if (f->own_up && !f->joined) {
        d = add(out, "membership", 0);
        say(d->text, "nobody on this machine has joined %s on %s",
            f->settings.group_host, name);
        say(d->mend, "systemctl restart paxoskvd");
    }
}

static void judge_kernel(const struct doctor_facts *f,
                         struct doctor_findings *out)
{
    const uint64_t wanted = f->settings.rcvbuf_bytes;
    struct doctor_finding *d;

    if (f->granted_bytes && f->granted_bytes < wanted) {
        d = add(out, "rmem", 0);
        say(d->text,
            "the receive buffer has %" PRIu64 " bytes, %" PRIu64
            " are wanted; %" PRIu64 " datagrams were dropped",
            f->granted_bytes, wanted, f->dropped);
        say(d->mend, "sysctl -w net.core.rmem_max=%" PRIu64, wanted);
    }
    if (f->own_up && !f->own_ring && !f->settings.ring_refused) {
        d = add(out, "io_uring", 0);
        d->is_note = true;
        say(d->text, "the member works without io_uring%s",
            f->uring_disabled ? ", which this kernel forbids" : "");
        if (f->uring_disabled)
            say(d->mend, "sysctl -w kernel.io_uring_disabled=0");
        else
            say(d->mend, "allow io_uring where it runs, or set [io] ring = no");
    }
    if (!f->clock_synced) {
        d = add(out, "clock", 0);
        d->is_note = true;
        say(d->text, "the clock of this machine is not synchronised; no "
                     "decision needs it, logs are hard to compare");
        say(d->mend, "timedatectl set-ntp true");
    }
}

static void judge_disk(const struct doctor_facts *f,
                       struct doctor_findings *out)
{
    struct doctor_finding *d;

    if (!f->formatted && !f->own_up && f->interface[0]) {
        d = add(out, "format", 0);
        say(d->text, "%s is not the data directory of a member",
            f->settings.data);
        say(d->mend, "paxoskvd -c %s --format", f->config);
    }
    if (f->disk_us <= DOCTOR_DISK_SLOW_US) return;
    d = add(out, "disk", 0);
    say(d->text, "a durable write of 4 KiB to %s takes %" PRIu64 " us",
        f->settings.data, f->disk_us);
    say(d->mend, "iostat -x 1; then move [node] data to a faster disk");
}

/* ---- members ------------------------------------------------------------- */

static unsigned port_of(const char *addr)
{
    const char *colon = strrchr(addr, ':');

    return colon ? (unsigned)strtoul(colon + 1, NULL, 10) : PKV_PORT;
}

/* The address alone, without port and brackets. */
static const char *host_of(const char *addr, char host[80])
{
    const bool v6 = addr[0] == '[';
    const char *end = v6 ? strchr(addr, ']') : strrchr(addr, ':');

    snprintf(host, 80, "%.*s", end ? (int)(end - addr - v6) : 0, addr + v6);
    return host;
}

/* It gives no answer at all. */
static void judge_silent(const struct doctor_facts *f,
                         const struct doctor_member *m,
                         struct doctor_findings *out)
{
    struct doctor_finding *d;
    char host[80];

    if (m->small.closed) {
        d = add(out, "closed", m->id);
        say(d->text, "nobody listens at %s", m->addr);
        say(d->mend, "systemctl start paxoskvd   (on member %u)", m->id);
    } else if (m->small.error == EPERM || m->small.error == EACCES) {
        d = add(out, "firewall", m->id);
        say(d->text, "this machine does not let datagrams to %s out", m->addr);
        say(d->mend, "nft insert rule inet filter output udp dport %u accept",
            port_of(m->addr));
    } else if (m->small.error == ENETUNREACH ||
               m->small.error == EHOSTUNREACH || !m->neighbour) {
        d = add(out, "unreachable", m->id);
        say(d->text, "there is no way to %s, or its machine is down%s%s",
            m->addr, m->small.error ? ": " : "",
            m->small.error ? strerror(m->small.error) : "");
        say(d->mend, "ip route get %s", host_of(m->addr, host));
    } else {
        d = add(out, "firewall", m->id);
        say(d->text,
            "the machine of %s is there, and does not answer: a "
            "firewall, or a process that hangs",
            m->addr);
        say(d->mend,
            "nft insert rule inet filter input udp dport { %u, %u, %u } "
            "accept   "
            "(on member %u)",
            port_of(m->addr), f->settings.group_port,
            port_of(m->addr) + LIVENESS, m->id);
    }
}

static void judge_large(const struct doctor_facts *f,
                        const struct doctor_member *m,
                        struct doctor_findings *out)
{
    struct doctor_finding *d;

    if (2 * m->small.answered <= DOCTOR_PROBES || m->large.answered > 0) return;
    d = add(out, "mtu", m->id);
    say(d->text,
        "datagrams of %u bytes do not get to %s, those of %u do: a black hole",
        f->large_bytes, m->addr, PKV_PROBE_MIN);
    say(d->mend,
        f->interface_mtu > 1400
            ? "set [cluster] mtu = 1400 in %s of all members, and restart them"
            : "raise the MTU on the way to 1400; %s cannot ask for less",
        f->config);
}

static void judge_clock(const struct doctor_member *m,
                        struct doctor_findings *out)
{
    const int64_t us = m->clock_us;
    struct doctor_finding *d;

    if (us <= DOCTOR_CLOCK_US && us >= -DOCTOR_CLOCK_US) return;
    d = add(out, "clock", m->id);
    d->is_note = true;
    say(d->text,
        "the clock of %s is %.1f s %s ours; no decision needs it, logs are "
        "hard to compare",
        m->addr, (double)llabs(us) / 1e6, us > 0 ? "ahead of" : "behind");
    say(d->mend, "timedatectl timesync-status   (on both)");
}

/* Some arrive, and a quarter does not. */
static void judge_multicast_loss(const struct doctor_facts *f,
                                 const struct doctor_member *m,
                                 struct doctor_findings *out)
{
    struct doctor_finding *d;

    if (!f->listened || m->multicasts == 0) return;
    if (4 * m->multicasts >= 3 * f->expected) return;
    d = add(out, "multicast", m->id);
    say(d->text,
        "about %u of 100 multicasts from %s were lost; by unicast, %u of %u "
        "questions were",
        100 - 100 * m->multicasts / f->expected, m->addr,
        DOCTOR_PROBES - m->small.answered, DOCTOR_PROBES);
    say(d->mend, "ip -s link show dev %s; ethtool -S %s", f->interface,
        f->interface);
}

static void judge_member(const struct doctor_facts *f,
                         const struct doctor_member *m,
                         struct doctor_findings *out)
{
    const unsigned lost = DOCTOR_PROBES - m->small.answered;
    struct doctor_finding *d;

    if (m->addr[0] == '\0') {
        d = add(out, "name", m->id);
        say(d->text, "the name of its host does not resolve");
        say(d->mend, "getent hosts NAME; then correct [members] in %s",
            f->config);
        return;
    }
    if (m->small.answered == 0) {
        judge_silent(f, m, out);
        return;
    }
    if (strcmp(m->small.cluster, f->settings.name) != 0) {
        d = add(out, "cluster", m->id);
        say(d->text, "%s is a member of cluster %s, not of %s", m->addr,
            m->small.cluster, f->settings.name);
        say(d->mend,
            "correct [cluster] name in its ini file, or [members] "
            "here: %s",
            f->config);
        return;
    }
    if (4 * lost > DOCTOR_PROBES) {
        d = add(out, "loss", m->id);
        say(d->text, "%u of %u questions to %s were lost", lost, DOCTOR_PROBES,
            m->addr);
        say(d->mend, "ip -s link show dev %s; ethtool -S %s", f->interface,
            f->interface);
    }
    judge_large(f, m, out);
    judge_clock(m, out);
    judge_multicast_loss(f, m, out);
    if (f->settings.unicast || !f->listened || m->multicasts > 0) return;
    d = add(out, "multicast", m->id);
    say(d->text, "%s is there by unicast, but no multicast from it arrives%s",
        m->addr,
        f->settings.ttl <= 1 && !m->neighbour && !m->is_self
            ? "; it is behind a router, and ttl is 1"
            : ": a switch without IGMP querier, or a firewall");
    say(d->mend,
        f->settings.ttl <= 1 && !m->neighbour && !m->is_self
            ? "set [node] ttl = 8 in %s"
            : "set [cluster] transport = unicast in %s of all members,"
              " or let UDP to the group through",
        f->config);
}

/* Datagrams of another cluster, though all names are right. */
static void judge_hash(const struct doctor_facts *f,
                       struct doctor_findings *out)
{
    struct doctor_finding *d;

    for (unsigned i = 0; i < f->size; i++) {
        const char *name = f->members[i].small.cluster;

        if (name[0] && strcmp(name, f->settings.name) != 0) return;
    }
    if (f->foreign == 0) return;
    d = add(out, "hash", 0);
    say(d->text,
        "%" PRIu64 " datagrams came from members whose [cluster] or "
        "[members] differ from ours",
        f->foreign);
    say(d->mend, "cksum %s   (on all members; then compare)", f->config);
}

void doctor_judge(const struct doctor_facts *f, struct doctor_findings *out)
{
    out->count = 0;
    judge_interface(f, out);
    judge_disk(f, out);
    for (unsigned i = 0; i < f->size; i++) judge_member(f, &f->members[i], out);
    judge_hash(f, out);
    judge_kernel(f, out);
}

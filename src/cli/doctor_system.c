/*
 * doctor_system.c - facts of this machine: interface, kernel, disk, sockets.
 * What cannot be found out is left as it is: nothing, or well.
 */
#include "cli/doctor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define DISK_WRITES 15u
#define DISK_BLOCK  4096u
#define PATH_MAX_   1200u

/* The number in a file of /proc or /sys, or other. */
static uint64_t number_in(const char *path, uint64_t other)
{
    FILE *file = fopen(path, "re");
    unsigned long long number = other;

    if (file == NULL) return other;
    if (fscanf(file, "%llu", &number) != 1) number = other;
    fclose(file);
    return number;
}

/* The address in "1.2.3.4:5" or "[::1]:5", as text. */
static void ip_of(const char *addr, char ip[INET6_ADDRSTRLEN])
{
    const char *end = strrchr(addr, ':');
    size_t len = end ? (size_t)(end - addr) : 0;

    if (addr[0] == '[' && len >= 2) {
        addr++;
        len -= 2;
    }
    if (len >= INET6_ADDRSTRLEN) len = 0;
    memcpy(ip, addr, len);
    ip[len] = '\0';
}

/* ---- interface ----------------------------------------------------------- */

static bool ifaddr_is(const struct ifaddrs *a, const char *wanted)
{
    char ip[INET6_ADDRSTRLEN] = "";

    if (a->ifa_addr == NULL) return false;
    if (a->ifa_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)a->ifa_addr)->sin_addr, ip,
                  sizeof ip);
    else if (a->ifa_addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr,
                  ip, sizeof ip);
    return ip[0] && strcmp(ip, wanted) == 0;
}

static void see_own(struct doctor_facts *f, const struct ifaddrs *list)
{
    for (unsigned i = 0; i < f->size; i++) {
        struct doctor_member *m = &f->members[i];
        char ip[INET6_ADDRSTRLEN];

        ip_of(m->addr, ip);
        for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
            if (!ifaddr_is(a, ip)) continue;
            m->is_self = true;
            if (f->interface[0]) continue;
            snprintf(f->interface, sizeof f->interface, "%s", a->ifa_name);
            f->interface_up = (a->ifa_flags & IFF_UP) &&
                              (a->ifa_flags & IFF_RUNNING);
            f->interface_multicast = a->ifa_flags & IFF_MULTICAST;
            f->interface_loopback = a->ifa_flags & IFF_LOOPBACK;
        }
    }
}

/* The interface may be a bridge, or a port of one. */
static void see_bridge(struct doctor_facts *f)
{
    static const char *const places[] = { "bridge", "brport/bridge/bridge" };
    char path[PATH_MAX_];

    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/sys/class/net/%s/%s/multicast_snooping",
                 f->interface, places[i]);
        if (access(path, R_OK) != 0) continue;
        f->snoops = number_in(path, 0);
        snprintf(path, sizeof path, "/sys/class/net/%s/%s/multicast_querier",
                 f->interface, places[i]);
        f->querier = number_in(path, 1);
    }
}

/* The group as the kernel lists it: hexadecimal, IPv4 in its own order. */
static void see_membership(struct doctor_facts *f)
{
    const bool v6 = strchr(f->settings.group_host, ':') != NULL;
    FILE *file = fopen(v6 ? "/proc/net/igmp6" : "/proc/net/igmp", "re");
    uint8_t ip[16];
    uint32_t word;
    char wanted[40] = "?", line[256];

    if (file == NULL) return;
    if (v6 && inet_pton(AF_INET6, f->settings.group_host, ip) == 1) {
        for (unsigned i = 0; i < 16; i++)
            snprintf(wanted + 2 * i, 3, "%02x", ip[i]);
    } else if (!v6 && inet_pton(AF_INET, f->settings.group_host, &word) == 1) {
        snprintf(wanted, sizeof wanted, "%08X", word);
    }
    while (fgets(line, sizeof line, file)) {
        if (strstr(line, wanted)) f->joined = true;
    }
    fclose(file);
}

void doctor_see_interface(struct doctor_facts *f)
{
    char path[PATH_MAX_];
    struct ifaddrs *list;

    if (getifaddrs(&list) != 0) return;
    see_own(f, list);
    freeifaddrs(list);
    see_membership(f);
    if (f->interface[0] == '\0') return;
    see_bridge(f);
    snprintf(path, sizeof path, "/sys/class/net/%s/mtu", f->interface);
    f->interface_mtu = (unsigned)number_in(path, 1500);
}

bool doctor_is_neighbour(const char *addr)
{
    FILE *file = fopen("/proc/net/arp", "re");
    char ip[INET6_ADDRSTRLEN], line[256], at[64];
    bool is = false;
    unsigned flags;

    ip_of(addr, ip);
    if (strchr(ip, ':')) is = true; /* not told here */
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%63s %*s %x", at, &flags) == 2 && strcmp(at, ip) == 0)
            is = flags & 2;
    }
    if (file) fclose(file);
    return is;
}

/* ---- kernel -------------------------------------------------------------- */

void doctor_see_kernel(struct doctor_facts *f)
{
    struct timex t = { .modes = 0 };

    f->rmem_max = number_in("/proc/sys/net/core/rmem_max", 0);
    f->uring_disabled = (unsigned)number_in(
        "/proc/sys/kernel/io_uring_disabled", 0);
    f->clock_synced = adjtimex(&t) != TIME_ERROR || !(t.status & STA_UNSYNC);
}

/* ---- disk ---------------------------------------------------------------- */

static int time_cmp(const void *a, const void *b)
{
    const uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;

    return (l > r) - (l < r);
}

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* By a file without a name, which is gone with us. */
void doctor_see_disk(struct doctor_facts *f)
{
    static _Alignas(DISK_BLOCK) char block[DISK_BLOCK];
    uint64_t us[DISK_WRITES];
    char path[PATH_MAX_];
    unsigned count = 0;
    int fd;

    snprintf(path, sizeof path, "%s/meta", f->settings.data);
    f->formatted = access(path, F_OK) == 0;
    fd = open(f->settings.data, O_TMPFILE | O_WRONLY | O_DSYNC | O_CLOEXEC,
              0600);
    if (fd < 0) return;
    for (; count < DISK_WRITES; count++) {
        const uint64_t from_us = now_us();

        if (pwrite(fd, block, sizeof block, (off_t)(count * DISK_BLOCK)) !=
            DISK_BLOCK)
            break;
        us[count] = now_us() - from_us;
    }
    close(fd);
    if (count < DISK_WRITES) return;
    qsort(us, count, sizeof us[0], time_cmp);
    f->disk_us = us[count / 2];
}

/* ---- the own member's socket, by sock_diag ------------------------------- */

struct diag_request {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static void diag_take(struct doctor_facts *f, const struct nlmsghdr *head,
                      unsigned port)
{
    const struct inet_diag_msg *m = NLMSG_DATA(head);
    const uint8_t *at = (const uint8_t *)(m + 1);
    const uint8_t *end = (const uint8_t *)head + head->nlmsg_len;

    if (ntohs(m->id.idiag_sport) != port) return;
    while (at + sizeof(struct nlattr) <= end) {
        const struct nlattr *a = (const struct nlattr *)at;
        const uint32_t *memory = (const uint32_t *)(a + 1);

        if (a->nla_len < sizeof *a) return;
        if (a->nla_type == INET_DIAG_SKMEMINFO &&
            a->nla_len >= sizeof *a + 4 * SK_MEMINFO_VARS) {
            /* The kernel counts twice what was asked for. */
            f->granted_bytes = memory[SK_MEMINFO_RCVBUF] / 2;
            f->dropped = memory[SK_MEMINFO_DROPS];
        }
        at += NLA_ALIGN(a->nla_len);
    }
}

static void diag_read(struct doctor_facts *f, int fd, unsigned port)
{
    _Alignas(8) char buffer[32768];
    ssize_t len;

    while ((len = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        size_t left = (size_t)len;

        for (struct nlmsghdr *h = (struct nlmsghdr *)buffer; NLMSG_OK(h, left);
             h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY) return;
            diag_take(f, h, port);
        }
    }
}

void doctor_see_socket(struct doctor_facts *f)
{
    struct diag_request ask = {
        .head = { .nlmsg_len = sizeof ask,
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .body = { .sdiag_protocol = IPPROTO_UDP,
                  .idiag_states = ~0u,
                  .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1) },
    };

    for (unsigned i = 0; i < f->size; i++) {
        const struct doctor_member *m = &f->members[i];
        int fd;

        if (!m->is_self || !m->up || f->granted_bytes) continue;
        ask.body.sdiag_family = m->addr[0] == '[' ? AF_INET6 : AF_INET;
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        if (fd < 0) return;
        if (send(fd, &ask, sizeof ask, 0) == (ssize_t)sizeof ask)
            diag_read(f, fd, (unsigned)atoi(strrchr(m->addr, ':') + 1));
        close(fd);
    }
}

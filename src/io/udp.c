/* udp.c - see udp.h. */
#include "io/udp.h"

#include "base/units.h"
#include "io/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BIND_PATIENCE_NS (2 * NS_PER_S)
#define BIND_RETRY_NS    (10 * NS_PER_MS)

socklen_t udp_to_sockaddr(const struct address *a, struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

    if (a->family == 6) {
        *in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                      .sin6_port = htons(a->port),
                                      .sin6_scope_id = a->scope };
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof *in6;
    }
    *in = (struct sockaddr_in){ .sin_family = AF_INET,
                                .sin_port = htons(a->port) };
    memcpy(&in->sin_addr, a->ip, 4);
    return sizeof *in;
}

void udp_from_sockaddr(const struct sockaddr *s, struct address *out)
{
    memset(out, 0, sizeof *out);
    if (s->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)s;

        out->family = 4;
        out->port = ntohs(in->sin_port);
        memcpy(out->ip, &in->sin_addr, 4);
    } else if (s->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)s;

        out->family = 6;
        out->port = ntohs(in6->sin6_port);
        out->scope = in6->sin6_scope_id;
        memcpy(out->ip, &in6->sin6_addr, 16);
    }
}

bool udp_is_multicast(const struct address *a)
{
    if (a->family == 4) return (a->ip[0] & 0xf0) == 0xe0;
    return a->family == 6 && a->ip[0] == 0xff;
}

bool udp_is_loopback(const struct address *a)
{
    static const uint8_t one[16] = { [15] = 1 };

    if (a->family == 4) return a->ip[0] == 127;
    return a->family == 6 && memcmp(a->ip, one, 16) == 0;
}

const char *udp_format(const struct address *a, char text[UDP_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN] = "";
    char name[IF_NAMESIZE + 1] = "";

    if (a->family == 4) {
        inet_ntop(AF_INET, a->ip, ip, sizeof ip);
        snprintf(text, UDP_TEXT_MAX, "%s:%u", ip, a->port);
    } else if (a->family == 6) {
        inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
        if (a->scope && if_indextoname(a->scope, name + 1)) name[0] = '%';
        /* 39 and 16 and 9 bytes at most: nothing can be cut off. */
        snprintf(text, UDP_TEXT_MAX, "[%.39s%.16s]:%u", ip, name, a->port);
    } else {
        snprintf(text, UDP_TEXT_MAX, "none");
    }
    return text;
}

/* Split "host:port" or "[host]:port"; false for any other form. */
static bool split(const char *text, char host[NI_MAXHOST], const char **port)
{
    const bool bracket = text[0] == '[';
    const char *end = bracket ? strchr(text, ']') : strrchr(text, ':');
    const char *from = bracket ? text + 1 : text;

    if (!end || (bracket && end[1] != ':')) return false;
    *port = bracket ? end + 2 : end + 1;
    if (end == from || end - from >= NI_MAXHOST) return false;
    /* Two colons without brackets: is the last one the port's? Not told. */
    if (!bracket && memchr(from, ':', (size_t)(end - from))) return false;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    return true;
}

static bool port_is_good(const char *port)
{
    char *end;
    const long value = strtol(port, &end, 10);

    return port[0] >= '0' && port[0] <= '9' && *end == '\0' && value >= 1 &&
           value <= 65535 && end - port <= 5;
}

int udp_resolve(const char *text, int family, struct address *out)
{
    const struct addrinfo hints = {
        .ai_family = family == 4   ? AF_INET
                     : family == 6 ? AF_INET6
                                   : AF_UNSPEC,
        .ai_socktype = SOCK_DGRAM,
        .ai_flags = AI_NUMERICSERV,
    };
    struct addrinfo *found = NULL;
    char host[NI_MAXHOST];
    const char *port;
    int rc;

    memset(out, 0, sizeof *out);
    if (!split(text, host, &port) || !port_is_good(port)) return -EINVAL;
    rc = getaddrinfo(host, port, &hints, &found);
    if (rc == EAI_AGAIN) return -EAGAIN;
    if (rc == EAI_SYSTEM && errno != 0) return -errno;
    if (rc == EAI_MEMORY) return -ENOMEM;
    if (rc != 0) return -ENOENT;
    udp_from_sockaddr(found->ai_addr, out);
    freeaddrinfo(found);
    return out->family ? 0 : -ENOENT;
}

/* Note which step fails; returns -errno as it stands on entry. */
__attribute__((format(printf, 2, 3))) static int fault_at(
    struct udp_fault *fault, const char *format, ...)
{
    const int rc = -errno;
    va_list args;

    va_start(args, format);
    vsnprintf(fault->step, sizeof fault->step, format, args);
    va_end(args);
    return rc;
}

static bool same_ip(const struct address *a, const struct address *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, 16) == 0;
}

/* Name of the interface that has an address. */
static int interface_of(const struct address *member, char name[IF_NAMESIZE])
{
    struct ifaddrs *all;
    int rc = -EADDRNOTAVAIL;

    if (getifaddrs(&all) < 0) return -errno;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct address a;

        if (!i->ifa_addr) continue;
        udp_from_sockaddr(i->ifa_addr, &a);
        if (!same_ip(&a, member)) continue;
        if (member->scope && a.scope != member->scope) continue;
        snprintf(name, IF_NAMESIZE, "%s", i->ifa_name);
        rc = 0;
        break;
    }
    freeifaddrs(all);
    /* All of 127.0.0.0/8 is the machine's, only one address is listed. */
    if (rc < 0 && udp_is_loopback(member)) {
        snprintf(name, IF_NAMESIZE, "lo");
        rc = 0;
    }
    return rc;
}

static int find_interface(struct udp *u, const struct udp_config *config,
                          struct udp_fault *fault)
{
    char text[UDP_TEXT_MAX];
    struct ifreq request = { 0 };
    int rc = 0;

    if (config->interface && config->interface[0])
        snprintf(u->interface, sizeof u->interface, "%s", config->interface);
    else
        rc = interface_of(&config->member, u->interface);
    if (rc < 0) {
        errno = -rc;
        return fault_at(fault, "find the interface that has %s",
                        udp_format(&config->member, text));
    }
    u->interface_index = if_nametoindex(u->interface);
    if (u->interface_index == 0)
        return fault_at(fault, "find interface %s", u->interface);

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", u->interface);
    if (ioctl(u->member_fd, SIOCGIFFLAGS, &request) < 0)
        return fault_at(fault, "read the flags of %s", u->interface);
    u->is_loopback = (request.ifr_flags & IFF_LOOPBACK) != 0;
    if (ioctl(u->member_fd, SIOCGIFMTU, &request) < 0)
        return fault_at(fault, "read the mtu of %s", u->interface);
    u->interface_mtu = (uint32_t)request.ifr_mtu;
    return 0;
}

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

/*
 * Ask for a socket buffer, beyond the limit of the machine where allowed.
 * Returns what was granted, in the unit of the question: the kernel doubles
 * what it is asked for, and says the double.
 */
static uint32_t set_buffer(int fd, int force, int plain, uint32_t bytes)
{
    const int wanted = (int)min_u64(bytes, 1u << 30);
    int granted = 0;
    socklen_t len = sizeof granted;

    if (wanted && set_int(fd, SOL_SOCKET, force, wanted) < 0)
        set_int(fd, SOL_SOCKET, plain, wanted);
    getsockopt(fd, SOL_SOCKET, plain, &granted, &len);
    return (uint32_t)granted / 2;
}

static int set_buffers(struct udp *u, const struct udp_config *config, int fd)
{
    const uint32_t in = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF,
                                   config->recv_bytes);
    const uint32_t out = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF,
                                    config->send_bytes);

    u->recv_granted = (uint32_t)min_u64(u->recv_granted, in);
    if (fd == u->member_fd) u->send_granted = out;
    return set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
}

static int open_socket(const struct address *a)
{
    const int family = a->family == 6 ? AF_INET6 : AF_INET;
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) return -1;
    if (a->family == 6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0) {
        const int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Bind; a port in use is tried again until end_ns. */
static int bind_patiently(int fd, const struct address *a, uint64_t end_ns)
{
    const struct timespec pause = { .tv_nsec = BIND_RETRY_NS };
    struct sockaddr_storage s;
    const socklen_t len = udp_to_sockaddr(a, &s);

    while (bind(fd, (const struct sockaddr *)&s, len) < 0) {
        if (errno != EADDRINUSE || host_now_ns() >= end_ns) return -1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

/* No datagram of ours is ever cut by IP. */
static int set_no_fragments(int fd, uint8_t family)
{
    if (family == 6)
        return set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
    return set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
}

/* Where multicast leaves, how far it goes, and that this machine hears it. */
static int set_multicast(const struct udp *u, uint8_t family, int hops)
{
    const int index = (int)u->interface_index;
    const struct ip_mreqn way = { .imr_ifindex = index };
    const int fd = u->member_fd;

    if (family == 6)
        return set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index) < 0 ||
                       set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops) <
                           0 ||
                       set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) < 0
                   ? -1
                   : 0;
    return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof way) < 0 ||
                   set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops) < 0 ||
                   set_int(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) < 0
               ? -1
               : 0;
}

static int open_member(struct udp *u, const struct udp_config *config,
                       struct udp_fault *fault)
{
    const struct address *member = &config->member;
    const uint64_t end_ns = add_u64(host_now_ns(), BIND_PATIENCE_NS);
    char text[UDP_TEXT_MAX];
    int rc;

    udp_format(member, text);
    u->member_fd = open_socket(member);
    if (u->member_fd < 0) return fault_at(fault, "open a socket for %s", text);
    rc = find_interface(u, config, fault);
    if (rc < 0) return rc;
    if (bind_patiently(u->member_fd, member, end_ns) < 0)
        return fault_at(fault, "bind %s", text);
    if (set_no_fragments(u->member_fd, member->family) < 0)
        return fault_at(fault, "set the don't-fragment bit for %s", text);
    if (set_buffers(u, config, u->member_fd) < 0)
        return fault_at(fault, "set options of the socket of %s", text);
    return 0;
}

static int join(const struct udp *u, const struct address *group)
{
    const int index = (int)u->interface_index;
    struct ip_mreqn in = { .imr_ifindex = index };
    struct ipv6_mreq in6 = { .ipv6mr_interface = u->interface_index };
    const int fd = u->group_fd;

    if (group->family == 6) {
        memcpy(&in6.ipv6mr_multiaddr, group->ip, 16);
        /* The option is newer than some kernels; then bind() filters alone. */
        set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
        return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &in6, sizeof in6);
    }
    memcpy(&in.imr_multiaddr, group->ip, 4);
    if (set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) < 0) return -1;
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &in, sizeof in);
}

static int open_group(struct udp *u, const struct udp_config *config,
                      struct udp_fault *fault)
{
    const int hops = u->is_loopback ? 0 : (int)config->ttl;
    struct address group = config->group;
    char text[UDP_TEXT_MAX];

    udp_format(&group, text);
    if (group.family != config->member.family || !udp_is_multicast(&group)) {
        errno = EINVAL;
        return fault_at(fault, "use %s as the group of this member", text);
    }
    /* Scopes of an interface or a link are bound to the interface's index. */
    if (group.family == 6) group.scope = u->interface_index;
    u->group_fd = open_socket(&group);
    if (u->group_fd < 0) return fault_at(fault, "open a socket for %s", text);
    if (set_int(u->group_fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
        bind_patiently(u->group_fd, &group,
                       add_u64(host_now_ns(), BIND_PATIENCE_NS)) < 0)
        return fault_at(fault, "bind %s", text);
    if (join(u, &group) < 0)
        return fault_at(fault, "join %s on %s", text, u->interface);
    if (set_multicast(u, group.family, hops) < 0)
        return fault_at(fault, "send multicast by %s", u->interface);
    if (set_buffers(u, config, u->group_fd) < 0)
        return fault_at(fault, "set options of the socket of %s", text);
    return 0;
}

int udp_open(struct udp *u, const struct udp_config *config,
             struct udp_fault *fault)
{
    int rc;

    *u = (struct udp){ .member_fd = -1,
                       .group_fd = -1,
                       .recv_granted = UINT32_MAX };
    fault->step[0] = '\0';
    rc = open_member(u, config, fault);
    if (rc == 0 && config->group.family) rc = open_group(u, config, fault);
    if (rc < 0) udp_close(u);
    return rc;
}

void udp_close(struct udp *u)
{
    if (u->member_fd >= 0) close(u->member_fd);
    if (u->group_fd >= 0) close(u->group_fd);
    u->member_fd = -1;
    u->group_fd = -1;
}

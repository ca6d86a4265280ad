/* liveness.c - see liveness.h */
#include "io/liveness.h"

#include "io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#define PORT_MAX   65535u
#define UNREAD_MAX 2048 /* bytes of probes that may wait; nobody reads them */

/* A socket bound to the member's address and this port, 0: any. */
static int open_bound(const struct address *member, uint16_t port)
{
    const int family = member->family == 6 ? AF_INET6 : AF_INET;
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct address at = *member;
    struct sockaddr_storage s;
    socklen_t len;
    int rc;

    if (fd < 0) return -errno;
    at.port = port;
    len = udp_to_sockaddr(&at, &s);
    if (bind(fd, (const struct sockaddr *)&s, len) == 0) return fd;
    rc = -errno;
    close(fd);
    return rc;
}

static int open_port(const struct address *member, uint16_t port)
{
    const int small = UNREAD_MAX;
    const int fd = open_bound(member, port);

    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    return fd;
}

/* With RECVERR the kernel says whom an error is about. */
static int open_probe(const struct address *member)
{
    const int fd = open_bound(member, 0);
    const int on = 1;
    int rc;

    if (fd < 0) return fd;
    rc = member->family == 6
             ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on)
             : setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    if (rc == 0) return fd;
    rc = -errno;
    close(fd);
    return rc;
}

int liveness_open(struct liveness *l, const struct address *member)
{
    const uint32_t port = member->port + LIVENESS_OFFSET;
    int rc = -ERANGE;

    l->probe_fd = open_probe(member);
    if (l->probe_fd < 0) l->probe_fd = -1;
    if (port <= PORT_MAX) rc = open_port(member, (uint16_t)port);
    l->port_fd = rc < 0 ? -1 : rc;
    return rc < 0 ? rc : (int)port;
}

void liveness_probe(const struct liveness *l, const struct address *to)
{
    struct sockaddr_storage s;
    const socklen_t len = udp_to_sockaddr(to, &s);
    const uint8_t byte = 0;

    if (l->probe_fd < 0) return;
    /* An error that is pending from before fails this one; the queue of errors
     * tells of it, and the next probe is not far. */
    if (sendto(l->probe_fd, &byte, 1, MSG_DONTWAIT, (const struct sockaddr *)&s,
               len) < 0 &&
        errno == ECONNREFUSED) {
        sendto(l->probe_fd, &byte, 1, MSG_DONTWAIT, (const struct sockaddr *)&s,
               len);
    }
}

void liveness_close(struct liveness *l)
{
    if (l->port_fd >= 0) close(l->port_fd);
    if (l->probe_fd >= 0) close(l->probe_fd);
    l->port_fd = l->probe_fd = -1;
}

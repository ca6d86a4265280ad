/*
 * socket.c - see socket.h.
 */
#include "client/socket.h"

#include "base/assert.h"
#include "client/resolve.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1024 * 1024)

int socket_open(struct client_socket *s, bool v6)
{
    const int on = 1, off = 0, size = RECEIVE_BUFFER;
    const int fd = socket(v6 ? AF_INET6 : AF_INET,
                          SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) return -errno;
    *s = (struct client_socket){ .fd = fd, .v6 = v6 };
    /* All of these may fail: we are then slower, but not wrong. */
    setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (v6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    return 0;
}

void socket_close(struct client_socket *s)
{
    close(s->fd);
    s->fd = -1;
}

void socket_inbox_init(struct socket_inbox *in)
{
    for (unsigned i = 0; i < SOCKET_BATCH; i++) {
        in->vectors[i] = (struct iovec){ .iov_base = in->bytes[i],
                                         .iov_len = SOCKET_DATAGRAM };
        in->messages[i] = (struct mmsghdr){
            .msg_hdr = { .msg_name = &in->from[i],
                         .msg_namelen = sizeof in->from[i],
                         .msg_iov = &in->vectors[i],
                         .msg_iovlen = 1 },
        };
    }
}

/* An error left behind by an earlier datagram fails an unrelated call once. */
static bool error_is_foreign(int error)
{
    return error == ECONNREFUSED || error == EHOSTUNREACH ||
           error == ENETUNREACH || error == EPROTO || error == EINTR;
}

static void socket_send_one(const struct client_socket *s,
                            const struct socket_datagram *d)
{
    struct sockaddr_storage to;
    const socklen_t len = resolve_to_kernel(&d->addr, s->v6, &to);

    for (int tries = 0; tries < 2; tries++) {
        if (sendto(s->fd, d->bytes, d->len, MSG_DONTWAIT, (void *)&to, len) >=
            0)
            return;
        if (!error_is_foreign(errno)) return;
    }
}

void socket_send(const struct client_socket *s,
                 const struct socket_datagram *list, unsigned count)
{
    struct mmsghdr messages[SOCKET_SEND_MAX];
    struct iovec vectors[SOCKET_SEND_MAX];
    struct sockaddr_storage to[SOCKET_SEND_MAX];
    unsigned sent = 0;

    ASSERT(count <= SOCKET_SEND_MAX);
    if (count == 1) {
        socket_send_one(s, list);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        vectors[i] = (struct iovec){ .iov_base = (void *)list[i].bytes,
                                     .iov_len = list[i].len };
        messages[i] = (struct mmsghdr){
            .msg_hdr = { .msg_name = &to[i],
                         .msg_namelen = resolve_to_kernel(&list[i].addr, s->v6,
                                                          &to[i]),
                         .msg_iov = &vectors[i],
                         .msg_iovlen = 1 },
        };
    }
    for (unsigned tries = 0; sent < count && tries < count; tries++) {
        const int rc = sendmmsg(s->fd, messages + sent, count - sent,
                                MSG_DONTWAIT);

        if (rc > 0) sent += (unsigned)rc;
        if (rc < 0 && !error_is_foreign(errno)) return;
    }
}

/* Returns 1, or -1 with errno. */
static int socket_receive_one(const struct client_socket *s,
                              struct socket_inbox *in)
{
    socklen_t from_len = sizeof in->from[0];
    const ssize_t len = recvfrom(s->fd, in->bytes[0], SOCKET_DATAGRAM,
                                 MSG_DONTWAIT, (void *)&in->from[0], &from_len);

    in->messages[0].msg_len = (unsigned)(len < 0 ? 0 : len);
    return len < 0 ? -1 : 1;
}

int socket_receive(const struct client_socket *s, struct socket_inbox *in,
                   unsigned max, struct socket_datagram list[SOCKET_BATCH])
{
    int count;

    ASSERT(max >= 1);
    ASSERT(max <= SOCKET_BATCH);
    if (max == 1)
        count = socket_receive_one(s, in);
    else
        count = recvmmsg(s->fd, in->messages, max, MSG_DONTWAIT, NULL);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) return 0;
        return error_is_foreign(errno) ? -ECONNREFUSED : -errno;
    }
    for (int i = 0; i < count; i++) {
        list[i] = (struct socket_datagram){
            .addr = resolve_from_kernel(&in->from[i]),
            .bytes = in->bytes[i],
            .len = in->messages[i].msg_len,
        };
        in->messages[i].msg_hdr.msg_namelen = sizeof in->from[i];
    }
    return count;
}

bool socket_refused(const struct client_socket *s, struct address *addr)
{
    struct sockaddr_storage to = { 0 };
    uint8_t control[512];
    struct msghdr m = {
        .msg_name = &to, /* where the datagram that failed went */
        .msg_namelen = sizeof to,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };

    if (recvmsg(s->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return false;
    *addr = resolve_from_kernel(&to);
    return true;
}

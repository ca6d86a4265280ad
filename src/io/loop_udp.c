/* loop_udp.c - see loop_private.h: what both backends know of datagrams. */
#include "io/loop_private.h"

#include "base/assert.h"
#include "io/udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DRAIN_MAX 64u

/* --- buffers to send from ---------------------------------------------- */

void *loop_udp_map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static size_t send_stride(const struct loop *l)
{
    return (l->config.datagram_max + 63) & ~(size_t)63;
}

int loop_udp_init(struct loop *l)
{
    const uint32_t count = l->config.send_buffers;
    const size_t stride = send_stride(l);

    l->send_bytes = loop_udp_map(count * stride);
    l->buffers = calloc(count, sizeof *l->buffers);
    if (!l->send_bytes || !l->buffers) return -ENOMEM;

    for (uint32_t i = count; i-- > 0;) {
        l->buffers[i].bytes = l->send_bytes + i * stride;
        l->buffers[i].size = l->config.datagram_max;
        l->buffers[i].next = l->buffer_free;
        l->buffer_free = &l->buffers[i];
    }
    return 0;
}

void loop_udp_destroy(struct loop *l)
{
    if (l->send_bytes)
        munmap(l->send_bytes, l->config.send_buffers * send_stride(l));
    free(l->buffers);
}

void loop_udp_unref(struct loop *l, struct loop_buffer *b)
{
    ASSERT(b->refs > 0);
    if (--b->refs > 0) return;
    b->next = l->buffer_free;
    l->buffer_free = b;
}

struct loop_buffer *loop_send_buffer(struct loop *l)
{
    struct loop_buffer *b = l->buffer_free;

    if (!b) {
        l->ops->make_room(l);
        b = l->buffer_free;
    }
    if (!b) {
        l->counters.send_dry++;
        return NULL;
    }
    l->buffer_free = b->next;
    b->refs = 1;
    return b;
}

void loop_send_done(struct loop *l, struct loop_buffer *buffer)
{
    loop_udp_unref(l, buffer);
}

bool loop_send(struct loop *l, uint32_t socket, struct loop_buffer *buffer,
               uint32_t len, const struct address *to)
{
    ASSERT(socket < l->socket_count);
    ASSERT(len <= buffer->size);
    if (l->ops->send(l, socket, buffer, len, to)) return true;
    l->counters.send_dry++;
    return false;
}

/* --- errors and counts ------------------------------------------------- */

bool loop_udp_is_passing(int error)
{
    switch (error) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EPROTO:
    case EMSGSIZE:
    case EINTR:
    case EAGAIN:
        return true;
    }
    return false;
}

void loop_udp_drain_errors(int fd)
{
    uint8_t bytes[64], control[512];

    for (uint32_t i = 0; i < DRAIN_MAX; i++) {
        struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
        struct msghdr msg = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof control };

        if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    }
}

/* A port that nobody has, as the machine there says. */
static bool is_closed(const struct cmsghdr *c)
{
    struct sock_extended_err e;

    if (!(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) &&
        !(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
        return false;
    }
    memcpy(&e, CMSG_DATA(c), sizeof e);
    if (e.ee_errno != ECONNREFUSED) return false;
    return e.ee_origin == SO_EE_ORIGIN_ICMP ||
           e.ee_origin == SO_EE_ORIGIN_ICMP6;
}

bool loop_udp_read_closed(const struct loop *l, struct loop_event *ev)
{
    uint8_t bytes[64];
    _Alignas(struct cmsghdr) uint8_t control[512];

    for (uint32_t i = 0; i < DRAIN_MAX; i++) {
        struct sockaddr_storage to; /* whom the failed datagram was for */
        struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
        struct msghdr msg = { .msg_name = &to,
                              .msg_namelen = sizeof to,
                              .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof control };
        struct cmsghdr *c;

        if (recvmsg(l->error_fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return false;
        for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
            if (!is_closed(c) || msg.msg_namelen == 0) continue;
            *ev = (struct loop_event){ .type = LOOP_CLOSED };
            udp_from_sockaddr((const struct sockaddr *)&to, &ev->from);
            return true;
        }
    }
    return false;
}

void loop_udp_note_overflow(struct loop *l, uint32_t socket,
                            const struct cmsghdr *c)
{
    struct loop_socket *s = &l->sockets[socket];
    uint32_t overflow;

    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL) return;
    memcpy(&overflow, CMSG_DATA(c), sizeof overflow);
    l->counters.recv_dropped += (uint32_t)(overflow - s->overflow);
    s->overflow = overflow;
}

void loop_udp_count(struct loop *l, const struct loop_event *ev)
{
    l->counters.datagrams_in++;
    l->counters.bytes_in += ev->len;
    l->counters.truncated += ev->truncated;
}

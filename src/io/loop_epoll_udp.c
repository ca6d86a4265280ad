/* loop_epoll_udp.c - see loop_epoll.h: datagrams in and out. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* recvmmsg, sendmmsg */
#endif

#include "io/loop_epoll.h"

#include "base/assert.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* --- buffers ----------------------------------------------------------- */

/* All that stays as it is from one recvmmsg to the next. */
static void prepare_receiving(struct loop_epoll *e)
{
    for (uint32_t i = 0; i < e->base.config.recv_buffers; i++) {
        struct loop_epoll_head *h = &e->recv_heads[i];

        h->iov.iov_base = e->recv_bytes + i * e->recv_stride;
        h->iov.iov_len = e->base.config.datagram_max;
        e->recv_list[i].msg_hdr = (struct msghdr){ .msg_name = &h->from,
                                                   .msg_iov = &h->iov,
                                                   .msg_iovlen = 1,
                                                   .msg_control = h->control };
    }
}

int loop_epoll_udp_open(struct loop_epoll *e)
{
    const struct loop_config *c = &e->base.config;

    e->recv_stride = (c->datagram_max + 63) & ~(size_t)63;
    e->recv_bytes = loop_udp_map(c->recv_buffers * e->recv_stride);
    e->recv_list = calloc(c->recv_buffers, sizeof *e->recv_list);
    e->recv_heads = calloc(c->recv_buffers, sizeof *e->recv_heads);
    e->send_list = calloc(c->sends_max, sizeof *e->send_list);
    e->sends = calloc(c->sends_max, sizeof *e->sends);
    if (!e->recv_bytes || !e->recv_list || !e->recv_heads || !e->send_list ||
        !e->sends)
        return -ENOMEM;
    prepare_receiving(e);
    return 0;
}

void loop_epoll_udp_close(struct loop_epoll *e)
{
    if (e->recv_bytes)
        munmap(e->recv_bytes, e->base.config.recv_buffers * e->recv_stride);
    free(e->recv_list);
    free(e->recv_heads);
    free(e->send_list);
    free(e->sends);
}

/* --- receiving --------------------------------------------------------- */

bool loop_epoll_udp_next(struct loop_epoll *e, struct loop_event *ev)
{
    struct loop_epoll_head *h = &e->recv_heads[e->recv_at];
    struct mmsghdr *m = &e->recv_list[e->recv_at];
    struct cmsghdr *c;

    if (e->recv_at == e->recv_count) return false;
    *ev = (struct loop_event){ .type = LOOP_DATAGRAM,
                               .socket = e->recv_socket,
                               .bytes = h->iov.iov_base,
                               .len = m->msg_len,
                               .truncated = m->msg_hdr.msg_flags & MSG_TRUNC };
    udp_from_sockaddr((const struct sockaddr *)&h->from, &ev->from);
    for (c = CMSG_FIRSTHDR(&m->msg_hdr); c; c = CMSG_NXTHDR(&m->msg_hdr, c))
        loop_udp_note_overflow(&e->base, e->recv_socket, c);
    loop_udp_count(&e->base, ev);
    e->recv_at++;
    return true;
}

/* The kernel has written lengths of its own over ours. */
static void renew_lengths(struct loop_epoll *e)
{
    for (uint32_t i = 0; i < e->base.config.recv_buffers; i++) {
        struct msghdr *m = &e->recv_list[i].msg_hdr;

        if (i >= e->recv_count && m->msg_namelen > 0) return;
        m->msg_namelen = sizeof e->recv_heads[i].from;
        m->msg_controllen = sizeof e->recv_heads[i].control;
    }
}

bool loop_epoll_udp_read(struct loop_epoll *e, uint32_t socket,
                         struct loop_event *ev)
{
    struct loop_socket *s = &e->base.sockets[socket];
    const uint32_t room = e->base.config.recv_buffers;
    int got;

    ASSERT(e->recv_at == e->recv_count);
    renew_lengths(e);
    got = recvmmsg(s->fd, e->recv_list, room, MSG_DONTWAIT, NULL);
    e->recv_at = 0;
    e->recv_count = got < 0 ? 0 : (uint32_t)got;
    e->recv_socket = socket;
    if (e->recv_count == room) e->base.counters.recv_starved++;
    if (got >= 0 || loop_udp_is_passing(errno)) return false;
    s->reads = false;
    *ev = (struct loop_event){ .type = LOOP_ERROR,
                               .socket = socket,
                               .result = -errno };
    return true;
}

/* --- sending ----------------------------------------------------------- */

static void note_sent(struct loop_epoll *e, uint32_t from, uint32_t to)
{
    struct loop_counters *c = &e->base.counters;

    c->datagrams_out += to - from;
    for (; from < to; from++) c->bytes_out += e->sends[from].iov.iov_len;
}

/*
 * Send what is queued for one socket.  A pending ICMP error fails the next
 * send, whoever that is for; where others went before it in the same call,
 * the call tells their number and hides the error.  So what failed is sent
 * once more, and if that fails, too, it is lost.
 */
static void send_run(struct loop_epoll *e, uint32_t from, uint32_t to)
{
    const int fd = e->base.sockets[e->sends[from].socket].fd;
    bool again = false; /* the first one has failed before */

    while (from < to) {
        const int sent = sendmmsg(fd, e->send_list + from, to - from,
                                  MSG_DONTWAIT);

        if (sent > 0) {
            note_sent(e, from, from + (uint32_t)sent);
            e->base.counters.send_again += again;
            from += (uint32_t)sent;
            again = from < to;
        } else if (!again && errno == ECONNREFUSED) {
            again = true;
        } else {
            e->base.counters.send_failed++;
            from++;
            again = false;
        }
        if (again) loop_udp_drain_errors(fd);
    }
}

void loop_epoll_udp_make_room(struct loop *l)
{
    struct loop_epoll *e = loop_epoll_of(l);
    uint32_t from = 0;

    for (uint32_t i = 1; i <= e->send_count; i++) {
        if (i < e->send_count && e->sends[i].socket == e->sends[from].socket)
            continue;
        send_run(e, from, i);
        from = i;
    }
    for (uint32_t i = 0; i < e->send_count; i++)
        loop_udp_unref(l, e->sends[i].buffer);
    e->send_count = 0;
}

bool loop_epoll_udp_send(struct loop *l, uint32_t socket,
                         struct loop_buffer *buffer, uint32_t len,
                         const struct address *to)
{
    struct loop_epoll *e = loop_epoll_of(l);
    struct loop_epoll_send *s;

    if (e->send_count == l->config.sends_max) loop_epoll_udp_make_room(l);
    s = &e->sends[e->send_count];
    s->iov = (struct iovec){ .iov_base = buffer->bytes, .iov_len = len };
    s->buffer = buffer;
    s->socket = socket;
    e->send_list[e->send_count].msg_hdr = (struct msghdr){
        .msg_name = &s->to,
        .msg_namelen = udp_to_sockaddr(to, &s->to),
        .msg_iov = &s->iov,
        .msg_iovlen = 1,
    };
    buffer->refs++;
    e->send_count++;
    return true;
}

/* loop_ring_udp.c - see loop_ring.h: datagrams in and out. */
#include "io/loop_ring.h"

#include "base/assert.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NAME_SPACE    32u /* of the sender's address, in a receive buffer */
#define CONTROL_SPACE CMSG_SPACE(sizeof(uint32_t))
#define RECV_HEAD                                                              \
    (sizeof(struct io_uring_recvmsg_out) + NAME_SPACE + CONTROL_SPACE)

/* --- buffers ----------------------------------------------------------- */

static void *recv_buffer(const struct loop_ring *r, uint32_t id)
{
    return r->recv_bytes + id * r->recv_stride;
}

static void recv_give_back(struct loop_ring *r, uint32_t id)
{
    const int mask = io_uring_buf_ring_mask(r->base.config.recv_buffers);

    io_uring_buf_ring_add(r->recv_ring, recv_buffer(r, id),
                          (unsigned)r->recv_stride, (unsigned short)id, mask,
                          0);
    io_uring_buf_ring_advance(r->recv_ring, 1);
}

static int open_receiving(struct loop_ring *r)
{
    const uint32_t count = r->base.config.recv_buffers;
    struct io_uring_buf_reg reg = { .ring_entries = count,
                                    .bgid = LOOP_RING_GROUP };
    int rc;

    r->recv_stride = (RECV_HEAD + r->base.config.datagram_max + 63) &
                     ~(size_t)63;
    r->recv_bytes = loop_udp_map(count * r->recv_stride);
    r->recv_ring = loop_udp_map(count * sizeof(struct io_uring_buf));
    if (!r->recv_bytes || !r->recv_ring) return -ENOMEM;

    reg.ring_addr = (uintptr_t)r->recv_ring;
    rc = io_uring_register_buf_ring(&r->ring, &reg, 0);
    if (rc < 0) return rc;
    io_uring_buf_ring_init(r->recv_ring);
    for (uint32_t id = 0; id < count; id++) recv_give_back(r, id);
    r->recv_shape.msg_namelen = NAME_SPACE;
    r->recv_shape.msg_controllen = CONTROL_SPACE;
    return 0;
}

int loop_ring_udp_open(struct loop_ring *r)
{
    r->sends = calloc(r->base.config.sends_max, sizeof *r->sends);
    if (!r->sends) return -ENOMEM;
    return open_receiving(r);
}

void loop_ring_udp_close(struct loop_ring *r)
{
    const uint32_t count = r->base.config.recv_buffers;

    if (r->recv_bytes) munmap(r->recv_bytes, count * r->recv_stride);
    if (r->recv_ring) munmap(r->recv_ring, count * sizeof(struct io_uring_buf));
    free(r->sends);
}

void loop_ring_udp_give_back(struct loop_ring *r)
{
    if (r->recv_held >= 0) recv_give_back(r, (uint32_t)r->recv_held);
    r->recv_held = -1;
}

/* --- sockets ----------------------------------------------------------- */

void loop_ring_udp_arm(struct loop_ring *r)
{
    for (uint32_t i = 0; i < r->base.socket_count; i++) {
        struct loop_socket *e = &r->base.sockets[i];
        struct io_uring_sqe *sqe;

        if (!e->reads || e->armed) continue;
        sqe = loop_ring_take_sqe(r);
        if (!sqe) return; /* the next turn tries again */
        io_uring_prep_recvmsg_multishot(sqe, e->fd, &r->recv_shape, 0);
        io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
        sqe->buf_group = LOOP_RING_GROUP;
        sqe->user_data = loop_ring_user_data(TAG_RECV, i);
        e->armed = true;
    }
}

static void note_overflow(struct loop_ring *r, uint32_t socket,
                          struct io_uring_recvmsg_out *out)
{
    struct cmsghdr *c = io_uring_recvmsg_cmsg_firsthdr(out, &r->recv_shape);

    for (; c; c = io_uring_recvmsg_cmsg_nexthdr(out, &r->recv_shape, c))
        loop_udp_note_overflow(&r->base, socket, c);
}

/* A datagram stands in buffer id; false if it is none after all. */
static bool on_datagram(struct loop_ring *r, uint32_t socket, uint32_t id,
                        int len, struct loop_event *ev)
{
    struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(
        recv_buffer(r, id), len, &r->recv_shape);

    if (!out) {
        recv_give_back(r, id);
        return false;
    }
    *ev = (struct loop_event){ .type = LOOP_DATAGRAM, .socket = socket };
    udp_from_sockaddr(io_uring_recvmsg_name(out), &ev->from);
    ev->bytes = io_uring_recvmsg_payload(out, &r->recv_shape);
    ev->len = io_uring_recvmsg_payload_length(out, len, &r->recv_shape);
    /* The buffer may be a little longer than promised. */
    if (ev->len > r->base.config.datagram_max) {
        ev->len = r->base.config.datagram_max;
        ev->truncated = true;
    }
    if (out->flags & MSG_TRUNC) ev->truncated = true;
    if (out->controllen > 0) note_overflow(r, socket, out);

    r->recv_held = (int)id;
    loop_udp_count(&r->base, ev);
    return true;
}

bool loop_ring_udp_on_receive(struct loop_ring *r, uint32_t socket,
                              const struct io_uring_cqe *cqe,
                              struct loop_event *ev)
{
    struct loop_socket *e = &r->base.sockets[socket];

    ASSERT(socket < r->base.socket_count);
    if (!(cqe->flags & IORING_CQE_F_MORE)) e->armed = false;
    if (cqe->res >= 0) {
        if (!(cqe->flags & IORING_CQE_F_BUFFER)) return false;
        return on_datagram(r, socket, cqe->flags >> IORING_CQE_BUFFER_SHIFT,
                           cqe->res, ev);
    }
    if (cqe->res == -ENOBUFS) {
        r->base.counters.recv_starved++;
        return false;
    }
    if (loop_udp_is_passing(-cqe->res)) {
        loop_udp_drain_errors(e->fd);
        return false;
    }
    e->reads = false;
    *ev = (struct loop_event){ .type = LOOP_ERROR,
                               .socket = socket,
                               .result = cqe->res };
    return true;
}

/* --- sending ----------------------------------------------------------- */

static struct loop_ring_send *send_at(const struct loop_ring *r,
                                      uint64_t number)
{
    return &r->sends[number % r->base.config.sends_max];
}

void loop_ring_udp_release_sends(struct loop_ring *r)
{
    while (r->send_head < r->send_submitted) {
        loop_udp_unref(&r->base, send_at(r, r->send_head)->buffer);
        r->send_head++;
    }
}

void loop_ring_udp_make_room(struct loop *l)
{
    struct loop_ring *r = loop_ring_of(l);

    if (r->send_head == r->send_tail) return;
    /* A failure of these sends can still be counted, not mended. */
    loop_ring_submit(r);
    loop_ring_udp_release_sends(r);
}

/* Queue send_at(r, number), which is filled in; false if there is no place. */
static bool queue_send(struct loop_ring *r, uint64_t number)
{
    struct io_uring_sqe *sqe = loop_ring_take_sqe(r);
    struct loop_ring_send *s = send_at(r, number);

    if (!sqe) return false;
    io_uring_prep_sendmsg(sqe, r->base.sockets[s->socket].fd, &s->msg,
                          MSG_DONTWAIT);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
    sqe->user_data = loop_ring_user_data(TAG_SEND, number);
    return true;
}

static bool send_to(struct loop_ring *r, uint32_t socket,
                    struct loop_buffer *buffer, uint32_t len,
                    const struct address *to, bool again)
{
    struct loop_ring_send *s = send_at(r, r->send_tail);

    if (r->send_tail - r->send_head == r->base.config.sends_max) {
        loop_ring_submit(r);
        loop_ring_udp_release_sends(r);
    }
    if (r->send_tail - r->send_head == r->base.config.sends_max) return false;

    s->iov = (struct iovec){ .iov_base = buffer->bytes, .iov_len = len };
    s->msg = (struct msghdr){ .msg_name = &s->to,
                              .msg_namelen = udp_to_sockaddr(to, &s->to),
                              .msg_iov = &s->iov,
                              .msg_iovlen = 1 };
    s->buffer = buffer;
    s->socket = socket;
    s->again = again;
    if (!queue_send(r, r->send_tail)) return false;
    buffer->refs++;
    r->send_tail++;
    return true;
}

bool loop_ring_udp_send(struct loop *l, uint32_t socket,
                        struct loop_buffer *buffer, uint32_t len,
                        const struct address *to)
{
    if (!send_to(loop_ring_of(l), socket, buffer, len, to, false)) return false;
    l->counters.datagrams_out++; /* taken back if it fails */
    l->counters.bytes_out += len;
    return true;
}

/*
 * A pending ICMP error fails the next send, whoever that is for, and it was
 * then not sent.  It is sent once more, if its bytes are still here.
 */
void loop_ring_udp_on_send_failed(struct loop_ring *r, uint64_t number,
                                  int error)
{
    const struct loop_ring_send s = *send_at(r, number);
    const bool kept = number >= r->send_head;
    struct address to;
    bool sent;

    if (kept && error == ECONNREFUSED && !s.again) {
        loop_udp_drain_errors(r->base.sockets[s.socket].fd);
        udp_from_sockaddr((const struct sockaddr *)&s.to, &to);
        s.buffer->refs++; /* making room may end the first try's hold */
        sent = send_to(r, s.socket, s.buffer, (uint32_t)s.iov.iov_len, &to,
                       true);
        loop_udp_unref(&r->base, s.buffer);
        r->base.counters.send_again += sent;
        if (sent) return;
    }
    r->base.counters.send_failed++;
    r->base.counters.datagrams_out--;
    if (kept) r->base.counters.bytes_out -= s.iov.iov_len;
}

/* loop_udp.c - see loop_private.h: datagrams in and out. */
#include "io/loop_private.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NAME_SPACE    32u /* of the sender's address, in a receive buffer */
#define CONTROL_SPACE CMSG_SPACE(sizeof(uint32_t))
#define RECV_HEAD                                                              \
    (sizeof(struct io_uring_recvmsg_out) + NAME_SPACE + CONTROL_SPACE)
#define DRAIN_MAX 64u

/* --- buffers ----------------------------------------------------------- */

/* Zeroed memory that takes no page before it is used. */
static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void *recv_buffer(const struct loop *l, uint32_t id)
{
    return l->recv_bytes + id * l->recv_stride;
}

static void recv_give_back(struct loop *l, uint32_t id)
{
    const int mask = io_uring_buf_ring_mask(l->config.recv_buffers);

    io_uring_buf_ring_add(l->recv_ring, recv_buffer(l, id),
                          (unsigned)l->recv_stride, (unsigned short)id, mask,
                          0);
    io_uring_buf_ring_advance(l->recv_ring, 1);
}

static int open_receiving(struct loop *l)
{
    const uint32_t count = l->config.recv_buffers;
    struct io_uring_buf_reg reg = { .ring_entries = count,
                                    .bgid = LOOP_BUFFER_GROUP };
    int rc;

    l->recv_stride = (RECV_HEAD + l->config.datagram_max + 63) & ~(size_t)63;
    l->recv_bytes = map(count * l->recv_stride);
    l->recv_ring = map(count * sizeof(struct io_uring_buf));
    if (!l->recv_bytes || !l->recv_ring) return -ENOMEM;

    reg.ring_addr = (uintptr_t)l->recv_ring;
    rc = io_uring_register_buf_ring(&l->ring, &reg, 0);
    if (rc < 0) return rc;
    io_uring_buf_ring_init(l->recv_ring);
    for (uint32_t id = 0; id < count; id++) recv_give_back(l, id);
    l->recv_shape.msg_namelen = NAME_SPACE;
    l->recv_shape.msg_controllen = CONTROL_SPACE;
    return 0;
}

static size_t send_stride(const struct loop *l)
{
    return (l->config.datagram_max + 63) & ~(size_t)63;
}

static int open_sending(struct loop *l)
{
    const uint32_t count = l->config.send_buffers;
    const size_t stride = send_stride(l);

    l->send_bytes = map(count * stride);
    l->buffers = calloc(count, sizeof *l->buffers);
    l->sends = calloc(l->config.sends_max, sizeof *l->sends);
    if (!l->send_bytes || !l->buffers || !l->sends) return -ENOMEM;

    for (uint32_t i = count; i-- > 0;) {
        l->buffers[i].bytes = l->send_bytes + i * stride;
        l->buffers[i].size = l->config.datagram_max;
        l->buffers[i].next = l->buffer_free;
        l->buffer_free = &l->buffers[i];
    }
    return 0;
}

int loop_udp_open(struct loop *l)
{
    const int rc = open_receiving(l);

    return rc < 0 ? rc : open_sending(l);
}

void loop_udp_close(struct loop *l)
{
    const size_t ring = l->config.recv_buffers * sizeof(struct io_uring_buf);

    if (l->recv_bytes)
        munmap(l->recv_bytes, l->config.recv_buffers * l->recv_stride);
    if (l->recv_ring) munmap(l->recv_ring, ring);
    if (l->send_bytes)
        munmap(l->send_bytes, l->config.send_buffers * send_stride(l));
    free(l->buffers);
    free(l->sends);
}

void loop_udp_give_back(struct loop *l)
{
    if (l->recv_held >= 0) recv_give_back(l, (uint32_t)l->recv_held);
    l->recv_held = -1;
}

/* --- sockets ----------------------------------------------------------- */

static int add_endpoint(struct loop *l, int fd, bool reads)
{
    if (l->socket_count == LOOP_SOCKETS_MAX) return -ENOSPC;
    l->sockets[l->socket_count] = (struct endpoint){ .fd = fd, .reads = reads };
    return (int)l->socket_count++;
}

int loop_add_socket(struct loop *l, int fd)
{
    return add_endpoint(l, fd, true);
}

int loop_add_sender(struct loop *l, int fd)
{
    return add_endpoint(l, fd, false);
}

void loop_udp_arm(struct loop *l)
{
    for (uint32_t i = 0; i < l->socket_count; i++) {
        struct endpoint *e = &l->sockets[i];
        struct io_uring_sqe *sqe;

        if (!e->reads || e->armed) continue;
        sqe = loop_take_sqe(l);
        if (!sqe) return; /* the next turn tries again */
        io_uring_prep_recvmsg_multishot(sqe, e->fd, &l->recv_shape, 0);
        io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
        sqe->buf_group = LOOP_BUFFER_GROUP;
        sqe->user_data = loop_user_data(TAG_RECV, i);
        e->armed = true;
    }
}

/* Errors that ICMP left on a socket: they say nothing of the next datagram. */
static bool error_is_passing(int error)
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

/* Empty the error queue of a socket, so that it fails no more sends. */
static void drain_errors(int fd)
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

static void note_overflow(struct loop *l, struct endpoint *e,
                          struct io_uring_recvmsg_out *out)
{
    struct cmsghdr *c = io_uring_recvmsg_cmsg_firsthdr(out, &l->recv_shape);
    uint32_t overflow;

    for (; c; c = io_uring_recvmsg_cmsg_nexthdr(out, &l->recv_shape, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&overflow, CMSG_DATA(c), sizeof overflow);
        l->counters.recv_dropped += (uint32_t)(overflow - e->overflow);
        e->overflow = overflow;
    }
}

/* A datagram stands in buffer id; false if it is none after all. */
static bool on_datagram(struct loop *l, uint32_t socket, uint32_t id, int len,
                        struct loop_event *ev)
{
    struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(
        recv_buffer(l, id), len, &l->recv_shape);

    if (!out) {
        recv_give_back(l, id);
        return false;
    }
    *ev = (struct loop_event){ .type = LOOP_DATAGRAM, .socket = socket };
    udp_from_sockaddr(io_uring_recvmsg_name(out), &ev->from);
    ev->bytes = io_uring_recvmsg_payload(out, &l->recv_shape);
    ev->len = io_uring_recvmsg_payload_length(out, len, &l->recv_shape);
    /* The buffer may be a little longer than promised. */
    if (ev->len > l->config.datagram_max) {
        ev->len = l->config.datagram_max;
        ev->truncated = true;
    }
    if (out->flags & MSG_TRUNC) ev->truncated = true;
    if (out->controllen > 0) note_overflow(l, &l->sockets[socket], out);

    l->recv_held = (int)id;
    l->counters.datagrams_in++;
    l->counters.bytes_in += ev->len;
    l->counters.truncated += ev->truncated;
    return true;
}

bool loop_udp_on_receive(struct loop *l, uint32_t socket,
                         const struct io_uring_cqe *cqe, struct loop_event *ev)
{
    struct endpoint *e = &l->sockets[socket];

    ASSERT(socket < l->socket_count);
    if (!(cqe->flags & IORING_CQE_F_MORE)) e->armed = false;
    if (cqe->res >= 0) {
        if (!(cqe->flags & IORING_CQE_F_BUFFER)) return false;
        return on_datagram(l, socket, cqe->flags >> IORING_CQE_BUFFER_SHIFT,
                           cqe->res, ev);
    }
    if (cqe->res == -ENOBUFS) {
        l->counters.recv_starved++;
        return false;
    }
    if (error_is_passing(-cqe->res)) {
        drain_errors(e->fd);
        return false;
    }
    e->reads = false;
    *ev = (struct loop_event){ .type = LOOP_ERROR,
                               .socket = socket,
                               .result = cqe->res };
    return true;
}

/* --- sending ----------------------------------------------------------- */

static void buffer_unref(struct loop *l, struct loop_buffer *b)
{
    ASSERT(b->refs > 0);
    if (--b->refs > 0) return;
    b->next = l->buffer_free;
    l->buffer_free = b;
}

static struct send *send_at(const struct loop *l, uint64_t number)
{
    return &l->sends[number % l->config.sends_max];
}

void loop_udp_release_sends(struct loop *l)
{
    while (l->send_head < l->send_submitted) {
        buffer_unref(l, send_at(l, l->send_head)->buffer);
        l->send_head++;
    }
}

struct loop_buffer *loop_send_buffer(struct loop *l)
{
    struct loop_buffer *b = l->buffer_free;

    if (!b && l->send_head < l->send_tail) {
        /* A failure of these sends can still be counted, not mended. */
        loop_submit_now(l);
        loop_udp_release_sends(l);
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
    buffer_unref(l, buffer);
}

/* Queue send_at(l, number), which is filled in; false if there is no place. */
static bool queue_send(struct loop *l, uint64_t number)
{
    struct io_uring_sqe *sqe = loop_take_sqe(l);
    struct send *s = send_at(l, number);

    if (!sqe) return false;
    io_uring_prep_sendmsg(sqe, l->sockets[s->socket].fd, &s->msg, MSG_DONTWAIT);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
    sqe->user_data = loop_user_data(TAG_SEND, number);
    return true;
}

static bool send_to(struct loop *l, uint32_t socket, struct loop_buffer *buffer,
                    uint32_t len, const struct address *to, bool again)
{
    struct send *s = send_at(l, l->send_tail);

    if (l->send_tail - l->send_head == l->config.sends_max) {
        loop_submit_now(l);
        loop_udp_release_sends(l);
    }
    if (l->send_tail - l->send_head == l->config.sends_max) return false;

    s->iov = (struct iovec){ .iov_base = buffer->bytes, .iov_len = len };
    s->msg = (struct msghdr){ .msg_name = &s->to,
                              .msg_namelen = udp_to_sockaddr(to, &s->to),
                              .msg_iov = &s->iov,
                              .msg_iovlen = 1 };
    s->buffer = buffer;
    s->socket = socket;
    s->again = again;
    if (!queue_send(l, l->send_tail)) return false;
    buffer->refs++;
    l->send_tail++;
    return true;
}

bool loop_send(struct loop *l, uint32_t socket, struct loop_buffer *buffer,
               uint32_t len, const struct address *to)
{
    ASSERT(socket < l->socket_count);
    ASSERT(len <= buffer->size);
    if (!send_to(l, socket, buffer, len, to, false)) {
        l->counters.send_dry++;
        return false;
    }
    l->counters.datagrams_out++; /* taken back if it fails */
    l->counters.bytes_out += len;
    return true;
}

/*
 * A pending ICMP error fails the next send, whoever that is for, and it was
 * then not sent.  It is sent once more, if its bytes are still here.
 */
void loop_udp_on_send_failed(struct loop *l, uint64_t number, int error)
{
    const struct send s = *send_at(l, number);
    const bool kept = number >= l->send_head;
    struct address to;
    bool sent;

    if (kept && error == ECONNREFUSED && !s.again) {
        drain_errors(l->sockets[s.socket].fd);
        udp_from_sockaddr((const struct sockaddr *)&s.to, &to);
        s.buffer->refs++; /* making room may end the first try's hold */
        sent = send_to(l, s.socket, s.buffer, (uint32_t)s.iov.iov_len, &to,
                       true);
        buffer_unref(l, s.buffer);
        l->counters.send_again += sent;
        if (sent) return;
    }
    l->counters.send_failed++;
    l->counters.datagrams_out--;
    if (kept) l->counters.bytes_out -= s.iov.iov_len;
}

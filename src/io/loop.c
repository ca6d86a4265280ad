/*
 * loop.c - see loop.h; one io_uring.
 *
 * Receives are multishot, one per socket, out of one ring of buffers: a
 * datagram costs no system call and no submission.  Sends are MSG_DONTWAIT,
 * so each of them has ended when io_uring_enter has taken it, and those that
 * went well leave no completion (IOSQE_CQE_SKIP_SUCCESS): what wakes us is
 * always news.
 */
#include "io/loop.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/failpoint.h"
#include "io/host.h"
#include "io/udp.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SQ_ENTRIES      1024u
#define CQ_ENTRIES      4096u
#define BUFFER_GROUP    0
#define NAME_SPACE      32u /* of the sender's address, in a receive buffer */
#define CONTROL_SPACE   CMSG_SPACE(sizeof(uint32_t))
#define RECV_HEAD                                                              \
    (sizeof(struct io_uring_recvmsg_out) + NAME_SPACE + CONTROL_SPACE)
#define RECV_BUFFERS_MAX 32768u
#define TAG_SHIFT        56u
#define DRAIN_MAX        64u

/* The upper byte of user_data: what a completion is about. */
enum tag {
    TAG_RECV = 1,
    TAG_SEND,
    TAG_SIGNAL,
    TAG_WRITE,
    TAG_SYNC,
    TAG_ALLOCATE,
};

struct endpoint {
    int fd;
    bool reads;
    bool armed;        /* a multishot receive is under way */
    uint32_t overflow; /* the kernel's count of drops, as last told */
};

struct send {
    struct msghdr msg;
    struct iovec iov;
    struct sockaddr_storage to;
    struct loop_buffer *buffer;
    uint32_t socket;
    bool again; /* this is its second try */
};

struct loop {
    struct io_uring ring;
    struct loop_config config;
    struct loop_counters counters;
    char flags[LOOP_FLAGS_TEXT];
    int error; /* of a submission, for loop_wait to return */

    struct endpoint sockets[LOOP_SOCKETS_MAX];
    uint32_t socket_count;

    struct io_uring_buf_ring *recv_ring;
    uint8_t *recv_bytes;
    size_t recv_stride;
    struct msghdr recv_shape;
    int recv_held; /* the buffer of the event handed out last, or -1 */

    /* Sends are numbered; number i is in sends[i % sends_max].  Those from
     * head on are kept, those below submitted were taken by the kernel. */
    struct send *sends;
    uint64_t send_head;
    uint64_t send_submitted;
    uint64_t send_tail;
    struct loop_buffer *buffers;
    struct loop_buffer *buffer_free;
    uint8_t *send_bytes;

    int signal_fd;
    sigset_t signal_set;
};

struct ring_choice {
    unsigned flags;
    const char *text;
};

/* Best first; an older kernel answers EINVAL to what it does not know. */
static const struct ring_choice choices[] = {
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
         IORING_SETUP_DEFER_TASKRUN,
     "SINGLE_ISSUER|DEFER_TASKRUN|SUBMIT_ALL"},
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
         IORING_SETUP_COOP_TASKRUN,
     "SINGLE_ISSUER|COOP_TASKRUN|SUBMIT_ALL"},
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
     "COOP_TASKRUN|SUBMIT_ALL"},
    {IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL"},
    {0, "none"},
};

static uint64_t user_data(enum tag tag, uint64_t value)
{
    return (uint64_t)tag << TAG_SHIFT | value;
}

static int open_ring(struct loop *l)
{
    int rc = -EINVAL;

    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct io_uring_params p = {
            .flags = choices[i].flags | IORING_SETUP_CQSIZE,
            .cq_entries = CQ_ENTRIES,
        };

        rc = io_uring_queue_init_params(SQ_ENTRIES, &l->ring, &p);
        if (rc == -EINVAL) continue;
        if (rc < 0) return rc;
        snprintf(l->flags, sizeof l->flags, "%s", choices[i].text);
        /* Spares a look-up per call; where it fails nothing is lost. */
        if (io_uring_register_ring_fd(&l->ring) == 1)
            snprintf(l->flags, sizeof l->flags, "%s|REGISTERED_RING",
                     choices[i].text);
        return 0;
    }
    return rc;
}

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
    struct io_uring_buf_reg reg = {.ring_entries = count,
                                   .bgid = BUFFER_GROUP};
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

static int open_sending(struct loop *l)
{
    const uint32_t count = l->config.send_buffers;
    const size_t stride = (l->config.datagram_max + 63) & ~(size_t)63;

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

static void fill_defaults(struct loop_config *c)
{
    if (!c->datagram_max) c->datagram_max = LOOP_DATAGRAM_MAX;
    if (!c->recv_buffers)
        c->recv_buffers = c->datagram_max > 16 * KIB ? 64 : 256;
    if (!c->send_buffers) c->send_buffers = 128;
    if (!c->sends_max) c->sends_max = 1024;
    ASSERT(c->datagram_max <= LOOP_DATAGRAM_MAX);
    ASSERT(c->recv_buffers <= RECV_BUFFERS_MAX);
    ASSERT((c->recv_buffers & (c->recv_buffers - 1)) == 0);
}

int loop_open(struct loop **out, const struct loop_config *config)
{
    struct loop *l = calloc(1, sizeof *l);
    int rc;

    *out = NULL;
    if (!l) return -ENOMEM;
    l->config = *config;
    l->recv_held = -1;
    l->signal_fd = -1;
    l->ring.ring_fd = -1;
    fill_defaults(&l->config);

    rc = open_ring(l);
    if (rc < 0) {
        free(l);
        return rc;
    }
    rc = open_receiving(l);
    if (rc == 0) rc = open_sending(l);
    if (rc < 0) {
        loop_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void loop_close(struct loop *l)
{
    const size_t stride =
        l ? (l->config.datagram_max + 63) & ~(size_t)63 : 0;

    if (!l) return;
    io_uring_queue_exit(&l->ring);
    if (l->signal_fd >= 0) close(l->signal_fd);
    if (l->recv_bytes)
        munmap(l->recv_bytes, l->config.recv_buffers * l->recv_stride);
    if (l->recv_ring)
        munmap(l->recv_ring,
               l->config.recv_buffers * sizeof(struct io_uring_buf));
    if (l->send_bytes) munmap(l->send_bytes, l->config.send_buffers * stride);
    free(l->buffers);
    free(l->sends);
    free(l);
}

const char *loop_backend(const struct loop *l)
{
    (void)l;
    return "io_uring";
}

const char *loop_flags(const struct loop *l)
{
    return l->flags;
}

const struct loop_counters *loop_counters(const struct loop *l)
{
    return &l->counters;
}

/* The kernel has taken what was queued: so have all queued sends ended. */
static void note_submitted(struct loop *l)
{
    if (io_uring_sq_ready(&l->ring) == 0) l->send_submitted = l->send_tail;
}

/* Submit without waiting: there is no room for more. */
static void submit_now(struct loop *l)
{
    const int rc = io_uring_submit(&l->ring);

    /* EBUSY and EAGAIN pass when completions are taken. */
    if (rc < 0 && rc != -EBUSY && rc != -EAGAIN && rc != -EINTR) l->error = rc;
    note_submitted(l);
}

static struct io_uring_sqe *take_sqe(struct loop *l)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

    if (sqe) return sqe;
    submit_now(l);
    return io_uring_get_sqe(&l->ring);
}

/* --- sockets ----------------------------------------------------------- */

static int add_endpoint(struct loop *l, int fd, bool reads)
{
    if (l->socket_count == LOOP_SOCKETS_MAX) return -ENOSPC;
    l->sockets[l->socket_count] = (struct endpoint){.fd = fd, .reads = reads};
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

/* Begin to receive, or go on where the kernel ended a multishot receive. */
static void arm_sockets(struct loop *l)
{
    for (uint32_t i = 0; i < l->socket_count; i++) {
        struct endpoint *e = &l->sockets[i];
        struct io_uring_sqe *sqe;

        if (!e->reads || e->armed) continue;
        sqe = take_sqe(l);
        if (!sqe) return; /* the next turn tries again */
        io_uring_prep_recvmsg_multishot(sqe, e->fd, &l->recv_shape, 0);
        io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
        sqe->buf_group = BUFFER_GROUP;
        sqe->user_data = user_data(TAG_RECV, i);
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
        struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};

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
    struct io_uring_recvmsg_out *out =
        io_uring_recvmsg_validate(recv_buffer(l, id), len, &l->recv_shape);

    if (!out) {
        recv_give_back(l, id);
        return false;
    }
    *ev = (struct loop_event){.type = LOOP_DATAGRAM, .socket = socket};
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

static bool on_receive(struct loop *l, uint32_t socket,
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
    *ev = (struct loop_event){
        .type = LOOP_ERROR, .socket = socket, .result = cqe->res};
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

/* Forget the sends that have ended. */
static void release_sends(struct loop *l)
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
        submit_now(l);
        release_sends(l);
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
    struct io_uring_sqe *sqe = take_sqe(l);
    struct send *s = send_at(l, number);

    if (!sqe) return false;
    io_uring_prep_sendmsg(sqe, l->sockets[s->socket].fd, &s->msg,
                          MSG_DONTWAIT);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
    sqe->user_data = user_data(TAG_SEND, number);
    return true;
}

static bool send_to(struct loop *l, uint32_t socket, struct loop_buffer *buffer,
                    uint32_t len, const struct address *to, bool again)
{
    struct send *s = send_at(l, l->send_tail);

    if (l->send_tail - l->send_head == l->config.sends_max) {
        submit_now(l);
        release_sends(l);
    }
    if (l->send_tail - l->send_head == l->config.sends_max) return false;

    s->iov = (struct iovec){.iov_base = buffer->bytes, .iov_len = len};
    s->msg = (struct msghdr){.msg_name = &s->to,
                             .msg_namelen = udp_to_sockaddr(to, &s->to),
                             .msg_iov = &s->iov,
                             .msg_iovlen = 1};
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
    l->counters.datagrams_out++; /* taken back by on_send_failed */
    l->counters.bytes_out += len;
    return true;
}

/*
 * A pending ICMP error fails the next send, whoever that is for, and it was
 * then not sent.  It is sent once more, if its bytes are still here.
 */
static void on_send_failed(struct loop *l, uint64_t number, int error)
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

/* --- files ------------------------------------------------------------- */

/* Where the queue cannot take a file operation the ring has failed. */
static struct io_uring_sqe *take_file_sqe(struct loop *l)
{
    struct io_uring_sqe *sqe = take_sqe(l);

    if (!sqe && l->error == 0) l->error = -EBUSY;
    return sqe;
}

void loop_write(struct loop *l, int fd, const void *bytes, uint32_t len,
                uint64_t offset, uint64_t cookie)
{
    struct io_uring_sqe *sqe = take_file_sqe(l);

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    if (!sqe) return;
    io_uring_prep_write(sqe, fd, bytes, len, offset);
    sqe->user_data = user_data(TAG_WRITE, cookie);
}

void loop_sync(struct loop *l, int fd, bool data_only, uint64_t cookie)
{
    struct io_uring_sqe *sqe = take_file_sqe(l);

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    if (!sqe) return;
    io_uring_prep_fsync(sqe, fd, data_only ? IORING_FSYNC_DATASYNC : 0);
    sqe->user_data = user_data(TAG_SYNC, cookie);
}

void loop_allocate(struct loop *l, int fd, uint64_t offset, uint64_t len,
                   uint64_t cookie)
{
    struct io_uring_sqe *sqe = take_file_sqe(l);

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    if (!sqe) return;
    io_uring_prep_fallocate(sqe, fd, 0, (off_t)offset, (off_t)len);
    sqe->user_data = user_data(TAG_ALLOCATE, cookie);
}

static bool on_file(const char *point, uint64_t cookie, int32_t result,
                    struct loop_event *ev)
{
    *ev = (struct loop_event){.type = LOOP_WRITTEN,
                              .cookie = cookie,
                              .result = failpoint(point, result)};
    return true;
}

/* --- signals ----------------------------------------------------------- */

static void arm_signals(struct loop *l)
{
    struct io_uring_sqe *sqe = take_file_sqe(l);

    if (!sqe) return;
    io_uring_prep_poll_add(sqe, l->signal_fd, POLLIN);
    sqe->user_data = user_data(TAG_SIGNAL, 0);
}

int loop_add_signals(struct loop *l, const int *signals, uint32_t count)
{
    ASSERT(l->signal_fd < 0);
    sigemptyset(&l->signal_set);
    for (uint32_t i = 0; i < count; i++) sigaddset(&l->signal_set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &l->signal_set, NULL) < 0) return -errno;
    l->signal_fd = signalfd(-1, &l->signal_set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l->signal_fd < 0) return -errno;
    arm_signals(l);
    return 0;
}

/* The poll says that a signal is there; more than one fires it again. */
static bool on_signal(struct loop *l, struct loop_event *ev)
{
    struct signalfd_siginfo info;
    const ssize_t got = read(l->signal_fd, &info, sizeof info);

    arm_signals(l);
    if (got != (ssize_t)sizeof info) return false;
    *ev = (struct loop_event){.type = LOOP_SIGNAL,
                              .signo = (int)info.ssi_signo};
    return true;
}

/* --- the turn ---------------------------------------------------------- */

static void give_back_held(struct loop *l)
{
    if (l->recv_held >= 0) recv_give_back(l, (uint32_t)l->recv_held);
    l->recv_held = -1;
}

/* Time left until the deadline, as the kernel wants it. */
static struct __kernel_timespec time_until(uint64_t deadline_ns)
{
    const uint64_t now_ns = host_now_ns();
    const uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

    return (struct __kernel_timespec){
        .tv_sec = (int64_t)(left_ns / NS_PER_S),
        .tv_nsec = (long long)(left_ns % NS_PER_S),
    };
}

int loop_wait(struct loop *l, uint64_t deadline_ns)
{
    struct __kernel_timespec left = {0};
    struct io_uring_cqe *cqe;
    int rc;

    give_back_held(l);
    arm_sockets(l);
    if (l->error) return l->error;
    l->counters.waits++;
    if (deadline_ns != NEVER_NS) left = time_until(deadline_ns);
    rc = io_uring_submit_and_wait_timeout(
        &l->ring, &cqe, 1, deadline_ns == NEVER_NS ? NULL : &left, NULL);
    note_submitted(l);
    switch (rc) {
    case -ETIME:
    case -EINTR:
    case -EAGAIN:
    case -EBUSY:
        return 0;
    }
    return rc < 0 ? rc : 0;
}

/* Take one completion; true if it is an event for the caller. */
static bool on_completion(struct loop *l, const struct io_uring_cqe *cqe,
                          struct loop_event *ev)
{
    const uint64_t value = cqe->user_data & LOOP_COOKIE_MAX;

    switch ((enum tag)(cqe->user_data >> TAG_SHIFT)) {
    case TAG_RECV:
        return on_receive(l, (uint32_t)value, cqe, ev);
    case TAG_SEND:
        if (cqe->res < 0) on_send_failed(l, value, -cqe->res);
        return false;
    case TAG_SIGNAL:
        return on_signal(l, ev);
    case TAG_WRITE:
        return on_file("write", value, cqe->res, ev);
    case TAG_SYNC:
        return on_file("sync", value, cqe->res, ev);
    case TAG_ALLOCATE:
        return on_file("allocate", value, cqe->res, ev);
    }
    return false;
}

bool loop_next(struct loop *l, struct loop_event *event)
{
    struct io_uring_cqe *cqe;

    give_back_held(l);
    while (io_uring_cq_ready(&l->ring) > 0 &&
           io_uring_peek_cqe(&l->ring, &cqe) == 0) {
        const struct io_uring_cqe copy = *cqe;

        io_uring_cqe_seen(&l->ring, cqe);
        if (on_completion(l, &copy, event)) return true;
    }
    release_sends(l); /* none of them can still report a failure */
    return false;
}

/* loop.c - see loop.h: one io_uring. */
#include "io/loop.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/failpoint.h"
#include "io/host.h"
#include "io/loop_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SQ_ENTRIES       1024u
#define CQ_ENTRIES       4096u
#define RECV_BUFFERS_MAX 32768u

struct ring_choice {
    unsigned flags;
    const char *text;
};

/* Best first; an older kernel answers EINVAL to what it does not know. */
static const struct ring_choice choices[] = {
    { IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
          IORING_SETUP_DEFER_TASKRUN,
      "SINGLE_ISSUER|DEFER_TASKRUN|SUBMIT_ALL" },
    { IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
          IORING_SETUP_COOP_TASKRUN,
      "SINGLE_ISSUER|COOP_TASKRUN|SUBMIT_ALL" },
    { IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
      "COOP_TASKRUN|SUBMIT_ALL" },
    { IORING_SETUP_SUBMIT_ALL, "SUBMIT_ALL" },
    { 0, "none" },
};

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
    rc = loop_udp_open(l);
    if (rc < 0) {
        loop_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void loop_close(struct loop *l)
{
    if (!l) return;
    io_uring_queue_exit(&l->ring);
    if (l->signal_fd >= 0) close(l->signal_fd);
    loop_udp_close(l);
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

void loop_submit_now(struct loop *l)
{
    const int rc = io_uring_submit(&l->ring);

    /* EBUSY and EAGAIN pass when completions are taken. */
    if (rc < 0 && rc != -EBUSY && rc != -EAGAIN && rc != -EINTR) l->error = rc;
    loop_note_submitted(l);
}

struct io_uring_sqe *loop_take_sqe(struct loop *l)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

    if (sqe) return sqe;
    loop_submit_now(l);
    return io_uring_get_sqe(&l->ring);
}

/* --- files ------------------------------------------------------------- */

/* Where the queue cannot take a file operation the ring has failed. */
static struct io_uring_sqe *take_file_sqe(struct loop *l)
{
    struct io_uring_sqe *sqe = loop_take_sqe(l);

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
    sqe->user_data = loop_user_data(TAG_WRITE, cookie);
}

void loop_sync(struct loop *l, int fd, bool data_only, uint64_t cookie)
{
    struct io_uring_sqe *sqe = take_file_sqe(l);

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    if (!sqe) return;
    io_uring_prep_fsync(sqe, fd, data_only ? IORING_FSYNC_DATASYNC : 0);
    sqe->user_data = loop_user_data(TAG_SYNC, cookie);
}

void loop_allocate(struct loop *l, int fd, uint64_t offset, uint64_t len,
                   uint64_t cookie)
{
    struct io_uring_sqe *sqe = take_file_sqe(l);

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    if (!sqe) return;
    io_uring_prep_fallocate(sqe, fd, 0, (off_t)offset, (off_t)len);
    sqe->user_data = loop_user_data(TAG_ALLOCATE, cookie);
}

static bool on_file(const char *point, uint64_t cookie, int32_t result,
                    struct loop_event *ev)
{
    *ev = (struct loop_event){ .type = LOOP_WRITTEN,
                               .cookie = cookie,
                               .result = failpoint(point, result) };
    return true;
}

/* --- signals ----------------------------------------------------------- */

static void arm_signals(struct loop *l)
{
    struct io_uring_sqe *sqe = take_file_sqe(l);

    if (!sqe) return;
    io_uring_prep_poll_add(sqe, l->signal_fd, POLLIN);
    sqe->user_data = loop_user_data(TAG_SIGNAL, 0);
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
    *ev = (struct loop_event){ .type = LOOP_SIGNAL,
                               .signo = (int)info.ssi_signo };
    return true;
}

/* --- the turn ---------------------------------------------------------- */

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
    struct __kernel_timespec left = { 0 };
    struct io_uring_cqe *cqe;
    int rc;

    loop_udp_give_back(l);
    loop_udp_arm(l);
    if (l->error) return l->error;
    l->counters.waits++;
    if (deadline_ns != NEVER_NS) left = time_until(deadline_ns);
    rc = io_uring_submit_and_wait_timeout(
        &l->ring, &cqe, 1, deadline_ns == NEVER_NS ? NULL : &left, NULL);
    loop_note_submitted(l);
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

    switch ((enum loop_tag)(cqe->user_data >> LOOP_TAG_SHIFT)) {
    case TAG_RECV:
        return loop_udp_on_receive(l, (uint32_t)value, cqe, ev);
    case TAG_SEND:
        if (cqe->res < 0) loop_udp_on_send_failed(l, value, -cqe->res);
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

    loop_udp_give_back(l);
    while (io_uring_cq_ready(&l->ring) > 0 &&
           io_uring_peek_cqe(&l->ring, &cqe) == 0) {
        const struct io_uring_cqe copy = *cqe;

        io_uring_cqe_seen(&l->ring, cqe);
        if (on_completion(l, &copy, event)) return true;
    }
    loop_udp_release_sends(l); /* none of them can still report a failure */
    return false;
}

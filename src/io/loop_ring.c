/* loop_ring.c - see loop_ring.h: the ring, its turn, files and signals. */
#include "io/loop_ring.h"

#include "base/units.h"
#include "io/host.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define SQ_ENTRIES 1024u
#define CQ_ENTRIES 4096u

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

/* --- opening ----------------------------------------------------------- */

static int set_up(struct loop_ring *r)
{
    struct loop *l = &r->base;
    int rc = -EINVAL;

    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct io_uring_params p = {
            .flags = choices[i].flags | IORING_SETUP_CQSIZE,
            .cq_entries = CQ_ENTRIES,
        };

        rc = io_uring_queue_init_params(SQ_ENTRIES, &r->ring, &p);
        if (rc == -EINVAL) continue;
        if (rc < 0) {
            r->ring.ring_fd = -1;
            return rc;
        }
        snprintf(l->flags, sizeof l->flags, "%s", choices[i].text);
        /* Spares a look-up per call; where it fails nothing is lost. */
        if (io_uring_register_ring_fd(&r->ring) == 1)
            snprintf(l->flags, sizeof l->flags, "%s|REGISTERED_RING",
                     choices[i].text);
        return 0;
    }
    r->ring.ring_fd = -1;
    return rc;
}

/*
 * An older kernel refuses the multishot recvmsg only when it is submitted.  It
 * came with Linux 6.0, and so did SEND_ZC, which can be asked for.
 */
static int check_age(struct loop_ring *r)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(&r->ring);
    bool supported;

    if (!probe) return -EOPNOTSUPP;
    supported = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0;
    io_uring_free_probe(probe);
    return supported ? 0 : -EOPNOTSUPP;
}

static void ring_close(struct loop *l)
{
    struct loop_ring *r = loop_ring_of(l);

    if (r->ring.ring_fd >= 0) io_uring_queue_exit(&r->ring);
    loop_ring_udp_close(r);
    loop_destroy(l);
    free(r);
}

/* --- files ------------------------------------------------------------- */

/* Where the queue cannot take a file operation the ring has failed. */
static struct io_uring_sqe *take_file_sqe(struct loop_ring *r)
{
    struct io_uring_sqe *sqe = loop_ring_take_sqe(r);

    if (!sqe && r->base.error == 0) r->base.error = -EBUSY;
    return sqe;
}

static void ring_file(struct loop *l, const struct loop_file *op)
{
    struct io_uring_sqe *sqe = take_file_sqe(loop_ring_of(l));
    enum loop_ring_tag tag = TAG_SYNC;

    if (!sqe) return;
    switch (op->kind) {
    case LOOP_FILE_WRITE:
        io_uring_prep_write(sqe, op->fd, op->bytes, (unsigned)op->len,
                            op->offset);
        tag = TAG_WRITE;
        break;
    case LOOP_FILE_SYNC:
        io_uring_prep_fsync(sqe, op->fd, 0);
        break;
    case LOOP_FILE_SYNC_DATA:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        break;
    case LOOP_FILE_ALLOCATE:
        io_uring_prep_fallocate(sqe, op->fd, 0, (off_t)op->offset,
                                (off_t)op->len);
        tag = TAG_ALLOCATE;
        break;
    }
    sqe->user_data = loop_ring_user_data(tag, op->cookie);
}

static bool on_file(enum loop_file_kind kind, uint64_t cookie, int32_t result,
                    struct loop_event *ev)
{
    loop_on_file(kind, cookie, result, ev);
    return true;
}

/* --- sockets and signals ----------------------------------------------- */

/* Receives are armed by the turn. */
static int ring_watch(struct loop *l, uint32_t socket)
{
    l->sockets[socket].armed = false;
    return 0;
}

static int ring_watch_signals(struct loop *l)
{
    struct io_uring_sqe *sqe = take_file_sqe(loop_ring_of(l));

    if (!sqe) return l->error;
    io_uring_prep_poll_add(sqe, l->signal_fd, POLLIN);
    sqe->user_data = loop_ring_user_data(TAG_SIGNAL, 0);
    return 0;
}

static int ring_watch_errors(struct loop *l)
{
    struct io_uring_sqe *sqe = take_file_sqe(loop_ring_of(l));

    if (!sqe) return l->error;
    io_uring_prep_poll_add(sqe, l->error_fd, 0); /* POLLERR is always told */
    sqe->user_data = loop_ring_user_data(TAG_ERRORS, 0);
    return 0;
}

static bool on_errors(struct loop *l, struct loop_event *ev)
{
    const bool got = loop_udp_read_closed(l, ev);

    ring_watch_errors(l);
    return got;
}

/* The poll says that a signal is there; more than one fires it again. */
static bool on_signal(struct loop *l, struct loop_event *ev)
{
    const bool got = loop_read_signal(l, ev);

    ring_watch_signals(l);
    return got;
}

/* --- the turn ---------------------------------------------------------- */

void loop_ring_submit(struct loop_ring *r)
{
    const int rc = io_uring_submit(&r->ring);

    /* EBUSY and EAGAIN pass when completions are taken. */
    if (rc < 0 && rc != -EBUSY && rc != -EAGAIN && rc != -EINTR)
        r->base.error = rc;
    loop_ring_note_submitted(r);
}

struct io_uring_sqe *loop_ring_take_sqe(struct loop_ring *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

    if (sqe) return sqe;
    loop_ring_submit(r);
    return io_uring_get_sqe(&r->ring);
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

static int ring_wait(struct loop *l, uint64_t deadline_ns)
{
    struct loop_ring *r = loop_ring_of(l);
    struct __kernel_timespec left = { 0 };
    struct io_uring_cqe *cqe;
    int rc;

    loop_ring_udp_give_back(r);
    loop_ring_udp_arm(r);
    if (l->error) return l->error;
    l->counters.waits++;
    if (deadline_ns != NEVER_NS) left = time_until(deadline_ns);
    rc = io_uring_submit_and_wait_timeout(
        &r->ring, &cqe, 1, deadline_ns == NEVER_NS ? NULL : &left, NULL);
    loop_ring_note_submitted(r);
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
static bool on_completion(struct loop_ring *r, const struct io_uring_cqe *cqe,
                          struct loop_event *ev)
{
    const uint64_t value = cqe->user_data & LOOP_COOKIE_MAX;

    switch ((enum loop_ring_tag)(cqe->user_data >> LOOP_RING_TAG_SHIFT)) {
    case TAG_RECV:
        return loop_ring_udp_on_receive(r, (uint32_t)value, cqe, ev);
    case TAG_SEND:
        if (cqe->res < 0) loop_ring_udp_on_send_failed(r, value, -cqe->res);
        return false;
    case TAG_SIGNAL:
        return on_signal(&r->base, ev);
    case TAG_ERRORS:
        return on_errors(&r->base, ev);
    case TAG_WRITE:
        return on_file(LOOP_FILE_WRITE, value, cqe->res, ev);
    case TAG_SYNC:
        return on_file(LOOP_FILE_SYNC, value, cqe->res, ev);
    case TAG_ALLOCATE:
        return on_file(LOOP_FILE_ALLOCATE, value, cqe->res, ev);
    }
    return false;
}

static bool ring_next(struct loop *l, struct loop_event *event)
{
    struct loop_ring *r = loop_ring_of(l);
    struct io_uring_cqe *cqe;

    loop_ring_udp_give_back(r);
    while (io_uring_cq_ready(&r->ring) > 0 &&
           io_uring_peek_cqe(&r->ring, &cqe) == 0) {
        const struct io_uring_cqe copy = *cqe;

        io_uring_cqe_seen(&r->ring, cqe);
        if (on_completion(r, &copy, event)) return true;
    }
    loop_ring_udp_release_sends(r); /* none can still report a failure */
    return false;
}

static const struct loop_ops ops = {
    .name = "io_uring",
    .is_ring = true,
    .close = ring_close,
    .watch = ring_watch,
    .watch_signals = ring_watch_signals,
    .watch_errors = ring_watch_errors,
    .wait = ring_wait,
    .next = ring_next,
    .send = loop_ring_udp_send,
    .make_room = loop_ring_udp_make_room,
    .file = ring_file,
};

int loop_ring_open(struct loop **out, const struct loop_config *config)
{
    struct loop_ring *r = calloc(1, sizeof *r);
    int rc;

    if (!r) return -ENOMEM;
    r->ring.ring_fd = -1;
    r->recv_held = -1;
    rc = loop_init(&r->base, &ops, config);
    if (rc == 0) rc = set_up(r);
    if (rc == 0) rc = check_age(r);
    if (rc == 0) rc = loop_ring_udp_open(r);
    if (rc < 0) {
        ring_close(&r->base);
        return rc;
    }
    *out = &r->base;
    return 0;
}

/* loop_epoll.c - see loop_epoll.h: what is ready, the turn, files, signals. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* epoll_pwait2 */
#endif

#include "io/loop_epoll.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What an event of epoll is about, beside the numbers of sockets. */
enum watched {
    WATCHED_FILES = LOOP_SOCKETS_MAX,
    WATCHED_SIGNALS,
    WATCHED_TIMER,
    WATCHED_ERRORS,
    WATCHED_COUNT,
};

static int watch(struct loop_epoll *e, int fd, uint32_t events, uint32_t what)
{
    struct epoll_event event = { .events = events, .data.u32 = what };

    return epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* --- opening ----------------------------------------------------------- */

/*
 * epoll_pwait2 came with Linux 5.11, and filters of system calls may not know
 * it.  Without it a timer is one more descriptor, and one more call a turn.
 */
static int open_timer(struct loop_epoll *e)
{
    const struct timespec zero = { 0 };
    struct epoll_event event;

    if (epoll_pwait2(e->epoll_fd, &event, 1, &zero, NULL) >= 0) return 0;
    e->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (e->timer_fd < 0) return -errno;
    /* Edges: what has expired once need not be read. */
    return watch(e, e->timer_fd, EPOLLIN | EPOLLET, WATCHED_TIMER);
}

static int set_up(struct loop_epoll *e)
{
    int rc;

    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (e->epoll_fd < 0) return -errno;
    rc = open_timer(e);
    if (rc == 0) rc = loop_files_open(&e->files);
    if (rc == 0)
        rc = watch(e, e->files.event_fd, EPOLLIN | EPOLLET, WATCHED_FILES);
    snprintf(e->base.flags, sizeof e->base.flags, "%s, %u threads",
             e->timer_fd < 0 ? "epoll_pwait2" : "timerfd", LOOP_FILES_THREADS);
    return rc;
}

static void epoll_close(struct loop *l)
{
    struct loop_epoll *e = loop_epoll_of(l);

    loop_files_close(&e->files);
    if (e->epoll_fd >= 0) close(e->epoll_fd);
    if (e->timer_fd >= 0) close(e->timer_fd);
    loop_epoll_udp_close(e);
    loop_destroy(l);
    free(e);
}

/* --- sockets, signals, files ------------------------------------------- */

static int epoll_watch(struct loop *l, uint32_t socket)
{
    struct loop_epoll *e = loop_epoll_of(l);
    const int fd = l->sockets[socket].fd;
    int type;
    socklen_t len = sizeof type;

    /* Receiving from what is no socket fails, and that is told as an event. */
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
        e->ready |= 1u << socket;
        return 0;
    }
    return watch(e, fd, EPOLLIN, socket);
}

static int epoll_watch_signals(struct loop *l)
{
    return watch(loop_epoll_of(l), l->signal_fd, EPOLLIN, WATCHED_SIGNALS);
}

/* EPOLLERR is told without being asked for. */
static int epoll_watch_errors(struct loop *l)
{
    return watch(loop_epoll_of(l), l->error_fd, 0, WATCHED_ERRORS);
}

/* Handed over at once: the disk works while the turn is ended. */
static void epoll_file(struct loop *l, const struct loop_file *op)
{
    if (!loop_files_ask(&loop_epoll_of(l)->files, op) && l->error == 0)
        l->error = -EBUSY;
}

/* --- the turn ---------------------------------------------------------- */

/* A deadline of 0 is over; set anew only if it is another one. */
static int set_timer(struct loop_epoll *e, uint64_t deadline_ns)
{
    struct itimerspec at = { 0 };

    if (deadline_ns == e->timer_ns) return 0;
    if (deadline_ns != NEVER_NS) {
        at.it_value.tv_sec = (time_t)(deadline_ns / NS_PER_S);
        at.it_value.tv_nsec = (long)(deadline_ns % NS_PER_S);
    }
    if (timerfd_settime(e->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
        return -errno;
    e->timer_ns = deadline_ns;
    return 0;
}

static int sleep_by_timer(struct loop_epoll *e, uint64_t deadline_ns,
                          struct epoll_event *events)
{
    const bool over = deadline_ns <= host_now_ns();
    const int rc = over ? 0 : set_timer(e, deadline_ns);
    int count;

    if (rc < 0) return rc;
    count = epoll_wait(e->epoll_fd, events, WATCHED_COUNT, over ? 0 : -1);
    return count < 0 ? -errno : count;
}

/* Returns how many events there are, or -errno. */
static int sleep_until(struct loop_epoll *e, uint64_t deadline_ns,
                       struct epoll_event *events)
{
    const bool ends = deadline_ns != NEVER_NS;
    const uint64_t now_ns = ends && deadline_ns > 0 ? host_now_ns() : 0;
    const uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    const struct timespec left = { .tv_sec = (time_t)(left_ns / NS_PER_S),
                                   .tv_nsec = (long)(left_ns % NS_PER_S) };
    int count;

    if (e->timer_fd >= 0) return sleep_by_timer(e, deadline_ns, events);
    count = epoll_pwait2(e->epoll_fd, events, WATCHED_COUNT,
                         ends ? &left : NULL, NULL);
    return count < 0 ? -errno : count;
}

static void note_ready(struct loop_epoll *e, const struct epoll_event *event)
{
    const uint32_t what = event->data.u32;

    switch (what) {
    case WATCHED_FILES:
        e->files_ready = true;
        return;
    case WATCHED_SIGNALS:
        e->signals_ready = true;
        return;
    case WATCHED_ERRORS:
        e->errors_ready = true;
        return;
    case WATCHED_TIMER:
        e->timer_ns = NEVER_NS; /* it has expired, or is set anew */
        return;
    }
    ASSERT(what < e->base.socket_count);
    e->ready |= 1u << what;
    if (event->events & EPOLLERR)
        loop_udp_drain_errors(e->base.sockets[what].fd);
}

static bool is_pending(const struct loop_epoll *e)
{
    return e->recv_at < e->recv_count || e->ready || e->signals_ready ||
           e->errors_ready || e->files_ready;
}

static int epoll_turn(struct loop *l, uint64_t deadline_ns)
{
    struct loop_epoll *e = loop_epoll_of(l);
    struct epoll_event events[WATCHED_COUNT];
    int count;

    loop_epoll_udp_make_room(l);
    if (l->error) return l->error;
    l->counters.waits++;
    /* No signal has a handler: what interrupts a sleep is no news. */
    do count = sleep_until(e, is_pending(e) ? 0 : deadline_ns, events);
    while (count == -EINTR);
    for (int i = 0; i < count; i++) note_ready(e, &events[i]);
    return count < 0 ? count : 0;
}

/* True with an event if a file operation or a signal is there. */
static bool next_other(struct loop_epoll *e, struct loop_event *ev)
{
    struct loop_file op;

    if (e->files_ready) {
        if (loop_files_take(&e->files, &op)) {
            loop_on_file(op.kind, op.cookie, op.result, ev);
            return true;
        }
        e->files_ready = false;
    }
    if (e->signals_ready) {
        if (loop_read_signal(&e->base, ev)) return true;
        e->signals_ready = false;
    }
    if (e->errors_ready) {
        if (loop_udp_read_closed(&e->base, ev)) return true;
        e->errors_ready = false;
    }
    return false;
}

static bool epoll_next(struct loop *l, struct loop_event *event)
{
    struct loop_epoll *e = loop_epoll_of(l);

    if (loop_epoll_udp_next(e, event)) return true;
    if (next_other(e, event)) return true;
    while (e->ready) {
        const uint32_t socket = (uint32_t)__builtin_ctz(e->ready);

        e->ready &= ~(1u << socket);
        if (!l->sockets[socket].reads) continue;
        if (loop_epoll_udp_read(e, socket, event)) {
            epoll_ctl(e->epoll_fd, EPOLL_CTL_DEL, l->sockets[socket].fd, NULL);
            return true;
        }
        if (loop_epoll_udp_next(e, event)) return true;
    }
    return false;
}

static const struct loop_ops ops = {
    .name = "epoll",
    .close = epoll_close,
    .watch = epoll_watch,
    .watch_signals = epoll_watch_signals,
    .watch_errors = epoll_watch_errors,
    .wait = epoll_turn,
    .next = epoll_next,
    .send = loop_epoll_udp_send,
    .make_room = loop_epoll_udp_make_room,
    .file = epoll_file,
};

int loop_epoll_open(struct loop **out, const struct loop_config *config)
{
    struct loop_epoll *e = calloc(1, sizeof *e);
    int rc;

    if (!e) return -ENOMEM;
    e->epoll_fd = e->timer_fd = e->files.event_fd = -1;
    e->timer_ns = NEVER_NS;
    rc = loop_init(&e->base, &ops, config);
    if (rc == 0) rc = loop_epoll_udp_open(e);
    if (rc == 0) rc = set_up(e);
    if (rc < 0) {
        epoll_close(&e->base);
        return rc;
    }
    *out = &e->base;
    return 0;
}

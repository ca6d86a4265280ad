/* loop.c - see loop.h: the choice of a backend, and what all have alike. */
#include "io/loop.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/failpoint.h"
#include "io/loop_private.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define RECV_BUFFERS_MAX 32768u

/* --- opening ----------------------------------------------------------- */

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

/* Whatever keeps the ring from us: the other backend needs none of it. */
static int open_either(struct loop **out, const struct loop_config *c)
{
    const int refusal = loop_ring_open(out, c);
    int rc;

    if (refusal == 0) return 0;
    rc = loop_epoll_open(out, c);
    if (rc == 0) (*out)->refusal = refusal;
    return rc;
}

int loop_open(struct loop **out, const struct loop_config *config)
{
    struct loop_config c = *config;

    *out = NULL;
    fill_defaults(&c);
    switch (c.choice) {
    case LOOP_AUTO:
        return open_either(out, &c);
    case LOOP_RING:
        return loop_ring_open(out, &c);
    case LOOP_EPOLL:
        return loop_epoll_open(out, &c);
    }
    ASSERT(!"a choice");
    return -EINVAL;
}

void loop_close(struct loop *l)
{
    if (l) l->ops->close(l);
}

int loop_init(struct loop *l, const struct loop_ops *ops,
              const struct loop_config *config)
{
    l->ops = ops;
    l->config = *config;
    l->signal_fd = -1;
    l->error_fd = -1;
    return loop_udp_init(l);
}

void loop_destroy(struct loop *l)
{
    if (l->signal_fd >= 0) close(l->signal_fd);
    loop_udp_destroy(l);
}

/* --- what it is -------------------------------------------------------- */

const char *loop_backend(const struct loop *l)
{
    return l->ops->name;
}

bool loop_is_ring(const struct loop *l)
{
    return l->ops->is_ring;
}

int loop_refusal(const struct loop *l)
{
    return l->refusal;
}

const char *loop_flags(const struct loop *l)
{
    return l->flags;
}

const struct loop_counters *loop_counters(const struct loop *l)
{
    return &l->counters;
}

/* --- sockets and signals ----------------------------------------------- */

int loop_add_sender(struct loop *l, int fd)
{
    if (l->socket_count == LOOP_SOCKETS_MAX) return -ENOSPC;
    l->sockets[l->socket_count] = (struct loop_socket){ .fd = fd };
    return (int)l->socket_count++;
}

int loop_add_socket(struct loop *l, int fd)
{
    const int number = loop_add_sender(l, fd);
    int rc;

    if (number < 0) return number;
    l->sockets[number].reads = true;
    rc = l->ops->watch(l, (uint32_t)number);
    if (rc == 0) return number;
    l->socket_count--;
    return rc;
}

int loop_add_signals(struct loop *l, const int *signals, uint32_t count)
{
    ASSERT(l->signal_fd < 0);
    sigemptyset(&l->signal_set);
    for (uint32_t i = 0; i < count; i++) sigaddset(&l->signal_set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &l->signal_set, NULL) < 0) return -errno;
    l->signal_fd = signalfd(-1, &l->signal_set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l->signal_fd < 0) return -errno;
    return l->ops->watch_signals(l);
}

int loop_watch_errors(struct loop *l, int fd)
{
    ASSERT(l->error_fd < 0);
    l->error_fd = fd;
    return l->ops->watch_errors(l);
}

bool loop_read_signal(struct loop *l, struct loop_event *ev)
{
    struct signalfd_siginfo info;
    const ssize_t got = read(l->signal_fd, &info, sizeof info);

    if (got != (ssize_t)sizeof info) return false;
    *ev = (struct loop_event){ .type = LOOP_SIGNAL,
                               .signo = (int)info.ssi_signo };
    return true;
}

/* --- the turn ---------------------------------------------------------- */

int loop_wait(struct loop *l, uint64_t deadline_ns)
{
    return l->ops->wait(l, deadline_ns);
}

bool loop_next(struct loop *l, struct loop_event *event)
{
    return l->ops->next(l, event);
}

/* --- files ------------------------------------------------------------- */

void loop_write(struct loop *l, int fd, const void *bytes, uint32_t len,
                uint64_t offset, uint64_t cookie)
{
    const struct loop_file op = { .kind = LOOP_FILE_WRITE,
                                  .fd = fd,
                                  .bytes = bytes,
                                  .len = len,
                                  .offset = offset,
                                  .cookie = cookie };

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    l->ops->file(l, &op);
}

void loop_sync(struct loop *l, int fd, bool data_only, uint64_t cookie)
{
    const struct loop_file op = { .kind = data_only ? LOOP_FILE_SYNC_DATA
                                                    : LOOP_FILE_SYNC,
                                  .fd = fd,
                                  .cookie = cookie };

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    l->ops->file(l, &op);
}

void loop_allocate(struct loop *l, int fd, uint64_t offset, uint64_t len,
                   uint64_t cookie)
{
    const struct loop_file op = { .kind = LOOP_FILE_ALLOCATE,
                                  .fd = fd,
                                  .len = len,
                                  .offset = offset,
                                  .cookie = cookie };

    ASSERT(cookie <= LOOP_COOKIE_MAX);
    l->ops->file(l, &op);
}

static const char *point_of(enum loop_file_kind kind)
{
    switch (kind) {
    case LOOP_FILE_WRITE:
        return "write";
    case LOOP_FILE_ALLOCATE:
        return "allocate";
    case LOOP_FILE_SYNC:
    case LOOP_FILE_SYNC_DATA:
        return "sync";
    }
    return "";
}

void loop_on_file(enum loop_file_kind kind, uint64_t cookie, int32_t result,
                  struct loop_event *ev)
{
    *ev = (struct loop_event){ .type = LOOP_WRITTEN,
                               .cookie = cookie,
                               .result = failpoint(point_of(kind), result) };
}

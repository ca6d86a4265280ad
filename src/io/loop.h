/*
 * loop.h - the kernel as one stream of events: datagrams in and out, writes to
 * files, signals, and a deadline.
 *
 * Behind this header stands one io_uring per process, or, where the ring is
 * forbidden or not wanted, epoll with two threads for the files.  Callers need
 * not know which.  One turn:
 *
 *     loop_wait(l, deadline_ns);          submits all that is queued
 *     while (loop_next(l, &event)) ...    each event once
 *     loop_send, loop_write ...           queued until the next loop_wait
 *
 * One thread uses a loop: the one that opened it.
 */
#ifndef PAXOSKV_IO_LOOP_H
#define PAXOSKV_IO_LOOP_H

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOP_DATAGRAM_MAX 65507u /* the largest UDP payload */
#define LOOP_SOCKETS_MAX  8u
#define LOOP_COOKIE_MAX   ((UINT64_C(1) << 56) - 1)
#define LOOP_FLAGS_TEXT   128u

struct loop;

enum loop_choice {
    LOOP_AUTO, /* the ring, or epoll where there is none */
    LOOP_RING,
    LOOP_EPOLL,
};

/* Zero in a field stands for its default. */
struct loop_config {
    enum loop_choice choice;
    uint32_t datagram_max; /* longest datagram received or sent, default and
                              at most LOOP_DATAGRAM_MAX */
    uint32_t recv_buffers; /* a power of two up to 32768; default 256, or 64
                              where datagram_max is above 16 KiB */
    uint32_t send_buffers; /* default 128 */
    uint32_t sends_max;    /* sends queued or under way; default 1024 */
};

enum loop_event_type {
    LOOP_DATAGRAM = 1, /* socket, from, bytes, len, truncated */
    LOOP_WRITTEN,      /* cookie, result: a file operation has ended */
    LOOP_ERROR,        /* socket, result (-errno): it is read no more */
    LOOP_SIGNAL,       /* signo */
    LOOP_CLOSED,       /* from: nobody has this address and port (ICMP) */
};

struct loop_event {
    enum loop_event_type type;
    uint32_t socket; /* as returned by loop_add_socket */
    bool truncated;  /* the datagram was longer than datagram_max */
    struct address from;
    const uint8_t *bytes; /* aligned to 8; the loop's, until the next
                             loop_next or loop_wait */
    uint32_t len;
    uint64_t cookie; /* as given to loop_write and its like */
    int32_t result;  /* bytes written, 0, or -errno */
    int signo;
};

/* What one datagram is written into, and sent from to any number of peers. */
struct loop_buffer {
    uint8_t *bytes; /* size bytes, unset */
    uint32_t size;  /* datagram_max of the loop */
    uint32_t refs;  /* the loop's own, like the next */
    struct loop_buffer *next;
};

/* Ever growing, for status. */
struct loop_counters {
    uint64_t datagrams_in;
    uint64_t datagrams_out; /* sends that the kernel took */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t truncated;
    uint64_t send_failed;  /* sends that it did not take: lost datagrams */
    uint64_t send_again;   /* sent twice over a pending ICMP error */
    uint64_t send_dry;     /* no buffer or no place in the queue was left */
    uint64_t recv_dropped; /* by full socket buffers (SO_RXQ_OVFL) */
    uint64_t recv_starved; /* receives re-armed as our buffers ran out */
    uint64_t waits;
};

/*
 * Open a loop.  Returns 0, or -errno; for LOOP_RING -ENOSYS, -EPERM or -EACCES
 * where io_uring is not there or forbidden, -EOPNOTSUPP or -EINVAL where the
 * kernel's lacks something that is needed.
 */
int loop_open(struct loop **l, const struct loop_config *config);

/* Close it, not the sockets; what is under way is given up.  NULL is fine. */
void loop_close(struct loop *l);

/* "io_uring" or "epoll", for the log. */
const char *loop_backend(const struct loop *l);

bool loop_is_ring(const struct loop *l);

/* Why LOOP_AUTO has no ring: -errno of its opening, or 0. */
int loop_refusal(const struct loop *l);

/* What the kernel granted the backend, for the log. */
const char *loop_flags(const struct loop *l);

/*
 * Receive from a UDP socket (see udp.h) from now on, and allow loop_send on
 * it.  Returns its number, 0 for the first, -ENOSPC beyond LOOP_SOCKETS_MAX,
 * or -errno.
 */
int loop_add_socket(struct loop *l, int fd);

/* The same, for sending only. */
int loop_add_sender(struct loop *l, int fd);

/*
 * Tell of ports that a socket found closed: one LOOP_CLOSED for each ICMP error
 * in its queue.  It needs IP_RECVERR or IPV6_RECVERR; nothing is received from
 * it.  One socket at most.  Returns 0 or -errno.
 */
int loop_watch_errors(struct loop *l, int fd);

/* Block these signals for the process and deliver them as events. */
int loop_add_signals(struct loop *l, const int *signals, uint32_t count);

/*
 * Submit what is queued, then sleep until an event is there or the clock
 * (host_now_ns) reaches deadline_ns; NEVER_NS waits for events alone.  A
 * deadline in the past only submits and looks.  Returns 0 (spurious wake-ups
 * included), or -errno if the backend itself fails.
 */
int loop_wait(struct loop *l, uint64_t deadline_ns);

/* Take the next event into *event; false when there is none left. */
bool loop_next(struct loop *l, struct loop_event *event);

/* A buffer to send from, with one reference of the caller's; NULL when dry. */
struct loop_buffer *loop_send_buffer(struct loop *l);

/*
 * Queue len bytes of the buffer for one address.  The buffer's bytes may not
 * change any more; it may be sent again, to others.  A send that fails is a
 * lost datagram, counted.  Returns false, also counted, if no place is left.
 */
bool loop_send(struct loop *l, uint32_t socket, struct loop_buffer *buffer,
               uint32_t len, const struct address *to);

/* Drop the caller's reference: the buffer is free when its sends have ended. */
void loop_send_done(struct loop *l, struct loop_buffer *buffer);

/*
 * File operations; each ends in one LOOP_WRITTEN with its cookie, at most
 * LOOP_COOKIE_MAX.  The bytes must stand until then, or until loop_close.
 * Operations queued together run in any order, or at once.
 */
void loop_write(struct loop *l, int fd, const void *bytes, uint32_t len,
                uint64_t offset, uint64_t cookie);
void loop_sync(struct loop *l, int fd, bool data_only, uint64_t cookie);
void loop_allocate(struct loop *l, int fd, uint64_t offset, uint64_t len,
                   uint64_t cookie);

const struct loop_counters *loop_counters(const struct loop *l);

#endif

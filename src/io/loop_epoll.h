/*
 * loop_epoll.h - the backend for machines without the ring, as loop_epoll.c
 * and loop_epoll_udp.c share it.
 *
 * A turn is one sendmmsg, one epoll_pwait2, and one recvmmsg for each socket
 * that has something; more than fits into the buffers waits in the socket for
 * the next turn.  Files are worked on by threads, see loop_files.h.
 */
#ifndef PAXOSKV_IO_LOOP_EPOLL_H
#define PAXOSKV_IO_LOOP_EPOLL_H

#include "io/loop_files.h"
#include "io/loop_private.h"

struct loop_epoll_send {
    struct iovec iov;
    struct sockaddr_storage to;
    struct loop_buffer *buffer;
    uint32_t socket;
};

/* What a datagram brings beside its bytes. */
struct loop_epoll_head {
    struct iovec iov;
    struct sockaddr_storage from;
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint32_t))];
};

struct loop_epoll {
    struct loop base;
    int epoll_fd;
    int timer_fd;      /* -1: epoll_pwait2 keeps the time */
    uint64_t timer_ns; /* what it is set to, NEVER_NS: to nothing */

    uint32_t ready; /* bit i: socket i may have something */
    bool signals_ready;
    bool errors_ready;
    bool files_ready;
    struct loop_files files;

    /* The datagrams of one socket, read at once; those before recv_at have
     * been handed out. */
    uint32_t recv_socket;
    uint32_t recv_at;
    uint32_t recv_count;
    struct mmsghdr *recv_list; /* recv_buffers of each */
    struct loop_epoll_head *recv_heads;
    uint8_t *recv_bytes;
    size_t recv_stride;

    struct mmsghdr *send_list; /* sends_max of each */
    struct loop_epoll_send *sends;
    uint32_t send_count;
};

static inline struct loop_epoll *loop_epoll_of(struct loop *l)
{
    return (struct loop_epoll *)l; /* base comes first */
}

/* --- loop_epoll_udp.c -------------------------------------------------- */

int loop_epoll_udp_open(struct loop_epoll *e);
void loop_epoll_udp_close(struct loop_epoll *e);

/* The next datagram of those that were read; false if there is none. */
bool loop_epoll_udp_next(struct loop_epoll *e, struct loop_event *ev);

/* Read from a socket; true with an event if it has failed. */
bool loop_epoll_udp_read(struct loop_epoll *e, uint32_t socket,
                         struct loop_event *ev);

/* As struct loop_ops has them. */
bool loop_epoll_udp_send(struct loop *l, uint32_t socket,
                         struct loop_buffer *buffer, uint32_t len,
                         const struct address *to);
void loop_epoll_udp_make_room(struct loop *l);

#endif

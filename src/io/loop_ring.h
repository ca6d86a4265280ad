/*
 * loop_ring.h - the backend on io_uring, as loop_ring.c and loop_ring_udp.c
 * share it.
 *
 * Receives are multishot, one per socket, out of one ring of buffers: a
 * datagram costs no system call and no submission.  Sends are MSG_DONTWAIT,
 * so each of them has ended when io_uring_enter has taken it, and those that
 * went well leave no completion (IOSQE_CQE_SKIP_SUCCESS): what wakes us is
 * always news.
 */
#ifndef PAXOSKV_IO_LOOP_RING_H
#define PAXOSKV_IO_LOOP_RING_H

#include "io/loop_private.h"

#include <liburing.h>

#define LOOP_RING_GROUP     0
#define LOOP_RING_TAG_SHIFT 56u

/* The upper byte of user_data: what a completion is about. */
enum loop_ring_tag {
    TAG_RECV = 1,
    TAG_SEND,
    TAG_SIGNAL,
    TAG_WRITE,
    TAG_SYNC,
    TAG_ALLOCATE,
    TAG_ERRORS,
};

struct loop_ring_send {
    struct msghdr msg;
    struct iovec iov;
    struct sockaddr_storage to;
    struct loop_buffer *buffer;
    uint32_t socket;
    bool again; /* this is its second try */
};

struct loop_ring {
    struct loop base;
    struct io_uring ring;

    struct io_uring_buf_ring *recv_ring;
    uint8_t *recv_bytes;
    size_t recv_stride;
    struct msghdr recv_shape;
    int recv_held; /* the buffer of the event handed out last, or -1 */

    /* Sends are numbered; number i is in sends[i % sends_max].  Those from
     * head on are kept, those below submitted were taken by the kernel. */
    struct loop_ring_send *sends;
    uint64_t send_head;
    uint64_t send_submitted;
    uint64_t send_tail;
};

static inline struct loop_ring *loop_ring_of(struct loop *l)
{
    return (struct loop_ring *)l; /* base comes first */
}

static inline uint64_t loop_ring_user_data(enum loop_ring_tag tag,
                                           uint64_t value)
{
    return (uint64_t)tag << LOOP_RING_TAG_SHIFT | value;
}

/* A place in the submission queue, which is submitted if it is full; NULL if
 * the kernel does not take it either. */
struct io_uring_sqe *loop_ring_take_sqe(struct loop_ring *r);

/* Submit without waiting. */
void loop_ring_submit(struct loop_ring *r);

/* The kernel has taken what was queued: so have all queued sends ended. */
static inline void loop_ring_note_submitted(struct loop_ring *r)
{
    if (io_uring_sq_ready(&r->ring) == 0) r->send_submitted = r->send_tail;
}

/* --- loop_ring_udp.c --------------------------------------------------- */

/* Make the buffers, and give them to the ring. */
int loop_ring_udp_open(struct loop_ring *r);
void loop_ring_udp_close(struct loop_ring *r);

/* Begin to receive, or go on where the kernel ended a multishot receive. */
void loop_ring_udp_arm(struct loop_ring *r);

/* The datagram handed out last has been used. */
void loop_ring_udp_give_back(struct loop_ring *r);

/* Take the completion of a receive; true if it is an event. */
bool loop_ring_udp_on_receive(struct loop_ring *r, uint32_t socket,
                              const struct io_uring_cqe *cqe,
                              struct loop_event *ev);

/* As struct loop_ops has them. */
bool loop_ring_udp_send(struct loop *l, uint32_t socket,
                        struct loop_buffer *buffer, uint32_t len,
                        const struct address *to);
void loop_ring_udp_make_room(struct loop *l);

/* Take the failure of a send. */
void loop_ring_udp_on_send_failed(struct loop_ring *r, uint64_t number,
                                  int error);

/* Forget the sends that have ended. */
void loop_ring_udp_release_sends(struct loop_ring *r);

#endif

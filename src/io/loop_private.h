/*
 * loop_private.h - what loop.c and loop_udp.c share: the ring, and the state
 * of its sockets.
 *
 * Receives are multishot, one per socket, out of one ring of buffers: a
 * datagram costs no system call and no submission.  Sends are MSG_DONTWAIT,
 * so each of them has ended when io_uring_enter has taken it, and those that
 * went well leave no completion (IOSQE_CQE_SKIP_SUCCESS): what wakes us is
 * always news.
 */
#ifndef PAXOSKV_IO_LOOP_PRIVATE_H
#define PAXOSKV_IO_LOOP_PRIVATE_H

#include "io/loop.h"

#include <liburing.h>
#include <signal.h>
#include <sys/socket.h>

#define LOOP_BUFFER_GROUP 0
#define LOOP_TAG_SHIFT    56u

/* The upper byte of user_data: what a completion is about. */
enum loop_tag {
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

static inline uint64_t loop_user_data(enum loop_tag tag, uint64_t value)
{
    return (uint64_t)tag << LOOP_TAG_SHIFT | value;
}

/* A place in the submission queue, which is submitted if it is full; NULL if
 * the kernel does not take it either. */
struct io_uring_sqe *loop_take_sqe(struct loop *l);

/* Submit without waiting. */
void loop_submit_now(struct loop *l);

/* The kernel has taken what was queued: so have all queued sends ended. */
static inline void loop_note_submitted(struct loop *l)
{
    if (io_uring_sq_ready(&l->ring) == 0) l->send_submitted = l->send_tail;
}

/* --- loop_udp.c -------------------------------------------------------- */

/* Make the buffers, and give them to the ring. */
int loop_udp_open(struct loop *l);
void loop_udp_close(struct loop *l);

/* Begin to receive, or go on where the kernel ended a multishot receive. */
void loop_udp_arm(struct loop *l);

/* The datagram handed out last has been used. */
void loop_udp_give_back(struct loop *l);

/* Take the completion of a receive; true if it is an event. */
bool loop_udp_on_receive(struct loop *l, uint32_t socket,
                         const struct io_uring_cqe *cqe, struct loop_event *ev);

/* Take the failure of a send. */
void loop_udp_on_send_failed(struct loop *l, uint64_t number, int error);

/* Forget the sends that have ended. */
void loop_udp_release_sends(struct loop *l);

#endif

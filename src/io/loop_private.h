/*
 * loop_private.h - what the backends of the loop have in common: sockets, the
 * buffers to send from, signals, counters.
 *
 * A backend is a table of calls, and a struct that begins with a struct loop:
 * loop_ring*.c (io_uring) and loop_epoll*.c.
 */
#ifndef PAXOSKV_IO_LOOP_PRIVATE_H
#define PAXOSKV_IO_LOOP_PRIVATE_H

#include "io/loop.h"

#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>

enum loop_file_kind {
    LOOP_FILE_WRITE = 1,
    LOOP_FILE_SYNC,
    LOOP_FILE_SYNC_DATA,
    LOOP_FILE_ALLOCATE,
};

/* One operation on a file, as loop.h has them. */
struct loop_file {
    enum loop_file_kind kind;
    int fd;
    const void *bytes;
    uint64_t len;
    uint64_t offset;
    uint64_t cookie;
    int32_t result; /* once it has ended */
};

/* Each as the function of loop.h, unless said otherwise. */
struct loop_ops {
    const char *name;
    bool is_ring;
    void (*close)(struct loop *l);
    int (*watch)(struct loop *l, uint32_t socket); /* begin to receive */
    int (*watch_signals)(struct loop *l);
    int (*watch_errors)(struct loop *l);
    int (*wait)(struct loop *l, uint64_t deadline_ns);
    bool (*next)(struct loop *l, struct loop_event *ev);
    bool (*send)(struct loop *l, uint32_t socket, struct loop_buffer *buffer,
                 uint32_t len, const struct address *to);
    void (*make_room)(struct loop *l); /* end the sends that are queued */
    void (*file)(struct loop *l, const struct loop_file *op);
};

struct loop_socket {
    int fd;
    bool reads;
    bool armed;        /* the ring's: a multishot receive is under way */
    uint32_t overflow; /* the kernel's count of drops, as last told */
};

struct loop {
    const struct loop_ops *ops;
    struct loop_config config;
    struct loop_counters counters;
    char flags[LOOP_FLAGS_TEXT];
    int refusal; /* of the ring, where we have another backend */
    int error;   /* of a submission, for loop_wait to return */

    struct loop_socket sockets[LOOP_SOCKETS_MAX];
    uint32_t socket_count;

    struct loop_buffer *buffers;
    struct loop_buffer *buffer_free;
    uint8_t *send_bytes;

    int signal_fd;
    sigset_t signal_set;
    int error_fd; /* the caller's; -1: none */
};

/*
 * Open a backend; config has no zeros in it.  Returns 0 or -errno; then
 * nothing is left open.
 */
int loop_ring_open(struct loop **l, const struct loop_config *config);
int loop_epoll_open(struct loop **l, const struct loop_config *config);

/* --- loop.c: for the backends ------------------------------------------ */

/* Begin with the part that is common, which is zeroed. */
int loop_init(struct loop *l, const struct loop_ops *ops,
              const struct loop_config *config);

/* Give back what it has. */
void loop_destroy(struct loop *l);

/* A file operation has ended: make it an event. */
void loop_on_file(enum loop_file_kind kind, uint64_t cookie, int32_t result,
                  struct loop_event *ev);

/* Take one signal from the descriptor; false if there is none. */
bool loop_read_signal(struct loop *l, struct loop_event *ev);

/* --- loop_udp.c: for the backends -------------------------------------- */

/* Zeroed memory that takes no page before it is used, or NULL. */
void *loop_udp_map(size_t size);

int loop_udp_init(struct loop *l);
void loop_udp_destroy(struct loop *l);

/* One reference less. */
void loop_udp_unref(struct loop *l, struct loop_buffer *b);

/* Errors that ICMP left on a socket: they say nothing of the next datagram. */
bool loop_udp_is_passing(int error);

/* Empty the error queue of a socket, so that it fails no more sends. */
void loop_udp_drain_errors(int fd);

/* Take one closed port from the queue of error_fd; false if there is none. */
bool loop_udp_read_closed(const struct loop *l, struct loop_event *ev);

/* The kernel's count of drops, as SO_RXQ_OVFL tells it with a datagram. */
void loop_udp_note_overflow(struct loop *l, uint32_t socket,
                            const struct cmsghdr *c);

/* Count a datagram that came. */
void loop_udp_count(struct loop *l, const struct loop_event *ev);

#endif

/*
 * handle.h - what is behind a struct pkv: a session and its socket.
 */
#ifndef PAXOSKV_CLIENT_HANDLE_H
#define PAXOSKV_CLIENT_HANDLE_H

#include "client/session.h"
#include "client/socket.h"

/*
 * All that one flush can send: every operation once, each at worst in a
 * datagram of its own, and the session's own commands.
 */
#define HANDLE_OUTBOX                                                          \
    (SOCKET_SEND_MAX * (DATAGRAM_HEAD + REQUEST_HEAD) +                        \
     (SESSION_OPS + 1) * (COMMAND_HEAD + COMMAND_BYTES_MAX) + KNOCK_SIZE)

struct pkv {
    struct client_socket socket;
    uint32_t *owner; /* a page that a child of the process finds empty */
    unsigned timeout_ms;
    struct session session;
    uint8_t outbox[HANDLE_OUTBOX + SESSION_DATAGRAM];
    struct socket_inbox inbox;
};

/* True in a child of the process that opened it, which must not use it. */
bool handle_is_forked(const struct pkv *h);

/* Monotonic time. */
uint64_t handle_now_ns(void);

#endif

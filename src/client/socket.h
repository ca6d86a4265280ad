/*
 * socket.h - the one UDP socket of a handle; nothing here blocks.
 */
#ifndef PAXOSKV_CLIENT_SOCKET_H
#define PAXOSKV_CLIENT_SOCKET_H

#include "base/address.h"

#include <stddef.h>
#include <sys/socket.h>

#define SOCKET_BATCH    4u     /* datagrams received by one call */
#define SOCKET_DATAGRAM 65536u /* more than any datagram has */
#define SOCKET_SEND_MAX 72u    /* datagrams sent by one call */

struct socket_datagram {
    struct address addr;
    const uint8_t *bytes;
    size_t len;
};

/* Room for what is received; large, and mostly never touched. */
struct socket_inbox {
    struct mmsghdr messages[SOCKET_BATCH];
    struct iovec vectors[SOCKET_BATCH];
    struct sockaddr_storage from[SOCKET_BATCH];
    uint8_t bytes[SOCKET_BATCH][SOCKET_DATAGRAM];
};

struct client_socket {
    int fd;
    bool v6; /* it then takes IPv4, too */
};

/* Returns 0 or -errno. */
int socket_open(struct client_socket *s, bool v6);
void socket_close(struct client_socket *s);

void socket_inbox_init(struct socket_inbox *in);

/*
 * Send up to SOCKET_SEND_MAX datagrams.  What the kernel does not take is
 * lost, as it could be on the way.
 */
void socket_send(const struct client_socket *s,
                 const struct socket_datagram *list, unsigned count);

/*
 * Receive up to max datagrams, 1..SOCKET_BATCH; their bytes are borrowed from
 * *in.  One alone costs less than one of several that might be there.
 * Returns how many, 0 when there are none; -ECONNREFUSED if socket_refused
 * has something to tell, and nothing was received; or -errno.
 */
int socket_receive(const struct client_socket *s, struct socket_inbox *in,
                   unsigned max, struct socket_datagram list[SOCKET_BATCH]);

/* Take the next address that the kernel found closed; false: no more. */
bool socket_refused(const struct client_socket *s, struct address *addr);

#endif

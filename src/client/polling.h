/*
 * polling.h - waiting for answers on a socket of one's own: for what asks
 * members, and not the store.
 */
#ifndef PAXOSKV_CLIENT_POLLING_H
#define PAXOSKV_CLIENT_POLLING_H

#include "client/socket.h"
#include "client/survey.h"

#define POLLING_PART 4u /* of a time limit, for each member of a survey */

uint64_t polling_seed(void);

/* Sleep until something is there to be read, or until due_ns. */
void polling_wait(int fd, uint64_t due_ns);

/* Carry out a survey to its end. */
void polling_survey(struct survey *s, const struct client_socket *sock,
                    struct socket_inbox *inbox);

#endif

/*
 * fakeserver.h - a fake group on UDP ports of 127.0.0.1, in a thread.
 */
#ifndef PAXOSKV_TESTS_FAKESERVER_H
#define PAXOSKV_TESTS_FAKESERVER_H

#include "support/fakegroup.h"

#include <pthread.h>

struct fake_server {
    pthread_t thread;
    pthread_mutex_t mutex; /* held by whoever touches the group */
    struct fake_group group;
    int sockets[FAKE_MEMBERS_MAX];
    int stop[2];       /* a pipe */
    char servers[256]; /* for pkv_open */
};

/* Bind count ports that are free, and answer there until the stop. */
void fake_server_start(struct fake_server *s, uint32_t count);
void fake_server_stop(struct fake_server *s);

/* Close the port of a member: the kernel refuses what comes there. */
void fake_server_close(struct fake_server *s, uint32_t member);

#endif

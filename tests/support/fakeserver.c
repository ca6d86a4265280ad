/*
 * fakeserver.c - see fakeserver.h.
 */
#include "support/fakeserver.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t fake_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint16_t fake_bind(int fd)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;

    ASSERT(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    ASSERT(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    return ntohs(a.sin_port);
}

/* Whoever answers does so from a port of its own. */
static void fake_serve(struct fake_server *s, uint32_t at)
{
    static uint8_t in[65536], out[DATAGRAM_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    const ssize_t len = recvfrom(s->sockets[at], in, sizeof in, MSG_DONTWAIT,
                                 (struct sockaddr *)&from, &from_len);
    uint32_t member;
    size_t answer;

    if (len < 0) return;
    s->group.time_ns = fake_now_ns();
    answer = fake_group_on_datagram(&s->group, at, in, (size_t)len, out,
                                    &member);
    if (answer == 0) return;
    sendto(s->sockets[member], out, answer, 0, (struct sockaddr *)&from,
           from_len);
}

static void *fake_run(void *arg)
{
    struct fake_server *s = arg;

    for (;;) {
        struct pollfd p[FAKE_MEMBERS_MAX + 1];

        for (uint32_t i = 0; i < s->group.count; i++)
            p[i] = (struct pollfd){ .fd = s->sockets[i], .events = POLLIN };
        p[s->group.count] = (struct pollfd){ .fd = s->stop[0],
                                             .events = POLLIN };
        poll(p, s->group.count + 1, -1);
        if (p[s->group.count].revents) return NULL;
        pthread_mutex_lock(&s->mutex);
        for (uint32_t i = 0; i < s->group.count; i++) {
            if (p[i].revents && s->sockets[i] >= 0) fake_serve(s, i);
        }
        pthread_mutex_unlock(&s->mutex);
    }
}

void fake_server_start(struct fake_server *s, uint32_t count)
{
    size_t len = 0;

    fake_group_init(&s->group, count);
    s->group.time_ns = fake_now_ns();
    for (uint32_t i = 0; i < count; i++) {
        s->sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ASSERT(s->sockets[i] >= 0);
        s->group.members[i].addr.port = fake_bind(s->sockets[i]);
        len += (size_t)snprintf(s->servers + len, sizeof s->servers - len,
                                "%s127.0.0.1:%u", i ? "," : "",
                                s->group.members[i].addr.port);
    }
    pthread_mutex_init(&s->mutex, NULL);
    ASSERT(pipe(s->stop) == 0);
    ASSERT(pthread_create(&s->thread, NULL, fake_run, s) == 0);
}

void fake_server_close(struct fake_server *s, uint32_t member)
{
    pthread_mutex_lock(&s->mutex);
    close(s->sockets[member]);
    s->sockets[member] = -1;
    s->group.members[member].dead = true;
    pthread_mutex_unlock(&s->mutex);
}

void fake_server_stop(struct fake_server *s)
{
    ASSERT(write(s->stop[1], "x", 1) == 1);
    pthread_join(s->thread, NULL);
    for (uint32_t i = 0; i < s->group.count; i++) {
        if (s->sockets[i] >= 0) close(s->sockets[i]);
    }
    close(s->stop[0]);
    close(s->stop[1]);
    pthread_mutex_destroy(&s->mutex);
    fake_group_destroy(&s->group);
}

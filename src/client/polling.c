/* polling.c - see polling.h */
#include "client/polling.h"

#include "client/handle.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

uint64_t polling_seed(void)
{
    uint64_t seed;

    /* The time is second best. */
    return getentropy(&seed, sizeof seed) == 0 ? seed : handle_now_ns();
}

void polling_wait(int fd, uint64_t due_ns)
{
    const uint64_t now_ns = handle_now_ns();
    struct pollfd p = { .fd = fd, .events = POLLIN };
    struct timespec t = { 0 };

    if (due_ns > now_ns) {
        t.tv_sec = (time_t)((due_ns - now_ns) / NS_PER_S);
        t.tv_nsec = (long)((due_ns - now_ns) % NS_PER_S);
    }
    ppoll(&p, 1, &t, NULL);
}

static void survey_receive(struct survey *s, const struct client_socket *sock,
                           struct socket_inbox *inbox)
{
    struct socket_datagram list[SOCKET_BATCH];
    struct address closed;
    int count;

    while ((count = socket_receive(sock, inbox, SOCKET_BATCH, list)) != 0) {
        for (int i = 0; i < count; i++) {
            survey_on_datagram(s, handle_now_ns(), &list[i].addr, list[i].bytes,
                               list[i].len);
        }
        if (count > 0) continue;
        if (count != -ECONNREFUSED) return;
        while (socket_refused(sock, &closed)) continue; /* it may be starting */
    }
}

void polling_survey(struct survey *s, const struct client_socket *sock,
                    struct socket_inbox *inbox)
{
    while (!survey_is_over(s)) {
        uint8_t bytes[SURVEY_SIZE];
        struct socket_datagram d = { .bytes = bytes };

        while ((d.len = survey_output(s, handle_now_ns(), bytes, &d.addr)))
            socket_send(sock, &d, 1);
        if (survey_is_over(s)) return;
        polling_wait(sock->fd, survey_deadline(s));
        survey_receive(s, sock, inbox);
    }
}

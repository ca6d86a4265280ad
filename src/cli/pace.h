/*
 * pace.h - when the operations of an open loop are to be sent, whatever
 * became of those before: evenly spaced, and to the sockets in turn.
 *
 * Their latency is counted from that moment.  A server that stalls is then
 * charged for all that would have been sent meanwhile, and not, as in a
 * closed loop, for the few that were under way (Tene: coordinated omission).
 */
#ifndef PAXOSKV_CLI_PACE_H
#define PAXOSKV_CLI_PACE_H

#include <stdint.h>

#define PACE_RATE_MAX 100000000

struct pace {
    uint64_t start_ns; /* of the first operation */
    uint64_t stop_ns;  /* from then on there is none */
    uint64_t rate;     /* operations a second, 1..PACE_RATE_MAX */
    uint32_t sockets;  /* that take turns, at least 1 */
    uint64_t given;    /* operations that were due already */
};

/* The moment of operation number, counted from 0. */
static inline uint64_t pace_at_ns(const struct pace *p, uint64_t number)
{
    const uint64_t s_ns = UINT64_C(1000000000);

    return p->start_ns + number / p->rate * s_ns +
           number % p->rate * s_ns / p->rate;
}

/* The moment of the operation that is the number-th of a socket, from 0. */
static inline uint64_t pace_of_socket_ns(const struct pace *p, uint32_t socket,
                                         uint64_t number)
{
    return pace_at_ns(p, number * p->sockets + socket);
}

/* Take the next operation that is due: its socket, or -1 if there is none. */
static inline int64_t pace_next(struct pace *p, uint64_t now_ns)
{
    const uint64_t at_ns = pace_at_ns(p, p->given);

    if (at_ns > now_ns || at_ns >= p->stop_ns) return -1;
    return (int64_t)(p->given++ % p->sockets);
}

#endif

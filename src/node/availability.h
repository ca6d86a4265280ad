/*
 * availability.h - what the idle no-ops prove (E11): how many of them went the
 * whole way of a write, disks of a majority included, before the next one was
 * due, and how long they took.
 */
#ifndef PAXOSKV_NODE_AVAILABILITY_H
#define PAXOSKV_NODE_AVAILABILITY_H

#include <stdint.h>

#define AVAILABILITY_LAST 64u /* of which latencies are kept */

struct availability {
    uint64_t slot; /* of the no-op under way; 0: none */
    uint64_t since_ns;
    uint64_t proposed;
    uint64_t in_time;
    uint64_t done;                            /* in time or not */
    uint64_t latencies_ns[AVAILABILITY_LAST]; /* a ring */
};

void availability_on_proposed(struct availability *a, uint64_t slot,
                              uint64_t now_ns);

/* All slots up to executed are executed; a no-op has limit_ns for that. */
void availability_on_executed(struct availability *a, uint64_t executed,
                              uint64_t limit_ns, uint64_t now_ns);

/* Of the latencies kept; 0: there is none. */
uint64_t availability_p50_ns(const struct availability *a);
uint64_t availability_max_ns(const struct availability *a);

#endif

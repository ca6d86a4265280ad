/*
 * liveness.h - noticing at once that the process of another member has ended.
 *
 * Each member binds one more port that nobody ever reads, and that never
 * enters the ring: the kernel closes it in the moment in which the process
 * ends.  Others send it a byte now and then; the answer to one that finds the
 * port closed is an ICMP error in the queue of the socket that asked, which
 * the loop watches (LOOP_CLOSED).  No such answer means nothing: ICMP is
 * limited in rate, and filtered.
 */
#ifndef PAXOSKV_IO_LIVENESS_H
#define PAXOSKV_IO_LIVENESS_H

#include "base/address.h"

#include <stdint.h>

#define LIVENESS_OFFSET 1000u /* from the port of a member to this one */

struct liveness {
    int port_fd;  /* is there as long as this process; -1: could not be bound */
    int probe_fd; /* asks those of others; -1: cannot ask */
};

/*
 * Open both sockets for the member at this address.  Returns the port that was
 * bound, or -errno where it was not: then no port is told to the others.  What
 * can be opened is, whatever is returned.
 */
int liveness_open(struct liveness *l, const struct address *member);

/* Send a byte to a port; never blocks, and tells of no failure. */
void liveness_probe(const struct liveness *l, const struct address *to);

void liveness_close(struct liveness *l);

#endif

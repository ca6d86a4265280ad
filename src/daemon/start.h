/*
 * start.h - bringing a member up: directory, sockets, log, core.
 */
#ifndef PAXOSKV_DAEMON_START_H
#define PAXOSKV_DAEMON_START_H

#include "daemon/server.h"

/*
 * Make *s, which is all zeros, ready for server_run: member id of the
 * configuration, which outlives *s.  create: a missing data directory is made.
 *
 * Returns 0, or the exit status with *f filled in; start_close in both cases.
 */
int start_open(struct server *s, const struct config *c, uint8_t id,
               bool create, struct failure *f);

/*
 * Give all of it back; clean: the log ends here, everything in it is durable
 * (disk_is_idle).  Returns 0, or the exit status with *f filled in.
 */
int start_close(struct server *s, bool clean, struct failure *f);

#endif

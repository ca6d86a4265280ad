/*
 * report.h - what the daemon tells: state changes and failures to its log,
 * everything to `paxoskv status`.
 */
#ifndef PAXOSKV_DAEMON_REPORT_H
#define PAXOSKV_DAEMON_REPORT_H

#include "daemon/server.h"

/* Log a state change of the core. */
void report_note(const struct server *s, const struct note *n);

/* "acceptor", by enum role. */
const char *report_role(unsigned role);

/* Once in a while: failures that began or are over since the last time. */
void report_episodes(struct server *s);

/* Who leads, as far as this member knows: an id, or 0. */
uint8_t report_leader(const struct server *s);

/* All that this member says of itself. */
void report_status(const struct server *s, struct status *status);

#endif

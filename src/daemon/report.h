/*
 * report.h - what the daemon tells: state changes and failures to its log,
 * everything to `paxoskv status`.
 */
#ifndef PAXOSKV_DAEMON_REPORT_H
#define PAXOSKV_DAEMON_REPORT_H

#include "daemon/server.h"

/* A turn that was due then begins only now: if that is so late that others may
 * take the process for dead, say so. */
void report_pause(uint64_t due_ns, uint64_t now_ns);

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

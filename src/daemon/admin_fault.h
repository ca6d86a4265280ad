/*
 * admin_fault.h - the words "fault ..." of admin.h.
 */
#ifndef PAXOSKV_DAEMON_ADMIN_FAULT_H
#define PAXOSKV_DAEMON_ADMIN_FAULT_H

#include <stdint.h>

struct server;

/* Refused where the configuration does not allow it; as admin_done. */
uint8_t admin_fault(struct server *s, char **words, unsigned count);

#endif

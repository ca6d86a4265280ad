/*
 * intake.h - datagrams become events of the core, or are dropped and counted.
 */
#ifndef PAXOSKV_DAEMON_INTAKE_H
#define PAXOSKV_DAEMON_INTAKE_H

#include "daemon/server.h"

/* Take a LOOP_DATAGRAM; whatever is wrong with it is its sender's fault. */
void intake_datagram(struct server *s, const struct loop_event *ev);

#endif

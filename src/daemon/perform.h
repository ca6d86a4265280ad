/*
 * perform.h - the effects of a step are carried out.
 */
#ifndef PAXOSKV_DAEMON_PERFORM_H
#define PAXOSKV_DAEMON_PERFORM_H

#include "daemon/server.h"

/*
 * Carry out s->effects, in order.  Nothing of them is needed afterwards: bytes
 * are copied into datagrams and into the log.  The core is not stepped here.
 */
void perform_effects(struct server *s);

#endif

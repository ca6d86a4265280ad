/*
 * crash.h - what is still done when the process dies of a bug: the flight
 * recorder writes its file, and the log says where.
 */
#ifndef PAXOSKV_DAEMON_CRASH_H
#define PAXOSKV_DAEMON_CRASH_H

#include "daemon/recorder.h"

/*
 * From now on a failed assertion, or a signal that the process gave itself by
 * a bug, writes the file before it ends the process.  directory is where the
 * log says that the file is.  Both are borrowed until crash_unguard.
 */
void crash_guard(struct recorder *r, const char *directory);
void crash_unguard(void);

#endif

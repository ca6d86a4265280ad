/*
 * datadir.h - the data directory as a whole: made by --format, then taken by
 * one process at a time.
 *
 *     meta        identity, see meta.h
 *     lock        held while a daemon runs
 *     life clean  how the last life ran and ended, see io/wal.h
 *     log/        the log, see wire/segment.h
 */
#ifndef PAXOSKV_DAEMON_DATADIR_H
#define PAXOSKV_DAEMON_DATADIR_H

#include "daemon/failure.h"
#include "daemon/meta.h"

#define DATADIR_LOCK_FILE "lock"

struct datadir {
    int fd;
    int lock_fd;
    struct meta meta;
};

/*
 * Make the directory of member id, which must be missing or empty.  Returns 0,
 * or the exit status with *f filled in.
 */
int datadir_format(const struct config *c, uint8_t id, struct failure *f);

/*
 * Open the directory of member id and hold it; created: where it is missing or
 * empty, make it first (the group of one without -c).  Returns 0, or the exit
 * status with *f filled in and nothing open.
 */
int datadir_open(struct datadir *d, const struct config *c, uint8_t id,
                 bool create, struct failure *f);

void datadir_close(struct datadir *d);

#endif

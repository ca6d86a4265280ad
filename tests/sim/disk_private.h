/*
 * disk_private.h - between disk.c and disk_scan.c.
 */
#ifndef PAXOSKV_SIM_DISK_PRIVATE_H
#define PAXOSKV_SIM_DISK_PRIVATE_H

#include "sim/disk.h"

/*
 * Read on from where the last scan ended.  d->scanned is where the log ends,
 * unless d->corrupt; d->fault is set where the verdict cannot be right.
 */
void disk_scan(struct disk *d);

/* The next scan reads the log from its beginning; or this one does, now. */
void disk_scan_later(struct disk *d);
void disk_scan_again(struct disk *d);

#endif

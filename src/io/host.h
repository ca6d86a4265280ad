/*
 * host.h - clock, entropy, files and locks of the machine we run on.
 *
 * Directories are passed as open descriptors, so that nothing depends on the
 * working directory.  Every function that can fail returns -errno.
 */
#ifndef PAXOSKV_IO_HOST_H
#define PAXOSKV_IO_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOST_BOOT_ID_SIZE 37u /* text of a UUID, with its end */

/* CLOCK_MONOTONIC, in nanoseconds; no system call on usual machines. */
uint64_t host_now_ns(void);

/* CLOCK_REALTIME, in nanoseconds since 1970: for people only. */
uint64_t host_wall_ns(void);

/* Fill len bytes with entropy.  Returns 0 or -errno. */
int host_random(void *bytes, size_t len);

/* The id of this boot of the kernel.  Returns 0 or -errno. */
int host_boot_id(char id[HOST_BOOT_ID_SIZE]);

/* Resident bytes of this process, 0 if unknown. */
uint64_t host_resident_bytes(void);

/*
 * Open a directory; where create is set and it is missing, make it (mode 0700,
 * its entry synced to disk).  Returns a descriptor, or -errno.
 */
int host_open_dir(const char *path, bool create);

/* The same for a directory within another one. */
int host_open_subdir(int dir_fd, const char *name, bool create);

/* 1 if the directory has no entries, 0 if it has, or -errno. */
int host_dir_is_empty(int dir_fd);

/*
 * Replace a file as a whole, durably: write a temporary file, fsync, rename,
 * fsync the directory.  After a crash the file is the old or the new one.
 */
int host_write_file(int dir_fd, const char *name, const void *bytes,
                    size_t len);

/*
 * Read a whole file of at most size bytes.  Returns its length, -ENOENT if it
 * is missing, -EFBIG if it is longer, or -errno.
 */
ssize_t host_read_file(int dir_fd, const char *name, void *bytes, size_t size);

/* Remove a file durably; a missing one is no error. */
int host_remove_file(int dir_fd, const char *name);

/*
 * Take the exclusive lock on a file in the directory (created if missing),
 * trying until timeout_ns have passed: a killed process can hold its lock for
 * a moment.  Returns a descriptor that holds the lock until closed, -EBUSY
 * if another process has it, or -errno.
 */
int host_lock(int dir_fd, const char *name, uint64_t timeout_ns);

#endif

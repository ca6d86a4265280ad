/*
 * wal_space.c - the files of the log: see wal_private.h.
 *
 * A segment is filled with zeros before it is used, not just allocated: a
 * write into blocks that were never written changes the file's map, and has
 * to wait for the journal of the file system (4 KiB: 224 us instead of 166,
 * 64 KiB: 357 instead of 175, ext4 on a virtual disk).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_DIRECT, fallocate */
#endif

#include "io/wal_private.h"

#include "base/assert.h"
#include "base/units.h"
#include "io/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT_NAME     "next.tmp"
#define NEXT_RETRY_NS NS_PER_S

/* The number in "00000001.log", or 0 for any other name. */
static uint64_t number_of(const char *name)
{
    char same[WAL_NAME_MAX];
    const unsigned long long number = strtoull(name, NULL, 10);

    if (number == 0 || number > WAL_SEGMENT_END) return 0;
    return strcmp(wal_name(number, same), name) == 0 ? number : 0;
}

int wal_space_list(struct wal *w)
{
    const int fd = openat(w->log_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    int rc = 0;

    if (!dir) {
        rc = -errno;
        if (fd >= 0) close(fd);
        return rc;
    }
    errno = 0;
    while ((e = readdir(dir)) != NULL)
        w->segment_last = max_u64(w->segment_last, number_of(e->d_name));
    rc = -errno;
    closedir(dir);
    if (rc == 0 && unlinkat(w->log_fd, NEXT_NAME, 0) < 0 && errno != ENOENT)
        rc = -errno;
    return rc;
}

/*
 * Zeroing a range makes the file system wait for direct writes to the file;
 * the range is behind the file's end, and so nobody's.  Where this is not
 * known nothing is lost but that wait.
 */
void wal_space_settle(struct wal *w)
{
    const uint64_t first = w->segment_last > 1 ? w->segment_last - 1 : 1;
    char name[WAL_NAME_MAX];

    for (uint64_t s = first; s <= w->segment_last; s++) {
        const int fd = openat(w->log_fd, wal_name(s, name), O_RDWR | O_CLOEXEC);
        struct stat st;

        if (fd < 0) continue;
        if (fstat(fd, &st) == 0)
            (void)fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                            (st.st_size + SEGMENT_BLOCK - 1) &
                                ~(off_t)(SEGMENT_BLOCK - 1),
                            SEGMENT_BLOCK);
        close(fd);
    }
}

static int zero_range(const struct wal *w, int fd, uint64_t from, uint64_t to)
{
    while (from < to) {
        const size_t len = min_u64(to - from, WAL_ZERO_CHUNK);
        const ssize_t put = pwrite(fd, w->zeros, len, (off_t)from);

        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -errno;
        if (put == 0 || put % SEGMENT_BLOCK != 0) return -EIO;
        from += (uint64_t)put;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int wal_space_zero(struct wal *w, uint64_t segment, uint64_t from, uint64_t to)
{
    char name[WAL_NAME_MAX];
    const int fd = wal_open_file(w, wal_name(segment, name), O_RDWR);
    int rc;

    ASSERT(from % SEGMENT_BLOCK == 0 && to % SEGMENT_BLOCK == 0);
    if (fd < 0) return fd;
    rc = zero_range(w, fd, from, to);
    close(fd);
    return rc;
}

int wal_space_remove(struct wal *w, uint64_t first)
{
    char name[WAL_NAME_MAX];

    for (uint64_t s = w->segment_last; s >= first; s--)
        if (unlinkat(w->log_fd, wal_name(s, name), 0) < 0 && errno != ENOENT)
            return -errno;
    return fsync(w->log_fd) < 0 ? -errno : 0;
}

int wal_space_create(struct wal *w, uint64_t segment, struct wal_fault *fault)
{
    const uint64_t size = w->config.segment_size;
    const int fd = wal_open_file(w, NEXT_NAME, O_RDWR | O_CREAT | O_TRUNC);
    char name[WAL_NAME_MAX];
    int rc = fd < 0 ? fd : 0;

    wal_name(segment, name);
    if (rc == 0 && fallocate(fd, 0, 0, (off_t)size) < 0 && errno != EOPNOTSUPP)
        rc = -errno;
    if (rc == 0) rc = zero_range(w, fd, 0, size);
    if (fd >= 0) close(fd);
    if (rc == 0 && renameat(w->log_fd, NEXT_NAME, w->log_fd, name) < 0)
        rc = -errno;
    if (rc == 0 && fsync(w->log_fd) < 0) rc = -errno;
    if (rc == 0) return 0;
    unlinkat(w->log_fd, NEXT_NAME, 0);
    return wal_fail(fault, rc, "log/%s: cannot make this segment of %llu bytes",
                    name, (unsigned long long)size);
}

/* --- the next segment, made beside the work ---------------------------- */

static uint64_t next_number(const struct wal *w)
{
    /* While the present one is missing, it is itself the next. */
    return w->segment_fd < 0 ? w->segment : w->segment + 1;
}

static uint64_t next_cookie(void)
{
    return (uint64_t)WAL_COOKIE_NEXT << 48;
}

static void give_up_next(struct wal *w)
{
    close(w->next_fd);
    unlinkat(w->log_fd, NEXT_NAME, 0);
    w->next_fd = -1;
    w->next = WAL_NEXT_NONE;
}

void wal_space_prepare(struct wal *w, uint64_t now_ns)
{
    int fd;

    if (w->next != WAL_NEXT_NONE || now_ns < w->next_retry_ns) return;
    w->next_retry_ns = add_u64(now_ns, NEXT_RETRY_NS);
    fd = wal_open_file(w, NEXT_NAME, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0) {
        w->full = true; /* no inode left, no descriptor: no next segment */
        return;
    }
    w->next_fd = fd;
    w->next_zeroed = 0;
    w->next = WAL_NEXT_ALLOCATING;
    loop_allocate(w->config.loop, fd, 0, w->config.segment_size, next_cookie());
}

static void zero_more(struct wal *w)
{
    const uint64_t left = w->config.segment_size - w->next_zeroed;

    if (left == 0) {
        w->next = WAL_NEXT_SYNCING;
        loop_sync(w->config.loop, w->next_fd, false, next_cookie());
        return;
    }
    w->next = WAL_NEXT_ZEROING;
    loop_write(w->config.loop, w->next_fd, w->zeros,
               (uint32_t)min_u64(left, WAL_ZERO_CHUNK), w->next_zeroed,
               next_cookie());
}

/* The file is whole: give it its name. */
static int enter_next(struct wal *w)
{
    char name[WAL_NAME_MAX];

    close(w->next_fd);
    w->next_fd = -1;
    wal_name(next_number(w), name);
    if (renameat(w->log_fd, NEXT_NAME, w->log_fd, name) < 0) return -errno;
    w->next = WAL_NEXT_ENTERING;
    loop_sync(w->config.loop, w->log_fd, false, next_cookie());
    return 0;
}

static bool is_lack_of_space(int32_t result)
{
    return result == -ENOSPC || result == -EDQUOT || result == -EFBIG;
}

static int next_step(struct wal *w, int32_t result)
{
    ASSERT(w->next != WAL_NEXT_NONE);
    ASSERT(w->next != WAL_NEXT_READY);
    switch (w->next) {
    case WAL_NEXT_ALLOCATING:
        if (result < 0 && result != -EOPNOTSUPP) return result;
        zero_more(w);
        return 0;
    case WAL_NEXT_ZEROING:
        if (result < 0) return result;
        /* A short write on the way to a full disk; the next one says so. */
        if (result == 0 || result % (int32_t)SEGMENT_BLOCK != 0) return -EIO;
        w->next_zeroed += (uint64_t)result;
        zero_more(w);
        return 0;
    case WAL_NEXT_SYNCING:
        return result < 0 ? result : enter_next(w);
    case WAL_NEXT_ENTERING:
        if (result < 0) return result;
        w->next = WAL_NEXT_READY;
        w->full = false;
        return wal_space_roll(w);
    case WAL_NEXT_NONE:
    case WAL_NEXT_READY:
        break;
    }
    return -EINVAL; /* not reached */
}

int wal_space_on_step(struct wal *w, int32_t result, struct wal_fault *fault)
{
    const int rc = next_step(w, result);

    if (rc < 0 && is_lack_of_space(rc) && w->next_fd >= 0) {
        give_up_next(w);
        w->full = true;
        return 0;
    }
    if (rc < 0)
        return wal_fail(fault, rc, "log/%s: cannot make the next segment",
                        NEXT_NAME);
    return 0;
}

int wal_space_roll(struct wal *w)
{
    char name[WAL_NAME_MAX];
    int flags = O_RDWR;

    if (w->segment_fd >= 0 || w->next != WAL_NEXT_READY) return 0;
    if (w->direct && w->config.sync) flags |= O_DSYNC;
    w->segment_fd = wal_open_file(w, wal_name(w->segment, name), flags);
    if (w->segment_fd < 0) return w->segment_fd;
    w->segment_size = w->config.segment_size;
    w->next = WAL_NEXT_NONE;
    w->next_retry_ns = 0;
    return 0;
}

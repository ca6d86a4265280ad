/* host.c - see host.h. */
#include "io/host.h"

#include "base/units.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_RETRY_NS (10 * NS_PER_MS)

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t host_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t host_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int host_random(void *bytes, size_t len)
{
    uint8_t *at = bytes;

    while (len > 0) {
        const ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        at += got;
        len -= (size_t)got;
    }
    return 0;
}

/* Read up to size bytes; the length, or -errno. */
static ssize_t read_all(int fd, void *bytes, size_t size)
{
    size_t len = 0;

    while (len < size) {
        const ssize_t got = read(fd, (uint8_t *)bytes + len, size - len);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0) break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static int write_all(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        const ssize_t put = write(fd, at, len);

        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return -errno;
        at += put;
        len -= (size_t)put;
    }
    return 0;
}

/* A small file of the kernel as text without its newline. */
static int read_text(const char *path, char *text, size_t size)
{
    ssize_t len;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return -errno;
    len = read_all(fd, text, size - 1);
    close(fd);
    if (len < 0) return (int)len;
    text[len] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return 0;
}

int host_boot_id(char id[HOST_BOOT_ID_SIZE])
{
    memset(id, 0, HOST_BOOT_ID_SIZE);
    return read_text("/proc/sys/kernel/random/boot_id", id, HOST_BOOT_ID_SIZE);
}

uint64_t host_resident_bytes(void)
{
    unsigned long total, resident;
    char text[128];

    if (read_text("/proc/self/statm", text, sizeof text) < 0) return 0;
    if (sscanf(text, "%lu %lu", &total, &resident) != 2) return 0;
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Sync the directory that holds the last component of a path. */
static int sync_parent(int dir_fd, const char *path)
{
    char parent[PATH_MAX];
    const char *slash;
    size_t len = strlen(path);
    int fd, rc;

    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    slash = path + len;
    if (len >= sizeof parent) return -ENAMETOOLONG;
    memcpy(parent, path, len);
    parent[slash - path] = '\0';

    fd = openat(dir_fd, len ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int host_open_subdir(int dir_fd, const char *name, bool create)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (fd >= 0) return fd;
    if (errno != ENOENT || !create) return -errno;
    if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST) return -errno;
    rc = sync_parent(dir_fd, name);
    if (rc < 0) return rc;
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int host_open_dir(const char *path, bool create)
{
    return host_open_subdir(AT_FDCWD, path, create);
}

int host_dir_is_empty(int dir_fd)
{
    const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    int empty = 1;

    if (!dir) {
        empty = -errno;
        if (fd >= 0) close(fd);
        return empty;
    }
    errno = 0;
    while (empty == 1 && (e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) empty = 0;
    if (empty == 1 && errno != 0) empty = -errno;
    closedir(dir);
    return empty;
}

int host_write_file(int dir_fd, const char *name, const void *bytes, size_t len)
{
    char temporary[NAME_MAX + 1];
    int fd, rc;

    if (snprintf(temporary, sizeof temporary, "%s.tmp", name) >=
        (int)sizeof temporary)
        return -ENAMETOOLONG;
    fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                0600);
    if (fd < 0) return -errno;
    rc = write_all(fd, bytes, len);
    if (rc == 0 && fsync(fd) < 0) rc = -errno;
    if (close(fd) < 0 && rc == 0) rc = -errno;
    if (rc == 0 && renameat(dir_fd, temporary, dir_fd, name) < 0) rc = -errno;
    if (rc < 0) {
        unlinkat(dir_fd, temporary, 0);
        return rc;
    }
    return fsync(dir_fd) < 0 ? -errno : 0;
}

ssize_t host_read_file(int dir_fd, const char *name, void *bytes, size_t size)
{
    const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t len;
    char more;

    if (fd < 0) return -errno;
    len = read_all(fd, bytes, size);
    if (len == (ssize_t)size) {
        const ssize_t behind = read_all(fd, &more, 1);

        if (behind != 0) len = behind < 0 ? behind : -EFBIG;
    }
    close(fd);
    return len;
}

int host_remove_file(int dir_fd, const char *name)
{
    if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT) return -errno;
    return fsync(dir_fd) < 0 ? -errno : 0;
}

int host_lock(int dir_fd, const char *name, uint64_t timeout_ns)
{
    const struct timespec pause = { .tv_nsec = LOCK_RETRY_NS };
    const uint64_t end_ns = add_u64(host_now_ns(), timeout_ns);
    const int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0) return -errno;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (rc != -EINTR && (rc != -EBUSY || host_now_ns() >= end_ns)) {
            close(fd);
            return rc;
        }
        nanosleep(&pause, NULL);
    }
    return fd;
}

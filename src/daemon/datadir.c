/* datadir.c - see datadir.h */
#include "daemon/datadir.h"

#include "base/units.h"
#include "io/host.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DATADIR_LOCK_NS (2 * NS_PER_S)

/* Permission is for people to mend, so that a restart would not help. */
static int datadir_status(int rc)
{
    return rc == -EACCES || rc == -EPERM || rc == -EROFS ? EXIT_REFUSED
                                                         : EXIT_LOG;
}

static int datadir_lock(const char *path, int fd, struct failure *f)
{
    const int lock = host_lock(fd, DATADIR_LOCK_FILE, DATADIR_LOCK_NS);

    if (lock >= 0) return lock;
    if (lock == -EBUSY)
        failure_set(f, EXIT_IN_USE,
                    "%s is in use by another paxoskvd; stop that one", path);
    else
        failure_set(f, datadir_status(lock), "%s/%s: %s", path,
                    DATADIR_LOCK_FILE, strerror(-lock));
    return -1;
}

static int datadir_write_meta(const char *path, int fd, const struct config *c,
                              uint8_t id, struct failure *f)
{
    struct meta m;
    int rc;

    meta_of_config(&m, c, id);
    rc = host_random(&m.instance, sizeof m.instance);
    if (rc < 0)
        return failure_set(f, EXIT_SYSTEM, "no entropy: %s", strerror(-rc));
    rc = meta_write(fd, &m);
    if (rc < 0)
        return failure_set(f, datadir_status(rc), "%s/%s: %s", path, META_FILE,
                           strerror(-rc));
    return 0;
}

/* An identity that was there first is never overwritten: look again under the
 * lock. */
static int datadir_format_locked(const char *path, int fd,
                                 const struct config *c, uint8_t id,
                                 struct failure *f)
{
    const int lock = datadir_lock(path, fd, f);
    int status;

    if (lock < 0) return f->status;
    if (faccessat(fd, META_FILE, F_OK, 0) == 0)
        status = failure_set(f, EXIT_REFUSED, "%s is formatted already", path);
    else
        status = datadir_write_meta(path, fd, c, id, f);
    close(lock);
    return status;
}

int datadir_format(const struct config *c, uint8_t id, struct failure *f)
{
    const char *path = c->data;
    const int fd = host_open_dir(path, true);
    int status;
    int rc;

    if (fd < 0)
        return failure_set(f, datadir_status(fd), "%s: %s", path,
                           strerror(-fd));
    rc = host_dir_is_empty(fd);
    if (rc == 1)
        status = datadir_format_locked(path, fd, c, id, f);
    else if (rc == 0)
        status = failure_set(f, EXIT_REFUSED,
                             "%s is not empty; --format makes an identity "
                             "once, in an empty directory",
                             path);
    else
        status = failure_set(f, datadir_status(rc), "%s: %s", path,
                             strerror(-rc));
    close(fd);
    return status;
}

static bool datadir_is_missing(const char *path)
{
    const int fd = host_open_dir(path, false);
    int rc;

    if (fd < 0) return fd == -ENOENT;
    rc = host_dir_is_empty(fd);
    close(fd);
    return rc == 1;
}

static int datadir_not_formatted(const char *path, uint8_t id, bool create,
                                 struct failure *f)
{
    if (create)
        return failure_set(f, EXIT_REFUSED,
                           "%s holds other files, and no data "
                           "of paxoskvd; move it away",
                           path);
    return failure_set(f, EXIT_REFUSED,
                       "%s is not formatted; run once: "
                       "paxoskvd -c FILE --node %u --format",
                       path, id);
}

/* The identity must be there, whole, and that of the configuration. */
static int datadir_check(struct datadir *d, const struct config *c, uint8_t id,
                         bool create, struct failure *f)
{
    const char *path = c->data;
    char text[META_TEXT_MAX];
    struct meta ini;
    int rc = meta_read(d->fd, &d->meta);

    if (rc == -ENOENT) return datadir_not_formatted(path, id, create, f);
    if (rc == -EBADMSG)
        return failure_set(f, EXIT_LOG,
                           "%s/%s is damaged; this member cannot "
                           "know who it is",
                           path, META_FILE);
    if (rc == -ENOTSUP)
        return failure_set(f, EXIT_REFUSED,
                           "%s/%s is of a later version of "
                           "paxoskvd",
                           path, META_FILE);
    if (rc < 0)
        return failure_set(f, datadir_status(rc), "%s/%s: %s", path, META_FILE,
                           strerror(-rc));

    meta_of_config(&ini, c, id);
    if (meta_differs(&d->meta, &ini, text))
        return failure_set(f, EXIT_REFUSED,
                           "%s belongs to another "
                           "configuration: %s; what a group was formatted "
                           "with is fixed",
                           path, text);
    return 0;
}

static int datadir_take(struct datadir *d, const struct config *c, uint8_t id,
                        bool create, struct failure *f)
{
    int status;

    d->lock_fd = -1;
    d->fd = host_open_dir(c->data, false);
    if (d->fd == -ENOENT) return datadir_not_formatted(c->data, id, false, f);
    if (d->fd < 0)
        return failure_set(f, datadir_status(d->fd), "%s: %s", c->data,
                           strerror(-d->fd));
    status = datadir_check(d, c, id, create, f);
    if (status) return status;
    d->lock_fd = datadir_lock(c->data, d->fd, f);
    return d->lock_fd < 0 ? f->status : 0;
}

int datadir_open(struct datadir *d, const struct config *c, uint8_t id,
                 bool create, struct failure *f)
{
    int status;

    if (create && datadir_is_missing(c->data)) {
        status = datadir_format(c, id, f);
        if (status) return status;
    }
    status = datadir_take(d, c, id, create, f);
    if (status) datadir_close(d);
    return status;
}

void datadir_close(struct datadir *d)
{
    if (d->lock_fd >= 0) close(d->lock_fd);
    if (d->fd >= 0) close(d->fd);
    d->lock_fd = d->fd = -1;
}

/*
 * recorder_file.c - see recorder.h: the file.  Writing it is done by functions
 * that a signal handler may call.
 */
#include "base/crc32c.h"
#include "daemon/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECORDER_TRIES 1000u /* numbers of one incarnation */

#define PARTS_MAX 6u /* head, config, spans, image, events of two halves */

/* ---- names --------------------------------------------------------------- */

static char *name_text(char *to, const char *text)
{
    while (*text) *to++ = *text++;
    return to;
}

static char *name_number(char *to, uint64_t n)
{
    char digits[20];
    uint32_t len = 0;

    do {
        digits[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (len > 0) *to++ = digits[--len];
    return to;
}

static void name_make(char *name, uint64_t incarnation, uint64_t number)
{
    char *to = name_number(name_text(name, "flight-"), incarnation);

    to = name_text(name_number(name_text(to, "-"), number), ".rec");
    *to = '\0';
}

/* A file of this incarnation that was not there before. */
static int recorder_create(struct recorder *r)
{
    const uint64_t incarnation = node_incarnation(r->node);

    while (r->files < RECORDER_TRIES) {
        int fd;

        name_make(r->name, incarnation, ++r->files);
        fd = openat(r->dir_fd, r->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    0600);
        if (fd >= 0) return fd;
        if (errno != EEXIST) return -errno;
    }
    return -EEXIST;
}

/* ---- bytes --------------------------------------------------------------- */

static int write_all(int fd, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        const ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? -errno : -EIO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static void set_text(char *to, size_t size, const char *from)
{
    size_t len = from ? strnlen(from, size - 1) : 0;

    memset(to, 0, size);
    if (len) memcpy(to, from, len);
}

static struct iovec part(const void *at, uint64_t len)
{
    return (struct iovec){ .iov_base = (void *)(uintptr_t)at,
                           .iov_len = (size_t)len };
}

/* The half that comes first, and if there are two the other one. */
static uint32_t recorder_order(struct recorder *r,
                               struct recorder_half *halves[2])
{
    struct recorder_half *now = &r->halves[r->current];
    struct recorder_half *before = &r->halves[r->current ^ 1];
    const bool joined = before->begun &&
                        before->head.first + before->count == now->head.first;

    if (!now->begun) return 0;
    halves[0] = joined ? before : now;
    halves[1] = now;
    return joined ? 2 : 1;
}

/* All that stands behind the head, as it is described there. */
static uint32_t recorder_parts(struct recorder *r, struct flight_head *head,
                               struct iovec *parts)
{
    static const uint8_t zeros[8];
    struct recorder_half *halves[2];
    const uint32_t count = recorder_order(r, halves);
    struct recorder_half *first;
    uint32_t n = 0;

    if (count == 0) return 0;
    first = halves[0];
    *head = first->head;
    head->count = first->count;
    head->events_len = first->used;
    parts[n++] = part(&r->config, head->config_len);
    parts[n++] = part(first->spans, head->span_count * FLIGHT_SPAN);
    parts[n++] = part(first->image, head->image_len);
    parts[n++] = part(zeros, flight_filled(head->image_len) - head->image_len);
    parts[n++] = part(first->events, first->used);
    if (count == 1) return n;
    head->count += halves[1]->count;
    head->events_len += halves[1]->used;
    parts[n++] = part(halves[1]->events, halves[1]->used);
    return n;
}

_Static_assert(sizeof(struct node_config) % 8 == 0, "filled up already");
_Static_assert(sizeof(struct flight_span) == FLIGHT_SPAN, "as it is written");

int recorder_write(struct recorder *r, const struct recorder_reason *why)
{
    uint8_t bytes[FLIGHT_HEAD];
    struct iovec parts[PARTS_MAX];
    struct flight_head head;
    const uint32_t count = r->memory ? recorder_parts(r, &head, parts) : 0;
    int rc;
    int fd;

    if (count == 0) return -ENODATA;
    head.incarnation = node_incarnation(r->node);
    head.signal = why->signal;
    head.line = why->line;
    set_text(head.what, sizeof head.what, why->what);
    set_text(head.file, sizeof head.file, why->file);
    head.body_crc = 0;
    for (uint32_t i = 0; i < count; i++) {
        head.body_crc = crc32c(head.body_crc, parts[i].iov_base,
                               parts[i].iov_len);
    }
    flight_put_head(bytes, &head);

    fd = recorder_create(r);
    if (fd < 0) return fd;
    rc = write_all(fd, bytes, sizeof bytes);
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        rc = write_all(fd, parts[i].iov_base, parts[i].iov_len);
    }
    close(fd);
    if (rc < 0) unlinkat(r->dir_fd, r->name, 0);
    return rc;
}

/* ---- what is kept -------------------------------------------------------- */

struct found {
    uint64_t incarnation;
    uint64_t number;
};

static bool found_before(struct found a, struct found b)
{
    if (a.incarnation != b.incarnation) return a.incarnation < b.incarnation;
    return a.number < b.number;
}

static bool found_parse(const char *name, struct found *f)
{
    char again[RECORDER_NAME_MAX];

    if (sscanf(name, "flight-%" SCNu64 "-%" SCNu64 ".rec", &f->incarnation,
               &f->number) != 2)
        return false;
    name_make(again, f->incarnation, f->number);
    return strcmp(name, again) == 0;
}

/* How many there are, and the oldest of them. */
static uint32_t found_list(int dir_fd, struct found *oldest)
{
    const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint32_t count = 0;
    struct found f;

    if (!dir) {
        if (fd >= 0) close(fd);
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (!found_parse(entry->d_name, &f)) continue;
        if (count++ == 0 || found_before(f, *oldest)) *oldest = f;
    }
    closedir(dir);
    return count;
}

void recorder_prune(const struct recorder *r)
{
    char name[RECORDER_NAME_MAX];
    struct found oldest = { 0 };

    while (found_list(r->dir_fd, &oldest) >= RECORDER_FILES_MAX) {
        name_make(name, oldest.incarnation, oldest.number);
        if (unlinkat(r->dir_fd, name, 0) < 0) return;
    }
}

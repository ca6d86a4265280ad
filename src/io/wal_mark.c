/*
 * wal_mark.c - see wal_private.h: the files `life` and `clean`, which say how
 * the log is run, and how it ended.
 */
#include "io/host.h"
#include "io/wal_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MARK_SIZE    256u
#define LIFE_FORMAT  "paxoskvd life 1\nboot %36s\nsync %3s\n"
#define CLEAN_FORMAT "paxoskvd clean 1\ninstance %llx\nsequence %llu\n"

/* Returns 1 with the text in `text`, 0 where there is no such file. */
static int read_mark(const struct wal *w, const char *name,
                     char text[MARK_SIZE])
{
    const ssize_t len = host_read_file(w->config.dir_fd, name, text,
                                       MARK_SIZE - 1);

    if (len == -ENOENT) return 0;
    if (len < 0) return (int)len;
    text[len] = '\0';
    return 1;
}

/* A mark that is not ours, or damaged, is no mark: the end was not clean. */
int wal_mark_read_clean(struct wal *w)
{
    unsigned long long instance, sequence;
    char text[MARK_SIZE];
    const int rc = read_mark(w, "clean", text);

    if (rc <= 0) return rc;
    if (sscanf(text, CLEAN_FORMAT, &instance, &sequence) != 2) return 0;
    if (instance == w->config.instance) w->clean_sequence = sequence + 1;
    return 0;
}

/* P14a: without sync only the same boot still has what was called durable. */
int wal_mark_check_life(struct wal *w, struct wal_fault *fault)
{
    char text[MARK_SIZE], boot[HOST_BOOT_ID_SIZE], sync[4];
    char now[HOST_BOOT_ID_SIZE];
    int rc = read_mark(w, "life", text);

    if (rc < 0) return wal_fail(fault, rc, "life: cannot be read");
    if (rc == 0) return 0;
    if (sscanf(text, LIFE_FORMAT, boot, sync) != 2)
        return wal_fail(fault, -EBADMSG, "life: damaged");
    if (w->clean_sequence || strcmp(sync, "no") != 0) return 0;
    rc = host_boot_id(now);
    if (rc < 0) return wal_fail(fault, rc, "the boot id cannot be read");
    if (strcmp(boot, now) == 0) return 0;
    return wal_fail(fault, -EKEYEXPIRED,
                    "the log ran with sync = no, did not end cleanly, and "
                    "the machine was booted since: it cannot be trusted");
}

int wal_mark_write_life(const struct wal *w)
{
    char text[MARK_SIZE], boot[HOST_BOOT_ID_SIZE];
    int rc = host_boot_id(boot);

    if (rc < 0) return rc;
    snprintf(text, sizeof text, LIFE_FORMAT, boot,
             w->config.sync ? "yes" : "no");
    return host_write_file(w->config.dir_fd, "life", text, strlen(text));
}

int wal_mark_write_clean(const struct wal *w)
{
    char text[MARK_SIZE];

    snprintf(text, sizeof text, CLEAN_FORMAT,
             (unsigned long long)w->config.instance,
             (unsigned long long)w->previous.sequence);
    return host_write_file(w->config.dir_fd, "clean", text, strlen(text));
}

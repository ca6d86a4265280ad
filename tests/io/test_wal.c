/*
 * test_wal.c - the log on a real disk: what it gives back after every kind of
 * end, and after every kind of damage, with either backend of the loop.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare */
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/units.h"
#include "io/failpoint.h"
#include "io/host.h"
#include "io/wal.h"
#include "wire/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INSTANCE    77u
#define BATCH_MAX   16384u
#define SEGMENT     (4 * BATCH_MAX)
#define RECORDS_MAX 4096u
#define FILES_MAX   8u

/* A data directory, and the log in it while it is open. */
struct fixture {
    char path[64];
    int dir_fd;
    struct loop *loop;
    struct wal *wal;
    struct wal_config config;
    struct wal_fault fault;
    uint64_t now_ns; /* what wal_flush is told */
    uint32_t replayed;
};

static enum loop_choice choice; /* of the test that runs */

static int on_ring(void **state)
{
    struct loop *l;
    const int rc = loop_open(&l, &(struct loop_config){ .choice = LOOP_RING });

    (void)state;
    /* Where the ring is forbidden this runs on the other one twice. */
    choice = rc == -EPERM || rc == -ENOSYS ? LOOP_EPOLL : LOOP_RING;
    loop_close(l);
    return 0;
}

static int on_epoll(void **state)
{
    (void)state;
    choice = LOOP_EPOLL;
    return 0;
}

static void fixture_open(struct fixture *f)
{
    *f = (struct fixture){
        .path = "/tmp/test_wal.XXXXXX",
        .config = { .instance = INSTANCE,
                    .sync = true,
                    .batch_max = BATCH_MAX,
                    .segment_size = SEGMENT },
    };
    assert_non_null(mkdtemp(f->path));
    f->dir_fd = host_open_dir(f->path, false);
    assert_true(f->dir_fd >= 0);
    f->config.dir_fd = f->dir_fd;
}

static void remove_all(int dir_fd)
{
    DIR *dir = fdopendir(dup(dir_fd));
    const struct dirent *e;

    rewinddir(dir);
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.') continue;
        if (unlinkat(dir_fd, e->d_name, 0) < 0) {
            const int sub = openat(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY);

            remove_all(sub);
            close(sub);
            unlinkat(dir_fd, e->d_name, AT_REMOVEDIR);
        }
    }
    closedir(dir);
}

static void fixture_close(struct fixture *f)
{
    assert_null(f->wal);
    remove_all(f->dir_fd);
    close(f->dir_fd);
    rmdir(f->path);
}

/* Record i: its slot, type, and bytes; every 7th belongs to no slot. */
static uint64_t slot_of(uint32_t i)
{
    return i % 7 == 6 ? WAL_NO_SLOT : i + 1;
}

static uint32_t body_of(uint32_t i, uint8_t *bytes)
{
    const uint32_t len = i * 37 % 900;

    memset(bytes, (int)(i % 251), len);
    return len;
}

static void check_record(uint32_t i, const struct wal_record *r)
{
    uint8_t bytes[900];
    const uint32_t len = body_of(i, bytes);

    if (r->body.len != len + 4 || load32(r->body.at) != i)
        fail_msg("record %u: %u bytes, not %u", i, r->body.len, len + 4);
    assert_int_equal(r->type, i % 200 + 1);
    assert_int_equal(r->slot, slot_of(i));
    assert_memory_equal(r->body.at + 4, bytes, len);
}

static int append(struct fixture *f, uint32_t i)
{
    uint8_t bytes[900], head[4];
    const uint32_t len = body_of(i, bytes);

    store32(head, i);
    return wal_append(f->wal, (uint8_t)(i % 200 + 1), slot_of(i),
                      bytes_of(head, 4), bytes_of(bytes, len));
}

/* Open and replay; records must be 0, 1, 2...  Returns the verdict. */
static int start(struct fixture *f)
{
    struct wal_record r;
    int rc;

    assert_int_equal(
        loop_open(&f->loop, &(struct loop_config){ .choice = choice,
                                                   .datagram_max = 1400 }),
        0);
    f->config.loop = f->loop;
    f->replayed = 0;
    rc = wal_open(&f->wal, &f->config, &f->fault);
    if (rc < 0) return rc;
    while ((rc = wal_replay_next(f->wal, &r, &f->fault)) > 0)
        check_record(f->replayed++, &r);
    return rc;
}

static void begin(struct fixture *f)
{
    const int rc = start(f);
    int begun;

    if (rc < 0) fail_msg("start: %s: %s", f->fault.text, strerror(-rc));
    begun = wal_begin(f->wal, wal_incarnation(f->wal) + 1, &f->fault);
    if (begun < 0) fail_msg("begin: %s: %s", f->fault.text, strerror(-begun));
}

static void stop(struct fixture *f, bool clean)
{
    loop_close(f->loop);
    assert_int_equal(wal_close(f->wal, clean), 0);
    f->wal = NULL;
    f->loop = NULL;
}

/* Give the log what the ring has for it; the first failure, or 0. */
static int take_events(struct fixture *f)
{
    struct loop_event ev;
    int rc = 0;

    while (loop_next(f->loop, &ev))
        if (rc == 0 && ev.type == LOOP_WRITTEN)
            rc = wal_on_written(f->wal, ev.cookie, ev.result, &f->fault);
    return rc;
}

/* One turn, a millisecond long for the log. */
static int turn(struct fixture *f)
{
    f->now_ns += NS_PER_MS;
    wal_flush(f->wal, f->now_ns);
    assert_int_equal(loop_wait(f->loop, host_now_ns() + 2 * NS_PER_MS), 0);
    return take_events(f);
}

static int settle(struct fixture *f)
{
    for (int i = 0; i < 1000; i++) {
        const int rc = turn(f);

        if (rc < 0) return rc;
        if (wal_is_idle(f->wal)) return 0;
    }
    fail_msg("the log does not come to rest: %u of %u durable",
             (unsigned)wal_durable(f->wal), (unsigned)wal_appended(f->wal));
    return -1;
}

/* A next segment may still be in the making. */
static void append_patiently(struct fixture *f, uint32_t i)
{
    int rc;

    while ((rc = append(f, i)) == -ENOBUFS) assert_int_equal(turn(f), 0);
    assert_int_equal(rc, 0);
}

/* Append records from..to-1, `step` to a batch, each batch durable before
 * the next. */
static void append_range(struct fixture *f, uint32_t from, uint32_t to,
                         uint32_t step)
{
    for (uint32_t i = from; i < to; i++) {
        append_patiently(f, i);
        if ((i + 1 - from) % step == 0 || i + 1 == to)
            assert_int_equal(settle(f), 0);
    }
}

/* The next segment stands ready: it counts beside what is left of this one. */
static bool next_is_ready(const struct wal *w)
{
    return wal_left_bytes(w) >= SEGMENT + BATCH_MAX;
}

static void turn_until(struct fixture *f, bool (*is_so)(const struct wal *))
{
    for (int i = 0; i < 1000 && !is_so(f->wal); i++)
        assert_int_equal(turn(f), 0);
    assert_true(is_so(f->wal));
}

/* Idle turns: the next segment is made, the mark is written. */
static void idle(struct fixture *f)
{
    turn_until(f, next_is_ready);
    for (int i = 0; i < 8; i++) assert_int_equal(turn(f), 0);
    turn_until(f, wal_is_idle);
}

/* --- a log gives back what was written --------------------------------- */

static void log_after_clean_end_gives_all_records(void **state)
{
    static const bool modes[][2] = {
        { true, false }, { true, true }, { false, false }, { false, true }
    };

    (void)state;
    for (int m = 0; m < 4; m++) {
        struct fixture f;

        fixture_open(&f);
        f.config.sync = modes[m][0];
        f.config.buffered = modes[m][1];
        for (uint32_t life = 0; life < 3; life++) {
            begin(&f);
            assert_int_equal(f.replayed, life * 100);
            assert_int_equal(wal_incarnation(f.wal), life);
            append_range(&f, life * 100, life * 100 + 100, 9);
            assert_int_equal(wal_durable(f.wal), 100);
            stop(&f, true);
        }
        assert_int_equal(start(&f), 0);
        assert_int_equal(f.replayed, 300);
        assert_int_equal(wal_tail_bytes(f.wal), 0);
        stop(&f, false);
        fixture_close(&f);
    }
}

static void log_after_kill_gives_all_that_was_durable(void **state)
{
    struct fixture f;
    uint32_t durable = 0;

    (void)state;
    fixture_open(&f);
    for (uint32_t life = 0; life < 8; life++) {
        uint32_t next;

        begin(&f);
        assert_in_range(f.replayed, durable, RECORDS_MAX);
        next = f.replayed;
        for (uint32_t i = 0; i < 10 + life * 13; i++) {
            append_patiently(&f, next++);
            if (i % 5 == 0) assert_int_equal(turn(&f), 0);
        }
        durable = f.replayed + (uint32_t)wal_durable(f.wal);
        stop(&f, false); /* with writes under way */
    }
    fixture_close(&f);
}

static void log_goes_over_many_segments(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    begin(&f);
    append_range(&f, 0, 1500, 40);
    assert_true(wal_bytes(f.wal) > 5 * SEGMENT);
    idle(&f);
    stop(&f, false);
    begin(&f);
    assert_int_equal(f.replayed, 1500);
    append_range(&f, 1500, 1600, 40);
    stop(&f, true);
    assert_int_equal(start(&f), 0);
    assert_int_equal(f.replayed, 1600);
    stop(&f, false);
    fixture_close(&f);
}

/* Larger batches than the segment has room for when a new life begins. */
static void log_with_larger_batches_goes_on_in_next_segment(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    begin(&f);
    append_range(&f, 0, 60, 20);
    stop(&f, true);
    f.config.batch_max = 4 * BATCH_MAX;
    f.config.segment_size = 8 * SEGMENT;
    begin(&f);
    append_range(&f, 60, 400, 100);
    stop(&f, false);
    f.config.batch_max = BATCH_MAX;
    f.config.segment_size = SEGMENT;
    begin(&f);
    assert_int_equal(f.replayed, 400);
    append_range(&f, 400, 800, 30);
    stop(&f, false);
    assert_int_equal(start(&f), 0);
    assert_int_equal(f.replayed, 800);
    stop(&f, false);
    fixture_close(&f);
}

/* --- appending --------------------------------------------------------- */

static void flush_with_full_ring_lets_the_batch_grow(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    begin(&f);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(append(&f, i), 0);
        wal_flush(f.wal, 0);
    }
    assert_int_equal(wal_writes(f.wal), WAL_IN_FLIGHT);
    assert_int_equal(wal_durable(f.wal), 0);
    assert_false(wal_is_idle(f.wal));
    assert_int_equal(settle(&f), 0);
    assert_int_equal(wal_durable(f.wal), 40);
    assert_int_equal(wal_writes(f.wal), WAL_IN_FLIGHT + 1);
    stop(&f, true);
    fixture_close(&f);
}

/* wal_room is a promise: what it says always fits, whatever the sizes. */
static void append_within_room_never_fails(void **state)
{
    const uint64_t seed = 20240607;
    struct prng random;
    struct fixture f;
    static uint8_t bytes[BATCH_MAX];
    uint64_t refused = 0;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&random, seed);
    fixture_open(&f);
    begin(&f);
    for (int round = 0; round < 3000; round++) {
        const uint64_t room = wal_room(f.wal);
        const uint32_t len = (uint32_t)prng_range(
            &random, 0, prng_below(&random, 2) ? 200 : wal_record_max(f.wal));
        const int rc = wal_append(f.wal, 1, 1, bytes_of(NULL, 0),
                                  bytes_of(bytes, len));

        if (room >= WAL_RECORD_HEAD + len) assert_int_equal(rc, 0);
        if (rc < 0) {
            assert_int_equal(rc, -ENOBUFS);
            refused++;
            assert_int_equal(turn(&f), 0);
        }
    }
    assert_true(refused > 0);
    assert_int_equal(settle(&f), 0);
    assert_int_equal(wal_durable(f.wal), wal_appended(f.wal));
    stop(&f, false);
    fixture_close(&f);
}

/* Only a prefix counts: what landed first does not make the rest durable. */
static void durable_counts_in_order_of_append(void **state)
{
    struct fixture f;
    struct loop_event ev[2];
    uint32_t got = 0;

    (void)state;
    fixture_open(&f);
    begin(&f);
    idle(&f);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(append(&f, i), 0);
        f.now_ns += NS_PER_MS;
        wal_flush(f.wal, f.now_ns);
    }
    while (got < 2) {
        if (loop_next(f.loop, &ev[got]))
            got += ev[got].type == LOOP_WRITTEN;
        else
            assert_int_equal(loop_wait(f.loop, host_now_ns() + NS_PER_S), 0);
    }
    /* Hand the second one in first. */
    if (ev[0].cookie < ev[1].cookie) {
        const struct loop_event first = ev[0];

        ev[0] = ev[1];
        ev[1] = first;
    }
    assert_int_equal(
        wal_on_written(f.wal, ev[0].cookie, ev[0].result, &f.fault), 0);
    assert_int_equal(wal_durable(f.wal), 0);
    assert_int_equal(
        wal_on_written(f.wal, ev[1].cookie, ev[1].result, &f.fault), 0);
    assert_int_equal(wal_durable(f.wal), 2);
    stop(&f, true);
    fixture_close(&f);
}

static void idle_log_gets_one_mark_and_no_more(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    begin(&f);
    idle(&f);
    assert_int_equal(wal_writes(f.wal), 0);
    append_range(&f, 0, 1, 1);
    assert_int_equal(wal_writes(f.wal), 1);
    idle(&f);
    assert_int_equal(wal_writes(f.wal), 2);
    idle(&f);
    assert_int_equal(wal_writes(f.wal), 2);
    stop(&f, false);
    begin(&f);
    idle(&f);
    assert_int_equal(wal_writes(f.wal), 0);
    stop(&f, false);
    fixture_close(&f);
}

/* --- errors of the disk ------------------------------------------------ */

#ifdef PAXOSKV_FAILPOINTS
static void write_that_fails_ends_the_log(void **state)
{
    static const struct {
        const char *point;
        int32_t result;
        int rc;
        bool buffered;
        const char *text;
    } cases[] = {
        { "write", -EIO, -EIO, false, "write failed" },
        { "write", -ENOSPC, -ENOSPC, false, "write failed" },
        { "write", 512, -EIO, false, "512 of 4096 bytes written" },
        { "write", 0, -EIO, false, "0 of 4096 bytes written" },
        { "sync", -EIO, -EIO, true, "sync failed" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;

        fixture_open(&f);
        f.config.buffered = cases[i].buffered;
        begin(&f);
        idle(&f); /* the next segment is made: no other writes */
        failpoint_set(cases[i].point, cases[i].result, 0, 1);
        assert_int_equal(append(&f, 0), 0);
        assert_int_equal(settle(&f), cases[i].rc);
        if (!strstr(f.fault.text, cases[i].text)) fail_msg("%s", f.fault.text);
        assert_non_null(strstr(f.fault.text, "log/00000001.log"));
        assert_int_equal(wal_durable(f.wal), 0);
        failpoint_clear();
        /* It never comes back. */
        wal_flush(f.wal, NEVER_NS);
        assert_int_equal(wal_on_written(f.wal, 0, 0, &f.fault), cases[i].rc);
        stop(&f, false);
        fixture_close(&f);
    }
}
#endif

#ifdef PAXOSKV_FAILPOINTS
static void no_space_for_next_segment_is_full_and_passes(void **state)
{
    static const char *const points[] = { "allocate", "write" };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        uint64_t left;

        fixture_open(&f);
        begin(&f);
        failpoint_set(points[i], -ENOSPC, 0, 1);
        assert_false(wal_is_full(f.wal));
        turn_until(&f, wal_is_full);
        left = wal_left_bytes(f.wal);
        append_range(&f, 0, 10, 10); /* the present segment goes on */
        assert_true(wal_left_bytes(f.wal) < left);

        failpoint_clear();
        f.now_ns += NS_PER_S; /* when it is tried again */
        idle(&f);
        assert_false(wal_is_full(f.wal));
        assert_true(wal_left_bytes(f.wal) > left);
        append_range(&f, 10, 600, 40);
        stop(&f, true);
        fixture_close(&f);
    }
}
#endif

/* Runs in a child with mounts of its own. */
static int fill_small_disk(void)
{
    struct fixture f;
    uint32_t i = 0;
    int rc;

    fixture_open(&f);
    if (mount("none", f.path, "tmpfs", 0, "size=200k") < 0) return 77;
    close(f.dir_fd);
    f.config.dir_fd = f.dir_fd = host_open_dir(f.path, false);
    begin(&f);
    /* 200 KiB hold three segments of 64 KiB: one is always reserved. */
    while ((rc = append(&f, i)) == 0) {
        i++;
        assert_int_equal(settle(&f), 0);
        if (wal_is_full(f.wal) && wal_left_bytes(f.wal) == 0) break;
        assert_true(i < RECORDS_MAX);
    }
    assert_true(wal_is_full(f.wal));
    assert_int_equal(wal_durable(f.wal), i);
    stop(&f, true);
    assert_int_equal(start(&f), 0);
    assert_int_equal(f.replayed, i);
    stop(&f, false);
    close(f.dir_fd);
    assert_int_equal(umount(f.path), 0);
    assert_int_equal(rmdir(f.path), 0);
    return 0;
}

static void log_on_full_disk_says_full_and_keeps_its_records(void **state)
{
    pid_t pid;
    int status;

    (void)state;
    pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0) _exit(77);
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) _exit(77);
        _exit(fill_small_disk());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

/* --- marks of the last life -------------------------------------------- */

static void rewrite_life(struct fixture *f, const char *sync)
{
    char text[128];

    snprintf(text, sizeof text, "paxoskvd life 1\nboot %s\nsync %s\n",
             "00000000-0000-0000-0000-000000000000", sync);
    assert_int_equal(host_write_file(f->dir_fd, "life", text, strlen(text)), 0);
}

/* P14a */
static void open_after_other_boot_is_refused_without_sync_or_mark(void **state)
{
    static const struct {
        const char *sync;
        bool clean;
        int rc;
    } cases[] = {
        { "no", false, -EKEYEXPIRED },
        { "no", true, 0 },
        { "yes", false, 0 },
        { "yes", true, 0 },
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct fixture f;

        fixture_open(&f);
        f.config.sync = cases[i].sync[0] == 'y';
        begin(&f);
        append_range(&f, 0, 5, 5);
        stop(&f, cases[i].clean);
        /* The same boot may always go on. */
        assert_int_equal(start(&f), 0);
        stop(&f, false);
        rewrite_life(&f, cases[i].sync);
        assert_int_equal(start(&f), cases[i].rc);
        if (cases[i].rc == 0) {
            assert_int_equal(f.replayed, 5);
            stop(&f, false);
        } else {
            assert_null(f.wal);
            loop_close(f.loop);
        }
        fixture_close(&f);
    }
}

static void clean_mark_is_gone_while_the_log_runs(void **state)
{
    struct fixture f;
    char text[256];

    (void)state;
    fixture_open(&f);
    begin(&f);
    append_range(&f, 0, 5, 5);
    stop(&f, true);
    assert_true(host_read_file(f.dir_fd, "clean", text, sizeof text) > 0);
    begin(&f);
    assert_int_equal(host_read_file(f.dir_fd, "clean", text, sizeof text),
                     -ENOENT);
    stop(&f, false);
    assert_int_equal(host_read_file(f.dir_fd, "clean", text, sizeof text),
                     -ENOENT);
    fixture_close(&f);
}

static void open_with_damaged_life_is_refused(void **state)
{
    struct fixture f;

    (void)state;
    fixture_open(&f);
    begin(&f);
    stop(&f, false);
    assert_int_equal(host_write_file(f.dir_fd, "life", "nonsense", 8), 0);
    assert_int_equal(start(&f), -EBADMSG);
    assert_string_equal(f.fault.text, "life: damaged");
    loop_close(f.loop);
    fixture_close(&f);
}

/* --- damage ------------------------------------------------------------ */

/* The files of a log, in memory. */
struct image {
    uint32_t count;
    uint8_t *bytes[FILES_MAX];
    size_t len[FILES_MAX];
};

static const char *file_name(uint32_t i, char name[32])
{
    snprintf(name, 32, "log/%08u.log", i + 1);
    return name;
}

static void image_take(const struct fixture *f, struct image *m)
{
    char name[32];
    struct stat st;

    for (m->count = 0; m->count < FILES_MAX; m->count++) {
        const uint32_t i = m->count;

        if (fstatat(f->dir_fd, file_name(i, name), &st, 0) < 0) break;
        m->len[i] = (size_t)st.st_size;
        m->bytes[i] = malloc(m->len[i]);
        assert_int_equal(
            host_read_file(f->dir_fd, name, m->bytes[i], m->len[i]),
            st.st_size);
    }
}

static void put_file(const struct fixture *f, const struct image *m, uint32_t i,
                     size_t len)
{
    char name[32];
    const int fd = openat(f->dir_fd, file_name(i, name),
                          O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, m->bytes[i], len), len);
    close(fd);
}

static void image_free(struct image *m)
{
    while (m->count > 0) free(m->bytes[--m->count]);
}

struct batch {
    uint32_t file;
    size_t at;
    size_t len;
    uint64_t durable_upto;
    uint32_t records; /* in all batches before this one */
};

/* Find the batches of an image by their heads. */
static uint32_t image_batches(const struct image *m, struct batch *b,
                              uint32_t max)
{
    uint32_t count = 0, records = 0;

    for (uint32_t i = 0; i < m->count; i++)
        for (size_t at = 0; at < m->len[i];) {
            struct batch_head h;

            if (!segment_head(m->bytes[i] + at, INSTANCE, i + 1, at, &h)) {
                at += SEGMENT_BLOCK;
                continue;
            }
            assert_true(count < max);
            b[count++] = (struct batch){ i, at, h.len, h.durable_upto,
                                         records };
            assert_int_equal(h.sequence, count);
            records += h.count;
            at += h.len;
        }
    return count;
}

/* What must come of it when batch x is bad, and those from `gone` up to
 * `gone_end` have no head any more. */
static int expected(const struct batch *b, uint32_t count, uint32_t x,
                    uint32_t gone, uint32_t gone_end)
{
    for (uint32_t i = x + 1; i < count; i++)
        if ((i < gone || i >= gone_end) && b[i].durable_upto >= x + 1)
            return -EBADMSG;
    return 0;
}

static void check_start(struct fixture *f, int rc, uint32_t records,
                        const struct batch *bad, const char *what, size_t at)
{
    const int got = start(f);
    char where[80];

    if (got != rc || f->replayed != records)
        fail_msg("%s %zu: %d (%s), %u records; not %d, %u", what, at, got,
                 f->fault.text, f->replayed, rc, records);
    if (rc < 0) {
        snprintf(where, sizeof where, "log/%08u.log, offset %zu: batch",
                 bad->file + 1, bad->at);
        if (strncmp(f->fault.text, where, strlen(where)) != 0)
            fail_msg("%s is not %s", f->fault.text, where);
    }
}

/*
 * A small log over two segments: batches written one by one, each durable
 * when the next was made, and some in flight together.
 */
static void small_log(struct fixture *f, bool with_mark)
{
    fixture_open(f);
    begin(f);
    idle(f);
    append_range(f, 0, 90, 15);
    for (uint32_t i = 90; i < 102; i++) { /* up to four together */
        assert_int_equal(append(f, i), 0);
        if (i % 4 == 3) {
            f->now_ns += NS_PER_MS;
            wal_flush(f->wal, f->now_ns);
        }
    }
    assert_int_equal(settle(f), 0);
    if (with_mark) idle(f);
    stop(f, false);
}

/* After tail was found: go on, and nothing of the tail ever shows again. */
static void check_goes_on(struct fixture *f, uint32_t records)
{
    const int rc = wal_begin(f->wal, wal_incarnation(f->wal) + 1, &f->fault);

    if (rc < 0) fail_msg("%s: %s", f->fault.text, strerror(-rc));
    append_range(f, records, records + 1, 1);
    stop(f, false);
    assert_int_equal(start(f), 0);
    assert_int_equal(f->replayed, records + 1);
    stop(f, false);
}

static void damage_everywhere(bool with_mark)
{
    struct fixture f;
    struct image m;
    struct batch b[64];
    uint32_t count, corrupt = 0, tail = 0;

    small_log(&f, with_mark);
    image_take(&f, &m);
    count = image_batches(&m, b, 64);
    assert_true(count > 8);
    assert_true(b[count - 1].file >= 1);
    for (uint32_t x = 0; x < count; x++)
        for (size_t at = 0; at < b[x].len; at += 512) {
            uint8_t *byte = m.bytes[b[x].file] + b[x].at + at + at / 512 % 37;
            const uint8_t bit = (uint8_t)(1u << at / 512 % 8);
            const int rc = expected(b, count, x, x, x);

            *byte ^= bit;
            put_file(&f, &m, b[x].file, m.len[b[x].file]);
            check_start(&f, rc, b[x].records, &b[x], "bit", at);
            if (rc == 0)
                tail++;
            else
                corrupt++;
            if (rc == 0 && tail % 16 == 1) {
                check_goes_on(&f, b[x].records);
                for (uint32_t i = 0; i < m.count; i++)
                    put_file(&f, &m, i, m.len[i]);
            } else {
                stop(&f, false);
            }
            *byte ^= bit;
            put_file(&f, &m, b[x].file, m.len[b[x].file]);
        }
    assert_true(corrupt > 0);
    assert_true(with_mark ? tail < corrupt : tail > 0);
    image_free(&m);
    fixture_close(&f);
}

static void flipped_bit_in_any_sector_gives_the_verdict(void **state)
{
    (void)state;
    damage_everywhere(false);
    damage_everywhere(true);
}

static void cut_at_any_sector_gives_the_verdict(void **state)
{
    struct fixture f;
    struct image m;
    struct batch b[64];
    uint32_t count;

    (void)state;
    small_log(&f, true);
    image_take(&f, &m);
    count = image_batches(&m, b, 64);
    for (uint32_t i = 0; i < m.count; i++)
        for (size_t len = 0; len <= m.len[i]; len += 512) {
            uint32_t x = 0, end, gone;
            uint32_t records = 102;
            int rc = 0;

            while (x < count && (b[x].file != i || b[x].at + b[x].len <= len))
                x++;
            for (end = x; end < count && b[end].file == i;) end++;
            gone = x < count && len > b[x].at ? x + 1 : x;
            if (x < count) {
                rc = expected(b, count, x, gone, end);
                records = b[x].records;
            }
            put_file(&f, &m, i, len);
            check_start(&f, rc, records, &b[x], "length", len);
            if (rc == 0 && len % (16 * 512) == 0) {
                check_goes_on(&f, records);
                for (uint32_t k = 0; k < m.count; k++)
                    put_file(&f, &m, k, m.len[k]);
            } else {
                stop(&f, false);
            }
            put_file(&f, &m, i, m.len[i]);
        }
    image_free(&m);
    fixture_close(&f);
}

/* Five full batches in flight together, the last in the next segment. */
static void five_in_flight(struct fixture *f)
{
    uint8_t bytes[BATCH_MAX / 8] = { 0 };

    fixture_open(f);
    begin(f);
    idle(f);
    while (wal_writes(f->wal) < 5)
        assert_int_equal(wal_append(f->wal, 1, 1, bytes_of(NULL, 0),
                                    bytes_of(bytes, sizeof bytes)),
                         0);
    assert_int_equal(settle(f), 0);
}

static void head_states_only_what_was_durable_when_it_was_made(void **state)
{
    struct fixture f;
    struct image m;
    struct batch b[16];
    uint32_t count;

    (void)state;
    five_in_flight(&f);
    idle(&f);
    stop(&f, false);
    image_take(&f, &m);
    count = image_batches(&m, b, 16);
    assert_int_equal(count, 7); /* the five, what was left, and the mark */
    for (uint32_t i = 0; i < 5; i++) assert_int_equal(b[i].durable_upto, 0);
    assert_in_range(b[5].durable_upto, 0, 5);
    assert_int_equal(b[6].durable_upto, 6);
    image_free(&m);
    fixture_close(&f);
}

static void tail_over_two_segments_is_overwritten_in_both(void **state)
{
    struct fixture f;
    struct image m, after;
    struct batch b[16];
    struct wal_record r;
    uint32_t count, left;
    char name[32];
    int rc;

    (void)state;
    five_in_flight(&f);
    stop(&f, false);
    unlinkat(f.dir_fd, file_name(2, name), 0); /* made by now, or not yet */
    image_take(&f, &m);
    count = image_batches(&m, b, 16);
    assert_int_equal(b[4].file, 1);
    m.bytes[0][b[1].at + 5000] ^= 1;
    put_file(&f, &m, 0, m.len[0]);
    /* What was made later may be a witness: it did not land. */
    for (uint32_t i = 5; i < count; i++)
        memset(m.bytes[b[i].file] + b[i].at, 0, b[i].len);
    put_file(&f, &m, 1, m.len[1]);

    assert_int_equal(
        loop_open(&f.loop, &(struct loop_config){ .choice = choice }), 0);
    f.config.loop = f.loop;
    assert_int_equal(wal_open(&f.wal, &f.config, &f.fault), 0);
    for (left = 0; (rc = wal_replay_next(f.wal, &r, &f.fault)) > 0;) left++;
    assert_int_equal(rc, 0);
    assert_int_equal(left, b[1].records);
    assert_true(wal_tail_bytes(f.wal) > 3 * BATCH_MAX / 2);
    assert_int_equal(wal_begin(f.wal, 9, &f.fault), 0);
    stop(&f, false);

    image_take(&f, &after);
    for (uint32_t i = 0; i < after.count; i++)
        for (size_t at = i == 0 ? b[1].at : 0; at < after.len[i]; at++)
            if (after.bytes[i][at]) fail_msg("file %u, offset %zu", i, at);
    image_free(&m);
    image_free(&after);
    fixture_close(&f);
}

static void missing_segment_gives_the_verdict(void **state)
{
    struct fixture f;
    struct image m;
    struct batch b[64];
    char name[32];
    uint32_t x = 0;

    (void)state;
    small_log(&f, true);
    image_take(&f, &m);
    image_batches(&m, b, 64);
    unlinkat(f.dir_fd, file_name(0, name), 0);
    check_start(&f, -EBADMSG, 0, &b[0], "missing", 1);
    stop(&f, false);
    put_file(&f, &m, 0, m.len[0]);

    /* Of the last one with batches nothing else can tell. */
    for (uint32_t i = 1; i < m.count; i++)
        unlinkat(f.dir_fd, file_name(i, name), 0);
    while (b[x].file == 0) x++;
    check_start(&f, 0, b[x].records, NULL, "missing", 2);
    check_goes_on(&f, b[x].records);
    image_free(&m);
    fixture_close(&f);
}

static void clean_log_that_lost_its_end_is_corrupt(void **state)
{
    struct fixture f;
    struct image m;
    struct batch b[64];
    uint32_t count;

    (void)state;
    fixture_open(&f);
    begin(&f);
    append_range(&f, 0, 30, 10);
    stop(&f, true);
    image_take(&f, &m);
    count = image_batches(&m, b, 64);
    memset(m.bytes[0] + b[count - 1].at, 0, b[count - 1].len);
    put_file(&f, &m, 0, m.len[0]);
    check_start(&f, -EBADMSG, b[count - 1].records, &b[count - 1], "clean", 0);
    stop(&f, false);
    image_free(&m);
    fixture_close(&f);
}

/* Were it taken for tail, it would be overwritten. */
static void log_of_another_instance_is_refused(void **state)
{
    struct fixture f;

    (void)state;
    small_log(&f, true);
    f.config.instance++;
    assert_int_equal(start(&f), -EBADMSG);
    assert_int_equal(f.replayed, 0);
    assert_string_equal(f.fault.text, "log/00000001.log, offset 0: this is a "
                                      "log of another data directory");
    stop(&f, false);
    f.config.instance--;
    assert_int_equal(start(&f), 0);
    assert_int_equal(f.replayed, 102);
    stop(&f, false);
    fixture_close(&f);
}

/* --- reading back ------------------------------------------------------ */

/* Read slots from..to and compare with the records 0..count - 1. */
static void check_range(struct fixture *f, uint64_t from, uint64_t to,
                        uint32_t count, bool busy)
{
    struct wal_cursor c;
    struct wal_record r;
    uint32_t i = 0, budget = 4096;
    int rc;

    wal_read_begin(&c, from, to);
    for (;;) {
        rc = wal_read_next(f->wal, &c, &budget, &r, &f->fault);
        if (rc == -EAGAIN) {
            budget = 4096;
            /* The log goes on between two parts of the answer. */
            if (busy) assert_int_equal(turn(f), 0);
            continue;
        }
        if (rc < 0) fail_msg("%s: %s", f->fault.text, strerror(-rc));
        while (i < count && (slot_of(i) < from || slot_of(i) > to)) i++;
        if (rc == 0) break;
        assert_true(i < count);
        check_record(i++, &r);
    }
    if (i != count) fail_msg("[%d, %d]: %u missing", (int)from, (int)to, i);
}

static void read_of_any_range_gives_its_records(void **state)
{
    const uint64_t seed = 4711;
    struct prng random;
    struct fixture f;
    uint32_t count = 0;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&random, seed);
    fixture_open(&f);
    begin(&f);
    check_range(&f, 1, UINT64_MAX, 0, false);
    for (int round = 0; round < 300; round++) {
        const uint64_t from = prng_range(&random, 1, count + 5);

        for (uint64_t n = prng_below(&random, 12); n > 0; n--)
            if (append(&f, count) == 0) count++;
        if (prng_below(&random, 3)) wal_flush(f.wal, f.now_ns += NS_PER_MS);
        if (prng_below(&random, 2)) assert_int_equal(turn(&f), 0);
        if (prng_below(&random, 20) == 0) assert_int_equal(settle(&f), 0);
        if (prng_below(&random, 60) == 0) {
            assert_int_equal(settle(&f), 0);
            stop(&f, false);
            begin(&f);
            assert_int_equal(f.replayed, count);
        }
        check_range(&f, from, from + prng_below(&random, 40), count,
                    prng_below(&random, 2));
        if (round % 50 == 0) check_range(&f, 1, UINT64_MAX, count, true);
    }
    assert_true(wal_bytes(f.wal) > 4 * SEGMENT);
    assert_int_equal(settle(&f), 0);
    stop(&f, true);
    fixture_close(&f);
}

static void read_of_damaged_batch_is_refused(void **state)
{
    struct fixture f;
    struct wal_cursor c;
    struct wal_record r;
    uint32_t budget = WAL_READ_BUDGET;
    int fd;

    (void)state;
    fixture_open(&f);
    begin(&f);
    append_range(&f, 0, 30, 10);
    check_range(&f, 1, 30, 30, false);
    stop(&f, false);
    begin(&f);
    fd = openat(f.dir_fd, "log/00000001.log", O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 200), 1);
    assert_int_equal(fsync(fd), 0);
    close(fd);
    wal_read_begin(&c, 1, 30);
    assert_int_equal(wal_read_next(f.wal, &c, &budget, &r, &f.fault), -EBADMSG);
    assert_string_equal(f.fault.text,
                        "log/00000001.log, offset 0: batch 1 is damaged");
    stop(&f, false);
    fixture_close(&f);
}

/* clang-format off */
#define ON_BOTH(test)                                 \
    { #test " on the ring", test, on_ring, NULL, NULL }, \
    { #test " on epoll", test, on_epoll, NULL, NULL }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(log_after_clean_end_gives_all_records),
        ON_BOTH(log_after_kill_gives_all_that_was_durable),
        ON_BOTH(log_goes_over_many_segments),
        ON_BOTH(log_with_larger_batches_goes_on_in_next_segment),
        ON_BOTH(flush_with_full_ring_lets_the_batch_grow),
        ON_BOTH(append_within_room_never_fails),
        ON_BOTH(durable_counts_in_order_of_append),
        ON_BOTH(idle_log_gets_one_mark_and_no_more),
#ifdef PAXOSKV_FAILPOINTS
        ON_BOTH(write_that_fails_ends_the_log),
        ON_BOTH(no_space_for_next_segment_is_full_and_passes),
#endif
        ON_BOTH(log_on_full_disk_says_full_and_keeps_its_records),
        ON_BOTH(open_after_other_boot_is_refused_without_sync_or_mark),
        ON_BOTH(clean_mark_is_gone_while_the_log_runs),
        ON_BOTH(open_with_damaged_life_is_refused),
        ON_BOTH(flipped_bit_in_any_sector_gives_the_verdict),
        ON_BOTH(cut_at_any_sector_gives_the_verdict),
        ON_BOTH(head_states_only_what_was_durable_when_it_was_made),
        ON_BOTH(tail_over_two_segments_is_overwritten_in_both),
        ON_BOTH(missing_segment_gives_the_verdict),
        ON_BOTH(clean_log_that_lost_its_end_is_corrupt),
        ON_BOTH(log_of_another_instance_is_refused),
        ON_BOTH(read_of_any_range_gives_its_records),
        ON_BOTH(read_of_damaged_batch_is_refused),
    };

    return cmocka_run_group_tests_name("wal", tests, NULL, NULL);
}

/* test_host.c - files, locks and clocks of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "io/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char path[64];
    int dir_fd;
};

static int set_up(void **state)
{
    static struct fixture f;

    strcpy(f.path, "/tmp/test_host.XXXXXX");
    if (!mkdtemp(f.path)) return -1;
    f.dir_fd = host_open_dir(f.path, false);
    *state = &f;
    return f.dir_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    const struct fixture *f = *state;

    unlinkat(f->dir_fd, "file", 0);
    unlinkat(f->dir_fd, "lock", 0);
    unlinkat(f->dir_fd, "sub", AT_REMOVEDIR);
    close(f->dir_fd);
    return rmdir(f->path);
}

static void write_file_replaces_the_whole_file(void **state)
{
    const struct fixture *f = *state;
    char bytes[8];

    assert_int_equal(host_read_file(f->dir_fd, "file", bytes, 8), -ENOENT);
    assert_int_equal(host_write_file(f->dir_fd, "file", "12345678", 8), 0);
    assert_int_equal(host_read_file(f->dir_fd, "file", bytes, 8), 8);
    assert_memory_equal(bytes, "12345678", 8);
    assert_int_equal(host_read_file(f->dir_fd, "file", bytes, 7), -EFBIG);

    assert_int_equal(host_write_file(f->dir_fd, "file", "x", 1), 0);
    assert_int_equal(host_read_file(f->dir_fd, "file", bytes, 8), 1);
    assert_int_equal(host_write_file(f->dir_fd, "file", NULL, 0), 0);
    assert_int_equal(host_read_file(f->dir_fd, "file", bytes, 8), 0);
    assert_int_equal(faccessat(f->dir_fd, "file.tmp", F_OK, 0), -1);

    assert_int_equal(host_remove_file(f->dir_fd, "file"), 0);
    assert_int_equal(host_remove_file(f->dir_fd, "file"), 0);
    assert_int_equal(host_read_file(f->dir_fd, "file", bytes, 8), -ENOENT);
}

static void write_file_that_cannot_leaves_the_old_one(void **state)
{
    const struct fixture *f = *state;
    char bytes[8];

    assert_int_equal(host_write_file(f->dir_fd, "file", "old", 3), 0);
    assert_int_equal(mkdirat(f->dir_fd, "file.tmp", 0700), 0);
    assert_int_equal(host_write_file(f->dir_fd, "file", "new", 3), -EISDIR);
    unlinkat(f->dir_fd, "file.tmp", AT_REMOVEDIR);
    assert_int_equal(host_read_file(f->dir_fd, "file", bytes, 8), 3);
    assert_memory_equal(bytes, "old", 3);
    assert_int_equal(host_write_file(-1, "file", "new", 3), -EBADF);
}

static void open_dir_makes_it_only_when_asked(void **state)
{
    const struct fixture *f = *state;
    char path[128];
    int fd;

    assert_int_equal(host_open_subdir(f->dir_fd, "sub", false), -ENOENT);
    assert_int_equal(host_dir_is_empty(f->dir_fd), 1);
    fd = host_open_subdir(f->dir_fd, "sub", true);
    assert_true(fd >= 0);
    assert_int_equal(host_dir_is_empty(fd), 1);
    assert_int_equal(host_dir_is_empty(f->dir_fd), 0);
    close(fd);
    fd = host_open_subdir(f->dir_fd, "sub", true);
    assert_true(fd >= 0);
    close(fd);

    snprintf(path, sizeof path, "%s/sub/", f->path);
    fd = host_open_dir(path, false);
    assert_true(fd >= 0);
    close(fd);
    snprintf(path, sizeof path, "%s/no/such", f->path);
    assert_int_equal(host_open_dir(path, true), -ENOENT);
    assert_int_equal(host_write_file(f->dir_fd, "file", "x", 1), 0);
    assert_int_equal(host_open_subdir(f->dir_fd, "file", true), -ENOTDIR);
    assert_int_equal(host_dir_is_empty(-1), -EBADF);
}

/* Held by another process at first, which then ends. */
static void lock_is_taken_when_its_holder_ends(void **state)
{
    const struct fixture *f = *state;
    int ready[2], status, fd;
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        if (host_lock(f->dir_fd, "lock", 0) < 0) _exit(1);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        poll(NULL, 0, 100); /* as long as a killed process may hold it */
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(host_lock(f->dir_fd, "lock", 0), -EBUSY);
    fd = host_lock(f->dir_fd, "lock", 60 * NS_PER_S);
    assert_true(fd >= 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(host_lock(f->dir_fd, "lock", 0), -EBUSY);
    close(fd);
    fd = host_lock(f->dir_fd, "lock", 0);
    assert_true(fd >= 0);
    close(fd);
    close(ready[0]);
    close(ready[1]);
}

static void machine_says_what_it_is(void **state)
{
    char id[HOST_BOOT_ID_SIZE], again[HOST_BOOT_ID_SIZE];
    uint8_t a[32] = { 0 }, b[32] = { 0 };
    const uint64_t now_ns = host_now_ns();

    (void)state;
    assert_int_equal(host_boot_id(id), 0);
    assert_int_equal(strlen(id), HOST_BOOT_ID_SIZE - 1);
    assert_int_equal(host_boot_id(again), 0);
    assert_string_equal(id, again);
    assert_int_equal(host_random(a, sizeof a), 0);
    assert_int_equal(host_random(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(host_now_ns() >= now_ns);
    assert_true(host_wall_ns() > UINT64_C(1600000000) * NS_PER_S);
    assert_true(host_resident_bytes() > 64 * KIB);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(write_file_replaces_the_whole_file),
        TEST(write_file_that_cannot_leaves_the_old_one),
        TEST(open_dir_makes_it_only_when_asked),
        TEST(lock_is_taken_when_its_holder_ends),
        TEST(machine_says_what_it_is),
    };

    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}

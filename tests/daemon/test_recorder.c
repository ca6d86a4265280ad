/* test_recorder.c - src/daemon/recorder*.c and crash.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "daemon/crash.h"
#include "daemon/log.h"
#include "daemon/recorder.h"

#define LARGE FLIGHT_BYTES_MAX

static void *plain_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void plain_free(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

static const struct node_config config = {
    .n = 1,
    .ids = { 1 },
    .instance = 5,
    .process = 7,
    .heartbeat_ns = 1000000,
    .noop_interval_ns = 1000000,
    .rto_min_ns = 1000000,
    .rto_max_ns = 1000000,
    .batch_bytes = 8192,
    .reply_bytes = 8192,
    .window_slots = 16,
    .history_slots = 1024,
    .pool_order = 20,
    .limits = { .store_max_bytes = 1 << 20,
                .session_period_ns = UINT64_C(60000000000),
                .sessions_max = 16 },
    .memory = { .alloc = plain_alloc, .free = plain_free },
};

static char directory[] = "/tmp/test_recorder.XXXXXX";
static int dir_fd;
static void *memory;
static struct node *node;
static struct recorder recorder;
static uint8_t bytes[LARGE];
static uint64_t given;

static void remove_files(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -f %s/*", directory);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    struct arena arena;

    (void)state;
    remove_files();
    memory = aligned_alloc(4096, (node_size(&config) + 4095) & ~4095u);
    assert_non_null(memory);
    memset(memory, 0, node_size(&config));
    arena_init(&arena, memory, node_size(&config));
    node = node_init(&config, &arena);
    assert_non_null(node);
    assert_int_equal(recorder_open(&recorder, node, &config, dir_fd), 0);
    given = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    recorder_close(&recorder);
    node_destroy(node);
    free(memory);
    return 0;
}

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY);
    return dir_fd < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    remove_files();
    close(dir_fd);
    return rmdir(directory);
}

/* ---- giving and reading -------------------------------------------------- */

/* An event that the core is about to be given; its time says which it is. */
static void give(uint32_t len)
{
    const struct message m = { .type = MESSAGE_LEARN, .process = 9 };
    const struct event ev = {
        .type = len ? EVENT_MESSAGE : EVENT_TICK,
        .now_ns = ++given,
        .message = &m,
    };

    recorder_event(&recorder, &ev, bytes_of(bytes, len));
}

static void give_and_step(uint64_t count, uint32_t len)
{
    const struct effects none = { 0 };

    for (; count > 0; count--) {
        give(len);
        recorder_effects(&recorder, &none);
    }
}

static int write_file(void)
{
    return recorder_write(&recorder,
                          &(struct recorder_reason){ .what = "why" });
}

static struct flight_file file;
static uint8_t *file_bytes;

static void read_file(const char *name)
{
    const int fd = openat(dir_fd, name, O_RDONLY);
    struct stat st;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(file_bytes);
    file_bytes = malloc((size_t)st.st_size);
    assert_non_null(file_bytes);
    assert_int_equal(read(fd, file_bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    assert_int_equal(
        flight_get_file(bytes_of(file_bytes, (uint32_t)st.st_size), &file), 0);
}

/* The events of the file are the last ones given, none is lacking, and all but
 * the last open ones have a digest. */
static void check_events(uint64_t open)
{
    struct reader r = reader_of(file.events.at, file.events.len);
    struct flight_context last = { 0 };
    uint64_t count = 0;

    while (reader_left(&r) > 0) {
        struct flight_event e;

        assert_int_equal(flight_get(&r, &last, &e), 0);
        count++;
        assert_int_equal(e.now_ns, file.head.first + count);
        assert_true((e.digest != 0) == (e.now_ns + open <= given));
    }
    assert_int_equal(count, file.head.count);
    assert_int_equal(file.head.first + count, given);
}

/* ---- tests --------------------------------------------------------------- */

static void write_without_events_is_refused(void **state)
{
    (void)state;
    assert_int_equal(write_file(), -ENODATA);
}

static void write_holds_state_and_events(void **state)
{
    (void)state;
    give_and_step(10, 0);
    give_and_step(10, 100);
    give(0);
    assert_int_equal(write_file(), 0);
    read_file("flight-0-1.rec");
    assert_int_equal(file.head.first, 0);
    assert_int_equal(file.head.count, 21);
    assert_int_equal(file.head.instance, 5);
    assert_int_equal(file.head.address, (uintptr_t)node);
    assert_int_equal(file.head.memory, node_size(&config));
    assert_int_equal(file.config.len, sizeof config);
    assert_string_equal(file.head.what, "why");
    assert_memory_equal(file.image.at, node, 64);
    check_events(1);
}

static void write_after_many_events_holds_the_last_thousand(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 12; i++) {
        give_and_step(9973, i % 3 ? 100 : 0);
        assert_int_equal(write_file(), 0);
        read_file(recorder.name);
        assert_true(file.head.count >= RECORDER_EVENTS);
        check_events(0);
    }
    assert_true(file.head.first > 0);
}

static void write_of_largest_events_holds_a_thousand(void **state)
{
    (void)state;
    give_and_step(2 * RECORDER_EVENTS + 10, LARGE);
    assert_int_equal(write_file(), 0);
    read_file(recorder.name);
    assert_int_equal(file.head.count, RECORDER_EVENTS + 10);
    check_events(0);
}

static void event_after_large_ones_gives_memory_back(void **state)
{
    struct recorder_half *h;

    (void)state;
    give_and_step(2 * RECORDER_EVENTS, LARGE);
    assert_true(recorder.halves[0].touched > 60000000);
    for (uint32_t i = 0; i < 4; i++) {
        h = &recorder.halves[recorder.current];
        while (h == &recorder.halves[recorder.current]) give_and_step(1, 1000);
    }
    assert_true(recorder.halves[0].touched < 8000000);
    assert_true(recorder.halves[1].touched < 8000000);
    assert_int_equal(write_file(), 0);
    read_file(recorder.name);
    check_events(0);
}

static void event_of_a_recorder_that_is_off_is_nothing(void **state)
{
    (void)state;
    recorder_close(&recorder);
    give_and_step(10, 100);
    assert_int_equal(write_file(), -ENODATA);
}

static bool is_there(const char *name)
{
    return faccessat(dir_fd, name, F_OK, 0) == 0;
}

static void touch(const char *name)
{
    close(openat(dir_fd, name, O_WRONLY | O_CREAT, 0600));
    assert_true(is_there(name));
}

static void prune_keeps_the_newest(void **state)
{
    (void)state;
    touch("flight-2-1.rec");
    touch("flight-10-1.rec");
    touch("flight-10-11.rec");
    touch("flight-10-2.rec");
    touch("flight-2-3.rec");
    touch("flight-02-1.rec"); /* not one of ours */
    touch("flight-1-1.rec.old");
    recorder_prune(&recorder);
    assert_false(is_there("flight-2-1.rec"));
    assert_false(is_there("flight-2-3.rec"));
    assert_true(is_there("flight-10-1.rec"));
    assert_true(is_there("flight-10-2.rec"));
    assert_true(is_there("flight-10-11.rec"));
    assert_true(is_there("flight-02-1.rec"));
    assert_true(is_there("flight-1-1.rec.old"));
}

static void write_never_overwrites(void **state)
{
    (void)state;
    touch("flight-0-1.rec");
    give_and_step(1, 0);
    assert_int_equal(write_file(), 0);
    assert_string_equal(recorder.name, "flight-0-2.rec");
}

static void write_to_a_full_disk_leaves_nothing(void **state)
{
    const struct rlimit small = { 10000, RLIM_INFINITY };
    struct rlimit before;

    (void)state;
    give_and_step(100, 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(write_file(), -EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(is_there("flight-0-1.rec"));
}

/* A child dies so; returns the signal. */
static int die(void (*how)(void))
{
    const pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit no_core = { 0, 0 };

        setrlimit(RLIMIT_CORE, &no_core);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        for (int i = 1; i < 32; i++) signal(i, SIG_DFL);
        crash_guard(&recorder, directory);
        how();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void fail_an_assertion(void)
{
    ASSERT(given == 0);
}

static void be_killed(void)
{
    raise(SIGBUS);
}

static void crash_by_assertion_says_which(void **state)
{
    (void)state;
    give_and_step(10, 0);
    give(0);
    assert_int_equal(die(fail_an_assertion), SIGABRT);
    read_file("flight-0-1.rec");
    assert_int_equal(file.head.signal, SIGABRT);
    assert_string_equal(file.head.what, "given == 0");
    assert_string_equal(file.head.file, __FILE__);
    assert_true(file.head.line > 0);
    check_events(1);
}

static void crash_by_signal_says_which(void **state)
{
    (void)state;
    give_and_step(10, 0);
    assert_int_equal(die(be_killed), SIGBUS);
    read_file("flight-0-1.rec");
    assert_int_equal(file.head.signal, SIGBUS);
    assert_int_equal(file.head.line, 0);
    check_events(0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(write_without_events_is_refused),
        TEST(write_holds_state_and_events),
        TEST(write_after_many_events_holds_the_last_thousand),
        TEST(write_of_largest_events_holds_a_thousand),
        TEST(event_after_large_ones_gives_memory_back),
        TEST(event_of_a_recorder_that_is_off_is_nothing),
        TEST(prune_keeps_the_newest),
        TEST(write_never_overwrites),
        TEST(write_to_a_full_disk_leaves_nothing),
        TEST(crash_by_assertion_says_which),
        TEST(crash_by_signal_says_which),
    };
    const int failed = cmocka_run_group_tests(tests, make_directory,
                                              remove_directory);

    free(file_bytes);
    return failed;
}

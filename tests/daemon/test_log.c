/* test_log.c - lines, levels, episodes; and what systemd is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "daemon/log.h"
#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 4096

static char path[64];

static int setup(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof path, "/tmp/paxoskv-test-log-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_close();
    unlink(path);
    return 0;
}

static const char *content(const char *file)
{
    static char text[TEXT_MAX];
    const int fd = open(file, O_RDONLY);
    const ssize_t len = read(fd, text, sizeof text - 1);

    assert_true(len >= 0);
    text[len] = 0;
    close(fd);
    return text;
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    assert_int_equal(log_open(path, LOG_LEVEL_WARNING), 0);
    log_error("one %d", 1);
    log_warning("two");
    log_info("three");
    log_debug("four");
    assert_non_null(strstr(content(path), "Z error: one 1\n"));
    assert_non_null(strstr(content(path), "Z warning: two\n"));
    assert_null(strstr(content(path), "three"));
    assert_null(strstr(content(path), "four"));
}

static void a_long_line_is_cut_and_ended(void **state)
{
    char text[3 * LOG_LINE_MAX];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(log_open(path, LOG_LEVEL_INFO), 0);
    log_info("%s", text);
    log_info("next");
    assert_true(strchr(content(path), '\n') - content(path) < LOG_LINE_MAX);
    assert_non_null(strstr(content(path), "info: next\n"));
}

static void reopen_goes_on_in_a_new_file(void **state)
{
    char old[80];

    (void)state;
    assert_int_equal(log_open(path, LOG_LEVEL_INFO), 0);
    log_info("first");
    snprintf(old, sizeof old, "%s.1", path);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(log_reopen(), 0);
    log_info("second");
    assert_non_null(strstr(content(old), "first"));
    assert_null(strstr(content(old), "second"));
    assert_non_null(strstr(content(path), "second"));
    unlink(old);
}

static void open_of_what_is_no_file_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(log_open(path, LOG_LEVEL_INFO), 0);
    assert_int_equal(log_open("/nonexistent/log", LOG_LEVEL_ERROR), -ENOENT);
    log_info("still here");
    assert_non_null(strstr(content(path), "still here"));
}

/* Standard error is a file here; the journal is what the variable says. */
static void the_journal_gets_priorities_and_no_time(void **state)
{
    const int saved = dup(STDERR_FILENO);
    const int fd = open(path, O_WRONLY | O_APPEND);
    char stream[64];
    struct stat st;

    (void)state;
    dup2(fd, STDERR_FILENO);
    assert_int_equal(fstat(fd, &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_int_equal(log_open("", LOG_LEVEL_INFO), 0);
    log_error("alpha");
    setenv("JOURNAL_STREAM", "1:1", 1);
    assert_int_equal(log_open("", LOG_LEVEL_INFO), 0);
    log_error("beta");
    unsetenv("JOURNAL_STREAM");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fd);
    assert_ptr_equal(strstr(content(path), "<3>alpha\n"), content(path));
    assert_non_null(strstr(content(path), "Z error: beta\n"));
}

static void an_episode_begins_once_and_ends_once(void **state)
{
    struct log_episode e = { 0 };

    (void)state;
    assert_int_equal(log_episode_ends(&e, 1), 0);
    assert_true(log_episode_begins(&e, 1));
    assert_false(log_episode_begins(&e, 2));
    assert_int_equal(log_episode_ends(&e, 1 + LOG_EPISODE_NS), 0);
    assert_int_equal(log_episode_ends(&e, 2 + LOG_EPISODE_NS), 2);
    assert_int_equal(log_episode_ends(&e, 3 + LOG_EPISODE_NS), 0);
    assert_true(log_episode_begins(&e, 4 + LOG_EPISODE_NS));
}

static void notify_without_a_socket_does_nothing(void **state)
{
    struct notify n;

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    notify_open(&n);
    notify_send(&n, "READY=1");
    assert_int_equal(n.fd, -1);
    assert_true(notify_deadline_ns(&n) == NEVER_NS);
    notify_close(&n);
}

static void notify_tells_an_abstract_socket(void **state)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    char name[64], text[64] = "";
    struct notify n;
    socklen_t len;

    (void)state;
    snprintf(name, sizeof name, "@paxoskv-test-%d", (int)getpid());
    memcpy(at.sun_path, name, strlen(name));
    at.sun_path[0] = 0;
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);

    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "2000000", 1);
    notify_open(&n);
    notify_send(&n, "READY=1");
    assert_int_equal(recv(fd, text, sizeof text, 0), 7);
    assert_string_equal(text, "READY=1");

    notify_watchdog(&n, 5 * NS_PER_S);
    assert_int_equal(recv(fd, text, sizeof text, 0), 10);
    assert_memory_equal(text, "WATCHDOG=1", 10);
    assert_int_equal(notify_deadline_ns(&n), 6 * NS_PER_S);
    notify_watchdog(&n, 6 * NS_PER_S - 1);
    assert_int_equal(recv(fd, text, sizeof text, 0), -1);
    notify_watchdog(&n, 6 * NS_PER_S);
    assert_int_equal(recv(fd, text, sizeof text, 0), 10);
    notify_close(&n);
    close(fd);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_below_the_level_are_dropped),
        TEST(a_long_line_is_cut_and_ended),
        TEST(reopen_goes_on_in_a_new_file),
        TEST(open_of_what_is_no_file_changes_nothing),
        TEST(the_journal_gets_priorities_and_no_time),
        TEST(an_episode_begins_once_and_ends_once),
        TEST(notify_without_a_socket_does_nothing),
        TEST(notify_tells_an_abstract_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_loop.c - both backends of the loop, with real sockets on loopback and a
 * real file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "io/failpoint.h"
#include "io/host.h"
#include "io/loop.h"
#include "io/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_NS (5 * NS_PER_S)

struct fixture {
    struct loop *loop;
    int fd[2]; /* two sockets; the loop reads both, as numbers 0 and 1 */
    struct address at[2];
};

static enum loop_choice choice; /* of the test that runs */

static int on_ring(void **state)
{
    (void)state;
    choice = LOOP_RING;
    return 0;
}

static int on_epoll(void **state)
{
    (void)state;
    choice = LOOP_EPOLL;
    return 0;
}

/* The backend of this test; where the ring is forbidden its tests are not. */
static struct loop *open_loop(const struct loop_config *config)
{
    struct loop_config c = *config;
    struct loop *l;
    int rc;

    c.choice = choice;
    rc = loop_open(&l, &c);
    if (choice == LOOP_RING && (rc == -EPERM || rc == -ENOSYS)) skip();
    if (rc < 0) fail_msg("loop_open: %s", strerror(-rc));
    return l;
}

static int open_socket(struct address *at)
{
    struct sockaddr_in s = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof s;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&s, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&s, &len), 0);
    udp_from_sockaddr((struct sockaddr *)&s, at);
    return fd;
}

static void open_fixture(struct fixture *f, const struct loop_config *config)
{
    f->loop = open_loop(config);
    for (int i = 0; i < 2; i++) {
        f->fd[i] = open_socket(&f->at[i]);
        assert_int_equal(loop_add_socket(f->loop, f->fd[i]), i);
    }
}

static void close_fixture(struct fixture *f)
{
    loop_close(f->loop);
    close(f->fd[0]);
    close(f->fd[1]);
}

/* Go on until an event is there; fails after five seconds without one. */
static void next_event(struct loop *l, struct loop_event *ev)
{
    const uint64_t end_ns = host_now_ns() + PATIENCE_NS;

    while (!loop_next(l, ev)) {
        assert_true(host_now_ns() < end_ns);
        assert_int_equal(loop_wait(l, end_ns), 0);
    }
}

static void send_bytes(struct loop *l, uint32_t socket, const void *bytes,
                       uint32_t len, const struct address *to)
{
    struct loop_buffer *b = loop_send_buffer(l);

    assert_non_null(b);
    memcpy(b->bytes, bytes, len);
    assert_true(loop_send(l, socket, b, len, to));
    loop_send_done(l, b);
}

static void send_arrives_with_its_sender(void **state)
{
    static uint8_t big[65507];
    static const uint32_t lens[] = { 0, 1, 1400, 65507 };
    struct fixture f;
    struct loop_event ev;

    (void)state;
    open_fixture(&f, &(struct loop_config){ 0 });
    for (size_t i = 0; i < sizeof big; i++) big[i] = (uint8_t)(i * 7);
    for (int i = 0; i < 4; i++) {
        send_bytes(f.loop, 0, big, lens[i], &f.at[1]);
        next_event(f.loop, &ev);
        assert_int_equal(ev.type, LOOP_DATAGRAM);
        assert_int_equal(ev.socket, 1);
        assert_true(address_equal(&ev.from, &f.at[0]));
        assert_int_equal(ev.len, lens[i]);
        assert_false(ev.truncated);
        assert_int_equal((uintptr_t)ev.bytes % 8, 0);
        assert_memory_equal(ev.bytes, big, lens[i]);
    }
    assert_int_equal(loop_counters(f.loop)->datagrams_in, 4);
    assert_int_equal(loop_counters(f.loop)->datagrams_out, 4);
    assert_int_equal(loop_counters(f.loop)->send_failed, 0);
    assert_true(loop_flags(f.loop)[0] != '\0');
    close_fixture(&f);
}

static void datagram_too_long_is_flagged_truncated(void **state)
{
    static const uint8_t bytes[1401];
    struct fixture f;
    struct loop_event ev;

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    send_bytes(f.loop, 0, bytes, 1400, &f.at[1]);
    next_event(f.loop, &ev);
    assert_false(ev.truncated);
    assert_int_equal(ev.len, 1400);

    for (uint32_t len = 1401; len < 2000; len += 300) {
        static const uint8_t more[2000];
        struct sockaddr_storage s;
        const socklen_t s_len = udp_to_sockaddr(&f.at[1], &s);

        assert_int_equal(
            sendto(f.fd[0], more, len, 0, (struct sockaddr *)&s, s_len), len);
        next_event(f.loop, &ev);
        assert_true(ev.truncated);
        assert_int_equal(ev.len, 1400);
    }
    assert_int_equal(loop_counters(f.loop)->truncated, 2);
    close_fixture(&f);
}

static void one_buffer_goes_to_many(void **state)
{
    struct fixture f;
    struct loop_event ev;
    struct loop_buffer *b;

    (void)state;
    open_fixture(
        &f, &(struct loop_config){ .datagram_max = 1400, .send_buffers = 1 });
    b = loop_send_buffer(f.loop);
    assert_non_null(b);
    memcpy(b->bytes, "hello", 5);
    for (int i = 0; i < 10; i++)
        assert_true(loop_send(f.loop, 0, b, 5, &f.at[1]));
    assert_null(loop_send_buffer(f.loop)); /* we still hold the only one */
    assert_int_equal(loop_counters(f.loop)->send_dry, 1);
    loop_send_done(f.loop, b);
    for (int i = 0; i < 10; i++) {
        next_event(f.loop, &ev);
        assert_memory_equal(ev.bytes, "hello", 5);
    }
    assert_false(loop_next(f.loop, &ev));
    b = loop_send_buffer(f.loop);
    assert_non_null(b);
    loop_send_done(f.loop, b);
    close_fixture(&f);
}

/* More than the receive buffers hold: the receive ends, and goes on. */
static void flood_beyond_the_buffers_loses_nothing(void **state)
{
    enum { COUNT = 90 }; /* what a default socket buffer surely takes */
    struct fixture f;
    struct loop_event ev;
    uint32_t got = 0;

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400,
                                            .recv_buffers = 4,
                                            .send_buffers = 8,
                                            .sends_max = 16 });
    assert_int_equal(loop_wait(f.loop, 0), 0); /* receives are armed */
    for (uint32_t i = 0; i < COUNT; i++)
        send_bytes(f.loop, 0, &i, sizeof i, &f.at[1]);
    while (got < COUNT) {
        next_event(f.loop, &ev);
        assert_int_equal(ev.type, LOOP_DATAGRAM);
        assert_memory_equal(ev.bytes, &got, sizeof got);
        got++;
    }
    assert_true(loop_counters(f.loop)->recv_starved > 0);
    assert_int_equal(loop_counters(f.loop)->datagrams_out, COUNT);
    close_fixture(&f);
}

/* A receive buffer of the smallest size overflows, and we are told. */
static void full_socket_drops_are_counted(void **state)
{
    struct fixture f;
    struct loop_event ev;
    const int one = 1, small = 1;
    static const uint8_t bytes[1000];
    uint64_t got = 0;

    (void)state;
    open_fixture(
        &f, &(struct loop_config){ .datagram_max = 1400, .recv_buffers = 1 });
    setsockopt(f.fd[1], SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
    setsockopt(f.fd[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 50; i++)
        send_bytes(f.loop, 0, bytes, sizeof bytes, &f.at[1]);
    assert_int_equal(loop_wait(f.loop, 0), 0);
    do {
        while (loop_next(f.loop, &ev)) got++;
        assert_int_equal(loop_wait(f.loop, host_now_ns() + 20 * NS_PER_MS), 0);
    } while (loop_next(f.loop, &ev) ? ++got : 0);
    assert_true(got > 0 && got < 50);
    /* The count rides on a later datagram. */
    send_bytes(f.loop, 0, bytes, sizeof bytes, &f.at[1]);
    next_event(f.loop, &ev);
    assert_int_equal(loop_counters(f.loop)->recv_dropped, 50 - got);
    close_fixture(&f);
}

/*
 * With IP_RECVERR a datagram to a closed port fails the next send, to
 * somebody else; that one is sent again and arrives.
 */
static void send_after_icmp_error_is_sent_again(void **state)
{
    struct fixture f;
    struct loop_event ev;
    struct address closed;
    const int one = 1;

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    close(open_socket(&closed));
    setsockopt(f.fd[0], IPPROTO_IP, IP_RECVERR, &one, sizeof one);
    send_bytes(f.loop, 0, "lost", 4, &closed);
    send_bytes(f.loop, 0, "kept", 4, &f.at[1]);
    next_event(f.loop, &ev);
    assert_int_equal(ev.type, LOOP_DATAGRAM);
    assert_memory_equal(ev.bytes, "kept", 4);
    assert_false(loop_next(f.loop, &ev));
    assert_int_equal(loop_counters(f.loop)->send_again, 1);
    assert_int_equal(loop_counters(f.loop)->send_failed, 0);
    close_fixture(&f);
}

static void send_that_cannot_is_counted_as_lost(void **state)
{
    struct fixture f;
    struct loop_event ev;
    struct address nowhere = { .family = 4, .port = 0, .ip = { 127, 0, 0, 1 } };
    static const uint8_t bytes[1400];

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    send_bytes(f.loop, 0, bytes, 4, &nowhere); /* port 0: EINVAL */
    assert_int_equal(loop_wait(f.loop, host_now_ns() + NS_PER_S), 0);
    assert_false(loop_next(f.loop, &ev));
    assert_int_equal(loop_counters(f.loop)->send_failed, 1);
    assert_int_equal(loop_counters(f.loop)->datagrams_out, 0);
    assert_int_equal(loop_counters(f.loop)->bytes_out, 0);

    send_bytes(f.loop, 0, bytes, 4, &f.at[1]);
    next_event(f.loop, &ev);
    assert_int_equal(ev.type, LOOP_DATAGRAM);
    assert_int_equal(loop_counters(f.loop)->datagrams_out, 1);
    close_fixture(&f);
}

static void socket_that_fails_is_reported_once(void **state)
{
    struct fixture f;
    struct loop_event ev;
    int ends[2];

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(loop_add_socket(f.loop, ends[0]), 2); /* not a socket */
    next_event(f.loop, &ev);
    assert_int_equal(ev.type, LOOP_ERROR);
    assert_int_equal(ev.socket, 2);
    assert_int_equal(ev.result, -ENOTSOCK);
    assert_int_equal(loop_wait(f.loop, host_now_ns() + NS_PER_MS), 0);
    assert_false(loop_next(f.loop, &ev));
    close(ends[0]);
    close(ends[1]);
    close_fixture(&f);
}

static void add_socket_beyond_the_limit_is_refused(void **state)
{
    struct loop *l = open_loop(&(struct loop_config){ 0 });

    (void)state;
    for (int i = 0; i < (int)LOOP_SOCKETS_MAX; i++)
        assert_int_equal(loop_add_sender(l, 0), i);
    assert_int_equal(loop_add_sender(l, 0), -ENOSPC);
    assert_int_equal(loop_add_socket(l, 0), -ENOSPC);
    loop_close(l);
    loop_close(NULL);
}

static void wait_returns_at_the_deadline(void **state)
{
    struct fixture f;
    struct loop_event ev;
    uint64_t deadline_ns;

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    deadline_ns = host_now_ns() + 20 * NS_PER_MS;
    while (host_now_ns() < deadline_ns) {
        assert_int_equal(loop_wait(f.loop, deadline_ns), 0);
        assert_false(loop_next(f.loop, &ev));
    }
    /* It slept, and did not spin. */
    assert_true(loop_counters(f.loop)->waits < 5);
    assert_int_equal(loop_wait(f.loop, 0), 0); /* one long past */
    close_fixture(&f);
}

/* Sends that go well must not wake the loop that sent them. */
static void sends_alone_do_not_end_a_wait(void **state)
{
    struct fixture f;
    struct loop_event ev;
    struct address other;
    const int fd = open_socket(&other); /* nobody's */
    uint64_t deadline_ns;

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    for (int i = 0; i < 10; i++) send_bytes(f.loop, 0, "x", 1, &other);
    deadline_ns = host_now_ns() + 20 * NS_PER_MS;
    assert_int_equal(loop_wait(f.loop, deadline_ns), 0);
    assert_true(host_now_ns() >= deadline_ns);
    assert_false(loop_next(f.loop, &ev));
    assert_int_equal(loop_counters(f.loop)->waits, 1);
    close(fd);
    close_fixture(&f);
}

static void signals_come_as_events(void **state)
{
    const int wanted[] = { SIGUSR1, SIGUSR2 };
    struct fixture f;
    struct loop_event ev;
    int seen = 0;

    (void)state;
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    assert_int_equal(loop_add_signals(f.loop, wanted, 2), 0);
    for (int round = 0; round < 2; round++) {
        seen = 0;
        kill(getpid(), SIGUSR1);
        kill(getpid(), SIGUSR2);
        for (int i = 0; i < 2; i++) {
            next_event(f.loop, &ev);
            assert_int_equal(ev.type, LOOP_SIGNAL);
            seen |= ev.signo == SIGUSR1 ? 1 : ev.signo == SIGUSR2 ? 2 : 4;
        }
        assert_int_equal(seen, 3);
    }
    close_fixture(&f);
}

static void file_operations_end_with_their_cookies(void **state)
{
    char path[] = "/tmp/test_loop.XXXXXX";
    const int fd = mkstemp(path);
    struct fixture f;
    struct loop_event ev;
    char got[6] = "";

    (void)state;
    assert_true(fd >= 0);
    unlink(path);
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });

    loop_allocate(f.loop, fd, 0, 8192, LOOP_COOKIE_MAX);
    next_event(f.loop, &ev);
    assert_int_equal(ev.type, LOOP_WRITTEN);
    assert_int_equal(ev.cookie, LOOP_COOKIE_MAX);
    if (ev.result != -EOPNOTSUPP) {
        assert_int_equal(ev.result, 0);
        assert_int_equal(lseek(fd, 0, SEEK_END), 8192);
    }
    loop_write(f.loop, fd, "hello", 5, 100, 7);
    next_event(f.loop, &ev);
    assert_int_equal(ev.cookie, 7);
    assert_int_equal(ev.result, 5);
    assert_int_equal(pread(fd, got, 5, 100), 5);
    assert_string_equal(got, "hello");

    loop_sync(f.loop, fd, true, 8);
    next_event(f.loop, &ev);
    assert_int_equal(ev.cookie, 8);
    assert_int_equal(ev.result, 0);

    loop_write(f.loop, -1, "hello", 5, 0, 9);
    next_event(f.loop, &ev);
    assert_int_equal(ev.cookie, 9);
    assert_int_equal(ev.result, -EBADF);
    close_fixture(&f);
    close(fd);
}

#ifdef PAXOSKV_FAILPOINTS
static void failpoint_changes_one_result(void **state)
{
    char path[] = "/tmp/test_loop.XXXXXX";
    const int fd = mkstemp(path);
    static const int32_t expected[] = { 5, -EIO, 3, 5 };
    struct fixture f;
    struct loop_event ev;

    (void)state;
    unlink(path);
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    failpoint_set("write", -EIO, 1, 1);
    failpoint_set("write", 3, 1, 1);
    for (int i = 0; i < 4; i++) {
        loop_write(f.loop, fd, "hello", 5, 0, 0);
        next_event(f.loop, &ev);
        assert_int_equal(ev.result, expected[i]);
    }
    failpoint_clear();
    close_fixture(&f);
    close(fd);
}
#endif

static void open_takes_the_backend_that_is_asked_for(void **state)
{
    struct loop *l = open_loop(&(struct loop_config){ 0 });

    (void)state;
    assert_string_equal(loop_backend(l),
                        choice == LOOP_RING ? "io_uring" : "epoll");
    assert_int_equal(loop_is_ring(l), choice == LOOP_RING);
    assert_int_equal(loop_refusal(l), 0);
    loop_close(l);

    choice = LOOP_AUTO;
    l = open_loop(&(struct loop_config){ 0 });
    assert_int_equal(loop_is_ring(l), loop_refusal(l) == 0);
    loop_close(l);
}

/* What is begun may use its bytes no more when loop_close has returned. */
static void close_with_operations_under_way_gives_them_up(void **state)
{
    enum { SIZE = 1 << 20, COUNT = 16 };
    char path[] = "/tmp/test_loop.XXXXXX";
    const int fd = mkstemp(path);
    uint8_t *bytes = calloc(1, SIZE);
    struct fixture f;

    (void)state;
    assert_true(fd >= 0);
    assert_non_null(bytes);
    unlink(path);
    for (int round = 0; round < 3; round++) {
        open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
        for (uint64_t i = 0; i < COUNT; i++)
            loop_write(f.loop, fd, bytes, SIZE, i * SIZE, i);
        assert_int_equal(loop_wait(f.loop, 0), 0);
        close_fixture(&f);
    }
    free(bytes);
    close(fd);
}

static void operations_in_numbers_end_once_each(void **state)
{
    enum { COUNT = 40, ROUNDS = 10 };
    char path[] = "/tmp/test_loop.XXXXXX";
    const int fd = mkstemp(path);
    struct fixture f;
    struct loop_event ev;

    (void)state;
    assert_true(fd >= 0);
    unlink(path);
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t seen = 0;

        for (uint32_t i = 0; i < COUNT; i++) {
            if (i % 4 == 3)
                loop_sync(f.loop, fd, i % 8 == 3, i);
            else
                loop_write(f.loop, fd, "four", 4, i * 4, i);
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            next_event(f.loop, &ev);
            assert_int_equal(ev.type, LOOP_WRITTEN);
            assert_int_equal(ev.result, ev.cookie % 4 == 3 ? 0 : 4);
            assert_int_equal(seen >> ev.cookie & 1, 0);
            seen |= UINT64_C(1) << ev.cookie;
        }
        assert_false(loop_next(f.loop, &ev));
    }
    close_fixture(&f);
    close(fd);
}

static void operations_beyond_the_threads_queue_fail_the_loop(void **state)
{
    char path[] = "/tmp/test_loop.XXXXXX";
    const int fd = mkstemp(path);
    struct fixture f;

    (void)state;
    assert_true(fd >= 0);
    unlink(path);
    open_fixture(&f, &(struct loop_config){ .datagram_max = 1400 });
    for (uint64_t i = 0; i < 64; i++) loop_write(f.loop, fd, "x", 1, i, i);
    assert_int_equal(loop_wait(f.loop, 0), 0);
    loop_write(f.loop, fd, "x", 1, 64, 64);
    assert_int_equal(loop_wait(f.loop, 0), -EBUSY);
    close_fixture(&f);
    close(fd);
}

/* A flood on one socket keeps neither a signal nor a file from its turn. */
static void flood_leaves_room_for_the_rest(void **state)
{
    const int wanted = SIGUSR1;
    bool signalled = false, written = false;
    char path[] = "/tmp/test_loop.XXXXXX";
    const int fd = mkstemp(path);
    struct fixture f;
    struct loop_event ev;

    (void)state;
    assert_true(fd >= 0);
    unlink(path);
    open_fixture(
        &f, &(struct loop_config){ .datagram_max = 1400, .recv_buffers = 4 });
    assert_int_equal(loop_add_signals(f.loop, &wanted, 1), 0);
    loop_write(f.loop, fd, "x", 1, 0, 1);
    kill(getpid(), SIGUSR1);
    for (int i = 0; !signalled || !written; i++) {
        assert_true(i < 100000);
        /* Always more than a turn takes. */
        for (int k = 0; k < 6; k++) send_bytes(f.loop, 0, "x", 1, &f.at[1]);
        assert_int_equal(loop_wait(f.loop, 0), 0);
        while (loop_next(f.loop, &ev)) {
            signalled |= ev.type == LOOP_SIGNAL;
            written |= ev.type == LOOP_WRITTEN;
        }
    }
    close_fixture(&f);
    close(fd);
}

/* clang-format off */
#define ON_BOTH(test)                                 \
    { #test " on the ring", test, on_ring, NULL, NULL }, \
    { #test " on epoll", test, on_epoll, NULL, NULL }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(send_arrives_with_its_sender),
        ON_BOTH(datagram_too_long_is_flagged_truncated),
        ON_BOTH(one_buffer_goes_to_many),
        ON_BOTH(flood_beyond_the_buffers_loses_nothing),
        ON_BOTH(full_socket_drops_are_counted),
        ON_BOTH(send_after_icmp_error_is_sent_again),
        ON_BOTH(send_that_cannot_is_counted_as_lost),
        ON_BOTH(socket_that_fails_is_reported_once),
        ON_BOTH(add_socket_beyond_the_limit_is_refused),
        ON_BOTH(wait_returns_at_the_deadline),
        ON_BOTH(sends_alone_do_not_end_a_wait),
        ON_BOTH(signals_come_as_events),
        ON_BOTH(file_operations_end_with_their_cookies),
        ON_BOTH(open_takes_the_backend_that_is_asked_for),
        ON_BOTH(close_with_operations_under_way_gives_them_up),
        ON_BOTH(operations_in_numbers_end_once_each),
        ON_BOTH(flood_leaves_room_for_the_rest),
        cmocka_unit_test_setup(
            operations_beyond_the_threads_queue_fail_the_loop, on_epoll),
#ifdef PAXOSKV_FAILPOINTS
        ON_BOTH(failpoint_changes_one_result),
#endif
    };

    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}

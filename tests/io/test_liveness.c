/* test_liveness.c - the port that is there as long as its process, and the
 * loop that tells of one that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "io/host.h"
#include "io/liveness.h"
#include "io/loop.h"
#include "io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_NS (5 * NS_PER_S)

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

static struct loop *open_loop(void)
{
    const struct loop_config c = { .choice = choice, .datagram_max = 2048 };
    struct loop *l;
    const int rc = loop_open(&l, &c);

    if (choice == LOOP_RING && (rc == -EPERM || rc == -ENOSYS)) skip();
    assert_int_equal(rc, 0);
    return l;
}

/* A member whose liveness port is free: below 64,536. */
static struct address member(void)
{
    struct sockaddr_in s = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof s;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct address a;

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&s, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&s, &len), 0);
    udp_from_sockaddr((struct sockaddr *)&s, &a);
    close(fd);
    a.port = (uint16_t)(a.port - LIVENESS_OFFSET);
    return a;
}

/* The next port that the loop says is closed, or 0 within PATIENCE_NS. */
static uint16_t closed_port(struct loop *l)
{
    const uint64_t end_ns = host_now_ns() + PATIENCE_NS;
    struct loop_event ev;

    while (host_now_ns() < end_ns) {
        assert_int_equal(loop_wait(l, end_ns), 0);
        while (loop_next(l, &ev))
            if (ev.type == LOOP_CLOSED) return ev.from.port;
    }
    return 0;
}

static bool tells_anything(struct loop *l)
{
    struct loop_event ev;

    assert_int_equal(loop_wait(l, host_now_ns() + 20 * NS_PER_MS), 0);
    return loop_next(l, &ev);
}

static void closed_port_is_told_each_time(void **state)
{
    struct loop *l = open_loop();
    const struct address at = member();
    struct address port = at;
    struct liveness there, here;

    (void)state;
    assert_int_equal(liveness_open(&there, &at), at.port + LIVENESS_OFFSET);
    port.port = (uint16_t)(at.port + LIVENESS_OFFSET);
    liveness_open(&here, &(struct address){ .family = 4,
                                            .ip = { 127, 0, 0, 1 },
                                            .port = at.port });
    assert_true(here.probe_fd >= 0);
    assert_int_equal(loop_watch_errors(l, here.probe_fd), 0);

    /* More than its buffer holds: nobody reads, and it is open all the same. */
    for (int i = 0; i < 100; i++) liveness_probe(&here, &port);
    assert_false(tells_anything(l));
    liveness_close(&there);
    for (int i = 0; i < 3; i++) {
        liveness_probe(&here, &port);
        assert_int_equal(closed_port(l), port.port);
    }
    loop_close(l);
    liveness_close(&here);
}

static void port_in_use_is_said_and_the_probe_works(void **state)
{
    const struct address at = member();
    struct liveness one, two;

    (void)state;
    assert_true(liveness_open(&one, &at) > 0);
    assert_int_equal(liveness_open(&two, &at), -EADDRINUSE);
    assert_int_equal(two.port_fd, -1);
    assert_true(two.probe_fd >= 0);
    liveness_close(&one);
    liveness_close(&two);
}

static void port_beyond_the_last_is_none(void **state)
{
    struct address at = member();
    struct liveness l;

    (void)state;
    at.port = 65000;
    assert_int_equal(liveness_open(&l, &at), -ERANGE);
    assert_int_equal(l.port_fd, -1);
    liveness_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(closed_port_is_told_each_time, on_ring),
        cmocka_unit_test_setup(closed_port_is_told_each_time, on_epoll),
        cmocka_unit_test(port_in_use_is_said_and_the_probe_works),
        cmocka_unit_test(port_beyond_the_last_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

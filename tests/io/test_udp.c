/* test_udp.c - the sockets of a member, on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct address address_of(const char *text)
{
    struct address a;

    assert_int_equal(udp_resolve(text, 0, &a), 0);
    return a;
}

/* A port that was free a moment ago, on the loopback of a family. */
static uint16_t free_port(int family)
{
    struct sockaddr_storage s = { .ss_family = (sa_family_t)family };
    socklen_t len = sizeof s;
    struct address a;
    const int fd = socket(family, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    if (family == AF_INET6)
        ((struct sockaddr_in6 *)&s)->sin6_addr = in6addr_loopback;
    else
        ((struct sockaddr_in *)&s)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&s, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&s, &len), 0);
    udp_from_sockaddr((struct sockaddr *)&s, &a);
    close(fd);
    return a.port;
}

/* Some containers have no ::1 at all. */
static bool has_ipv6_loopback(void)
{
    struct sockaddr_in6 s = { .sin6_family = AF_INET6,
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    const bool bound = fd >= 0 &&
                       bind(fd, (struct sockaddr *)&s, sizeof s) == 0;

    if (fd >= 0) close(fd);
    return bound;
}

static void send_text(int fd, const struct address *to, const void *bytes,
                      size_t len)
{
    struct sockaddr_storage s;
    const socklen_t s_len = udp_to_sockaddr(to, &s);

    assert_int_equal(sendto(fd, bytes, len, 0, (struct sockaddr *)&s, s_len),
                     len);
}

/* Wait for one datagram; its length, or -1 after a second. */
static ssize_t receive(int fd, void *bytes, size_t size, struct address *from)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    struct sockaddr_storage s;
    socklen_t len = sizeof s;
    ssize_t got;

    if (poll(&p, 1, 1000) != 1) return -1;
    got = recvfrom(fd, bytes, size, 0, (struct sockaddr *)&s, &len);
    udp_from_sockaddr((struct sockaddr *)&s, from);
    return got;
}

static void resolve_of_text_gives_address(void **state)
{
    struct address a;
    char text[UDP_TEXT_MAX];

    (void)state;
    a = address_of("1.2.3.4:7401");
    assert_int_equal(a.family, 4);
    assert_int_equal(a.port, 7401);
    assert_memory_equal(a.ip, "\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_string_equal(udp_format(&a, text), "1.2.3.4:7401");

    a = address_of("[::1]:65535");
    assert_int_equal(a.family, 6);
    assert_string_equal(udp_format(&a, text), "[::1]:65535");
    assert_true(udp_is_loopback(&a));

    a = address_of("[fe80::1%lo]:1");
    assert_int_equal(a.scope, if_nametoindex("lo"));
    assert_string_equal(udp_format(&a, text), "[fe80::1%lo]:1");

    assert_int_equal(udp_resolve("localhost:7", 4, &a), 0);
    assert_string_equal(udp_format(&a, text), "127.0.0.1:7");
}

static void resolve_of_other_text_is_refused(void **state)
{
    static const char *const bad[] = {
        "",          "1.2.3.4",        "1.2.3.4:",   "1.2.3.4:0",
        ":7401",     "1.2.3.4:65536",  "1.2.3.4:7x", "1.2.3.4:+7",
        "::1:7401",  "[::1]",          "[::1]7401",  "[]:7401",
        "[::1:7401", "1.2.3.4:000001", "1.2.3.4: 7",
    };
    struct address a;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (udp_resolve(bad[i], 0, &a) != -EINVAL) fail_msg("'%s'", bad[i]);
        assert_int_equal(a.family, 0);
    }
    assert_true(udp_resolve("[::1]:7401", 4, &a) < 0);
    assert_true(udp_resolve("127.0.0.1:7401", 6, &a) < 0);
}

static void sockaddr_there_and_back_is_equal(void **state)
{
    static const char *const texts[] = { "1.2.3.4:7401", "[::1]:1",
                                         "[fe80::1%lo]:65535" };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct address a = address_of(texts[i]);
        struct sockaddr_storage s;
        struct address b;

        udp_to_sockaddr(&a, &s);
        udp_from_sockaddr((struct sockaddr *)&s, &b);
        assert_true(address_equal(&a, &b));
    }
}

static void multicast_is_told_from_unicast(void **state)
{
    struct address a;

    (void)state;
    a = address_of("224.0.0.1:1");
    assert_true(udp_is_multicast(&a));
    a = address_of("239.255.255.255:1");
    assert_true(udp_is_multicast(&a));
    a = address_of("223.0.0.1:1");
    assert_false(udp_is_multicast(&a));
    a = address_of("240.0.0.1:1");
    assert_false(udp_is_multicast(&a));
    a = address_of("[ff15::7401]:1");
    assert_true(udp_is_multicast(&a));
    a = address_of("[fe80::1]:1");
    assert_false(udp_is_multicast(&a));
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, IPPROTO_IP, name, &value, &len), 0);
    return value;
}

/* Two members on lo: both hear the group, and know who spoke. */
static void open_with_group_on_lo_hears_multicast(void **state)
{
    struct udp_config config = { .member = address_of("127.0.0.1:1"),
                                 .group = address_of("239.255.74.1:1"),
                                 .ttl = 1,
                                 .recv_bytes = 1 << 20,
                                 .send_bytes = 1 << 20 };
    struct udp u[2];
    struct udp_fault fault;
    struct address from;
    static uint8_t big[65507 - 28], got[70000];

    (void)state;
    memset(big, 'x', sizeof big);
    config.group.port = free_port(AF_INET);
    for (int i = 0; i < 2; i++) {
        int rc;

        config.member.port = free_port(AF_INET);
        rc = udp_open(&u[i], &config, &fault);
        if (rc < 0) fail_msg("%s: %s", fault.step, strerror(-rc));
        assert_string_equal(u[i].interface, "lo");
        assert_true(u[i].is_loopback);
        assert_true(u[i].recv_granted > 0);
        assert_true(u[i].send_granted > 0);
        assert_int_equal(option(u[i].member_fd, IP_MULTICAST_TTL), 0);
        assert_int_equal(option(u[i].member_fd, IP_MULTICAST_LOOP), 1);
        assert_int_equal(option(u[i].member_fd, IP_MTU_DISCOVER),
                         IP_PMTUDISC_DO);
        assert_int_equal(option(u[i].group_fd, IP_MULTICAST_ALL), 0);
    }
    send_text(u[1].member_fd, &config.group, "all", 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(receive(u[i].group_fd, got, sizeof got, &from), 3);
        assert_true(address_equal(&from, &config.member));
    }
    /* The largest datagram of the loopback mtu passes with DF set, too. */
    send_text(u[1].member_fd, &config.group, big, sizeof big);
    assert_int_equal(receive(u[0].group_fd, got, sizeof got, &from),
                     sizeof big);
    udp_close(&u[0]);
    udp_close(&u[1]);
}

/* A socket of one group hears nothing of another on the same port. */
static void group_socket_hears_its_own_group_alone(void **state)
{
    struct udp_config config = { .member = address_of("127.0.0.1:1"),
                                 .group = address_of("239.255.74.1:1"),
                                 .ttl = 1 };
    const uint16_t port = free_port(AF_INET);
    struct udp a, b;
    struct udp_fault fault;
    struct address from, other = address_of("239.255.74.2:1");
    uint8_t got[8];

    (void)state;
    other.port = port;
    config.group.port = port;
    config.member.port = free_port(AF_INET);
    assert_int_equal(udp_open(&a, &config, &fault), 0);
    config.group = other;
    config.member.port = free_port(AF_INET);
    assert_int_equal(udp_open(&b, &config, &fault), 0);

    send_text(b.member_fd, &other, "b", 1);
    assert_int_equal(receive(b.group_fd, got, sizeof got, &from), 1);
    assert_int_equal(recv(a.group_fd, got, sizeof got, MSG_DONTWAIT), -1);
    udp_close(&a);
    udp_close(&b);
}

static void open_ipv6_without_group_exchanges_unicast(void **state)
{
    struct udp_config config = { .member = address_of("[::1]:1") };
    struct udp u;
    struct udp_fault fault;
    struct address from;
    uint8_t got[8];

    (void)state;
    if (!has_ipv6_loopback()) skip();
    config.member.port = free_port(AF_INET6);
    assert_int_equal(udp_open(&u, &config, &fault), 0);
    assert_int_equal(u.group_fd, -1);
    send_text(u.member_fd, &config.member, "me", 2);
    assert_int_equal(receive(u.member_fd, got, sizeof got, &from), 2);
    assert_true(address_equal(&from, &config.member));
    udp_close(&u);
}

static void open_where_it_cannot_names_the_step(void **state)
{
    struct udp_config config = { .member = address_of("127.0.0.1:1"),
                                 .group = address_of("239.255.74.1:7400"),
                                 .ttl = 1 };
    struct udp u;
    struct udp_fault fault;

    (void)state;
    config.member.port = free_port(AF_INET);
    config.interface = "nosuch0";
    assert_int_equal(udp_open(&u, &config, &fault), -ENODEV);
    assert_string_equal(fault.step, "find interface nosuch0");

    config.interface = NULL;
    config.member = address_of("192.0.2.1:7401");
    assert_int_equal(udp_open(&u, &config, &fault), -EADDRNOTAVAIL);
    assert_string_equal(fault.step,
                        "find the interface that has 192.0.2.1:7401");

    config.member = address_of("127.0.0.1:1");
    config.member.port = free_port(AF_INET);
    config.group = address_of("10.0.0.1:7400");
    assert_int_equal(udp_open(&u, &config, &fault), -EINVAL);
    config.group = address_of("[ff15::7401]:7400");
    assert_int_equal(udp_open(&u, &config, &fault), -EINVAL);
    assert_string_equal(fault.step,
                        "use [ff15::7401]:7400 as the group of this member");
    assert_int_equal(u.member_fd, -1);
}

/* The port is held when we begin to bind, and free a little later. */
static void open_on_port_in_use_waits_for_it(void **state)
{
    struct udp_config config = { .member = address_of("127.0.0.1:1") };
    struct udp holder, u;
    struct udp_fault fault;
    int ready[2], status;
    pid_t pid;
    char byte;

    (void)state;
    config.member.port = free_port(AF_INET);
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) { /* holds the port for as long as a killed process may */
        if (udp_open(&holder, &config, &fault) < 0) _exit(1);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        poll(NULL, 0, 100);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(udp_open(&u, &config, &fault), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    assert_int_equal(udp_open(&holder, &config, &fault), -EADDRINUSE);
    assert_non_null(strstr(fault.step, "bind 127.0.0.1:"));
    udp_close(&u);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolve_of_text_gives_address),
        cmocka_unit_test(resolve_of_other_text_is_refused),
        cmocka_unit_test(sockaddr_there_and_back_is_equal),
        cmocka_unit_test(multicast_is_told_from_unicast),
        cmocka_unit_test(open_with_group_on_lo_hears_multicast),
        cmocka_unit_test(group_socket_hears_its_own_group_alone),
        cmocka_unit_test(open_ipv6_without_group_exchanges_unicast),
        cmocka_unit_test(open_where_it_cannot_names_the_step),
        cmocka_unit_test(open_on_port_in_use_waits_for_it),
    };

    return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}

/*
 * test_resolve.c - lists of servers, numeric addresses and their text.
 */
#include "client/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

static void numeric_and_print_are_inverse(void **state)
{
    static const char *const texts[] = {
        "127.0.0.1:7401",   "255.255.255.255:65535", "[::1]:1",
        "[fe80::1%3]:7401", "[2001:db8::2]:9",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[RESOLVE_TEXT_MAX];
        struct address a;

        assert_int_equal(resolve_numeric(texts[i], &a), 0);
        resolve_print(&a, text, sizeof text);
        assert_string_equal(text, texts[i]);
    }
}

static void numeric_of_a_name_is_refused(void **state)
{
    static const char *const texts[] = {
        "localhost:1",   "",         ":1",         "1.2.3.4:0",
        "1.2.3.4:65536", "1.2.3.4:", "1.2.3.4:x",  "[::1",
        "[::1]x",        "::1",      "[1.2.3.4:1", "1.2.3.4:+1",
    };
    struct address a;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(resolve_numeric(texts[i], &a), -EINVAL);
    assert_int_equal(resolve_numeric("1.2.3.4", &a), 0);
    assert_int_equal(a.port, 7401);
}

/* An IPv6 socket sees IPv4 members, too, and they stay what they are. */
static void kernel_form_of_either_family_comes_back(void **state)
{
    static const char *const texts[] = { "1.2.3.4:5", "[fe80::1%3]:7401" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_storage kernel = { 0 };
        struct address a, b;

        assert_int_equal(resolve_numeric(texts[i], &a), 0);
        assert_true(resolve_to_kernel(&a, true, &kernel) > 0);
        assert_int_equal(kernel.ss_family, AF_INET6);
        b = resolve_from_kernel(&kernel);
        assert_true(address_equal(&a, &b));
        if (a.family == 6) continue;
        memset(&kernel, 0, sizeof kernel);
        resolve_to_kernel(&a, false, &kernel);
        assert_int_equal(kernel.ss_family, AF_INET);
        b = resolve_from_kernel(&kernel);
        assert_true(address_equal(&a, &b));
    }
}

static int list_of(struct servers *s, const char *text)
{
    char why[200] = "";
    int rc;

    servers_init(s, NULL);
    rc = resolve_list(s, text, why, sizeof why);
    assert_int_equal(rc != 0, why[0] != '\0');
    return rc;
}

static void list_gives_every_server_once(void **state)
{
    struct servers s;

    (void)state;
    assert_int_equal(list_of(&s, "127.0.0.1:1,[::1]:2,127.0.0.1,127.0.0.1:1"),
                     0);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.list[0].addr.port, 1);
    assert_true(s.list[0].loopback);
    assert_int_equal(s.list[1].addr.family, 6);
    assert_true(s.list[1].loopback);
    assert_int_equal(s.list[2].addr.port, 7401);
    assert_int_equal(list_of(&s, "10.0.0.1:1"), 0);
    assert_false(s.list[0].loopback);
}

static void list_that_is_none_is_refused(void **state)
{
    struct servers s;
    char many[400] = "";

    (void)state;
    assert_int_equal(list_of(&s, ""), -EINVAL);
    assert_int_equal(list_of(&s, "127.0.0.1:1,"), -EINVAL);
    assert_int_equal(list_of(&s, ",127.0.0.1:1"), -EINVAL);
    assert_int_equal(list_of(&s, "127.0.0.1:99999"), -EINVAL);
    assert_int_equal(list_of(&s, "999.0.0.1:1"), -EINVAL);
    for (int i = 1; i <= 16; i++)
        sprintf(many + strlen(many), "127.0.0.1:%d,", i);
    many[strlen(many) - 1] = '\0';
    assert_int_equal(list_of(&s, many), 0);
    assert_int_equal(s.count, 16);
    strcat(many, ",127.0.0.1:17");
    assert_int_equal(list_of(&s, many), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_and_print_are_inverse),
        cmocka_unit_test(numeric_of_a_name_is_refused),
        cmocka_unit_test(kernel_form_of_either_family_comes_back),
        cmocka_unit_test(list_gives_every_server_once),
        cmocka_unit_test(list_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_members.c - ids, indices and addresses of the group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/members.h"

#include <stdio.h>
#include <string.h>

static struct config config;
static struct members members;
static struct failure failure;

static void member(uint32_t i, uint8_t id, const char *host, uint16_t port)
{
    config.members[i].id = id;
    config.members[i].port = port;
    snprintf(config.members[i].host, sizeof config.members[i].host, "%s", host);
    if (config.member_count <= i) config.member_count = i + 1;
}

static int setup(void **state)
{
    (void)state;
    config_single(&config);
    config.member_count = 0;
    member(0, 3, "127.0.0.1", 7403);
    member(1, 7, "127.0.0.1", 7407);
    member(2, 200, "127.0.0.2", 7401);
    return 0;
}

static void resolve_numbers_members_by_id(void **state)
{
    (void)state;
    assert_int_equal(members_resolve(&members, &config, 7, &failure), 0);
    assert_int_equal(members.n, 3);
    assert_int_equal(members.self, 1);
    assert_int_equal(members.ids[2], 200);
    assert_int_equal(members.index_of[3], 0);
    assert_int_equal(members.index_of[200], 2);
    assert_int_equal(members.index_of[1], MEMBERS_NONE);
    assert_int_equal(members.addresses[1].port, 7407);
    assert_int_equal(members.addresses[2].ip[3], 2);
    assert_int_equal(members.group.family, 4);
}

static void resolve_for_unicast_has_no_group(void **state)
{
    (void)state;
    config.transport = CONFIG_UNICAST;
    assert_int_equal(members_resolve(&members, &config, 3, &failure), 0);
    assert_int_equal(members.group.family, 0);
}

static void resolve_of_another_family_than_the_group_is_refused(void **state)
{
    (void)state;
    member(1, 7, "::1", 7407);
    assert_int_equal(members_resolve(&members, &config, 3, &failure),
                     EXIT_CONFIG);
    assert_non_null(strstr(failure.text, "[::1]:7407"));
    config.transport = CONFIG_UNICAST;
    assert_int_equal(members_resolve(&members, &config, 3, &failure),
                     EXIT_CONFIG);
    member(0, 3, "::1", 7403);
    member(2, 200, "::1", 7401);
    assert_int_equal(members_resolve(&members, &config, 3, &failure), 0);
}

/* A group of one has nobody to tell: its group is for clients to find it. */
static void resolve_of_one_member_of_another_family_has_no_group(void **state)
{
    (void)state;
    config.member_count = 0;
    member(0, 3, "::1", 7403);
    assert_int_equal(members_resolve(&members, &config, 3, &failure), 0);
    assert_int_equal(members.group.family, 0);
    assert_int_equal(members.addresses[0].family, 6);
}

static void resolve_of_two_members_at_one_address_is_refused(void **state)
{
    (void)state;
    member(1, 7, "127.0.0.1", 7403);
    assert_int_equal(members_resolve(&members, &config, 3, &failure),
                     EXIT_CONFIG);
    assert_non_null(strstr(failure.text, "3 and 7"));
}

static void is_at_compares_address_and_port(void **state)
{
    struct address a;

    (void)state;
    assert_int_equal(members_resolve(&members, &config, 7, &failure), 0);
    a = members.addresses[0];
    assert_true(members_is_at(&members, 0, &a));
    assert_false(members_is_at(&members, 1, &a));
    a.scope = 9;
    assert_true(members_is_at(&members, 0, &a));
    a.ip[3]++;
    assert_false(members_is_at(&members, 0, &a));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resolve_numbers_members_by_id),
        TEST(resolve_for_unicast_has_no_group),
        TEST(resolve_of_another_family_than_the_group_is_refused),
        TEST(resolve_of_one_member_of_another_family_has_no_group),
        TEST(resolve_of_two_members_at_one_address_is_refused),
        TEST(is_at_compares_address_and_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

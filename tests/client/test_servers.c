/*
 * test_servers.c - whom to ask: given and learned servers, other clusters.
 */
#include "base/units.h"
#include "client/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

static struct address addr_of(uint16_t port)
{
    return (struct address){ .family = 4, .port = port, .ip = { 10, 0, 0, 1 } };
}

static void servers_of(struct servers *s, const char *name, uint16_t count)
{
    servers_init(s, name);
    for (uint16_t i = 0; i < count; i++) {
        const struct address a = addr_of((uint16_t)(i + 1));

        assert_int_equal(servers_add(s, &a), 0);
    }
}

static struct welcome welcome_of(const char *name)
{
    return (struct welcome){ .token = 5,
                             .sender = 1,
                             .name = bytes_of(name, (uint32_t)strlen(name)) };
}

static void add_beyond_the_room_is_refused(void **state)
{
    const struct address more = addr_of(1000), known = addr_of(1);
    struct servers s;

    (void)state;
    servers_of(&s, NULL, SERVERS_MAX - 1);
    assert_int_equal(servers_add(&s, &more), -ENOSPC);
    assert_int_equal(servers_add(&s, &known), 0);
    assert_int_equal(s.count, SERVERS_MAX - 1);
}

/* However many leaders are learned, the servers given stay. */
static void learn_never_drives_out_the_given(void **state)
{
    struct servers s;

    (void)state;
    servers_of(&s, NULL, 3);
    for (uint16_t i = 100; i < 200; i++) {
        const struct address a = addr_of(i);
        const uint32_t at = servers_learn(&s, &a);

        assert_true(at >= 3);
        assert_int_equal(servers_find(&s, &a), at);
        assert_int_equal(servers_learn(&s, &a), at);
    }
    for (uint16_t i = 1; i <= 3; i++) {
        const struct address a = addr_of(i);

        assert_int_equal(servers_find(&s, &a), i - 1);
    }
    assert_int_equal(s.count, SERVERS_MAX);
}

static void rotate_goes_round_and_passes_by_the_foreign(void **state)
{
    struct servers s;

    (void)state;
    servers_of(&s, NULL, 3);
    s.list[1].foreign = true;
    servers_rotate(&s);
    assert_int_equal(s.preferred, 2);
    servers_rotate(&s);
    assert_int_equal(s.preferred, 0);
    s.list[2].foreign = true;
    servers_rotate(&s);
    assert_int_equal(s.preferred, 0);
    assert_false(servers_are_foreign(&s));
    s.list[0].foreign = true;
    servers_rotate(&s);
    assert_true(servers_are_foreign(&s));
}

static void first_welcome_names_the_cluster_others_are_foreign(void **state)
{
    struct welcome mine = welcome_of("mine"), other = welcome_of("other");
    struct servers s;

    (void)state;
    servers_of(&s, NULL, 2);
    servers_on_welcome(&s, 0, &mine, 10);
    assert_string_equal(s.name, "mine");
    assert_true(s.list[0].has_token);
    assert_int_equal(s.list[0].token, 5);
    servers_on_welcome(&s, 1, &other, 10);
    assert_true(s.list[1].foreign);
    assert_false(s.list[1].has_token);
    assert_string_equal(s.foreign, "other");
    servers_on_welcome(&s, 1, &mine, 10); /* it was configured anew */
    assert_false(s.list[1].foreign);
}

static void given_name_is_not_replaced(void **state)
{
    struct welcome other = welcome_of("other");
    struct servers s;

    (void)state;
    servers_of(&s, "mine", 1);
    servers_on_welcome(&s, 0, &other, 10);
    assert_true(servers_are_foreign(&s));
    assert_string_equal(s.name, "mine");
}

static void payload_depends_on_the_path(void **state)
{
    struct servers s;

    (void)state;
    servers_of(&s, NULL, 1);
    assert_int_equal(servers_payload_max(&s, 0, 0), 1500 - 48);
    s.list[0].loopback = true;
    assert_int_equal(servers_payload_max(&s, 0, 0), 65507 - 48);
    servers_on_large_lost(&s, 0, 10);
    assert_int_equal(servers_payload_max(&s, 0, 10), 65507 - 48);
    servers_on_large_lost(&s, 0, 10);
    assert_int_equal(servers_payload_max(&s, 0, 10), 1400 - 48);
    assert_int_equal(servers_payload_max(&s, 0, 10 + 10 * NS_PER_S),
                     65507 - 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_beyond_the_room_is_refused),
        cmocka_unit_test(learn_never_drives_out_the_given),
        cmocka_unit_test(rotate_goes_round_and_passes_by_the_foreign),
        cmocka_unit_test(first_welcome_names_the_cluster_others_are_foreign),
        cmocka_unit_test(given_name_is_not_replaced),
        cmocka_unit_test(payload_depends_on_the_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

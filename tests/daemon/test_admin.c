/* test_admin.c - what an operator asks for, obeyed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "daemon/fake_server.h"

#define BEAT (20 * NS_PER_MS)

/* A follower: 0, 1 or 2, but not the leader. */
static uint8_t other_of(uint8_t nth)
{
    return (uint8_t)((fake_server.leader + 1 + nth) % 3);
}

static const char *transfer_to(uint8_t index)
{
    static char line[32];

    snprintf(line, sizeof line, "transfer %u", kit_id(index));
    return line;
}

static void ask_of_what_is_not_known_is_refused(void **state)
{
    (void)state;
    assert_refused("", "this paxoskvd does not know");
    assert_refused("   ", "this paxoskvd does not know");
    assert_refused("dance", "this paxoskvd does not know");
    assert_refused("Transfer", "this paxoskvd does not know");
    assert_refused("transfers", "this paxoskvd does not know");
}

static void ask_of_too_many_words_is_refused(void **state)
{
    (void)state;
    assert_refused("a b c d e f g h i j k l m", "too many words");
    assert_refused("a b c d e f g h i j k l", "this paxoskvd does not know");
}

static void transfer_to_a_member_makes_it_lead(void **state)
{
    const uint8_t to = other_of(1);
    char text[8];

    (void)state;
    snprintf(text, sizeof text, "%u", kit_id(to));
    assert_done(transfer_to(to), text);
    assert_int_equal(fake_server.stepped.type, EVENT_TRANSFER);
    assert_int_equal(fake_server.stepped.tag, to);
    nodes_until(fake_server.group, nodes_are_led, BEAT);
    assert_int_equal(nodes_leader(fake_server.group), to);
}

/* Blanks more than one do not count. */
static void transfer_to_anybody_names_who_it_is(void **state)
{
    unsigned id = 0;

    (void)state;
    assert_int_equal(fake_server_ask("  transfer  "), ADMIN_DONE);
    assert_int_equal(sscanf(fake_server.text, "%u", &id), 1);
    nodes_until(fake_server.group, nodes_are_led, BEAT);
    assert_int_equal(kit_id(nodes_leader(fake_server.group)), id);
    assert_int_not_equal(id, kit_id(fake_server.leader));
}

static void transfer_that_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_refused("transfer 10 20", "transfer takes one member");
    assert_refused("transfer 11", "there is no member 11");
    assert_refused("transfer 0", "there is no member 0");
    assert_refused("transfer 266", "there is no member 266");
    assert_refused("transfer -246", "there is no member -246");
    assert_refused("transfer 10x", "there is no member 10x");
    assert_refused("transfer x", "there is no member x");
    assert_refused(transfer_to(fake_server.leader), "it leads already");
    nodes_kill(fake_server.group, other_of(0));
    nodes_run(fake_server.group, 10 * BEAT);
    assert_refused(transfer_to(other_of(0)), "that member does not vote");
    fake_server_be(other_of(1));
    assert_refused("transfer", "it does not lead");
}

/* The answer was lost, and the client asks again: it is told the same. */
static void ask_that_comes_twice_is_obeyed_once(void **state)
{
    char first[ADMIN_TEXT_MAX + 1];

    (void)state;
    assert_int_equal(fake_server_ask_again(7, "transfer"), ADMIN_DONE);
    snprintf(first, sizeof first, "%s", fake_server.text);
    nodes_until(fake_server.group, nodes_are_led, BEAT);
    assert_int_equal(fake_server_ask_again(7, "transfer"), ADMIN_DONE);
    assert_string_equal(fake_server.text, first);
    assert_int_equal(fake_server.steps, 1);
    /* Another question is another one, though its words are the same. */
    assert_int_equal(fake_server_ask_again(8, "transfer"), ADMIN_REFUSED);
}

static void ask_without_cookie_is_never_taken_for_a_second_one(void **state)
{
    (void)state;
    assert_int_equal(fake_server_ask_again(0, "dance"), ADMIN_REFUSED);
    assert_int_equal(fake_server_ask_again(0, "transfer"), ADMIN_DONE);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, fake_server_new, fake_server_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ask_of_what_is_not_known_is_refused),
        TEST(ask_of_too_many_words_is_refused),
        TEST(transfer_to_a_member_makes_it_lead),
        TEST(transfer_to_anybody_names_who_it_is),
        TEST(transfer_that_cannot_be_is_refused),
        TEST(ask_that_comes_twice_is_obeyed_once),
        TEST(ask_without_cookie_is_never_taken_for_a_second_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_execute.c - src/node/execute.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/node_kit.h"

static struct nodes *admitted(void)
{
    struct nodes *g = alone_new(3);

    alone_admit(g);
    return g;
}

/* A value of these commands, stamped with a time; borrowed till the next. */
static struct value value_with(const struct command *c, uint16_t count,
                               uint64_t time_ns)
{
    static uint8_t bytes[8192];
    struct writer w = writer_of(bytes + VALUE_HEAD, sizeof bytes - VALUE_HEAD);

    for (uint16_t i = 0; i < count; i++) command_encode(&c[i], &w);
    assert_true(writer_ok(&w));
    value_seal(bytes, VALUE_HEAD + (uint32_t)writer_len(&w), VALUE_COMMANDS,
               count, time_ns);
    return (struct value){ .bytes = bytes,
                           .len = VALUE_HEAD + (uint32_t)writer_len(&w) };
}

static void tell_chosen(struct nodes *g, uint64_t slot, struct value v)
{
    struct message m = alone_from(2, MESSAGE_CHOSEN);

    m.ballot = kit_ballot(5, 1);
    m.decided = (struct decided){ slot, v };
    nodes_tell(g, 0, &m);
}

static struct command open_of(uint8_t tag)
{
    static uint8_t nonces[256][COMMAND_NONCE];

    nonces[tag][0] = tag;
    return (struct command){ .op = COMMAND_OPEN,
                             .value = bytes_of(nonces[tag], COMMAND_NONCE) };
}

/* P17: in slot order, once. */
static void values_are_executed_in_slot_order(void **state)
{
    struct nodes *g = admitted();
    struct session s = { .id = { .slot = 1 } };
    const struct command open = open_of(1);
    struct command put = put_of(&s, "k", "v");

    (void)state;
    tell_chosen(g, 2, value_with(&put, 1, 0));
    assert_int_equal(nodes_status(g, 0).executed, 0);
    tell_chosen(g, 1, value_with(&open, 1, 0));
    assert_int_equal(nodes_status(g, 0).executed, 2);
    assert_int_equal(nodes_status(g, 0).keys, 1);
    tell_chosen(g, 1, value_with(&open, 1, 0)); /* doubled */
    assert_int_equal(nodes_status(g, 0).counters.executed_commands, 2);
    nodes_free(g);
}

/* Pitfall 13: each command of a value has an index of its own. */
static void commands_of_a_value_are_executed_in_order(void **state)
{
    struct nodes *g = admitted();
    struct command c[40];
    struct session s[40];

    (void)state;
    for (uint8_t i = 0; i < 40; i++) c[i] = open_of(i);
    tell_chosen(g, 1, value_with(c, 40, 0));
    assert_int_equal(nodes_status(g, 0).sessions, 40);
    for (uint16_t i = 0; i < 40; i++) {
        static char keys[40][8];

        keys[i][0] = 'k';
        keys[i][1] = (char)('0' + i);
        s[i] = (struct session){ .id = { .slot = 1, .index = i } };
        c[i] = put_of(&s[i], keys[i], "v");
    }
    tell_chosen(g, 2, value_with(c, 40, 0));
    assert_int_equal(nodes_status(g, 0).keys, 40);
    nodes_free(g);
}

/* Only who proposed it answers, and only the very clients that asked. */
static void answers_go_to_those_who_asked_here(void **state)
{
    struct nodes *g = admitted();
    const struct command mine = open_of(1);
    const struct command other = open_of(2);
    uint64_t cookie;

    (void)state;
    tell_chosen(g, 1, value_with(&other, 1, 0));
    assert_int_equal(g->answer_count, 0);
    {
        struct message m = alone_from(1, MESSAGE_NOMINATE);

        m.token = (struct token){
            .attempt = 1, .round = 9, .initiator = 1, .visited = 3
        };
        nodes_tell(g, 0, &m);
        alone_sync(g);
        m = alone_from(1, MESSAGE_PROMISE);
        m.ballot = kit_ballot(9, 0);
        m.promise.log_start = 1;
        nodes_tell(g, 0, &m);
        alone_sync(g);
    }
    cookie = nodes_ask(g, 0, &mine);
    alone_vote(g, 1, 9, 2, 3);
    alone_sync(g);
    assert_int_equal(g->answer_count, 1);
    assert_int_equal(nodes_answer(g, cookie)->slot, 3);
    assert_int_equal(load64(nodes_answer(g, cookie)->value), 3);
    nodes_free(g);
}

/* A malformed command ends its value, alike on every node. */
static void value_with_malformed_command_is_executed_up_to_it(void **state)
{
    struct nodes *g = admitted();
    struct command c[20];
    struct value v;

    (void)state;
    for (uint8_t i = 0; i < 20; i++) c[i] = open_of(i);
    c[3] = (struct command){ .op = COMMAND_KEEPALIVE }; /* a head, no more */
    v = value_with(c, 20, 0);
    {
        uint8_t *bytes = (uint8_t *)(uintptr_t)v.bytes;

        bytes[VALUE_HEAD + 3 * (COMMAND_HEAD + COMMAND_NONCE) + 11] = 1;
        value_seal(bytes, v.len, VALUE_COMMANDS, 20, 0);
    }
    tell_chosen(g, 1, v);
    assert_int_equal(nodes_status(g, 0).executed, 1);
    assert_int_equal(nodes_status(g, 0).sessions, 3);
    assert_int_equal(nodes_status(g, 0).counters.executed_commands, 3);
    nodes_free(g);
}

/* P28, pitfall 11: state time never goes back, whatever a value says. */
static void state_time_is_the_highest_stamp(void **state)
{
    struct nodes *g = admitted();
    struct command c = open_of(1);

    (void)state;
    tell_chosen(g, 1, value_with(&c, 1, 5000));
    assert_int_equal(kv_state_time_ns(node_kv(g->m[0].node)), 5000);
    c = open_of(2);
    tell_chosen(g, 2, value_with(&c, 1, 4000));
    assert_int_equal(kv_state_time_ns(node_kv(g->m[0].node)), 5000);
    nodes_free(g);
}

/* P28: a leader that caught up after it took over goes on from there. */
static void leader_that_caught_up_keeps_up_with_state_time(void **state)
{
    struct nodes *g = admitted();
    const uint64_t hour_ns = 3600 * NS_PER_S;
    struct command c = open_of(1);
    struct message m = alone_from(1, MESSAGE_NOMINATE);

    (void)state;
    m.token = (struct token){
        .attempt = 1, .round = 9, .initiator = 1, .visited = 3
    };
    nodes_tell(g, 0, &m);
    alone_sync(g);
    m = alone_from(1, MESSAGE_PROMISE);
    m.ballot = kit_ballot(9, 0);
    m.promise.log_start = 1;
    m.promise.chosen_upto = 1;
    nodes_tell(g, 0, &m);
    alone_sync(g);
    alone_vote(g, 1, 9, 2, 2);
    alone_forget(g);
    tell_chosen(g, 1, value_with(&c, 1, hour_ns));
    assert_true(nodes_status(g, 0).serving);
    c = open_of(2);
    nodes_ask(g, 0, &c);
    assert_true(value_time_ns(alone_message(g, 1, MESSAGE_ACCEPT, 0)
                                  ->accept.value.bytes) >= hour_ns);
    nodes_free(g);
}

/* Much to execute at once is done in portions, one after the other. */
static void backlog_is_executed_in_portions(void **state)
{
    struct nodes *g = admitted();
    unsigned ticks = 0;

    (void)state;
    for (uint64_t s = 1000; s > 0; s--) {
        const struct command c = open_of(1);

        tell_chosen(g, s, value_with(&c, 1, s));
    }
    assert_int_equal(nodes_status(g, 0).chosen, 1000);
    assert_int_equal(nodes_status(g, 0).executed, 256);
    while (nodes_status(g, 0).executed < 1000) {
        assert_int_equal(node_deadline_ns(g->m[0].node), g->now_ns);
        alone_tick(g, 0);
        assert_true(++ticks < 10);
    }
    assert_int_equal(ticks, 3);
    nodes_free(g);
}

/* Pitfall 31: no local limit refuses a chosen command: the process ends. */
static void no_memory_while_executing_is_fatal(void **state)
{
    struct nodes *g = admitted();
    const struct command c = open_of(1);
    struct session s = { .id = { .slot = 1 } };
    static char big[1100];
    struct command put;

    (void)state;
    tell_chosen(g, 1, value_with(&c, 1, 0));
    g->dry = true;
    memset(big, 'x', sizeof big - 1);
    put = put_of(&s, "k", big);
    tell_chosen(g, 2, value_with(&put, 1, 0));
    assert_int_equal(g->m[0].fatal, 71);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_executed_in_slot_order),
        cmocka_unit_test(commands_of_a_value_are_executed_in_order),
        cmocka_unit_test(answers_go_to_those_who_asked_here),
        cmocka_unit_test(value_with_malformed_command_is_executed_up_to_it),
        cmocka_unit_test(state_time_is_the_highest_stamp),
        cmocka_unit_test(leader_that_caught_up_keeps_up_with_state_time),
        cmocka_unit_test(backlog_is_executed_in_portions),
        cmocka_unit_test(no_memory_while_executing_is_fatal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

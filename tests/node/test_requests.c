/* test_requests.c - src/node/requests.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/node_kit.h"

static struct nodes *admitted(uint8_t n)
{
    struct nodes *g = alone_new(n);

    alone_admit(g);
    return g;
}

static struct command open_of(uint8_t tag)
{
    static uint8_t nonces[256][COMMAND_NONCE];

    nonces[tag][0] = tag;
    return (struct command){ .op = COMMAND_OPEN,
                             .value = bytes_of(nonces[tag], COMMAND_NONCE) };
}

static uint64_t ask_open(struct nodes *g)
{
    const struct command c = open_of(1);

    return nodes_ask(g, 0, &c);
}

static void assert_busy(struct nodes *g, uint64_t cookie)
{
    assert_non_null(nodes_answer(g, cookie));
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_BUSY);
}

/* ---- passing on (E10) ---- */

static void request_at_follower_goes_to_the_leader(void **state)
{
    struct nodes *g = admitted(3);
    const struct forward *f;
    uint64_t cookie;

    (void)state;
    alone_beat(g, 2, 5, 0);
    cookie = ask_open(g);
    assert_null(nodes_answer(g, cookie));
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FORWARD), 1);
    f = &alone_message(g, 2, MESSAGE_FORWARD, 0)->forward;
    assert_int_equal(f->cookie, cookie);
    assert_int_equal(f->client.port, 4000);
    assert_int_equal(f->passed, 0x01);
    assert_int_equal(f->hops, 1);
    assert_int_equal(f->command.len, COMMAND_HEAD + COMMAND_NONCE);
    nodes_free(g);
}

/* A heartbeat of a member that hears only `heard`. */
static void beat_hearing(struct nodes *g, uint8_t index, uint16_t heard,
                         uint8_t flags, uint8_t leader)
{
    struct message m = alone_from(index, MESSAGE_HEARTBEAT);

    m.heartbeat = (struct heartbeat){ .heard = heard,
                                      .flags = flags,
                                      .leader = leader };
    nodes_tell(g, 0, &m);
}

static void request_without_link_to_leader_is_relayed(void **state)
{
    struct nodes *g = admitted(5);

    (void)state;
    alone_beat(g, 2, 5, 0);
    {
        struct message m = alone_from(2, MESSAGE_HEARTBEAT);

        m.ballot = kit_ballot(5, 2); /* it does not hear member 0 */
        m.heartbeat = (struct heartbeat){ .heard = 0x1e,
                                          .flags = HEARTBEAT_CLAIM };
        nodes_tell(g, 0, &m);
    }
    beat_hearing(g, 1, 0x01, HEARTBEAT_OK, 0); /* nor the leader */
    ask_open(g);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FORWARD), 1);
    assert_int_equal(alone_sent(g, 3, MESSAGE_FORWARD), 1);
    nodes_free(g);
}

/* The leader is not heard at all, but others say that they follow one. */
static void request_is_relayed_by_who_follows_a_leader_not_heard(void **state)
{
    struct nodes *g = admitted(5);

    (void)state;
    beat_hearing(g, 3, 0x1f, HEARTBEAT_OK | HEARTBEAT_HAPPY, kit_id(2));
    ask_open(g);
    assert_int_equal(alone_sent(g, 3, MESSAGE_FORWARD), 1);
    /* But not by who still follows this very node. */
    beat_hearing(g, 3, 0x1f, HEARTBEAT_OK | HEARTBEAT_HAPPY, kit_id(0));
    ask_open(g);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FORWARD), 1);
    nodes_free(g);
}

static void request_with_leader_out_of_reach_is_busy(void **state)
{
    struct nodes *g = admitted(3);
    struct message m = alone_from(2, MESSAGE_HEARTBEAT);

    (void)state;
    m.ballot = kit_ballot(5, 2);
    m.heartbeat.flags = HEARTBEAT_CLAIM;
    nodes_tell(g, 0, &m);
    beat_hearing(g, 1, 0x01, HEARTBEAT_OK, 0);
    assert_busy(g, ask_open(g));
    nodes_free(g);
}

/* A FORWARD that has come so far. */
static void tell_forward(struct nodes *g, uint8_t from, uint16_t passed,
                         uint8_t hops)
{
    static uint8_t bytes[COMMAND_HEAD + COMMAND_NONCE];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct message m = alone_from(from, MESSAGE_FORWARD);
    const struct command c = open_of(1);

    command_encode(&c, &w);
    m.forward = (struct forward){
        .client = { .family = 4, .port = 4000 },
        .cookie = ++g->cookie,
        .passed = passed,
        .hops = hops,
        .command = bytes_of(bytes, sizeof bytes),
    };
    nodes_tell(g, 0, &m);
    alone_flush(g);
}

static void request_passed_on_three_times_is_busy(void **state)
{
    struct nodes *g = admitted(5);

    (void)state;
    alone_beat(g, 2, 5, 0);
    tell_forward(g, 1, 0x02, 2);
    assert_int_equal(alone_message(g, 2, MESSAGE_FORWARD, 0)->forward.hops, 3);
    assert_int_equal(alone_message(g, 2, MESSAGE_FORWARD, 0)->forward.passed,
                     0x03);
    tell_forward(g, 1, 0x1a, 3);
    assert_int_equal(alone_sent(g, 2, MESSAGE_FORWARD), 1);
    assert_busy(g, g->cookie);
    nodes_free(g);
}

/* Never back to where it was. */
static void request_is_not_passed_back(void **state)
{
    struct nodes *g = admitted(3);

    (void)state;
    alone_beat(g, 2, 5, 0);
    tell_forward(g, 2, 0x04, 1); /* the leader itself passed it on */
    assert_int_equal(alone_sent(g, 2, MESSAGE_FORWARD), 0);
    assert_int_equal(alone_sent(g, 1, MESSAGE_FORWARD), 1);
    tell_forward(g, 2, 0x06, 2);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FORWARD), 1);
    assert_busy(g, g->cookie);
    nodes_free(g);
}

/* ---- waiting (E9) ---- */

static void request_without_leader_waits_for_one(void **state)
{
    struct nodes *g = admitted(3);
    uint64_t cookie;

    (void)state;
    cookie = ask_open(g);
    alone_tick(g, NS_PER_S);
    alone_flush(g);
    assert_null(nodes_answer(g, cookie));
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FORWARD), 0);
    alone_beat(g, 1, 5, 0);
    alone_flush(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_FORWARD), 1);
    alone_flush(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_FORWARD), 1); /* once */
    nodes_free(g);
}

static void request_that_waited_too_long_is_busy(void **state)
{
    struct nodes *g = admitted(3);
    const uint64_t cookie = ask_open(g);

    (void)state;
    alone_tick(g, 5 * NS_PER_S);
    alone_flush(g);
    assert_null(nodes_answer(g, cookie));
    alone_tick(g, NS_PER_MS);
    alone_flush(g);
    assert_busy(g, cookie);
    nodes_free(g);
}

/* E7: a leader that tries again keeps what comes meanwhile. */
static void request_while_trying_again_waits(void **state)
{
    struct nodes *g = admitted(3);
    struct message m = alone_from(1, MESSAGE_NACK);
    uint64_t write;
    uint64_t read;
    const struct command get = get_of("k");

    (void)state;
    alone_serve(g, 9);
    m.nack.refused = kit_ballot(9, 0);
    m.ballot = kit_ballot(10, 2);
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
    write = ask_open(g);
    read = nodes_ask(g, 0, &get);
    assert_null(nodes_answer(g, write));
    assert_null(nodes_answer(g, read));
    alone_sync(g);
    m = alone_from(1, MESSAGE_PROMISE);
    m.ballot = kit_ballot(11, 0);
    m.promise.log_start = 1;
    m.promise.chosen_upto = 1;
    nodes_tell(g, 0, &m);
    alone_sync(g);
    alone_vote(g, 1, 11, 1, 10);
    alone_sync(g);
    assert_int_equal(nodes_answer(g, write)->status, REPLY_OK);
    assert_null(nodes_answer(g, read)); /* confirmed by nobody yet */
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 1);
    nodes_free(g);
}

/* Pitfall 9: a write behind the takeover is answered behind it. */
static void request_before_takeover_is_proposed_behind_it(void **state)
{
    struct nodes *g = admitted(3);
    uint64_t cookie;

    (void)state;
    alone_lead(g, 9);
    alone_forget(g);
    cookie = ask_open(g);
    assert_int_equal(alone_message(g, 1, MESSAGE_ACCEPT, 0)->accept.slot, 2);
    alone_vote(g, 1, 9, 2, 2);
    alone_sync(g);
    assert_null(nodes_answer(g, cookie));
    alone_vote(g, 1, 9, 1, 1);
    alone_sync(g);
    assert_int_equal(nodes_answer(g, cookie)->slot, 2);
    nodes_free(g);
}

/* ---- leading ---- */

static void request_answered_before_needs_no_log(void **state)
{
    struct nodes *g = admitted(3);
    struct session s;
    struct command c;
    uint64_t cookie;

    (void)state;
    alone_serve(g, 9);
    cookie = ask_open(g);
    alone_vote(g, 1, 9, 2, 2);
    alone_sync(g);
    s = (struct session){ .id = { .slot = nodes_answer(g, cookie)->slot } };
    c = put_of(&s, "k", "v");
    nodes_ask(g, 0, &c);
    alone_vote(g, 1, 9, 3, 3);
    alone_sync(g);
    alone_forget(g);
    cookie = nodes_ask(g, 0, &c); /* its answer was lost */
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_OK);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_ACCEPT), 0);
    nodes_free(g);
}

static void request_malformed_is_dropped(void **state)
{
    struct nodes *g = admitted(3);
    static const uint8_t bytes[COMMAND_HEAD] = { COMMAND_PUT };
    struct request r = { .command = { bytes, sizeof bytes } };
    const struct event ev = { .type = EVENT_REQUEST, .request = &r };

    (void)state;
    alone_serve(g, 9);
    nodes_step(g, 0, &ev);
    r.command.len--;
    nodes_step(g, 0, &ev);
    assert_int_equal(nodes_status(g, 0).counters.drop_malformed, 2);
    assert_int_equal(g->answer_count, 0);
    nodes_free(g);
}

/* P22, P23: what the window does not take is the next batch. */
static void requests_beyond_the_window_leave_together_later(void **state)
{
    struct nodes *g = admitted(3);
    const struct command c = open_of(1);

    (void)state;
    alone_serve(g, 9);
    for (unsigned i = 0; i < 64 + 10; i++) nodes_ask(g, 0, &c);
    assert_int_equal(alone_sent(g, 1, MESSAGE_ACCEPT), 64);
    alone_vote(g, 1, 9, 2, 2);
    alone_vote(g, 2, 9, 2, 2);
    alone_sync(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_ACCEPT), 65);
    assert_int_equal(
        value_count(
            alone_message(g, 1, MESSAGE_ACCEPT, 64)->accept.value.bytes),
        10);
    nodes_free(g);
}

/* Overload is refused, and what was accepted is not lost. */
static void requests_beyond_every_bound_are_busy(void **state)
{
    struct nodes *g = admitted(3);
    struct session s = { .id = { .slot = 1 } };
    uint64_t cookie = 0;
    char value[1101];

    (void)state;
    alone_lead(g, 9);
    memset(value, 'v', 1100);
    value[1100] = 0;
    for (unsigned i = 0; i < 4000; i++) {
        const struct command c = put_of(&s, "k", value);

        cookie = nodes_ask(g, 0, &c);
        if (nodes_answer(g, cookie)) break;
    }
    assert_busy(g, cookie);
    assert_true(nodes_status(g, 0).pool_bytes < 1u << 22);
    nodes_free(g);
}

/* P14: where all are full, what grows the store is refused by admission. */
static void request_that_grows_a_full_store_is_busy(void **state)
{
    struct nodes *g = admitted(3);
    const struct event full = { .type = EVENT_FULL, .seq = 1 };
    struct session s = { .id = { .slot = 1 } };
    struct command c;

    (void)state;
    alone_serve(g, 9);
    nodes_step(g, 0, &full);
    c = put_of(&s, "k", "v");
    assert_busy(g, nodes_ask(g, 0, &c));
    alone_forget(g);
    ask_open(g); /* a session is no store */
    assert_int_equal(alone_sent(g, 1, MESSAGE_ACCEPT), 1);
    nodes_free(g);
}

/* A batch too late for one leader is handed to the next, command by command,
 * over as many steps as it takes. */
static void requests_in_great_number_are_handed_over(void **state)
{
    struct nodes *g = admitted(3);
    const struct command c = open_of(1);
    struct request r = { .client = { .family = 4, .port = 4000 } };
    const struct event ev = { .type = EVENT_REQUEST, .request = &r };
    uint8_t bytes[COMMAND_HEAD + COMMAND_NONCE];
    struct writer w = writer_of(bytes, sizeof bytes);

    (void)state;
    command_encode(&c, &w);
    r.command = bytes_of(bytes, sizeof bytes);
    for (unsigned i = 0; i < 6000; i++) {
        r.cookie++;
        nodes_step(g, 0, &ev);
    }
    alone_beat(g, 2, 5, 0);
    for (unsigned i = 0; i < 10; i++) alone_flush(g);
    assert_int_equal(alone_sent(g, 2, MESSAGE_FORWARD) + g->answer_count, 6000);
    assert_int_equal(alone_message(g, 2, MESSAGE_FORWARD, 77)->forward.cookie,
                     78);
    assert_int_equal(nodes_status(g, 0).pool_bytes, 0);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_at_follower_goes_to_the_leader),
        cmocka_unit_test(request_without_link_to_leader_is_relayed),
        cmocka_unit_test(request_is_relayed_by_who_follows_a_leader_not_heard),
        cmocka_unit_test(request_with_leader_out_of_reach_is_busy),
        cmocka_unit_test(request_passed_on_three_times_is_busy),
        cmocka_unit_test(request_is_not_passed_back),
        cmocka_unit_test(request_without_leader_waits_for_one),
        cmocka_unit_test(request_that_waited_too_long_is_busy),
        cmocka_unit_test(request_while_trying_again_waits),
        cmocka_unit_test(request_before_takeover_is_proposed_behind_it),
        cmocka_unit_test(request_answered_before_needs_no_log),
        cmocka_unit_test(request_malformed_is_dropped),
        cmocka_unit_test(requests_beyond_the_window_leave_together_later),
        cmocka_unit_test(requests_beyond_every_bound_are_busy),
        cmocka_unit_test(request_that_grows_a_full_store_is_busy),
        cmocka_unit_test(requests_in_great_number_are_handed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

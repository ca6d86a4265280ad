/* test_leadership.c - src/node/leadership.c, in small groups of real nodes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/state.h"
#include "support/node_kit.h"

#define BEAT (20 * NS_PER_MS)

static const struct event stop = { .type = EVENT_STOP };

static struct nodes *led_with(uint8_t n, bool ports)
{
    struct nodes *g = nodes_new(n);

    g->ports = ports;
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    nodes_run(g, 10 * BEAT); /* all have heard all, both ways */
    return g;
}

static void transfer(struct nodes *g, uint8_t from, uint8_t to)
{
    nodes_step(g, from, &(struct event){ .type = EVENT_TRANSFER, .tag = to });
}

/* ---- going --------------------------------------------------------------- */

/* E2, E5: one message names the successor; no interval passes. */
static void stop_of_a_leader_hands_over_at_once(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);

    (void)state;
    nodes_step(g, leader, &stop);
    assert_false(node_may_stop(g->m[leader].node));
    nodes_until(g, nodes_are_led, BEAT / 2);
    assert_int_not_equal(nodes_leader(g), leader);
    nodes_until(g, nodes_agree, BEAT);
    assert_true(node_may_stop(g->m[leader].node));
    nodes_free(g);
}

static void stop_of_a_follower_hands_over_nothing(void **state)
{
    struct nodes *g = led_with(3, false);
    const uint8_t leader = nodes_leader(g);
    const uint8_t other = leader ? 0 : 1;

    (void)state;
    nodes_step(g, other, &stop);
    assert_true(node_may_stop(g->m[other].node));
    nodes_run(g, NS_PER_S);
    assert_int_equal(nodes_leader(g), leader);
    nodes_free(g);
}

static void transfer_makes_the_wanted_member_lead(void **state)
{
    struct nodes *g = led_with(5, false);

    (void)state;
    for (uint8_t to = 0; to < 5; to++) {
        const uint8_t from = nodes_leader(g);
        const unsigned elections = g->m[to].notes[NOTE_ELECTION];
        uint8_t named = MEMBER_NONE;

        if (to == from) continue;
        assert_null(node_transfer_refusal(g->m[from].node, to, &named));
        assert_int_equal(named, to);
        transfer(g, from, to);
        nodes_until(g, nodes_are_led, BEAT / 2);
        assert_int_equal(nodes_leader(g), to);
        assert_int_equal(g->m[to].notes[NOTE_ELECTION], elections);
        nodes_run(g, NS_PER_S); /* and it stays so */
        assert_int_equal(nodes_leader(g), to);
    }
    nodes_free(g);
}

static void transfer_that_cannot_be_is_refused(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);
    const uint8_t other = leader ? 0 : 1;
    const uint8_t third = leader == 2 ? 3 : 2;
    uint8_t to;

    (void)state;
    assert_non_null(node_transfer_refusal(g->m[other].node, third, &to));
    assert_non_null(node_transfer_refusal(g->m[leader].node, leader, &to));
    assert_null(node_transfer_refusal(g->m[leader].node, other, &to));
    nodes_kill(g, other);
    nodes_run(g, 10 * BEAT);
    assert_non_null(node_transfer_refusal(g->m[leader].node, other, &to));
    transfer(g, leader, other);
    assert_int_equal(nodes_leader(g), leader);
    /* One that is about to stop is no successor either. */
    nodes_step(g, third, &stop);
    nodes_run(g, 2 * BEAT);
    assert_non_null(node_transfer_refusal(g->m[leader].node, third, &to));
    assert_null(node_transfer_refusal(g->m[leader].node, MEMBER_NONE, &to));
    assert_int_not_equal(to, third);
    nodes_free(g);
}

/* The one named has just lost its learner: another comes behind at once. */
static void successor_that_refuses_makes_room_for_the_next(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);
    const struct role_order kill = { .role = ROLE_LEARNER, .kill = true };
    uint8_t best;

    (void)state;
    assert_null(node_transfer_refusal(g->m[leader].node, MEMBER_NONE, &best));
    nodes_step(g, best, &(struct event){ .type = EVENT_ROLE, .order = &kill });
    transfer(g, leader, best);
    nodes_until(g, nodes_are_led, BEAT / 2);
    assert_int_not_equal(nodes_leader(g), leader);
    assert_int_not_equal(nodes_leader(g), best);
    nodes_free(g);
}

static bool loses_leaving(const struct nodes *g, const struct packet *p)
{
    (void)g;
    return p->message.type == MESSAGE_LEAVING;
}

/* Nobody hears who was named: the heartbeat says that the ballot is left. */
static void leaving_lost_costs_two_intervals(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);

    (void)state;
    g->loses = loses_leaving;
    nodes_step(g, leader, &stop);
    nodes_until(g, nodes_are_led, 4 * BEAT);
    assert_int_not_equal(nodes_leader(g), leader);
    nodes_free(g);
}

/* ---- what is in flight --------------------------------------------------- */

/* E8: whose Accepts are in flight is answered, by whoever chooses them. */
static void writes_in_flight_are_answered_after_a_transfer(void **state)
{
    struct nodes *g = led_with(3, false);
    const uint8_t leader = nodes_leader(g);
    const uint8_t to = leader ? 0 : 1;
    const struct command c = { .op = COMMAND_PUT,
                               .seq = 1,
                               .key = bytes_of("k", 1),
                               .value = bytes_of("v", 1) };
    struct command put = c;
    struct session s;
    uint64_t cookie;

    (void)state;
    nodes_open(g, leader, &s);
    put.session = s.id;
    for (uint8_t i = 0; i < 3; i++) g->m[i].slow = true;
    cookie = nodes_ask(g, leader, &put);
    nodes_run(g, NS_PER_MS);
    assert_null(nodes_answer(g, cookie));
    transfer(g, leader, to);
    for (uint8_t i = 0; i < 3; i++) g->m[i].slow = false;
    nodes_run(g, BEAT);
    assert_non_null(nodes_answer(g, cookie));
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_OK);
    assert_int_equal(nodes_leader(g), to);
    nodes_free(g);
}

/* Nobody takes over: the votes for what was proposed still count. */
static void resigned_leader_answers_what_gets_chosen(void **state)
{
    struct nodes *g = led_with(3, false);
    const uint8_t leader = nodes_leader(g);
    struct command put = { .op = COMMAND_PUT,
                           .seq = 1,
                           .key = bytes_of("k", 1),
                           .value = bytes_of("v", 1) };
    struct session s;
    uint64_t cookie;

    (void)state;
    nodes_open(g, leader, &s);
    put.session = s.id;
    for (uint8_t i = 0; i < 3; i++) g->m[i].slow = true;
    cookie = nodes_ask(g, leader, &put);
    nodes_run(g, NS_PER_MS);
    g->loses = loses_leaving;
    nodes_step(g, leader, &stop);
    for (uint8_t i = 0; i < 3; i++) g->m[i].slow = false;
    nodes_run(g, BEAT / 2); /* before the others become impatient */
    assert_int_equal(nodes_leader(g), MEMBER_NONE);
    assert_non_null(nodes_answer(g, cookie));
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_OK);
    assert_int_equal(nodes_answer(g, cookie)->by, leader);
    nodes_free(g);
}

/* Proposed by nobody yet: the successor gets it. */
static void requests_that_wait_go_to_the_successor(void **state)
{
    struct nodes *g = led_with(3, false);
    const uint8_t leader = nodes_leader(g);
    struct command put = { .op = COMMAND_PUT,
                           .seq = 1,
                           .key = bytes_of("k", 1),
                           .value = bytes_of("v", 1) };
    struct session s;
    uint64_t cookie;

    (void)state;
    nodes_open(g, leader, &s);
    put.session = s.id;
    nodes_step(g, leader, &stop);
    cookie = nodes_ask(g, leader, &put);
    nodes_run(g, BEAT);
    assert_non_null(nodes_answer(g, cookie));
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_OK);
    assert_int_not_equal(nodes_answer(g, cookie)->by, leader);
    nodes_free(g);
}

/* A member without its learner votes on, but is not named: it would refuse. */
static void transfer_passes_over_who_lacks_a_role(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);
    const struct role_order kill = { .role = ROLE_LEARNER, .kill = true };
    uint8_t lame, to;

    (void)state;
    assert_null(node_transfer_refusal(g->m[leader].node, MEMBER_NONE, &lame));
    g->m[lame].keeps_log = true; /* its learner is not rebuilt */
    nodes_step(g, lame, &(struct event){ .type = EVENT_ROLE, .order = &kill });
    nodes_run(g, 2 * BEAT);
    assert_non_null(node_transfer_refusal(g->m[leader].node, lame, &to));
    assert_null(node_transfer_refusal(g->m[leader].node, MEMBER_NONE, &to));
    assert_int_not_equal(to, lame);
    transfer(g, leader, MEMBER_NONE);
    nodes_until(g, nodes_are_led, BEAT / 2);
    assert_int_equal(nodes_leader(g), to);
    nodes_free(g);
}

/* ---- staying ------------------------------------------------------------- */

/* E8: who stood still may have been succeeded, whatever its inbox says. */
static void leader_that_stood_still_resigns(void **state)
{
    struct nodes *g = led_with(3, false);
    const uint8_t leader = nodes_leader(g);
    const struct event flush = { .type = EVENT_FLUSH };

    (void)state;
    g->now_ns += 5 * BEAT;
    nodes_step(g, leader, &flush);
    assert_int_equal(g->m[leader].notes[NOTE_RESIGNED], 0);
    g->now_ns += 5 * BEAT + 1;
    nodes_step(g, leader, &flush);
    assert_int_equal(g->m[leader].notes[NOTE_RESIGNED], 1);
    assert_int_not_equal(nodes_status(g, leader).role, NODE_LEADER);
    nodes_until(g, nodes_are_led, NS_PER_S);
    nodes_free(g);
}

/* Pitfall 37: others can choose, this one only leads. */
static void leader_whose_disk_stalls_makes_room(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);

    (void)state;
    g->m[leader].slow = true;
    nodes_run(g, 3 * NS_PER_S);
    assert_int_equal(g->m[leader].notes[NOTE_RESIGNED], 1);
    nodes_until(g, nodes_are_led, NS_PER_S);
    assert_int_not_equal(nodes_leader(g), leader);
    nodes_free(g);
}

static void leader_with_a_working_disk_stays(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);

    (void)state;
    nodes_run(g, 20 * NS_PER_S);
    assert_int_equal(nodes_leader(g), leader);
    assert_int_equal(g->m[leader].notes[NOTE_RESIGNED], 0);
    nodes_free(g);
}

/* ---- ports --------------------------------------------------------------- */

/* E2: the kernel tells of the death with the next probe. */
static void leader_killed_with_ports_is_succeeded_in_two_intervals(void **state)
{
    (void)state;
    for (uint8_t n = 3; n <= MEMBERS_MAX; n++) {
        struct nodes *g = led_with(n, true);
        const uint8_t leader = nodes_leader(g);

        nodes_kill(g, leader);
        nodes_until(g, nodes_are_led, 2 * BEAT);
        assert_int_not_equal(nodes_leader(g), leader);
        nodes_free(g);
    }
}

static void leader_killed_without_ports_is_missed_later(void **state)
{
    struct nodes *g = led_with(5, false);

    (void)state;
    nodes_kill(g, nodes_leader(g));
    nodes_run(g, 3 * BEAT);
    assert_int_equal(nodes_leader(g), MEMBER_NONE);
    nodes_until(g, nodes_are_led, 10 * BEAT);
    nodes_free(g);
}

/* ---- duels --------------------------------------------------------------- */

static unsigned preemptions(const struct nodes *g)
{
    unsigned count = 0;

    for (uint8_t i = 0; i < g->n; i++) {
        if (!g->m[i].node) continue;
        count += (unsigned)nodes_status(g, i).counters.preemptions;
    }
    return count;
}

/* E7: two that propose at once preempt each other, and wait for longer and
 * longer times, drawn at random, until one of them is through. */
static void duelists_settle_and_preemptions_are_counted(void **state)
{
    struct nodes *g = led_with(5, false);
    const uint8_t leader = nodes_leader(g);
    const struct event flush = { .type = EVENT_FLUSH };
    unsigned count;

    (void)state;
    nodes_kill(g, leader);
    for (uint8_t i = 0; i < 5; i++) {
        if (i != leader) g->m[i].node->election.campaign = 100;
    }
    for (uint8_t i = 0; i < 5; i++) {
        if (i != leader) nodes_step(g, i, &flush);
    }
    nodes_until(g, nodes_are_led, 5 * NS_PER_S);
    count = preemptions(g);
    assert_true(count > 0);
    nodes_run(g, 20 * NS_PER_S);
    assert_int_equal(preemptions(g), count);
    assert_true(nodes_are_led(g));
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_of_a_leader_hands_over_at_once),
        cmocka_unit_test(stop_of_a_follower_hands_over_nothing),
        cmocka_unit_test(transfer_makes_the_wanted_member_lead),
        cmocka_unit_test(transfer_that_cannot_be_is_refused),
        cmocka_unit_test(transfer_passes_over_who_lacks_a_role),
        cmocka_unit_test(successor_that_refuses_makes_room_for_the_next),
        cmocka_unit_test(leaving_lost_costs_two_intervals),
        cmocka_unit_test(writes_in_flight_are_answered_after_a_transfer),
        cmocka_unit_test(resigned_leader_answers_what_gets_chosen),
        cmocka_unit_test(requests_that_wait_go_to_the_successor),
        cmocka_unit_test(leader_that_stood_still_resigns),
        cmocka_unit_test(leader_whose_disk_stalls_makes_room),
        cmocka_unit_test(leader_with_a_working_disk_stays),
        cmocka_unit_test(
            leader_killed_with_ports_is_succeeded_in_two_intervals),
        cmocka_unit_test(leader_killed_without_ports_is_missed_later),
        cmocka_unit_test(duelists_settle_and_preemptions_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_roles.c - roles that die alone, and are rebuilt (S1 to S4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/state.h"
#include "support/node_kit.h"

static void lose(struct nodes *g, uint8_t i, enum role role)
{
    const struct role_order order = { .role = (uint8_t)role, .kill = true };

    nodes_step(g, i, &(struct event){ .type = EVENT_ROLE, .order = &order });
}

static struct nodes *led(uint8_t n)
{
    struct nodes *g = nodes_new(n);

    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 5 * NS_PER_S);
    return g;
}

static bool all_are_up(struct nodes *g)
{
    for (uint8_t i = 0; i < g->n; i++) {
        const struct node_status s = nodes_status(g, i);

        for (unsigned r = 0; r < ROLES; r++) {
            if (!s.roles[r].up) return false;
        }
    }
    return true;
}

/* Where the test plays the others. */
static bool first_is_up(struct nodes *g)
{
    return nodes_status(g, 0).roles[ROLE_ACCEPTOR].up;
}

/* Pitfall 26: the others make a majority, and nobody waits for it. */
static void acceptor_of_the_leader_dead_others_choose(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    g->m[leader].keeps_log = true;
    lose(g, leader, ROLE_ACCEPTOR);
    nodes_run(g, 50 * NS_PER_MS);
    assert_false(nodes_status(g, leader).roles[ROLE_ACCEPTOR].up);
    nodes_put(g, leader, &s, "k", "v");
    nodes_get(g, leader, "k", "v");
    assert_int_equal(nodes_leader(g), leader);
    nodes_free(g);
}

/* S1: until REPLAYED it answers nothing, and then what it had promised. */
static void acceptor_answers_only_when_its_log_was_read(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const struct ballot promised = nodes_status(g, leader).promised;

    (void)state;
    g->m[leader].keeps_log = true;
    lose(g, leader, ROLE_ACCEPTOR);
    nodes_run(g, 50 * NS_PER_MS);
    assert_int_equal(nodes_status(g, leader).promised.round, 0);
    g->m[leader].keeps_log = false;
    nodes_until(g, all_are_up, NS_PER_S);
    assert_true(ballot_equal(nodes_status(g, leader).promised, promised));
    nodes_free(g);
}

/* Votes that were not executed come back with it. */
static void acceptor_rebuilt_has_its_votes(void **state)
{
    struct nodes *g = alone_new(3);
    struct node *n;

    (void)state;
    alone_admit(g);
    alone_lead(g, 9);
    alone_sync(g);
    n = g->m[0].node;
    assert_non_null(acceptor_vote(&n->acceptor, 1));
    lose(g, 0, ROLE_ACCEPTOR);
    assert_null(acceptor_vote(&n->acceptor, 1));
    assert_int_equal(n->acceptor.held_count, 0);
    nodes_until(g, first_is_up, NS_PER_S);
    assert_non_null(acceptor_vote(&n->acceptor, 1));
    assert_int_equal(n->acceptor.promised.round, 9);
    nodes_free(g);
}

/* Pitfall 29: what was asked for in an earlier life is void. */
static void replay_of_an_earlier_death_counts_for_nothing(void **state)
{
    struct nodes *g = led(3);
    uint64_t old;

    (void)state;
    g->m[0].keeps_log = true;
    lose(g, 0, ROLE_ACCEPTOR);
    nodes_run(g, 50 * NS_PER_MS);
    old = g->m[0].replay[ROLE_ACCEPTOR].tag;
    lose(g, 0, ROLE_ACCEPTOR);
    nodes_run(g, 50 * NS_PER_MS);
    assert_int_not_equal(g->m[0].replay[ROLE_ACCEPTOR].tag, old);
    nodes_step(g, 0, &(struct event){ .type = EVENT_REPLAYED, .tag = old });
    assert_false(nodes_status(g, 0).roles[ROLE_ACCEPTOR].up);
    g->m[0].keeps_log = false;
    nodes_until(g, all_are_up, NS_PER_S);
    nodes_free(g);
}

/* S3: the same ballot, and nobody has elected. */
static void proposer_back_in_time_keeps_its_ballot(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const struct ballot ballot = nodes_status(g, leader).ballot;
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    lose(g, leader, ROLE_PROPOSER);
    assert_false(nodes_status(g, leader).serving);
    nodes_put(g, leader, &s, "k", "v"); /* it waited, and was not lost */
    assert_true(ballot_equal(nodes_status(g, leader).ballot, ballot));
    for (uint8_t i = 0; i < g->n; i++)
        assert_int_equal(g->m[i].notes[NOTE_LEADER_LOST], 0);
    nodes_free(g);
}

/* A command proposed, and not chosen yet, when the proposer died. */
static void proposer_back_in_time_loses_no_proposal(void **state)
{
    struct nodes *g = alone_new(3);
    struct node *n;

    (void)state;
    alone_admit(g);
    alone_lead(g, 9);
    alone_sync(g);
    n = g->m[0].node;
    lose(g, 0, ROLE_PROPOSER);
    assert_false(proposer_is_leading(&n->proposer));
    alone_vote(g, 1, 9, 1, 1); /* it is dead, and does not hear that */
    alone_forget(g);
    alone_tick(g, 20 * NS_PER_MS);
    alone_flush(g);
    assert_true(proposer_is_leading(&n->proposer));
    assert_int_equal(alone_message(g, 1, MESSAGE_ACCEPT, 0)->accept.slot, 1);
    assert_int_equal(n->learner.chosen_upto, 0);
    alone_sync(g);
    alone_vote(g, 1, 9, 1, 1);
    assert_int_equal(n->learner.chosen_upto, 1);
    nodes_free(g);
}

/* P15: preempted while it was dead, it does not go on at its ballot. */
static void proposer_preempted_while_dead_does_not_lead(void **state)
{
    struct nodes *g = alone_new(3);
    struct node *n;

    (void)state;
    alone_admit(g);
    alone_serve(g, 9);
    n = g->m[0].node;
    lose(g, 0, ROLE_PROPOSER);
    alone_beat(g, 1, 10, 1);
    alone_forget(g);
    alone_tick(g, 20 * NS_PER_MS);
    alone_flush(g);
    assert_false(proposer_is_leading(&n->proposer));
    assert_int_equal(alone_sent(g, 1, MESSAGE_ACCEPT), 0);
    nodes_free(g);
}

/* The state is gone, and comes back by itself: same slots, same hash. */
static void learner_rebuilt_has_the_same_state(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct node_status before;
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    nodes_put(g, leader, &s, "k", "v");
    nodes_run(g, 100 * NS_PER_MS);
    before = nodes_status(g, leader);
    lose(g, leader, ROLE_LEARNER);
    assert_int_equal(nodes_status(g, leader).executed, 0);
    assert_int_equal(nodes_status(g, leader).keys, 0);
    assert_false(nodes_status(g, leader).serving);
    nodes_until(g, all_are_up, NS_PER_S);
    assert_true(nodes_status(g, leader).executed >= before.executed);
    nodes_get(g, leader, "k", "v");
    nodes_until(g, nodes_agree, NS_PER_S);
    nodes_free(g);
}

/* All learners die, the leader's last, when it knows of the others. */
static void lose_learners(struct nodes *g, uint8_t leader)
{
    for (uint8_t i = 0; i < g->n; i++) {
        g->m[i].keeps_log = true;
        if (i != leader) lose(g, i, ROLE_LEARNER);
    }
    nodes_run(g, 50 * NS_PER_MS);
    lose(g, leader, ROLE_LEARNER);
}

/* P26: no read of a state that is behind what is known as chosen. */
static void learner_dead_no_read_is_answered(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const struct command c = get_of("k");
    struct session s;
    uint64_t cookie;

    (void)state;
    nodes_open(g, leader, &s);
    nodes_put(g, leader, &s, "k", "v");
    lose_learners(g, leader);
    cookie = nodes_ask(g, leader, &c);
    nodes_run(g, 30 * NS_PER_MS);
    assert_null(nodes_answer(g, cookie));
    for (uint8_t i = 0; i < g->n; i++) g->m[i].keeps_log = false;
    nodes_until(g, all_are_up, NS_PER_S);
    nodes_run(g, 100 * NS_PER_MS);
    assert_non_null(nodes_answer(g, cookie));
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_OK);
    nodes_free(g);
}

/* E8: another member has all its roles, so it leads, and at once. */
static void learner_dead_another_member_leads(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);

    (void)state;
    nodes_run(g, 200 * NS_PER_MS); /* all have heard all, both ways */
    g->m[leader].keeps_log = true;
    lose(g, leader, ROLE_LEARNER);
    nodes_until(g, nodes_are_led, 10 * NS_PER_MS);
    assert_int_not_equal(nodes_leader(g), leader);
    nodes_free(g);
}

/* And where nobody has, somebody goes on: what it has chosen is done later. */
static void learners_of_all_away_the_leader_goes_on(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const struct ballot ballot = nodes_status(g, leader).ballot;

    (void)state;
    lose_learners(g, leader);
    nodes_run(g, NS_PER_S);
    assert_int_equal(node_role(g->m[leader].node), NODE_LEADER);
    for (uint8_t i = 0; i < g->n; i++) g->m[i].keeps_log = false;
    nodes_until(g, all_are_up, NS_PER_S);
    assert_true(ballot_equal(nodes_status(g, leader).ballot, ballot));
    nodes_free(g);
}

/* A group of one has nobody to fetch from: its log is all there is. */
static void learner_of_one_is_rebuilt_from_the_log_alone(void **state)
{
    struct nodes *g = led(1);
    struct session s;

    (void)state;
    nodes_open(g, 0, &s);
    for (unsigned i = 0; i < 5; i++) {
        nodes_put(g, 0, &s, "k", i % 2 ? "odd" : "even");
        lose(g, 0, ROLE_LEARNER);
        nodes_get(g, 0, "k", i % 2 ? "odd" : "even");
    }
    nodes_free(g);
}

/* S2 */
static void role_that_dies_too_often_ends_the_process(void **state)
{
    struct nodes *g = led(3);

    (void)state;
    for (unsigned i = 0; i < SUPERVISOR_CRASHES_MAX; i++) {
        lose(g, 0, ROLE_PROPOSER);
        assert_int_equal(g->m[0].fatal, 0);
        nodes_until(g, all_are_up, NS_PER_S);
    }
    lose(g, 0, ROLE_PROPOSER);
    assert_int_equal(g->m[0].fatal, 69);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acceptor_of_the_leader_dead_others_choose),
        cmocka_unit_test(acceptor_answers_only_when_its_log_was_read),
        cmocka_unit_test(acceptor_rebuilt_has_its_votes),
        cmocka_unit_test(replay_of_an_earlier_death_counts_for_nothing),
        cmocka_unit_test(proposer_back_in_time_keeps_its_ballot),
        cmocka_unit_test(proposer_back_in_time_loses_no_proposal),
        cmocka_unit_test(proposer_preempted_while_dead_does_not_lead),
        cmocka_unit_test(learner_rebuilt_has_the_same_state),
        cmocka_unit_test(learner_dead_no_read_is_answered),
        cmocka_unit_test(learner_dead_another_member_leads),
        cmocka_unit_test(learners_of_all_away_the_leader_goes_on),
        cmocka_unit_test(learner_of_one_is_rebuilt_from_the_log_alone),
        cmocka_unit_test(role_that_dies_too_often_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

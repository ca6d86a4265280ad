/* test_receive.c - src/node/receive.c */
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

static struct message accept(uint64_t round, uint8_t index, uint64_t slot,
                             const char *text)
{
    struct message m = kit_accept(round, index, slot, text);

    m.incarnation = 1;
    m.process = 500u + index;
    return m;
}

/* Pitfall 20: the copy that the network gives back of what was said to the
 * group is not heard a second time. */
static void own_datagram_is_dropped(void **state)
{
    struct nodes *g = admitted(3);
    struct message m;

    (void)state;
    alone_lead(g, 9);
    m = *alone_message(g, 1, MESSAGE_ACCEPT, 0);
    assert_int_equal(m.from, 0);
    nodes_tell(g, 0, &m);
    alone_sync(g);
    assert_int_equal(nodes_status(g, 0).chosen, 0); /* one vote is one vote */
    assert_int_equal(nodes_status(g, 0).counters.drop_stale, 1);
    assert_int_equal(g->m[0].fatal, 0);
    nodes_free(g);
}

/* M3: a second live node under the own id. */
static void datagram_under_own_id_of_another_process_is_fatal(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct nodes *g = admitted(3);
        struct message m = alone_from(0, MESSAGE_HEARTBEAT);

        m.process = g->m[0].process + (i == 1 || i == 3);
        m.incarnation = i == 2 ? 2 : i == 3 ? 0 : 1;
        nodes_tell(g, 0, &m);
        /* Its own copy; another nonce; a later life; an earlier one. */
        assert_int_equal(g->m[0].fatal, i == 1 || i == 2 ? 77 : 0);
        nodes_free(g);
    }
}

static void datagram_of_an_earlier_life_is_dropped(void **state)
{
    struct nodes *g = admitted(3);
    struct message hello = alone_from(1, MESSAGE_HELLO);
    struct message m = accept(5, 1, 1, "a");

    (void)state;
    hello.incarnation = 2;
    hello.hello = (struct hello){ 2001, 1, 2, 9 };
    nodes_tell(g, 0, &hello);
    alone_sync(g);
    nodes_tell(g, 0, &m);
    assert_int_equal(alone_records(g, RECORD_ACCEPT), 0);
    assert_int_equal(nodes_status(g, 0).counters.drop_stale, 1);
    m.incarnation = 2;
    nodes_tell(g, 0, &m);
    assert_int_equal(alone_records(g, RECORD_ACCEPT), 1);
    nodes_free(g);
}

static void datagram_of_no_member_is_dropped(void **state)
{
    struct nodes *g = admitted(3);
    struct message m = accept(5, 3, 1, "a");

    (void)state;
    nodes_tell(g, 0, &m);
    assert_int_equal(alone_records(g, RECORD_ACCEPT), 0);
    assert_int_equal(nodes_status(g, 0).counters.drop_sender, 1);
    nodes_free(g);
}

/* Only its own member speaks for a ballot. */
static void ballot_of_another_member_is_dropped(void **state)
{
    static const uint8_t types[] = { MESSAGE_PREPARE, MESSAGE_ACCEPT,
                                     MESSAGE_LEARN, MESSAGE_CONFIRM,
                                     MESSAGE_HEARTBEAT };
    struct nodes *g = admitted(3);

    (void)state;
    for (unsigned i = 0; i < sizeof types; i++) {
        struct message m = accept(5, 2, 1, "a");

        m.type = types[i];
        m.from = 1;
        if (m.type == MESSAGE_PREPARE) m.prepare.from = 1;
        nodes_tell(g, 0, &m);
        assert_int_equal(nodes_status(g, 0).counters.drop_malformed, i + 1);
    }
    assert_true(ballot_is_none(nodes_status(g, 0).promised));
    nodes_free(g);
}

/* One datagram must not use up the rounds that are left. */
static void round_that_leaps_is_dropped(void **state)
{
    struct nodes *g = admitted(3);
    struct message m = accept(UINT64_C(1) << 50, 1, 1, "a");

    (void)state;
    nodes_tell(g, 0, &m);
    assert_true(ballot_is_none(nodes_status(g, 0).promised));
    m = accept(UINT64_C(1) << 30, 1, 1, "a");
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).promised.round, 1u << 30);
    nodes_free(g);
}

/* Two values at one ballot: a broken invariant, and no guessing. */
static void accept_with_two_values_is_fatal(void **state)
{
    struct nodes *g = admitted(3);
    struct message m = accept(5, 1, 1, "a");

    (void)state;
    nodes_tell(g, 0, &m);
    nodes_tell(g, 0, &m);
    assert_int_equal(g->m[0].fatal, 0);
    m = accept(5, 1, 1, "b");
    nodes_tell(g, 0, &m);
    assert_int_equal(g->m[0].fatal, 70);
    nodes_free(g);
}

/* ---- preemption (P15) ---- */

static void assert_preempted(struct nodes *g)
{
    assert_int_equal(g->m[0].notes[NOTE_PREEMPTED], 1);
    assert_int_not_equal(nodes_status(g, 0).role, NODE_LEADER);
    /* And nothing of the own ballot leaves any more. */
    alone_forget(g);
    alone_vote(g, 1, 9, 1, 1);
    alone_sync(g);
    alone_tick(g, 50 * NS_PER_MS);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_ACCEPT), 0);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_LEARN), 0);
    nodes_free(g);
}

static struct nodes *leading(void)
{
    struct nodes *g = admitted(3);

    alone_lead(g, 9);
    return g;
}

static void prepare_above_preempts_the_leader(void **state)
{
    struct nodes *g = leading();
    struct message m = kit_prepare(10, 1, 1);

    (void)state;
    m.incarnation = 1;
    nodes_tell(g, 0, &m);
    assert_preempted(g);
}

static void prepare_below_does_not_preempt(void **state)
{
    struct nodes *g = leading();
    struct message m = kit_prepare(8, 1, 1);

    (void)state;
    m.incarnation = 1;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    assert_int_equal(alone_sent(g, 1, MESSAGE_NACK), 1);
    nodes_free(g);
}

static void accept_above_preempts_the_leader(void **state)
{
    struct nodes *g = leading();
    struct message m = accept(10, 1, 1, "a");

    (void)state;
    nodes_tell(g, 0, &m);
    assert_preempted(g);
}

/* Also where the own disk is too full to vote. */
static void accept_above_preempts_a_leader_that_cannot_vote(void **state)
{
    struct nodes *g = leading();
    struct message m = accept(10, 1, 1, "a");
    const struct event full = { .type = EVENT_FULL, .seq = 2 };

    (void)state;
    nodes_step(g, 0, &full);
    nodes_tell(g, 0, &m);
    assert_int_equal(alone_records(g, RECORD_ACCEPT), 1); /* its own */
    assert_preempted(g);
}

static void learn_above_preempts_the_leader(void **state)
{
    struct nodes *g = leading();
    struct message m = alone_from(1, MESSAGE_LEARN);

    (void)state;
    m.ballot = kit_ballot(10, 1);
    m.learn.upto = 1;
    nodes_tell(g, 0, &m);
    assert_preempted(g);
}

static void claim_above_preempts_the_leader(void **state)
{
    struct nodes *g = leading();

    (void)state;
    alone_beat(g, 1, 10, 0);
    assert_preempted(g);
}

static void claim_below_does_not_preempt(void **state)
{
    struct nodes *g = leading();

    (void)state;
    alone_beat(g, 1, 8, 0);
    alone_beat(g, 2, 0, 0);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    nodes_free(g);
}

/* E7: nobody claims more: phase 1 again at once, twice a second, then not. */
static void nack_makes_a_leader_try_again_at_once(void **state)
{
    struct nodes *g = leading();
    struct message nack = alone_from(1, MESSAGE_NACK);

    (void)state;
    for (uint64_t round = 9; round < 15; round += 2) {
        nack.nack.refused = kit_ballot(round, 0);
        nack.ballot = kit_ballot(round + 1, 2);
        nodes_tell(g, 0, &nack);
        if (round == 13) break;
        assert_int_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
        assert_int_equal(nodes_status(g, 0).ballot.round, round + 2);
        alone_sync(g);
        {
            struct message m = alone_from(1, MESSAGE_PROMISE);

            m.ballot = kit_ballot(round + 2, 0);
            m.promise.log_start = 1;
            nodes_tell(g, 0, &m);
        }
        alone_flush(g); /* its own vote of before is to be found again */
        assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    }
    assert_int_not_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
    assert_int_not_equal(nodes_status(g, 0).role, NODE_LEADER);
    nodes_free(g);
}

static void nack_that_does_not_match_changes_nothing(void **state)
{
    struct nodes *g = leading();
    struct message nack = alone_from(1, MESSAGE_NACK);

    (void)state;
    nack.nack.refused = kit_ballot(8, 0); /* an older ballot */
    nack.ballot = kit_ballot(10, 2);
    nodes_tell(g, 0, &nack);
    nack.nack.refused = kit_ballot(9, 0);
    nack.asker = 2; /* another life */
    nodes_tell(g, 0, &nack);
    nack.asker = 1;
    nack.ballot = kit_ballot(9, 0); /* no higher promise */
    nodes_tell(g, 0, &nack);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    nodes_free(g);
}

/* ---- a slot that is decided ---- */

/* Pitfall 8, 30: a stale proposer is told what is chosen, not voted for. */
static void accept_of_another_value_in_a_decided_slot_gets_chosen(void **state)
{
    struct nodes *g = admitted(3);
    struct message m = accept(9, 1, 1, "a");
    struct message stale = accept(10, 2, 1, "b");
    const struct message *answer;

    (void)state;
    nodes_tell(g, 0, &m);
    m = accept(9, 1, 2, "c");
    m.accept.learn_upto = 1;
    nodes_tell(g, 0, &m);
    alone_sync(g);
    assert_int_equal(nodes_status(g, 0).executed, 1);
    alone_forget(g);
    nodes_tell(g, 0, &stale);
    alone_sync(g);
    assert_int_equal(alone_sent(g, 2, MESSAGE_ACCEPTED), 0);
    answer = alone_message(g, 2, MESSAGE_CHOSEN, 0);
    assert_int_equal(answer->decided.slot, 1);
    assert_value(answer->decided.value, "a");
    assert_ballot(answer->ballot, 9, 1);
    /* The same value may have its vote. */
    stale = accept(10, 2, 1, "a");
    nodes_tell(g, 0, &stale);
    alone_sync(g);
    assert_int_equal(alone_sent(g, 2, MESSAGE_ACCEPTED), 1);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_datagram_is_dropped),
        cmocka_unit_test(datagram_under_own_id_of_another_process_is_fatal),
        cmocka_unit_test(datagram_of_an_earlier_life_is_dropped),
        cmocka_unit_test(datagram_of_no_member_is_dropped),
        cmocka_unit_test(ballot_of_another_member_is_dropped),
        cmocka_unit_test(round_that_leaps_is_dropped),
        cmocka_unit_test(accept_with_two_values_is_fatal),
        cmocka_unit_test(prepare_above_preempts_the_leader),
        cmocka_unit_test(prepare_below_does_not_preempt),
        cmocka_unit_test(accept_above_preempts_the_leader),
        cmocka_unit_test(accept_above_preempts_a_leader_that_cannot_vote),
        cmocka_unit_test(learn_above_preempts_the_leader),
        cmocka_unit_test(claim_above_preempts_the_leader),
        cmocka_unit_test(claim_below_does_not_preempt),
        cmocka_unit_test(nack_makes_a_leader_try_again_at_once),
        cmocka_unit_test(nack_that_does_not_match_changes_nothing),
        cmocka_unit_test(accept_of_another_value_in_a_decided_slot_gets_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

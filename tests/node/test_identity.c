/* test_identity.c - src/node/identity.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "support/node_kit.h"

static struct message hello(uint8_t index, uint64_t previous, uint64_t life,
                            uint64_t votes)
{
    struct message m = alone_from(index, MESSAGE_HELLO);

    m.incarnation = life;
    m.vote_seq = votes;
    m.hello = (struct hello){ .instance = 2000u + index,
                              .previous = previous,
                              .life = life,
                              .nonce = 500u + life };
    return m;
}

static void answer(struct nodes *g, uint8_t index, bool yes)
{
    struct message m = alone_from(index, MESSAGE_HELLO_ANSWER);

    m.hello_answer = (struct hello_answer){
        .life = node_incarnation(g->m[0].node),
        .nonce = g->m[0].process,
        .yes = yes,
        .reason = yes ? 0 : HELLO_VOTES,
    };
    nodes_tell(g, 0, &m);
}

/* What member 0 says to this Hello once its disk is done. */
static struct hello_answer says(struct nodes *g, const struct message *m)
{
    alone_forget(g);
    nodes_tell(g, 0, m);
    alone_sync(g);
    return alone_message(g, m->from, MESSAGE_HELLO_ANSWER, 0)->hello_answer;
}

/* ---- saying Hello ---- */

/* M2: the incarnation is durable before the first datagram. */
static void start_says_hello_when_its_life_is_durable(void **state)
{
    struct nodes *g = nodes_new(3);
    const struct message *m;

    (void)state;
    nodes_start(g, 0);
    assert_int_equal(alone_record(g, RECORD_LIFE)->life.incarnation, 1);
    assert_null(g->first);
    alone_flush(g);
    assert_null(g->first);
    alone_sync(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_HELLO), 1);
    m = alone_message(g, 2, MESSAGE_HELLO, 0);
    assert_int_equal(m->hello.previous, 0);
    assert_int_equal(m->hello.life, 1);
    assert_int_equal(m->hello.instance, 1000);
    assert_int_equal(m->hello.nonce, g->m[0].process);
    nodes_free(g);
}

static void hello_is_repeated_to_who_has_not_answered(void **state)
{
    struct nodes *g = alone_new(3);

    (void)state;
    answer(g, 1, true);
    alone_forget(g);
    for (unsigned i = 0; i < 300; i++) alone_tick(g, 100 * NS_PER_MS);
    assert_int_equal(alone_sent(g, 1, MESSAGE_HELLO), 0);
    assert_in_range(alone_sent(g, 2, MESSAGE_HELLO), 50, 300);
    answer(g, 2, true);
    alone_forget(g);
    for (unsigned i = 0; i < 30; i++) alone_tick(g, 100 * NS_PER_MS);
    assert_int_equal(alone_sent(g, 2, MESSAGE_HELLO), 0);
    nodes_free(g);
}

/* M2: at first min(n - 1, ceil(n / 2)) others, later floor(n / 2). */
static void admission_takes_enough_yes(void **state)
{
    static const uint8_t at_first[] = { 0, 0, 1, 2, 2, 3, 3, 4, 4, 5 };

    (void)state;
    for (uint8_t n = 1; n <= MEMBERS_MAX; n++) {
        struct nodes *g = alone_new(n);

        for (uint8_t i = 1; i <= at_first[n]; i++) {
            assert_false(nodes_status(g, 0).admitted);
            answer(g, i, true);
            answer(g, i, true); /* doubled */
            alone_sync(g);
        }
        assert_true(nodes_status(g, 0).admitted);
        nodes_kill(g, 0);
        nodes_start(g, 0);
        alone_sync(g);
        for (uint8_t i = 1; i <= n / 2; i++) {
            assert_false(nodes_status(g, 0).admitted);
            answer(g, i, true);
            alone_sync(g);
        }
        assert_true(nodes_status(g, 0).admitted);
        nodes_free(g);
    }
}

/* Two lives that were never admitted do not count as one that was. */
static void admission_missed_is_asked_for_as_at_first(void **state)
{
    struct nodes *g = alone_new(5);

    (void)state;
    answer(g, 1, true);
    alone_sync(g);
    nodes_kill(g, 0);
    nodes_start(g, 0);
    alone_sync(g);
    assert_int_equal(alone_message(g, 3, MESSAGE_HELLO, 1)->hello.previous, 0);
    for (uint8_t i = 1; i <= 3; i++) {
        assert_false(nodes_status(g, 0).admitted);
        answer(g, i, true);
        alone_sync(g);
    }
    assert_true(nodes_status(g, 0).admitted);
    nodes_free(g);
}

/* M2: durable before the first vote. */
static void admission_counts_when_durable(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = kit_prepare(5, 1, 1);

    (void)state;
    m.incarnation = 1;
    answer(g, 1, true);
    answer(g, 2, true);
    assert_false(nodes_status(g, 0).admitted);
    nodes_tell(g, 0, &m);
    assert_int_equal(alone_records(g, RECORD_PROMISE), 0);
    alone_sync(g);
    assert_true(nodes_status(g, 0).admitted);
    nodes_tell(g, 0, &m);
    assert_int_equal(alone_records(g, RECORD_PROMISE), 1);
    nodes_free(g);
}

/* Pitfall 17: until then no Promise, no Accepted, no Confirm. */
static void member_not_admitted_does_not_vote(void **state)
{
    struct nodes *g = alone_new(3);
    struct message prepare = kit_prepare(5, 1, 1);
    struct message accept = kit_accept(5, 1, 1, "a");
    struct message confirm = alone_from(1, MESSAGE_CONFIRM);

    (void)state;
    prepare.incarnation = accept.incarnation = 1;
    confirm.ballot = kit_ballot(5, 1);
    for (unsigned i = 0; i < 2; i++) {
        nodes_tell(g, 0, &prepare);
        nodes_tell(g, 0, &accept);
        alone_sync(g);
        nodes_tell(g, 0, &confirm);
        assert_int_equal(alone_sent(g, 1, MESSAGE_PROMISE), i);
        assert_int_equal(alone_sent(g, 1, MESSAGE_ACCEPTED), i);
        assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRMED), i);
        if (i == 0) alone_admit(g);
    }
    nodes_free(g);
}

static void answer_to_another_life_or_process_is_ignored(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = alone_from(1, MESSAGE_HELLO_ANSWER);

    (void)state;
    m.hello_answer = (struct hello_answer){ 2, g->m[0].process, 0, 2 };
    nodes_tell(g, 0, &m);
    m.hello_answer = (struct hello_answer){ 1, 77, 0, 2 };
    nodes_tell(g, 0, &m);
    assert_int_equal(g->m[0].fatal, 0);
    alone_admit(g);
    nodes_free(g);
}

/* M2: who is refused never starts again. */
static void refusal_ends_this_life_and_all_to_come(void **state)
{
    struct nodes *g = alone_new(3);

    (void)state;
    answer(g, 1, false);
    assert_int_equal(g->m[0].fatal, 77);
    assert_int_equal(alone_records(g, RECORD_REFUSED), 1);
    g->m[0].durable = g->m[0].written;
    nodes_kill(g, 0);
    assert_int_equal(nodes_start(g, 0), -EKEYREJECTED);
    nodes_free(g);
}

static void fatal_is_the_last_that_a_node_does(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(2, 0, 1, 0);

    (void)state;
    answer(g, 1, false);
    alone_forget(g);
    nodes_tell(g, 0, &m);
    alone_tick(g, NS_PER_S);
    alone_sync(g);
    assert_null(g->first);
    nodes_free(g);
}

/* ---- answering Hello ---- */

static void hello_is_answered_when_durable(void **state)
{
    struct nodes *g = alone_new(3);
    const struct message m = hello(1, 0, 1, 0);
    const struct message *a;

    (void)state;
    alone_forget(g);
    nodes_tell(g, 0, &m);
    assert_int_equal(alone_records(g, RECORD_PEER), 1);
    assert_int_equal(alone_sent(g, 1, MESSAGE_HELLO_ANSWER), 0);
    alone_sync(g);
    a = alone_message(g, 1, MESSAGE_HELLO_ANSWER, 0);
    assert_int_equal(a->hello_answer.yes, 1);
    assert_int_equal(a->hello_answer.life, 1);
    assert_int_equal(a->hello_answer.nonce, 501);
    nodes_free(g);
}

/* The same again gets the same yes again, also across a restart. */
static void hello_again_gets_the_same_yes(void **state)
{
    struct nodes *g = alone_new(3);
    const struct message m = hello(1, 0, 1, 0);

    (void)state;
    assert_int_equal(says(g, &m).yes, 1);
    assert_int_equal(says(g, &m).yes, 1);
    assert_int_equal(alone_records(g, RECORD_PEER), 1);
    nodes_kill(g, 0);
    nodes_start(g, 0);
    alone_sync(g);
    assert_int_equal(says(g, &m).yes, 1);
    assert_int_equal(alone_records(g, RECORD_PEER), 1);
    nodes_free(g);
}

static void hello_of_next_life_is_yes(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 0, 1, 0);

    (void)state;
    assert_int_equal(says(g, &m).yes, 1);
    m = hello(1, 1, 2, 0);
    assert_int_equal(says(g, &m).yes, 1);
    m = hello(1, 1, 3, 0); /* its second life was never admitted */
    assert_int_equal(says(g, &m).yes, 1);
    m = hello(1, 1, 2, 0); /* a late duplicate */
    assert_int_equal(says(g, &m).yes, 0);
    nodes_free(g);
}

static void hello_of_other_instance_is_refused(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 0, 1, 0);

    (void)state;
    says(g, &m);
    m = hello(1, 1, 2, 0);
    m.hello.instance++;
    assert_int_equal(says(g, &m).reason, HELLO_INSTANCE);
    m.hello.instance--;
    assert_int_equal(says(g, &m).yes, 1);
    nodes_free(g);
}

static void hello_of_second_process_is_refused(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 0, 1, 0);

    (void)state;
    says(g, &m);
    m.hello.nonce++;
    assert_int_equal(says(g, &m).reason, HELLO_NONCE);
    nodes_free(g);
}

/* A heartbeat of life 1 of member 1, that has told of so many votes. */
static void told_votes(struct nodes *g, uint64_t life, uint64_t votes)
{
    struct message m = alone_from(1, MESSAGE_HEARTBEAT);

    m.incarnation = life;
    m.vote_seq = votes;
    m.heartbeat.flags = HEARTBEAT_ADMITTED;
    nodes_tell(g, 0, &m);
}

/* Pitfall 17: a restored backup. */
static void hello_of_an_older_copy_is_refused(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 0, 1, 0);

    (void)state;
    says(g, &m);
    m = hello(1, 1, 2, 0);
    says(g, &m);
    told_votes(g, 2, 0); /* and so life 2 was admitted */
    m = hello(1, 1, 3, 0);
    assert_int_equal(says(g, &m).reason, HELLO_INCARNATION);
    m = hello(1, 2, 3, 0);
    assert_int_equal(says(g, &m).yes, 1);
    nodes_free(g);
}

/* Pitfall 17: a log whose end was cut off. */
static void hello_with_lost_votes_is_refused(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 0, 1, 0);

    (void)state;
    says(g, &m);
    told_votes(g, 1, 40);
    told_votes(g, 1, 30);                 /* late */
    assert_int_equal(says(g, &m).yes, 1); /* the same life, again */
    m = hello(1, 1, 2, 39);
    assert_int_equal(says(g, &m).reason, HELLO_VOTES);
    m = hello(1, 1, 2, 40);
    assert_int_equal(says(g, &m).yes, 1);
    nodes_free(g);
}

/* What was told by a life that nobody said yes to is no witness. */
static void votes_of_an_unknown_life_are_not_remembered(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 0, 1, 0);

    (void)state;
    told_votes(g, 1, 40);
    assert_int_equal(says(g, &m).yes, 1);
    nodes_free(g);
}

/* Both survive a restart of the witness: durable with its next write. */
static void votes_heard_are_remembered_after_a_restart(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 0, 1, 0);

    (void)state;
    says(g, &m);
    told_votes(g, 1, 40);
    g->now_ns += NS_PER_S;
    m = hello(2, 0, 1, 0); /* something else to write */
    says(g, &m);
    assert_int_equal(alone_record(g, RECORD_PEER)->vote_seq, 40);
    alone_sync(g);
    nodes_kill(g, 0);
    nodes_start(g, 0);
    alone_sync(g);
    m = hello(1, 1, 2, 39);
    assert_int_equal(says(g, &m).reason, HELLO_VOTES);
    nodes_free(g);
}

static void hello_that_contradicts_itself_is_dropped(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = hello(1, 3, 3, 0);

    (void)state;
    alone_forget(g);
    nodes_tell(g, 0, &m);
    m = hello(1, 0, 3, 0);
    m.incarnation = 2;
    nodes_tell(g, 0, &m);
    alone_sync(g);
    assert_null(g->first);
    nodes_free(g);
}

/* ---- whose votes count ---- */

static void promise_of_life_not_said_yes_to_does_not_count(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = alone_from(1, MESSAGE_PROMISE);
    struct message h = hello(1, 1, 2, 0);

    (void)state;
    alone_admit(g);
    m.ballot = kit_ballot(9, 0);
    m.promise.log_start = 1;
    {
        struct message nominate = alone_from(1, MESSAGE_NOMINATE);

        nominate.token = (struct token){
            .attempt = 1, .round = 9, .initiator = 1, .visited = 3
        };
        nodes_tell(g, 0, &nominate);
    }
    alone_sync(g);
    m.incarnation = 2;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
    says(g, &h);
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    nodes_free(g);
}

/* M3: an answer to an earlier life of the asker is dropped. */
static void vote_for_an_earlier_life_does_not_count(void **state)
{
    struct nodes *g = alone_new(3);
    const struct range range = { 1, 1 };
    struct message m = alone_from(1, MESSAGE_ACCEPTED);

    (void)state;
    alone_admit(g);
    alone_lead(g, 9);
    m.ballot = kit_ballot(9, 0);
    m.count = 1;
    m.ranges = &range;
    m.asker = 2;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).chosen, 0);
    m.asker = 1;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).chosen, 1);
    nodes_free(g);
}

/* ---- the log ---- */

static void recover_of_foreign_or_unordered_lives_is_corruption(void **state)
{
    struct nodes *g = alone_new(3);
    struct message *life;

    (void)state;
    nodes_kill(g, 0);
    life = &g->m[0].log->message;
    assert_int_equal(life->type, RECORD_LIFE);
    life->life.instance++;
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    life->life.instance--;
    life->life.incarnation = 0;
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    life->life.incarnation = 1;
    assert_int_equal(nodes_start(g, 0), 0);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_says_hello_when_its_life_is_durable),
        cmocka_unit_test(hello_is_repeated_to_who_has_not_answered),
        cmocka_unit_test(admission_takes_enough_yes),
        cmocka_unit_test(admission_missed_is_asked_for_as_at_first),
        cmocka_unit_test(admission_counts_when_durable),
        cmocka_unit_test(member_not_admitted_does_not_vote),
        cmocka_unit_test(answer_to_another_life_or_process_is_ignored),
        cmocka_unit_test(refusal_ends_this_life_and_all_to_come),
        cmocka_unit_test(fatal_is_the_last_that_a_node_does),
        cmocka_unit_test(hello_is_answered_when_durable),
        cmocka_unit_test(hello_again_gets_the_same_yes),
        cmocka_unit_test(hello_of_next_life_is_yes),
        cmocka_unit_test(hello_of_other_instance_is_refused),
        cmocka_unit_test(hello_of_second_process_is_refused),
        cmocka_unit_test(hello_of_an_older_copy_is_refused),
        cmocka_unit_test(hello_with_lost_votes_is_refused),
        cmocka_unit_test(votes_of_an_unknown_life_are_not_remembered),
        cmocka_unit_test(votes_heard_are_remembered_after_a_restart),
        cmocka_unit_test(hello_that_contradicts_itself_is_dropped),
        cmocka_unit_test(promise_of_life_not_said_yes_to_does_not_count),
        cmocka_unit_test(vote_for_an_earlier_life_does_not_count),
        cmocka_unit_test(recover_of_foreign_or_unordered_lives_is_corruption),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

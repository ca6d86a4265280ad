/* test_chosen.c - src/node/chosen.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "support/node_kit.h"

static struct nodes *admitted(void)
{
    struct nodes *g = alone_new(3);

    alone_admit(g);
    return g;
}

static void tell_accept(struct nodes *g, uint64_t round, uint64_t slot,
                        const char *text, uint64_t learn_upto)
{
    struct message m = kit_accept(round, 1, slot, text);

    m.incarnation = 1;
    m.accept.learn_upto = learn_upto;
    nodes_tell(g, 0, &m);
    alone_sync(g);
}

static void tell_learn(struct nodes *g, uint64_t round, uint64_t upto)
{
    struct message m = alone_from(1, MESSAGE_LEARN);

    m.ballot = kit_ballot(round, 1);
    m.learn.upto = upto;
    nodes_tell(g, 0, &m);
    alone_sync(g);
}

static void tell_chosen(struct nodes *g, uint64_t slot, uint64_t round,
                        const char *text)
{
    struct message m = alone_from(2, MESSAGE_CHOSEN);

    m.ballot = kit_ballot(round, 1);
    m.decided.slot = slot;
    m.decided.value = kit_value(text);
    nodes_tell(g, 0, &m);
    alone_sync(g);
}

static uint64_t chosen(struct nodes *g)
{
    return nodes_status(g, 0).chosen;
}

/* ---- Learn (P15, P16) ---- */

static void learn_covers_votes_at_its_ballot(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_accept(g, 5, 1, "a", 0);
    tell_accept(g, 5, 2, "b", 1); /* the Learn that an Accept brings */
    assert_int_equal(chosen(g), 1);
    tell_learn(g, 5, 2);
    assert_int_equal(chosen(g), 2);
    nodes_free(g);
}

/* Pitfall 8: an old vote may be for another value than the chosen one. */
static void learn_does_not_cover_votes_at_other_ballots(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_accept(g, 5, 1, "old", 0);
    tell_learn(g, 6, 1);
    assert_int_equal(chosen(g), 0);
    tell_chosen(g, 1, 6, "new");
    assert_int_equal(chosen(g), 1);
    assert_int_equal(g->m[0].fatal, 0);
    nodes_free(g);
}

static void learn_before_its_accept_covers_it(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_learn(g, 5, 2);
    tell_accept(g, 5, 2, "b", 0);
    assert_int_equal(chosen(g), 0);
    tell_accept(g, 5, 1, "a", 0);
    assert_int_equal(chosen(g), 2);
    nodes_free(g);
}

/* A stale leader's Learn says nothing about what a later one proposed. */
static void learn_of_lower_ballot_changes_nothing(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_learn(g, 6, 1);
    tell_accept(g, 6, 1, "a", 0);
    tell_accept(g, 6, 2, "b", 0);
    tell_learn(g, 5, 2);
    assert_int_equal(chosen(g), 1);
    tell_learn(g, 6, 1); /* doubled */
    assert_int_equal(chosen(g), 1);
    tell_learn(g, 6, 3);
    assert_int_equal(chosen(g), 2);
    tell_learn(g, 5, 9); /* nor does it make the later one forgotten */
    tell_accept(g, 6, 3, "c", 0);
    assert_int_equal(chosen(g), 3);
    nodes_free(g);
}

static void learn_far_beyond_the_window_is_bounded(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    for (uint64_t s = 2; s <= 2048; s += 2) tell_accept(g, 5, s, "a", 0);
    tell_learn(g, 5, UINT64_C(1) << 62); /* as many marks as can be */
    assert_int_equal(chosen(g), 0);
    tell_chosen(g, 1, 5, "a");
    assert_int_equal(chosen(g), 2);
    nodes_free(g);
}

/* chosen_upto in heartbeats is no Learn: it only says what to fetch. */
static void chosen_told_in_heartbeats_is_no_learn(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_accept(g, 5, 1, "a", 0);
    alone_beat(g, 1, 5, 1);
    alone_beat(g, 1, 5, 1);
    alone_sync(g);
    assert_int_equal(chosen(g), 0);
    nodes_free(g);
}

/* ---- chosen is write-once (P17) ---- */

static void chosen_twice_with_one_value_is_harmless(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_chosen(g, 2, 5, "a");
    tell_chosen(g, 2, 5, "a");
    tell_chosen(g, 2, 8, "a");
    assert_int_equal(g->m[0].fatal, 0);
    assert_int_equal(alone_records(g, RECORD_CHOSEN), 1);
    nodes_free(g);
}

static void chosen_twice_with_two_values_is_fatal(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_chosen(g, 2, 5, "a");
    tell_chosen(g, 2, 5, "b");
    assert_int_equal(g->m[0].fatal, 70);
    nodes_free(g);
}

/* ---- what is written ---- */

static void mark_of_votes_is_written_before_the_next_vote(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    for (uint64_t s = 1; s <= 5; s++) tell_accept(g, 5, s, "a", 0);
    tell_learn(g, 5, 3);
    tell_learn(g, 5, 4);
    assert_int_equal(alone_records(g, RECORD_MARK), 0); /* lazily */
    tell_accept(g, 5, 6, "a", 0);
    assert_int_equal(alone_records(g, RECORD_MARK), 1);
    assert_int_equal(alone_record(g, RECORD_MARK)->mark.first, 1);
    assert_int_equal(alone_record(g, RECORD_MARK)->mark.upto, 4);
    assert_int_equal(alone_records(g, RECORD_CHOSEN), 0);
    assert_int_equal(g->m[0].log_last->message.type, RECORD_ACCEPT);
    nodes_free(g);
}

/* A mark holds only for votes at exactly its ballot. */
static void mark_ends_where_the_ballot_changes(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    tell_accept(g, 5, 1, "a", 0);
    tell_learn(g, 5, 1);
    tell_accept(g, 6, 2, "b", 0);
    tell_learn(g, 6, 2);
    tell_accept(g, 6, 3, "c", 0);
    assert_int_equal(alone_records(g, RECORD_MARK), 2);
    assert_int_equal(alone_record(g, RECORD_MARK)->mark.first, 2);
    assert_ballot(alone_record(g, RECORD_MARK)->ballot, 6, 1);
    nodes_free(g);
}

/* ---- recovery ---- */

/* Whatever was written last, the log can be read again: after each record. */
static void every_prefix_of_the_log_can_be_recovered(void **state)
{
    struct nodes *g = admitted();
    uint64_t written;

    (void)state;
    for (uint64_t s = 1; s <= 40; s++) {
        const uint64_t round = 5 + s / 7;

        if (s % 5 == 0)
            tell_chosen(g, s, round, "a");
        else
            tell_accept(g, round, s, "a", s / 7 * 7 < s - 1 ? s - 1 : 0);
        if (s % 3 == 0) tell_learn(g, round, s);
    }
    written = g->m[0].written;
    assert_true(alone_records(g, RECORD_MARK) > 2);
    assert_true(alone_records(g, RECORD_CHOSEN) > 2);
    nodes_kill(g, 0);
    for (uint64_t cut = written; cut > 0; cut--) {
        assert_int_equal(nodes_start(g, 0), 0);
        g->m[0].durable = cut - 1; /* what the new life wrote goes, too */
        nodes_kill(g, 0);
    }
    nodes_free(g);
}

static void recovery_restores_what_was_chosen(void **state)
{
    struct nodes *g = admitted();

    (void)state;
    for (uint64_t s = 1; s <= 10; s++) tell_accept(g, 5, s, "a", s - 1);
    tell_chosen(g, 12, 5, "b");
    assert_int_equal(chosen(g), 9);
    nodes_kill(g, 0);
    assert_int_equal(nodes_start(g, 0), 0);
    assert_int_equal(chosen(g), 9); /* 10 was never learned */
    assert_int_equal(nodes_status(g, 0).executed, 9);
    assert_ballot(nodes_status(g, 0).promised, 5, 1);
    alone_sync(g);
    tell_chosen(g, 10, 5, "a");
    tell_chosen(g, 11, 5, "a");
    assert_int_equal(chosen(g), 12); /* and 12 was known */
    nodes_free(g);
}

/* Records that no node writes: corruption, and no guessing. */
static void recover_of_marks_that_do_not_fit_is_corruption(void **state)
{
    struct nodes *g = admitted();
    struct message *mark;
    const struct message good = { .type = RECORD_MARK,
                                  .ballot = kit_ballot(5, 1),
                                  .mark = { 1, 2 } };

    (void)state;
    for (uint64_t s = 1; s <= 3; s++) tell_accept(g, 5, s, "a", 0);
    tell_learn(g, 5, 2);
    tell_accept(g, 5, 4, "a", 0);
    nodes_kill(g, 0);
    mark = NULL;
    for (struct packet *p = g->m[0].log; p; p = p->next) {
        if (p->message.type == RECORD_MARK) mark = &p->message;
    }
    assert_non_null(mark);
    assert_memory_equal(&mark->mark, &good.mark, sizeof good.mark);
    mark->ballot.round = 4; /* no vote at that ballot */
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    mark->ballot.round = 5;
    mark->mark.upto = 4; /* no vote yet */
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    mark->mark.upto = UINT64_C(1) << 62;
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    mark->mark = (struct mark){ 2, 1 };
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    mark->mark = good.mark;
    assert_int_equal(nodes_start(g, 0), 0);
    assert_int_equal(chosen(g), 2);
    nodes_free(g);
}

static void recover_of_two_chosen_values_is_corruption(void **state)
{
    struct nodes *g = admitted();
    struct packet *p;

    (void)state;
    tell_chosen(g, 1, 5, "a");
    tell_chosen(g, 2, 5, "b");
    nodes_kill(g, 0);
    for (p = g->m[0].log; p->message.type != RECORD_CHOSEN; p = p->next) {
    }
    p->next->message.decided.slot = 1;
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    p->next->message.decided.slot = 5000;
    assert_int_equal(nodes_start(g, 0), -EBADMSG);
    p->next->message.decided.slot = 2;
    assert_int_equal(nodes_start(g, 0), 0);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learn_covers_votes_at_its_ballot),
        cmocka_unit_test(learn_does_not_cover_votes_at_other_ballots),
        cmocka_unit_test(learn_before_its_accept_covers_it),
        cmocka_unit_test(learn_of_lower_ballot_changes_nothing),
        cmocka_unit_test(learn_far_beyond_the_window_is_bounded),
        cmocka_unit_test(chosen_told_in_heartbeats_is_no_learn),
        cmocka_unit_test(chosen_twice_with_one_value_is_harmless),
        cmocka_unit_test(chosen_twice_with_two_values_is_fatal),
        cmocka_unit_test(mark_of_votes_is_written_before_the_next_vote),
        cmocka_unit_test(mark_ends_where_the_ballot_changes),
        cmocka_unit_test(every_prefix_of_the_log_can_be_recovered),
        cmocka_unit_test(recovery_restores_what_was_chosen),
        cmocka_unit_test(recover_of_marks_that_do_not_fit_is_corruption),
        cmocka_unit_test(recover_of_two_chosen_values_is_corruption),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

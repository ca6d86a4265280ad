/* test_repair.c - src/node/repair.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/node_kit.h"

/* Member 0, admitted, follows member 1 at round 5. */
static struct nodes *following(void)
{
    struct nodes *g = alone_new(3);

    alone_admit(g);
    alone_beat(g, 1, 5, 0);
    alone_forget(g);
    return g;
}

static void tell_accept(struct nodes *g, uint64_t round, uint64_t slot,
                        uint64_t learn_upto)
{
    struct message m = kit_accept(round, 1, slot, "a");

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
    if (text) m.decided.value = kit_value(text);
    nodes_tell(g, 0, &m);
    alone_sync(g);
}

/* Member 0 knows slots 1..upto as chosen at round 5. */
static void know(struct nodes *g, uint64_t upto)
{
    for (uint64_t s = 1; s <= upto; s++) tell_accept(g, 5, s, s - 1);
    tell_learn(g, 5, upto);
    assert_int_equal(nodes_status(g, 0).executed, upto);
    alone_forget(g);
}

static void tell_fetch(struct nodes *g, uint8_t from, uint64_t first,
                       uint64_t last, uint64_t held_round)
{
    struct fetch f = { .ranges = { { first, last } }, .range_count = 1 };
    struct message m = alone_from(from, MESSAGE_FETCH);

    if (held_round) {
        f.held[0] = (struct run){ first, (uint32_t)(last - first + 1),
                                  kit_ballot(held_round, 1) };
        f.held_count = 1;
    }
    m.fetch = &f;
    nodes_tell(g, 0, &m);
}

/* ---- asking (P19) ---- */

/* Time passes, and members 1 and 2 are heard. */
static void pass(struct nodes *g, uint64_t ns)
{
    for (uint64_t at = 0; at < ns; at += NS_PER_MS) {
        alone_beat(g, 1, 5, 0);
        alone_beat(g, 2, 0, 0);
        alone_tick(g, NS_PER_MS);
        alone_flush(g);
    }
}

static void gap_is_asked_for_after_a_moment(void **state)
{
    struct nodes *g = following();
    const struct fetch *f;

    (void)state;
    tell_accept(g, 5, 1, 0);
    tell_accept(g, 5, 3, 0);
    tell_learn(g, 5, 3);
    assert_int_equal(nodes_status(g, 0).chosen, 1);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FETCH), 0);
    pass(g, 2 * NS_PER_MS);
    /* Nobody has said that it has more: the leader has. */
    f = alone_message(g, 1, MESSAGE_FETCH, 0)->fetch;
    assert_int_equal(f->range_count, 1);
    assert_int_equal(f->ranges[0].first, 2);
    assert_int_equal(f->ranges[0].last, 2);
    assert_int_equal(f->held_count, 0);
    nodes_free(g);
}

/* P16, P19: votes of other ballots are named: they may need no bytes. */
static void gap_with_votes_names_them(void **state)
{
    struct nodes *g = following();
    const struct fetch *f;

    (void)state;
    for (uint64_t s = 1; s <= 4; s++) tell_accept(g, 4 + s / 3, s, 0);
    tell_learn(g, 7, 4);
    pass(g, 2 * NS_PER_MS);
    f = alone_message(g, 1, MESSAGE_FETCH, 0)->fetch;
    assert_int_equal(f->ranges[0].first, 1);
    assert_int_equal(f->ranges[0].last, 4);
    assert_int_equal(f->held_count, 2);
    assert_int_equal(f->held[0].first, 1);
    assert_int_equal(f->held[0].count, 2);
    assert_ballot(f->held[0].ballot, 4, 1);
    assert_ballot(f->held[1].ballot, 5, 1);
    nodes_free(g);
}

static void gap_closed_in_time_is_not_asked_for(void **state)
{
    struct nodes *g = following();

    (void)state;
    tell_learn(g, 5, 1); /* it overtook the Accept */
    tell_accept(g, 5, 1, 0);
    assert_int_equal(nodes_status(g, 0).chosen, 1);
    pass(g, 100 * NS_PER_MS);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FETCH), 0);
    nodes_free(g);
}

/* P18: repeated with growing pauses; it costs little while nobody answers. */
static void gap_unanswered_is_asked_for_again(void **state)
{
    struct nodes *g = following();

    (void)state;
    tell_learn(g, 5, 3);
    pass(g, 50 * NS_PER_MS);
    assert_in_range(alone_sent(g, TO_GROUP, MESSAGE_FETCH), 2, 6);
    pass(g, 950 * NS_PER_MS);
    assert_in_range(alone_sent(g, TO_GROUP, MESSAGE_FETCH), 5, 20);
    tell_chosen(g, 1, 5, "a");
    tell_chosen(g, 2, 5, "a");
    tell_chosen(g, 3, 5, "a");
    alone_forget(g);
    pass(g, NS_PER_S);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_FETCH), 0);
    nodes_free(g);
}

/* What may be too much at a time is asked for in ever smaller portions. */
static void gap_unanswered_is_asked_for_bit_by_bit(void **state)
{
    struct nodes *g = following();
    unsigned asked;

    (void)state;
    tell_learn(g, 5, 100);
    pass(g, 3 * NS_PER_S);
    assert_int_equal(
        alone_message(g, 1, MESSAGE_FETCH, 0)->fetch->ranges[0].last, 100);
    asked = alone_sent(g, 1, MESSAGE_FETCH);
    assert_true(asked > 9);
    assert_int_equal(
        alone_message(g, 1, MESSAGE_FETCH, asked - 1)->fetch->ranges[0].last,
        1);
    nodes_free(g);
}

/* Who has it is known from heartbeats; what was asked for is asked on. */
static void gap_is_asked_of_those_who_have_it(void **state)
{
    struct nodes *g = following();

    (void)state;
    alone_beat(g, 2, 0, 600);
    alone_beat(g, 2, 0, 600); /* what it knew an interval ago is missing */
    for (unsigned i = 0; i < 3; i++) alone_tick(g, NS_PER_MS);
    assert_int_equal(alone_sent(g, 1, MESSAGE_FETCH), 0);
    assert_int_equal(
        alone_message(g, 2, MESSAGE_FETCH, 0)->fetch->ranges[0].last, 256);
    for (uint64_t s = 1; s <= 256; s++) tell_chosen(g, s, 5, "a");
    assert_int_equal(node_deadline_ns(g->m[0].node), g->now_ns); /* go on */
    alone_tick(g, 0);
    assert_int_equal(
        alone_message(g, 2, MESSAGE_FETCH, 1)->fetch->ranges[0].first, 257);
    assert_true(node_deadline_ns(g->m[0].node) > g->now_ns);
    nodes_free(g);
}

/* A leader does not wait for heartbeats to say who has what it lacks. */
static void gap_told_by_a_promise_is_asked_of_who_told(void **state)
{
    struct nodes *g = alone_new(3);

    (void)state;
    alone_admit(g);
    alone_stand(g, 7);
    alone_promise(g, 2, 7, 3);
    alone_sync(g);
    for (unsigned i = 0; i < 3; i++) alone_tick(g, NS_PER_MS);
    assert_int_equal(alone_sent(g, 1, MESSAGE_FETCH), 0);
    assert_int_equal(
        alone_message(g, 2, MESSAGE_FETCH, 0)->fetch->ranges[0].last, 3);
    nodes_free(g);
}

/* ---- answers ---- */

static void chosen_with_value_is_learned_and_written(void **state)
{
    struct nodes *g = following();

    (void)state;
    tell_chosen(g, 1, 4, "x");
    assert_int_equal(nodes_status(g, 0).executed, 1);
    assert_value(alone_record(g, RECORD_CHOSEN)->decided.value, "x");
    assert_ballot(alone_record(g, RECORD_CHOSEN)->ballot, 4, 1);
    nodes_free(g);
}

/* P19: without bytes it means the vote at exactly that ballot. */
static void chosen_without_value_needs_the_vote_of_that_ballot(void **state)
{
    struct nodes *g = following();

    (void)state;
    tell_chosen(g, 1, 5, NULL);
    assert_int_equal(nodes_status(g, 0).chosen, 0);
    tell_accept(g, 5, 1, 0);
    tell_chosen(g, 1, 4, NULL);
    tell_chosen(g, 1, 6, NULL);
    assert_int_equal(nodes_status(g, 0).chosen, 0);
    tell_chosen(g, 1, 5, NULL);
    assert_int_equal(nodes_status(g, 0).chosen, 1);
    nodes_free(g);
}

static void chosen_beyond_all_bounds_is_dropped(void **state)
{
    struct nodes *g = following();

    (void)state;
    tell_chosen(g, UINT64_C(1) << 62, 5, "a");
    tell_chosen(g, 2049, 5, "a");
    assert_int_equal(nodes_status(g, 0).counters.drop_pool, 2);
    assert_int_equal(nodes_status(g, 0).pool_bytes, 0);
    tell_chosen(g, 2048, 5, "a");
    assert_int_not_equal(nodes_status(g, 0).pool_bytes, 0);
    nodes_free(g);
}

/* P14: the last of the log is for promises; what is fetched must wait. */
static void chosen_when_the_log_is_all_but_full_is_dropped(void **state)
{
    struct nodes *g = following();

    (void)state;
    nodes_step(g, 0, &(struct event){ .type = EVENT_FULL, .seq = 2 });
    tell_chosen(g, 1, 5, "a");
    assert_int_equal(alone_records(g, RECORD_CHOSEN), 0);
    assert_int_equal(nodes_status(g, 0).chosen, 0);
    nodes_step(g, 0, &(struct event){ .type = EVENT_FULL, .seq = 1 });
    tell_chosen(g, 1, 5, "a");
    assert_int_equal(nodes_status(g, 0).chosen, 1);
    nodes_free(g);
}

/* P15: a chosen value that differs from the own proposal ends the leader in
 * that very step. */
static void chosen_that_differs_preempts_the_leader(void **state)
{
    struct nodes *g = alone_new(3);

    (void)state;
    alone_admit(g);
    alone_lead(g, 9);
    alone_vote(g, 1, 9, 1, 1);
    alone_forget(g);
    tell_chosen(g, 2, 10, "x"); /* the own one in slot 2 never left */
    assert_int_not_equal(nodes_status(g, 0).role, NODE_LEADER);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_LEARN), 0);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_ACCEPT), 0);
    nodes_free(g);
}

static void chosen_that_is_the_own_proposal_counts(void **state)
{
    struct nodes *g = alone_new(3);
    struct message m = alone_from(2, MESSAGE_CHOSEN);

    (void)state;
    alone_admit(g);
    alone_lead(g, 9);
    m.ballot = kit_ballot(9, 0);
    m.decided.slot = 1;
    m.decided.value = alone_message(g, 1, MESSAGE_ACCEPT, 0)->accept.value;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    assert_true(nodes_status(g, 0).serving);
    nodes_free(g);
}

/* ---- giving ---- */

static void fetch_is_answered_from_memory(void **state)
{
    struct nodes *g = following();
    const struct message *m;

    (void)state;
    know(g, 5);
    tell_fetch(g, 2, 2, 3, 0);
    assert_int_equal(alone_sent(g, 2, MESSAGE_CHOSEN), 2);
    m = alone_message(g, 2, MESSAGE_CHOSEN, 1);
    assert_int_equal(m->decided.slot, 3);
    assert_ballot(m->ballot, 5, 1);
    assert_value(m->decided.value, "a");
    nodes_free(g);
}

/* P19: no bytes only for the ballot under which it was shown chosen. */
static void fetch_with_the_vote_held_gets_no_bytes(void **state)
{
    struct nodes *g = following();

    (void)state;
    know(g, 5);
    tell_fetch(g, 2, 2, 2, 5);
    assert_int_equal(alone_message(g, 2, MESSAGE_CHOSEN, 0)->decided.value.len,
                     0);
    alone_forget(g);
    tell_fetch(g, 2, 2, 2, 4); /* an older vote: it may be another value */
    assert_value(alone_message(g, 2, MESSAGE_CHOSEN, 0)->decided.value, "a");
    nodes_free(g);
}

/* Pitfall 30: a vote is not served as chosen. */
static void fetch_of_what_is_only_accepted_gets_nothing(void **state)
{
    struct nodes *g = following();

    (void)state;
    know(g, 5);
    tell_accept(g, 5, 6, 5);
    alone_forget(g);
    tell_fetch(g, 2, 6, 6, 0);
    tell_fetch(g, 2, 6, 6, 5);
    tell_fetch(g, 2, UINT64_C(1) << 61, UINT64_C(1) << 62, 0);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_CHOSEN), 0);
    nodes_free(g);
}

static void fetch_of_much_is_answered_in_part(void **state)
{
    struct nodes *g = following();

    (void)state;
    know(g, 900);
    tell_fetch(g, 2, 1, 65536, 0);
    assert_int_equal(alone_sent(g, 2, MESSAGE_CHOSEN), 256);
    nodes_free(g);
}

static struct message record_of(uint64_t slot, uint64_t round, uint8_t type)
{
    struct message m = kit_accept(round, 1, slot, "a");

    m.type = type;
    if (type != RECORD_CHOSEN) return m;
    m.decided = (struct decided){ slot, kit_value("a") };
    return m;
}

static void tell_record(struct nodes *g, uint64_t tag, struct message r)
{
    const struct event ev = { .type = EVENT_RECORD, .tag = tag, .message = &r };

    nodes_step(g, 0, &ev);
}

/* What is not in memory is read from the log: one reading for each peer. */
static void fetch_of_older_slots_reads_the_log(void **state)
{
    struct nodes *g = following();
    const struct event done = { .type = EVENT_READ_DONE, .tag = 2 };

    (void)state;
    know(g, 1500);
    tell_fetch(g, 2, 5, 7, 0);
    assert_int_equal(g->m[0].reads, 1);
    assert_int_equal(g->m[0].order[0].first, 5);
    assert_int_equal(g->m[0].order[0].last, 7);
    tell_fetch(g, 2, 5, 7, 0);
    assert_int_equal(g->m[0].reads, 1);
    tell_fetch(g, 1, 5, 7, 0);
    assert_int_equal(g->m[0].reads, 2);
    nodes_step(g, 0, &done);
    tell_fetch(g, 2, 5, 7, 0);
    assert_int_equal(g->m[0].reads, 3);
    nodes_free(g);
}

/* Pitfall 30: the log holds votes that came to nothing; they are not served. */
static void record_of_another_ballot_is_not_served(void **state)
{
    struct nodes *g = following();

    (void)state;
    know(g, 1500);
    tell_record(g, 2, record_of(5, 4, RECORD_ACCEPT));
    tell_record(g, 2, record_of(1501, 5, RECORD_ACCEPT));
    tell_record(g, 2, record_of(5, 5, RECORD_PROMISE));
    tell_record(g, 3, record_of(5, 5, RECORD_ACCEPT)); /* nobody's tag */
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_CHOSEN), 0);
    tell_record(g, 2, record_of(5, 5, RECORD_ACCEPT));
    assert_int_equal(alone_sent(g, 2, MESSAGE_CHOSEN), 1);
    tell_record(g, 1, record_of(6, 5, RECORD_CHOSEN));
    assert_int_equal(alone_message(g, 1, MESSAGE_CHOSEN, 0)->decided.slot, 6);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gap_is_asked_for_after_a_moment),
        cmocka_unit_test(gap_with_votes_names_them),
        cmocka_unit_test(gap_closed_in_time_is_not_asked_for),
        cmocka_unit_test(gap_unanswered_is_asked_for_again),
        cmocka_unit_test(gap_unanswered_is_asked_for_bit_by_bit),
        cmocka_unit_test(gap_is_asked_of_those_who_have_it),
        cmocka_unit_test(gap_told_by_a_promise_is_asked_of_who_told),
        cmocka_unit_test(chosen_with_value_is_learned_and_written),
        cmocka_unit_test(chosen_without_value_needs_the_vote_of_that_ballot),
        cmocka_unit_test(chosen_beyond_all_bounds_is_dropped),
        cmocka_unit_test(chosen_when_the_log_is_all_but_full_is_dropped),
        cmocka_unit_test(chosen_that_differs_preempts_the_leader),
        cmocka_unit_test(chosen_that_is_the_own_proposal_counts),
        cmocka_unit_test(fetch_is_answered_from_memory),
        cmocka_unit_test(fetch_with_the_vote_held_gets_no_bytes),
        cmocka_unit_test(fetch_of_what_is_only_accepted_gets_nothing),
        cmocka_unit_test(fetch_of_much_is_answered_in_part),
        cmocka_unit_test(fetch_of_older_slots_reads_the_log),
        cmocka_unit_test(record_of_another_ballot_is_not_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

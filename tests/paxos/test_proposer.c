/* test_proposer.c - src/paxos/proposer.c: phase 2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "support/proposer_kit.h"

static int set_up(void **state)
{
    *state = proposer_kit_new(3);
    return 0;
}

static int set_up_four(void **state)
{
    *state = proposer_kit_new(4);
    return 0;
}

static int set_up_five(void **state)
{
    *state = proposer_kit_new(5);
    return 0;
}

static int tear_down(void **state)
{
    proposer_kit_free(*state);
    return 0;
}

static bool elsewhere(struct proposer_kit *f, uint64_t slot, const char *text)
{
    return proposer_on_chosen_elsewhere(&f->p, slot, kit_value(text));
}

/* ---- proposing ---- */

static void propose_is_sent_sealed_by_the_next_pump(void **state)
{
    struct proposer_kit *f = *state;
    const struct message *m;
    uint8_t to;

    take_over(f, 7, 4);
    f->now_ns += 500;
    propose(f, "a", NULL);
    assert_int_equal(proposer_deadline_ns(&f->p), 0); /* pump at once */
    pump(f);
    m = kit_send(&f->k, MESSAGE_ACCEPT, 0, &to);
    assert_int_equal(to, TO_GROUP);
    assert_ballot(m->ballot, 7, 0);
    assert_int_equal(m->accept.slot, 6); /* 5 is the takeover */
    assert_int_equal(m->accept.learn_upto, 4);
    assert_true(value_is_valid(m->accept.value.bytes, m->accept.value.len));
    assert_int_equal(value_time_ns(m->accept.value.bytes), 1500); /* P28 */
    pump(f);
    assert_int_equal(f->k.out.count, 0);
}

static void pump_sends_a_bounded_burst(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    for (unsigned i = 0; i < PROPOSER_BURST + 5; i++) propose(f, "a", NULL);
    pump(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), PROPOSER_BURST);
    assert_int_equal(proposer_deadline_ns(&f->p), 0);
    pump(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), 5);
    assert_true(proposer_deadline_ns(&f->p) > f->now_ns);
}

/* Pitfall 11: the leader's time does not go back, and no faster than its own
 * clock, unless the state is ahead. */
static void keep_time_moves_only_ahead(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    f->now_ns += 100;
    proposer_keep_time(&f->p, 1050, f->now_ns);
    propose(f, "a", NULL);
    pump(f);
    assert_int_equal(
        value_time_ns(
            kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.value.bytes),
        1100);
    proposer_keep_time(&f->p, 5000, f->now_ns);
    f->now_ns += 10;
    propose(f, "b", NULL);
    pump(f);
    assert_int_equal(
        value_time_ns(
            kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.value.bytes),
        5010);
}

/* P22: the window is a bound on slots in flight. */
static void window_is_full_at_so_many_slots(void **state)
{
    struct proposer_kit *f = *state;

    assert_false(proposer_has_window(&f->p));
    take_over(f, 7, 0);
    for (unsigned i = 0; i < 255; i++) {
        assert_true(proposer_has_window(&f->p));
        propose(f, "a", NULL);
    }
    assert_false(proposer_has_window(&f->p));
    pump(f);
    pump(f);
    accepted(f, 0, 1, 1);
    accepted(f, 1, 1, 1);
    assert_false(proposer_has_window(&f->p)); /* not taken yet */
    assert_int_equal(take_chosen(f), 1);
    assert_true(proposer_has_window(&f->p));
}

static void window_is_full_at_so_many_bytes(void **state)
{
    struct proposer_kit *f = *state;
    unsigned count = 0;

    take_over(f, 7, 0);
    while (proposer_has_window(&f->p)) {
        struct blob *b = kit_room(&f->k, 16000);

        proposer_propose(&f->p, b, VALUE_COMMANDS, 1, NULL, f->now_ns);
        count++;
    }
    assert_int_equal(count, (1u << 18) / 16016 + 1);
}

static void window_is_full_so_far_ahead_of_execution(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 2000);
    f->p.executed = 2001 - PROPOSER_AHEAD;
    assert_false(proposer_has_window(&f->p));
    f->p.executed++;
    assert_true(proposer_has_window(&f->p));
}

/* ---- votes ---- */

static void votes_of_a_majority_choose(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    accepted(f, 0, 1, 1);
    assert_null(proposer_next_chosen(&f->p));
    accepted(f, 2, 1, 1);
    assert_int_equal(proposer_next_chosen(&f->p)->slot, 1);
    assert_int_equal(take_chosen(f), 1);
    assert_int_equal(f->p.chosen_upto, 1);
}

/* Pitfall 2, 20: a set, not a counter. */
static void vote_doubled_counts_once(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    accepted(f, 1, 1, 1);
    accepted(f, 1, 1, 1);
    accepted(f, 1, 1, 1);
    assert_null(proposer_next_chosen(&f->p));
    accepted(f, 2, 1, 1);
    assert_non_null(proposer_next_chosen(&f->p));
}

/* Pitfall 18: two of four choose nothing. */
static void votes_of_half_an_even_group_choose_nothing(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    accepted(f, 0, 1, 1);
    accepted(f, 3, 1, 1);
    assert_null(proposer_next_chosen(&f->p));
    accepted(f, 1, 1, 1);
    assert_non_null(proposer_next_chosen(&f->p));
}

/* Pitfall 25: at least a majority; votes that come late are harmless. */
static void votes_beyond_the_majority_are_harmless(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    for (uint8_t i = 0; i < 5; i++) accepted(f, i, 1, 1);
    assert_int_equal(take_chosen(f), 1);
    for (uint8_t i = 0; i < 5; i++) accepted(f, i, 1, 1);
    assert_int_equal(take_chosen(f), 0);
    assert_int_equal(f->p.chosen_upto, 1);
}

/* Pitfall 3: votes of another ballot are not added up. */
static void votes_of_another_ballot_are_not_counted(void **state)
{
    struct proposer_kit *f = *state;
    const struct range range = { 1, 1 };
    struct message m = { .type = MESSAGE_ACCEPTED,
                         .from = 2,
                         .ballot = kit_ballot(6, 0),
                         .count = 1,
                         .ranges = &range };

    take_over(f, 7, 0);
    accepted(f, 0, 1, 1);
    proposer_on_accepted(&f->p, &m, f->now_ns);
    m.ballot = kit_ballot(7, 1);
    proposer_on_accepted(&f->p, &m, f->now_ns);
    assert_null(proposer_next_chosen(&f->p));
    m.ballot = kit_ballot(7, 0);
    proposer_on_accepted(&f->p, &m, f->now_ns);
    assert_non_null(proposer_next_chosen(&f->p));
}

/* Pitfall 3: nor those of the same proposer's ballot before. */
static void votes_of_the_last_ballot_are_forgotten(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    accepted(f, 1, 1, 1);
    proposer_preempt(&f->p);
    take_over(f, 8, 0);
    accepted(f, 2, 1, 1);
    assert_null(proposer_next_chosen(&f->p));
    accepted(f, 0, 1, 1);
    assert_non_null(proposer_next_chosen(&f->p));
}

/* A member that lies about slots reaches no more than what was sent. */
static void votes_for_slots_not_sent_are_ignored(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 4);
    propose(f, "a", NULL);
    accepted(f, 1, 1, UINT64_C(1) << 62);
    accepted(f, 2, 1, UINT64_C(1) << 62);
    assert_int_equal(take_chosen(f), 1); /* the takeover alone was sent */
    pump(f);
    assert_null(proposer_next_chosen(&f->p));
    accepted(f, 1, 6, 6);
    accepted(f, 2, 6, 6);
    assert_int_equal(take_chosen(f), 1);
}

static void chosen_out_of_order_is_taken_in_order(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    propose(f, "a", NULL);
    propose(f, "b", NULL);
    pump(f);
    accepted(f, 1, 2, 3);
    accepted(f, 2, 2, 3);
    assert_null(proposer_next_chosen(&f->p));
    accepted(f, 1, 1, 1);
    accepted(f, 2, 1, 1);
    assert_int_equal(take_chosen(f), 3);
}

/* ---- chosen by others ---- */

/* P15: a chosen value that differs from the own proposal. */
static void chosen_elsewhere_is_compared_with_the_proposal(void **state)
{
    struct proposer_kit *f = *state;
    const struct message *m;

    assert_true(elsewhere(f, 1, "x")); /* idle: no business of its own */
    take_over(f, 7, 4);
    assert_true(elsewhere(f, 4, "x")); /* below: for the learner to compare */
    assert_false(elsewhere(f, 5, "x"));
    propose(f, "a", NULL);
    assert_false(elsewhere(f, 6, "a")); /* not sent at this ballot */
    pump(f);
    assert_false(elsewhere(f, 6, "b"));
    m = kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL);
    assert_true(proposer_on_chosen_elsewhere(&f->p, 6, m->accept.value));
    assert_false(elsewhere(f, UINT64_C(1) << 62, "a"));
}

/* What is executed before its votes are counted gives its value back. */
static void chosen_elsewhere_and_executed_leaves_nothing(void **state)
{
    struct proposer_kit *f = *state;
    struct blob *context = blob_new(&f->k.pool, 4);
    struct value v;

    take_over(f, 7, 0);
    propose(f, "a", context);
    pump(f);
    v = kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.value;
    v = value_of(blob_ref(v.blob));
    assert_true(proposer_on_chosen_elsewhere(&f->p, 2, v));
    accepted(f, 1, 1, 1);
    accepted(f, 2, 1, 1);
    proposer_on_executed(&f->p, 1,
                         value_of(proposer_next_chosen(&f->p)->value));
    assert_ptr_equal(proposer_on_executed(&f->p, 2, v), context);
    assert_int_equal(take_chosen(f), 2);
    blob_unref(&f->k.pool, context);
    blob_unref(&f->k.pool, v.blob);
    assert_int_equal(f->k.pool.bytes_used, 0);
    assert_int_equal(f->p.bytes_in_flight, 0);
}

static void executed_gives_context_of_the_own_value_alone(void **state)
{
    struct proposer_kit *f = *state;
    struct blob *mine = blob_new(&f->k.pool, 4);
    struct blob *other = blob_ref(blob_new(&f->k.pool, 4));
    struct value v;

    take_over(f, 7, 0);
    propose(f, "a", mine);
    propose(f, "b", other);
    pump(f);
    v = kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.value;
    proposer_preempt(&f->p); /* and others choose */
    assert_null(proposer_on_executed(&f->p, 1, kit_value("x")));
    assert_ptr_equal(proposer_on_executed(&f->p, 2, v), mine);
    assert_null(proposer_on_executed(&f->p, 3, kit_value("x")));
    assert_int_equal(other->refs, 1);
}

/* Executed before its votes were counted, and then they are not any more:
 * what is held of it is given back, however the leadership ends. */
static void lead_ends_and_leaves_nothing(struct proposer_kit *f,
                                         void (*end)(struct proposer_kit *f))
{
    struct value v;

    take_over(f, 7, 0);
    propose(f, "a", NULL);
    propose(f, "b", NULL);
    pump(f);
    v = kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.value;
    v = value_of(blob_ref(v.blob));
    proposer_on_executed(&f->p, 1, value_of(f->p.ring[1].value));
    assert_true(proposer_on_chosen_elsewhere(&f->p, 2, v));
    proposer_on_executed(&f->p, 2, v);
    end(f);
    assert_int_equal(v.blob->refs, 1);
    blob_unref(&f->k.pool, v.blob);
    assert_null(f->p.ring[1].value);
    assert_non_null(f->p.ring[3].value); /* who asked may yet be told */
}

static void be_preempted(struct proposer_kit *f)
{
    proposer_preempt(&f->p);
}

static void preempt_gives_back_what_was_executed_already(void **state)
{
    lead_ends_and_leaves_nothing(*state, be_preempted);
}

/* Until its last words are said. */
static void rest_after_resigning(struct proposer_kit *f)
{
    proposer_resign(&f->p, f->now_ns, &f->k.out);
    proposer_on_tick(&f->p, 0, f->now_ns, &f->k.out);
    assert_int_equal(f->p.phase, PROPOSER_IDLE);
}

static void resigned_gives_back_what_was_executed_already(void **state)
{
    lead_ends_and_leaves_nothing(*state, rest_after_resigning);
}

/* E8: the successor has no need to ask for what only the leader knows. */
static void resigning_tells_what_is_chosen(void **state)
{
    struct proposer_kit *f = *state;
    const struct message *m;
    struct value v;
    uint8_t to;

    take_over(f, 7, 0);
    propose(f, "a", NULL);
    pump(f);
    v = value_of(f->p.ring[1].value);
    assert_true(proposer_on_chosen_elsewhere(&f->p, 1, v));
    proposer_chosen_taken(&f->p);
    kit_clear(&f->k);
    proposer_resign(&f->p, f->now_ns, &f->k.out);
    m = kit_send(&f->k, MESSAGE_LEARN, 0, &to);
    assert_int_equal(to, TO_GROUP);
    assert_ballot(m->ballot, 7, 0);
    assert_int_equal(m->learn.upto, 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_LEARN), 1);
}

static void die_after_resigning(struct proposer_kit *f)
{
    proposer_resign(&f->p, f->now_ns + 1, &f->k.out);
    proposer_die(&f->p);
    assert_int_equal(f->p.phase, PROPOSER_IDLE);
}

static void stand_after_resigning(struct proposer_kit *f)
{
    proposer_resign(&f->p, f->now_ns + 1, &f->k.out);
    proposer_start(&f->p, 8, 3, f->now_ns, &f->k.out);
}

static void standing_again_gives_back_what_was_executed_already(void **state)
{
    lead_ends_and_leaves_nothing(*state, stand_after_resigning);
}

static void dead_gives_back_what_was_executed_already(void **state)
{
    lead_ends_and_leaves_nothing(*state, die_after_resigning);
}

/* ---- learning ---- */

static void flush_tells_what_no_accept_has_told(void **state)
{
    struct proposer_kit *f = *state;
    const struct message *m;
    uint8_t to;

    take_over(f, 7, 0);
    flush(f);
    assert_int_equal(f->k.out.count, 0);
    accepted(f, 1, 1, 1);
    accepted(f, 2, 1, 1);
    take_chosen(f);
    flush(f);
    assert_int_equal(f->k.out.count, 0); /* the next Accept may take it */
    assert_int_equal(proposer_deadline_ns(&f->p),
                     f->now_ns + PROPOSER_LEARN_NS);
    f->now_ns += PROPOSER_LEARN_NS;
    flush(f);
    m = kit_send(&f->k, MESSAGE_LEARN, 0, &to);
    assert_int_equal(to, TO_GROUP);
    assert_ballot(m->ballot, 7, 0);
    assert_int_equal(m->learn.upto, 1);
    flush(f);
    assert_int_equal(f->k.out.count, 0);
}

static void flush_is_silent_when_an_accept_told(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    accepted(f, 1, 1, 1);
    accepted(f, 2, 1, 1);
    take_chosen(f);
    propose(f, "a", NULL);
    pump(f);
    assert_int_equal(
        kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.learn_upto, 1);
    flush(f);
    assert_int_equal(f->k.out.count, 0);
}

/* P15: a proposer that is preempted sends nothing more at its ballot. */
static void preempt_ends_accepts_and_learns(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    propose(f, "a", NULL);
    accepted(f, 1, 1, 1);
    accepted(f, 2, 1, 1);
    take_chosen(f);
    proposer_preempt(&f->p);
    pump(f);
    assert_int_equal(f->k.out.count, 0);
    flush(f);
    assert_int_equal(f->k.out.count, 0);
    f->now_ns += NS_PER_S;
    tick(f, 7);
    assert_int_equal(f->k.out.count, 0);
    accepted(f, 1, 2, 2);
    accepted(f, 2, 2, 2);
    assert_null(proposer_next_chosen(&f->p));
    assert_false(proposer_has_window(&f->p));
    assert_int_equal(proposer_deadline_ns(&f->p), NEVER_NS);
    assert_int_equal(f->p.counters.preemptions, 1);
    proposer_preempt(&f->p); /* again: nothing to end */
    assert_int_equal(f->p.counters.preemptions, 1);
}

/* Pitfall 9: leading is not serving. */
static void serving_begins_when_the_takeover_is_executed(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 4);
    assert_true(proposer_is_leading(&f->p));
    assert_false(proposer_is_serving(&f->p));
    accepted(f, 1, 5, 5);
    accepted(f, 2, 5, 5);
    take_chosen(f);
    assert_false(proposer_is_serving(&f->p));
    proposer_on_executed(&f->p, 5, kit_value("x"));
    assert_true(proposer_is_serving(&f->p));
    proposer_preempt(&f->p);
    assert_false(proposer_is_serving(&f->p));
}

/* ---- repeating ---- */

/* P18: unicast where one member lacks it; P13: the very bytes. */
static void accept_that_one_member_lacks_goes_to_it_alone(void **state)
{
    struct proposer_kit *f = *state;
    const uint8_t *bytes;
    const struct message *m;
    uint8_t to;

    take_over(f, 7, 0);
    bytes = kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.value.bytes;
    accepted(f, 0, 1, 1);
    accepted(f, 3, 1, 1);
    f->now_ns = proposer_deadline_ns(&f->p);
    tick(f, 0x0b); /* 0, 1 and 3 are heard */
    m = kit_send(&f->k, MESSAGE_ACCEPT, 0, &to);
    assert_int_equal(to, 1);
    assert_ptr_equal(m->accept.value.bytes, bytes);
    assert_int_equal(f->p.counters.resent, 1);
}

static void accept_that_two_members_lack_goes_to_the_group(void **state)
{
    struct proposer_kit *f = *state;
    uint8_t to;

    take_over(f, 7, 0);
    accepted(f, 0, 1, 1);
    f->now_ns = proposer_deadline_ns(&f->p);
    tick(f, 0x1f);
    kit_send(&f->k, MESSAGE_ACCEPT, 0, &to);
    assert_int_equal(to, TO_GROUP);
}

/* P18: multicast may be what does not get through. */
static void accept_repeated_again_goes_to_each_member_that_lacks_it(
    void **state)
{
    struct proposer_kit *f = *state;
    uint8_t to;

    take_over(f, 7, 0);
    accepted(f, 0, 1, 1);
    for (unsigned i = 0; i < 2; i++) {
        f->now_ns = proposer_deadline_ns(&f->p) + NS_PER_S;
        tick(f, 0x0b);
    }
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), 2);
    kit_send(&f->k, MESSAGE_ACCEPT, 0, &to);
    assert_int_equal(to, 1);
    kit_send(&f->k, MESSAGE_ACCEPT, 1, &to);
    assert_int_equal(to, 3);
    f->now_ns = proposer_deadline_ns(&f->p) + NS_PER_S;
    tick(f, 0x0b);
    kit_send(&f->k, MESSAGE_ACCEPT, 0, &to);
    assert_int_equal(to, TO_GROUP);
    f->now_ns = proposer_deadline_ns(&f->p) + NS_PER_S;
    tick(f, 1);
    kit_send(&f->k, MESSAGE_ACCEPT, 0, &to);
    assert_int_equal(to, TO_GROUP); /* nobody else is heard */
}

/* P18: a dead node costs nothing once a majority has answered. */
static void accept_that_is_chosen_is_not_repeated(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    accepted(f, 0, 1, 1);
    accepted(f, 1, 1, 1);
    accepted(f, 2, 1, 1);
    f->now_ns += NS_PER_S;
    tick(f, 0x1f);
    assert_int_equal(f->k.out.count, 0);
    take_chosen(f);
    f->now_ns += NS_PER_S;
    tick(f, 0x1f);
    assert_int_equal(f->k.out.count, 0);
    assert_int_equal(proposer_deadline_ns(&f->p), NEVER_NS);
}

/* A deadline lies in the future after each tick, and not too far. */
static void tick_repeats_with_growing_pauses(void **state)
{
    struct proposer_kit *f = *state;
    unsigned sent = 0;

    take_over(f, 7, 0);
    for (unsigned i = 0; i < 200; i++) {
        const uint64_t due = proposer_deadline_ns(&f->p);

        assert_true(due > f->now_ns);
        assert_true(due - f->now_ns <= 300 * NS_PER_MS);
        f->now_ns = due;
        tick(f, 7);
        sent += kit_sent(&f->k, MESSAGE_ACCEPT);
    }
    assert_true(sent > 10);
    assert_true(f->now_ns < 60 * NS_PER_S);
}

static void tick_repeats_a_bounded_number(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    for (unsigned i = 0; i < 100; i++) propose(f, "a", NULL);
    pump(f);
    f->now_ns += 10 * NS_PER_S;
    tick(f, 7);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), PROPOSER_RESEND);
    assert_true(proposer_deadline_ns(&f->p) > f->now_ns);
    f->now_ns = proposer_deadline_ns(&f->p);
    tick(f, 7);
    assert_true(kit_sent(&f->k, MESSAGE_ACCEPT) >= 101 - PROPOSER_RESEND);
}

/* P18: so many long messages at a time that none got through, for ever. */
static void tick_repeats_fewer_where_nothing_gets_through(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    for (unsigned i = 0; i < 100; i++) propose(f, "a", NULL);
    pump(f);
    for (unsigned i = 0; i < 21; i++) {
        f->now_ns += NS_PER_S;
        tick(f, 7);
    }
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), 1);

    /* It does get through: those behind it come in numbers again. */
    accepted(f, 0, 1, 64);
    accepted(f, 1, 1, 64);
    assert_int_equal(take_chosen(f), 64);
    f->now_ns += NS_PER_S;
    tick(f, 7);
    assert_true(kit_sent(&f->k, MESSAGE_ACCEPT) > 1);
}

/* ---- measuring ---- */

static void rto_follows_the_round_trips_within_its_bounds(void **state)
{
    struct proposer_kit *f = *state;

    take_over(f, 7, 0);
    for (uint64_t s = 1; s <= 100; s++) {
        f->now_ns += 20 * NS_PER_MS;
        accepted(f, 1, s, s);
        accepted(f, 2, s, s);
        take_chosen(f);
        proposer_on_executed(&f->p, s, kit_value("x"));
        propose(f, "a", NULL);
        pump(f);
    }
    assert_in_range(proposer_rto_ns(&f->p), 20 * NS_PER_MS, 30 * NS_PER_MS);
    for (uint64_t s = 101; s <= 300; s++) {
        f->now_ns += 10 * NS_PER_US;
        accepted(f, 1, s, s);
        accepted(f, 2, s, s);
        take_chosen(f);
        proposer_on_executed(&f->p, s, kit_value("x"));
        propose(f, "a", NULL);
        pump(f);
    }
    assert_int_equal(proposer_rto_ns(&f->p), 2 * NS_PER_MS);
}

/* Karn: an answer to what was sent twice measures nothing. */
static void rto_ignores_what_was_repeated(void **state)
{
    struct proposer_kit *f = *state;
    const uint64_t before = proposer_rto_ns(&f->p);

    take_over(f, 7, 0);
    f->now_ns += 10 * NS_PER_S;
    tick(f, 7);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), 1);
    accepted(f, 1, 1, 1);
    accepted(f, 2, 1, 1);
    assert_int_equal(take_chosen(f), 1);
    assert_int_equal(proposer_rto_ns(&f->p), before);
}

static void init_needs_exactly_its_size(void **state)
{
    struct proposer_kit *f = *state;
    struct proposer p;
    struct arena arena;
    void *memory = aligned_alloc(ARENA_ALIGN, proposer_size());

    arena_init(&arena, memory, proposer_size() - ARENA_ALIGN);
    assert_int_equal(
        proposer_init(&p, &f->k.group, &f->k.pool, &f->p.cfg, &arena), -ENOMEM);
    arena_init(&arena, memory, proposer_size());
    assert_int_equal(
        proposer_init(&p, &f->k.group, &f->k.pool, &f->p.cfg, &arena), 0);
    free(memory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define FOUR(name) cmocka_unit_test_setup_teardown(name, set_up_four, tear_down)
#define FIVE(name) cmocka_unit_test_setup_teardown(name, set_up_five, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(propose_is_sent_sealed_by_the_next_pump),
        TEST(pump_sends_a_bounded_burst),
        TEST(keep_time_moves_only_ahead),
        TEST(window_is_full_at_so_many_slots),
        TEST(window_is_full_at_so_many_bytes),
        TEST(window_is_full_so_far_ahead_of_execution),
        TEST(votes_of_a_majority_choose),
        TEST(vote_doubled_counts_once),
        FOUR(votes_of_half_an_even_group_choose_nothing),
        FIVE(votes_beyond_the_majority_are_harmless),
        TEST(votes_of_another_ballot_are_not_counted),
        TEST(votes_of_the_last_ballot_are_forgotten),
        TEST(votes_for_slots_not_sent_are_ignored),
        TEST(chosen_out_of_order_is_taken_in_order),
        TEST(chosen_elsewhere_is_compared_with_the_proposal),
        TEST(chosen_elsewhere_and_executed_leaves_nothing),
        TEST(executed_gives_context_of_the_own_value_alone),
        TEST(preempt_gives_back_what_was_executed_already),
        TEST(resigned_gives_back_what_was_executed_already),
        TEST(resigning_tells_what_is_chosen),
        TEST(standing_again_gives_back_what_was_executed_already),
        TEST(dead_gives_back_what_was_executed_already),
        TEST(flush_tells_what_no_accept_has_told),
        TEST(flush_is_silent_when_an_accept_told),
        TEST(preempt_ends_accepts_and_learns),
        TEST(serving_begins_when_the_takeover_is_executed),
        FIVE(accept_that_one_member_lacks_goes_to_it_alone),
        FIVE(accept_that_two_members_lack_goes_to_the_group),
        FIVE(accept_repeated_again_goes_to_each_member_that_lacks_it),
        FIVE(accept_that_is_chosen_is_not_repeated),
        TEST(tick_repeats_with_growing_pauses),
        TEST(tick_repeats_a_bounded_number),
        TEST(tick_repeats_fewer_where_nothing_gets_through),
        TEST(rto_follows_the_round_trips_within_its_bounds),
        TEST(rto_ignores_what_was_repeated),
        TEST(init_needs_exactly_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

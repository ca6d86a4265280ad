/* test_candidate.c - src/paxos/candidate.c: phase 1 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "support/proposer_kit.h"

static int set_up(void **state)
{
    *state = proposer_kit_new(3);
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

/* The Accept that was sent for slot, which must be there. */
static const struct message *sent_for(const struct proposer_kit *f,
                                      uint64_t slot)
{
    for (unsigned i = 0;; i++) {
        const struct message *m = kit_send(&f->k, MESSAGE_ACCEPT, i, NULL);

        if (m->accept.slot == slot) return m;
    }
}

static uint8_t kind_of(const struct message *accept)
{
    return value_kind(accept->accept.value.bytes);
}

/* ---- asking ---- */

/* Pitfall 5, P2: the own promise is durable before others hear of it. */
static void start_asks_the_own_acceptor_alone(void **state)
{
    struct proposer_kit *f = *state;
    const struct message *m;
    uint8_t to;

    start(f, 7, 4);
    assert_int_equal(f->k.out.count, 1);
    m = kit_send(&f->k, MESSAGE_PREPARE, 0, &to);
    assert_int_equal(to, 0);
    assert_ballot(m->ballot, 7, 0);
    assert_int_equal(m->prepare.from, 4);
}

static void promise_of_own_acceptor_asks_the_group(void **state)
{
    struct proposer_kit *f = *state;
    uint8_t to;

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    kit_send(&f->k, MESSAGE_PREPARE, 0, &to);
    assert_int_equal(to, TO_GROUP);
    assert_int_equal(f->p.phase, PROPOSER_PREPARING);
}

static void promises_without_the_own_are_not_enough(void **state)
{
    struct proposer_kit *f = *state;

    start(f, 7, 1);
    promise(f, 1, 0, NULL, 0);
    promise(f, 2, 0, NULL, 0);
    assert_int_equal(f->p.phase, PROPOSER_PREPARING);
    promise(f, 0, 0, NULL, 0);
    assert_true(proposer_is_ready(&f->p));
}

/* Pitfall 2: one member, one promise. */
static void promise_doubled_counts_once(void **state)
{
    struct proposer_kit *f = *state;

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    promise(f, 0, 0, NULL, 0);
    assert_int_equal(f->p.phase, PROPOSER_PREPARING);
    promise(f, 1, 0, NULL, 0);
    assert_true(proposer_is_ready(&f->p));
}

/* Pitfall 18: two of four are no majority. */
static void promises_of_half_an_even_group_are_not_enough(void **state)
{
    struct proposer_kit *f = proposer_kit_new(4);

    (void)state;
    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    promise(f, 1, 0, NULL, 0);
    assert_int_equal(f->p.phase, PROPOSER_PREPARING);
    promise(f, 2, 0, NULL, 0);
    assert_true(proposer_is_ready(&f->p));
    proposer_kit_free(f);
}

static void promise_of_other_ballot_is_ignored(void **state)
{
    struct proposer_kit *f = *state;
    struct message m = { .type = MESSAGE_PROMISE,
                         .from = 1,
                         .ballot = kit_ballot(6, 0),
                         .promise = { .log_start = 1 } };

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    proposer_on_promise(&f->p, &m, 0, f->now_ns, &f->k.out);
    assert_int_equal(f->p.phase, PROPOSER_PREPARING);
    m.ballot = kit_ballot(7, 0);
    proposer_on_promise(&f->p, &m, 0, f->now_ns, &f->k.out);
    assert_true(proposer_is_ready(&f->p));
}

static void group_of_one_asks_nobody_else(void **state)
{
    struct proposer_kit *f = proposer_kit_new(1);

    (void)state;
    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    assert_int_equal(f->k.out.count, 0);
    assert_true(proposer_is_ready(&f->p));
    proposer_kit_free(f);
}

static void tick_asks_again_and_later_each_time(void **state)
{
    struct proposer_kit *f = *state;
    uint64_t last = f->now_ns;
    uint8_t to;

    start(f, 7, 1);
    for (unsigned i = 0; i < 12; i++) {
        tick(f, 7);
        assert_int_equal(f->k.out.count, 0); /* before its time */
        assert_true(proposer_deadline_ns(&f->p) > f->now_ns);
        assert_true(proposer_deadline_ns(&f->p) - last <= 300 * NS_PER_MS);
        last = f->now_ns = proposer_deadline_ns(&f->p);
        tick(f, 7);
        kit_send(&f->k, MESSAGE_PREPARE, 0, &to);
        assert_int_equal(to, 0); /* the own disk is late */
        assert_true(proposer_deadline_ns(&f->p) > f->now_ns);
    }
    promise(f, 0, 0, NULL, 0);
    f->now_ns = proposer_deadline_ns(&f->p);
    tick(f, 7);
    kit_send(&f->k, MESSAGE_PREPARE, 0, &to);
    assert_int_equal(to, TO_GROUP);
    /* To each of them: it may be multicast that is lost (P18). */
    f->now_ns = proposer_deadline_ns(&f->p);
    tick(f, 7);
    for (unsigned i = 1; i < 3; i++) {
        kit_send(&f->k, MESSAGE_PREPARE, i - 1, &to);
        assert_int_equal(to, i);
    }
}

/* ---- what the promises say ---- */

/* Pitfall 6: the value accepted at the highest ballot, at the new ballot. */
static void lead_proposes_again_what_has_the_highest_ballot(void **state)
{
    struct proposer_kit *f = *state;
    const struct run low = run_of(1, 1, 3, 1);
    const struct run high = run_of(1, 1, 5, 2);
    const struct message *m;

    start(f, 7, 1);
    promise(f, 0, 0, &high, 1);
    promise(f, 1, 0, &low, 1);
    assert_false(proposer_is_ready(&f->p));
    give(f, 1, 3, 1, "low");
    assert_false(proposer_is_ready(&f->p));
    give(f, 1, 5, 2, "high");
    assert_true(proposer_is_ready(&f->p));
    assert_true(lead(f, 0));
    m = sent_for(f, 1);
    assert_ballot(m->ballot, 7, 0);
    assert_value(m->accept.value, "high");
}

/* Pitfall 11: bit for bit, its time included. */
static void lead_proposes_again_the_very_bytes(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(1, 1, 3, 1);
    struct message m = { .type = MESSAGE_VALUE,
                         .from = 1,
                         .ballot = kit_ballot(3, 1),
                         .decided = { .slot = 1 } };
    struct blob *b = kit_blob(&f->k, "a");

    value_seal(b->bytes, b->len, VALUE_COMMANDS, 1, 123456789);
    m.decided.value = value_of(b);
    start(f, 7, 1);
    promise(f, 0, 0, &run, 1);
    promise(f, 1, 0, NULL, 0);
    proposer_on_value(&f->p, &m, f->now_ns);
    assert_true(lead(f, 0));
    assert_memory_equal(sent_for(f, 1)->accept.value.bytes, b->bytes, b->len);
    assert_int_equal(value_time_ns(sent_for(f, 1)->accept.value.bytes),
                     123456789);
}

static void lead_fills_holes_with_noops_and_takes_over_behind(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(3, 1, 5, 2);

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    promise(f, 2, 0, &run, 1);
    give(f, 3, 5, 2, "c");
    assert_true(lead(f, 0));
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), 4);
    assert_int_equal(kind_of(sent_for(f, 1)), VALUE_NOOP);
    assert_int_equal(kind_of(sent_for(f, 2)), VALUE_NOOP);
    assert_value(sent_for(f, 3)->accept.value, "c");
    assert_int_equal(kind_of(sent_for(f, 4)), VALUE_TAKEOVER);
    assert_int_equal(value_time_ns(sent_for(f, 4)->accept.value.bytes), 1000);
    assert_int_equal(f->p.takeover, 4);
}

/* Pitfall 7: nothing is proposed where a member knows the slot chosen. */
static void lead_proposes_nothing_up_to_the_highest_chosen(void **state)
{
    struct proposer_kit *f = *state;
    const struct run runs[] = { run_of(2, 3, 3, 1), run_of(9, 2, 3, 1) };

    start(f, 7, 2);
    promise(f, 0, 1, runs, 2);
    promise(f, 1, 9, NULL, 0);
    give(f, 10, 3, 1, "j");
    assert_true(lead(f, 9));
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), 2);
    assert_value(sent_for(f, 10)->accept.value, "j");
    assert_int_equal(kind_of(sent_for(f, 11)), VALUE_TAKEOVER);
    assert_int_equal(f->p.chosen_upto, 9);
}

/* P6: a hole at or below any chosen_upto ever heard is never filled. */
static void lead_with_hole_below_what_was_heard_chosen_fails(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(3, 1, 5, 2);

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    promise(f, 2, 0, &run, 1);
    give(f, 3, 5, 2, "c");
    assert_false(lead(f, 1));
    assert_int_equal(f->k.out.count, 0);
    assert_int_equal(f->p.phase, PROPOSER_IDLE);
}

/* Pitfall 27: the first majority is frozen. */
static void promise_after_the_majority_changes_nothing(void **state)
{
    struct proposer_kit *f = *state;
    const struct run low = run_of(1, 1, 3, 1);
    const struct run high = run_of(1, 2, 5, 2);

    start(f, 7, 1);
    promise(f, 0, 0, &low, 1);
    promise(f, 1, 0, &low, 1);
    promise(f, 2, 0, &high, 1);
    give(f, 1, 5, 2, "high");
    assert_false(proposer_is_ready(&f->p));
    give(f, 1, 3, 1, "low");
    assert_true(lead(f, 0));
    assert_value(sent_for(f, 1)->accept.value, "low");
    assert_int_equal(kind_of(sent_for(f, 2)), VALUE_TAKEOVER);
}

/* A bound that a later promise raises takes back what is below it. */
static void bound_raised_by_later_promise_drops_what_is_below(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(1, 5, 3, 1);

    start(f, 7, 1);
    promise(f, 0, 0, &run, 1);
    promise(f, 1, 3 * PROPOSER_FOUND, NULL, 0);
    assert_true(proposer_is_ready(&f->p));
    assert_true(lead(f, 0));
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPT), 1);
    assert_int_equal(f->p.takeover, 3 * PROPOSER_FOUND + 1);
}

/* The window of an acceptor ends exactly where the ring does: the value in
 * its last slot may be chosen, and must not be lost. */
static void report_of_the_last_slot_of_a_window_is_kept(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(5 + PROPOSER_FOUND, 1, 3, 1);

    start(f, 7, 6);
    promise(f, 0, 5, NULL, 0);
    promise(f, 1, 5, &run, 1);
    assert_false(proposer_is_ready(&f->p));
    assert_int_equal(f->p.end, 5 + PROPOSER_FOUND);
    give(f, 5 + PROPOSER_FOUND, 3, 1, "z");
    assert_true(proposer_is_ready(&f->p));
}

static void report_beyond_the_ring_is_cut_short(void **state)
{
    struct proposer_kit *f = *state;
    const struct run runs[] = { run_of(4, UINT32_MAX, 3, 1),
                                run_of(UINT64_C(1) << 62, 1, 3, 1) };

    start(f, 7, 6);
    promise(f, 0, 5, NULL, 0);
    promise(f, 1, 5, runs, 2);
    assert_int_equal(f->p.end, 5 + PROPOSER_FOUND);
    assert_int_equal(f->p.missing, PROPOSER_FOUND);
}

/* ---- fetching values ---- */

static void pump_asks_holders_for_a_bounded_number(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(1, 200, 3, 1);
    const struct message *m;
    uint8_t to;

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    promise(f, 2, 0, &run, 1);
    assert_int_equal(proposer_deadline_ns(&f->p), 0); /* pump at once */
    pump(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_WANT), PROPOSER_WANTED);
    m = kit_send(&f->k, MESSAGE_WANT, 0, &to);
    assert_int_equal(to, 2);
    assert_ballot(m->ballot, 3, 1);
    assert_int_equal(m->decided.slot, 1);
    pump(f);
    assert_int_equal(f->k.out.count, 0);
    assert_true(proposer_deadline_ns(&f->p) > f->now_ns);
    give(f, 1, 3, 1, "a");
    give(f, 1, 3, 1, "a"); /* doubled */
    pump(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_WANT), 1);
    assert_int_equal(f->p.missing, 199);
}

static void want_unanswered_is_asked_of_another_holder(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(1, 1, 3, 1);
    uint16_t asked = 0;
    uint8_t to;

    start(f, 7, 1);
    promise(f, 0, 0, &run, 1);
    promise(f, 2, 0, &run, 1);
    pump(f);
    kit_send(&f->k, MESSAGE_WANT, 0, &to);
    assert_int_equal(to, 0); /* first the own: it is nearest */
    for (unsigned i = 0; i < 2; i++) {
        f->now_ns = proposer_deadline_ns(&f->p);
        tick(f, 7);
        kit_send(&f->k, MESSAGE_WANT, 0, &to);
        asked |= member_bit(to);
    }
    assert_int_equal(asked, 5);
}

static void value_not_wanted_is_ignored(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(2, 1, 3, 1);

    start(f, 7, 1);
    give(f, 2, 3, 1, "b"); /* too early */
    promise(f, 0, 0, &run, 1);
    promise(f, 1, 0, NULL, 0);
    give(f, 1, 3, 1, "a");                  /* a hole */
    give(f, 2, 4, 1, "b");                  /* another ballot */
    give(f, 2 + PROPOSER_FOUND, 3, 1, "b"); /* another slot, same place */
    assert_int_equal(f->k.pool.bytes_used, 0);
    assert_false(proposer_is_ready(&f->p));
    give(f, 2, 3, 1, "b");
    assert_true(proposer_is_ready(&f->p));
}

/* Pitfall 28. */
static void value_when_pool_is_dry_stays_wanted(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(1, 1, 3, 1);
    struct blob *hog = kit_room(&f->k, (1u << 20) - 64);

    start(f, 7, 1);
    promise(f, 0, 0, &run, 1);
    promise(f, 1, 0, NULL, 0);
    give(f, 1, 3, 1, "a");
    assert_false(proposer_is_ready(&f->p));
    blob_unref(&f->k.pool, hog);
    give(f, 1, 3, 1, "a");
    assert_true(proposer_is_ready(&f->p));
}

/* Pitfall 28: no room for a no-op: nothing is led, nothing leaks. */
static void lead_when_pool_is_dry_fails_whole(void **state)
{
    struct proposer_kit *f = *state;
    struct blob *hog = kit_room(&f->k, (1u << 20) - 64);

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    promise(f, 1, 0, NULL, 0);
    assert_false(lead(f, 0));
    assert_int_equal(f->p.phase, PROPOSER_IDLE);
    assert_int_equal(f->k.out.count, 0);
    blob_unref(&f->k.pool, hog);
    assert_int_equal(f->k.pool.bytes_used, 0);
}

static void start_again_gives_back_what_was_gathered(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(1, 2, 3, 1);

    start(f, 7, 1);
    promise(f, 0, 0, &run, 1);
    promise(f, 1, 0, NULL, 0);
    give(f, 1, 3, 1, "a");
    assert_int_not_equal(f->k.pool.bytes_used, 0);
    start(f, 8, 1);
    assert_int_equal(f->k.pool.bytes_used, 0);
    assert_int_equal(f->p.phase, PROPOSER_PREPARING);
}

/* ---- stalling ---- */

/* Pitfall 34: who knew the value is gone. */
static void collecting_without_progress_is_stalled(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(1, 2, 3, 1);

    start(f, 7, 1);
    promise(f, 0, 0, NULL, 0);
    promise(f, 2, 0, &run, 1);
    f->now_ns += 300 * NS_PER_MS;
    assert_false(proposer_is_stalled(&f->p, f->now_ns));
    give(f, 1, 3, 1, "a"); /* progress */
    f->now_ns += 300 * NS_PER_MS;
    assert_false(proposer_is_stalled(&f->p, f->now_ns));
    f->now_ns += 300 * NS_PER_MS;
    assert_true(proposer_is_stalled(&f->p, f->now_ns));
}

/* A slow disk of its own is no reason for another round. */
static void preparing_is_stalled_only_behind_the_own_promise(void **state)
{
    struct proposer_kit *f = *state;

    assert_false(proposer_is_stalled(&f->p, f->now_ns));
    start(f, 7, 1);
    f->now_ns += 10 * NS_PER_S;
    assert_false(proposer_is_stalled(&f->p, f->now_ns));
    promise(f, 0, 0, NULL, 0);
    f->now_ns += 10 * NS_PER_S;
    assert_true(proposer_is_stalled(&f->p, f->now_ns));
}

/* ---- who asked ---- */

/* A leader that is preempted and leads again still knows whose value it was. */
static void lead_again_keeps_who_asked_for_the_same_value(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(2, 1, 7, 0);
    struct blob *context = blob_new(&f->k.pool, 4);
    struct message m = { .type = MESSAGE_VALUE,
                         .ballot = kit_ballot(7, 0),
                         .decided = { .slot = 2 } };

    take_over(f, 7, 0);
    propose(f, "mine", context);
    pump(f);
    m.decided.value = value_of(
        blob_ref(kit_send(&f->k, MESSAGE_ACCEPT, 0, NULL)->accept.value.blob));
    proposer_preempt(&f->p);
    start(f, 9, 2);
    promise(f, 0, 1, &run, 1);
    promise(f, 1, 1, NULL, 0);
    proposer_on_value(&f->p, &m, f->now_ns);
    assert_true(lead(f, 1));
    assert_ptr_equal(proposer_on_executed(&f->p, 2, m.decided.value), context);
}

static void lead_again_forgets_who_asked_for_another_value(void **state)
{
    struct proposer_kit *f = *state;
    const struct run run = run_of(2, 1, 8, 1);
    struct blob *context = blob_ref(blob_new(&f->k.pool, 4));

    take_over(f, 7, 0);
    propose(f, "mine", context);
    pump(f);
    proposer_preempt(&f->p);
    start(f, 9, 2);
    promise(f, 0, 1, &run, 1);
    promise(f, 1, 1, NULL, 0);
    give(f, 2, 8, 1, "other");
    assert_true(lead(f, 1));
    assert_null(proposer_on_executed(&f->p, 2, kit_value("other")));
    assert_int_equal(context->refs, 1);
}

/* ---- random pictures ---- */

/* P7 over random votes of five: what leads is the highest ballot of the first
 * majority, slot by slot, compared with a plain count. */
static void lead_of_random_promises_agrees_with_a_plain_count(void **state)
{
    struct proposer_kit *f = *state;
    const uint64_t seed = 20240607;
    struct prng prng;

    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&prng, seed);
    for (uint64_t round = 100; round < 400; round++) {
        uint64_t best[13] = { 0 }; /* round; 0: a hole */
        uint64_t end = 0;

        start(f, round, 1);
        for (uint8_t i = 0; i < 3; i++) {
            struct run runs[12];
            uint32_t count = 0;

            for (uint64_t s = 1; s <= 12; s++) {
                const uint64_t r = 1 + prng_below(&prng, 9);

                if (prng_below(&prng, 3) == 0) continue;
                runs[count++] = run_of(s, 1, r, 1);
                if (i >= 3) continue; /* behind the first majority */
                if (r > best[s]) best[s] = r;
                if (s > end) end = s;
            }
            promise(f, i, 0, runs, count);
        }
        for (uint64_t s = 1; s <= end; s++) {
            char text[24];

            for (uint64_t r = 1; r <= 9; r++) {
                snprintf(text, sizeof text, "%d.%d", (int)s, (int)r);
                give(f, s, r, 1, text);
            }
        }
        assert_true(lead(f, 0));
        for (uint64_t s = 1; s <= end; s++) {
            char text[24];

            snprintf(text, sizeof text, "%d.%d", (int)s, (int)best[s]);
            if (best[s])
                assert_value(sent_for(f, s)->accept.value, text);
            else
                assert_int_equal(kind_of(sent_for(f, s)), VALUE_NOOP);
        }
        assert_int_equal(f->p.takeover, end + 1);
        proposer_preempt(&f->p);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(start_asks_the_own_acceptor_alone),
        TEST(promise_of_own_acceptor_asks_the_group),
        TEST(promises_without_the_own_are_not_enough),
        TEST(promise_doubled_counts_once),
        TEST(promises_of_half_an_even_group_are_not_enough),
        TEST(promise_of_other_ballot_is_ignored),
        TEST(group_of_one_asks_nobody_else),
        TEST(tick_asks_again_and_later_each_time),
        TEST(lead_proposes_again_what_has_the_highest_ballot),
        TEST(lead_proposes_again_the_very_bytes),
        TEST(lead_fills_holes_with_noops_and_takes_over_behind),
        TEST(lead_proposes_nothing_up_to_the_highest_chosen),
        TEST(lead_with_hole_below_what_was_heard_chosen_fails),
        TEST(promise_after_the_majority_changes_nothing),
        TEST(bound_raised_by_later_promise_drops_what_is_below),
        TEST(report_of_the_last_slot_of_a_window_is_kept),
        TEST(report_beyond_the_ring_is_cut_short),
        TEST(pump_asks_holders_for_a_bounded_number),
        TEST(want_unanswered_is_asked_of_another_holder),
        TEST(value_not_wanted_is_ignored),
        TEST(value_when_pool_is_dry_stays_wanted),
        TEST(lead_when_pool_is_dry_fails_whole),
        TEST(start_again_gives_back_what_was_gathered),
        TEST(collecting_without_progress_is_stalled),
        TEST(preparing_is_stalled_only_behind_the_own_promise),
        TEST(lead_again_keeps_who_asked_for_the_same_value),
        TEST(lead_again_forgets_who_asked_for_another_value),
        cmocka_unit_test_setup_teardown(
            lead_of_random_promises_agrees_with_a_plain_count, set_up_five,
            tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

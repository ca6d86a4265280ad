/* test_election.c - src/paxos/election.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/election_kit.h"

#define ALL     0x1f /* of five */
#define MINUTES (60 * NS_PER_S)

static int set_up(void **state)
{
    *state = election_kit_new(5, 2);
    return 0;
}

static int tear_down(void **state)
{
    election_kit_free(*state);
    return 0;
}

static void hear_all(struct election_kit *f, uint8_t flags)
{
    for (uint8_t i = 0; i < 5; i++) {
        if (i != 2) hear(f, i, ALL, flags);
    }
}

/* ---- heartbeats ---- */

static void heartbeat_leaves_once_an_interval(void **state)
{
    struct election_kit *f = *state;
    uint8_t to;

    election_tick(f, 0);
    kit_send(&f->k, MESSAGE_HEARTBEAT, 0, &to);
    assert_int_equal(to, TO_GROUP);
    election_tick(f, BEAT - 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 0);
    election_tick(f, 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 1);
    assert_int_equal(election_deadline_ns(&f->e), f->now_ns + BEAT);
}

static void heartbeat_tells_what_the_node_is(void **state)
{
    struct election_kit *f = *state;
    const struct message *m;

    hear(f, 0, ALL, GOOD);
    hear(f, 1, ALL, GOOD);
    f->self.chosen_upto = 7;
    f->self.accepted_upto = 9;
    f->self.vote_seq = 11;
    election_tick(f, 0);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL);
    assert_int_equal(m->heartbeat.chosen_upto, 7);
    assert_int_equal(m->heartbeat.accepted_upto, 9);
    assert_int_equal(m->heartbeat.heard, 0x07);
    assert_int_equal(m->heartbeat.priority, 3);
    assert_int_equal(m->heartbeat.leader, 0);
    assert_int_equal(m->vote_seq, 11);
    assert_int_equal(m->heartbeat.flags,
                     HEARTBEAT_OK | HEARTBEAT_ADMITTED | HEARTBEAT_QC);
    assert_true(ballot_is_none(m->ballot));
}

static void heartbeat_of_leader_claims_its_ballot(void **state)
{
    struct election_kit *f = *state;
    const struct message *m;

    f->self.leading = true;
    f->self.ballot = kit_ballot(6, 2);
    election_tick(f, 0);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL);
    assert_ballot(m->ballot, 6, 2);
    assert_true(m->heartbeat.flags & HEARTBEAT_CLAIM);
    /* What it does not do any more, it does not claim. */
    f->self.leading = false;
    election_tick(f, BEAT);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL);
    assert_true(ballot_is_none(m->ballot));
    assert_false(m->heartbeat.flags & HEARTBEAT_CLAIM);
}

/* It would refuse to lead, and is not to be named: but for that it votes. */
static void heartbeat_of_who_is_unable_says_no_qc(void **state)
{
    struct election_kit *f = *state;
    const struct message *m;

    hear_all(f, GOOD);
    f->self.unable = true;
    election_tick(f, 0);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL);
    assert_int_equal(m->heartbeat.flags, HEARTBEAT_OK | HEARTBEAT_ADMITTED);
    f->self.unable = false;
    election_tick(f, BEAT);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL);
    assert_true(m->heartbeat.flags & HEARTBEAT_QC);
}

/* E1: its followers ask whether it can choose, which its acceptors decide. */
static void heartbeat_of_leader_without_a_role_says_qc(void **state)
{
    struct election_kit *f = *state;
    const struct message *m;

    hear_all(f, GOOD);
    f->self.unable = true;
    f->self.leading = true;
    f->self.ballot = kit_ballot(6, 2);
    election_tick(f, 0);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL);
    assert_true(m->heartbeat.flags & HEARTBEAT_QC);
}

/* Preempted, it follows nobody yet: the others hear that it leads no more, and
 * not that it is happy, in its very next heartbeat. */
static void heartbeat_of_who_led_until_now_goes_to_all(void **state)
{
    struct election_kit *f = *state;

    hear_all(f, GOOD);
    for (unsigned beats = 0; beats < 2; beats++) {
        const struct message *m;
        uint8_t to;

        f->self.leading = true;
        f->self.ballot = kit_ballot(6 + beats, 2);
        election_on_claim(&f->e, f->self.ballot, &f->self, f->now_ns,
                          &f->k.out);
        election_tick(f, BEAT);
        f->self.leading = false;
        f->e.beats = beats;
        election_tick(f, BEAT);
        m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, &to);
        assert_int_equal(to, TO_GROUP);
        assert_int_equal(m->heartbeat.leader, 0);
        assert_false(m->heartbeat.flags & HEARTBEAT_HAPPY);
    }
}

/* M2: who is not admitted is no acceptor, and its vote sequence no witness. */
static void heartbeat_before_admission_says_so(void **state)
{
    struct election_kit *f = *state;

    f->self.admitted = false;
    f->self.acceptor_ok = false;
    election_tick(f, 0);
    assert_int_equal(
        kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL)->heartbeat.flags, 0);
}

static void group_of_one_sends_no_heartbeat(void **state)
{
    struct election_kit *f = election_kit_new(1, 0);

    (void)state;
    election_tick(f, 0);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 0);
    assert_true(election_deadline_ns(&f->e) > f->now_ns);
    assert_int_not_equal(f->e.campaign, 0); /* nobody to wait for */
    election_kit_free(f);
}

/* ---- links ---- */

static void member_silent_for_five_intervals_is_not_heard(void **state)
{
    struct election_kit *f = *state;

    hear(f, 4, ALL, GOOD);
    assert_int_equal(election_heard(&f->e, f->now_ns + 5 * BEAT), 0x14);
    assert_int_equal(election_heard(&f->e, f->now_ns + 5 * BEAT + 1), 0x04);
}

/* E1: a link is good if both hear each other. */
static void link_heard_one_way_is_not_good(void **state)
{
    struct election_kit *f = *state;

    hear(f, 0, 0x01, GOOD);
    hear(f, 1, 0x04, GOOD);
    assert_int_equal(election_heard(&f->e, f->now_ns), 0x07);
    assert_int_equal(election_links(&f->e, f->now_ns), 0x06);
}

static void qc_needs_a_majority_of_good_links_to_acceptors(void **state)
{
    struct election_kit *f = *state;

    hear(f, 0, ALL, GOOD);
    assert_false(election_is_qc(&f->e, &f->self, f->now_ns));
    hear(f, 1, ALL, HEARTBEAT_QC); /* its acceptor is not ok */
    assert_false(election_is_qc(&f->e, &f->self, f->now_ns));
    hear(f, 3, 0, GOOD); /* a link one way */
    assert_false(election_is_qc(&f->e, &f->self, f->now_ns));
    hear(f, 3, ALL, GOOD);
    assert_true(election_is_qc(&f->e, &f->self, f->now_ns));
    f->self.acceptor_ok = false;
    assert_false(election_is_qc(&f->e, &f->self, f->now_ns));
}

/* ---- claims ---- */

static void claim_makes_its_node_the_leader(void **state)
{
    struct election_kit *f = *state;

    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    hear_claim(f, 1, 5, ALL, GOOD);
    assert_int_equal(election_leader(&f->e), 1);
    assert_int_equal(kit_noted(&f->k, NOTE_FOLLOWING), 1);
    hear_claim(f, 1, 5, ALL, GOOD);
    assert_int_equal(kit_noted(&f->k, NOTE_FOLLOWING), 0);
    hear_claim(f, 0, 4, ALL, GOOD); /* lower: an older leader */
    assert_int_equal(election_leader(&f->e), 1);
    hear_claim(f, 0, 6, ALL, GOOD);
    assert_int_equal(election_leader(&f->e), 0);
}

/* A claim below the own promise does not count. */
static void claim_below_own_promise_is_ignored(void **state)
{
    struct election_kit *f = *state;

    f->self.promised = kit_ballot(6, 4);
    hear_claim(f, 1, 5, ALL, GOOD);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    hear_claim(f, 1, 7, ALL, GOOD);
    assert_int_equal(election_leader(&f->e), 1);
}

static void claim_of_a_stranger_or_another_member_is_ignored(void **state)
{
    struct election_kit *f = *state;
    struct message m = { .type = MESSAGE_HEARTBEAT,
                         .from = 1,
                         .ballot = kit_ballot(6, 3),
                         .heartbeat = { .flags = HEARTBEAT_CLAIM } };

    election_on_claim(&f->e, (struct ballot){ 6, 99 }, &f->self, f->now_ns,
                      &f->k.out);
    election_on_claim(&f->e, (struct ballot){ 0, 0 }, &f->self, f->now_ns,
                      &f->k.out);
    election_on_heartbeat(&f->e, &m, &f->self, f->now_ns, &f->k.out);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
}

/* The leader's Accepts are claims too. */
static void accepts_keep_a_member_happy(void **state)
{
    struct election_kit *f = *state;

    hear_claim(f, 1, 5, ALL, GOOD);
    for (unsigned i = 0; i < 50; i++) {
        f->now_ns += 3 * BEAT;
        election_on_claim(&f->e, kit_ballot(5, 1), &f->self, f->now_ns,
                          &f->k.out);
        election_tick(f, 0);
    }
    assert_int_equal(election_leader(&f->e), 1);
}

/* ---- the trigger (E2) ---- */

static void leader_silent_is_lost_after_four_to_five_intervals(void **state)
{
    struct election_kit *f = *state;
    uint64_t ns;

    hear_claim(f, 1, 5, ALL, GOOD);
    ns = until_note(f, NOTE_LEADER_LOST, 0x19, GOOD, MINUTES);
    assert_in_range(ns, 4 * BEAT, 5 * BEAT + NS_PER_MS);
    assert_int_equal(kit_noted(&f->k, NOTE_ELECTION), 1); /* at once */
}

/* Pitfall 37: a leader without a majority makes nobody happy. */
static void leader_without_majority_is_lost_too(void **state)
{
    struct election_kit *f = *state;
    uint64_t begin_ns = f->now_ns;

    hear_all(f, GOOD);
    hear_claim(f, 1, 5, ALL, HEARTBEAT_OK);
    while (f->e.elections == 0) {
        hear_claim(f, 1, 5, ALL, HEARTBEAT_OK);
        hear(f, 0, ALL, GOOD);
        hear(f, 3, ALL, GOOD);
        election_tick(f, BEAT / 4);
        assert_true(f->now_ns - begin_ns < 6 * BEAT);
    }
}

/* E1: nor one that does not hear this member. */
static void leader_over_a_bad_link_makes_nobody_happy(void **state)
{
    struct election_kit *f = *state;

    hear_claim(f, 1, 5, 0x1b, GOOD);
    election_tick(f, BEAT);
    hear_claim(f, 1, 5, 0x1b, GOOD);
    election_tick(f, 3 * BEAT);
    hear_claim(f, 1, 5, 0x1b, GOOD);
    election_tick(f, BEAT);
    assert_int_equal(kit_noted(&f->k, NOTE_LEADER_LOST), 1);
}

static void leader_that_claims_no_more_is_left_at_once(void **state)
{
    struct election_kit *f = *state;
    uint64_t ns;

    hear_claim(f, 1, 5, ALL, GOOD);
    hear(f, 1, ALL, GOOD);
    assert_int_equal(kit_noted(&f->k, NOTE_LEADER_LOST), 1);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    ns = until_note(f, NOTE_ELECTION, ALL, GOOD, MINUTES);
    assert_in_range(ns, BEAT, 2 * BEAT + NS_PER_MS);
}

/* Stickiness: as long as somebody heard is happy, nothing is started. */
static void trigger_with_a_happy_member_heard_starts_nothing(void **state)
{
    struct election_kit *f = *state;

    assert_int_equal(
        until_note(f, NOTE_ELECTION, ALL, GOOD | HEARTBEAT_HAPPY, NS_PER_S), 0);
    assert_int_not_equal(until_note(f, NOTE_ELECTION, ALL, GOOD, NS_PER_S), 0);
}

static void trigger_without_majority_starts_nothing(void **state)
{
    struct election_kit *f = *state;

    assert_int_equal(until_note(f, NOTE_ELECTION, 0x05, GOOD, NS_PER_S), 0);
    assert_int_equal(f->e.campaign, 0);
    assert_int_not_equal(until_note(f, NOTE_ELECTION, 0x07, GOOD, NS_PER_S), 0);
}

static void trigger_of_who_may_not_lead_starts_nothing(void **state)
{
    struct election_kit *f = *state;

    f->self.acceptor_ok = false;
    assert_int_equal(until_note(f, NOTE_ELECTION, ALL, GOOD, NS_PER_S), 0);
    f->self.acceptor_ok = true;
    f->self.campaigning = true;
    assert_int_equal(until_note(f, NOTE_ELECTION, ALL, GOOD, NS_PER_S), 0);
    f->self.campaigning = false;
    f->self.leading = true;
    assert_int_equal(until_note(f, NOTE_ELECTION, ALL, GOOD, NS_PER_S), 0);
    f->self.leading = false;
    assert_int_not_equal(until_note(f, NOTE_ELECTION, ALL, GOOD, NS_PER_S), 0);
}

static void trigger_waits_for_another_candidate(void **state)
{
    struct election_kit *f = *state;

    f->now_ns += MINUTES;
    election_on_prepare(&f->e, f->now_ns);
    assert_in_range(until_note(f, NOTE_ELECTION, ALL, GOOD, MINUTES), 5 * BEAT,
                    5 * BEAT + NS_PER_MS);
}

/* A leader looks after its own majority. */
static void leader_with_majority_stays_happy(void **state)
{
    struct election_kit *f = *state;

    f->self.leading = true;
    f->self.ballot = kit_ballot(6, 2);
    election_on_claim(&f->e, f->self.ballot, &f->self, f->now_ns, &f->k.out);
    hear_all(f, GOOD);
    election_tick(f, 5 * BEAT);
    assert_int_equal(f->e.happy_ns, f->now_ns);
    election_tick(f, BEAT); /* the others are not heard any more */
    assert_int_equal(f->e.happy_ns, f->now_ns - BEAT);
    /* It knows before others that it leads no more. */
    f->self.leading = false;
    election_tick(f, 0);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
}

/* ---- duels (E7) ---- */

static uint64_t longest_wait(struct election_kit *f, uint8_t duels)
{
    uint64_t longest = 0;

    for (unsigned i = 0; i < 1000; i++) {
        f->e.quiet_ns = 0;
        f->e.duels = duels;
        f->e.duel_ns = f->now_ns;
        election_on_preempted(&f->e, 5 * NS_PER_MS, f->now_ns);
        longest = max_u64(longest, f->e.quiet_ns - f->now_ns);
    }
    return longest;
}

static void preempted_waits_longer_each_time_up_to_two_seconds(void **state)
{
    struct election_kit *f = *state;

    assert_in_range(longest_wait(f, 0), 9 * NS_PER_MS, 10 * NS_PER_MS);
    assert_in_range(longest_wait(f, 1), 18 * NS_PER_MS, 20 * NS_PER_MS);
    assert_in_range(longest_wait(f, 3), 70 * NS_PER_MS, 80 * NS_PER_MS);
    assert_in_range(longest_wait(f, 16), 1900 * NS_PER_MS, 2 * NS_PER_S);
}

static void preempted_after_ten_stable_seconds_begins_anew(void **state)
{
    struct election_kit *f = *state;

    for (unsigned i = 0; i < 40; i++) {
        election_on_preempted(&f->e, 5 * NS_PER_MS, f->now_ns);
    }
    assert_int_equal(f->e.duels, 16);
    f->now_ns += 10 * NS_PER_S + 1;
    election_on_preempted(&f->e, 5 * NS_PER_MS, f->now_ns);
    assert_int_equal(f->e.duels, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(heartbeat_leaves_once_an_interval),
        TEST(heartbeat_tells_what_the_node_is),
        TEST(heartbeat_of_leader_claims_its_ballot),
        TEST(heartbeat_of_who_is_unable_says_no_qc),
        TEST(heartbeat_of_leader_without_a_role_says_qc),
        TEST(heartbeat_of_who_led_until_now_goes_to_all),
        TEST(heartbeat_before_admission_says_so),
        TEST(group_of_one_sends_no_heartbeat),
        TEST(member_silent_for_five_intervals_is_not_heard),
        TEST(link_heard_one_way_is_not_good),
        TEST(qc_needs_a_majority_of_good_links_to_acceptors),
        TEST(claim_makes_its_node_the_leader),
        TEST(claim_below_own_promise_is_ignored),
        TEST(claim_of_a_stranger_or_another_member_is_ignored),
        TEST(accepts_keep_a_member_happy),
        TEST(leader_silent_is_lost_after_four_to_five_intervals),
        TEST(leader_without_majority_is_lost_too),
        TEST(leader_over_a_bad_link_makes_nobody_happy),
        TEST(leader_that_claims_no_more_is_left_at_once),
        TEST(trigger_with_a_happy_member_heard_starts_nothing),
        TEST(trigger_without_majority_starts_nothing),
        TEST(trigger_of_who_may_not_lead_starts_nothing),
        TEST(trigger_waits_for_another_candidate),
        TEST(leader_with_majority_stays_happy),
        TEST(preempted_waits_longer_each_time_up_to_two_seconds),
        TEST(preempted_after_ten_stable_seconds_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

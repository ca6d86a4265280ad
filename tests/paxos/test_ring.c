/* test_ring.c - src/paxos/ring.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/election_kit.h"

#define ALL     0x1f /* of five */
#define SECONDS (10 * NS_PER_S)
#define HOP     (BEAT / 4 + 1)

/* Index 2 of five; all the others are heard both ways. */
static int set_up(void **state)
{
    struct election_kit *f = election_kit_new(5, 2);

    for (uint8_t i = 0; i < 5; i++) {
        if (i != 2) hear(f, i, ALL, GOOD);
    }
    f->self.accepted_upto = 5000;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    election_kit_free(*state);
    return 0;
}

/* ---- the walk ---- */

static void token_walks_in_order_and_wraps(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);
    const struct token *sent;
    uint8_t to;

    take_token(f, 1, &t);
    sent = token_sent(f, &to);
    assert_int_equal(to, 3);
    assert_int_equal(sent->visited, 0x06);
    assert_int_equal(sent->hop, 2);
    assert_int_equal(sent->path_len, 2);
    assert_int_equal(sent->path[1], 2);
    t = token_of(4, 101, 0x18);
    take_token(f, 3, &t);
    token_sent(f, &to);
    assert_int_equal(to, 0);
}

static void token_goes_over_good_links_first(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);
    uint8_t to;

    hear(f, 3, 0, GOOD); /* it does not hear this one */
    take_token(f, 1, &t);
    token_sent(f, &to);
    assert_int_equal(to, 4);
}

static void token_is_acknowledged(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);
    const struct message *m;
    uint8_t to;

    take_token(f, 1, &t);
    m = kit_send(&f->k, MESSAGE_TOKEN_ACK, 0, &to);
    assert_int_equal(to, 1);
    assert_int_equal(m->token.attempt, 100);
    assert_int_equal(m->token.initiator, 1);
    assert_int_equal(m->token.hop, 1);
}

/* Doubled, it is acknowledged again but does not walk twice. */
static void token_doubled_walks_once(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);

    take_token(f, 1, &t);
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN_ACK), 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
}

static void hop_unanswered_is_repeated_and_then_passed_over(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);
    uint8_t to;

    take_token(f, 1, &t);
    for (unsigned i = 1; i < HOP_TRIES; i++) {
        election_tick(f, HOP);
        token_sent(f, &to);
        assert_int_equal(to, 3);
    }
    election_tick(f, HOP);
    token_sent(f, &to);
    assert_int_equal(to, 4);
    assert_int_equal(f->e.hop.missed, 0x08);
}

static void hop_acknowledged_is_not_repeated(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);
    struct message other = { .type = MESSAGE_TOKEN_ACK, .from = 4 };

    take_token(f, 1, &t);
    other.token = *token_sent(f, NULL);
    election_on_ack(&f->e, &other); /* of somebody else */
    assert_true(f->e.hop.busy);
    acknowledge(f);
    assert_false(f->e.hop.busy);
    election_tick(f, HOP);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
}

/* A leaf of a star, the centre is 0: the token that it sends at last. */
static const struct token *walk_of_leaf(struct election_kit *f,
                                        const struct token *t)
{
    unsigned tried = 0;
    uint8_t to = 0xff;

    hear(f, 0, 0x1f, GOOD);
    take_token(f, 0, t);
    token_sent(f, &to); /* nobody else is heard: a guess */
    while (to != 0) {
        assert_int_not_equal(to, 2);
        assert_true(tried++ < 20);
        hear(f, 0, 0x1f, GOOD);
        election_tick(f, HOP);
        token_sent(f, &to);
    }
    return token_sent(f, NULL);
}

/* Pitfall 36: in a star the leaves reach nobody but the centre: back to it,
 * and it tries the others. */
static void token_with_nobody_left_goes_back_along_the_path(void **state)
{
    struct election_kit *f = election_kit_new(5, 2);
    struct token t = token_of(0, 100, 0x01);
    const struct token *sent;

    (void)state;
    sent = walk_of_leaf(f, &t);
    assert_int_equal(sent->path_len, 0);
    assert_int_equal(sent->visited, 0x05);
    election_kit_free(f);
}

/* Its own name in the path is no way back. */
static void token_with_own_path_never_goes_to_itself(void **state)
{
    struct election_kit *f = election_kit_new(5, 2);
    struct token t = token_of(0, 100, 0x01);

    (void)state;
    t.path_len = 3;
    t.path[1] = t.path[2] = 2;
    assert_int_equal(walk_of_leaf(f, &t)->path_len, 0);
    election_kit_free(f);
}

static void token_at_its_hop_limit_ends(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);

    t.hop = 10;
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
    assert_int_equal(kit_sent(&f->k, MESSAGE_NOMINATE), 0); /* a minority */
    assert_int_equal(f->e.campaign, 0);
}

/* What comes from outside is never used as an index before it was looked at. */
static void token_with_members_that_do_not_exist_is_dropped(void **state)
{
    struct election_kit *f = *state;
    struct token bad[5];

    for (unsigned i = 0; i < 5; i++) bad[i] = token_of(1, 100 + i, 0x02);
    bad[0].initiator = 5;
    bad[1].best = 5;
    bad[2].path[0] = 5;
    bad[3].path_len = MEMBERS_MAX + 1;
    bad[4].visited = 0x20;
    for (unsigned i = 0; i < 5; i++) {
        take_token(f, 1, &bad[i]);
        assert_int_equal(f->k.out.count, 0);
        take_nomination(f, 1, &bad[i]);
        assert_int_equal(f->k.out.count, 0);
        assert_int_equal(f->e.campaign, 0);
    }
    bad[0] = token_of(1, 200, 0x02);
    take_token(f, 1, &bad[0]);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 1);
}

/* ---- what it carries ---- */

/* E3: the round is raised at each hop, but is not seen by that. */
static void token_carries_a_round_above_all_that_was_seen(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);

    take_token(f, 1, &t);
    assert_int_equal(token_sent(f, NULL)->round, 9);
    f->self.round_seen = 30;
    t = token_of(1, 101, 0x02);
    take_token(f, 1, &t);
    assert_int_equal(token_sent(f, NULL)->round, 31);
}

/* The holder against a best that differs in one thing. */
static uint8_t best_against(struct election_kit *f, uint64_t attempt,
                            uint8_t full, uint8_t links, uint64_t accepted,
                            uint8_t priority, uint8_t id)
{
    struct token t = token_of(1, attempt, 0x02);

    t.best = id;
    t.best_burden = full;
    t.best_links = links;
    t.best_accepted = accepted;
    t.best_priority = priority;
    take_token(f, 1, &t);
    return token_sent(f, NULL)->best;
}

/* E3: (not full, links, freshness, priority, id); this one is (not full, 5,
 * bucket 1, 3, index 2). */
static void best_is_compared_field_by_field(void **state)
{
    struct election_kit *f = *state;

    assert_int_equal(best_against(f, 1, 0, 5, 1, 3, 4), 4);
    assert_int_equal(best_against(f, 2, 0, 5, 1, 3, 1), 2);
    assert_int_equal(best_against(f, 3, 0, 5, 1, 4, 1), 1);
    assert_int_equal(best_against(f, 4, 0, 5, 1, 2, 4), 2);
    assert_int_equal(best_against(f, 5, 0, 5, 2, 2, 1), 1);
    assert_int_equal(best_against(f, 6, 0, 5, 0, 4, 4), 2);
    assert_int_equal(best_against(f, 7, 0, 4, 2, 4, 4), 2);
    assert_int_equal(best_against(f, 8, 1, 5, 2, 4, 4), 2);
    f->self.burden = BURDEN_FULL;
    assert_int_equal(best_against(f, 9, 0, 1, 0, 0, 0), 0);
}

static void best_is_nobody_who_could_not_lead(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);

    f->self.acceptor_ok = false;
    take_token(f, 1, &t);
    assert_int_equal(token_sent(f, NULL)->best, MEMBER_NONE);
    assert_int_equal(token_sent(f, NULL)->visited, 0x06);
    f->self.acceptor_ok = true;
    t = token_of(1, 101, 0x02);
    take_token(f, 1, &t);
    assert_int_equal(token_sent(f, NULL)->best, 2);
}

/* ---- the end of the walk ---- */

static void walk_of_a_majority_nominates_the_best(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(3, 100, 0x1b);
    uint8_t to;

    t.best = 4;
    t.best_links = 5;
    t.best_accepted = 7;
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
    kit_send(&f->k, MESSAGE_NOMINATE, 0, &to);
    assert_int_equal(to, 4);
}

static void walk_whose_best_is_here_starts_the_campaign(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(3, 100, 0x1b);

    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_NOMINATE), 0);
    assert_int_equal(f->e.campaign, 9);
}

/* E5: a minority nominates nobody and inflates no round. */
static void walk_of_a_minority_nominates_nobody(void **state)
{
    struct election_kit *f = election_kit_new(5, 2);
    struct token t = token_of(1, 100, 0x02);

    (void)state;
    t.hop = 10;
    t.best = 1;
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_NOMINATE), 0);
    t = token_of(1, 101, 0x0b); /* and this one is a majority */
    t.hop = 10;
    t.best = 1;
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_NOMINATE), 1);
    election_kit_free(f);
}

/* ---- swallowing (E4) ---- */

static void token_of_lower_initiator_is_swallowed_for_a_while(void **state)
{
    struct election_kit *f = *state;
    struct token high = token_of(3, 100, 0x08);
    struct token low = token_of(1, 100, 0x02);

    take_token(f, 3, &high);
    take_token(f, 1, &low);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN_ACK), 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
    f->now_ns += 3 * BEAT;
    take_token(f, 1, &low);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 1);
}

static void token_of_higher_initiator_survives(void **state)
{
    struct election_kit *f = *state;
    struct token high = token_of(3, 100, 0x08);
    struct token low = token_of(1, 100, 0x02);

    take_token(f, 1, &low);
    take_token(f, 3, &high);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 1);
}

static void token_of_an_older_attempt_is_swallowed(void **state)
{
    struct election_kit *f = *state;
    struct token late = token_of(3, 101, 0x08);
    struct token early = token_of(3, 100, 0x08);

    take_token(f, 3, &late);
    f->now_ns += SECONDS;
    take_token(f, 3, &early);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
}

static void token_at_a_happy_member_dies(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);
    const struct message *m;
    uint8_t to;

    hear_claim(f, 4, 5, ALL, GOOD);
    take_token(f, 0, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN_ACK), 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, &to);
    assert_int_equal(to, 1); /* the initiator is told at once */
    assert_int_equal(m->heartbeat.leader, kit_id(4));
    assert_true(m->heartbeat.flags & HEARTBEAT_HAPPY);
}

static void token_at_the_leader_dies(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);
    const struct message *m;
    uint8_t to;

    f->self.leading = true;
    f->self.ballot = kit_ballot(7, 2);
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, &to);
    assert_int_equal(to, 1);
    assert_ballot(m->ballot, 7, 2);
    assert_true(m->heartbeat.flags & HEARTBEAT_CLAIM);
}

/* Whatever comes, the answers are bounded; and the own rhythm is kept. */
static void initiator_is_told_twice_an_interval_at_most(void **state)
{
    struct election_kit *f = *state;
    const uint64_t next_ns = f->e.next_heartbeat_ns;
    struct token t = token_of(1, 100, 0x02);
    struct token other = token_of(3, 100, 0x08);

    hear_claim(f, 4, 5, ALL, GOOD);
    take_token(f, 1, &t);
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 0);
    t.attempt++;
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 0);
    take_token(f, 3, &other);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 1);
    f->now_ns += BEAT / 2;
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 1);
    assert_true(f->e.next_heartbeat_ns <= next_ns);
}

/* An old token of its own, back here, is no reason to talk to itself. */
static void token_of_ones_own_at_a_happy_member_just_dies(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(2, 100, 0x06);

    hear_claim(f, 4, 5, ALL, GOOD);
    take_token(f, 1, &t);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN_ACK), 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_HEARTBEAT), 0);
}

/* ---- nominations (E5) ---- */

static void nomination_starts_the_campaign_at_its_round(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x1f);

    take_nomination(f, 1, &t);
    assert_int_equal(f->e.campaign, 9);
    assert_int_equal(f->k.out.count, 0);
}

/* Pitfall 24: obeyed once for each token. */
static void nomination_doubled_is_obeyed_once(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x1f);

    take_nomination(f, 1, &t);
    take_nomination(f, 1, &t);
    assert_int_equal(f->e.campaign, 0);
    assert_int_equal(f->k.out.count, 0);
    t.attempt++;
    take_nomination(f, 1, &t);
    assert_int_equal(f->e.campaign, 9);
}

static void assert_refused(struct election_kit *f, uint64_t attempt)
{
    struct token t = token_of(1, attempt, 0x1f);
    uint8_t to;

    take_nomination(f, 4, &t);
    assert_int_equal(f->e.campaign, 0);
    kit_send(&f->k, MESSAGE_REFUSE, 0, &to);
    assert_int_equal(to, 1); /* the initiator */
}

/* Pitfall 24: a nomination that comes late starts no duel. */
static void nomination_that_comes_late_is_refused(void **state)
{
    struct election_kit *f = *state;

    f->self.leading = true;
    assert_refused(f, 1);
    f->self.leading = false;
    f->self.campaigning = true;
    assert_refused(f, 2);
    f->self.campaigning = false;
    f->self.promised = kit_ballot(9, 0); /* somebody was faster */
    assert_refused(f, 3);
    f->self.promised = kit_ballot(8, 0);
    f->self.acceptor_ok = false;
    assert_refused(f, 4);
    f->self.acceptor_ok = true;
    hear_claim(f, 4, 8, ALL, GOOD); /* happy */
    assert_refused(f, 5);
}

static void nomination_without_majority_is_refused(void **state)
{
    struct election_kit *f = election_kit_new(5, 2);

    (void)state;
    assert_refused(f, 1);
    election_kit_free(f);
}

/* ---- lost tokens (E6) ---- */

static void token_refused_is_sent_again_soon(void **state)
{
    struct election_kit *f = *state;
    struct message m = { .type = MESSAGE_REFUSE, .from = 4 };

    until_note(f, NOTE_ELECTION, ALL, GOOD, SECONDS);
    m.token = *token_sent(f, NULL);
    acknowledge(f);
    election_on_refuse(&f->e, &m, f->now_ns);
    assert_in_range(until_note(f, NOTE_ELECTION, ALL, GOOD, SECONDS), 1,
                    BEAT + NS_PER_MS);
}

static void token_refused_of_older_attempt_changes_nothing(void **state)
{
    struct election_kit *f = *state;
    struct message m = { .type = MESSAGE_REFUSE, .from = 4 };
    uint64_t lost_ns;

    until_note(f, NOTE_ELECTION, ALL, GOOD, SECONDS);
    lost_ns = f->e.attempt_ns;
    m.token = *token_sent(f, NULL);
    m.token.attempt--;
    election_on_refuse(&f->e, &m, f->now_ns);
    m.token.attempt++;
    m.token.initiator = 3;
    election_on_refuse(&f->e, &m, f->now_ns);
    assert_int_equal(f->e.attempt_ns, lost_ns);
}

/* With the ring broken altogether the group still elects. */
static void token_lost_twice_nominates_its_initiator(void **state)
{
    struct election_kit *f = *state;
    const uint64_t begin_ns = f->now_ns;

    while (f->e.campaign == 0) {
        assert_true(f->now_ns - begin_ns < 2 * NS_PER_S);
        until_note(f, NOTE_ELECTION, ALL, GOOD, SECONDS);
        if (f->e.hop.busy) acknowledge(f); /* and then it is lost */
    }
    assert_int_equal(f->e.elections, 3);
    assert_int_equal(f->e.campaign, 5);
}

/* Attempts are never repeated, not even in the next life. */
static void attempts_of_later_lives_are_higher(void **state)
{
    struct election_kit *f = *state;
    uint64_t first;

    until_note(f, NOTE_ELECTION, ALL, GOOD, SECONDS);
    first = token_sent(f, NULL)->attempt;
    f->e.attempt += 1000;
    election_start(&f->e, 6, f->now_ns);
    assert_true(f->e.attempt > first + 1000);
}

/* E4: the own token is remembered, too: of two that began at once the higher
 * one walks on. */
static void token_below_the_own_is_swallowed(void **state)
{
    struct election_kit *f = *state;
    struct token lower = token_of(1, 100, 0x02);
    struct token higher = token_of(3, 100, 0x08);

    assert_true(until_note(f, NOTE_ELECTION, 0x1b, GOOD, NS_PER_S) > 0);
    take_token(f, 1, &lower);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN_ACK), 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 0);
    take_token(f, 3, &higher);
    assert_int_equal(kit_sent(&f->k, MESSAGE_TOKEN), 1);
}

/* Who resigned for its disk is the last choice, behind who is full. */
static void best_with_a_burden_gives_way(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);

    t.best = 4;
    t.best_burden = BURDEN_DISK;
    t.best_links = 9;
    f->self.burden = BURDEN_FULL;
    take_token(f, 1, &t);
    assert_int_equal(token_sent(f, NULL)->best, 2);
    assert_int_equal(token_sent(f, NULL)->best_burden, BURDEN_FULL);
    t = token_of(1, 101, 0x02);
    t.best = 4;
    t.best_burden = BURDEN_FULL;
    f->self.burden = BURDEN_DISK;
    take_token(f, 1, &t);
    assert_int_equal(token_sent(f, NULL)->best, 4);
}

static void holder_about_to_stop_is_no_candidate(void **state)
{
    struct election_kit *f = *state;
    struct token t = token_of(1, 100, 0x02);

    f->self.draining = true;
    take_token(f, 1, &t);
    assert_int_equal(token_sent(f, NULL)->best, MEMBER_NONE);
    assert_true(token_sent(f, NULL)->visited & member_bit(2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(token_walks_in_order_and_wraps),
        TEST(token_goes_over_good_links_first),
        TEST(token_is_acknowledged),
        TEST(token_doubled_walks_once),
        TEST(hop_unanswered_is_repeated_and_then_passed_over),
        TEST(hop_acknowledged_is_not_repeated),
        TEST(token_with_nobody_left_goes_back_along_the_path),
        TEST(token_with_own_path_never_goes_to_itself),
        TEST(token_at_its_hop_limit_ends),
        TEST(token_with_members_that_do_not_exist_is_dropped),
        TEST(token_carries_a_round_above_all_that_was_seen),
        TEST(best_is_compared_field_by_field),
        TEST(best_is_nobody_who_could_not_lead),
        TEST(walk_of_a_majority_nominates_the_best),
        TEST(walk_whose_best_is_here_starts_the_campaign),
        TEST(walk_of_a_minority_nominates_nobody),
        TEST(token_of_lower_initiator_is_swallowed_for_a_while),
        TEST(token_of_higher_initiator_survives),
        TEST(token_of_an_older_attempt_is_swallowed),
        TEST(token_at_a_happy_member_dies),
        TEST(token_at_the_leader_dies),
        TEST(initiator_is_told_twice_an_interval_at_most),
        TEST(token_of_ones_own_at_a_happy_member_just_dies),
        TEST(nomination_starts_the_campaign_at_its_round),
        TEST(nomination_doubled_is_obeyed_once),
        TEST(nomination_that_comes_late_is_refused),
        TEST(nomination_without_majority_is_refused),
        TEST(token_refused_is_sent_again_soon),
        TEST(token_refused_of_older_attempt_changes_nothing),
        TEST(token_lost_twice_nominates_its_initiator),
        TEST(attempts_of_later_lives_are_higher),
        TEST(token_below_the_own_is_swallowed),
        TEST(best_with_a_burden_gives_way),
        TEST(holder_about_to_stop_is_no_candidate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

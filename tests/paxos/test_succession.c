/* test_succession.c - src/paxos/election.c: leaders that leave, or are gone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paxos/ring.h"
#include "support/election_kit.h"

#define ALL  0x1f /* of five */
#define PORT 8401

/* Index 2 of five follows index 4 at (7, 4); all hear all. */
static int set_up(void **state)
{
    struct election_kit *f = election_kit_new(5, 2);

    for (uint8_t i = 0; i < 4; i++) {
        if (i != 2) hear(f, i, ALL, GOOD);
    }
    hear_claim(f, 4, 7, ALL, GOOD);
    f->self.promised = kit_ballot(7, 4);
    f->self.round_seen = 7;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    election_kit_free(*state);
    return 0;
}

static unsigned probes(const struct election_kit *f)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < f->k.out.count; i++) {
        const struct effect *e = &f->k.out.list[i];

        if (e->type != EFFECT_PROBE) continue;
        assert_int_equal(e->to, 4);
        assert_int_equal(e->port, PORT);
        count++;
    }
    return count;
}

static void leave(struct election_kit *f, uint64_t round, uint8_t successor)
{
    const struct message m = { .type = MESSAGE_LEAVING,
                               .from = 4,
                               .ballot = kit_ballot(round, 4),
                               .leaving = { round + 1, successor } };

    kit_clear(&f->k);
    f->e.campaign = 0; /* as the node does */
    election_on_leaving(&f->e, &m, &f->self, f->now_ns, &f->k.out);
}

static void gone(struct election_kit *f)
{
    kit_clear(&f->k);
    election_on_gone(&f->e, 4, &f->self, f->now_ns, &f->k.out);
}

/* ---- leaving ---- */

static void leaving_makes_the_successor_a_candidate_once(void **state)
{
    struct election_kit *f = *state;

    leave(f, 7, 2);
    assert_int_equal(f->e.campaign, 8);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    leave(f, 7, 2);
    assert_int_equal(f->e.campaign, 0);
    hear_claim(f, 4, 7, ALL, GOOD); /* it is of the past */
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
}

/* Pitfall 24: what comes late begins no duel. */
static void leaving_of_who_is_not_followed_is_ignored(void **state)
{
    struct election_kit *f = *state;

    leave(f, 6, 2);
    assert_int_equal(f->e.campaign, 0);
    assert_int_equal(election_leader(&f->e), 4);
    hear_claim(f, 3, 9, ALL, GOOD);
    leave(f, 7, 2);
    assert_int_equal(f->e.campaign, 0);
    assert_int_equal(election_leader(&f->e), 3);
}

static void leaving_to_who_cannot_lead_is_refused(void **state)
{
    struct election_kit *f = *state;
    const struct message *refuse;
    uint8_t to;

    f->self.draining = true;
    leave(f, 7, 2);
    assert_int_equal(f->e.campaign, 0);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    refuse = kit_send(&f->k, MESSAGE_REFUSE, 0, &to);
    assert_int_equal(to, 4);
    assert_ballot(refuse->ballot, 7, 4);
}

static void leave_heartbeat(struct election_kit *f, uint64_t round)
{
    const struct message m = {
        .type = MESSAGE_HEARTBEAT,
        .from = 4,
        .ballot = kit_ballot(round, 4),
        .heartbeat = { .heard = ALL, .flags = GOOD | HEARTBEAT_RESIGNED }
    };

    election_on_heartbeat(&f->e, &m, &f->self, f->now_ns, &f->k.out);
}

/* Overtaken by the heartbeat that says the same. */
static void leaving_behind_its_heartbeat_is_obeyed(void **state)
{
    struct election_kit *f = *state;

    leave_heartbeat(f, 7);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    leave(f, 7, 2);
    assert_int_equal(f->e.campaign, 8);
}

/* Pitfall 24, too: somebody took over already. */
static void leaving_behind_a_later_promise_is_ignored(void **state)
{
    struct election_kit *f = *state;

    leave_heartbeat(f, 7);
    f->self.promised = kit_ballot(8, 3);
    leave(f, 7, 2);
    assert_int_equal(f->e.campaign, 0);
    assert_int_equal(kit_sent(&f->k, MESSAGE_REFUSE), 0);
}

static void leaving_makes_the_others_wait_one_to_two_intervals(void **state)
{
    struct election_kit *f = *state;
    uint64_t after_ns;

    leave(f, 7, 3);
    assert_int_equal(f->e.campaign, 0);
    after_ns = until_note(f, NOTE_ELECTION, 0x0b, GOOD, NS_PER_S);
    assert_in_range(after_ns, BEAT, 2 * BEAT + 2 * NS_PER_MS);
}

static void heartbeat_of_who_resigned_ends_its_ballot(void **state)
{
    struct election_kit *f = *state;
    struct message m = { .type = MESSAGE_HEARTBEAT,
                         .from = 4,
                         .ballot = kit_ballot(7, 4),
                         .heartbeat = { .heard = ALL,
                                        .flags = HEARTBEAT_RESIGNED | GOOD } };

    kit_clear(&f->k);
    election_on_heartbeat(&f->e, &m, &f->self, f->now_ns, &f->k.out);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    /* An Accept that it sends again makes nobody follow. */
    election_on_claim(&f->e, kit_ballot(7, 4), &f->self, f->now_ns, &f->k.out);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    election_on_claim(&f->e, kit_ballot(8, 4), &f->self, f->now_ns, &f->k.out);
    assert_int_equal(election_leader(&f->e), 4);
}

static void heartbeat_of_resigned_says_from_what(void **state)
{
    struct election_kit *f = *state;
    const struct message *m;

    f->self.resigned = true;
    f->self.ballot = kit_ballot(9, 2);
    election_on_resigned(&f->e, f->self.ballot, f->now_ns);
    election_tick(f, BEAT);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, NULL);
    assert_true(ballot_equal(m->ballot, kit_ballot(9, 2)));
    assert_true(m->heartbeat.flags & HEARTBEAT_RESIGNED);
    assert_false(m->heartbeat.flags & HEARTBEAT_CLAIM);
}

/* ---- the successor ---- */

static void successor_is_the_best_that_is_able(void **state)
{
    struct election_kit *f = *state;

    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 4);
    hear(f, 4, ALL, GOOD | HEARTBEAT_FULL);
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 3);
    hear(f, 3, 0x0f, GOOD); /* hears fewer */
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 1);
    hear(f, 1, ALL, HEARTBEAT_OK); /* not QC */
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 0);
    hear(f, 0, ALL, GOOD | HEARTBEAT_DRAINING);
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 3);
    assert_int_equal(election_successor(&f->e, member_bit(0), f->now_ns),
                     MEMBER_NONE);
    assert_int_equal(election_successor(&f->e, member_bit(4), f->now_ns), 4);
    assert_int_equal(election_successor(&f->e, member_bit(2), f->now_ns),
                     MEMBER_NONE);
}

/* It would have to fetch all that first, and nothing is executed meanwhile. */
static void successor_is_not_one_that_lags(void **state)
{
    struct election_kit *f = *state;

    for (uint8_t i = 0; i < 4; i++) f->e.peers[i].chosen_upto = 5000;
    f->e.peers[4].chosen_upto = 5000 - 1024;
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 4);
    f->e.peers[4].chosen_upto--;
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 3);
    assert_int_equal(election_successor(&f->e, member_bit(4), f->now_ns), 4);
    for (uint8_t i = 0; i < 4; i++) f->e.peers[i].flags |= HEARTBEAT_FULL;
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), 4);
}

static void nobody_able_is_no_successor(void **state)
{
    struct election_kit *f = *state;

    for (uint8_t i = 0; i < 5; i++) {
        if (i != 2) hear(f, i, ALL, HEARTBEAT_OK);
    }
    assert_int_equal(election_successor(&f->e, ALL, f->now_ns), MEMBER_NONE);
    assert_false(election_has_able_peer(&f->e, f->now_ns));
    hear(f, 1, ALL, GOOD);
    assert_true(election_has_able_peer(&f->e, f->now_ns));
}

/* ---- gone ---- */

static void claim_with_port(struct election_kit *f, uint64_t round)
{
    struct message m = { .type = MESSAGE_HEARTBEAT,
                         .from = 4,
                         .ballot = kit_ballot(round, 4),
                         .incarnation = 3,
                         .heartbeat = { .heard = ALL,
                                        .port = PORT,
                                        .flags = HEARTBEAT_CLAIM | GOOD } };

    kit_clear(&f->k);
    election_on_heartbeat(&f->e, &m, &f->self, f->now_ns, &f->k.out);
}

static void follower_probes_the_port_of_its_leader(void **state)
{
    struct election_kit *f = *state;

    election_tick(f, BEAT);
    assert_int_equal(probes(f), 0); /* none is told */
    claim_with_port(f, 7);
    election_tick(f, BEAT);
    assert_int_equal(probes(f), 1);
    /* More often while there are turns anyway. */
    kit_clear(&f->k);
    assert_false(election_has_flush(&f->e, f->now_ns + BEAT / 4 - 1));
    election_on_flush(&f->e, f->now_ns + BEAT / 4 - 1, &f->k.out);
    assert_int_equal(probes(f), 0);
    assert_true(election_has_flush(&f->e, f->now_ns + BEAT / 4));
    election_on_flush(&f->e, f->now_ns + BEAT / 4, &f->k.out);
    assert_int_equal(probes(f), 1);
}

/* What one has found out the others find out at once. */
static void follower_probes_when_another_follows_no_more(void **state)
{
    struct election_kit *f = *state;
    struct message m = {
        .type = MESSAGE_HEARTBEAT,
        .from = 1,
        .heartbeat = { .heard = ALL, .leader = kit_id(4), .flags = GOOD }
    };

    claim_with_port(f, 7);
    kit_clear(&f->k);
    election_on_heartbeat(&f->e, &m, &f->self, f->now_ns, &f->k.out);
    assert_int_equal(probes(f), 0);
    m.heartbeat.leader = 0;
    election_on_heartbeat(&f->e, &m, &f->self, f->now_ns, &f->k.out);
    assert_int_equal(probes(f), 1);
}

static void gone_leader_is_left_and_the_others_are_told(void **state)
{
    struct election_kit *f = *state;
    const struct message *m;
    uint8_t to;

    claim_with_port(f, 7);
    gone(f);
    assert_int_equal(kit_noted(&f->k, NOTE_LEADER_GONE), 1);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    m = kit_send(&f->k, MESSAGE_HEARTBEAT, 0, &to);
    assert_int_equal(to, TO_GROUP);
    assert_false(m->heartbeat.flags & HEARTBEAT_HAPPY);
    assert_int_equal(m->heartbeat.leader, 0);
    assert_int_equal(m->heartbeat.heard, 0x0f);
}

static void gone_leader_is_succeeded_when_nobody_is_happy(void **state)
{
    struct election_kit *f = *state;

    claim_with_port(f, 7);
    hear(f, 3, 0x0f, GOOD | HEARTBEAT_HAPPY);
    gone(f);
    election_tick(f, BEAT / 10);
    assert_int_equal(kit_noted(&f->k, NOTE_ELECTION), 0); /* sticky */
    hear(f, 3, 0x0f, GOOD);
    assert_true(election_deadline_ns(&f->e) <= f->now_ns);
    election_tick(f, 0);
    assert_int_equal(kit_noted(&f->k, NOTE_ELECTION), 1);
}

/* What it said before its end is still in the sockets. */
static void ghost_of_a_gone_leader_is_not_followed(void **state)
{
    struct election_kit *f = *state;

    claim_with_port(f, 7);
    gone(f);
    claim_with_port(f, 7);
    assert_int_equal(election_leader(&f->e), MEMBER_NONE);
    assert_false(election_heard(&f->e, f->now_ns) & member_bit(4));
}

/* Its next life leads, and has not said yet that it can choose. */
static void flags_of_a_gone_leader_are_not_those_of_its_next_life(void **state)
{
    struct election_kit *f = *state;

    claim_with_port(f, 7);
    gone(f);
    f->now_ns += BEAT;
    f->self.promised = kit_ballot(8, 4);
    for (int i = 0; i < 4; i++) {
        election_on_claim(&f->e, f->self.promised, &f->self, f->now_ns,
                          &f->k.out);
        assert_int_equal(election_leader(&f->e), 4);
        f->now_ns += BEAT;
    }
    assert_false(election_is_happy(&f->e, f->now_ns));
}

/* A rule of a packet filter, perhaps: it lives, and is not asked again. */
static void port_that_lies_is_not_believed_twice(void **state)
{
    struct election_kit *f = *state;

    claim_with_port(f, 7);
    gone(f);
    f->now_ns += BEAT;
    claim_with_port(f, 7);
    assert_int_equal(election_leader(&f->e), 4);
    gone(f);
    assert_int_equal(election_leader(&f->e), 4);
    election_tick(f, BEAT);
    assert_int_equal(probes(f), 0);
}

static void port_of_who_is_not_followed_says_nothing(void **state)
{
    struct election_kit *f = *state;

    kit_clear(&f->k);
    election_on_gone(&f->e, 3, &f->self, f->now_ns, &f->k.out);
    election_on_gone(&f->e, 2, &f->self, f->now_ns, &f->k.out);
    assert_int_equal(f->k.out.count, 0);
    assert_int_equal(election_leader(&f->e), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(leaving_makes_the_successor_a_candidate_once),
        TEST(leaving_of_who_is_not_followed_is_ignored),
        TEST(leaving_to_who_cannot_lead_is_refused),
        TEST(leaving_behind_its_heartbeat_is_obeyed),
        TEST(leaving_behind_a_later_promise_is_ignored),
        TEST(leaving_makes_the_others_wait_one_to_two_intervals),
        TEST(heartbeat_of_who_resigned_ends_its_ballot),
        TEST(heartbeat_of_resigned_says_from_what),
        TEST(successor_is_the_best_that_is_able),
        TEST(successor_is_not_one_that_lags),
        TEST(nobody_able_is_no_successor),
        TEST(follower_probes_the_port_of_its_leader),
        TEST(follower_probes_when_another_follows_no_more),
        TEST(gone_leader_is_left_and_the_others_are_told),
        TEST(gone_leader_is_succeeded_when_nobody_is_happy),
        TEST(ghost_of_a_gone_leader_is_not_followed),
        TEST(flags_of_a_gone_leader_are_not_those_of_its_next_life),
        TEST(port_that_lies_is_not_believed_twice),
        TEST(port_of_who_is_not_followed_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

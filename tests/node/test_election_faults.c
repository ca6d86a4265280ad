/*
 * test_election_faults.c - src/paxos/ring.c and election.c in small groups of
 * real nodes: tokens that are lost or come twice, members that die with them,
 * starts, islands, links that flap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/state.h"
#include "support/node_kit.h"

#define BEAT     (20 * NS_PER_MS)
#define PATIENCE (5 * BEAT) /* until the first token starts, at most */
#define HOP      (BEAT / 4 + 1)
#define AGAIN    (12 * BEAT) /* until a token that was lost is sent anew */
#define HOPS     3u          /* of four that are left of five */

enum fault {
    FAULT_LOST,
    FAULT_DOUBLED,
    FAULT_SENDER_DIES,
    FAULT_RECEIVER_DIES
};

/* What goes wrong: with a message of this type, at this hop (0: at any) of the
 * first token that gets there. */
static struct {
    enum fault fault;
    uint8_t type;
    uint8_t hop;
    bool always;    /* each time, not once */
    uint8_t cut[2]; /* these two do not hear each other */
    struct token token;
    uint8_t sender;
    unsigned hits;
    uint32_t walked;  /* bit h: hop h of that token left, to who is up, */
    unsigned repeats; /* and how often once more */
    uint8_t victim;   /* nothing leaves it any more, and it is killed */
} bad;

static bool is_hit(const struct packet *p)
{
    const struct token *t = &p->message.token;

    if (p->message.type != bad.type) return false;
    if (bad.hop && t->hop != bad.hop) return false;
    if (bad.hits && !bad.always) return false;
    if (bad.hits && (t->initiator != bad.token.initiator ||
                     t->attempt != bad.token.attempt)) {
        return false;
    }
    bad.hits++;
    bad.token = *t;
    bad.sender = p->message.from;
    return true;
}

/* Every hop of the token that was hit is made once. */
static void watch_walk(const struct nodes *g, const struct packet *p)
{
    const struct token *t = &p->message.token;

    if (p->message.type != MESSAGE_TOKEN || !g->m[p->to].node) return;
    if (!bad.hits || t->initiator != bad.token.initiator ||
        t->attempt != bad.token.attempt) {
        return;
    }
    if (bad.walked >> t->hop & 1) bad.repeats++;
    bad.walked |= UINT32_C(1) << t->hop;
}

static bool doubles_it(const struct nodes *g, const struct packet *p)
{
    watch_walk(g, p);
    return bad.fault == FAULT_DOUBLED && is_hit(p);
}

static bool loses_it(const struct nodes *g, const struct packet *p)
{
    const uint8_t from = p->message.from;

    (void)g;
    if (from == bad.victim) return true;
    if (bad.cut[0] != bad.cut[1]) {
        if (from == bad.cut[0] && p->to == bad.cut[1]) return true;
        if (from == bad.cut[1] && p->to == bad.cut[0]) return true;
    }
    switch (bad.fault) {
    case FAULT_LOST:
        return is_hit(p);
    case FAULT_DOUBLED:
        return false;
    case FAULT_SENDER_DIES: /* behind it, with all that it holds */
        if (bad.victim == MEMBER_NONE && is_hit(p)) bad.victim = from;
        return false;
    case FAULT_RECEIVER_DIES: /* before it has read it */
        if (p->to == bad.victim) return true;
        if (bad.victim != MEMBER_NONE || !is_hit(p)) return false;
        bad.victim = p->to;
        return true;
    }
    return false;
}

/* Nothing goes wrong. */
static void set_good(void)
{
    memset(&bad, 0, sizeof bad);
    bad.victim = MEMBER_NONE;
}

static bool are_led(struct nodes *g)
{
    if (bad.victim != MEMBER_NONE && g->m[bad.victim].node) {
        nodes_kill(g, bad.victim);
    }
    return nodes_are_led(g);
}

/* ---- groups ---- */

/* All are up, this member leads, and what was remembered is forgotten. */
static void let_lead(struct nodes *g, uint8_t wanted)
{
    set_good();
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    nodes_run(g, 10 * BEAT); /* all have heard all, both ways */
    if (nodes_leader(g) != wanted) {
        nodes_step(g, nodes_leader(g),
                   &(struct event){ .type = EVENT_TRANSFER, .tag = wanted });
        nodes_until(g, nodes_are_led, BEAT);
    }
    assert_int_equal(nodes_leader(g), wanted);
    nodes_run(g, 20 * BEAT);
}

static struct nodes *group_of(uint8_t n)
{
    struct nodes *g = nodes_new(n);

    set_good();
    g->loses = loses_it;
    g->doubles = doubles_it;
    return g;
}

static int set_up(void **state)
{
    *state = group_of(5);
    return 0;
}

static int tear_down(void **state)
{
    nodes_free(*state);
    return 0;
}

/* It serves: a write is done, and all come to the same state. */
static void assert_serves(struct nodes *g)
{
    struct session s = { .seq = 0 };
    const uint8_t leader = nodes_leader(g);

    assert_int_not_equal(leader, MEMBER_NONE);
    nodes_open(g, leader, &s);
    nodes_put(g, leader, &s, "k", "v");
    nodes_until(g, nodes_agree, NS_PER_S);
}

static unsigned noted(const struct nodes *g, enum note_type type)
{
    unsigned count = 0;

    for (uint8_t i = 0; i < g->n; i++) count += g->m[i].notes[type];
    return count;
}

/* The leader dies, and so it goes on. */
static void strike(struct nodes *g, uint8_t leader, uint64_t most_ns)
{
    nodes_kill(g, leader);
    nodes_until(g, are_led, most_ns);
    assert_true(bad.hits > 0);
    assert_serves(g);
}

/* For every leader that dies, and every hop of the token that follows. */
static void at_each_hop(struct nodes *g, enum fault fault, uint8_t type,
                        bool always, uint64_t most_ns)
{
    for (uint8_t leader = 0; leader < 5; leader++) {
        for (uint8_t hop = 1; hop <= HOPS; hop++) {
            let_lead(g, leader);
            bad.fault = fault;
            bad.type = type;
            bad.hop = hop;
            bad.always = always;
            strike(g, leader, most_ns);
        }
    }
}

/* Two of the four that are left do not hear each other: the token's walk ends
 * at one of them, and the best is one of the others, who is nominated. */
static void cut_two(struct nodes *g, uint8_t leader)
{
    let_lead(g, leader);
    bad.cut[0] = (uint8_t)((leader + 3) % 5);
    bad.cut[1] = (uint8_t)((leader + 4) % 5);
    nodes_run(g, 10 * BEAT);
}

/* ---- tokens that are lost ---- */

static void token_lost_once_at_each_hop_is_sent_again(void **state)
{
    at_each_hop(*state, FAULT_LOST, MESSAGE_TOKEN, false, PATIENCE + 2 * BEAT);
}

/* A miss counts for that holder only: the token goes round the member. */
static void token_lost_at_each_hop_for_ever_goes_round(void **state)
{
    at_each_hop(*state, FAULT_LOST, MESSAGE_TOKEN, true, PATIENCE + 3 * BEAT);
}

static void acknowledgement_lost_at_each_hop_costs_one_hop(void **state)
{
    at_each_hop(*state, FAULT_LOST, MESSAGE_TOKEN_ACK, false,
                PATIENCE + 2 * BEAT);
}

/* E6: nobody repeats it, and the initiator begins anew. */
static void nomination_lost_is_followed_by_another_token(void **state)
{
    struct nodes *g = *state;

    for (uint8_t leader = 0; leader < 5; leader++) {
        cut_two(g, leader);
        bad.type = MESSAGE_NOMINATE;
        strike(g, leader, PATIENCE + AGAIN);
    }
}

/* ---- and that come twice ---- */

static void token_doubled_at_each_hop_elects_once(void **state)
{
    struct nodes *g = *state;

    for (uint8_t leader = 0; leader < 5; leader++) {
        for (uint8_t hop = 1; hop <= HOPS; hop++) {
            unsigned preempted, leading;

            let_lead(g, leader);
            preempted = noted(g, NOTE_PREEMPTED);
            leading = noted(g, NOTE_LEADING);
            bad.fault = FAULT_DOUBLED;
            bad.type = hop % 2 ? MESSAGE_TOKEN : MESSAGE_TOKEN_ACK;
            bad.hop = hop;
            bad.always = true;
            strike(g, leader, PATIENCE + 2 * BEAT);
            nodes_run(g, AGAIN);
            assert_int_equal(bad.repeats, 0);
            assert_int_equal(noted(g, NOTE_PREEMPTED), preempted);
            assert_int_equal(noted(g, NOTE_LEADING), leading + 1);
        }
    }
}

/* The message that was hit arrives again, at everybody. */
static void tell_again(struct nodes *g)
{
    const struct message m = {
        .type = bad.type,
        .from = bad.sender,
        .incarnation = node_incarnation(g->m[bad.sender].node),
        .process = g->m[bad.sender].process,
        .token = bad.token,
    };

    for (uint8_t i = 0; i < g->n; i++) {
        if (g->m[i].node && i != bad.sender) nodes_tell(g, i, &m);
    }
}

/* Pitfall 24: when all is over. */
static void token_or_nomination_that_comes_late_begins_no_duel(void **state)
{
    static const uint8_t types[] = { MESSAGE_NOMINATE, MESSAGE_TOKEN };
    struct nodes *g = *state;

    for (uint8_t k = 0; k < 10; k++) {
        struct ballot before, after;

        cut_two(g, k % 5);
        bad.fault = FAULT_DOUBLED;
        bad.type = types[k / 5];
        strike(g, k % 5, PATIENCE + 2 * BEAT);
        before = nodes_status(g, nodes_leader(g)).ballot;
        tell_again(g);
        nodes_run(g, AGAIN);
        tell_again(g);
        nodes_run(g, AGAIN);
        assert_true(nodes_are_led(g));
        after = nodes_status(g, nodes_leader(g)).ballot;
        assert_true(ballot_equal(before, after));
    }
}

/* ---- and that die with their holder ---- */

/* Whoever holds it has acknowledged it, and is gone. */
static void token_lost_with_its_holder_is_followed_by_another(void **state)
{
    at_each_hop(*state, FAULT_SENDER_DIES, MESSAGE_TOKEN_ACK, false,
                PATIENCE + AGAIN);
}

/* Whoever has sent it is gone: at its first hop the initiator, which is the
 * one to begin anew (E6). */
static void token_whose_sender_dies_is_no_loss(void **state)
{
    at_each_hop(*state, FAULT_SENDER_DIES, MESSAGE_TOKEN, false,
                PATIENCE + AGAIN);
}

/* Whoever is to get it is gone. */
static void token_whose_receiver_dies_goes_on(void **state)
{
    at_each_hop(*state, FAULT_RECEIVER_DIES, MESSAGE_TOKEN, false,
                PATIENCE + AGAIN);
}

/* Before it has read of it, or with its first Prepare under way. */
static void best_that_dies_behind_its_nomination_is_replaced(void **state)
{
    struct nodes *g = *state;

    for (uint8_t k = 0; k < 10; k++) {
        const uint8_t leader = k % 5;

        cut_two(g, leader);
        bad.fault = k < 5 ? FAULT_RECEIVER_DIES : FAULT_SENDER_DIES;
        bad.type = k < 5 ? MESSAGE_NOMINATE : MESSAGE_PREPARE;
        strike(g, leader, PATIENCE + AGAIN);
        assert_null(g->m[bad.victim].node);
    }
}

/* The leader of nine dies, and those next to it in the ring. */
static void dead_successors_in_a_row_are_passed_over(void **state)
{
    struct nodes *g = group_of(9);

    (void)state;
    for (uint8_t leader = 0; leader < 9; leader++) {
        let_lead(g, leader);
        for (uint8_t k = 0; k < 4; k++) {
            nodes_kill(g, (uint8_t)((leader + k) % 9));
        }
        nodes_until(g, are_led, PATIENCE + 4 * 3 * HOP + 2 * BEAT);
        assert_serves(g);
    }
    nodes_free(g);
}

/* ---- starts ---- */

static void group_that_starts_at_once_elects_once(void **state)
{
    (void)state;
    for (uint64_t life = 1; life <= 5; life++) {
        struct nodes *g = group_of(5);

        for (uint8_t i = 0; i < 5; i++) g->m[i].process = life * 7919;
        nodes_start_all(g);
        nodes_until(g, are_led, PATIENCE + 4 * BEAT);
        nodes_run(g, 50 * BEAT);
        assert_int_equal(noted(g, NOTE_LEADING), 1);
        assert_serves(g);
        nodes_free(g);
    }
}

/* The first start of all takes four of five (M2); who comes later follows. */
static void members_that_start_one_by_one_elect_once(void **state)
{
    static const uint64_t gaps_ns[] = { 1, BEAT, 3 * BEAT, 20 * BEAT };

    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        struct nodes *g = group_of(5);

        for (uint8_t i = 0; i < 5; i++) {
            assert_int_equal(nodes_start(g, i), 0);
            nodes_run(g, gaps_ns[k]);
            if (i < 3) assert_int_equal(nodes_leader(g), MEMBER_NONE);
        }
        nodes_until(g, are_led, PATIENCE + 4 * BEAT);
        nodes_run(g, 50 * BEAT);
        assert_int_equal(noted(g, NOTE_LEADING), 1);
        assert_serves(g);
        nodes_free(g);
    }
}

/* Later, three of five are enough. */
static void members_back_one_by_one_elect_with_the_third(void **state)
{
    struct nodes *g = *state;
    uint8_t leader = MEMBER_NONE;

    let_lead(g, 0);
    for (uint8_t i = 0; i < 5; i++) nodes_kill(g, i);
    nodes_run(g, BEAT);
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(nodes_start(g, i), 0);
        nodes_run(g, 20 * BEAT);
        assert_int_equal(nodes_leader(g) == MEMBER_NONE, i < 2);
        if (i == 2) leader = nodes_leader(g);
    }
    assert_int_equal(nodes_leader(g), leader);
    assert_serves(g);
}

/* ---- links ---- */

/* g->test: 4 bits for each member, the island where it is. */
static bool loses_between_islands(const struct nodes *g, const struct packet *p)
{
    const uint64_t from = g->test >> (4 * p->message.from);
    const uint64_t to = g->test >> (4 * p->to);

    return ((from ^ to) & 0xf) != 0;
}

static uint64_t round_of(const struct nodes *g)
{
    uint64_t round = 0;

    for (uint8_t i = 0; i < g->n; i++) {
        round = max_u64(round, nodes_status(g, i).promised.round);
    }
    return round;
}

/* E5: a minority nominates nobody and inflates no round. */
static void islands_of_two_two_and_one_have_no_leader(void **state)
{
    static const uint64_t islands[] = { 0x33221, 0x12233, 0x32123 };
    struct nodes *g = *state;

    for (unsigned k = 0; k < 3; k++) {
        uint64_t round;

        let_lead(g, 4);
        round = round_of(g);
        g->loses = loses_between_islands;
        g->test = islands[k];
        nodes_run(g, 20 * BEAT);
        for (unsigned i = 0; i < 50; i++) {
            nodes_run(g, 5 * BEAT);
            for (uint8_t j = 0; j < 5; j++) {
                assert_false(nodes_status(g, j).serving);
            }
        }
        assert_int_equal(round_of(g), round);
        g->test = 0;
        nodes_until(g, are_led, PATIENCE + AGAIN);
        assert_true(round_of(g) <= round + 2);
        assert_serves(g);
    }
}

/* g->test: bit 5 * i + j is set if j does not hear i. */
static bool loses_on_links(const struct nodes *g, const struct packet *p)
{
    return g->test >> (5 * p->message.from + p->to) & 1;
}

static uint64_t link_bit(uint8_t i, uint8_t j)
{
    return UINT64_C(1) << (5 * i + j);
}

/* Up and down, for so long each, until five seconds are over: stickiness holds
 * as long as somebody is happy whom the others hear (E2). */
static void assert_flapping_changes_nothing(struct nodes *g, uint64_t links,
                                            uint64_t each_ns)
{
    const unsigned leading = noted(g, NOTE_LEADING);
    const uint64_t end_ns = g->now_ns + 5 * NS_PER_S;

    g->loses = loses_on_links;
    while (g->now_ns < end_ns) {
        g->test ^= links;
        nodes_run(g, each_ns);
        assert_true(nodes_status(g, 4).serving);
    }
    assert_int_equal(noted(g, NOTE_LEADING), leading);
    assert_int_equal(noted(g, NOTE_PREEMPTED), 0);
    g->test = 0;
    nodes_until(g, are_led, PATIENCE + BEAT);
    assert_serves(g);
}

static void links_that_flap_change_no_leader(void **state)
{
    static const uint64_t each_ns[] = { BEAT / 2, 2 * BEAT, 3 * BEAT, 7 * BEAT,
                                        30 * BEAT };

    struct nodes *g = *state;

    let_lead(g, 4);
    for (unsigned k = 0; k < 5; k++) {
        /* A follower's link to the leader, both ways, or one of them. */
        assert_flapping_changes_nothing(g, link_bit(4, 0) | link_bit(0, 4),
                                        each_ns[k]);
        assert_flapping_changes_nothing(g, link_bit(4, 0), each_ns[k]);
        assert_flapping_changes_nothing(g, link_bit(0, 4), each_ns[k]);
        /* Two of them. */
        assert_flapping_changes_nothing(g,
                                        link_bit(4, 0) | link_bit(0, 4) |
                                            link_bit(4, 1) | link_bit(1, 4),
                                        each_ns[k]);
        /* All links of one follower. */
        assert_flapping_changes_nothing(g,
                                        0x1f | link_bit(1, 0) | link_bit(2, 0) |
                                            link_bit(3, 0) | link_bit(4, 0),
                                        each_ns[k]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(token_lost_once_at_each_hop_is_sent_again),
        TEST(token_lost_at_each_hop_for_ever_goes_round),
        TEST(acknowledgement_lost_at_each_hop_costs_one_hop),
        TEST(nomination_lost_is_followed_by_another_token),
        TEST(token_doubled_at_each_hop_elects_once),
        TEST(token_or_nomination_that_comes_late_begins_no_duel),
        TEST(token_lost_with_its_holder_is_followed_by_another),
        TEST(token_whose_sender_dies_is_no_loss),
        TEST(token_whose_receiver_dies_goes_on),
        TEST(best_that_dies_behind_its_nomination_is_replaced),
        TEST(dead_successors_in_a_row_are_passed_over),
        TEST(group_that_starts_at_once_elects_once),
        TEST(members_that_start_one_by_one_elect_once),
        TEST(members_back_one_by_one_elect_with_the_third),
        TEST(islands_of_two_two_and_one_have_no_leader),
        TEST(links_that_flap_change_no_leader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

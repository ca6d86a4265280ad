/* test_reads.c - src/node/reads.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "node/state.h"
#include "support/node_kit.h"

static struct nodes *serving(uint8_t n)
{
    struct nodes *g = alone_new(n);

    alone_admit(g);
    alone_serve(g, 9);
    return g;
}

static uint64_t ask_get(struct nodes *g)
{
    const struct command c = get_of("k");

    return nodes_ask(g, 0, &c);
}

/* What the last CONFIRM had in it. */
static uint64_t nonce_of(struct nodes *g, unsigned nth)
{
    return alone_message(g, 1, MESSAGE_CONFIRM, nth)->confirm.nonce;
}

static struct message confirmed(uint8_t index, uint64_t nonce)
{
    struct message m = alone_from(index, MESSAGE_CONFIRMED);

    m.ballot = kit_ballot(9, 0);
    m.confirm.nonce = nonce;
    return m;
}

static void confirm(struct nodes *g, uint8_t index, uint64_t nonce)
{
    const struct message m = confirmed(index, nonce);

    nodes_tell(g, 0, &m);
    alone_flush(g);
}

static void read_is_answered_when_a_majority_confirmed(void **state)
{
    struct nodes *g = serving(5);
    const uint64_t cookie = ask_get(g);

    (void)state;
    assert_null(nodes_answer(g, cookie));
    confirm(g, 1, nonce_of(g, 0));
    confirm(g, 1, nonce_of(g, 0)); /* doubled: the same member */
    assert_null(nodes_answer(g, cookie));
    confirm(g, 2, nonce_of(g, 0));
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_NOTFOUND);
    assert_int_equal(nodes_answer(g, cookie)->slot, 1);
    nodes_free(g);
}

/* Pitfall 9: no read before the takeover no-op is executed. */
static void read_before_takeover_is_executed_waits(void **state)
{
    struct nodes *g = alone_new(3);
    uint64_t cookie;

    (void)state;
    alone_admit(g);
    alone_lead(g, 9);
    alone_forget(g);
    cookie = ask_get(g);
    alone_sync(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 0);
    alone_vote(g, 1, 9, 1, 1);
    alone_flush(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 1);
    assert_null(nodes_answer(g, cookie));
    confirm(g, 1, nonce_of(g, 0));
    assert_non_null(nodes_answer(g, cookie));
    nodes_free(g);
}

/* Pitfall 10: a round is for the reads that came before it. */
static void read_behind_a_round_needs_another_one(void **state)
{
    struct nodes *g = serving(3);
    const uint64_t first = ask_get(g);
    const uint64_t second = ask_get(g);

    (void)state;
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 2);
    assert_int_not_equal(nonce_of(g, 0), nonce_of(g, 1));
    confirm(g, 1, nonce_of(g, 0));
    assert_non_null(nodes_answer(g, first));
    assert_null(nodes_answer(g, second));
    confirm(g, 1, nonce_of(g, 1));
    assert_non_null(nodes_answer(g, second));
    nodes_free(g);
}

/* A later round says as much for the reads before it. */
static void round_confirmed_confirms_those_before(void **state)
{
    struct nodes *g = serving(3);
    uint64_t cookies[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) cookies[i] = ask_get(g);
    confirm(g, 2, nonce_of(g, 1));
    assert_non_null(nodes_answer(g, cookies[0]));
    assert_non_null(nodes_answer(g, cookies[1]));
    assert_null(nodes_answer(g, cookies[2]));
    confirm(g, 2, nonce_of(g, 2));
    assert_non_null(nodes_answer(g, cookies[2]));
    nodes_free(g);
}

static void reads_of_a_turn_share_a_round(void **state)
{
    struct nodes *g = serving(3);

    (void)state;
    for (unsigned i = 0; i < 20; i++) ask_get(g);
    /* So many rounds at most; what comes behind waits for a free one. */
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 8);
    confirm(g, 1, nonce_of(g, 7));
    assert_int_equal(g->answer_count, 8);
    alone_flush(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 9);
    confirm(g, 1, nonce_of(g, 8));
    assert_int_equal(g->answer_count, 20);
    nodes_free(g);
}

/* M3: nonce, ballot, life of the asker, and a member said yes to. */
static void confirmation_that_does_not_match_is_ignored(void **state)
{
    struct nodes *g = serving(3);
    const uint64_t cookie = ask_get(g);
    struct message bad[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++) bad[i] = confirmed(1, nonce_of(g, 0));
    bad[0].confirm.nonce++;
    bad[1].ballot = kit_ballot(8, 0);
    bad[2].asker = 2;
    bad[3].incarnation = 2;
    for (unsigned i = 0; i < 4; i++) {
        nodes_tell(g, 0, &bad[i]);
        alone_flush(g);
        assert_null(nodes_answer(g, cookie));
    }
    confirm(g, 1, nonce_of(g, 0));
    assert_non_null(nodes_answer(g, cookie));
    nodes_free(g);
}

/* P26: preemption voids all rounds; the reads go to the next leader. */
static void preemption_voids_rounds(void **state)
{
    struct nodes *g = serving(3);
    const uint64_t cookie = ask_get(g);
    const uint64_t nonce = nonce_of(g, 0);

    (void)state;
    alone_beat(g, 2, 10, 1);
    confirm(g, 1, nonce);
    assert_null(nodes_answer(g, cookie));
    assert_int_equal(alone_sent(g, 2, MESSAGE_FORWARD), 1);
    assert_int_equal(alone_message(g, 2, MESSAGE_FORWARD, 0)->forward.cookie,
                     cookie);
    nodes_free(g);
}

/* Member 0 led at round 9, is told of round 11, and leads again at 12. */
static void lead_again(struct nodes *g)
{
    struct message m = alone_from(1, MESSAGE_NACK);

    m.ballot = kit_ballot(11, 2);
    m.nack.refused = kit_ballot(9, 0);
    nodes_tell(g, 0, &m); /* at once (E7) */
    alone_sync(g);
    m = alone_from(1, MESSAGE_PROMISE);
    m.ballot = kit_ballot(12, 0);
    m.promise.log_start = 1;
    m.promise.chosen_upto = 1;
    nodes_tell(g, 0, &m);
    alone_sync(g);
    alone_vote(g, 1, 12, 2, 2);
    alone_forget(g);
    alone_sync(g);
    assert_true(nodes_status(g, 0).serving);
}

/* Pitfall 10: a round of the last term confirms nothing in the next. */
static void rounds_begin_anew_in_the_next_term(void **state)
{
    struct nodes *g = serving(3);
    const uint64_t cookie = ask_get(g);
    const uint64_t before = nonce_of(g, 0);
    struct message m = confirmed(1, before);

    (void)state;
    lead_again(g);
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 1);
    assert_true(nonce_of(g, 0) > before);
    m.ballot = kit_ballot(12, 0);
    nodes_tell(g, 0, &m);
    alone_flush(g);
    assert_null(nodes_answer(g, cookie));
    m.confirm.nonce = nonce_of(g, 0);
    nodes_tell(g, 0, &m);
    alone_flush(g);
    assert_non_null(nodes_answer(g, cookie));
    nodes_free(g);
}

/* P26: what was chosen when the round began is executed before the answer. */
static void read_waits_for_what_was_chosen_before_it(void **state)
{
    struct nodes *g = serving(3);
    const uint8_t nonce[COMMAND_NONCE] = { 1 };
    const struct command open = { .op = COMMAND_OPEN,
                                  .value = bytes_of(nonce, sizeof nonce) };
    const uint64_t cookie = ask_get(g);

    (void)state;
    assert_int_equal(g->m[0].node->reads.rounds[0].noted, 1);
    g->m[0].node->reads.rounds[0].noted = 2; /* as if it were chosen */
    confirm(g, 1, nonce_of(g, 0));
    assert_null(nodes_answer(g, cookie));
    nodes_ask(g, 0, &open);
    alone_vote(g, 1, 9, 2, 2);
    alone_sync(g);
    assert_int_equal(nodes_answer(g, cookie)->slot, 2);
    nodes_free(g);
}

/* P18: asked again, under the same nonce. */
static void round_unanswered_is_repeated(void **state)
{
    struct nodes *g = serving(3);
    const uint64_t cookie = ask_get(g);

    (void)state;
    alone_beat(g, 1, 0, 1);
    alone_tick(g, 15 * NS_PER_MS);
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 2);
    assert_int_equal(nonce_of(g, 0), nonce_of(g, 1));
    alone_flush(g); /* the Learn that waited leaves too */
    assert_true(node_deadline_ns(g->m[0].node) > g->now_ns);
    confirm(g, 1, nonce_of(g, 1));
    assert_non_null(nodes_answer(g, cookie));
    nodes_free(g);
}

/* P18: every second repetition goes to those alone who have not confirmed. */
static void round_repeated_twice_goes_by_unicast(void **state)
{
    struct nodes *g = serving(5);

    (void)state;
    ask_get(g);
    confirm(g, 1, nonce_of(g, 0));
    for (unsigned i = 0; i < 8 && alone_sent(g, 2, MESSAGE_CONFIRM) < 3; i++) {
        alone_beat(g, 1, 0, 1);
        alone_beat(g, 2, 0, 1);
        alone_tick(g, 10 * NS_PER_MS);
    }
    assert_int_equal(alone_sent(g, 2, MESSAGE_CONFIRM), 3);
    assert_int_equal(alone_sent(g, 3, MESSAGE_CONFIRM), 3);
    assert_int_equal(alone_sent(g, 1, MESSAGE_CONFIRM), 2);
    nodes_free(g);
}

/* GET never enters the log. */
static void read_writes_nothing(void **state)
{
    struct nodes *g = serving(3);
    const uint64_t written = g->m[0].written;

    (void)state;
    ask_get(g);
    confirm(g, 1, nonce_of(g, 0));
    assert_int_equal(g->m[0].written, written);
    assert_int_equal(alone_sent(g, TO_GROUP, MESSAGE_ACCEPT), 0);
    nodes_free(g);
}

static void read_beyond_the_queue_is_busy(void **state)
{
    struct nodes *g = serving(3);
    uint64_t cookie;

    (void)state;
    for (unsigned i = 0; i < 8192; i++) {
        cookie = ask_get(g);
        assert_null(nodes_answer(g, cookie));
    }
    cookie = ask_get(g);
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_BUSY);
    /* All are answered then, over several turns, and nothing leaks. */
    for (unsigned i = 0; nodes_status(g, 0).pool_bytes > 4096; i++) {
        assert_true(i < 100);
        confirm(g, 1,
                alone_message(g, 1, MESSAGE_CONFIRM,
                              alone_sent(g, 1, MESSAGE_CONFIRM) - 1)
                    ->confirm.nonce);
    }
    assert_int_equal(g->answer_count, 8193);
    nodes_free(g);
}

static void read_without_leader_is_unavailable_in_time(void **state)
{
    struct nodes *g = alone_new(3);
    uint64_t cookie;

    (void)state;
    cookie = ask_get(g);
    alone_tick(g, 4 * NS_PER_S);
    alone_flush(g);
    assert_null(nodes_answer(g, cookie));
    alone_tick(g, 2 * NS_PER_S);
    alone_flush(g);
    assert_int_equal(nodes_answer(g, cookie)->status, REPLY_UNAVAILABLE);
    nodes_free(g);
}

/* A LIST gets pages that fit a reply. */
static void list_is_paged(void **state)
{
    struct nodes *g = nodes_new(1);
    uint8_t most[4];
    struct command c = { .op = COMMAND_LIST };
    const struct answer *a;
    struct session s;
    char key[24];

    (void)state;
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, NS_PER_S);
    nodes_open(g, 0, &s);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "key%020u", i);
        key[23] = 0;
        nodes_put(g, 0, &s, key, "a value of some length, to fill a page");
    }
    store32(most, 1u << 20);
    c.value = bytes_of(most, sizeof most);
    a = nodes_do(g, 0, &c, NS_PER_S);
    assert_int_equal(a->status, REPLY_OK);
    assert_int_equal(a->value[0], 1); /* more follow */
    assert_in_range(a->len, 4096 - 100, 4096);
    nodes_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_is_answered_when_a_majority_confirmed),
        cmocka_unit_test(read_before_takeover_is_executed_waits),
        cmocka_unit_test(read_behind_a_round_needs_another_one),
        cmocka_unit_test(round_confirmed_confirms_those_before),
        cmocka_unit_test(reads_of_a_turn_share_a_round),
        cmocka_unit_test(confirmation_that_does_not_match_is_ignored),
        cmocka_unit_test(preemption_voids_rounds),
        cmocka_unit_test(rounds_begin_anew_in_the_next_term),
        cmocka_unit_test(read_waits_for_what_was_chosen_before_it),
        cmocka_unit_test(round_unanswered_is_repeated),
        cmocka_unit_test(round_repeated_twice_goes_by_unicast),
        cmocka_unit_test(read_writes_nothing),
        cmocka_unit_test(read_beyond_the_queue_is_busy),
        cmocka_unit_test(read_without_leader_is_unavailable_in_time),
        cmocka_unit_test(list_is_paged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_checker.c - the checker must object: each property is broken by a short
 * history, next to the one that is allowed.
 */
#include "base/units.h"
#include "sim/checker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t ids[] = { 1, 2, 3 };
static const struct kv_limits limits = {
    .store_max_bytes = 10000,
    .session_period_ns = 60 * NS_PER_S,
    .sessions_max = 4,
};
static const uint8_t nonce[COMMAND_NONCE] = { 7 };
static struct checker c;

static int setup(void **state)
{
    (void)state;
    checker_init(&c, 3, ids, &limits);
    for (uint8_t i = 0; i < 3; i++) checker_on_start(&c, i);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    checker_clear(&c);
    return 0;
}

#define assert_fine()    assert_null(c.failed)
#define assert_fails(as) assert_string_equal(c.failed ? c.failed : "", as)

/* ---- builders ------------------------------------------------------------ */

static struct ballot at(uint64_t round, uint8_t node)
{
    return (struct ballot){ round, node };
}

/* A value of one command; NULL: a no-op at that time. */
static struct value value(const struct command *cmd, uint64_t time_ns)
{
    static uint8_t room[8][512];
    static uint32_t next;
    uint8_t *bytes = room[next++ % 8];
    struct writer w = writer_of(bytes + VALUE_HEAD, 512 - VALUE_HEAD);
    uint32_t len;

    if (cmd) command_encode(cmd, &w);
    len = VALUE_HEAD + (uint32_t)writer_len(&w);
    value_seal(bytes, len, cmd ? VALUE_COMMANDS : VALUE_NOOP, cmd ? 1 : 0,
               time_ns);
    return (struct value){ .bytes = bytes, .len = len };
}

static struct message vote(uint64_t slot, struct ballot b, struct value v)
{
    return (struct message){ .type = RECORD_ACCEPT,
                             .ballot = b,
                             .accept = { .slot = slot, .value = v } };
}

static struct message promise(struct ballot b)
{
    return (struct message){ .type = RECORD_PROMISE, .ballot = b };
}

/* Member i writes r, and it lands. */
static void write_down(uint8_t i, struct message r, bool durable)
{
    const struct disk_record d = {
        .type = r.type,
        .ballot = r.ballot,
        .slot = r.type == RECORD_ACCEPT ? r.accept.slot : 0,
    };

    checker_on_persist(&c, i, &r);
    if (durable && !c.failed) checker_on_durable(&c, i, &d);
}

static void choose(uint64_t slot, struct ballot b, struct value v)
{
    write_down(0, vote(slot, b, v), true);
    write_down(1, vote(slot, b, v), true);
}

static void sent(uint8_t i, struct message m)
{
    checker_on_send(&c, i, &m);
}

/* Slot 1: a session is opened; slot 2: it puts k = x as seq 1. */
static struct command put(void)
{
    return (struct command){
        .op = COMMAND_PUT,
        .session = { 1, 0 },
        .seq = 1,
        .key = bytes_of("k", 1),
        .value = bytes_of("x", 1),
    };
}

static void open_and_put(void)
{
    const struct command open = { .op = COMMAND_OPEN,
                                  .value = bytes_of(nonce, sizeof nonce) };
    const struct command cmd = put();

    choose(1, at(1, 1), value(&open, 1));
    choose(2, at(1, 1), value(&cmd, 2));
    assert_fine();
    assert_int_equal(c.prefix, 2);
}

/* ---- agreement ----------------------------------------------------------- */

static void two_values_at_one_ballot_fail(void **state)
{
    (void)state;
    write_down(0, vote(1, at(1, 1), value(NULL, 1)), true);
    write_down(1, vote(1, at(1, 1), value(NULL, 1)), false);
    assert_fine();
    write_down(2, vote(1, at(1, 1), value(NULL, 2)), false);
    assert_fails("agreement");
}

static void another_value_above_a_chosen_one_fails(void **state)
{
    (void)state;
    choose(1, at(1, 1), value(NULL, 1));
    write_down(2, vote(1, at(2, 2), value(NULL, 1)), true);
    assert_fine();
    write_down(2, vote(1, at(3, 3), value(NULL, 2)), true);
    assert_fails("agreement");
}

static void another_value_below_a_chosen_one_passes(void **state)
{
    (void)state;
    write_down(2, vote(1, at(1, 1), value(NULL, 1)), true);
    choose(1, at(2, 2), value(NULL, 2));
    assert_fine();
    assert_int_equal(c.prefix, 1);
}

static void votes_of_two_ballots_choose_nothing(void **state)
{
    (void)state;
    write_down(0, vote(1, at(1, 1), value(NULL, 1)), true);
    write_down(1, vote(1, at(2, 2), value(NULL, 1)), true);
    assert_int_equal(c.prefix, 0);
    checker_on_state(&c, 0, 1, 0);
    assert_fails("execution");
}

static void a_vote_counted_twice_chooses_nothing(void **state)
{
    (void)state;
    write_down(0, vote(1, at(1, 1), value(NULL, 1)), true);
    write_down(0, vote(1, at(1, 1), value(NULL, 1)), true);
    assert_int_equal(c.prefix, 0);
    write_down(2, vote(1, at(1, 1), value(NULL, 1)), true);
    assert_int_equal(c.prefix, 1);
}

static void chosen_served_with_another_value_fails(void **state)
{
    struct message m = { .type = MESSAGE_CHOSEN, .ballot = at(1, 1) };

    (void)state;
    choose(1, at(1, 1), value(NULL, 1));
    m.decided.slot = 1;
    m.decided.value = value(NULL, 1);
    sent(0, m);
    assert_fine();
    m.decided.value = value(NULL, 2);
    sent(0, m);
    assert_fails("agreement");
}

/* ---- durability ---------------------------------------------------------- */

static void accepted_before_durable_fails(void **state)
{
    const struct range range = { 1, 1 };
    const struct message m = { .type = MESSAGE_ACCEPTED,
                               .ballot = at(1, 1),
                               .count = 1,
                               .ranges = &range };

    (void)state;
    write_down(1, vote(1, at(1, 1), value(NULL, 1)), true);
    sent(1, m);
    assert_fine();
    write_down(2, vote(1, at(1, 1), value(NULL, 1)), false);
    sent(2, m);
    assert_fails("durability");
}

static void promise_before_durable_fails(void **state)
{
    const struct message m = { .type = MESSAGE_PROMISE, .ballot = at(1, 1) };

    (void)state;
    write_down(1, promise(at(1, 1)), true);
    sent(1, m);
    assert_fine();
    write_down(2, promise(at(1, 1)), false);
    sent(2, m);
    assert_fails("durability");
}

static void promise_that_hides_a_vote_fails(void **state)
{
    const struct run run = { 1, 1, { 1, 1 } };
    struct message m = { .type = MESSAGE_PROMISE, .ballot = at(2, 2) };

    (void)state;
    write_down(1, vote(1, at(1, 1), value(NULL, 1)), true);
    write_down(1, promise(at(2, 2)), true);
    m.promise.runs = &run;
    m.promise.run_count = 1;
    sent(1, m);
    assert_fine();
    m.promise.run_count = 0;
    sent(1, m);
    assert_fails("durability");
}

static void saying_chosen_of_what_is_not_fails(void **state)
{
    struct message m = { .type = MESSAGE_HEARTBEAT };

    (void)state;
    choose(1, at(1, 1), value(NULL, 1));
    m.heartbeat.chosen_upto = 1;
    sent(0, m);
    assert_fine();
    m.heartbeat.chosen_upto = 2;
    sent(0, m);
    assert_fails("durability");
}

/* ---- promises ------------------------------------------------------------ */

static void vote_below_the_promise_fails(void **state)
{
    (void)state;
    write_down(0, promise(at(2, 2)), false);
    write_down(0, vote(1, at(2, 2), value(NULL, 1)), false);
    assert_fine();
    write_down(0, vote(2, at(1, 1), value(NULL, 1)), false);
    assert_fails("promise");
}

static void promise_retracted_by_a_restart_fails(void **state)
{
    (void)state;
    write_down(0, promise(at(2, 2)), true);
    sent(0, (struct message){ .type = MESSAGE_PROMISE, .ballot = at(2, 2) });
    checker_on_start(&c, 0);
    checker_on_recovered(&c, 0, at(2, 2));
    assert_fine();
    checker_on_start(&c, 0);
    checker_on_recovered(&c, 0, at(1, 3));
    assert_fails("promise");
}

static void ballot_of_an_earlier_life_fails(void **state)
{
    const struct message m = { .type = MESSAGE_PREPARE, .ballot = at(2, 1) };

    (void)state;
    write_down(0, promise(at(2, 1)), true);
    sent(0, m);
    sent(0, m);
    assert_fine();
    checker_on_start(&c, 0);
    sent(0, m);
    assert_fails("promise");
}

static void prepare_before_the_own_promise_fails(void **state)
{
    (void)state;
    write_down(0, promise(at(2, 1)), false);
    sent(0, (struct message){ .type = MESSAGE_PREPARE, .ballot = at(2, 1) });
    assert_fails("promise");
}

static void proposing_below_the_own_promise_fails(void **state)
{
    const struct message m = { .type = MESSAGE_LEARN, .ballot = at(2, 1) };

    (void)state;
    write_down(0, promise(at(2, 1)), true);
    sent(0, m);
    assert_fine();
    write_down(0, promise(at(3, 2)), false);
    sent(0, m);
    assert_fails("promise");
}

static void learn_by_who_proposed_otherwise_fails(void **state)
{
    struct message m = { .type = MESSAGE_LEARN, .ballot = at(1, 1) };

    (void)state;
    m.learn.upto = 1;
    write_down(0, vote(1, at(1, 1), value(NULL, 1)), true);
    write_down(1, vote(1, at(2, 2), value(NULL, 2)), true);
    write_down(2, vote(1, at(2, 2), value(NULL, 2)), true);
    assert_int_equal(c.prefix, 1);
    sent(0, m);
    assert_fails("agreement");
}

static void vote_after_a_roll_back_fails(void **state)
{
    (void)state;
    write_down(0, promise(at(1, 1)), true);
    checker_on_roll_back(&c, 0);
    checker_on_start(&c, 0);
    checker_on_recovered(&c, 0, at(0, 0));
    checker_on_persist(&c, 0, &(struct message){ .type = RECORD_REFUSED });
    assert_fine();
    write_down(0, promise(at(2, 2)), false);
    assert_fails("identity");
}

static void refused_without_a_roll_back_fails(void **state)
{
    (void)state;
    checker_on_persist(&c, 0, &(struct message){ .type = RECORD_REFUSED });
    assert_fails("promise");
}

/* ---- execution ----------------------------------------------------------- */

static void another_state_hash_fails(void **state)
{
    (void)state;
    open_and_put();
    checker_on_state(&c, 0, 2, kv_state_hash(c.kv));
    assert_fine();
    checker_on_state(&c, 1, 2, kv_state_hash(c.kv) + 1);
    assert_fails("execution");
}

static void going_back_fails(void **state)
{
    (void)state;
    open_and_put();
    checker_on_state(&c, 0, 2, c.slots[2].state_hash);
    checker_on_start(&c, 0);
    checker_on_state(&c, 0, 1, c.slots[1].state_hash);
    assert_fine();
    checker_on_state(&c, 0, 2, c.slots[2].state_hash);
    checker_on_state(&c, 0, 1, c.slots[1].state_hash);
    assert_fails("execution");
}

static void a_command_that_is_none_fails(void **state)
{
    struct value v = value(NULL, 1);
    uint8_t bytes[VALUE_HEAD + 3] = { 0 };

    (void)state;
    value_seal(bytes, sizeof bytes, VALUE_COMMANDS, 1, 1);
    v.bytes = bytes;
    v.len = sizeof bytes;
    choose(1, at(1, 1), v);
    assert_fails("execution");
}

/* ---- answers ------------------------------------------------------------- */

static struct reply answer(const struct command *cmd, uint8_t status,
                           uint64_t slot, const char *text)
{
    return (struct reply){
        .op = cmd->op,
        .seq = cmd->seq,
        .status = status,
        .slot = slot,
        .value = bytes_of(text, (uint32_t)strlen(text)),
    };
}

static void told(const struct command *cmd, uint8_t status, uint64_t slot,
                 const char *text)
{
    const struct reply r = answer(cmd, status, slot, text);

    checker_on_reply(&c, 0, cmd, &r);
}

static void answer_before_execution_fails(void **state)
{
    struct command cmd = put();

    (void)state;
    open_and_put();
    told(&cmd, REPLY_OK, 2, "");
    assert_fine();
    cmd.seq = 2;
    told(&cmd, REPLY_OK, 2, "");
    assert_fails("witness");
}

static void answer_of_another_slot_fails(void **state)
{
    const struct command cmd = put();

    (void)state;
    open_and_put();
    told(&cmd, REPLY_OK, 1, "");
    assert_fails("witness");
}

static void answer_of_another_status_fails(void **state)
{
    const struct command cmd = put();

    (void)state;
    open_and_put();
    told(&cmd, REPLY_NOTFOUND, 2, "");
    assert_fails("witness");
}

/* The state of slot 1 is still the truth of slot 1. */
static void read_of_another_state_fails(void **state)
{
    const struct command get = { .op = COMMAND_GET, .key = bytes_of("k", 1) };

    (void)state;
    open_and_put();
    told(&get, REPLY_OK, 2, "x");
    told(&get, REPLY_NOTFOUND, 1, "");
    told(&get, REPLY_UNAVAILABLE, 2, "");
    assert_fine();
    told(&get, REPLY_NOTFOUND, 2, "");
    assert_fails("witness");
}

static void read_beyond_what_is_chosen_fails(void **state)
{
    const struct command get = { .op = COMMAND_GET, .key = bytes_of("k", 1) };

    (void)state;
    open_and_put();
    told(&get, REPLY_OK, 3, "x");
    assert_fails("witness");
}

static void stale_without_acknowledgement_fails(void **state)
{
    const struct command first = put();
    struct command second = put();

    (void)state;
    open_and_put();
    second.seq = 2;
    second.acked_upto = 1;
    choose(3, at(1, 1), value(&second, 3));
    told(&first, REPLY_STALE, 3, "");
    assert_fine();
    told(&second, REPLY_STALE, 3, "");
    assert_fails("witness");
}

static void expired_while_the_session_lives_fails(void **state)
{
    const struct command cmd = put();

    (void)state;
    open_and_put();
    told(&cmd, REPLY_EXPIRED, 2, "");
    assert_fails("witness");
}

static void expired_after_its_period_passes(void **state)
{
    const struct command cmd = put();

    (void)state;
    open_and_put();
    choose(3, at(1, 1), value(NULL, 100 * NS_PER_S));
    told(&cmd, REPLY_EXPIRED, 3, "");
    assert_fine();
}

/* A retry is executed once; its answer stays the first one. */
static void command_chosen_twice_runs_once(void **state)
{
    struct command cmd = {
        .op = COMMAND_INCR,
        .session = { 1, 0 },
        .seq = 2,
        .key = bytes_of("n", 1),
        .value = bytes_of("\1\0\0\0\0\0\0\0", 8),
    };

    (void)state;
    open_and_put();
    choose(3, at(1, 1), value(&cmd, 3));
    choose(4, at(1, 1), value(&cmd, 4));
    told(&cmd, REPLY_OK, 3, "1");
    assert_fine();
    told(&cmd, REPLY_OK, 4, "2");
    assert_fails("witness");
}

static void list_page_with_a_gap_fails(void **state)
{
    static const uint8_t limit[4] = { 100 };
    const struct command list = { .op = COMMAND_LIST,
                                  .value = bytes_of(limit, 4) };
    static const uint8_t page[] = { 0, 1, 0, 1, 0, 0, 0,   2,  0,
                                    0, 0, 0, 0, 0, 0, 'k', 'x' };
    struct reply r = answer(&list, REPLY_OK, 2, "");

    (void)state;
    open_and_put();
    r.value = bytes_of(page, sizeof page);
    checker_on_reply(&c, 0, &list, &r);
    assert_fine();
    r.value = bytes_of(page, 1); /* nothing, and no more to come */
    checker_on_reply(&c, 0, &list, &r);
    assert_fails("witness");
}

/* ---- real time ----------------------------------------------------------- */

static void write_in_the_slot_of_one_before_fails(void **state)
{
    uint64_t began;

    (void)state;
    checker_on_end(&c, checker_on_begin(&c), true, 5);
    began = checker_on_begin(&c);
    checker_on_end(&c, began, true, 6);
    assert_fine();
    began = checker_on_begin(&c);
    checker_on_end(&c, began, true, 6);
    assert_fails("witness");
}

static void read_behind_an_earlier_answer_fails(void **state)
{
    uint64_t began;

    (void)state;
    checker_on_end(&c, checker_on_begin(&c), true, 5);
    began = checker_on_begin(&c);
    checker_on_end(&c, began, false, 5);
    assert_fine();
    checker_on_end(&c, began, false, 4);
    assert_fails("witness");
}

/* Whether it arrives or another one first is a matter of the network. */
static void read_sent_of_a_slot_too_low_fails(void **state)
{
    const struct command get = { .op = COMMAND_GET };
    const struct command put = { .op = COMMAND_PUT };
    const struct reply old = { .status = REPLY_OK, .slot = 4 };
    const struct reply busy = { .status = REPLY_BUSY, .slot = 4 };

    (void)state;
    checker_on_read(&c, 0, &get, &old, 4);
    checker_on_read(&c, 0, &put, &old, 5);
    checker_on_read(&c, 0, &get, &busy, 5);
    assert_fine();
    checker_on_read(&c, 0, &get, &old, 5);
    assert_fails("witness");
}

static void state_time_ahead_of_all_clocks_fails(void **state)
{
    (void)state;
    checker_on_time(&c, 0, 1000, 1000);
    assert_fine();
    checker_on_time(&c, 0, 1001, 1000);
    assert_fails("time");
}

static void operations_at_the_same_time_may_come_in_any_order(void **state)
{
    const uint64_t first = checker_on_begin(&c);
    const uint64_t second = checker_on_begin(&c);

    (void)state;
    checker_on_end(&c, second, true, 9);
    checker_on_end(&c, first, true, 3);
    assert_fine();
}

int main(void)
{
#define CHECKER_TEST(name)                                                     \
    cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CHECKER_TEST(two_values_at_one_ballot_fail),
        CHECKER_TEST(another_value_above_a_chosen_one_fails),
        CHECKER_TEST(another_value_below_a_chosen_one_passes),
        CHECKER_TEST(votes_of_two_ballots_choose_nothing),
        CHECKER_TEST(a_vote_counted_twice_chooses_nothing),
        CHECKER_TEST(chosen_served_with_another_value_fails),
        CHECKER_TEST(accepted_before_durable_fails),
        CHECKER_TEST(promise_before_durable_fails),
        CHECKER_TEST(promise_that_hides_a_vote_fails),
        CHECKER_TEST(saying_chosen_of_what_is_not_fails),
        CHECKER_TEST(vote_below_the_promise_fails),
        CHECKER_TEST(promise_retracted_by_a_restart_fails),
        CHECKER_TEST(ballot_of_an_earlier_life_fails),
        CHECKER_TEST(prepare_before_the_own_promise_fails),
        CHECKER_TEST(proposing_below_the_own_promise_fails),
        CHECKER_TEST(learn_by_who_proposed_otherwise_fails),
        CHECKER_TEST(vote_after_a_roll_back_fails),
        CHECKER_TEST(refused_without_a_roll_back_fails),
        CHECKER_TEST(another_state_hash_fails),
        CHECKER_TEST(going_back_fails),
        CHECKER_TEST(a_command_that_is_none_fails),
        CHECKER_TEST(answer_before_execution_fails),
        CHECKER_TEST(answer_of_another_slot_fails),
        CHECKER_TEST(answer_of_another_status_fails),
        CHECKER_TEST(read_of_another_state_fails),
        CHECKER_TEST(read_beyond_what_is_chosen_fails),
        CHECKER_TEST(stale_without_acknowledgement_fails),
        CHECKER_TEST(expired_while_the_session_lives_fails),
        CHECKER_TEST(expired_after_its_period_passes),
        CHECKER_TEST(command_chosen_twice_runs_once),
        CHECKER_TEST(list_page_with_a_gap_fails),
        CHECKER_TEST(write_in_the_slot_of_one_before_fails),
        CHECKER_TEST(read_behind_an_earlier_answer_fails),
        CHECKER_TEST(read_sent_of_a_slot_too_low_fails),
        CHECKER_TEST(state_time_ahead_of_all_clocks_fails),
        CHECKER_TEST(operations_at_the_same_time_may_come_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

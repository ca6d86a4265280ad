/* test_node.c - src/node/node.c, and the parts of a node together */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/prng.h"
#include "support/node_kit.h"

/* A group that has a leader. */
static struct nodes *led(uint8_t n)
{
    struct nodes *g = nodes_new(n);

    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    return g;
}

/* One that is up and does not lead. */
static uint8_t follower_of(struct nodes *g)
{
    uint8_t i = 0;

    while (!g->m[i].node || nodes_status(g, i).role == NODE_LEADER) i++;
    return i;
}

/* ---- the happy path ---- */

static void start_of_every_group_elects_one_leader(void **state)
{
    (void)state;
    for (uint8_t n = 1; n <= MEMBERS_MAX; n++) {
        struct nodes *g = led(n);

        nodes_until(g, nodes_agree, NS_PER_S);
        for (uint8_t i = 0; i < n; i++) {
            const struct node_status s = nodes_status(g, i);

            assert_int_equal(s.incarnation, 1);
            assert_true(s.role ==
                        (i == nodes_leader(g) ? NODE_LEADER : NODE_FOLLOWER));
            assert_null(s.reason);
            assert_int_equal(g->m[i].fatal, 0);
        }
        nodes_free(g);
    }
}

static void put_and_get_through_the_leader(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct session s;

    (void)state;
    nodes_get(g, leader, "k", NULL);
    nodes_open(g, leader, &s);
    nodes_put(g, leader, &s, "k", "v");
    nodes_get(g, leader, "k", "v");
    nodes_until(g, nodes_agree, NS_PER_S);
    assert_int_equal(nodes_status(g, 0).keys, 1);
    nodes_free(g);
}

/* E10: any member takes requests; the leader answers. */
static void put_and_get_through_a_follower(void **state)
{
    struct nodes *g = led(5);
    const uint8_t i = follower_of(g);
    struct session s;

    (void)state;
    nodes_open(g, i, &s);
    nodes_put(g, i, &s, "k", "v");
    nodes_get(g, i, "k", "v");
    assert_int_equal(g->answers[0].by, nodes_leader(g));
    assert_int_equal(nodes_status(g, i).counters.forwarded, 3);
    nodes_free(g);
}

/* One request, and no flush behind it. */
static void request_put(struct nodes *g, uint8_t i, struct session *s)
{
    const struct command c = put_of(s, "k", "v");
    uint8_t bytes[COMMAND_HEAD + COMMAND_BYTES_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct request r = { .client = { .family = 4, .port = 4000 },
                         .cookie = 77 };

    command_encode(&c, &w);
    r.command = bytes_of(bytes, (uint32_t)writer_len(&w));
    nodes_step(g, i, &(struct event){ .type = EVENT_REQUEST, .request = &r });
}

/* What waits for the end of the turn says so; nothing else does. */
static void flush_is_needed_by_a_request_and_not_at_rest(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    nodes_until(g, nodes_agree, NS_PER_S);
    nodes_run(g, NS_PER_MS * 5);
    assert_false(node_has_flush(g->m[leader].node, g->now_ns));
    request_put(g, leader, &s);
    assert_true(node_has_flush(g->m[leader].node, g->now_ns));
    nodes_step(g, leader, &(struct event){ .type = EVENT_FLUSH });
    nodes_run(g, NS_PER_MS * 5);
    assert_false(node_has_flush(g->m[leader].node, g->now_ns));
    nodes_free(g);
}

static void put_and_get_in_a_group_of_one(void **state)
{
    struct nodes *g = led(1);
    struct session s;
    uint64_t begin_ns;

    (void)state;
    nodes_open(g, 0, &s);
    nodes_put(g, 0, &s, "k", "v");
    begin_ns = g->now_ns;
    nodes_get(g, 0, "k", "v");
    assert_int_equal(g->now_ns, begin_ns); /* nothing to wait for */
    nodes_free(g);
}

/* A large load at once: all is answered, in few slots. */
static void puts_at_once_share_slots(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct event ev = { .type = EVENT_REQUEST };
    struct request r = { .client = { .family = 4, .port = 4000 } };
    uint64_t before;

    (void)state;
    ev.request = &r;
    before = nodes_status(g, leader).executed;
    for (unsigned i = 0; i < 64; i++) {
        const uint8_t nonce[COMMAND_NONCE] = { 9, (uint8_t)i };
        const struct command c = { .op = COMMAND_OPEN,
                                   .value = bytes_of(nonce, sizeof nonce) };
        uint8_t bytes[COMMAND_HEAD + COMMAND_NONCE];
        struct writer w = writer_of(bytes, sizeof bytes);

        command_encode(&c, &w);
        r.cookie = ++g->cookie;
        r.command = bytes_of(bytes, sizeof bytes);
        nodes_step(g, leader, &ev);
    }
    nodes_step(g, leader, &(struct event){ .type = EVENT_FLUSH });
    nodes_run(g, 100 * NS_PER_MS);
    assert_int_equal(g->answer_count, 64);
    assert_int_equal(nodes_status(g, leader).executed, before + 1);
    /* Pitfall 13: one value, many sessions, each with an id of its own. */
    assert_int_equal(nodes_status(g, leader).sessions, 64);
    nodes_free(g);
}

/* ---- failures ---- */

static void leader_killed_is_replaced_and_nothing_is_lost(void **state)
{
    struct nodes *g = led(5);
    const uint8_t leader = nodes_leader(g);
    const uint8_t other = follower_of(g);
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    nodes_put(g, leader, &s, "k", "1");
    nodes_kill(g, leader);
    nodes_put(g, other, &s, "k", "2"); /* waits for the next leader */
    nodes_get(g, other, "k", "2");
    nodes_kill(g, nodes_leader(g));
    nodes_get(g, follower_of(g), "k", "2");
    nodes_free(g);
}

/* A retry through the next leader is executed once. */
static void put_repeated_after_failover_is_done_once(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct command add = { .op = COMMAND_INCR };
    const struct answer *a;
    uint8_t one[8];
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    store64(one, 1);
    add.session = s.id;
    add.seq = 1;
    add.key = bytes_of("n", 1);
    add.value = bytes_of(one, 8);
    nodes_insist(g, leader, &add);
    nodes_kill(g, leader);
    a = nodes_insist(g, follower_of(g), &add);
    assert_int_equal(a->status, REPLY_OK);
    assert_int_equal(a->len, 1);
    assert_int_equal(a->value[0], '1');
    nodes_free(g);
}

/* Pitfall 18: two of four decide nothing. */
static void half_of_a_group_decides_nothing(void **state)
{
    struct nodes *g = led(4);
    const uint8_t leader = nodes_leader(g);
    struct session s;
    struct command c;

    (void)state;
    nodes_open(g, leader, &s);
    nodes_until(g, nodes_agree, NS_PER_S);
    for (uint8_t i = 0, gone = 0; gone < 2; i++) {
        if (i == leader) continue;
        nodes_kill(g, i);
        gone++;
    }
    c = put_of(&s, "k", "v");
    assert_null(nodes_do(g, leader, &c, NS_PER_S));
    assert_int_equal(nodes_leader(g), MEMBER_NONE);
    assert_non_null(nodes_status(g, leader).reason);
    c = get_of("k");
    assert_int_equal(nodes_do(g, leader, &c, 10 * NS_PER_S)->status,
                     REPLY_UNAVAILABLE);
    /* A minority inflates no round. */
    assert_true(nodes_status(g, leader).promised.round < 5);
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 3 * NS_PER_S);
    nodes_put(g, leader, &s, "k", "w");
    nodes_get(g, leader, "k", "w");
    nodes_free(g);
}

/* Pitfall 23: a provisional leader is a place to wait, and no more. */
static void request_without_leader_waits_and_is_refused_in_time(void **state)
{
    struct nodes *g = nodes_new(3);
    const uint8_t nonce[COMMAND_NONCE] = { 1 };
    const struct command c = { .op = COMMAND_OPEN,
                               .value = bytes_of(nonce, sizeof nonce) };
    const struct answer *a;

    (void)state;
    nodes_start(g, 0);
    nodes_run(g, NS_PER_S);
    assert_int_equal(nodes_status(g, 0).role, NODE_PROVISIONAL);
    assert_null(nodes_do(g, 0, &c, 4 * NS_PER_S));
    assert_int_equal(nodes_status(g, 0).executed, 0);
    a = nodes_do(g, 0, &c, 10 * NS_PER_S);
    assert_int_equal(a->status, REPLY_BUSY);
    nodes_free(g);
}

static void request_without_leader_is_handed_over_to_it(void **state)
{
    struct nodes *g = nodes_new(3);
    const uint8_t nonce[COMMAND_NONCE] = { 1 };
    const struct command open = { .op = COMMAND_OPEN,
                                  .value = bytes_of(nonce, sizeof nonce) };
    const struct command get = get_of("k");
    uint64_t write;
    uint64_t read;

    (void)state;
    nodes_start(g, 0);
    nodes_run(g, NS_PER_S);
    write = nodes_ask(g, 0, &open);
    read = nodes_ask(g, 0, &get);
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    nodes_run(g, 100 * NS_PER_MS);
    assert_int_equal(nodes_answer(g, write)->status, REPLY_OK);
    assert_int_equal(nodes_answer(g, read)->status, REPLY_NOTFOUND);
    nodes_free(g);
}

/* ---- candidates ---- */

/* Member 0 of three, a candidate at round 9 whose own promise is durable. */
static struct nodes *candidate(void)
{
    struct nodes *g = alone_new(3);
    struct message m = alone_from(1, MESSAGE_NOMINATE);

    alone_admit(g);
    m.token = (struct token){
        .attempt = 1, .round = 9, .initiator = 1, .visited = 3
    };
    nodes_tell(g, 0, &m);
    alone_sync(g);
    assert_int_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
    return g;
}

static void pass(struct nodes *g, uint64_t ns, bool heard)
{
    for (uint64_t at = 0; at < ns; at += 10 * NS_PER_MS) {
        if (heard) alone_beat(g, 1, 0, 0);
        alone_tick(g, 10 * NS_PER_MS);
        alone_sync(g);
    }
}

/* E5: a minority inflates no round. */
static void candidate_that_nobody_hears_gives_up(void **state)
{
    struct nodes *g = candidate();

    (void)state;
    pass(g, 5 * NS_PER_S, false);
    assert_int_equal(nodes_status(g, 0).role, NODE_PROVISIONAL);
    assert_int_equal(nodes_status(g, 0).promised.round, 9);
    nodes_free(g);
}

/* Slow disks are asked again, not asked for more. */
static void candidate_that_is_heard_keeps_its_round(void **state)
{
    struct nodes *g = candidate();
    struct message m = alone_from(1, MESSAGE_PROMISE);

    (void)state;
    alone_forget(g);
    pass(g, 5 * NS_PER_S, true);
    assert_int_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
    assert_int_equal(nodes_status(g, 0).ballot.round, 9);
    assert_true(alone_sent(g, 1, MESSAGE_PREPARE) > 10);
    m.ballot = kit_ballot(9, 0);
    m.promise.log_start = 1;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);
    nodes_free(g);
}

/* Pitfall 34: who knew what is lacking is gone: another round, and with it
 * perhaps another majority. */
static void candidate_without_the_values_begins_another_round(void **state)
{
    struct nodes *g = candidate();
    const struct run run = { 1, 1, kit_ballot(3, 1) };
    struct message m = alone_from(1, MESSAGE_PROMISE);

    (void)state;
    m.ballot = kit_ballot(9, 0);
    m.promise.log_start = 1;
    m.promise.runs = &run;
    m.promise.run_count = 1;
    nodes_tell(g, 0, &m);
    pass(g, 300 * NS_PER_MS, true);
    assert_int_equal(nodes_status(g, 0).ballot.round, 9);
    assert_true(alone_sent(g, 1, MESSAGE_WANT) > 1);
    pass(g, 300 * NS_PER_MS, true);
    assert_int_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
    assert_int_equal(nodes_status(g, 0).ballot.round, 10);
    nodes_free(g);
}

/* What only others say that is chosen hides no vote of a member: when they are
 * gone, its votes alone tell what it was (P6). */
static void candidate_that_heard_of_chosen_slots_shows_its_votes(void **state)
{
    struct nodes *g = alone_new(3);
    const struct promise *promise;
    struct message m;

    (void)state;
    alone_admit(g);
    for (uint64_t slot = 1; slot <= 2; slot++) {
        m = kit_accept(3, 1, slot, "x");
        m.incarnation = 1;
        m.process = 501;
        nodes_tell(g, 0, &m);
    }
    alone_sync(g);
    pass(g, 500 * NS_PER_MS, true); /* who led claims nothing any more */
    assert_int_equal(nodes_status(g, 0).role, NODE_CANDIDATE);
    m = alone_from(1, MESSAGE_PROMISE);
    m.ballot = nodes_status(g, 0).ballot;
    m.promise.log_start = 1;
    m.promise.chosen_upto = 2;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).role, NODE_LEADER);

    m = kit_accept(3, 1, 1, "x");
    m.type = MESSAGE_CHOSEN;
    m.decided = (struct decided){ .slot = 1, .value = m.accept.value };
    m.incarnation = 1;
    m.process = 501;
    nodes_tell(g, 0, &m);
    assert_int_equal(nodes_status(g, 0).executed, 1);
    alone_forget(g);
    m = kit_prepare(20, 2, 1);
    m.incarnation = 1;
    m.process = 502;
    nodes_tell(g, 0, &m);
    alone_sync(g);
    promise = &alone_message(g, 2, MESSAGE_PROMISE, 0)->promise;
    assert_int_equal(promise->chosen_upto, 1);
    assert_true(promise->run_count > 0);
    assert_int_equal(promise->runs[0].first, 2);
    nodes_free(g);
}

/* ---- restart ---- */

static void restart_recovers_what_was_durable(void **state)
{
    struct nodes *g = led(3);
    struct session s;

    (void)state;
    nodes_open(g, 0, &s);
    for (unsigned i = 0; i < 50; i++) nodes_put(g, 0, &s, "k", "v");
    nodes_put(g, 0, &s, "k", "last");
    nodes_until(g, nodes_agree, NS_PER_S);
    for (uint8_t i = 0; i < 3; i++) nodes_kill(g, i);
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 3 * NS_PER_S);
    nodes_get(g, 1, "k", "last");
    nodes_until(g, nodes_agree, NS_PER_S);
    assert_int_equal(nodes_status(g, 2).incarnation, 2);
    assert_int_equal(nodes_status(g, 2).sessions, 1);
    nodes_put(g, 2, &s, "k", "again"); /* the session lives on (12) */
    nodes_free(g);
}

static void restart_of_one_alone_recovers_its_state(void **state)
{
    struct nodes *g = led(1);
    struct session s;
    uint64_t executed;

    (void)state;
    nodes_open(g, 0, &s);
    for (unsigned i = 0; i < 3000; i++) nodes_put(g, 0, &s, "k", "v");
    nodes_put(g, 0, &s, "k", "last");
    executed = nodes_status(g, 0).executed;
    nodes_kill(g, 0);
    assert_int_equal(nodes_start(g, 0), 0);
    nodes_until(g, nodes_are_led, NS_PER_S);
    assert_true(nodes_status(g, 0).executed > executed);
    nodes_get(g, 0, "k", "last");
    nodes_free(g);
}

/* Pitfall 5: a ballot is not used twice, not even across a restart. */
static void restart_of_a_leader_uses_a_higher_round(void **state)
{
    struct nodes *g = led(1);
    uint64_t round = nodes_status(g, 0).ballot.round;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        nodes_kill(g, 0);
        assert_int_equal(nodes_start(g, 0), 0);
        nodes_until(g, nodes_are_led, NS_PER_S);
        assert_true(nodes_status(g, 0).ballot.round > round);
        round = nodes_status(g, 0).ballot.round;
    }
    nodes_free(g);
}

/* Pitfall 4: what never was durable was never told. */
static void write_not_durable_at_a_majority_is_not_answered(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct session s;
    struct command c;
    uint64_t cookie;

    (void)state;
    nodes_open(g, leader, &s);
    for (uint8_t i = 0; i < 3; i++) g->m[i].slow = i != leader;
    c = put_of(&s, "k", "v");
    cookie = nodes_ask(g, leader, &c);
    nodes_run(g, 500 * NS_PER_MS);
    assert_null(nodes_answer(g, cookie));
    g->m[follower_of(g)].slow = false;
    nodes_run(g, 500 * NS_PER_MS);
    assert_non_null(nodes_answer(g, cookie));
    nodes_free(g);
}

/* P11: the leader's own vote is no better than the others'. */
static void write_with_slow_disk_of_leader_is_answered(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    g->m[leader].slow = true;
    nodes_put(g, leader, &s, "k", "v");
    nodes_kill(g, leader); /* its log has nothing of it */
    nodes_get(g, follower_of(g), "k", "v");
    g->m[leader].slow = false;
    nodes_start(g, leader);
    nodes_until(g, nodes_agree, 2 * NS_PER_S);
    nodes_free(g);
}

/* ---- catching up ---- */

static void lagging_member_is_served_from_memory(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const uint8_t lame = follower_of(g);
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    nodes_kill(g, lame);
    for (unsigned i = 0; i < 300; i++) nodes_put(g, leader, &s, "k", "v");
    nodes_start(g, lame);
    nodes_until(g, nodes_agree, NS_PER_S);
    assert_true(nodes_status(g, lame).counters.fetched >= 300);
    assert_int_equal(g->m[leader].reads, 0);
    nodes_free(g);
}

static void lagging_member_is_served_from_the_log(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const uint8_t lame = follower_of(g);
    struct session s;

    (void)state;
    nodes_open(g, leader, &s);
    nodes_kill(g, lame);
    for (unsigned i = 0; i < 6000; i++) nodes_put(g, leader, &s, "k", "v");
    nodes_start(g, lame);
    nodes_until(g, nodes_agree, 5 * NS_PER_S);
    assert_true(g->m[0].reads + g->m[1].reads + g->m[2].reads > 0);
    assert_int_equal(g->m[lame].notes[NOTE_BEHIND], 1);
    assert_int_equal(g->m[lame].notes[NOTE_CAUGHT_UP], 1);
    /* And what it learned so, it still knows after a restart. */
    nodes_kill(g, lame);
    nodes_start(g, lame);
    assert_true(nodes_status(g, lame).executed > 6000);
    nodes_until(g, nodes_agree, NS_PER_S);
    nodes_free(g);
}

/* ---- resigning ---- */

static void stop_hands_over_leadership(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);

    (void)state;
    nodes_step(g, leader, &(struct event){ .type = EVENT_STOP });
    nodes_until(g, nodes_are_led, NS_PER_S);
    assert_int_not_equal(nodes_leader(g), leader);
    nodes_run(g, 2 * NS_PER_S);
    assert_int_not_equal(nodes_leader(g), leader); /* it stays so */
    nodes_free(g);
}

/* P14: a full leader makes room for one that is not. */
static void full_leader_resigns_to_one_that_is_not(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const struct event full = { .type = EVENT_FULL, .seq = 1 };
    struct session s;

    (void)state;
    nodes_step(g, leader, &full);
    nodes_run(g, NS_PER_S);
    nodes_until(g, nodes_are_led, NS_PER_S);
    assert_int_not_equal(nodes_leader(g), leader);
    nodes_open(g, leader, &s);
    nodes_put(g, leader, &s, "k", "v");
    nodes_free(g);
}

/* Nobody is better: the leader stays. */
static void full_leader_among_full_members_stays(void **state)
{
    struct nodes *g = led(3);
    const uint8_t leader = nodes_leader(g);
    const struct event full = { .type = EVENT_FULL, .seq = 1 };
    const uint64_t round = nodes_status(g, leader).ballot.round;

    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        if (i != leader) nodes_step(g, i, &full);
    }
    nodes_run(g, 100 * NS_PER_MS);
    nodes_step(g, leader, &full);
    nodes_run(g, 2 * NS_PER_S);
    assert_int_equal(nodes_leader(g), leader);
    assert_int_equal(nodes_status(g, leader).ballot.round, round);
    nodes_free(g);
}

/* ---- the driver's side of the contract ---- */

/* An idle group sleeps: a deadline in the past would be a busy loop. */
static void idle_group_takes_few_steps(void **state)
{
    struct nodes *g = led(5);
    uint64_t before[5];

    (void)state;
    nodes_run(g, NS_PER_S);
    for (uint8_t i = 0; i < 5; i++) before[i] = g->m[i].steps;
    nodes_run(g, 10 * NS_PER_S);
    for (uint8_t i = 0; i < 5; i++) {
        const uint64_t steps = g->m[i].steps - before[i];

        /* 50 heartbeats a second of each; with each a tick and flushes. */
        assert_in_range(steps, 10 * 250, 10 * 50 * 5 * 3);
    }
    nodes_free(g);
}

/* Same seed, same events: same effects. */
static void same_events_give_same_worlds(void **state)
{
    uint64_t ends[2];

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct nodes *g = led(5);
        struct session s;

        nodes_open(g, 0, &s);
        for (unsigned i = 0; i < 20; i++) nodes_put(g, 1, &s, "k", "v");
        nodes_kill(g, nodes_leader(g));
        nodes_until(g, nodes_are_led, 2 * NS_PER_S);
        ends[k] = g->now_ns;
        nodes_free(g);
    }
    assert_int_equal(ends[0], ends[1]);
}

static void node_without_memory_is_not_made(void **state)
{
    const struct node_config c = {
        .n = 1,
        .ids = { 10 },
        .heartbeat_ns = 1,
        .batch_bytes = 8192,
        .reply_bytes = 4096,
        .window_slots = 1,
        .history_slots = 1,
        .pool_order = 20,
    };
    struct arena arena;
    void *memory = aligned_alloc(ARENA_ALIGN, node_size(&c));

    (void)state;
    assert_non_null(memory);
    memset(memory, 0, node_size(&c));
    for (size_t size = 0; size < node_size(&c); size += 65536) {
        arena_init(&arena, memory, size);
        assert_null(node_init(&c, &arena));
    }
    free(memory);
}

/* ---- what a stranger may send ---- */

static uint64_t wild_slot(struct prng *p)
{
    switch (prng_below(p, 4)) {
    case 0:
        return 1 + prng_below(p, 40);
    case 1:
        return 1 + prng_below(p, 6000);
    case 2:
        return (UINT64_C(1) << 62) - prng_below(p, 3);
    default:
        return 1 + prng_below(p, UINT64_C(1) << 62);
    }
}

static struct ballot wild_ballot(struct prng *p, uint8_t from)
{
    const uint64_t round = prng_below(p, 4) ? 1 + prng_below(p, 9)
                                            : prng_below(p, ROUND_MAX);

    return (struct ballot){ .round = round ? round : 1,
                            .node = prng_below(p, 8)
                                        ? kit_id(from)
                                        : (uint8_t)(1 + prng_below(p, 255)) };
}

struct wild {
    struct message m;
    struct run runs[8];
    struct range ranges[8];
    struct fetch fetch;
};

static void wild_lists(struct wild *w, struct prng *p)
{
    uint64_t at = wild_slot(p);

    for (unsigned i = 0; i < 8; i++) {
        const uint32_t count = (uint32_t)(1 + prng_below(p, 3000));

        w->runs[i] = (struct run){ at, count, wild_ballot(p, 1) };
        w->ranges[i] = (struct range){ at, at + count - 1 };
        at += count + prng_below(p, 5);
    }
}

static struct value wild_value(struct prng *p)
{
    static const char *const texts[] = { "a", "b", "c" };

    return kit_value(texts[prng_below(p, 3)]);
}

static void wild_heartbeat(struct heartbeat *h, struct prng *p)
{
    *h = (struct heartbeat){
        .chosen_upto = wild_slot(p),
        .accepted_upto = wild_slot(p),
        .heard = (uint16_t)prng_below(p, 512),
        .flags = (uint8_t)prng_next(p),
        .priority = (uint8_t)prng_next(p),
        .leader = (uint8_t)prng_next(p),
    };
}

static void wild_token(struct token *t, struct prng *p)
{
    *t = (struct token){
        .attempt = prng_below(p, 5),
        .round = prng_below(p, 4) ? prng_below(p, 9) : ROUND_MAX,
        .initiator = (uint8_t)prng_below(p, MEMBERS_MAX),
        .hop = (uint8_t)prng_below(p, 2 * MEMBERS_MAX + 1),
        .visited = (uint16_t)prng_below(p, 512),
        .path_len = (uint8_t)prng_below(p, MEMBERS_MAX + 1),
        .best = (uint8_t)prng_below(p, MEMBERS_MAX),
    };
    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        t->path[i] = (uint8_t)prng_below(p, MEMBERS_MAX);
    }
}

static void wild_fetch(struct wild *w)
{
    memcpy(w->fetch.ranges, w->ranges, sizeof w->ranges);
    memcpy(w->fetch.held, w->runs, sizeof w->runs);
    w->fetch.range_count = w->fetch.held_count = 8;
    w->m.fetch = &w->fetch;
}

static void wild_body(struct wild *w, struct prng *p)
{
    struct message *m = &w->m;

    switch (m->type) {
    case MESSAGE_HEARTBEAT:
        wild_heartbeat(&m->heartbeat, p);
        break;
    case MESSAGE_PREPARE:
        m->prepare.from = wild_slot(p);
        break;
    case MESSAGE_PROMISE:
        m->promise = (struct promise){ .log_start = 1,
                                       .chosen_upto = wild_slot(p),
                                       .runs = w->runs,
                                       .run_count = 8 };
        break;
    case MESSAGE_NACK:
        m->nack.refused = wild_ballot(p, 0);
        break;
    case MESSAGE_ACCEPT:
        m->accept = (struct accept){ wild_slot(p), wild_slot(p),
                                     wild_value(p) };
        break;
    case MESSAGE_ACCEPTED:
        m->count = 8;
        m->ranges = w->ranges;
        break;
    case MESSAGE_LEARN:
        m->learn.upto = wild_slot(p);
        break;
    case MESSAGE_FETCH:
        wild_fetch(w);
        break;
    case MESSAGE_CHOSEN:
    case MESSAGE_WANT:
    case MESSAGE_VALUE:
        m->decided = (struct decided){ wild_slot(p), wild_value(p) };
        if (prng_below(p, 2)) m->decided.value.len = 0;
        break;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        wild_token(&m->token, p);
        break;
    default: /* CONFIRM, CONFIRMED */
        m->confirm.nonce = prng_next(p);
        break;
    }
}

/* Whatever the decoder lets through: no crash, no busy loop, bounded work.
 * Two different values for one slot end the process, as they must. */
static void hostile_messages_do_no_harm(void **state)
{
    static struct wild w;
    const uint64_t seed = 7401;
    struct prng prng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&prng, seed);
    for (unsigned world = 0; world < 12; world++) {
        struct nodes *g = led(3);

        for (unsigned i = 0; i < 4000; i++) {
            const uint8_t to = (uint8_t)prng_below(&prng, 3);

            if (!g->m[to].node || g->m[to].fatal) continue;
            memset(&w.m, 0, sizeof w.m);
            wild_lists(&w, &prng);
            /* HELLO and its answer may end the process: test_identity. */
            w.m.type = (uint8_t)(1 + prng_below(&prng, MESSAGE_REFUSE));
            w.m.from = (uint8_t)prng_below(&prng, 4);
            if (w.m.from == to) w.m.from = 3; /* stranger */
            w.m.incarnation = prng_below(&prng, 4) ? 1 : prng_next(&prng);
            w.m.asker = prng_below(&prng, 4) ? 1 : prng_next(&prng);
            w.m.vote_seq = prng_below(&prng, 10);
            w.m.ballot = wild_ballot(&prng, w.m.from);
            wild_body(&w, &prng);
            nodes_tell(g, to, &w.m);
            if (prng_below(&prng, 50) == 0) nodes_run(g, 30 * NS_PER_MS);
        }
        for (uint8_t i = 0; i < 3; i++) {
            assert_true(g->m[i].fatal == 0 || g->m[i].fatal == 70);
        }
        nodes_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_of_every_group_elects_one_leader),
        cmocka_unit_test(put_and_get_through_the_leader),
        cmocka_unit_test(put_and_get_through_a_follower),
        cmocka_unit_test(flush_is_needed_by_a_request_and_not_at_rest),
        cmocka_unit_test(put_and_get_in_a_group_of_one),
        cmocka_unit_test(puts_at_once_share_slots),
        cmocka_unit_test(leader_killed_is_replaced_and_nothing_is_lost),
        cmocka_unit_test(put_repeated_after_failover_is_done_once),
        cmocka_unit_test(half_of_a_group_decides_nothing),
        cmocka_unit_test(request_without_leader_waits_and_is_refused_in_time),
        cmocka_unit_test(request_without_leader_is_handed_over_to_it),
        cmocka_unit_test(candidate_that_nobody_hears_gives_up),
        cmocka_unit_test(candidate_that_is_heard_keeps_its_round),
        cmocka_unit_test(candidate_without_the_values_begins_another_round),
        cmocka_unit_test(candidate_that_heard_of_chosen_slots_shows_its_votes),
        cmocka_unit_test(restart_recovers_what_was_durable),
        cmocka_unit_test(restart_of_one_alone_recovers_its_state),
        cmocka_unit_test(restart_of_a_leader_uses_a_higher_round),
        cmocka_unit_test(write_not_durable_at_a_majority_is_not_answered),
        cmocka_unit_test(write_with_slow_disk_of_leader_is_answered),
        cmocka_unit_test(lagging_member_is_served_from_memory),
        cmocka_unit_test(lagging_member_is_served_from_the_log),
        cmocka_unit_test(stop_hands_over_leadership),
        cmocka_unit_test(full_leader_resigns_to_one_that_is_not),
        cmocka_unit_test(full_leader_among_full_members_stays),
        cmocka_unit_test(idle_group_takes_few_steps),
        cmocka_unit_test(same_events_give_same_worlds),
        cmocka_unit_test(node_without_memory_is_not_made),
        cmocka_unit_test(hostile_messages_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

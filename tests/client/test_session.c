/*
 * test_session.c - a session against a group, without sockets or clocks.
 *
 * Time passes only where a test lets it; each answer arrives one round trip
 * after its question.
 */
#include "base/assert.h"
#include "client/session.h"
#include "support/fakegroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUND_TRIP_NS (100 * NS_PER_US)
#define LIMIT_NS      (5 * NS_PER_S)
#define START_NS      (1000 * NS_PER_S)

struct world {
    struct fake_group group;
    struct session session;
    uint64_t now_ns;
    uint32_t refuse; /* dead members close their port: so the kernel says */
};

static void world_open(struct world *w, uint32_t members, uint32_t given)
{
    uint8_t entropy[SESSION_ENTROPY] = "any bytes will do here";
    struct servers servers;

    fake_group_init(&w->group, members);
    servers_init(&servers, NULL);
    for (uint32_t i = 0; i < given; i++)
        servers_add(&servers, &w->group.members[i].addr);
    session_init(&w->session, &servers, entropy);
    w->now_ns = START_NS;
    w->refuse = 0;
}

static int setup(void **state, uint32_t members, uint32_t given)
{
    struct world *w = calloc(1, sizeof *w);

    if (w == NULL) return -1;
    world_open(w, members, given);
    *state = w;
    return 0;
}

static int setup_one(void **state)
{
    return setup(state, 1, 1);
}

static int setup_three(void **state)
{
    return setup(state, 3, 3);
}

static int teardown(void **state)
{
    struct world *w = *state;

    session_end(&w->session);
    fake_group_destroy(&w->group);
    free(w);
    return 0;
}

/* Everything that the session sends now reaches the group, and is answered. */
static void world_exchange(struct world *w)
{
    static uint8_t out[SESSION_DATAGRAM];
    static uint8_t answer[DATAGRAM_MAX];
    struct address to;
    size_t len;

    session_tick(&w->session, w->now_ns);
    while ((len = session_output(&w->session, out, &to)) > 0) {
        const uint32_t at = fake_group_find(&w->group, &to);
        uint32_t from;

        assert_int_not_equal(at, FAKE_NOBODY);
        if (w->group.members[at].dead && w->refuse > 0) {
            w->refuse--;
            session_on_refused(&w->session, &to);
            continue;
        }
        len = fake_group_on_datagram(&w->group, at, out, len, answer, &from);
        if (len == 0) continue;
        w->now_ns += ROUND_TRIP_NS;
        w->group.time_ns = w->now_ns;
        session_on_datagram(&w->session, w->now_ns,
                            &w->group.members[from].addr, answer, len);
        session_tick(&w->session, w->now_ns);
    }
}

/* Go on to the next deadline; false if it lies behind end_ns. */
static bool world_sleep(struct world *w, uint64_t end_ns)
{
    const uint64_t due_ns = session_deadline(&w->session);

    if (due_ns > end_ns) {
        w->now_ns = max_u64(w->now_ns, end_ns);
        return false;
    }
    w->now_ns = max_u64(w->now_ns, due_ns);
    w->group.time_ns = w->now_ns;
    return true;
}

static void world_run_until(struct world *w, uint64_t end_ns)
{
    do {
        world_exchange(w);
    } while (world_sleep(w, end_ns));
    world_exchange(w);
}

/* Let time pass until there is a result, which there must be. */
static struct pkv_result world_result(struct world *w)
{
    const uint64_t end_ns = w->now_ns + 20 * NS_PER_S;
    struct pkv_result r;

    for (;;) {
        world_exchange(w);
        if (session_next(&w->session, &r)) return r;
        assert_true(world_sleep(w, end_ns));
    }
}

static enum pkv_status submit(struct world *w, struct pkv_op op)
{
    return session_submit(&w->session, &op, LIMIT_NS, NULL);
}

static struct pkv_op put_of(const char *key, const char *value)
{
    return (struct pkv_op){ .code = PKV_PUT,
                            .key = key,
                            .key_len = strlen(key),
                            .value = value,
                            .value_len = strlen(value) };
}

static struct pkv_op get_of(const char *key)
{
    return (
        struct pkv_op){ .code = PKV_GET, .key = key, .key_len = strlen(key) };
}

static struct pkv_op incr_of(const char *key, int64_t delta)
{
    return (struct pkv_op){
        .code = PKV_INCR, .key = key, .key_len = strlen(key), .delta = delta
    };
}

static struct pkv_result call(struct world *w, struct pkv_op op)
{
    assert_int_equal(submit(w, op), PKV_OK);
    return world_result(w);
}

static void assert_value(const struct pkv_result *r, const char *value)
{
    assert_int_equal(r->value_len, strlen(value));
    assert_memory_equal(r->value, value, r->value_len);
}

/* ---- the plain ways ----------------------------------------------------- */

static void put_then_get_gives_value(void **state)
{
    struct world *w = *state;
    struct pkv_op op = put_of("k", "v");
    struct pkv_result r;

    op.user = w;
    r = call(w, op);
    assert_int_equal(r.status, PKV_OK);
    assert_ptr_equal(r.user, w);
    assert_int_equal(r.code, PKV_PUT);
    assert_true(r.slot > 0);
    assert_true(r.elapsed_ns >= ROUND_TRIP_NS);
    r = call(w, get_of("k"));
    assert_int_equal(r.status, PKV_OK);
    assert_value(&r, "v");
    assert_int_equal(w->group.knocks, 1);
    assert_int_equal(w->group.commands[COMMAND_OPEN], 1);
}

static void every_status_of_the_store_comes_back(void **state)
{
    struct world *w = *state;
    struct pkv_result r;

    assert_int_equal(call(w, get_of("k")).status, PKV_NOTFOUND);
    assert_int_equal(call(w, put_of("k", "v")).status, PKV_OK);
    r = call(w, (struct pkv_op){ .code = PKV_CAS,
                                 .key = "k",
                                 .key_len = 1,
                                 .expected = "x",
                                 .expected_len = 1 });
    assert_int_equal(r.status, PKV_MISMATCH);
    assert_value(&r, "v");
    assert_int_equal(call(w, incr_of("k", 1)).status, PKV_NOT_NUMBER);
    r = call(w, incr_of("n", INT64_MAX));
    assert_value(&r, "9223372036854775807");
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OVERFLOW);
    assert_int_equal(call(w, (struct pkv_op){ .code = PKV_PING }).status,
                     PKV_OK);
    assert_int_equal(
        call(w, (struct pkv_op){ .code = PKV_DEL, .key = "k", .key_len = 1 })
            .status,
        PKV_OK);
}

static void get_needs_no_session(void **state)
{
    struct world *w = *state;

    assert_int_equal(call(w, get_of("k")).status, PKV_NOTFOUND);
    assert_int_equal(w->group.commands[COMMAND_OPEN], 0);
}

static void submit_of_nonsense_is_invalid(void **state)
{
    struct world *w = *state;
    static const char big[1300];
    const struct pkv_op ops[] = {
        { .code = PKV_PUT },
        { .code = PKV_PUT, .key_len = 1 },
        { .code = PKV_GET,
          .key = "k",
          .key_len = 1,
          .value = "v",
          .value_len = 1 },
        { .code = PKV_PUT, .key = "k", .key_len = 1, .flags = PKV_ABSENT },
        { .code = PKV_CAS,
          .key = "k",
          .key_len = 1,
          .flags = PKV_ABSENT,
          .expected = "x",
          .expected_len = 1 },
        { .code = PKV_PING, .key = "k", .key_len = 1 },
        { .code = (enum pkv_code)99, .key = "k", .key_len = 1 },
        { .code = (enum pkv_code)COMMAND_OPEN, .key = "k", .key_len = 1 },
    };

    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        assert_int_equal(submit(w, ops[i]), PKV_INVALID);
    assert_int_equal(
        submit(w,
               (struct pkv_op){ .code = PKV_GET, .key = big, .key_len = 1025 }),
        PKV_TOO_LARGE);
    assert_int_equal(submit(w, (struct pkv_op){ .code = PKV_PUT,
                                                .key = "k",
                                                .key_len = 1,
                                                .value = big,
                                                .value_len = 1200 }),
                     PKV_TOO_LARGE);
    assert_int_equal(call(w, (struct pkv_op){ .code = PKV_PUT,
                                              .key = "k",
                                              .key_len = 1,
                                              .value = big,
                                              .value_len = 1199 })
                         .status,
                     PKV_OK);
}

/* ---- many at a time ----------------------------------------------------- */

static void submit_beyond_64_says_again(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < PKV_FLIGHT_MAX; i++)
        assert_int_equal(submit(w, incr_of("n", 1)), PKV_OK);
    assert_int_equal(submit(w, get_of("n")), PKV_AGAIN);
    world_result(w);
    assert_int_equal(submit(w, get_of("n")), PKV_OK);
    for (int i = 0; i < PKV_FLIGHT_MAX; i++)
        assert_int_equal(world_result(w).status, PKV_OK);
}

static void many_at_a_time_share_a_datagram(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    w->group.requests = 0;
    for (int i = 0; i < PKV_FLIGHT_MAX; i++) submit(w, incr_of("n", 1));
    world_exchange(w);
    assert_int_equal(w->group.requests, 1);
}

/* Beyond this machine a datagram has to fit 1,500 bytes with its headers. */
static void many_at_a_time_fit_the_path(void **state)
{
    struct world *w = *state;

    w->session.servers.list[0].loopback = false;
    for (int i = 0; i < PKV_FLIGHT_MAX; i++) submit(w, incr_of("n", 1));
    world_exchange(w);
    assert_in_range(w->group.longest, 1300, 1500 - 48);
    assert_int_equal(w->group.commands[COMMAND_INCR], PKV_FLIGHT_MAX);
    assert_in_range(w->group.requests, 2, 4);
}

/* Somebody on the way takes no more than 1,400 bytes, and does not say so. */
static void large_datagrams_that_vanish_are_made_small(void **state)
{
    struct world *w = *state;
    const uint64_t start_ns = w->now_ns;

    call(w, put_of("k", "v"));
    w->group.request_max = 1400 - 48;
    for (int i = 0; i < PKV_FLIGHT_MAX; i++) submit(w, incr_of("n", 1));
    for (int i = 0; i < PKV_FLIGHT_MAX; i++)
        assert_int_equal(world_result(w).status, PKV_OK);
    assert_true(w->now_ns - start_ns < NS_PER_S);
}

/* A window of 64 beyond the first that is not done with, even if others are. */
static void submit_beyond_the_window_says_again(void **state)
{
    struct world *w = *state;
    unsigned count = 0;

    call(w, put_of("k", "v"));
    w->group.lose_writes = 1;
    submit(w, incr_of("stuck", 1));
    world_exchange(w);
    while (submit(w, incr_of("n", 1)) == PKV_OK) {
        struct pkv_result r;

        world_exchange(w);
        assert_true(session_next(&w->session, &r));
        assert_int_equal(r.status, PKV_OK);
        assert_in_range(++count, 1, SESSION_WINDOW);
    }
    assert_int_equal(count, SESSION_WINDOW - 1);
    assert_int_equal(submit(w, get_of("n")), PKV_OK);
    /* The later ones did not tell the group that this one is done with. */
    assert_int_equal(world_result(w).status, PKV_OK);
    assert_int_equal(world_result(w).status, PKV_OK);
    assert_int_equal(call(w, get_of("stuck")).status, PKV_OK);
}

/* ---- loss --------------------------------------------------------------- */

static void write_with_lost_request_is_sent_again(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    w->group.lose_requests = 3;
    assert_int_equal(call(w, incr_of("n", 5)).status, PKV_OK);
    assert_int_equal(w->group.lose_requests, 0);
}

/* By the same server: one loss says nothing about it. */
static void lost_request_is_sent_again_soon_to_the_same_server(void **state)
{
    struct world *w = *state;
    uint64_t start_ns;

    w->group.leader = 1;
    call(w, put_of("k", "v"));
    start_ns = w->now_ns;
    w->group.lose_requests = 2;
    w->group.knocks = 0;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_int_equal(w->session.servers.preferred, 1);
    assert_true(w->group.knocks <= 1); /* when the second one is lost, too */
    assert_true(w->now_ns - start_ns >= 2 * RTO_MIN_NS);
    assert_true(w->now_ns - start_ns < 3 * RTO_MIN_NS + NS_PER_MS);
}

/* One request is lost on its way, and the next is answered. */
static void lapse(struct world *w)
{
    w->group.lose_requests = 1;
    call(w, put_of("k", "v"));
}

static bool takes_silence_for_chance(struct world *w)
{
    return servers_preferred(&w->session.servers)->lossy_ns > w->now_ns;
}

/* Losses that were chance, and then silence that may be chance, too. */
static void server_that_loses_datagrams_is_left_later(void **state)
{
    struct world *w = *state;
    uint64_t start_ns;

    call(w, put_of("k", "v"));
    lapse(w);
    assert_false(takes_silence_for_chance(w));
    lapse(w);
    assert_true(takes_silence_for_chance(w));
    start_ns = w->now_ns;
    w->group.members[0].dead = true;
    w->group.leader = 1;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_true(w->now_ns - start_ns >= LOSSY_RTOS * RTO_MIN_NS);
    assert_true(w->now_ns - start_ns < 2 * LOSSY_RTOS * RTO_MIN_NS);
}

/* It may have waited for a leader, which is no sign of losses. */
static void silence_of_who_was_just_turned_to_is_no_lapse(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    w->group.members[0].dead = true;
    w->group.leader = 1;
    w->group.lose_writes = 1;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_int_equal(w->group.lose_writes, 0);
    assert_int_equal(w->session.servers.preferred, 1);
    assert_int_equal(w->session.servers.list[1].lapse_ns, 0);
    lapse(w);
    assert_true(w->session.servers.list[1].lapse_ns > 0);
}

/* A token that is too old may be why: it knocks, and goes on. */
static void silence_long_after_the_last_answer_makes_it_knock(void **state)
{
    struct world *w = *state;

    call(w, get_of("k"));
    w->now_ns += TOKEN_SURE_NS;
    w->group.time_ns = w->now_ns;
    w->group.lose_requests = 1;
    w->group.knocks = 0;
    assert_int_equal(call(w, get_of("k")).status, PKV_NOTFOUND);
    assert_int_equal(w->group.knocks, 1);
    assert_int_equal(w->session.servers.preferred, 0);
}

static void write_with_lost_replies_runs_once(void **state)
{
    struct world *w = *state;
    struct pkv_result r;

    call(w, put_of("k", "v"));
    w->group.lose_replies = 4;
    r = call(w, incr_of("n", 5));
    assert_int_equal(r.status, PKV_OK);
    assert_value(&r, "5");
    assert_true(w->group.commands[COMMAND_INCR] > 3);
}

static void lost_open_is_sent_again_and_opens_one_session(void **state)
{
    struct world *w = *state;

    w->group.lose_replies = 2;
    assert_int_equal(call(w, put_of("k", "v")).status, PKV_OK);
    assert_int_equal(kv_session_count(w->group.kv), 1);
}

static void answer_to_another_is_ignored(void **state)
{
    struct world *w = *state;
    uint8_t answer[256];
    struct writer b = writer_of(answer + DATAGRAM_HEAD, 180);
    const struct datagram_head head = { .kind = DATAGRAM_REPLY,
                                        .sender = 1,
                                        .parts = 1 };
    struct reply_head r = { .cookie = w->session.cookie ^ 1, .leader = 1 };
    struct reply_item item = { .op = COMMAND_GET };
    struct pkv_result result;

    call(w, put_of("k", "v"));
    w->group.lose_requests = 1;
    submit(w, get_of("k"));
    world_exchange(w);
    item.seq = SESSION_NUMBER | w->session.numbers << 6;
    for (int i = 0; i < 3; i++) {
        size_t len;

        /* Another cookie; another operation; and then the right one. */
        if (i > 0) r.cookie = w->session.cookie;
        item.op = i == 1 ? COMMAND_PING : COMMAND_GET;
        b = writer_of(answer + DATAGRAM_HEAD, 180);
        reply_head_encode(&r, &b);
        reply_item_encode(&item, &b);
        len = DATAGRAM_HEAD + writer_len(&b);
        datagram_seal(answer, len, &head);
        assert_false(session_next(&w->session, &result));
        session_on_datagram(&w->session, w->now_ns, &w->group.members[0].addr,
                            answer, len);
    }
    assert_true(session_next(&w->session, &result));
}

/* ---- time limits, fences ------------------------------------------------ */

static void write_never_sent_is_unavailable(void **state)
{
    struct world *w = *state;

    w->group.members[0].dead = true;
    assert_int_equal(call(w, put_of("k", "v")).status, PKV_UNAVAILABLE);
    assert_true(w->now_ns <= START_NS + LIMIT_NS);
    assert_int_equal(w->group.requests, 0);
}

static void write_without_session_is_unavailable(void **state)
{
    struct world *w = *state;

    w->group.leader = FAKE_NOBODY;
    assert_int_equal(call(w, put_of("k", "v")).status, PKV_UNAVAILABLE);
    assert_true(w->group.requests > 3);
    assert_int_equal(w->group.commands[COMMAND_PUT], 0);
}

static void write_sent_and_never_answered_is_unknown(void **state)
{
    struct world *w = *state;
    const uint64_t start_ns = w->now_ns;

    call(w, put_of("k", "v"));
    w->group.lose_requests = 1000;
    assert_int_equal(call(w, put_of("k", "w")).status, PKV_UNKNOWN);
    assert_in_range(w->now_ns - start_ns, LIMIT_NS, LIMIT_NS + NS_PER_S);
}

static void read_never_answered_is_unavailable(void **state)
{
    struct world *w = *state;

    w->group.leader = FAKE_NOBODY;
    assert_int_equal(call(w, get_of("k")).status, PKV_UNAVAILABLE);
}

/* The write itself is always lost: the fence makes it void, for ever. */
static void fence_before_the_limit_says_not_done(void **state)
{
    struct world *w = *state;
    const uint64_t start_ns = w->now_ns;
    struct pkv_result r;

    call(w, put_of("k", "v"));
    w->group.lose_writes = 1000;
    r = call(w, put_of("k", "w"));
    assert_int_equal(r.status, PKV_UNAVAILABLE);
    assert_true(w->group.commands[COMMAND_FENCE] > 0);
    assert_true(w->now_ns - start_ns < LIMIT_NS);
    w->group.lose_writes = 0;
    r = call(w, get_of("k"));
    assert_value(&r, "v");
}

/* It was done, and its answer lost, till the fence brings it. */
static void fence_of_what_was_done_brings_the_answer(void **state)
{
    struct world *w = *state;
    struct pkv_result r;

    call(w, put_of("k", "v"));
    w->group.lose_replies = 1;
    submit(w, incr_of("n", 7));
    world_exchange(w);
    w->group.lose_writes = 1000;
    r = world_result(w);
    assert_int_equal(r.status, PKV_OK);
    assert_value(&r, "7");
    assert_int_equal(w->group.commands[COMMAND_FENCE], 1);
}

static void busy_is_tried_again(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    w->group.busy = 3;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_true(w->now_ns - START_NS < NS_PER_S);
}

static void busy_to_the_end_is_fenced_and_not_done(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    w->group.busy = 1000;
    submit(w, incr_of("n", 1));
    world_run_until(w, w->now_ns + 4 * NS_PER_S - NS_PER_MS);
    w->group.busy = 0;
    w->group.lose_writes = 1000;
    assert_int_equal(world_result(w).status, PKV_BUSY);
    assert_true(w->group.commands[COMMAND_FENCE] > 0);
    w->group.busy = 1000;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_UNKNOWN);
    assert_int_equal(call(w, get_of("n")).status, PKV_BUSY);
}

/* ---- sessions ----------------------------------------------------------- */

static void write_in_expired_session_is_expired_and_the_next_is_done(
    void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    /* The group's time runs ahead of ours: all sessions are over. */
    kv_begin_slot(w->group.kv, kv_applied_slot(w->group.kv) + 1,
                  w->now_ns + 61 * NS_PER_S, false);
    assert_int_equal(call(w, put_of("k", "w")).status, PKV_EXPIRED);
    assert_int_equal(call(w, put_of("k", "x")).status, PKV_OK);
    assert_int_equal(w->group.commands[COMMAND_OPEN], 2);
}

/* A handle that nobody turned for a minute: nothing is unknown for it. */
static void write_after_a_long_pause_opens_another_session(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    w->now_ns += 90 * NS_PER_S;
    w->group.time_ns = w->now_ns;
    kv_begin_slot(w->group.kv, kv_applied_slot(w->group.kv) + 1, w->now_ns,
                  false);
    assert_int_equal(call(w, put_of("k", "w")).status, PKV_OK);
    assert_int_equal(w->group.commands[COMMAND_KEEPALIVE], 1);
    assert_int_equal(w->group.commands[COMMAND_OPEN], 2);
    assert_int_equal(w->group.commands[COMMAND_PUT], 2);
}

static void idle_session_is_kept_alive(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    world_run_until(w, w->now_ns + 130 * NS_PER_S);
    assert_in_range(w->group.commands[COMMAND_KEEPALIVE], 6, 7);
    assert_int_equal(kv_session_count(w->group.kv), 1);
    assert_int_equal(call(w, put_of("k", "w")).status, PKV_OK);
    assert_int_equal(w->group.commands[COMMAND_OPEN], 1);
}

static void idle_handle_without_session_has_no_deadline(void **state)
{
    struct world *w = *state;

    call(w, get_of("k"));
    session_tick(&w->session, w->now_ns + 10 * NS_PER_S);
    assert_true(session_deadline(&w->session) == NEVER_NS);
}

static void open_answered_full_fails_writes_not_reads(void **state)
{
    struct world *w = *state;

    for (uint8_t i = 0; i < 4; i++) {
        const uint8_t nonce[COMMAND_NONCE] = { i };
        const struct command c = { .op = COMMAND_OPEN,
                                   .value = bytes_of(nonce, sizeof nonce) };
        struct kv_reply reply;

        kv_begin_slot(w->group.kv, i + 1, w->now_ns, false);
        kv_execute(w->group.kv, 0, &c, &reply);
    }
    w->group.time_ns = w->now_ns;
    assert_int_equal(call(w, put_of("k", "v")).status, PKV_FULL);
    assert_int_equal(call(w, get_of("k")).status, PKV_NOTFOUND);
}

static void close_is_answered_and_ends_the_session(void **state)
{
    struct world *w = *state;

    call(w, put_of("k", "v"));
    assert_int_equal(kv_session_count(w->group.kv), 1);
    session_want_close(&w->session);
    assert_true(session_is_closing(&w->session));
    world_exchange(w);
    assert_false(session_is_closing(&w->session));
    assert_int_equal(kv_session_count(w->group.kv), 0);
}

static void close_sends_nothing_of_what_is_in_flight(void **state)
{
    struct world *w = *state;
    const struct pkv_op sent = put_of("k", "v"), fresh = put_of("l", "v");
    uint32_t before;

    call(w, sent);
    w->group.lose_writes = 1;
    assert_int_equal(session_submit(&w->session, &sent, LIMIT_NS, NULL),
                     PKV_OK);
    world_exchange(w);
    assert_int_equal(session_submit(&w->session, &fresh, LIMIT_NS, NULL),
                     PKV_OK);
    before = w->group.commands[COMMAND_PUT];
    session_want_close(&w->session);
    world_run_until(w, w->now_ns + 2 * LIMIT_NS);
    assert_int_equal(w->group.commands[COMMAND_PUT], before);
    assert_int_equal(w->group.commands[COMMAND_FENCE], 0);
    assert_int_equal(w->group.commands[COMMAND_CLOSE], 1);
}

/* ---- servers ------------------------------------------------------------ */

static void answer_of_the_leader_makes_it_preferred(void **state)
{
    struct world *w = *state;

    w->group.leader = 2;
    call(w, put_of("k", "v"));
    assert_int_equal(w->session.servers.preferred, 2);
    w->group.knocks = 0;
    call(w, put_of("k", "v"));
    assert_int_equal(w->group.knocks, 0); /* its token came with the answer */
}

static void dead_leader_is_left_for_the_next(void **state)
{
    struct world *w = *state;
    const uint64_t start_ns = w->now_ns;

    call(w, put_of("k", "v"));
    w->group.members[0].dead = true;
    w->group.leader = 1;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_int_equal(w->session.servers.preferred, 1);
    assert_true(w->now_ns - start_ns < 7 * RTO_MIN_NS);
}

static void closed_port_is_left_at_once(void **state)
{
    struct world *w = *state;
    const uint64_t start_ns = w->now_ns;

    call(w, put_of("k", "v"));
    w->group.members[0].dead = true;
    w->group.members[1].dead = true;
    w->group.leader = 2;
    w->refuse = 100;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_true(w->now_ns - start_ns < 10 * ROUND_TRIP_NS);
}

static void closed_ports_everywhere_are_not_asked_in_a_hurry(void **state)
{
    struct world *w = *state;

    for (uint32_t i = 0; i < 3; i++) w->group.members[i].dead = true;
    w->refuse = 1000000;
    assert_int_equal(call(w, put_of("k", "v")).status, PKV_UNAVAILABLE);
    assert_true(w->refuse > 1000000 - 200);
}

static void new_token_makes_it_send_again_at_once(void **state)
{
    struct world *w = *state;
    const uint64_t start_ns = w->now_ns;
    char value[400] = "";

    memset(value, 'v', sizeof value - 1);
    call(w, put_of("k", "v"));
    w->group.members[0].token++;
    assert_int_equal(call(w, put_of("k", value)).status, PKV_OK);
    assert_true(w->now_ns - start_ns < 10 * ROUND_TRIP_NS);
}

/* A short request with the token of an earlier life is not answered: it knocks
 * the second time, also where silence may be chance. */
static void new_token_of_a_lossy_server_is_asked_for_soon(void **state)
{
    struct world *w = *state;
    uint64_t start_ns;

    call(w, put_of("k", "v"));
    lapse(w);
    assert_false(takes_silence_for_chance(w));
    lapse(w);
    assert_true(takes_silence_for_chance(w));
    start_ns = w->now_ns;
    for (uint32_t i = 0; i < w->group.count; i++) w->group.members[i].token++;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_int_equal(w->session.servers.preferred, 0);
    assert_true(w->now_ns - start_ns < 5 * RTO_MIN_NS);
}

/* Who answers knocks and nothing else is left as if it were silent. */
static void server_that_only_answers_knocks_is_left(void **state)
{
    struct world *w = *state;
    uint64_t start_ns;

    call(w, put_of("k", "v"));
    start_ns = w->now_ns;
    w->group.deaf = 1;
    assert_int_equal(call(w, incr_of("n", 1)).status, PKV_OK);
    assert_int_equal(w->group.deaf, 1);
    assert_true(w->now_ns - start_ns < 3 * SILENCE_RTOS * RTO_MIN_NS);
}

static void server_of_another_cluster_is_not_asked(void **state)
{
    struct world *w = *state;

    w->session.servers.named = true;
    strcpy(w->session.servers.name, "mine");
    assert_int_equal(call(w, put_of("k", "v")).status, PKV_UNAVAILABLE);
    assert_int_equal(w->group.requests, 0);
    assert_true(servers_are_foreign(&w->session.servers));
    assert_string_equal(w->session.servers.foreign, "fake");
}

/* ---- lists -------------------------------------------------------------- */

static struct pkv_op list_of(const char *prefix, const char *after)
{
    return (struct pkv_op){ .code = PKV_LIST,
                            .key = after,
                            .key_len = strlen(after),
                            .expected = prefix,
                            .expected_len = strlen(prefix) };
}

static void list_in_pages_gives_every_pair_once(void **state)
{
    struct world *w = *state;
    char key[32], after[32] = "";
    unsigned count = 0, pages = 0;
    struct pkv_result r;

    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "p/%06d", i);
        assert_int_equal(call(w, put_of(key, "value")).status, PKV_OK);
    }
    call(w, put_of("q", "v"));
    w->session.servers.list[0].loopback = false;
    do {
        struct bytes page;

        r = call(w, list_of("p/", after));
        assert_int_equal(r.status, PKV_OK);
        page = bytes_of(r.value, (uint32_t)r.value_len);
        pages++;
        while (page.len > 0) {
            const uint32_t key_len = load16(page.at);
            const uint32_t skip = 14 + key_len + load32(page.at + 2);

            snprintf(key, sizeof key, "p/%06u", count++);
            assert_int_equal(key_len, strlen(key));
            assert_memory_equal(page.at + 14, key, key_len);
            page = bytes_of(page.at + skip, page.len - skip);
        }
        snprintf(after, sizeof after, "%s", key);
    } while (r.more);
    assert_int_equal(count, 300);
    assert_in_range(pages, 6, 9);
}

/* Prefix and key together are longer than a command: the page is trimmed. */
static void list_with_long_prefix_stays_inside_it(void **state)
{
    struct world *w = *state;
    char prefix[1001], inside[1002], behind[1001];
    struct pkv_result r;

    memset(prefix, 'a', sizeof prefix - 1);
    prefix[1000] = '\0';
    snprintf(inside, sizeof inside, "%sz", prefix);
    snprintf(behind, sizeof behind, "%s", prefix);
    behind[999] = 'b';
    call(w, put_of(prefix, "1"));
    call(w, put_of(inside, "2"));
    call(w, put_of(behind, "3"));
    r = call(w, list_of(prefix, prefix));
    assert_int_equal(r.status, PKV_OK);
    assert_false(r.more);
    assert_int_equal(r.value_len, 14 + 1001 + 1);
    assert_memory_equal((const uint8_t *)r.value + 14, inside, 1001);
}

/* ---- anything goes ------------------------------------------------------ */

#define AIR_MAX 64u

/* Datagrams under way, both ways; late ones, doubled ones. */
struct air {
    struct {
        uint64_t at_ns; /* 0: free */
        bool answer;
        uint32_t member;
        size_t len;
        uint8_t bytes[4096];
    } list[AIR_MAX];
    uint32_t loss; /* per cent */
    struct prng prng;
};

static void air_put(struct air *a, uint64_t now_ns, bool answer,
                    uint32_t member, const uint8_t *bytes, size_t len)
{
    uint32_t copies = 1 + (prng_below(&a->prng, 10) == 0);

    assert_true(len <= sizeof a->list[0].bytes);
    if (prng_below(&a->prng, 100) < a->loss) return;
    for (uint32_t i = 0; i < AIR_MAX && copies > 0; i++) {
        if (a->list[i].at_ns) continue;
        a->list[i].at_ns = now_ns + 1 + prng_below(&a->prng, 60 * NS_PER_MS);
        a->list[i].answer = answer;
        a->list[i].member = member;
        a->list[i].len = len;
        memcpy(a->list[i].bytes, bytes, len);
        copies--;
    }
}

static uint32_t air_first(const struct air *a)
{
    uint32_t first = AIR_MAX;

    for (uint32_t i = 0; i < AIR_MAX; i++) {
        if (a->list[i].at_ns == 0) continue;
        if (first == AIR_MAX || a->list[i].at_ns < a->list[first].at_ns)
            first = i;
    }
    return first;
}

static void air_deliver(struct air *a, struct world *w, uint32_t i)
{
    static uint8_t answer[DATAGRAM_MAX];
    uint32_t from;
    size_t len;

    w->now_ns = max_u64(w->now_ns, a->list[i].at_ns);
    w->group.time_ns = w->now_ns;
    a->list[i].at_ns = 0;
    if (a->list[i].answer) {
        session_on_datagram(&w->session, w->now_ns,
                            &w->group.members[a->list[i].member].addr,
                            a->list[i].bytes, a->list[i].len);
        return;
    }
    len = fake_group_on_datagram(&w->group, a->list[i].member, a->list[i].bytes,
                                 a->list[i].len, answer, &from);
    if (len) air_put(a, w->now_ns, true, from, answer, len);
}

static void air_turn(struct air *a, struct world *w)
{
    static uint8_t out[SESSION_DATAGRAM];
    const uint64_t due_ns = session_deadline(&w->session);
    const uint32_t first = air_first(a);
    struct address to;
    size_t len;

    if (first < AIR_MAX && a->list[first].at_ns <= due_ns)
        air_deliver(a, w, first);
    else if (due_ns != NEVER_NS)
        w->now_ns = max_u64(w->now_ns, due_ns);
    session_tick(&w->session, w->now_ns);
    while ((len = session_output(&w->session, out, &to)))
        air_put(a, w->now_ns, false, fake_group_find(&w->group, &to), out, len);
}

/* Leaders change, tokens change, members die, the group is busy. */
static void air_trouble(struct air *a, struct world *w)
{
    struct fake_group *g = &w->group;

    if (prng_below(&a->prng, 30)) return;
    switch (prng_below(&a->prng, 5)) {
    case 0:
        g->leader = (uint32_t)prng_below(&a->prng, g->count);
        break;
    case 1:
        g->members[prng_below(&a->prng, g->count)].token++;
        break;
    case 2:
        g->busy = (uint32_t)prng_below(&a->prng, 6);
        break;
    case 3:
        if (prng_below(&a->prng, 4) == 0) g->leader = FAKE_NOBODY;
        break;
    default:
        a->loss = prng_below(&a->prng, 6) ? 10 : 70;
        break;
    }
}

/*
 * Every increment that was acknowledged is in the counter, once; none that was
 * said not to be done is; unknown ones are, or are not.
 */
static void increments_under_any_trouble_add_up(void **state)
{
    const char *given = getenv("SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 0)
                                : (uint64_t)time(NULL);
    static struct air air;
    struct world *w = *state;
    uint64_t count[PKV_SYSTEM + 1] = { 0 };
    unsigned left = 3000;
    struct pkv_result r;
    uint64_t final;

    printf("seed %llu\n", (unsigned long long)seed);
    memset(&air, 0, sizeof air);
    prng_init(&air.prng, seed);
    air.loss = 20;
    while (left > 0 || w->session.used) {
        const struct pkv_op op = incr_of("n", 1);
        const uint64_t limit_ns = 100 * NS_PER_MS +
                                  prng_below(&air.prng, NS_PER_S);

        if (left > 0 && __builtin_popcountll(w->session.used) < 20 &&
            session_submit(&w->session, &op, limit_ns, NULL) == PKV_OK)
            left--;
        air_trouble(&air, w);
        air_turn(&air, w);
        while (session_next(&w->session, &r)) count[r.status]++;
    }
    air.loss = 0;
    memset(air.list, 0, sizeof air.list); /* what is under way never arrives */
    w->group.busy = 0;
    w->group.leader = 0;
    r = call(w, get_of("n"));
    /* In the worst of times nothing is done at all. */
    if (count[PKV_OK] > 0) assert_int_equal(r.status, PKV_OK);
    final = r.status == PKV_OK ? strtoull(r.value, NULL, 10) : 0;
    printf("ok %llu, not done %llu, unknown %llu, counter %llu\n",
           (unsigned long long)count[PKV_OK],
           (unsigned long long)(count[PKV_UNAVAILABLE] + count[PKV_BUSY]),
           (unsigned long long)(count[PKV_UNKNOWN] + count[PKV_EXPIRED]),
           (unsigned long long) final);
    assert_int_equal(count[PKV_OK] + count[PKV_UNAVAILABLE] + count[PKV_BUSY] +
                         count[PKV_UNKNOWN] + count[PKV_EXPIRED],
                     3000);
    assert_true(count[PKV_OK] <= final);
    assert_true(final <=
                count[PKV_OK] + count[PKV_UNKNOWN] + count[PKV_EXPIRED]);
}

int main(void)
{
#define TEST_ONE(f)   cmocka_unit_test_setup_teardown(f, setup_one, teardown)
#define TEST_THREE(f) cmocka_unit_test_setup_teardown(f, setup_three, teardown)
    const struct CMUnitTest tests[] = {
        TEST_ONE(put_then_get_gives_value),
        TEST_ONE(every_status_of_the_store_comes_back),
        TEST_ONE(get_needs_no_session),
        TEST_ONE(submit_of_nonsense_is_invalid),
        TEST_ONE(submit_beyond_64_says_again),
        TEST_ONE(many_at_a_time_share_a_datagram),
        TEST_ONE(many_at_a_time_fit_the_path),
        TEST_ONE(large_datagrams_that_vanish_are_made_small),
        TEST_ONE(submit_beyond_the_window_says_again),
        TEST_ONE(write_with_lost_request_is_sent_again),
        TEST_THREE(lost_request_is_sent_again_soon_to_the_same_server),
        TEST_THREE(server_that_loses_datagrams_is_left_later),
        TEST_THREE(silence_of_who_was_just_turned_to_is_no_lapse),
        TEST_THREE(silence_long_after_the_last_answer_makes_it_knock),
        TEST_ONE(write_with_lost_replies_runs_once),
        TEST_ONE(lost_open_is_sent_again_and_opens_one_session),
        TEST_ONE(answer_to_another_is_ignored),
        TEST_ONE(write_never_sent_is_unavailable),
        TEST_ONE(write_without_session_is_unavailable),
        TEST_ONE(write_sent_and_never_answered_is_unknown),
        TEST_ONE(read_never_answered_is_unavailable),
        TEST_ONE(fence_before_the_limit_says_not_done),
        TEST_ONE(fence_of_what_was_done_brings_the_answer),
        TEST_ONE(busy_is_tried_again),
        TEST_ONE(busy_to_the_end_is_fenced_and_not_done),
        TEST_ONE(write_in_expired_session_is_expired_and_the_next_is_done),
        TEST_ONE(write_after_a_long_pause_opens_another_session),
        TEST_ONE(idle_session_is_kept_alive),
        TEST_ONE(idle_handle_without_session_has_no_deadline),
        TEST_ONE(open_answered_full_fails_writes_not_reads),
        TEST_ONE(close_is_answered_and_ends_the_session),
        TEST_ONE(close_sends_nothing_of_what_is_in_flight),
        TEST_THREE(answer_of_the_leader_makes_it_preferred),
        TEST_THREE(dead_leader_is_left_for_the_next),
        TEST_THREE(closed_port_is_left_at_once),
        TEST_THREE(closed_ports_everywhere_are_not_asked_in_a_hurry),
        TEST_ONE(new_token_makes_it_send_again_at_once),
        TEST_THREE(new_token_of_a_lossy_server_is_asked_for_soon),
        TEST_THREE(server_that_only_answers_knocks_is_left),
        TEST_ONE(server_of_another_cluster_is_not_asked),
        TEST_ONE(list_in_pages_gives_every_pair_once),
        TEST_ONE(list_with_long_prefix_stays_inside_it),
        TEST_THREE(increments_under_any_trouble_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

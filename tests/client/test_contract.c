/*
 * test_contract.c - what paxoskv.h and paxoskv(3) promise beyond single calls:
 * order, cancelling, closing, back-pressure, threads, fork, refusals.
 */
#include "base/units.h"
#include "support/fakeserver.h"

#include <paxoskv.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct fake_server server;
    struct pkv *h;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL) return -1;
    fake_server_start(&f->server, 3);
    *state = f;
    if (pkv_open(&f->h, f->server.servers, NULL, 0) != PKV_OK) return -1;
    /* A session, so that what follows is sent at the first flush. */
    return pkv_put(f->h, "first", 5, "", 0) == PKV_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pkv_close(f->h);
    fake_server_stop(&f->server);
    free(f);
    return 0;
}

/* Set what the next ones meet, see fakegroup.h. */
static void lose(struct fixture *f, uint32_t writes, uint32_t replies)
{
    pthread_mutex_lock(&f->server.mutex);
    f->server.group.lose_writes = writes;
    f->server.group.lose_replies = replies;
    pthread_mutex_unlock(&f->server.mutex);
}

static void lead(struct fixture *f, uint32_t leader)
{
    pthread_mutex_lock(&f->server.mutex);
    f->server.group.leader = leader;
    pthread_mutex_unlock(&f->server.mutex);
}

/* How many commands with this code have come so far. */
static uint32_t came(struct fixture *f, enum pkv_code code)
{
    uint32_t count;

    pthread_mutex_lock(&f->server.mutex);
    count = f->server.group.commands[code];
    pthread_mutex_unlock(&f->server.mutex);
    return count;
}

/* Wait until so many have come: sent and, as it is set, lost or executed. */
static void wait_until_came(struct fixture *f, enum pkv_code code,
                            uint32_t count)
{
    while (came(f, code) < count) poll(NULL, 0, 1);
}

static struct pkv_op put_of(const char *key, void *user)
{
    return (struct pkv_op){ .code = PKV_PUT,
                            .key = key,
                            .key_len = strlen(key),
                            .value = "v",
                            .value_len = 1,
                            .user = user };
}

static void submit(struct fixture *f, const char *key, void *user)
{
    const struct pkv_op op = put_of(key, user);

    assert_int_equal(pkv_submit(f->h, &op), PKV_OK);
}

static struct pkv_result result(struct fixture *f)
{
    struct pollfd p = { .fd = pkv_fd(f->h), .events = POLLIN };
    struct pkv_result r;

    while (!pkv_next(f->h, &r)) {
        poll(&p, 1, pkv_wait_ms(f->h));
        pkv_process(f->h);
    }
    return r;
}

static bool is_there(struct fixture *f, const char *key)
{
    struct pkv_result r;
    const enum pkv_status status = pkv_get(f->h, key, strlen(key), &r);

    assert_true(status == PKV_OK || status == PKV_NOTFOUND);
    return status == PKV_OK;
}

/* ---- order -------------------------------------------------------------- */

static void results_come_in_the_order_of_finishing(void **state)
{
    struct fixture *f = *state;
    int a, b;

    lose(f, 1, 0);
    submit(f, "a", &a); /* lost, and sent again later */
    submit(f, "b", &b);
    pkv_flush(f->h);
    assert_ptr_equal(result(f).user, &b);
    assert_ptr_equal(result(f).user, &a);
}

/* ---- cancelling --------------------------------------------------------- */

static void cancel_before_sending_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    const uint32_t before = came(f, PKV_PUT);
    struct pkv_result r;
    int a, b;

    submit(f, "a", &a);
    submit(f, "b", &b);
    assert_int_equal(pkv_cancel(f->h, &a), 1);
    assert_true(pkv_next(f->h, &r));
    assert_ptr_equal(r.user, &a);
    assert_int_equal(r.status, PKV_CANCELLED);
    assert_true(r.elapsed_ns < NS_PER_S);
    r = result(f);
    assert_ptr_equal(r.user, &b);
    assert_int_equal(r.status, PKV_OK);
    assert_int_equal(came(f, PKV_PUT), before + 1);
    assert_false(is_there(f, "a"));
}

static void cancel_of_a_lost_write_makes_it_void(void **state)
{
    struct fixture *f = *state;
    const uint32_t before = came(f, PKV_PUT);
    struct pkv_result r;
    int a;

    lose(f, 1, 0);
    submit(f, "a", &a);
    pkv_flush(f->h);
    wait_until_came(f, PKV_PUT, before + 1);
    assert_int_equal(pkv_cancel(f->h, &a), 1);
    r = result(f);
    assert_ptr_equal(r.user, &a);
    assert_int_equal(r.status, PKV_CANCELLED);
    assert_int_equal(came(f, PKV_PUT), before + 1);
    assert_false(is_there(f, "a"));
}

static void cancel_of_an_executed_write_tells_how_it_went(void **state)
{
    struct fixture *f = *state;
    const uint32_t before = came(f, PKV_PUT);
    struct pkv_result r;
    int a;

    lose(f, 0, 1);
    submit(f, "a", &a);
    pkv_flush(f->h);
    wait_until_came(f, PKV_PUT, before + 1);
    assert_int_equal(pkv_cancel(f->h, &a), 1);
    r = result(f);
    assert_ptr_equal(r.user, &a);
    assert_int_equal(r.status, PKV_OK);
    assert_true(is_there(f, "a"));
}

static void cancel_without_an_answer_is_unknown(void **state)
{
    struct fixture *f = *state;
    struct pkv_op op;
    struct pkv_result r;
    int a;

    lead(f, FAKE_NOBODY);
    op = put_of("a", &a);
    op.timeout_ms = 60000; /* a second, once it was cancelled */
    assert_int_equal(pkv_submit(f->h, &op), PKV_OK);
    pkv_flush(f->h);
    assert_int_equal(pkv_cancel(f->h, &a), 1);
    assert_int_equal(pkv_cancel(f->h, &a), 1); /* again changes nothing */
    r = result(f);
    assert_int_equal(r.status, PKV_UNKNOWN);
    assert_true(r.elapsed_ns < 30 * NS_PER_S);
    lead(f, 0);
}

static void cancel_of_a_read_ends_it_at_once(void **state)
{
    struct fixture *f = *state;
    struct pkv_op op = { .code = PKV_GET, .key = "a", .key_len = 1 };
    struct pkv_result r;

    op.user = &op;
    lead(f, FAKE_NOBODY);
    assert_int_equal(pkv_submit(f->h, &op), PKV_OK);
    pkv_flush(f->h);
    assert_int_equal(pkv_cancel(f->h, f), 0); /* another one */
    assert_int_equal(pkv_cancel(f->h, &op), 1);
    assert_true(pkv_next(f->h, &r));
    assert_int_equal(r.status, PKV_CANCELLED);
    assert_int_equal(pkv_in_flight(f->h), 0);
    assert_int_equal(pkv_cancel(f->h, &op), 0);
    lead(f, 0);
    assert_false(is_there(f, "a")); /* a late answer fits nothing */
}

static void cancel_of_a_finished_one_changes_nothing(void **state)
{
    struct fixture *f = *state;
    const uint32_t before = came(f, PKV_PUT);
    struct pkv_result r;
    int a;

    submit(f, "a", &a);
    pkv_flush(f->h);
    wait_until_came(f, PKV_PUT, before + 1);
    assert_int_equal(pkv_ping(f->h), PKV_OK); /* receives both answers */
    assert_int_equal(pkv_cancel(f->h, &a), 0);
    assert_true(pkv_next(f->h, &r));
    assert_int_equal(r.status, PKV_OK);
    assert_int_equal(pkv_cancel(f->h, &a), 0);
}

/* ---- closing ------------------------------------------------------------ */

static void close_sends_nothing_that_was_not_sent(void **state)
{
    struct fixture *f = *state;
    const uint32_t before = came(f, PKV_PUT);

    for (int i = 0; i < PKV_FLIGHT_MAX; i++) submit(f, "a", f);
    errno = 1234;
    pkv_close(f->h);
    assert_int_equal(errno, 1234);
    assert_int_equal(came(f, PKV_PUT), before);
    pthread_mutex_lock(&f->server.mutex);
    assert_int_equal(kv_session_count(f->server.group.kv), 0);
    pthread_mutex_unlock(&f->server.mutex);
    assert_int_equal(pkv_open(&f->h, f->server.servers, NULL, 0), PKV_OK);
    assert_false(is_there(f, "a"));
}

static void close_gives_back_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    struct pkv_op op = { .code = PKV_LIST };
    const uint32_t before = came(f, PKV_PUT);

    /* Some lost, some executed, one page of results not collected. */
    assert_int_equal(pkv_submit(f->h, &op), PKV_OK);
    lose(f, 20, 0);
    for (int i = 0; i < 40; i++) submit(f, "a", f);
    pkv_flush(f->h);
    wait_until_came(f, PKV_PUT, before + 40);
    pkv_process(f->h);
    assert_int_equal(pkv_in_flight(f->h), 41);
    pkv_close(f->h);
    assert_int_equal(pkv_open(&f->h, f->server.servers, NULL, 0), PKV_OK);
    assert_true(is_there(f, "a"));
}

/* ---- back-pressure ------------------------------------------------------ */

static void submit_beyond_64_in_flight_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct pkv_op op = put_of("b", f);
    int a;

    for (int i = 0; i < PKV_FLIGHT_MAX; i++) submit(f, "a", &a);
    assert_int_equal(pkv_in_flight(f->h), PKV_FLIGHT_MAX);
    assert_int_equal(pkv_submit(f->h, &op), PKV_AGAIN);
    assert_int_equal(pkv_put(f->h, "c", 1, "v", 1), PKV_AGAIN);
    assert_int_equal(pkv_ping(f->h), PKV_AGAIN);
    /* Finished is not enough, only collecting makes room. */
    assert_int_equal(result(f).status, PKV_OK);
    assert_int_equal(pkv_submit(f->h, &op), PKV_OK);
    assert_int_equal(pkv_submit(f->h, &op), PKV_AGAIN);
    for (int i = 0; i < PKV_FLIGHT_MAX; i++)
        assert_int_equal(result(f).status, PKV_OK);
    assert_int_equal(pkv_in_flight(f->h), 0);
    assert_true(is_there(f, "b"));
    assert_false(is_there(f, "c"));
}

/* The group keeps the answers of 64 numbers, from the oldest open one on. */
static void submit_64_writes_after_an_open_one_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct pkv_op op = put_of("b", f);
    const struct pkv_op get = { .code = PKV_GET, .key = "b", .key_len = 1 };
    const uint32_t before = came(f, PKV_PUT);
    void *const a = &f->server;

    lose(f, 1, 0);
    for (int i = 0; i < PKV_FLIGHT_MAX; i++) submit(f, "a", i ? f : a);
    pkv_flush(f->h);
    wait_until_came(f, PKV_PUT, before + PKV_FLIGHT_MAX);
    lose(f, UINT32_MAX, 0); /* however often the first one is sent again */
    for (int i = 1; i < PKV_FLIGHT_MAX; i++)
        assert_ptr_equal(result(f).user, f);
    assert_int_equal(pkv_in_flight(f->h), 1);
    assert_int_equal(pkv_submit(f->h, &op), PKV_AGAIN);
    assert_int_equal(pkv_submit(f->h, &get), PKV_OK); /* no write */
    assert_int_equal(pkv_cancel(f->h, NULL), 1);
    assert_int_equal(result(f).status, PKV_CANCELLED);
    lose(f, 0, 0);
    assert_ptr_equal(result(f).user, a);
    assert_int_equal(pkv_submit(f->h, &op), PKV_OK);
    assert_int_equal(result(f).status, PKV_OK);
}

/* ---- threads ------------------------------------------------------------ */

#define THREAD_OPS 500

struct worker {
    const char *servers;
    pthread_t thread;
    struct pkv *h; /* NULL: it opens one of its own */
    unsigned wrong;
};

static void *worker_run(void *arg)
{
    struct worker *w = arg;
    struct pkv *h = w->h;

    if (h == NULL && pkv_open(&h, w->servers, NULL, 0) != PKV_OK) w->wrong++;
    for (int i = 0; h && i < THREAD_OPS; i++) {
        if (pkv_incr(h, "n", 1, 1, NULL) != PKV_OK) w->wrong++;
    }
    if (w->h == NULL) pkv_close(h);
    return NULL;
}

static void handles_of_two_threads_do_not_know_each_other(void **state)
{
    struct fixture *f = *state;
    struct worker w[2] = { { .servers = f->server.servers },
                           { .servers = f->server.servers } };
    int64_t number = 0;

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&w[i].thread, NULL, worker_run, &w[i]),
                         0);
    for (int i = 0; i < 2; i++) {
        pthread_join(w[i].thread, NULL);
        assert_int_equal(w[i].wrong, 0);
    }
    assert_int_equal(pkv_incr(f->h, "n", 1, 0, &number), PKV_OK);
    assert_int_equal(number, 2 * THREAD_OPS);
}

static void handle_may_go_from_thread_to_thread(void **state)
{
    struct fixture *f = *state;
    struct worker w = { .h = f->h };

    assert_int_equal(pthread_create(&w.thread, NULL, worker_run, &w), 0);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.wrong, 0);
    assert_int_equal(pkv_put(f->h, "a", 1, "v", 1), PKV_OK);
}

/* ---- fork --------------------------------------------------------------- */

/* In the child, where cmocka cannot count.  Returns how much was wrong. */
static int child_uses(struct pkv *h)
{
    static struct pkv_cluster cluster;
    const struct pkv_op op = put_of("child", NULL);
    struct pkv_result r;
    int wrong = 0;

    wrong += pkv_put(h, "child", 5, "v", 1) != PKV_FORKED;
    wrong += pkv_get(h, "child", 5, &r) != PKV_FORKED;
    wrong += r.status != PKV_FORKED;
    wrong += pkv_submit(h, &op) != PKV_FORKED;
    wrong += pkv_status(h, &cluster) != PKV_FORKED;
    wrong += pkv_in_flight(h) != 0;
    wrong += pkv_cancel(h, NULL) != 0;
    wrong += pkv_wait_ms(h) != -1;
    pkv_flush(h);
    pkv_process(h);
    wrong += pkv_next(h, &r);
    pkv_close(h);
    return wrong;
}

static void child_of_fork_is_refused_and_harmless(void **state)
{
    struct fixture *f = *state;
    int a, status;
    pid_t child;

    submit(f, "a", &a);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(child_uses(f->h));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* The session is still there, and so is the one in flight. */
    assert_ptr_equal(result(f).user, &a);
    assert_true(is_there(f, "a"));
    assert_false(is_there(f, "child"));
    pthread_mutex_lock(&f->server.mutex);
    assert_int_equal(kv_session_count(f->server.group.kv), 1);
    pthread_mutex_unlock(&f->server.mutex);
}

/* ---- refusals ----------------------------------------------------------- */

static void sizes_up_to_the_limits_are_taken(void **state)
{
    struct fixture *f = *state;
    static char bytes[PKV_COMMAND_MAX + 1];
    const size_t key = PKV_KEY_MAX, left = PKV_COMMAND_MAX - PKV_KEY_MAX;

    assert_int_equal(pkv_put(f->h, bytes, key, bytes, left), PKV_OK);
    assert_int_equal(pkv_put(f->h, bytes, key, bytes, left + 1), PKV_TOO_LARGE);
    assert_int_equal(pkv_put(f->h, bytes, key + 1, "", 0), PKV_TOO_LARGE);
    assert_int_equal(pkv_put(f->h, bytes, 1, bytes, PKV_COMMAND_MAX - 1),
                     PKV_OK);
    assert_int_equal(pkv_cas(f->h, bytes, key, bytes, left, "", 0, NULL),
                     PKV_OK);
    assert_int_equal(pkv_cas(f->h, bytes, key, bytes, left, "x", 1, NULL),
                     PKV_TOO_LARGE);
    assert_int_equal(pkv_put(f->h, bytes, SIZE_MAX, "", 0), PKV_TOO_LARGE);
}

static void missing_operands_are_invalid(void **state)
{
    struct fixture *f = *state;
    struct pkv_op op = put_of("a", NULL);
    struct pkv_result r;

    assert_int_equal(pkv_put(f->h, "", 0, "v", 1), PKV_INVALID);
    assert_int_equal(pkv_put(f->h, NULL, 1, "v", 1), PKV_INVALID);
    assert_int_equal(pkv_put(f->h, "a", 1, NULL, 1), PKV_INVALID);
    assert_int_equal(pkv_put(f->h, "a", 1, NULL, 0), PKV_OK);
    op.flags = PKV_KEYS;
    assert_int_equal(pkv_call(f->h, &op, &r), PKV_INVALID);
    assert_int_equal(r.status, PKV_INVALID);
    op.flags = 0;
    op.code = (enum pkv_code)99;
    assert_int_equal(pkv_submit(f->h, &op), PKV_INVALID);
    assert_int_equal(pkv_in_flight(f->h), 0);
}

static void answers_of_the_store_have_their_status(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pkv_cas(f->h, "a", 1, "x", 1, "y", 1, NULL), PKV_NOTFOUND);
    assert_int_equal(pkv_cas(f->h, "a", 1, NULL, 0, "y", 1, NULL), PKV_OK);
    assert_int_equal(pkv_cas(f->h, "a", 1, "", 0, "z", 1, NULL), PKV_MISMATCH);
    assert_int_equal(pkv_incr(f->h, "a", 1, 1, NULL), PKV_NOT_NUMBER);
    assert_int_equal(pkv_incr(f->h, "n", 1, INT64_MAX, NULL), PKV_OK);
    assert_int_equal(pkv_incr(f->h, "n", 1, 1, NULL), PKV_OVERFLOW);
}

static void version_is_that_of_the_header(void **state)
{
    char text[32];

    (void)state;
    snprintf(text, sizeof text, "%d.%d.%d", PKV_VERSION_MAJOR,
             PKV_VERSION_MINOR, PKV_VERSION_PATCH);
    assert_string_equal(pkv_version(), text);
}

static void every_status_is_explained(void **state)
{
    struct fixture *f = *state;
    char text[PKV_TEXT_MAX];

    for (int i = PKV_OK; i <= PKV_FORKED; i++) {
        const enum pkv_status status = (enum pkv_status)i;

        assert_true(strlen(pkv_status_text(status)) > 3);
        pkv_explain(f->h, status, 0, text, sizeof text);
        assert_true(strlen(text) > 3);
    }
    assert_string_equal(pkv_status_word(PKV_CANCELLED), "error");
    assert_string_equal(pkv_status_text((enum pkv_status)99), "no such status");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(results_come_in_the_order_of_finishing),
        TEST(cancel_before_sending_leaves_no_trace),
        TEST(cancel_of_a_lost_write_makes_it_void),
        TEST(cancel_of_an_executed_write_tells_how_it_went),
        TEST(cancel_without_an_answer_is_unknown),
        TEST(cancel_of_a_read_ends_it_at_once),
        TEST(cancel_of_a_finished_one_changes_nothing),
        TEST(close_sends_nothing_that_was_not_sent),
        TEST(close_gives_back_what_is_in_flight),
        TEST(submit_beyond_64_in_flight_is_refused),
        TEST(submit_64_writes_after_an_open_one_is_refused),
        TEST(handles_of_two_threads_do_not_know_each_other),
        TEST(handle_may_go_from_thread_to_thread),
        TEST(child_of_fork_is_refused_and_harmless),
        TEST(sizes_up_to_the_limits_are_taken),
        TEST(missing_operands_are_invalid),
        TEST(answers_of_the_store_have_their_status),
        cmocka_unit_test(version_is_that_of_the_header),
        TEST(every_status_is_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

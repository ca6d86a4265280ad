/*
 * test_handle.c - libpaxoskv as its users see it, over real sockets, against
 * members in a thread.
 */
#include "support/fakeserver.h"

#include <paxoskv.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
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
    return pkv_open(&f->h, f->server.servers, NULL, 0) == PKV_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    pkv_close(f->h);
    fake_server_stop(&f->server);
    free(f);
    return 0;
}

static void blocking_calls_do_what_they_say(void **state)
{
    struct fixture *f = *state;
    struct pkv_result r;
    int64_t number;

    assert_int_equal(pkv_put(f->h, "k", 1, "v", 1), PKV_OK);
    assert_int_equal(pkv_get(f->h, "k", 1, &r), PKV_OK);
    assert_int_equal(r.value_len, 1);
    assert_memory_equal(r.value, "v", 1);
    assert_int_equal(pkv_cas(f->h, "k", 1, "x", 1, "w", 1, &r), PKV_MISMATCH);
    assert_memory_equal(r.value, "v", 1);
    assert_int_equal(pkv_cas(f->h, "k", 1, "v", 1, "w", 1, NULL), PKV_OK);
    assert_int_equal(pkv_cas(f->h, "k", 1, NULL, 0, "z", 1, &r), PKV_MISMATCH);
    assert_int_equal(pkv_incr(f->h, "n", 1, -7, &number), PKV_OK);
    assert_int_equal(number, -7);
    assert_int_equal(pkv_incr(f->h, "k", 1, 1, NULL), PKV_NOT_NUMBER);
    assert_int_equal(pkv_del(f->h, "k", 1), PKV_OK);
    assert_int_equal(pkv_del(f->h, "k", 1), PKV_NOTFOUND);
    assert_int_equal(pkv_get(f->h, "k", 1, &r), PKV_NOTFOUND);
    assert_int_equal(pkv_ping(f->h), PKV_OK);
    assert_int_equal(pkv_put(f->h, "", 0, "v", 1), PKV_INVALID);
}

static void list_gives_pages_of_pairs(void **state)
{
    struct fixture *f = *state;
    struct pkv_result r;
    struct pkv_pair p;
    unsigned count = 0;
    char key[16];

    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "p/%03d", i);
        assert_int_equal(pkv_put(f->h, key, 5, key, 5), PKV_OK);
    }
    assert_int_equal(pkv_list(f->h, "p/", 2, NULL, 0, 0, &r), PKV_OK);
    assert_false(r.more);
    for (; pkv_pair_next(&r, &p); count++) {
        snprintf(key, sizeof key, "p/%03u", count);
        assert_int_equal(p.key_len, 5);
        assert_memory_equal(p.key, key, 5);
        assert_memory_equal(p.value, key, 5);
        assert_true(p.version > 0);
    }
    assert_int_equal(count, 100);
    assert_int_equal(pkv_list(f->h, "p/", 2, "p/098", 5, PKV_KEYS, &r), PKV_OK);
    assert_true(pkv_pair_next(&r, &p));
    assert_int_equal(p.value_len, 0);
    assert_false(pkv_pair_next(&r, &p));
}

/* As an event loop would do it. */
static void many_are_in_flight_and_are_collected(void **state)
{
    struct fixture *f = *state;
    struct pkv_op op = {
        .code = PKV_INCR, .key = "n", .key_len = 1, .delta = 1
    };
    uintptr_t submitted = 0, collected = 0, sum = 0;
    struct pkv_result r;
    char text[24] = "";

    while (collected < 1000) {
        struct pollfd p = { .fd = pkv_fd(f->h), .events = POLLIN };

        op.user = (void *)(submitted + 1);
        while (submitted < 1000 && pkv_submit(f->h, &op) == PKV_OK) {
            submitted++;
            op.user = (void *)(submitted + 1);
        }
        pkv_flush(f->h);
        poll(&p, 1, pkv_wait_ms(f->h));
        pkv_process(f->h);
        while (pkv_next(f->h, &r)) {
            assert_int_equal(r.status, PKV_OK);
            sum += (uintptr_t)r.user;
            collected++;
        }
    }
    assert_int_equal(sum, 1000 * 1001 / 2);
    assert_int_equal(pkv_in_flight(f->h), 0);
    assert_int_equal(pkv_get(f->h, "n", 1, &r), PKV_OK);
    memcpy(text, r.value, r.value_len);
    assert_string_equal(text, "1000");
}

static void blocking_call_leaves_other_results_alone(void **state)
{
    struct fixture *f = *state;
    const struct pkv_op op = { .code = PKV_PUT,
                               .key = "k",
                               .key_len = 1,
                               .value = "v",
                               .value_len = 1,
                               .user = f };
    struct pkv_result r;

    assert_int_equal(pkv_submit(f->h, &op), PKV_OK);
    assert_int_equal(pkv_put(f->h, "l", 1, "w", 1), PKV_OK);
    while (!pkv_next(f->h, &r)) {
        struct pollfd p = { .fd = pkv_fd(f->h), .events = POLLIN };

        poll(&p, 1, pkv_wait_ms(f->h));
        pkv_process(f->h);
    }
    assert_ptr_equal(r.user, f);
    assert_int_equal(r.status, PKV_OK);
}

/* The kernel tells of closed ports: no time-out is waited for. */
static void closed_members_are_passed_by(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pkv_put(f->h, "k", 1, "v", 1), PKV_OK);
    pthread_mutex_lock(&f->server.mutex);
    f->server.group.leader = 2;
    pthread_mutex_unlock(&f->server.mutex);
    fake_server_close(&f->server, 0);
    fake_server_close(&f->server, 1);
    assert_int_equal(pkv_put(f->h, "k", 1, "w", 1), PKV_OK);
}

static void nobody_there_is_unavailable_and_explained(void **state)
{
    struct fixture *f = *state;
    char text[PKV_TEXT_MAX];

    for (uint32_t i = 0; i < 3; i++) fake_server_close(&f->server, i);
    pkv_set_timeout_ms(f->h, 80);
    assert_int_equal(pkv_put(f->h, "k", 1, "v", 1), PKV_UNAVAILABLE);
    pkv_explain(f->h, PKV_UNAVAILABLE, 0, text, sizeof text);
    assert_non_null(strstr(text, "no member answered at 127.0.0.1:"));
    assert_non_null(strstr(text, "within 0.08 s"));
}

static void answers_without_leader_are_explained(void **state)
{
    struct fixture *f = *state;
    char text[PKV_TEXT_MAX];

    pthread_mutex_lock(&f->server.mutex);
    f->server.group.leader = FAKE_NOBODY;
    pthread_mutex_unlock(&f->server.mutex);
    pkv_set_timeout_ms(f->h, 80);
    assert_int_equal(pkv_put(f->h, "k", 1, "v", 1), PKV_UNAVAILABLE);
    pkv_explain(f->h, PKV_UNAVAILABLE, 0, text, sizeof text);
    assert_non_null(strstr(text, "no leader"));
}

static void status_of_all_members(void **state)
{
    struct fixture *f = *state;
    static struct pkv_cluster c;

    pkv_set_timeout_ms(f->h, 400);
    fake_server_close(&f->server, 1);
    assert_int_equal(pkv_status(f->h, &c), PKV_OK);
    assert_string_equal(c.name, "fake");
    assert_int_equal(c.size, 3);
    assert_int_equal(c.quorum, 2);
    assert_int_equal(c.up, 2);
    assert_int_equal(c.leader, 1);
    assert_string_equal(c.reason, "");
    assert_true(c.members[0].up);
    assert_int_equal(c.members[0].role, PKV_LEADER);
    assert_int_equal(c.members[0].heard_count, 2);
    assert_false(c.members[1].up);
    assert_int_equal(c.members[1].id, 2);
    assert_int_equal(c.members[2].role, PKV_FOLLOWER);
}

static void status_without_majority_says_so(void **state)
{
    struct fixture *f = *state;
    static struct pkv_cluster c;

    pkv_set_timeout_ms(f->h, 400);
    fake_server_close(&f->server, 0);
    fake_server_close(&f->server, 1);
    assert_int_equal(pkv_status(f->h, &c), PKV_OK);
    assert_int_equal(c.leader, 0);
    assert_string_equal(c.reason, "1 of 3 members answered, a majority is 2");
    fake_server_close(&f->server, 2);
    assert_int_equal(pkv_status(f->h, &c), PKV_UNAVAILABLE);
}

static void close_ends_the_session(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pkv_put(f->h, "k", 1, "v", 1), PKV_OK);
    pkv_close(f->h);
    pthread_mutex_lock(&f->server.mutex);
    assert_int_equal(kv_session_count(f->server.group.kv), 0);
    pthread_mutex_unlock(&f->server.mutex);
    assert_int_equal(pkv_open(&f->h, f->server.servers, NULL, 0), PKV_OK);
}

static void open_of_a_bad_list_is_invalid(void **state)
{
    char why[PKV_TEXT_MAX] = "";
    struct pkv *h;

    (void)state;
    assert_int_equal(pkv_open(&h, "127.0.0.1:0", why, sizeof why), PKV_INVALID);
    assert_null(h);
    assert_non_null(strstr(why, "127.0.0.1:0"));
    assert_int_equal(pkv_open(&h, "", NULL, 0), PKV_INVALID);
    pkv_close(NULL);
}

static void open_config_takes_members_and_name(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/test_handle.XXXXXX";
    char why[PKV_TEXT_MAX] = "";
    const int fd = mkstemp(path);
    struct pkv *h;

    assert_true(fd >= 0);
    dprintf(fd, "[cluster]\nname = mine\n[members]\n1 = 127.0.0.1:%u\n",
            f->server.group.members[0].addr.port);
    assert_int_equal(pkv_open_config(&h, path, why, sizeof why), PKV_OK);
    pkv_set_timeout_ms(h, 80);
    /* That port belongs to the cluster "fake". */
    assert_int_equal(pkv_put(h, "k", 1, "v", 1), PKV_UNAVAILABLE);
    pkv_explain(h, PKV_UNAVAILABLE, 0, why, sizeof why);
    assert_non_null(strstr(why, "is the cluster \"fake\", not \"mine\""));
    pkv_close(h);
    dprintf(fd, "2 = nonsense\nmore nonsense\n");
    close(fd);
    assert_int_equal(pkv_open_config(&h, path, why, sizeof why), PKV_INVALID);
    assert_non_null(strstr(why, path));
    unlink(path);
    assert_int_equal(pkv_open_config(&h, path, why, sizeof why), PKV_INVALID);
}

static void every_status_has_a_word_and_a_text(void **state)
{
    (void)state;
    for (int i = PKV_OK; i <= PKV_SYSTEM; i++) {
        assert_true(strlen(pkv_status_word((enum pkv_status)i)) > 1);
        assert_true(strlen(pkv_status_text((enum pkv_status)i)) > 3);
    }
    assert_string_equal(pkv_status_word(PKV_OVERFLOW), "error");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(blocking_calls_do_what_they_say),
        TEST(list_gives_pages_of_pairs),
        TEST(many_are_in_flight_and_are_collected),
        TEST(blocking_call_leaves_other_results_alone),
        TEST(closed_members_are_passed_by),
        TEST(nobody_there_is_unavailable_and_explained),
        TEST(answers_without_leader_are_explained),
        TEST(status_of_all_members),
        TEST(status_without_majority_says_so),
        TEST(close_ends_the_session),
        cmocka_unit_test(open_of_a_bad_list_is_invalid),
        TEST(open_config_takes_members_and_name),
        cmocka_unit_test(every_status_has_a_word_and_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

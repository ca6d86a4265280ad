/* test_edge.c - tokens, and replies packed per client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/edge.h"
#include "daemon/fake_loop.h"

#define BODY_MAX 1400u
#define MINUTE   EDGE_TOKEN_NS

static struct edge edge;

static struct address client_of(uint8_t last, uint16_t port)
{
    return (
        struct address){ .family = 4, .port = port, .ip = { 10, 0, 0, last } };
}

static struct reply reply_of(struct address to, uint64_t cookie, uint64_t seq,
                             const char *value)
{
    return (struct reply){
        .to = to,
        .cookie = cookie,
        .seq = seq,
        .slot = 1000 + seq,
        .op = COMMAND_GET,
        .status = REPLY_OK,
        .value = bytes_of(value, (uint32_t)strlen(value)),
    };
}

static int setup(void **state)
{
    (void)state;
    fake_reset(16);
    memset(&edge, 0, sizeof edge);
    edge.socket = 3;
    edge.body_max = BODY_MAX;
    edge.open_max = 8;
    edge.secret = (struct hash_key){ 1, 2 };
    edge.cluster = 77;
    edge.process = 88;
    edge.incarnation = 5;
    edge.id = 2;
    edge.name = "paxoskv";
    edge.now_ns = 10 * MINUTE + 5;
    edge.leader = 4;
    edge_init(&edge);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_reset(0);
    return 0;
}

/* The body of datagram i, whose head must be ours. */
static struct reader sent_body(uint32_t i, uint8_t kind)
{
    struct datagram_head head;

    assert_true(i < fake.count);
    assert_int_equal(datagram_open(fake.sent[i].bytes, fake.sent[i].len, &head),
                     DATAGRAM_OK);
    assert_int_equal(head.kind, kind);
    assert_int_equal(head.sender, 2);
    assert_int_equal(head.parts, 1);
    assert_int_equal(head.cluster, 77);
    assert_int_equal(head.nonce, 88);
    assert_int_equal(head.incarnation, 5);
    assert_int_equal(fake.sent[i].socket, 3);
    return reader_of(fake.sent[i].bytes + DATAGRAM_HEAD,
                     fake.sent[i].len - DATAGRAM_HEAD);
}

/* The replies of datagram i: cookie wanted, seqs counted up from first. */
static uint32_t sent_replies(uint32_t i, uint64_t cookie, uint64_t first)
{
    struct reader r = sent_body(i, DATAGRAM_REPLY);
    struct reply_head head;
    struct reply_item item;
    uint32_t count = 0;

    assert_int_equal(reply_head_decode(&head, &r), 0);
    assert_int_equal(head.cookie, cookie);
    assert_int_equal(head.leader, 4);
    assert_int_equal(head.token, edge_token(&edge, &fake.sent[i].to));
    for (; reader_left(&r) > 0; count++) {
        assert_int_equal(reply_item_decode(&item, &r), 0);
        assert_int_equal(item.seq, first + count);
        assert_int_equal(item.slot, 1000 + item.seq);
    }
    return count;
}

static void token_of_this_and_last_minute_is_valid(void **state)
{
    const struct address c = client_of(1, 5000);
    const uint64_t token = edge_token(&edge, &c);

    (void)state;
    assert_true(edge_token_is_valid(&edge, &c, token));
    edge.now_ns += MINUTE;
    assert_true(edge_token_is_valid(&edge, &c, token));
    edge.now_ns += MINUTE;
    assert_false(edge_token_is_valid(&edge, &c, token));
}

static void token_of_another_client_is_refused(void **state)
{
    const struct address a = client_of(1, 5000);
    const struct address b = client_of(2, 5000);
    const struct address c = client_of(1, 5001);

    (void)state;
    assert_true(edge_token_is_valid(&edge, &a, edge_token(&edge, &a)));
    assert_false(edge_token_is_valid(&edge, &b, edge_token(&edge, &a)));
    assert_false(edge_token_is_valid(&edge, &c, edge_token(&edge, &a)));
    assert_false(edge_token_is_valid(&edge, &a, 0));
}

static void token_under_another_secret_is_refused(void **state)
{
    const struct address c = client_of(1, 5000);
    const uint64_t token = edge_token(&edge, &c);

    (void)state;
    edge.secret.k1++;
    assert_false(edge_token_is_valid(&edge, &c, token));
}

static void token_in_the_first_minute_is_valid(void **state)
{
    const struct address c = client_of(1, 5000);

    (void)state;
    edge.now_ns = 1;
    assert_true(edge_token_is_valid(&edge, &c, edge_token(&edge, &c)));
    assert_false(edge_token_is_valid(&edge, &c, 12345));
}

static void welcome_tells_a_valid_token(void **state)
{
    const struct address c = client_of(1, 5000);
    struct welcome m;
    struct reader r;

    (void)state;
    assert_true(edge_welcome(&edge, &c, 99, KNOCK_SIZE));
    assert_int_equal(fake.count, 1);
    assert_true(address_equal(&fake.sent[0].to, &c));
    r = sent_body(0, DATAGRAM_WELCOME);
    assert_int_equal(welcome_decode(&m, &r), 0);
    assert_int_equal(m.cookie, 99);
    assert_int_equal(m.sender, 2);
    assert_int_equal(m.leader, 4);
    assert_true(bytes_equal(m.name, bytes_of("paxoskv", 7)));
    assert_true(edge_token_is_valid(&edge, &c, m.token));
}

/* What is never larger than the question cannot be used to amplify. */
static void welcome_longer_than_question_is_not_sent(void **state)
{
    const struct address c = client_of(1, 5000);
    uint32_t len;

    (void)state;
    assert_true(edge_welcome(&edge, &c, 99, KNOCK_SIZE));
    len = fake.sent[0].len;
    assert_false(edge_welcome(&edge, &c, 99, len - 1));
    assert_int_equal(fake.count, 1);
    assert_true(edge_welcome(&edge, &c, 99, len));
    assert_int_equal(fake.count, 2);
}

static void replies_of_one_client_share_a_datagram(void **state)
{
    const struct address c = client_of(1, 5000);

    (void)state;
    for (uint64_t seq = 1; seq <= 10; seq++) {
        const struct reply r = reply_of(c, 7, seq, "value");

        edge_reply(&edge, &r);
    }
    assert_int_equal(fake.count, 0);
    edge_flush(&edge);
    assert_int_equal(fake.count, 1);
    assert_int_equal(sent_replies(0, 7, 1), 10);
    edge_flush(&edge);
    assert_int_equal(fake.count, 1);
}

static void replies_of_two_clients_are_kept_apart(void **state)
{
    const struct address a = client_of(1, 5000), b = client_of(1, 5001);

    (void)state;
    for (uint64_t seq = 1; seq <= 4; seq++) {
        const struct reply first = reply_of(a, 7, seq, "a");
        const struct reply second = reply_of(b, 7, seq + 50, "b");
        const struct reply third = reply_of(a, 8, seq + 90, "c");

        edge_reply(&edge, &first);
        edge_reply(&edge, &second);
        edge_reply(&edge, &third);
    }
    edge_flush(&edge);
    assert_int_equal(fake.count, 3);
    assert_int_equal(sent_replies(0, 7, 1), 4);
    assert_true(address_equal(&fake.sent[0].to, &a));
    assert_int_equal(sent_replies(1, 7, 51), 4);
    assert_true(address_equal(&fake.sent[1].to, &b));
    assert_int_equal(sent_replies(2, 8, 91), 4);
}

/* So many that they meet in the table. */
static void replies_of_many_cookies_are_kept_apart(void **state)
{
    const struct address c = client_of(1, 5000);
    const uint32_t many = 500;

    (void)state;
    edge.open_max = EDGE_OPEN_MAX;
    fake.buffers_left = EDGE_OPEN_MAX;
    for (uint32_t i = 0; i < 2 * many; i++) {
        const struct reply r = reply_of(c, i % many, i / many, "v");

        edge_reply(&edge, &r);
    }
    edge_flush(&edge);
    assert_int_equal(fake.count, many);
    for (uint32_t i = 0; i < many; i++)
        assert_int_equal(sent_replies(i, i, 0), 2);
}

/* A second reply ends where the datagram does, or one byte behind that. */
static void replies_that_fill_a_datagram_exactly_share_it(void **state)
{
    const struct address c = client_of(1, 5000);
    const uint32_t left = BODY_MAX - REPLY_HEAD - 2 * REPLY_ITEM_HEAD - 700;
    char value[BODY_MAX];

    (void)state;
    memset(value, 'x', sizeof value);
    for (uint32_t more = 0; more <= 1; more++) {
        struct reply r = reply_of(c, 7, 1, "");

        fake_reset(16);
        r.value = bytes_of(value, 700);
        edge_reply(&edge, &r);
        r = reply_of(c, 7, 2, "");
        r.value = bytes_of(value, left + more);
        edge_reply(&edge, &r);
        edge_flush(&edge);
        assert_int_equal(fake.count, 1 + more);
    }
}

static void replies_beyond_the_mtu_take_another_datagram(void **state)
{
    const struct address c = client_of(1, 5000);
    char value[301];
    uint32_t count = 0;

    (void)state;
    memset(value, 'x', 300);
    value[300] = 0;
    for (uint64_t seq = 1; seq <= 10; seq++) {
        const struct reply r = reply_of(c, 7, seq, value);

        edge_reply(&edge, &r);
    }
    edge_flush(&edge);
    assert_int_equal(fake.count, 3);
    for (uint32_t i = 0; i < fake.count; i++) {
        assert_true(fake.sent[i].len <= DATAGRAM_HEAD + BODY_MAX);
        count += sent_replies(i, 7, 1 + count);
    }
    assert_int_equal(count, 10);
}

static void reply_that_fits_exactly_is_sent_and_one_more_byte_is_not(void **s)
{
    const uint32_t most = BODY_MAX - REPLY_HEAD - REPLY_ITEM_HEAD;
    char value[BODY_MAX];
    struct reply r = reply_of(client_of(1, 5000), 7, 1, "");

    (void)s;
    memset(value, 'x', sizeof value);
    r.value = bytes_of(value, most + 1);
    edge_reply(&edge, &r);
    edge_flush(&edge);
    assert_int_equal(fake.count, 0);
    assert_int_equal(edge.lost, 1);
    r.value = bytes_of(value, most);
    edge_reply(&edge, &r);
    edge_flush(&edge);
    assert_int_equal(fake.count, 1);
    assert_int_equal(fake.sent[0].len, DATAGRAM_HEAD + BODY_MAX);
}

static void more_clients_than_buffers_are_all_answered(void **state)
{
    (void)state;
    fake.buffers_left = edge.open_max;
    for (uint64_t i = 0; i < 50; i++) {
        const struct reply r = reply_of(client_of((uint8_t)(i % 25), 5000), 7,
                                        i, "v");

        edge_reply(&edge, &r);
    }
    edge_flush(&edge);
    assert_int_equal(fake.count, 50);
    assert_int_equal(edge.lost, 0);
    assert_int_equal(fake.buffers_left, edge.open_max);
}

static void reply_without_a_buffer_is_lost_and_the_next_is_not(void **state)
{
    const struct reply r = reply_of(client_of(1, 5000), 7, 1, "v");

    (void)state;
    fake.buffers_left = 0;
    edge_reply(&edge, &r);
    assert_int_equal(edge.lost, 1);
    fake.buffers_left = 1;
    edge_reply(&edge, &r);
    edge_flush(&edge);
    assert_int_equal(fake.count, 1);
    assert_int_equal(sent_replies(0, 7, 1), 1);
}

static void status_is_sent_behind_cookie_and_token(void **state)
{
    const struct address c = client_of(1, 5000);
    struct status s = { .cluster = "paxoskv", .id = 2, .executed = 1234 };
    struct status back;
    struct reader r;

    (void)state;
    edge_status(&edge, &c, 99, &s);
    r = sent_body(0, DATAGRAM_STATUS);
    assert_int_equal(reader_u64(&r), 99);
    assert_true(edge_token_is_valid(&edge, &c, reader_u64(&r)));
    assert_int_equal(status_decode(&back, &r), 0);
    assert_int_equal(back.executed, 1234);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(token_of_this_and_last_minute_is_valid),
        TEST(token_of_another_client_is_refused),
        TEST(token_under_another_secret_is_refused),
        TEST(token_in_the_first_minute_is_valid),
        TEST(welcome_tells_a_valid_token),
        TEST(welcome_longer_than_question_is_not_sent),
        TEST(replies_of_one_client_share_a_datagram),
        TEST(replies_of_two_clients_are_kept_apart),
        TEST(replies_of_many_cookies_are_kept_apart),
        TEST(replies_that_fill_a_datagram_exactly_share_it),
        TEST(replies_beyond_the_mtu_take_another_datagram),
        TEST(reply_that_fits_exactly_is_sent_and_one_more_byte_is_not),
        TEST(more_clients_than_buffers_are_all_answered),
        TEST(reply_without_a_buffer_is_lost_and_the_next_is_not),
        TEST(status_is_sent_behind_cookie_and_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

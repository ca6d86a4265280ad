/*
 * test_request.c - bodies between clients and members: round trips, every
 * truncation, every length and field that lies.
 */
#include "wire/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#define BYTES_OF(s) bytes_of(s, sizeof(s) - 1)

/* A copy in memory of exactly len bytes: asan sees a step beyond. */
static uint8_t *copy_of(const uint8_t *from, size_t len)
{
    uint8_t *to = malloc(len ? len : 1);

    assert_non_null(to);
    memcpy(to, from, len);
    return to;
}

/* ---- welcome ------------------------------------------------------------ */

static size_t welcome_example(uint8_t *buffer, size_t size)
{
    const struct welcome m = {
        .cookie = 0x1111111122222222u,
        .token = UINT64_MAX,
        .sender = 2,
        .leader = 5,
        .name = BYTES_OF("orders"),
    };
    struct writer w = writer_of(buffer, size);

    welcome_encode(&m, &w);
    assert_true(writer_ok(&w));
    return writer_len(&w);
}

static int welcome_of(struct welcome *m, const uint8_t *at, size_t len)
{
    struct reader r = reader_of(at, len);

    return welcome_decode(m, &r);
}

static void welcome_decode_of_encoded_gives_fields(void **state)
{
    uint8_t buffer[256];
    struct welcome m;
    const size_t len = welcome_example(buffer, sizeof buffer);

    (void)state;
    assert_int_equal(welcome_of(&m, buffer, len), 0);
    assert_int_equal(m.cookie, 0x1111111122222222u);
    assert_int_equal(m.token, UINT64_MAX);
    assert_int_equal(m.sender, 2);
    assert_int_equal(m.leader, 5);
    assert_true(bytes_equal(m.name, BYTES_OF("orders")));
}

static void welcome_with_longest_name_fits_a_knock(void **state)
{
    uint8_t buffer[KNOCK_SIZE - DATAGRAM_HEAD];
    uint8_t name[CLUSTER_NAME_MAX];
    const struct welcome m = {
        .sender = 1,
        .name = bytes_of(name, sizeof name),
    };
    struct writer w = writer_of(buffer, sizeof buffer);
    struct welcome got;

    (void)state;
    memset(name, 'n', sizeof name);
    welcome_encode(&m, &w);
    assert_true(writer_ok(&w));
    assert_int_equal(welcome_of(&got, buffer, writer_len(&w)), 0);
}

static void welcome_decode_at_every_shorter_length_is_refused(void **state)
{
    uint8_t buffer[256];
    struct welcome m;
    const size_t whole = welcome_example(buffer, sizeof buffer);

    (void)state;
    for (size_t len = 0; len < whole; len++) {
        uint8_t *b = copy_of(buffer, len);

        assert_int_equal(welcome_of(&m, b, len), -EBADMSG);
        free(b);
    }
}

static void welcome_decode_of_a_lie_is_refused(void **state)
{
    uint8_t buffer[256] = { 0 };
    struct welcome m;
    const size_t len = welcome_example(buffer, sizeof buffer);

    (void)state;
    assert_int_equal(welcome_of(&m, buffer, len + 1), -EBADMSG);
    buffer[16] = 0; /* no member has id 0 */
    assert_int_equal(welcome_of(&m, buffer, len), -EBADMSG);
    buffer[16] = 1;
    assert_int_equal(welcome_of(&m, buffer, len), 0);
    buffer[18] = 64; /* a name that is longer than allowed, and is there */
    assert_int_equal(welcome_of(&m, buffer, 19 + 64), -EBADMSG);
    buffer[18] = 63;
    assert_int_equal(welcome_of(&m, buffer, 19 + 63), 0);
    buffer[18] = 255;
    assert_int_equal(welcome_of(&m, buffer, len), -EBADMSG);
}

/* ---- reply -------------------------------------------------------------- */

static size_t reply_example(uint8_t *buffer, size_t size)
{
    const struct reply_head head = { .cookie = 1, .token = 2, .leader = 255 };
    const struct reply_item items[] = {
        { .seq = UINT64_MAX,
          .slot = 9,
          .op = COMMAND_GET,
          .status = REPLY_OK,
          .value = BYTES_OF("value") },
        { .seq = 3,
          .slot = UINT64_MAX,
          .op = COMMAND_KEEPALIVE,
          .status = REPLY_BAD },
    };
    struct writer w = writer_of(buffer, size);

    reply_head_encode(&head, &w);
    assert_int_equal(writer_len(&w), REPLY_HEAD);
    reply_item_encode(&items[0], &w);
    reply_item_encode(&items[1], &w);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_len(&w), REPLY_HEAD + 2 * REPLY_ITEM_HEAD + 5);
    return writer_len(&w);
}

static void reply_decode_of_encoded_gives_fields(void **state)
{
    uint8_t buffer[256];
    const size_t len = reply_example(buffer, sizeof buffer);
    struct reader r = reader_of(buffer, len);
    struct reply_head head;
    struct reply_item item;

    (void)state;
    assert_int_equal(reply_head_decode(&head, &r), 0);
    assert_int_equal(head.cookie, 1);
    assert_int_equal(head.token, 2);
    assert_int_equal(head.leader, 255);
    assert_int_equal(reply_item_decode(&item, &r), 0);
    assert_int_equal(item.seq, UINT64_MAX);
    assert_int_equal(item.slot, 9);
    assert_int_equal(item.op, COMMAND_GET);
    assert_int_equal(item.status, REPLY_OK);
    assert_true(bytes_equal(item.value, BYTES_OF("value")));
    assert_int_equal(reply_item_decode(&item, &r), 0);
    assert_int_equal(item.slot, UINT64_MAX);
    assert_int_equal(item.status, REPLY_BAD);
    assert_int_equal(item.value.len, 0);
    assert_true(reader_done(&r));
}

/* Whatever is cut off, some part is refused; only item ends are whole. */
static void reply_decode_at_every_shorter_length_is_refused(void **state)
{
    uint8_t buffer[256];
    const size_t whole = reply_example(buffer, sizeof buffer);

    (void)state;
    for (size_t len = 0; len < whole; len++) {
        uint8_t *b = copy_of(buffer, len);
        struct reader r = reader_of(b, len);
        struct reply_head head;
        struct reply_item item;
        int rc = reply_head_decode(&head, &r);

        assert_int_equal(rc, len < REPLY_HEAD ? -EBADMSG : 0);
        while (rc == 0 && reader_left(&r) > 0)
            rc = reply_item_decode(&item, &r);
        if (len != REPLY_HEAD && len != REPLY_HEAD + REPLY_ITEM_HEAD + 5)
            assert_int_equal(rc, -EBADMSG);
        free(b);
    }
}

static void reply_head_with_bytes_behind_leader_is_refused(void **state)
{
    uint8_t buffer[256];
    const size_t len = reply_example(buffer, sizeof buffer);

    (void)state;
    for (size_t at = 17; at < REPLY_HEAD; at++) {
        struct reader r = reader_of(buffer, len);
        struct reply_head head;

        buffer[at] = 1;
        assert_int_equal(reply_head_decode(&head, &r), -EBADMSG);
        buffer[at] = 0;
    }
}

static int item_with(size_t at, uint8_t value)
{
    uint8_t buffer[256];
    const size_t len = reply_example(buffer, sizeof buffer);
    struct reader r = reader_of(buffer + REPLY_HEAD, len - REPLY_HEAD);
    struct reply_item item;

    buffer[REPLY_HEAD + at] = value;
    return reply_item_decode(&item, &r);
}

static void reply_item_decode_of_a_lie_is_refused(void **state)
{
    (void)state;
    assert_int_equal(item_with(16, 0), -EBADMSG); /* op */
    assert_int_equal(item_with(16, COMMAND_PUT), 0);
    assert_int_equal(item_with(16, COMMAND_KEEPALIVE), 0);
    assert_int_equal(item_with(16, COMMAND_KEEPALIVE + 1), -EBADMSG);
    assert_int_equal(item_with(16, COMMAND_GET - 1), -EBADMSG);
    assert_int_equal(item_with(16, COMMAND_PING), 0);
    assert_int_equal(item_with(16, COMMAND_PING + 1), -EBADMSG);
    assert_int_equal(item_with(17, REPLY_BAD), 0); /* status */
    assert_int_equal(item_with(17, REPLY_BAD + 1), -EBADMSG);
    assert_int_equal(item_with(18, 1), -EBADMSG); /* zeros */
    assert_int_equal(item_with(19, 1), -EBADMSG);
    assert_int_equal(item_with(20, 255), -EBADMSG); /* value_len */
    assert_int_equal(item_with(23, 255), -EBADMSG);
    assert_int_equal(item_with(23, 128), -EBADMSG);
}

static void encode_into_too_little_room_says_so(void **state)
{
    uint8_t whole[256];
    const size_t size = reply_example(whole, sizeof whole) - REPLY_HEAD;

    (void)state;
    for (size_t room = 0; room < size; room++) {
        uint8_t *b = malloc(room ? room : 1);
        struct writer w = writer_of(b, room);
        const struct reply_item item = { .op = COMMAND_GET,
                                         .value = bytes_of(whole, 200) };

        assert_non_null(b);
        reply_item_encode(&item, &w);
        assert_false(writer_ok(&w));
        free(b);
    }
}

/* ---- admin -------------------------------------------------------------- */

static int admin_of(struct admin_answer *a, const uint8_t *at, size_t len)
{
    struct reader r = reader_of(at, len);

    return admin_answer_decode(a, &r);
}

static void admin_decode_of_encoded_gives_fields(void **state)
{
    const struct admin_answer a = { .cookie = 1,
                                    .token = UINT64_MAX,
                                    .status = ADMIN_REFUSED,
                                    .text = BYTES_OF("no\nnever") };
    uint8_t buffer[ADMIN_TEXT_MAX + 25];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct admin_answer back;

    (void)state;
    admin_answer_encode(&a, &w);
    assert_int_equal(admin_of(&back, buffer, writer_len(&w)), 0);
    assert_int_equal(back.cookie, 1);
    assert_int_equal(back.token, UINT64_MAX);
    assert_int_equal(back.status, ADMIN_REFUSED);
    assert_true(bytes_equal(back.text, a.text));
}

/* What is shown on a terminal moves no cursor. */
static void admin_decode_of_a_lie_is_refused(void **state)
{
    uint8_t buffer[ADMIN_TEXT_MAX + 25];
    struct admin_answer back;

    (void)state;
    memset(buffer, 'x', sizeof buffer);
    store64(buffer + 16, ADMIN_REFUSED);
    assert_int_equal(admin_of(&back, buffer, 24), 0);
    assert_int_equal(admin_of(&back, buffer, 23), -EBADMSG);
    assert_int_equal(admin_of(&back, buffer, sizeof buffer - 1), 0);
    assert_int_equal(admin_of(&back, buffer, sizeof buffer), -EBADMSG);
    buffer[30] = '\n';
    assert_int_equal(admin_of(&back, buffer, 40), 0);
    buffer[30] = '\033';
    assert_int_equal(admin_of(&back, buffer, 40), -EBADMSG);
    assert_int_equal(admin_of(&back, buffer, 30), 0);
    store64(buffer + 16, ADMIN_REFUSED + 1);
    assert_int_equal(admin_of(&back, buffer, 30), -EBADMSG);
    store64(buffer + 16, 256);
    assert_int_equal(admin_of(&back, buffer, 30), -EBADMSG);
}

static void admin_ask_of_words_is_taken_and_else_refused(void **state)
{
    char text[ADMIN_ASK_MAX + 1];
    struct reader r = reader_of(text, 10);
    struct bytes got;

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(admin_ask_decode(&got, &r), 0);
    assert_int_equal(got.len, 10);
    r = reader_of(text, ADMIN_ASK_MAX);
    assert_int_equal(admin_ask_decode(&got, &r), 0);
    r = reader_of(text, ADMIN_ASK_MAX + 1);
    assert_int_equal(admin_ask_decode(&got, &r), -EBADMSG);
    r = reader_of(text, 0);
    assert_int_equal(admin_ask_decode(&got, &r), -EBADMSG);
    text[3] = '\n';
    r = reader_of(text, 10);
    assert_int_equal(admin_ask_decode(&got, &r), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(welcome_decode_of_encoded_gives_fields),
        cmocka_unit_test(welcome_with_longest_name_fits_a_knock),
        cmocka_unit_test(welcome_decode_at_every_shorter_length_is_refused),
        cmocka_unit_test(welcome_decode_of_a_lie_is_refused),
        cmocka_unit_test(reply_decode_of_encoded_gives_fields),
        cmocka_unit_test(reply_decode_at_every_shorter_length_is_refused),
        cmocka_unit_test(reply_head_with_bytes_behind_leader_is_refused),
        cmocka_unit_test(reply_item_decode_of_a_lie_is_refused),
        cmocka_unit_test(encode_into_too_little_room_says_so),
        cmocka_unit_test(admin_decode_of_encoded_gives_fields),
        cmocka_unit_test(admin_decode_of_a_lie_is_refused),
        cmocka_unit_test(admin_ask_of_words_is_taken_and_else_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_outbox.c - messages to members, packed, cut, and copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/fake_loop.h"
#include "daemon/outbox.h"
#include "wire/parts.h"

#include <stdlib.h>

#define BODY_MAX 1400u

static struct outbox outbox;
static struct members members;
static uint8_t value[VALUE_BYTES_MAX];

static int setup(void **state)
{
    (void)state;
    fake_reset(64);
    memset(&members, 0, sizeof members);
    members.n = 3;
    members.self = 1;
    for (uint8_t i = 0; i < 3; i++) {
        members.ids[i] = (uint8_t)(10 + i);
        members.addresses[i] = (struct address){ .family = 4,
                                                 .port = 7401,
                                                 .ip = { 10, 0, 0, i } };
    }
    members.group = (struct address){ .family = 4,
                                      .port = 7400,
                                      .ip = { 239, 255, 74, 1 } };
    memset(&outbox, 0, sizeof outbox);
    outbox.members = &members;
    outbox.socket = 3;
    outbox.body_max = BODY_MAX;
    outbox.cluster = 77;
    outbox.process = 88;
    outbox.incarnation = 5;
    outbox_init(&outbox);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_reset(0);
    return 0;
}

static struct message learn_of(uint64_t upto)
{
    return (struct message){ .type = MESSAGE_LEARN,
                             .ballot = { 4, 11 },
                             .learn = { .upto = upto } };
}

static struct message accept_of(uint64_t slot, uint32_t len)
{
    memset(value, 'v', sizeof value);
    value_seal(value, len, VALUE_COMMANDS, 1, 7);
    return (struct message){
        .type = MESSAGE_ACCEPT,
        .ballot = { 4, 11 },
        .accept = { .slot = slot, .value = { .bytes = value, .len = len } }
    };
}

static struct datagram_head sent_head(uint32_t i)
{
    struct datagram_head head;

    assert_true(i < fake.count);
    assert_int_equal(datagram_open(fake.sent[i].bytes, fake.sent[i].len, &head),
                     DATAGRAM_OK);
    assert_int_equal(head.kind, DATAGRAM_PEER);
    assert_int_equal(head.sender, 11);
    assert_int_equal(head.cluster, 77);
    assert_int_equal(head.nonce, 88);
    assert_int_equal(head.incarnation, 5);
    return head;
}

/* Datagram i holds Learns, counted up from first; how many. */
static uint32_t sent_learns(uint32_t i, uint64_t first)
{
    static struct peer_scratch scratch;
    const struct datagram_head head = sent_head(i);
    struct reader r = reader_of(fake.sent[i].bytes + DATAGRAM_HEAD,
                                fake.sent[i].len - DATAGRAM_HEAD);
    struct message m;
    uint32_t count = 0;

    assert_int_equal(head.parts, 1);
    for (; reader_left(&r) > 0; count++) {
        assert_int_equal(peer_decode(&m, &scratch, &r), 0);
        assert_int_equal(m.type, MESSAGE_LEARN);
        assert_int_equal(m.learn.upto, first + count);
    }
    return count;
}

static void add_to_one_member_packs_one_datagram(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 5; i++) {
        const struct message m = learn_of(i);

        outbox_add(&outbox, 2, &m);
    }
    assert_int_equal(fake.count, 0);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 1);
    assert_int_equal(sent_learns(0, 1), 5);
    assert_true(address_equal(&fake.sent[0].to, &members.addresses[2]));
    assert_int_equal(fake.sent[0].socket, 3);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 1);
}

static void add_to_group_is_one_datagram_to_the_group(void **state)
{
    const struct message m = learn_of(1);

    (void)state;
    outbox_add(&outbox, TO_GROUP, &m);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 1);
    assert_true(address_equal(&fake.sent[0].to, &members.group));
}

static void add_to_group_by_unicast_is_a_copy_for_each_other(void **state)
{
    const struct message m = learn_of(1);

    (void)state;
    members.group = (struct address){ 0 };
    outbox_add(&outbox, TO_GROUP, &m);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 2);
    assert_true(address_equal(&fake.sent[0].to, &members.addresses[0]));
    assert_true(address_equal(&fake.sent[1].to, &members.addresses[2]));
    assert_int_equal(fake.sent[0].len, fake.sent[1].len);
    assert_memory_equal(fake.sent[0].bytes, fake.sent[1].bytes,
                        fake.sent[0].len);
}

static void add_in_a_group_of_one_sends_nothing(void **state)
{
    const struct message m = learn_of(1);

    (void)state;
    members.n = 1;
    members.self = 0;
    outbox_add(&outbox, TO_GROUP, &m);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 0);
    assert_int_equal(fake.buffers_left, 64);
}

static void add_to_several_ways_keeps_them_apart(void **state)
{
    const struct message a = learn_of(1), b = learn_of(2), c = learn_of(3);

    (void)state;
    outbox_add(&outbox, 0, &a);
    outbox_add(&outbox, TO_GROUP, &b);
    outbox_add(&outbox, 2, &c);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 3);
    assert_int_equal(sent_learns(0, 2), 1); /* the group goes first */
    assert_int_equal(sent_learns(1, 1), 1);
    assert_int_equal(sent_learns(2, 3), 1);
}

static void add_beyond_the_mtu_takes_another_datagram(void **state)
{
    const uint32_t size = PEER_HEAD + 8;
    const uint32_t fit = BODY_MAX / size;

    (void)state;
    for (uint64_t i = 1; i <= fit + 1; i++) {
        const struct message m = learn_of(i);

        outbox_add(&outbox, 0, &m);
    }
    assert_int_equal(fake.count, 1);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 2);
    assert_int_equal(sent_learns(0, 1), fit);
    assert_int_equal(sent_learns(1, 1 + fit), 1);
    assert_true(sent_head(0).counter < sent_head(1).counter);
}

static void add_of_a_whole_datagram_is_not_cut(void **state)
{
    const struct message m = accept_of(9, BODY_MAX - PEER_ACCEPT_HEAD);

    (void)state;
    outbox_add(&outbox, TO_GROUP, &m);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 1);
    assert_int_equal(sent_head(0).parts, 1);
    assert_int_equal(fake.sent[0].len, DATAGRAM_HEAD + BODY_MAX);
}

/* Every size of a value comes whole out of its parts. */
static void add_of_a_long_message_cuts_it_into_parts(void **state)
{
    static const uint32_t lengths[] = { BODY_MAX - PEER_ACCEPT_HEAD + 1,
                                        BODY_MAX * 2 - PEER_ACCEPT_HEAD,
                                        BODY_MAX * 2 - PEER_ACCEPT_HEAD + 1,
                                        VALUE_BYTES_MAX };
    static struct peer_scratch scratch;
    struct parts parts;
    struct arena mem;
    void *bytes = aligned_alloc(ARENA_ALIGN, parts_size(1));

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0, parts_size(1));
    arena_init(&mem, bytes, parts_size(1));
    assert_int_equal(parts_init(&parts, 1, &mem), 0);
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const struct message m = accept_of(9 + i, lengths[i]);
        enum parts_result result = PARTS_WAIT;
        struct message back;
        struct bytes whole;
        struct reader r;

        fake_reset(64);
        outbox_add(&outbox, TO_GROUP, &m);
        outbox_flush(&outbox);
        assert_true(fake.count > 1);
        for (uint32_t j = 0; j < fake.count; j++) {
            const struct datagram_head head = sent_head(j);

            assert_int_equal(result, PARTS_WAIT);
            assert_int_equal(head.parts, fake.count);
            assert_true(fake.sent[j].len <= DATAGRAM_HEAD + BODY_MAX);
            result = parts_take(&parts, 0, &head,
                                bytes_of(fake.sent[j].bytes + DATAGRAM_HEAD,
                                         fake.sent[j].len - DATAGRAM_HEAD),
                                &whole);
        }
        assert_int_equal(result, PARTS_WHOLE);
        r = reader_of(whole.at, whole.len);
        assert_int_equal(peer_decode(&back, &scratch, &r), 0);
        assert_int_equal(back.accept.slot, 9 + i);
        assert_true(value_equal(back.accept.value, m.accept.value));
    }
    free(bytes);
}

static void add_without_a_buffer_loses_the_message_alone(void **state)
{
    const struct message a = learn_of(1), b = learn_of(2);

    (void)state;
    fake.buffers_left = 0;
    outbox_add(&outbox, 0, &a);
    assert_int_equal(outbox.lost, 1);
    fake.buffers_left = 1;
    outbox_add(&outbox, 0, &b);
    outbox_flush(&outbox);
    assert_int_equal(fake.count, 1);
    assert_int_equal(sent_learns(0, 2), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(add_to_one_member_packs_one_datagram),
        TEST(add_to_group_is_one_datagram_to_the_group),
        TEST(add_to_group_by_unicast_is_a_copy_for_each_other),
        TEST(add_in_a_group_of_one_sends_nothing),
        TEST(add_to_several_ways_keeps_them_apart),
        TEST(add_beyond_the_mtu_takes_another_datagram),
        TEST(add_of_a_whole_datagram_is_not_cut),
        TEST(add_of_a_long_message_cuts_it_into_parts),
        TEST(add_without_a_buffer_loses_the_message_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

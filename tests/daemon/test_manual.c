/*
 * test_manual.c - man/paxoskv.7 against the code: each layout in the page is
 * found in bytes that the code writes, field by field.  The numbers and the
 * examples of the page are in test_manual_numbers.c.
 */
#include "support/manual.h"

#include "daemon/meta.h"
#include "kv/kv.h"
#include "wire/peer.h"
#include "wire/record.h"
#include "wire/request.h"
#include "wire/segment.h"
#include "wire/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAGE "man/paxoskv.7"

/* Numbers of which no byte is zero, and no two are alike. */
#define LONG(n)  (UINT64_C(0x1122334455667700) + (n))
#define INT(n)   (UINT32_C(0x12345600) + (n))
#define SHORT(n) (UINT16_C(0x1200) + (n))

static struct manual page;
static uint8_t bytes[1u << 16];

static int setup(void **state)
{
    (void)state;
    manual_load(&page, PAGE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    manual_free(&page);
    return 0;
}

static struct writer begin(void)
{
    memset(bytes, 0xee, sizeof bytes);
    return writer_of(bytes, sizeof bytes);
}

/* ---- datagrams ---------------------------------------------------------- */

static void datagram_head_is_as_the_page_says(void **state)
{
    static const struct datagram_head head = {
        .kind = DATAGRAM_PEER,
        .sender = 0x77,
        .part = 0x11,
        .parts = 0x22,
        .cluster = LONG(1),
        .incarnation = LONG(2),
        .nonce = LONG(3),
        .counter = LONG(4),
    };
    struct manual_table *t = manual_table(&page, "DATAGRAM HEAD");

    (void)state;
    begin();
    memcpy(bytes + DATAGRAM_HEAD, "body", 4);
    datagram_seal(bytes, DATAGRAM_HEAD + 4, &head);
    manual_is(t, bytes, "magic", DATAGRAM_MAGIC);
    manual_is(t, bytes, "version", DATAGRAM_VERSION);
    manual_is(t, bytes, "kind", head.kind);
    manual_is(t, bytes, "sender", head.sender);
    manual_is(t, bytes, "crc32c", load32(bytes + 8));
    manual_is(t, bytes, "part", head.part);
    manual_is(t, bytes, "parts", head.parts);
    manual_is(t, bytes, "cluster", head.cluster);
    manual_is(t, bytes, "incarnation", head.incarnation);
    manual_is(t, bytes, "nonce", head.nonce);
    manual_is(t, bytes, "counter", head.counter);
    manual_holds(t, bytes, "body", "body", 4);
    manual_done(t, bytes, DATAGRAM_HEAD);
}

/* ---- messages between members ------------------------------------------- */

/* Encode m; the page's table of it, whose head is checked already. */
static struct manual_table *message(struct message *m, const char *title)
{
    struct manual_table *t = manual_table(&page, "MESSAGE HEAD");
    struct writer w = begin();

    m->ballot = (struct ballot){ LONG(90), 0x91 };
    m->request = LONG(92);
    m->asker = LONG(93);
    peer_encode(m, &w);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_len(&w), peer_size(m));
    manual_is(t, bytes, "type", m->type);
    manual_is(t, bytes, "node", 0x91);
    manual_is(t, bytes, "len", peer_size(m) - PEER_HEAD);
    manual_is(t, bytes, "round", LONG(90));
    manual_is(t, bytes, "request", LONG(92));
    manual_is(t, bytes, "asker", LONG(93));
    return manual_table(&page, title);
}

static void message_head_has_count_and_body(void **state)
{
    static const struct range ranges[] = { { 3, 5 }, { LONG(1), LONG(2) } };
    struct message m = { .type = MESSAGE_ACCEPTED,
                         .count = 2,
                         .vote_seq = LONG(1),
                         .ranges = ranges };
    struct manual_table *t = message(&m, "MESSAGE HEAD");

    (void)state;
    manual_is(t, bytes, "count", 2);
    manual_holds(t, bytes, "body", bytes + PEER_HEAD, 8);
    manual_done(t, bytes, PEER_HEAD);
    t = manual_table(&page, "ACCEPTED");
    manual_is(t, bytes, "vote_seq", LONG(1));
    manual_holds(t, bytes, "ranges", (uint64_t[]){ 3, 5 }, 16);
    manual_done(t, bytes, peer_size(&m) - 2 * 16);
    t = manual_table(&page, "RANGE");
    manual_is(t, bytes + 40 + 16, "first", LONG(1));
    manual_is(t, bytes + 40 + 16, "last", LONG(2));
    manual_done(t, bytes + 40 + 16, (peer_size(&m) - 40) / 2);
}

static void heartbeat_is_as_the_page_says(void **state)
{
    struct message m = { .type = MESSAGE_HEARTBEAT,
                         .vote_seq = LONG(1),
                         .heartbeat = { .chosen_upto = LONG(2),
                                        .accepted_upto = LONG(3),
                                        .heard = 0x1a5,
                                        .flags = 0xb6,
                                        .priority = 0xc7,
                                        .leader = 0xd8,
                                        .ways = 1,
                                        .port = SHORT(0x45),
                                        .by_group = 0x1b4 } };
    struct manual_table *t = message(&m, "HEARTBEAT");

    (void)state;
    manual_is(t, bytes, "vote_seq", LONG(1));
    manual_is(t, bytes, "chosen_upto", LONG(2));
    manual_is(t, bytes, "accepted_upto", LONG(3));
    manual_is(t, bytes, "heard", 0x1a5);
    manual_is(t, bytes, "flags", 0xb6);
    manual_is(t, bytes, "priority", 0xc7);
    manual_is(t, bytes, "leader", 0xd8);
    manual_is(t, bytes, "ways", 1);
    manual_is(t, bytes, "port", SHORT(0x45));
    manual_is(t, bytes, "by_group", 0x1b4);
    manual_done(t, bytes, peer_size(&m));
}

static void messages_of_phase_1_are_as_the_page_says(void **state)
{
    static const struct run run = { LONG(4), INT(5), { LONG(6), 0x57 } };
    struct message m = { .type = MESSAGE_PREPARE, .prepare.from = LONG(1) };
    struct manual_table *t = message(&m, "PREPARE");

    (void)state;
    manual_is(t, bytes, "from", LONG(1));
    manual_done(t, bytes, peer_size(&m));

    m = (struct message){
        .type = MESSAGE_PROMISE,
        .vote_seq = LONG(1),
        .promise = { .log_start = LONG(2),
                     .chosen_upto = LONG(3),
                     .runs = &run,
                     .run_count = 1 },
    };
    t = message(&m, "PROMISE");
    manual_is(t, bytes, "vote_seq", LONG(1));
    manual_is(t, bytes, "log_start", LONG(2));
    manual_is(t, bytes, "chosen_upto", LONG(3));
    manual_holds(t, bytes, "runs", &(uint64_t){ LONG(4) }, 8);
    manual_done(t, bytes, peer_size(&m) - 24);
    manual_is(manual_table(&page, "MESSAGE HEAD"), bytes, "count", 1);

    t = manual_table(&page, "RUN");
    manual_is(t, bytes + 56, "first", LONG(4));
    manual_is(t, bytes + 56, "count", INT(5));
    manual_is(t, bytes + 56, "node", 0x57);
    manual_is(t, bytes + 56, "round", LONG(6));
    manual_done(t, bytes + 56, peer_size(&m) - 56);

    m = (struct message){
        .type = MESSAGE_NACK,
        .nack = { .refused = { LONG(7), 0x58 }, .claimed = { LONG(8), 0x59 } },
    };
    t = message(&m, "NACK");
    manual_holds(t, bytes, "refused", (uint64_t[]){ LONG(7), 0x58 }, 16);
    manual_holds(t, bytes, "claimed", (uint64_t[]){ LONG(8), 0x59 }, 16);
    manual_done(t, bytes, peer_size(&m));
    t = manual_table(&page, "BALLOT");
    manual_is(t, bytes + 32, "round", LONG(7));
    manual_is(t, bytes + 32, "node", 0x58);
    manual_done(t, bytes + 32, (peer_size(&m) - PEER_HEAD) / 2);
}

static void messages_with_values_are_as_the_page_says(void **state)
{
    static const char *const decided[] = { "CHOSEN", "VALUE" };
    uint8_t noop[VALUE_HEAD];
    struct value v = { .bytes = noop, .len = sizeof noop };
    struct message m = { .type = MESSAGE_ACCEPT,
                         .accept = { LONG(1), LONG(2), v } };
    struct manual_table *t;

    (void)state;
    value_seal(noop, sizeof noop, VALUE_NOOP, 0, LONG(3));
    t = message(&m, "ACCEPT");
    manual_is(t, bytes, "slot", LONG(1));
    manual_is(t, bytes, "learn_upto", LONG(2));
    manual_holds(t, bytes, "value", noop, sizeof noop);
    manual_done(t, bytes, PEER_ACCEPT_HEAD);

    for (int i = 0; i < 2; i++) {
        m = (struct message){
            .type = i == 0 ? MESSAGE_CHOSEN : MESSAGE_VALUE,
            .decided = { .slot = LONG(1), .value = v },
        };
        t = message(&m, decided[i]);
        manual_is(t, bytes, "slot", LONG(1));
        manual_holds(t, bytes, "value", noop, sizeof noop);
        manual_done(t, bytes, peer_size(&m) - sizeof noop);
    }
}

static void short_messages_are_as_the_page_says(void **state)
{
    struct message m = { .type = MESSAGE_LEARN, .learn.upto = LONG(1) };
    struct manual_table *t = message(&m, "LEARN");

    (void)state;
    manual_is(t, bytes, "upto", LONG(1));
    manual_done(t, bytes, peer_size(&m));

    m = (struct message){ .type = MESSAGE_WANT, .decided.slot = LONG(1) };
    t = message(&m, "WANT");
    manual_is(t, bytes, "slot", LONG(1));
    manual_done(t, bytes, peer_size(&m));

    m = (struct message){ .type = MESSAGE_CONFIRM, .confirm.nonce = LONG(1) };
    t = message(&m, "CONFIRM");
    manual_is(t, bytes, "nonce", LONG(1));
    manual_done(t, bytes, peer_size(&m));
    m.type = MESSAGE_CONFIRMED;
    message(&m, "CONFIRM");
    manual_is(t, bytes, "nonce", LONG(1));
    manual_done(t, bytes, peer_size(&m));
}

static void fetch_has_ranges_then_runs(void **state)
{
    static struct fetch f = { .range_count = 2, .held_count = 1 };
    struct message m = { .type = MESSAGE_FETCH, .fetch = &f };
    struct manual_table *t;

    (void)state;
    f.ranges[0] = (struct range){ 1, 2 };
    f.ranges[1] = (struct range){ 5, 6 };
    f.held[0] = (struct run){ 6, 1, { LONG(1), 0x51 } };
    t = message(&m, "FETCH");
    manual_holds(t, bytes, "lists", (uint64_t[]){ 1, 2, 5, 6, 6 }, 40);
    manual_done(t, bytes, peer_size(&m) - 2 * 16 - 24);
    manual_is(manual_table(&page, "MESSAGE HEAD"), bytes, "count", 2 + 256 * 1);
}

static void token_is_as_the_page_says(void **state)
{
    static const uint8_t types[] = { MESSAGE_TOKEN, MESSAGE_TOKEN_ACK,
                                     MESSAGE_NOMINATE, MESSAGE_REFUSE };
    struct message m = { .token = { .attempt = LONG(1),
                                    .round = LONG(2),
                                    .initiator = 0x73,
                                    .hop = 0x74,
                                    .visited = 0x105,
                                    .path_len = 3,
                                    .path = { 7, 8, 6 },
                                    .best = 0x76,
                                    .best_burden = 0x77,
                                    .best_links = 0x78,
                                    .best_priority = 0x79,
                                    .best_accepted = LONG(3) } };

    (void)state;
    for (uint32_t i = 0; i < sizeof types; i++) {
        struct manual_table *t;

        m.type = types[i];
        t = message(&m, "TOKEN");
        manual_is(t, bytes, "attempt", LONG(1));
        manual_is(t, bytes, "round", LONG(2));
        manual_is(t, bytes, "best_accepted", LONG(3));
        manual_is(t, bytes, "visited", 0x105);
        manual_is(t, bytes, "initiator", 0x73);
        manual_is(t, bytes, "hop", 0x74);
        manual_is(t, bytes, "best", 0x76);
        manual_is(t, bytes, "best_burden", 0x77);
        manual_is(t, bytes, "best_links", 0x78);
        manual_is(t, bytes, "best_priority", 0x79);
        manual_is(t, bytes, "path_len", 3);
        manual_holds(t, bytes, "path", "\7\10\6\0\0\0\0\0", MEMBERS_MAX);
        manual_done(t, bytes, peer_size(&m));
    }
}

static void hello_is_as_the_page_says(void **state)
{
    struct message m = { .type = MESSAGE_HELLO,
                         .vote_seq = LONG(1),
                         .hello = { .instance = LONG(2),
                                    .previous = LONG(3),
                                    .life = LONG(4),
                                    .nonce = LONG(5) } };
    struct manual_table *t = message(&m, "HELLO");

    (void)state;
    manual_is(t, bytes, "vote_seq", LONG(1));
    manual_is(t, bytes, "instance", LONG(2));
    manual_is(t, bytes, "previous", LONG(3));
    manual_is(t, bytes, "life", LONG(4));
    manual_is(t, bytes, "nonce", LONG(5));
    manual_done(t, bytes, peer_size(&m));

    m = (struct message){ .type = MESSAGE_HELLO_ANSWER,
                          .hello_answer = { LONG(6), LONG(7), 1, 3 } };
    t = message(&m, "HELLO_ANSWER");
    manual_is(t, bytes, "life", LONG(6));
    manual_is(t, bytes, "nonce", LONG(7));
    manual_is(t, bytes, "yes", 1);
    manual_is(t, bytes, "reason", 3);
    manual_done(t, bytes, peer_size(&m));
}

static void forward_is_as_the_page_says(void **state)
{
    static const char ip[17] = "ABCDEFGHIJKLMNOP";
    struct message m = { .type = MESSAGE_FORWARD,
                         .forward = { .client = { .family = 6,
                                                  .port = SHORT(0x34),
                                                  .scope = INT(0x78) },
                                      .cookie = LONG(1),
                                      .passed = 0x1b7,
                                      .hops = 2,
                                      .command = bytes_of("command", 7) } };
    struct manual_table *t;

    (void)state;
    memcpy(m.forward.client.ip, ip, 16);
    t = message(&m, "FORWARD");
    manual_is(t, bytes, "family", 6);
    manual_is(t, bytes, "hops", 2);
    manual_is(t, bytes, "port", SHORT(0x34));
    manual_is(t, bytes, "scope", INT(0x78));
    manual_holds(t, bytes, "ip", ip, 16);
    manual_is(t, bytes, "cookie", LONG(1));
    manual_is(t, bytes, "passed", 0x1b7);
    manual_holds(t, bytes, "command", "command", 7);
    manual_done(t, bytes, peer_size(&m) - 7);
}

static void leaving_is_as_the_page_says(void **state)
{
    struct message m = { .type = MESSAGE_LEAVING, .leaving = { LONG(1), 7 } };
    struct manual_table *t = message(&m, "LEAVING");

    (void)state;
    manual_is(t, bytes, "round", LONG(1));
    manual_is(t, bytes, "successor", 7);
    manual_done(t, bytes, peer_size(&m));
}

/* ---- values and commands ------------------------------------------------ */

static void value_is_as_the_page_says(void **state)
{
    struct manual_table *t = manual_table(&page, "VALUE HEAD");

    (void)state;
    begin();
    memcpy(bytes + VALUE_HEAD, "payload", 7);
    value_seal(bytes, VALUE_HEAD + 7, VALUE_COMMANDS, 0x1ff, LONG(1));
    manual_is(t, bytes, "crc32c", load32(bytes));
    manual_is(t, bytes, "kind", VALUE_COMMANDS);
    manual_is(t, bytes, "count", 0x1ff);
    manual_is(t, bytes, "leader_time_ns", LONG(1));
    manual_holds(t, bytes, "commands", "payload", 7);
    manual_done(t, bytes, VALUE_HEAD);
}

static void command_is_as_the_page_says(void **state)
{
    const struct command c = { .op = COMMAND_CAS,
                               .session = { LONG(1), SHORT(0x34) },
                               .seq = LONG(0x90),
                               .acked_upto = LONG(0x90) - 0x45,
                               .key = bytes_of("key", 3),
                               .expected = bytes_of("old", 3),
                               .value = bytes_of("newer", 5) };
    struct manual_table *t = manual_table(&page, "COMMAND HEAD");
    struct writer w = begin();

    (void)state;
    command_encode(&c, &w);
    assert_int_equal(writer_len(&w), command_size(&c));
    manual_is(t, bytes, "op", COMMAND_CAS);
    manual_is(t, bytes, "acked_delta", 0x45);
    manual_is(t, bytes, "session_index", SHORT(0x34));
    manual_is(t, bytes, "key_len", 3);
    manual_is(t, bytes, "expected_len", 3);
    manual_is(t, bytes, "value_len", 5);
    manual_is(t, bytes, "flags", 0);
    manual_is(t, bytes, "session_slot", LONG(1));
    manual_is(t, bytes, "seq", LONG(0x90));
    manual_holds(t, bytes, "operands", "keyoldnewer", 11);
    manual_done(t, bytes, COMMAND_HEAD);
}

static void *take(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void give(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

static void replies_to_open_and_list_are_as_the_page_says(void **state)
{
    const struct kv_allocator memory = { .alloc = take, .free = give };
    const struct kv_limits limits = { 1 << 20, UINT64_C(1) << 40, 4 };
    struct kv *kv = kv_new(&limits, &memory);
    struct manual_table *t = manual_table(&page, "OPENED");
    struct command c = { .op = COMMAND_OPEN,
                         .value = bytes_of("0123456789abcdef", 16) };
    struct kv_reply reply;

    (void)state;
    assert_non_null(kv);
    kv_begin_slot(kv, 1, 1, false);
    assert_int_equal(kv_execute(kv, SHORT(0x34), &c, &reply), 0);
    manual_is(t, reply.value.at, "slot", 1);
    manual_is(t, reply.value.at, "index", SHORT(0x34));
    manual_holds(t, reply.value.at, "nonce", "0123456789abcdef", 16);
    manual_done(t, reply.value.at, reply.value.len);

    c = (struct command){ .op = COMMAND_PUT,
                          .session = { 1, SHORT(0x34) },
                          .seq = 1,
                          .key = bytes_of("key", 3),
                          .value = bytes_of("value", 5) };
    assert_int_equal(kv_execute(kv, 0, &c, &reply), 0);
    c = (struct command){ .op = COMMAND_LIST,
                          .value = bytes_of("\377\377\0", 4) };
    kv_read(kv, &c, bytes, sizeof bytes, &reply);
    assert_int_equal(bytes[0], 0); /* no more follow */
    t = manual_table(&page, "PAIR");
    manual_is(t, bytes + 1, "key_len", 3);
    manual_is(t, bytes + 1, "value_len", 5);
    manual_is(t, bytes + 1, "version", 1);
    manual_holds(t, bytes + 1, "bytes", "keyvalue", 8);
    manual_done(t, bytes + 1, reply.value.len - 1 - 8);
    kv_destroy(kv);
}

/* ---- clients ------------------------------------------------------------ */

static void welcome_is_as_the_page_says(void **state)
{
    const struct welcome m = {
        .cookie = LONG(1),
        .token = LONG(2),
        .sender = 0x33,
        .leader = 0x44,
        .name = bytes_of("name", 4),
    };
    struct manual_table *t = manual_table(&page, "WELCOME");
    struct writer w = begin();

    (void)state;
    welcome_encode(&m, &w);
    manual_is(t, bytes, "cookie", LONG(1));
    manual_is(t, bytes, "token", LONG(2));
    manual_is(t, bytes, "sender", 0x33);
    manual_is(t, bytes, "leader", 0x44);
    manual_is(t, bytes, "name_len", 4);
    manual_holds(t, bytes, "name", "name", 4);
    manual_done(t, bytes, writer_len(&w) - 4);
}

static void reply_is_as_the_page_says(void **state)
{
    const struct reply_head h = { LONG(1), LONG(2), 0x33 };
    const struct reply_item i = { .seq = LONG(3),
                                  .slot = LONG(4),
                                  .op = COMMAND_PUT,
                                  .status = REPLY_MISMATCH,
                                  .value = bytes_of("value", 5) };
    struct manual_table *t = manual_table(&page, "REPLY");
    const uint8_t *item = bytes + REPLY_HEAD;
    struct writer w = begin();

    (void)state;
    reply_head_encode(&h, &w);
    assert_int_equal(writer_len(&w), REPLY_HEAD);
    reply_item_encode(&i, &w);
    manual_is(t, bytes, "cookie", LONG(1));
    manual_is(t, bytes, "token", LONG(2));
    manual_is(t, bytes, "leader", 0x33);
    manual_holds(t, bytes, "items", item, REPLY_ITEM_HEAD);
    manual_done(t, bytes, REPLY_HEAD);

    t = manual_table(&page, "REPLY ITEM");
    manual_is(t, item, "seq", LONG(3));
    manual_is(t, item, "slot", LONG(4));
    manual_is(t, item, "op", COMMAND_PUT);
    manual_is(t, item, "status", REPLY_MISMATCH);
    manual_is(t, item, "value_len", 5);
    manual_holds(t, item, "value", "value", 5);
    manual_done(t, item, REPLY_ITEM_HEAD);
}

/* What has no encoder of its own: begun by a cookie or a token. */
static void tokens_are_as_the_page_says(void **state)
{
    struct manual_table *request = manual_table(&page, "REQUEST");
    struct manual_table *ask = manual_table(&page, "STATUS_ASK");
    struct manual_table *status = manual_table(&page, "STATUS");
    struct manual_table *admin = manual_table(&page, "ADMIN_ASK");
    struct writer w = begin();

    (void)state;
    writer_u64(&w, LONG(1));
    writer_u64(&w, LONG(2));
    manual_is(request, bytes, "token", LONG(1));
    manual_holds(request, bytes, "commands", bytes + REQUEST_HEAD, 8);
    manual_done(request, bytes, REQUEST_HEAD);
    manual_is(ask, bytes, "token", LONG(1));
    manual_done(ask, bytes, REQUEST_HEAD);
    manual_is(admin, bytes, "token", LONG(1));
    manual_holds(admin, bytes, "text", bytes + REQUEST_HEAD, 8);
    manual_done(admin, bytes, REQUEST_HEAD);
    manual_is(status, bytes, "cookie", LONG(1));
    manual_is(status, bytes, "token", LONG(2));
    manual_holds(status, bytes, "report", bytes + 16, 8);
    manual_done(status, bytes, writer_len(&w));
}

static void admin_answer_is_as_the_page_says(void **state)
{
    const struct admin_answer a = { .cookie = LONG(1),
                                    .token = LONG(2),
                                    .status = ADMIN_REFUSED,
                                    .text = bytes_of("text", 4) };
    struct manual_table *t = manual_table(&page, "ADMIN");
    struct writer w = begin();

    (void)state;
    admin_answer_encode(&a, &w);
    manual_is(t, bytes, "cookie", LONG(1));
    manual_is(t, bytes, "token", LONG(2));
    manual_is(t, bytes, "status", ADMIN_REFUSED);
    manual_holds(t, bytes, "text", "text", 4);
    manual_done(t, bytes, writer_len(&w) - 4);
}

static void status_set_more(struct status *s)
{
    s->priority = 0x27;
    s->draining = 0x28;
    s->disk_age_us = LONG(11);
    s->noops_in_time = LONG(12);
    s->noop_p50_us = LONG(13);
    s->noop_max_us = LONG(14);
}

static void status_more_is(struct manual_table *t, const uint8_t *at)
{
    manual_is(t, at, "priority", 0x27);
    manual_is(t, at, "draining", 0x28);
    manual_is(t, at, "disk_age_us", LONG(11));
    manual_is(t, at, "noops_in_time", LONG(12));
    manual_is(t, at, "noop_p50_us", LONG(13));
    manual_is(t, at, "noop_max_us", LONG(14));
}

static void status_is_as_the_page_says(void **state)
{
    static struct status s = { .cluster = "demo",
                               .group = "g",
                               .reason = "why",
                               .member_count = 1,
                               .counter_count = COUNTER_COUNT,
                               .role_count = 0 };
    struct manual_table *t = manual_table(&page, "STATUS NUMBERS");
    const uint8_t *at = bytes + 5 + 2 + 4;
    struct writer w = begin();

    (void)state;
    s.id = 0x21;
    s.role = 0x22;
    s.leader = 0x23;
    s.confirmed = 0x24;
    s.sync = 0x25;
    s.io_ring = 0x26;
    s.ballot_round = LONG(1);
    s.ballot_node = 0x27;
    s.promised_round = LONG(2);
    s.promised_node = 0x28;
    s.chosen = LONG(3);
    s.executed = LONG(4);
    s.state_hash = LONG(5);
    s.keys = LONG(6);
    s.log_bytes = LONG(7);
    s.memory_bytes = LONG(8);
    s.uptime_s = LONG(9);
    s.wall_us = LONG(15);
    s.mtu = INT(10);
    status_set_more(&s);
    s.members[0] = (struct status_member){ 0x31, 1, "addr" };
    status_encode(&s, &w);
    assert_memory_equal(bytes, "\4demo\1g\3why", 11);
    manual_is(t, at, "id", 0x21);
    manual_is(t, at, "role", 0x22);
    manual_is(t, at, "leader", 0x23);
    manual_is(t, at, "confirmed", 0x24);
    manual_is(t, at, "sync", 0x25);
    manual_is(t, at, "io_ring", 0x26);
    manual_is(t, at, "ballot_round", LONG(1));
    manual_is(t, at, "ballot_node", 0x27);
    manual_is(t, at, "promised_round", LONG(2));
    manual_is(t, at, "promised_node", 0x28);
    manual_is(t, at, "chosen", LONG(3));
    manual_is(t, at, "executed", LONG(4));
    manual_is(t, at, "state_hash", LONG(5));
    manual_is(t, at, "keys", LONG(6));
    manual_is(t, at, "log_bytes", LONG(7));
    manual_is(t, at, "memory_bytes", LONG(8));
    manual_is(t, at, "uptime_s", LONG(9));
    manual_is(t, at, "wall_us", LONG(15));
    manual_is(t, at, "mtu", INT(10));
    status_more_is(t, at);
    manual_done(t, at, writer_len(&w) - 11 - 8 - 1 - 8 * COUNTER_COUNT - 6);
    assert_memory_equal(at + t->size, "\1\x31\1\4addr", 8);
    assert_int_equal(at[t->size + 8], COUNTER_COUNT);
}

static void role_is_as_the_page_says(void **state)
{
    static struct status s = { .id = 1, .role_count = 1 };
    struct manual_table *t = manual_table(&page, "STATUS ROLE");
    const uint8_t *at;
    struct writer w = begin();

    (void)state;
    s.roles[0] = (struct status_of_role){ 1,      INT(1), INT(2),
                                          INT(3), INT(4), INT(5) };
    s.drop_pct = 7;
    s.delay_ms = INT(6);
    status_encode(&s, &w);
    at = bytes + writer_len(&w) - 5 - t->size;
    assert_int_equal(at[-1], 1);
    manual_is(t, at, "up", 1);
    manual_is(t, at, "for_ms", INT(1));
    manual_is(t, at, "restarts", INT(2));
    manual_is(t, at, "restart_ms", INT(3));
    manual_is(t, at, "mttf_ms", INT(4));
    manual_is(t, at, "mttr_ms", INT(5));
    manual_done(t, at, 21);
    assert_int_equal(at[t->size], 7);
    assert_int_equal(load32(at + t->size + 1), INT(6));
}

/* ---- log and directory -------------------------------------------------- */

static void batch_and_record_are_as_the_page_says(void **state)
{
    static struct batch_head h = {
        .flags = SEGMENT_FLAG_LAST,
        .count = INT(1),
        .previous_crc = INT(2),
        .sequence = LONG(3),
        .instance = LONG(4),
        .segment = LONG(5),
        .offset = LONG(6),
        .incarnation = LONG(7),
        .durable_upto = LONG(2),
        .slot_low = LONG(8),
        .slot_high = LONG(9),
        .previous_low = LONG(10),
        .previous_high = LONG(11),
    };
    struct manual_table *t = manual_table(&page, "BATCH HEAD");
    const uint8_t *record = bytes + SEGMENT_HEAD;

    (void)state;
    begin();
    h.records_len = segment_put(bytes + SEGMENT_HEAD, 0x5a, LONG(1),
                                bytes_of("he", 2), bytes_of("ad", 2));
    h.len = segment_batch_len(h.records_len);
    segment_seal(bytes, &h);
    manual_is(t, bytes, "magic", SEGMENT_MAGIC);
    manual_is(t, bytes, "head_crc", h.head_crc);
    manual_is(t, bytes, "body_crc", load32(bytes + 8));
    manual_is(t, bytes, "version", SEGMENT_VERSION);
    manual_is(t, bytes, "flags", h.flags);
    manual_is(t, bytes, "len", h.len);
    manual_is(t, bytes, "records_len", h.records_len);
    manual_is(t, bytes, "count", h.count);
    manual_is(t, bytes, "previous_crc", h.previous_crc);
    manual_is(t, bytes, "sequence", h.sequence);
    manual_is(t, bytes, "instance", h.instance);
    manual_is(t, bytes, "segment", h.segment);
    manual_is(t, bytes, "offset", h.offset);
    manual_is(t, bytes, "incarnation", h.incarnation);
    manual_is(t, bytes, "durable_upto", h.durable_upto);
    manual_is(t, bytes, "slot_low", h.slot_low);
    manual_is(t, bytes, "slot_high", h.slot_high);
    manual_is(t, bytes, "previous_low", h.previous_low);
    manual_is(t, bytes, "previous_high", h.previous_high);
    manual_holds(t, bytes, "records", record, h.records_len);
    manual_done(t, bytes, SEGMENT_HEAD);

    t = manual_table(&page, "RECORD HEAD");
    manual_is(t, record, "len", 4);
    manual_is(t, record, "type", 0x5a);
    manual_is(t, record, "slot", LONG(1));
    manual_holds(t, record, "record", "head", 4);
    manual_done(t, record, SEGMENT_RECORD_HEAD);
}

/* Encode m behind its head, which is checked; what of it is not its value. */
static uint32_t record(struct message *m)
{
    struct manual_table *t = manual_table(&page, "RECORD");
    struct writer w = begin();

    m->ballot = (struct ballot){ LONG(90), 0x91 };
    m->vote_seq = LONG(92);
    record_encode(m, &w);
    assert_true(writer_ok(&w));
    manual_is(t, bytes, "round", LONG(90));
    manual_is(t, bytes, "node", 0x91);
    manual_is(t, bytes, "vote_seq", LONG(92));
    manual_done(t, bytes, RECORD_HEAD);
    writer_bytes(&w, record_value(m).at, record_value(m).len);
    return (uint32_t)writer_len(&w) - record_value(m).len;
}

static void records_are_as_the_page_says(void **state)
{
    uint8_t noop[VALUE_HEAD];
    const struct value v = { .bytes = noop, .len = sizeof noop };
    struct message m = { .type = RECORD_PROMISE };
    struct manual_table *t;
    uint32_t len;

    (void)state;
    value_seal(noop, sizeof noop, VALUE_NOOP, 0, LONG(3));
    assert_int_equal(record(&m), manual_table(&page, "RECORD")->size);
    m.type = RECORD_REFUSED;
    assert_int_equal(record(&m), manual_table(&page, "RECORD")->size);

    m = (struct message){ .type = RECORD_ACCEPT,
                          .accept = { LONG(1), LONG(2), v } };
    len = record(&m);
    t = manual_table(&page, "ACCEPT RECORD");
    manual_is(t, bytes, "learn_upto", LONG(2));
    manual_holds(t, bytes, "value", noop, sizeof noop);
    manual_done(t, bytes, len);

    m = (struct message){ .type = RECORD_CHOSEN, .decided = { LONG(1), v } };
    len = record(&m);
    t = manual_table(&page, "CHOSEN RECORD");
    assert_int_equal(t->rows[0].number, RECORD_HEAD); /* it begins by zeros */
    manual_holds(t, bytes, "value", noop, sizeof noop);
    manual_done(t, bytes, len);

    m = (struct message){ .type = RECORD_MARK, .mark = { LONG(1), LONG(2) } };
    len = record(&m);
    t = manual_table(&page, "MARK RECORD");
    manual_is(t, bytes, "first", LONG(1));
    manual_is(t, bytes, "upto", LONG(2));
    manual_done(t, bytes, len);
}

static void lives_are_as_the_page_says(void **state)
{
    struct message m = { .life = { .instance = LONG(1),
                                   .incarnation = LONG(2),
                                   .nonce = LONG(3),
                                   .heard_incarnation = LONG(4),
                                   .peer = 0x55 } };
    struct manual_table *t = manual_table(&page, "LIFE RECORD");

    (void)state;
    for (m.type = RECORD_LIFE; m.type <= RECORD_PEER; m.type++) {
        const uint32_t len = record(&m);

        manual_is(t, bytes, "instance", LONG(1));
        manual_is(t, bytes, "incarnation", LONG(2));
        manual_is(t, bytes, "nonce", LONG(3));
        manual_is(t, bytes, "heard_incarnation", LONG(4));
        manual_is(t, bytes, "peer", 0x55);
        manual_done(t, bytes, len);
    }
}

/* Write m into a directory of its own, and read the bytes of the file. */
static size_t meta_file(const struct meta *m)
{
    char dir[] = "/tmp/paxoskv-manual.XXXXXX";
    ssize_t len;
    int dir_fd;
    int fd;

    assert_non_null(mkdtemp(dir));
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_true(dir_fd >= 0);
    assert_int_equal(meta_write(dir_fd, m), 0);
    fd = openat(dir_fd, META_FILE, O_RDONLY);
    assert_true(fd >= 0);
    begin();
    len = read(fd, bytes, sizeof bytes);
    assert_true(len > 0);
    close(fd);
    unlinkat(dir_fd, META_FILE, 0);
    close(dir_fd);
    rmdir(dir);
    return (size_t)len;
}

static void meta_is_as_the_page_says(void **state)
{
    static const char rest[] = "\x71\x72\4\0name\5\0group\1\0a\2\0bb";
    const struct meta m = { .instance = LONG(1),
                            .hash = LONG(2),
                            .store_max = LONG(3),
                            .sessions_max = LONG(4),
                            .session_period_s = LONG(5),
                            .value_max = LONG(6),
                            .id = 0x71,
                            .count = 2,
                            .members = { { 0x71, "a" }, { 0x72, "bb" } },
                            .name = "name",
                            .group = "group" };
    struct manual_table *t = manual_table(&page, "META");
    const size_t len = meta_file(&m);

    (void)state;
    manual_is(t, bytes, "magic", 0x4d4b5850);
    manual_is(t, bytes, "crc32c", load32(bytes + 4));
    manual_is(t, bytes, "version", META_VERSION);
    manual_is(t, bytes, "len", len);
    manual_is(t, bytes, "instance", LONG(1));
    manual_is(t, bytes, "hash", LONG(2));
    manual_is(t, bytes, "store_max", LONG(3));
    manual_is(t, bytes, "sessions_max", LONG(4));
    manual_is(t, bytes, "session_period_s", LONG(5));
    manual_is(t, bytes, "value_max", LONG(6));
    manual_is(t, bytes, "id", 0x71);
    manual_is(t, bytes, "count", 2);
    manual_holds(t, bytes, "rest", rest, sizeof rest - 1);
    manual_done(t, bytes, len - (sizeof rest - 1));
}

static void every_layout_of_the_page_was_found(void **state)
{
    (void)state;
    manual_all_done(&page, MANUAL_FIELDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagram_head_is_as_the_page_says),
        cmocka_unit_test(message_head_has_count_and_body),
        cmocka_unit_test(heartbeat_is_as_the_page_says),
        cmocka_unit_test(messages_of_phase_1_are_as_the_page_says),
        cmocka_unit_test(messages_with_values_are_as_the_page_says),
        cmocka_unit_test(short_messages_are_as_the_page_says),
        cmocka_unit_test(fetch_has_ranges_then_runs),
        cmocka_unit_test(token_is_as_the_page_says),
        cmocka_unit_test(hello_is_as_the_page_says),
        cmocka_unit_test(forward_is_as_the_page_says),
        cmocka_unit_test(leaving_is_as_the_page_says),
        cmocka_unit_test(value_is_as_the_page_says),
        cmocka_unit_test(command_is_as_the_page_says),
        cmocka_unit_test(replies_to_open_and_list_are_as_the_page_says),
        cmocka_unit_test(welcome_is_as_the_page_says),
        cmocka_unit_test(reply_is_as_the_page_says),
        cmocka_unit_test(tokens_are_as_the_page_says),
        cmocka_unit_test(admin_answer_is_as_the_page_says),
        cmocka_unit_test(status_is_as_the_page_says),
        cmocka_unit_test(role_is_as_the_page_says),
        cmocka_unit_test(batch_and_record_are_as_the_page_says),
        cmocka_unit_test(records_are_as_the_page_says),
        cmocka_unit_test(lives_are_as_the_page_says),
        cmocka_unit_test(meta_is_as_the_page_says),
        cmocka_unit_test(every_layout_of_the_page_was_found),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

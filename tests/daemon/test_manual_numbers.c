/*
 * test_manual_numbers.c - man/paxoskv.7 against the code: its lists of types,
 * statuses and limits, its examples, and that every rule is there that
 * comments cite.
 */
#include "support/manual.h"

#include "config/config.h"
#include "kv/kv.h"
#include "paxos/acceptor.h"
#include "wire/parts.h"
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

#include <stdio.h>
#include <stdlib.h>

#define PAGE "man/paxoskv.7"

struct number {
    const char *name;
    uint64_t number;
};

static struct manual page;

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

/* The list has these entries, which end with an empty name, and no others. */
static void list_is(const char *title, const struct number *n)
{
    struct manual_table *t = manual_table(&page, title);

    for (; n->name; n++) manual_counts(t, n->name, n->number);
    manual_counted(t);
}

/* ---- lists -------------------------------------------------------------- */

static void kinds_and_types_are_those_of_the_page(void **state)
{
    static const struct number kinds[] = {
        { "PEER", DATAGRAM_PEER },       { "REQUEST", DATAGRAM_REQUEST },
        { "REPLY", DATAGRAM_REPLY },     { "KNOCK", DATAGRAM_KNOCK },
        { "WELCOME", DATAGRAM_WELCOME }, { "STATUS_ASK", DATAGRAM_STATUS_ASK },
        { "STATUS", DATAGRAM_STATUS },   { "ADMIN_ASK", DATAGRAM_ADMIN_ASK },
        { "ADMIN", DATAGRAM_ADMIN },     { NULL, 0 },
    };
    static const struct number types[] = {
        { "HEARTBEAT", MESSAGE_HEARTBEAT },
        { "PREPARE", MESSAGE_PREPARE },
        { "PROMISE", MESSAGE_PROMISE },
        { "NACK", MESSAGE_NACK },
        { "ACCEPT", MESSAGE_ACCEPT },
        { "ACCEPTED", MESSAGE_ACCEPTED },
        { "LEARN", MESSAGE_LEARN },
        { "FETCH", MESSAGE_FETCH },
        { "CHOSEN", MESSAGE_CHOSEN },
        { "WANT", MESSAGE_WANT },
        { "VALUE", MESSAGE_VALUE },
        { "CONFIRM", MESSAGE_CONFIRM },
        { "CONFIRMED", MESSAGE_CONFIRMED },
        { "TOKEN", MESSAGE_TOKEN },
        { "TOKEN_ACK", MESSAGE_TOKEN_ACK },
        { "NOMINATE", MESSAGE_NOMINATE },
        { "REFUSE", MESSAGE_REFUSE },
        { "HELLO", MESSAGE_HELLO },
        { "HELLO_ANSWER", MESSAGE_HELLO_ANSWER },
        { "FORWARD", MESSAGE_FORWARD },
        { "LEAVING", MESSAGE_LEAVING },
        { NULL, 0 },
    };
    static const struct number records[] = {
        { "PROMISE", RECORD_PROMISE },
        { "ACCEPT", RECORD_ACCEPT },
        { "CHOSEN", RECORD_CHOSEN },
        { "MARK", RECORD_MARK },
        { "LIFE", RECORD_LIFE },
        { "ADMITTED", RECORD_ADMITTED },
        { "PEER", RECORD_PEER },
        { "REFUSED", RECORD_REFUSED },
        { NULL, 0 },
    };

    (void)state;
    list_is("DATAGRAM KINDS", kinds);
    list_is("MESSAGE TYPES", types);
    list_is("RECORD TYPES", records);
}

static void flags_and_reasons_are_those_of_the_page(void **state)
{
    static const struct number flags[] = {
        { "CLAIM", HEARTBEAT_CLAIM },
        { "QC", HEARTBEAT_QC },
        { "HAPPY", HEARTBEAT_HAPPY },
        { "OK", HEARTBEAT_OK },
        { "ADMITTED", HEARTBEAT_ADMITTED },
        { "FULL", HEARTBEAT_FULL },
        { "DRAINING", HEARTBEAT_DRAINING },
        { "RESIGNED", HEARTBEAT_RESIGNED },
        { NULL, 0 },
    };
    static const struct number reasons[] = {
        { "INSTANCE", HELLO_INSTANCE },
        { "INCARNATION", HELLO_INCARNATION },
        { "VOTES", HELLO_VOTES },
        { "NONCE", HELLO_NONCE },
        { NULL, 0 },
    };

    (void)state;
    list_is("HEARTBEAT FLAGS", flags);
    list_is("HELLO REASONS", reasons);
}

static void commands_are_those_of_the_page(void **state)
{
    static const struct number kinds[] = {
        { "COMMANDS", VALUE_COMMANDS },
        { "NOOP", VALUE_NOOP },
        { "TAKEOVER", VALUE_TAKEOVER },
        { NULL, 0 },
    };
    static const struct number ops[] = {
        { "PUT", COMMAND_PUT },     { "DEL", COMMAND_DEL },
        { "CAS", COMMAND_CAS },     { "INCR", COMMAND_INCR },
        { "OPEN", COMMAND_OPEN },   { "CLOSE", COMMAND_CLOSE },
        { "FENCE", COMMAND_FENCE }, { "KEEPALIVE", COMMAND_KEEPALIVE },
        { "GET", COMMAND_GET },     { "LIST", COMMAND_LIST },
        { "PING", COMMAND_PING },   { NULL, 0 },
    };
    static const struct number flags[] = {
        { "ABSENT", COMMAND_ABSENT },
        { "KEYS", COMMAND_KEYS },
        { NULL, 0 },
    };

    (void)state;
    list_is("VALUE KINDS", kinds);
    list_is("COMMANDS", ops);
    list_is("COMMAND FLAGS", flags);
}

static void statuses_are_those_of_the_page(void **state)
{
    static const struct number statuses[] = {
        { "OK", REPLY_OK },
        { "NOTFOUND", REPLY_NOTFOUND },
        { "MISMATCH", REPLY_MISMATCH },
        { "BUSY", REPLY_BUSY },
        { "FULL", REPLY_FULL },
        { "EXPIRED", REPLY_EXPIRED },
        { "STALE", REPLY_STALE },
        { "VOID", REPLY_VOID },
        { "NOT_NUMBER", REPLY_NOT_NUMBER },
        { "OVERFLOW", REPLY_OVERFLOW },
        { "WINDOW", REPLY_WINDOW },
        { "UNAVAILABLE", REPLY_UNAVAILABLE },
        { "BAD", REPLY_BAD },
        { NULL, 0 },
    };
    static const struct number roles[] = {
        { "FOLLOWER", ROLE_FOLLOWER },
        { "CANDIDATE", ROLE_CANDIDATE },
        { "LEADER", ROLE_LEADER },
        { "PROVISIONAL", ROLE_PROVISIONAL },
        { NULL, 0 },
    };
    struct manual_table *counters = manual_table(&page, "COUNTERS");

    (void)state;
    list_is("STATUSES", statuses);
    list_is("ROLES", roles);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        manual_counts(counters, status_counter_name(i), i);
    manual_counted(counters);
}

static void limits_are_those_of_the_page(void **state)
{
    static const struct number limits[] = {
        { "members", MEMBERS_MAX },
        { "parts of a message", DATAGRAM_PARTS_MAX },
        { "bytes of a message in parts", PARTS_BODY_MAX },
        { "bytes of a datagram", DATAGRAM_MAX },
        { "bytes of a message, head included", PEER_MESSAGE_MAX },
        { "bytes of a value", VALUE_BYTES_MAX },
        { "commands in a value", VALUE_COMMANDS_MAX },
        { "bytes of a key", COMMAND_KEY_MAX },
        { "bytes of operands", COMMAND_BYTES_MAX },
        { "requests of a session under way", SESSION_WINDOW },
        { "runs in a PROMISE", MESSAGE_RUNS_MAX },
        { "ranges in an ACCEPTED", RANGES_MAX },
        { "ranges or runs in a FETCH", FETCH_RANGES_MAX },
        { "slots of a range", PEER_RANGE_MAX },
        { "slots of votes from the first one not executed on",
          ACCEPTOR_WINDOW },
        { "hops of a FORWARD", PEER_HOPS_MAX },
        { "bytes counted for a pair besides key and value", KV_PAIR_COST },
        { "bytes of a block of the log", SEGMENT_BLOCK },
        { "bytes of a KNOCK", KNOCK_SIZE },
        { NULL, 0 },
    };

    (void)state;
    list_is("LIMITS", limits);
}

/* ---- examples ----------------------------------------------------------- */

static struct config demo(void)
{
    struct config c;

    config_defaults(&c);
    strcpy(c.name, "demo");
    for (uint8_t i = 0; i < 3; i++) {
        c.members[i].id = (uint8_t)(i + 1);
        c.members[i].port = (uint16_t)(7401 + i);
        strcpy(c.members[i].host, "127.0.0.1");
    }
    c.member_count = 3;
    return c;
}

static const struct command example_put = {
    .op = COMMAND_PUT,
    .session = { .slot = 2, .index = 0 },
    .seq = 5,
    .acked_upto = 2,
    .key = { (const uint8_t *)"greeting", 8 },
    .value = { (const uint8_t *)"hello", 5 },
};

static void put_and_value_are_those_of_the_page(void **state)
{
    uint8_t value[VALUE_HEAD + COMMAND_HEAD + 13];
    struct writer w = writer_of(value + VALUE_HEAD, sizeof value - VALUE_HEAD);

    (void)state;
    command_encode(&example_put, &w);
    assert_int_equal(writer_left(&w), 0);
    value_seal(value, sizeof value, VALUE_COMMANDS, 1, 2000000000);
    manual_shows(manual_table(&page, "EXAMPLE PUT"), value + VALUE_HEAD,
                 sizeof value - VALUE_HEAD);
    manual_shows(manual_table(&page, "EXAMPLE VALUE"), value, sizeof value);
}

static void datagram_is_that_of_the_page(void **state)
{
    const struct message m = { .type = MESSAGE_LEARN,
                               .ballot = { 3, 2 },
                               .learn.upto = 7 };
    const struct config c = demo();
    const struct datagram_head head = {
        .kind = DATAGRAM_PEER,
        .sender = 2,
        .parts = 1,
        .cluster = config_hash(&c),
        .incarnation = 1,
        .nonce = 0x1122334455667788u,
        .counter = 9,
    };
    uint8_t d[DATAGRAM_HEAD + PEER_HEAD + 8];
    struct writer w = writer_of(d + DATAGRAM_HEAD, sizeof d - DATAGRAM_HEAD);

    (void)state;
    peer_encode(&m, &w);
    assert_int_equal(writer_left(&w), 0);
    datagram_seal(d, sizeof d, &head);
    manual_shows(manual_table(&page, "EXAMPLE DATAGRAM"), d, sizeof d);
}

static void batch_is_that_of_the_page(void **state)
{
    const struct message m = { .type = RECORD_PROMISE,
                               .ballot = { 3, 2 },
                               .vote_seq = 1 };
    struct batch_head h = { .count = 1,
                            .sequence = 1,
                            .instance = 0x0102030405060708u,
                            .segment = 1,
                            .incarnation = 1 };
    static uint8_t batch[SEGMENT_BLOCK];
    uint8_t bytes[RECORD_HEAD_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);

    (void)state;
    record_encode(&m, &w);
    h.records_len = segment_put(batch + SEGMENT_HEAD, m.type, record_slot(&m),
                                bytes_of(bytes, (uint32_t)writer_len(&w)),
                                record_value(&m));
    h.len = segment_batch_len(h.records_len);
    assert_int_equal(h.len, SEGMENT_BLOCK);
    segment_seal(batch, &h);
    manual_shows(manual_table(&page, "EXAMPLE BATCH"), batch,
                 SEGMENT_HEAD + h.records_len);
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

/* Execute what the page says of slots 1 to 4; hashes gets the states' own. */
static void run_states(struct kv *kv, struct number *hashes)
{
    uint8_t nonce[COMMAND_NONCE];
    const struct command open = { .op = COMMAND_OPEN,
                                  .value = { nonce, COMMAND_NONCE } };
    const struct command alive = { .op = COMMAND_KEEPALIVE,
                                   .session = { .slot = 2 } };
    struct command cas = example_put;
    struct kv_reply reply;

    for (uint8_t i = 0; i < COMMAND_NONCE; i++) nonce[i] = i;
    cas.op = COMMAND_CAS;
    cas.seq = 9;
    cas.expected = bytes_of("hallo", 5);
    cas.value = bytes_of("hi", 2);

    hashes[0].number = kv_state_hash(kv);
    kv_begin_slot(kv, 1, 0, true);
    kv_begin_slot(kv, 2, 1000000000, false);
    assert_int_equal(kv_execute(kv, 0, &open, &reply), 0);
    assert_int_equal(reply.status, REPLY_OK);
    hashes[1].number = kv_state_hash(kv);
    kv_begin_slot(kv, 3, 2000000000, false);
    assert_int_equal(kv_execute(kv, 0, &example_put, &reply), 0);
    assert_int_equal(reply.status, REPLY_OK);
    hashes[2].number = kv_state_hash(kv);
    kv_begin_slot(kv, 4, 3000000000, false);
    assert_int_equal(kv_execute(kv, 0, &alive, &reply), 0);
    assert_int_equal(kv_execute(kv, 1, &cas, &reply), 0);
    assert_int_equal(reply.status, REPLY_MISMATCH);
    hashes[3].number = kv_state_hash(kv);
}

static void hashes_are_those_of_the_page(void **state)
{
    const struct kv_allocator memory = { .alloc = take, .free = give };
    const struct kv_limits limits = { 1 << 20, UINT64_C(60000000000), 4096 };
    struct kv *kv = kv_new(&limits, &memory);
    const struct config c = demo();
    struct number hashes[] = {
        { "demo", config_hash(&c) },
        { "state 0", 0 },
        { "state 2", 0 },
        { "state 3", 0 },
        { "state 4", 0 },
        { NULL, 0 },
    };

    (void)state;
    assert_non_null(kv);
    run_states(kv, hashes + 1);
    kv_destroy(kv);
    list_is("HASHES", hashes);
}

/* ---- rules -------------------------------------------------------------- */

static void rules_are_all_in_the_page_once(void **state)
{
    static const struct {
        char letter;
        int last;
    } kinds[] = { { 'P', 33 }, { 'M', 3 }, { 'E', 11 }, { 'S', 4 } };
    char mark[24];

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (int i = 1; i <= kinds[k].last; i++) {
            const char *at;

            snprintf(mark, sizeof mark, "\n.It %c%d\n", kinds[k].letter, i);
            at = strstr(page.text, mark);
            if (!at) fail_msg("the page has no rule %s", mark + 5);
            if (strstr(at + 1, mark)) fail_msg("two rules are %s", mark + 5);
        }
    }
    assert_non_null(strstr(page.text, "\n.It P14a\n"));
    assert_non_null(strstr(page.text, "\n.It M2a\n"));
}

static void every_list_of_the_page_was_counted(void **state)
{
    (void)state;
    manual_all_done(&page, MANUAL_NUMBERS);
    manual_all_done(&page, MANUAL_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_types_are_those_of_the_page),
        cmocka_unit_test(flags_and_reasons_are_those_of_the_page),
        cmocka_unit_test(commands_are_those_of_the_page),
        cmocka_unit_test(statuses_are_those_of_the_page),
        cmocka_unit_test(limits_are_those_of_the_page),
        cmocka_unit_test(put_and_value_are_those_of_the_page),
        cmocka_unit_test(datagram_is_that_of_the_page),
        cmocka_unit_test(batch_is_that_of_the_page),
        cmocka_unit_test(hashes_are_those_of_the_page),
        cmocka_unit_test(rules_are_all_in_the_page_once),
        cmocka_unit_test(every_list_of_the_page_was_counted),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

/* test_words.c - what members say, in words. */
#include "sim/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t ids[MEMBERS_MAX] = { 2, 5, 7, 8 };

static const char *words_of(struct words *w, const struct message *m)
{
    *w = (struct words){ .ids = ids };
    words_message(w, m);
    return w->text;
}

/* The bytes of a value of one command. */
static struct value value_with(uint8_t *bytes, uint32_t size,
                               const struct command *c)
{
    struct writer w = writer_of(bytes + VALUE_HEAD, size - VALUE_HEAD);
    const uint32_t len = VALUE_HEAD + command_size(c);

    command_encode(c, &w);
    assert_true(writer_ok(&w));
    value_seal(bytes, len, VALUE_COMMANDS, 1, 0);
    return (struct value){ .bytes = bytes, .len = len };
}

static void message_accept_tells_slot_and_commands(void **state)
{
    const struct command put = { .op = COMMAND_PUT,
                                 .seq = 1,
                                 .key = bytes_of("k", 1),
                                 .value = bytes_of("v", 1) };
    struct message m = { .type = MESSAGE_ACCEPT, .ballot = { 3, 5 } };
    uint8_t bytes[200];
    struct words w;

    (void)state;
    m.accept.slot = 12;
    m.accept.value = value_with(bytes, sizeof bytes, &put);
    assert_string_equal(words_of(&w, &m), "Accept 3.5 slot 12: put k=v");
    m.accept.learn_upto = 11;
    assert_string_equal(words_of(&w, &m),
                        "Accept 3.5 slot 12: put k=v; chosen up to 11");
}

static void message_promise_tells_what_was_accepted(void **state)
{
    const struct run runs[] = { { 4, 3, { 1, 2 } }, { 9, 1, { 2, 7 } } };
    struct message m = { .type = MESSAGE_PROMISE, .ballot = { 3, 5 } };
    struct words w;

    (void)state;
    m.promise.chosen_upto = 3;
    assert_string_equal(words_of(&w, &m),
                        "Promise 3.5 chosen up to 3, accepted nothing");
    m.promise.runs = runs;
    m.promise.run_count = 2;
    assert_string_equal(words_of(&w, &m),
                        "Promise 3.5 chosen up to 3, accepted 4..6@1.2 9@2.7");
}

static void message_token_names_members_by_id(void **state)
{
    struct message m = { .type = MESSAGE_TOKEN };
    struct words w;

    (void)state;
    m.token = (struct token){ .attempt = (1u << 20) + 6,
                              .initiator = 1,
                              .round = 4,
                              .visited = 6,
                              .best = 3 };
    assert_string_equal(words_of(&w, &m),
                        "Token 5/6 round 4, visited {5 7}, best 8");
}

static void message_unknown_has_a_name(void **state)
{
    const struct message m = { .type = 200 };
    struct words w;

    (void)state;
    assert_string_equal(words_of(&w, &m), "?");
    assert_null(words_rule(200));
    assert_string_equal(words_rule(MESSAGE_ACCEPTED), "P10");
}

/* Every message and record that there is has words and a rule. */
static void message_every_type_has_words(void **state)
{
    (void)state;
    for (uint8_t type = MESSAGE_HEARTBEAT; type <= RECORD_REFUSED; type++) {
        if (type > MESSAGE_LEAVING && type < RECORD_PROMISE) continue;
        assert_non_null(words_rule(type));
    }
}

static void add_beyond_the_end_is_cut_off(void **state)
{
    struct words w = { .ids = ids };

    (void)state;
    for (int i = 0; i < 100; i++) words_add(&w, "0123456789");
    assert_int_equal(strlen(w.text), WORDS_MAX - 1);
    assert_int_equal(w.len, WORDS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_accept_tells_slot_and_commands),
        cmocka_unit_test(message_promise_tells_what_was_accepted),
        cmocka_unit_test(message_token_names_members_by_id),
        cmocka_unit_test(message_unknown_has_a_name),
        cmocka_unit_test(message_every_type_has_words),
        cmocka_unit_test(add_beyond_the_end_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

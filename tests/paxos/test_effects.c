/*
 * test_effects.c - the list of effects: each one zeroed, in order.
 */
#include "paxos/effects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct effect list[EFFECTS_MAX];
static struct effects out;

static int setup(void **state)
{
    (void)state;
    memset(list, 0xee, sizeof list); /* what the last step left */
    out = (struct effects){ .list = list };
    return 0;
}

static void send_gives_a_zeroed_message(void **state)
{
    const struct message zero = { 0 };
    struct message *m = effects_send(&out, 3, MESSAGE_LEARN);

    (void)state;
    assert_int_equal(out.count, 1);
    assert_int_equal(list[0].type, EFFECT_SEND);
    assert_int_equal(list[0].to, 3);
    assert_ptr_equal(m, &list[0].message);
    assert_int_equal(m->type, MESSAGE_LEARN);
    m->type = 0;
    assert_memory_equal(m, &zero, sizeof zero);
}

static void effects_stand_in_the_order_of_their_making(void **state)
{
    struct reply *r;

    (void)state;
    effects_send(&out, TO_GROUP, MESSAGE_HEARTBEAT);
    r = effects_reply(&out);
    effects_note(&out, NOTE_LEADING, 2, (struct ballot){ 5, 3 }, 77);
    effects_fatal(&out, 70, 9, "text");

    assert_int_equal(out.count, 4);
    assert_int_equal(list[0].to, TO_GROUP);
    assert_int_equal(list[1].type, EFFECT_REPLY);
    assert_ptr_equal(r, &list[1].reply);
    assert_int_equal(r->slot, 0);
    assert_int_equal(list[2].type, EFFECT_NOTE);
    assert_int_equal(list[2].note.type, NOTE_LEADING);
    assert_int_equal(list[2].note.node, 2);
    assert_int_equal(list[2].note.ballot.round, 5);
    assert_int_equal(list[2].note.number, 77);
    assert_int_equal(list[3].type, EFFECT_FATAL);
    assert_int_equal(list[3].fatal.status, 70);
    assert_int_equal(list[3].fatal.slot, 9);
    assert_string_equal(list[3].fatal.text, "text");
}

static void room_falls_to_zero(void **state)
{
    (void)state;
    for (uint32_t left = EFFECTS_MAX; left > 0; left--) {
        assert_int_equal(effects_room(&out), left);
        effects_reply(&out);
    }
    assert_int_equal(effects_room(&out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(send_gives_a_zeroed_message, setup),
        cmocka_unit_test_setup(effects_stand_in_the_order_of_their_making,
                               setup),
        cmocka_unit_test_setup(room_falls_to_zero, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

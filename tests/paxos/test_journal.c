/* test_journal.c - src/paxos/journal.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/paxos_kit.h"

static void persist_numbers_records_in_order(void **state)
{
    struct kit k;
    struct message *r;

    (void)state;
    kit_init(&k, 1, 0, 12, 0);
    memset(k.out.list, 0xee, 2 * sizeof *k.out.list); /* an older step */
    r = journal_persist(&k.journal, &k.out, RECORD_PROMISE);
    assert_int_equal(r->type, RECORD_PROMISE);
    assert_int_equal(r->vote_seq, 0);
    journal_persist(&k.journal, &k.out, RECORD_MARK);
    assert_int_equal(k.out.count, 2);
    assert_int_equal(k.out.list[0].type, EFFECT_PERSIST);
    assert_int_equal(k.out.list[0].seq, 1);
    assert_int_equal(k.out.list[1].seq, 2);
    assert_int_equal(k.journal.last, 2);
    /* Numbers go on in the next step. */
    kit_clear(&k);
    journal_persist(&k.journal, &k.out, RECORD_MARK);
    assert_int_equal(k.out.list[0].seq, 3);
    kit_free(&k);
}

static void record_is_durable_up_to_the_number_told(void **state)
{
    const struct journal j = { .last = 7, .durable = 5 };

    (void)state;
    assert_true(journal_is_durable(&j, 0));
    assert_true(journal_is_durable(&j, 5));
    assert_false(journal_is_durable(&j, 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(persist_numbers_records_in_order),
        cmocka_unit_test(record_is_durable_up_to_the_number_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

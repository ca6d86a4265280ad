/* test_acceptor.c - src/paxos/acceptor.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "paxos/acceptor.h"
#include "support/paxos_kit.h"

#define ORDER 20u

struct fixture {
    struct kit k;
    struct acceptor a;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    kit_init(&f->k, 5, 0, ORDER, acceptor_size());
    assert_int_equal(acceptor_init(&f->a, &f->k.group, &f->k.journal,
                                   &f->k.pool, &f->k.arena),
                     0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kit_free(&f->k);
    free(f);
    return 0;
}

static enum accept_result accept(struct fixture *f, uint64_t round,
                                 uint8_t index, uint64_t slot, const char *text)
{
    const struct message m = kit_accept(round, index, slot, text);

    kit_clear(&f->k);
    return acceptor_on_accept(&f->a, &m, &f->k.out);
}

static void prepare(struct fixture *f, uint64_t round, uint8_t index,
                    uint64_t from)
{
    const struct message m = kit_prepare(round, index, from);

    kit_clear(&f->k);
    acceptor_on_prepare(&f->a, &m, &f->k.out);
}

static void durable(struct fixture *f)
{
    kit_clear(&f->k);
    kit_sync(&f->k);
    acceptor_on_durable(&f->a, &f->k.out);
}

static void flush(struct fixture *f)
{
    kit_clear(&f->k);
    acceptor_on_flush(&f->a, &f->k.out);
}

/* ---- accepts ---- */

/* Pitfall 1: an Accept raises the promise (P10). */
static void accept_above_promise_votes_and_promises(void **state)
{
    struct fixture *f = *state;
    const struct vote *v;

    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_VOTED);
    assert_ballot(f->a.promised, 5, 1);
    v = acceptor_vote(&f->a, 1);
    assert_non_null(v);
    assert_ballot(v->ballot, 5, 1);
    assert_value(value_of(v->blob), "a");
    assert_int_equal(kit_persisted(&f->k, RECORD_ACCEPT), 1);
    assert_value(kit_record(&f->k, RECORD_ACCEPT, 0)->accept.value, "a");
    /* And so an older leader is refused from now on. */
    assert_int_equal(accept(f, 4, 2, 2, "b"), ACCEPT_REFUSED);
}

static void accept_at_promise_votes(void **state)
{
    struct fixture *f = *state;

    prepare(f, 5, 1, 1);
    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_VOTED);
}

static void accept_below_promise_sends_nack_and_stores_nothing(void **state)
{
    struct fixture *f = *state;
    const struct message *m;
    uint8_t to;

    prepare(f, 5, 2, 1);
    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_REFUSED);
    m = kit_send(&f->k, MESSAGE_NACK, 0, &to);
    assert_int_equal(to, 1);
    assert_ballot(m->ballot, 5, 2);
    assert_ballot(m->nack.refused, 5, 1);
    assert_int_equal(m->asker, 7);
    assert_int_equal(f->k.out.count, 1);
    assert_null(acceptor_vote(&f->a, 1));
}

/* Pitfall 4: no Accepted before its record is durable. */
static void accept_is_answered_when_durable(void **state)
{
    struct fixture *f = *state;
    const struct message *m;
    uint8_t to;

    accept(f, 5, 1, 1, "a");
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 0);
    flush(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 0);
    durable(f);
    m = kit_send(&f->k, MESSAGE_ACCEPTED, 0, &to);
    assert_int_equal(to, 1);
    assert_ballot(m->ballot, 5, 1);
    assert_int_equal(m->asker, 7);
    assert_int_equal(m->vote_seq, 1);
    assert_int_equal(m->count, 1);
    assert_int_equal(m->ranges[0].first, 1);
    assert_int_equal(m->ranges[0].last, 1);
}

/* Pitfall 4: nor to a duplicate. */
static void accept_doubled_is_answered_when_durable(void **state)
{
    struct fixture *f = *state;

    accept(f, 5, 1, 1, "a");
    flush(f);
    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_VOTED);
    assert_int_equal(kit_persisted(&f->k, RECORD_ACCEPT), 0);
    flush(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 0);
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 1);
}

/* The answer was lost and nothing new is written: nobody may wait for ever. */
static void accept_doubled_after_durable_is_answered_at_flush(void **state)
{
    struct fixture *f = *state;

    accept(f, 5, 1, 1, "a");
    durable(f);
    accept(f, 5, 1, 1, "a");
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 0);
    flush(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 1);
    flush(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 0);
}

static void accept_with_other_value_at_same_ballot_is_conflict(void **state)
{
    struct fixture *f = *state;

    accept(f, 5, 1, 1, "a");
    assert_int_equal(accept(f, 5, 1, 1, "b"), ACCEPT_CONFLICT);
    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_VOTED);
    assert_int_equal(accept(f, 6, 1, 1, "b"), ACCEPT_VOTED);
    assert_value(value_of(acceptor_vote(&f->a, 1)->blob), "b");
}

static void accept_beyond_window_is_dropped(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(accept(f, 5, 1, ACCEPTOR_WINDOW + 1, "a"), ACCEPT_DROPPED);
    assert_int_equal(f->k.out.count, 0);
    assert_true(ballot_is_none(f->a.promised));
    assert_int_equal(accept(f, 5, 1, UINT64_C(1) << 62, "a"), ACCEPT_DROPPED);
    assert_int_equal(accept(f, 5, 1, ACCEPTOR_WINDOW, "a"), ACCEPT_VOTED);
}

/* Pitfall 28: a dry pool leaves no half of a vote behind. */
static void accept_when_pool_is_dry_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct blob *hog = kit_room(&f->k, (3u << (ORDER - 2)) - 4096u);

    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_DROPPED);
    assert_int_equal(f->k.out.count, 0);
    assert_true(ballot_is_none(f->a.promised));
    assert_int_equal(f->k.journal.last, 0);
    blob_unref(&f->k.pool, hog);
    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_VOTED);
}

/* A quarter of the pool is for what is chosen: it must always find room, or
 * votes that wait for a slot before them could block it for ever. */
static void accept_leaves_a_quarter_of_the_pool(void **state)
{
    struct fixture *f = *state;
    struct blob *shared = kit_blob(&f->k, "a");
    struct blob *half = kit_room(&f->k, (1u << (ORDER - 1)) - 64);
    struct blob *quarter = kit_room(&f->k, (1u << (ORDER - 2)) - 64);
    struct message m = kit_accept(5, 0, 2, "a");

    assert_int_equal(accept(f, 5, 0, 1, "a"), ACCEPT_DROPPED);
    assert_int_equal(f->k.journal.last, 0);
    m.accept.value = value_of(shared); /* the own one takes no more room */
    assert_int_equal(acceptor_on_accept(&f->a, &m, &f->k.out), ACCEPT_VOTED);
    blob_unref(&f->k.pool, quarter);
    assert_int_equal(accept(f, 5, 0, 1, "a"), ACCEPT_VOTED);
    blob_unref(&f->k.pool, half);
}

/* Pitfall 28: the same where no more answers can be held. */
static void accept_when_answers_held_are_full_changes_nothing(void **state)
{
    struct fixture *f = *state;

    for (uint64_t i = 0; i < ACCEPTOR_HELD_MAX; i++) {
        assert_int_equal(accept(f, 5, 1, 1 + (i % 2) * 2, "a"), ACCEPT_VOTED);
    }
    assert_int_equal(accept(f, 6, 1, 5, "a"), ACCEPT_DROPPED);
    assert_ballot(f->a.promised, 5, 1);
    durable(f);
    assert_int_equal(accept(f, 6, 1, 5, "a"), ACCEPT_VOTED);
}

/* The leader's own value is shared, not copied. */
static void accept_of_blob_shares_it(void **state)
{
    struct fixture *f = *state;
    struct blob *b = kit_blob(&f->k, "a");
    struct message m = kit_accept(5, 0, 1, "a");

    m.accept.value = value_of(b);
    assert_int_equal(acceptor_on_accept(&f->a, &m, &f->k.out), ACCEPT_VOTED);
    assert_ptr_equal(acceptor_vote(&f->a, 1)->blob, b);
    assert_int_equal(b->refs, 2);
}

/* Pitfall 35: a slot long chosen is answered, though nothing is stored. */
static void accept_below_base_votes_without_record(void **state)
{
    struct fixture *f = *state;

    accept(f, 5, 1, 1, "a");
    durable(f);
    acceptor_advance(&f->a, 2, 1);
    assert_int_equal(accept(f, 5, 1, 1, "a"), ACCEPT_VOTED);
    assert_int_equal(f->k.out.count, 0);
    flush(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 1);
}

static void accept_below_base_by_higher_ballot_promises_first(void **state)
{
    struct fixture *f = *state;

    acceptor_advance(&f->a, 2, 1);
    assert_int_equal(accept(f, 6, 1, 1, "a"), ACCEPT_VOTED);
    assert_int_equal(kit_persisted(&f->k, RECORD_PROMISE), 1);
    assert_ballot(f->a.promised, 6, 1);
    flush(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 0);
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 1);
}

/* The promise is tested first (P10), also for a slot that is done with. */
static void accept_below_base_and_promise_sends_nack(void **state)
{
    struct fixture *f = *state;

    prepare(f, 9, 2, 1);
    acceptor_advance(&f->a, 2, 1);
    assert_int_equal(accept(f, 6, 1, 1, "a"), ACCEPT_REFUSED);
    assert_int_equal(kit_sent(&f->k, MESSAGE_NACK), 1);
}

/* ---- answers ---- */

static void votes_of_a_turn_are_told_in_one_range(void **state)
{
    struct fixture *f = *state;
    const struct message *m;

    for (uint64_t s = 1; s <= 10; s++) accept(f, 5, 1, s, "a");
    accept(f, 5, 1, 12, "a");
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 1);
    m = kit_send(&f->k, MESSAGE_ACCEPTED, 0, NULL);
    assert_int_equal(m->count, 2);
    assert_int_equal(m->ranges[0].first, 1);
    assert_int_equal(m->ranges[0].last, 10);
    assert_int_equal(m->ranges[1].first, 12);
    assert_int_equal(m->vote_seq, 11);
}

/* What is durable is told, what is not yet is kept back. */
static void votes_of_a_later_turn_are_kept_back(void **state)
{
    struct fixture *f = *state;
    const struct message *m;

    accept(f, 5, 1, 1, "a");
    flush(f);
    accept(f, 5, 1, 2, "b");
    kit_clear(&f->k);
    f->k.journal.durable = 1;
    acceptor_on_durable(&f->a, &f->k.out);
    m = kit_send(&f->k, MESSAGE_ACCEPTED, 0, NULL);
    assert_int_equal(m->count, 1);
    assert_int_equal(m->ranges[0].last, 1);
    assert_int_equal(m->vote_seq, 1);
    durable(f);
    m = kit_send(&f->k, MESSAGE_ACCEPTED, 0, NULL);
    assert_int_equal(m->ranges[0].first, 2);
    assert_int_equal(m->vote_seq, 2);
}

static void votes_in_many_ranges_take_more_than_one_message(void **state)
{
    struct fixture *f = *state;
    const struct message *m;

    for (uint64_t s = 0; s < RANGES_MAX + 3; s++) {
        accept(f, 5, 1, 1 + 2 * s, "a");
    }
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 2);
    m = kit_send(&f->k, MESSAGE_ACCEPTED, 0, NULL);
    assert_int_equal(m->count, RANGES_MAX);
    assert_int_equal(m->ranges[0].first, 1);
    m = kit_send(&f->k, MESSAGE_ACCEPTED, 1, NULL);
    assert_int_equal(m->count, 3);
    assert_int_equal(m->ranges[0].first, 1 + 2 * RANGES_MAX);
}

/* A vote for the old leader must not be told to the new one. */
static void votes_of_another_ballot_are_not_told(void **state)
{
    struct fixture *f = *state;
    const struct message *m;
    uint8_t to;

    accept(f, 5, 1, 1, "a");
    accept(f, 6, 2, 2, "b");
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_ACCEPTED), 1);
    m = kit_send(&f->k, MESSAGE_ACCEPTED, 0, &to);
    assert_int_equal(to, 2);
    assert_ballot(m->ballot, 6, 2);
    assert_int_equal(m->count, 1);
    assert_int_equal(m->ranges[0].first, 2);
}

/* ---- promises ---- */

/* Pitfall 4: no Promise before its record is durable. */
static void prepare_above_promise_is_answered_when_durable(void **state)
{
    struct fixture *f = *state;
    const struct message *m;
    uint8_t to;

    prepare(f, 5, 1, 1);
    assert_ballot(f->a.promised, 5, 1);
    assert_ballot(kit_record(&f->k, RECORD_PROMISE, 0)->ballot, 5, 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_PROMISE), 0);
    durable(f);
    m = kit_send(&f->k, MESSAGE_PROMISE, 0, &to);
    assert_int_equal(to, 1);
    assert_ballot(m->ballot, 5, 1);
    assert_int_equal(m->asker, 7);
    assert_int_equal(m->request, 5);
    assert_int_equal(m->vote_seq, 1);
    assert_int_equal(m->promise.run_count, 0);
}

/* Pitfall 4: nor to one that asks again. */
static void prepare_asked_again_is_answered_when_durable(void **state)
{
    struct fixture *f = *state;

    prepare(f, 5, 1, 1);
    prepare(f, 5, 1, 1);
    assert_int_equal(kit_persisted(&f->k, RECORD_PROMISE), 0);
    assert_int_equal(kit_sent(&f->k, MESSAGE_PROMISE), 0);
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_PROMISE), 1);
    prepare(f, 5, 1, 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_PROMISE), 1);
}

static void prepare_below_promise_sends_nack(void **state)
{
    struct fixture *f = *state;
    const struct message *m;
    uint8_t to;

    prepare(f, 5, 2, 1);
    prepare(f, 5, 1, 1);
    m = kit_send(&f->k, MESSAGE_NACK, 0, &to);
    assert_int_equal(to, 1);
    assert_ballot(m->ballot, 5, 2);
    assert_ballot(m->nack.refused, 5, 1);
    durable(f);
    kit_send(&f->k, MESSAGE_PROMISE, 0, &to);
    assert_int_equal(to, 2);
}

/* What was promised for a moment only is promised to nobody. */
static void prepare_outbid_before_durable_is_not_answered(void **state)
{
    struct fixture *f = *state;
    uint8_t to;

    prepare(f, 5, 1, 1);
    accept(f, 6, 2, 1, "a");
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_PROMISE), 0);
    prepare(f, 7, 1, 1);
    prepare(f, 8, 2, 1);
    durable(f);
    assert_int_equal(kit_sent(&f->k, MESSAGE_PROMISE), 1);
    kit_send(&f->k, MESSAGE_PROMISE, 0, &to);
    assert_int_equal(to, 2);
}

static void assert_run(const struct run *r, uint64_t first, uint32_t count,
                       uint64_t round, uint8_t index)
{
    assert_int_equal(r->first, first);
    assert_int_equal(r->count, count);
    assert_ballot(r->ballot, round, index);
}

static void promise_reports_votes_in_runs(void **state)
{
    struct fixture *f = *state;
    const struct message *m;

    accept(f, 5, 1, 1, "a");
    accept(f, 5, 1, 2, "b");
    accept(f, 6, 2, 3, "c");
    accept(f, 6, 2, 5, "d");
    prepare(f, 7, 3, 2);
    durable(f);
    m = kit_send(&f->k, MESSAGE_PROMISE, 0, NULL);
    assert_int_equal(m->promise.log_start, 1);
    assert_int_equal(m->promise.chosen_upto, 0);
    assert_int_equal(m->promise.run_count, 3);
    assert_run(&m->promise.runs[0], 2, 1, 5, 1);
    assert_run(&m->promise.runs[1], 3, 1, 6, 2);
    assert_run(&m->promise.runs[2], 5, 1, 6, 2);
}

/* P6: chosen slots are told as such, and not as votes. */
static void promise_leaves_out_what_is_chosen(void **state)
{
    struct fixture *f = *state;
    const struct message *m;

    for (uint64_t s = 1; s <= 4; s++) accept(f, 5, 1, s, "a");
    acceptor_advance(&f->a, 2, 3);
    prepare(f, 7, 3, 1);
    durable(f);
    m = kit_send(&f->k, MESSAGE_PROMISE, 0, NULL);
    assert_int_equal(m->promise.chosen_upto, 3);
    assert_int_equal(m->promise.run_count, 1);
    assert_run(&m->promise.runs[0], 4, 1, 5, 1);
}

static void promise_of_a_full_window_holds_every_run(void **state)
{
    struct fixture *f = *state;
    const struct message *m;

    for (uint64_t s = 1; s <= ACCEPTOR_WINDOW; s++) {
        accept(f, 5 + s % 2 + s * 2, 1, s, "a");
        durable(f);
    }
    prepare(f, UINT64_C(1) << 40, 3, 1);
    durable(f);
    m = kit_send(&f->k, MESSAGE_PROMISE, 0, NULL);
    assert_int_equal(m->promise.run_count, MESSAGE_RUNS_MAX);
    assert_int_equal(m->promise.runs[MESSAGE_RUNS_MAX - 1].first,
                     ACCEPTOR_WINDOW);
    prepare(f, (UINT64_C(1) << 40) + 1, 3, UINT64_C(1) << 62);
    durable(f);
    m = kit_send(&f->k, MESSAGE_PROMISE, 0, NULL);
    assert_int_equal(m->promise.run_count, 0);
}

/* ---- questions ---- */

static void confirm_at_promise_is_confirmed(void **state)
{
    struct fixture *f = *state;
    struct message m = { .type = MESSAGE_CONFIRM,
                         .from = 1,
                         .incarnation = 7,
                         .ballot = kit_ballot(5, 1),
                         .confirm = { .nonce = 42 } };
    const struct message *answer;
    uint8_t to;

    prepare(f, 5, 1, 1);
    kit_clear(&f->k);
    acceptor_on_confirm(&f->a, &m, &f->k.out);
    answer = kit_send(&f->k, MESSAGE_CONFIRMED, 0, &to);
    assert_int_equal(to, 1);
    assert_int_equal(answer->confirm.nonce, 42);
    assert_int_equal(answer->asker, 7);
    assert_ballot(answer->ballot, 5, 1);
}

static void confirm_below_promise_sends_nack(void **state)
{
    struct fixture *f = *state;
    struct message m = { .type = MESSAGE_CONFIRM,
                         .from = 1,
                         .ballot = kit_ballot(5, 1) };

    prepare(f, 6, 2, 1);
    kit_clear(&f->k);
    acceptor_on_confirm(&f->a, &m, &f->k.out);
    assert_int_equal(kit_sent(&f->k, MESSAGE_NACK), 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_CONFIRMED), 0);
}

/* P26: the promise must be that ballot, not merely no higher one. */
static void confirm_above_promise_is_not_confirmed(void **state)
{
    struct fixture *f = *state;
    struct message m = { .type = MESSAGE_CONFIRM,
                         .from = 1,
                         .ballot = kit_ballot(7, 1) };

    prepare(f, 6, 2, 1);
    kit_clear(&f->k);
    acceptor_on_confirm(&f->a, &m, &f->k.out);
    assert_int_equal(f->k.out.count, 0);
}

/* P5, pitfall 30: a value by (slot, ballot), and by nothing less. */
static void want_of_exact_ballot_gives_the_value(void **state)
{
    struct fixture *f = *state;
    struct message m = { .type = MESSAGE_WANT,
                         .from = 2,
                         .incarnation = 9,
                         .ballot = kit_ballot(5, 1),
                         .decided = { .slot = 1 } };
    const struct message *answer;
    uint8_t to;

    accept(f, 5, 1, 1, "a");
    kit_clear(&f->k);
    acceptor_on_want(&f->a, &m, &f->k.out);
    answer = kit_send(&f->k, MESSAGE_VALUE, 0, &to);
    assert_int_equal(to, 2);
    assert_int_equal(answer->asker, 9);
    assert_int_equal(answer->decided.slot, 1);
    assert_ballot(answer->ballot, 5, 1);
    assert_value(answer->decided.value, "a");
}

static void want_of_other_ballot_or_slot_gives_nothing(void **state)
{
    struct fixture *f = *state;
    struct message m = { .type = MESSAGE_WANT,
                         .from = 2,
                         .ballot = kit_ballot(4, 1),
                         .decided = { .slot = 1 } };

    accept(f, 5, 1, 1, "a");
    kit_clear(&f->k);
    acceptor_on_want(&f->a, &m, &f->k.out);
    m.ballot = kit_ballot(5, 1);
    m.decided.slot = 2;
    acceptor_on_want(&f->a, &m, &f->k.out);
    m.decided.slot = UINT64_C(1) << 62;
    acceptor_on_want(&f->a, &m, &f->k.out);
    assert_int_equal(f->k.out.count, 0);
}

/* ---- the window moves ---- */

static void advance_frees_votes_and_opens_the_window(void **state)
{
    struct fixture *f = *state;

    for (uint64_t s = 1; s <= 3; s++) accept(f, 5, 1, s, "a");
    acceptor_advance(&f->a, 3, 2);
    assert_null(acceptor_vote(&f->a, 2));
    assert_non_null(acceptor_vote(&f->a, 3));
    assert_int_equal(accept(f, 5, 1, ACCEPTOR_WINDOW + 2, "a"), ACCEPT_VOTED);
    acceptor_advance(&f->a, 100 * ACCEPTOR_WINDOW, 100 * ACCEPTOR_WINDOW);
    assert_int_equal(f->k.pool.bytes_used, 0);
}

static void vote_replaced_by_higher_ballot_frees_the_old_value(void **state)
{
    struct fixture *f = *state;
    uint64_t used;

    accept(f, 5, 1, 1, "a");
    used = f->k.pool.bytes_used;
    accept(f, 6, 1, 1, "b");
    assert_int_equal(f->k.pool.bytes_used, used);
}

/* ---- recovery ---- */

static struct message record_promise(uint64_t round, uint64_t vote_seq)
{
    return (struct message){ .type = RECORD_PROMISE,
                             .ballot = kit_ballot(round, 1),
                             .vote_seq = vote_seq };
}

static struct message record_accept(uint64_t round, uint64_t slot,
                                    uint64_t vote_seq)
{
    struct message r = kit_accept(round, 1, slot, "a");

    r.type = RECORD_ACCEPT;
    r.vote_seq = vote_seq;
    return r;
}

static int recover(struct fixture *f, struct message r)
{
    return acceptor_recover(&f->a, &r);
}

static void recover_restores_promise_and_votes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(recover(f, record_promise(4, 1)), 0);
    assert_ballot(f->a.promised, 4, 1);
    assert_int_equal(recover(f, record_accept(5, 1, 2)), 0);
    assert_ballot(f->a.promised, 5, 1);
    assert_ballot(acceptor_vote(&f->a, 1)->ballot, 5, 1);
    assert_int_equal(recover(f, record_accept(6, 1, 3)), 0);
    assert_ballot(acceptor_vote(&f->a, 1)->ballot, 6, 1);
    assert_int_equal(f->a.vote_seq, 3);
    assert_int_equal(f->a.vote_seq_durable, 3);
    /* What is recovered is durable: asked again, it is told at once. */
    prepare(f, 6, 1, 1);
    assert_int_equal(kit_sent(&f->k, MESSAGE_PROMISE), 1);
    assert_int_equal(accept(f, 5, 1, 2, "b"), ACCEPT_REFUSED);
}

/* Records that no acceptor writes in this order: corruption. */
static void recover_of_records_that_do_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(recover(f, record_accept(5, 1, 7)), 0);
    assert_int_equal(recover(f, record_promise(5, 8)), -EBADMSG);
    assert_int_equal(recover(f, record_accept(4, 2, 8)), -EBADMSG);
    assert_int_equal(recover(f, record_accept(5, 1, 8)), -EBADMSG);
    assert_int_equal(recover(f, record_accept(5, ACCEPTOR_WINDOW + 1, 8)),
                     -EBADMSG);
    assert_int_equal(recover(f, record_promise(6, 7)), -EBADMSG);
}

static void recover_of_vote_below_base_keeps_its_promise(void **state)
{
    struct fixture *f = *state;

    acceptor_advance(&f->a, 5, 4);
    assert_int_equal(recover(f, record_accept(5, 2, 1)), 0);
    assert_ballot(f->a.promised, 5, 1);
    assert_int_equal(f->k.pool.bytes_used, 0);
}

static void init_needs_exactly_its_size(void **state)
{
    struct fixture *f = *state;
    struct acceptor a;
    struct arena arena;
    void *memory = aligned_alloc(ARENA_ALIGN, acceptor_size());

    arena_init(&arena, memory, acceptor_size() - ARENA_ALIGN);
    assert_int_equal(
        acceptor_init(&a, &f->k.group, &f->k.journal, &f->k.pool, &arena),
        -ENOMEM);
    arena_init(&arena, memory, acceptor_size());
    assert_int_equal(
        acceptor_init(&a, &f->k.group, &f->k.journal, &f->k.pool, &arena), 0);
    free(memory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accept_above_promise_votes_and_promises),
        TEST(accept_at_promise_votes),
        TEST(accept_below_promise_sends_nack_and_stores_nothing),
        TEST(accept_is_answered_when_durable),
        TEST(accept_doubled_is_answered_when_durable),
        TEST(accept_doubled_after_durable_is_answered_at_flush),
        TEST(accept_with_other_value_at_same_ballot_is_conflict),
        TEST(accept_beyond_window_is_dropped),
        TEST(accept_when_pool_is_dry_changes_nothing),
        TEST(accept_leaves_a_quarter_of_the_pool),
        TEST(accept_when_answers_held_are_full_changes_nothing),
        TEST(accept_of_blob_shares_it),
        TEST(accept_below_base_votes_without_record),
        TEST(accept_below_base_by_higher_ballot_promises_first),
        TEST(accept_below_base_and_promise_sends_nack),
        TEST(votes_of_a_turn_are_told_in_one_range),
        TEST(votes_of_a_later_turn_are_kept_back),
        TEST(votes_in_many_ranges_take_more_than_one_message),
        TEST(votes_of_another_ballot_are_not_told),
        TEST(prepare_above_promise_is_answered_when_durable),
        TEST(prepare_asked_again_is_answered_when_durable),
        TEST(prepare_below_promise_sends_nack),
        TEST(prepare_outbid_before_durable_is_not_answered),
        TEST(promise_reports_votes_in_runs),
        TEST(promise_leaves_out_what_is_chosen),
        TEST(promise_of_a_full_window_holds_every_run),
        TEST(confirm_at_promise_is_confirmed),
        TEST(confirm_below_promise_sends_nack),
        TEST(confirm_above_promise_is_not_confirmed),
        TEST(want_of_exact_ballot_gives_the_value),
        TEST(want_of_other_ballot_or_slot_gives_nothing),
        TEST(advance_frees_votes_and_opens_the_window),
        TEST(vote_replaced_by_higher_ballot_frees_the_old_value),
        TEST(recover_restores_promise_and_votes),
        TEST(recover_of_records_that_do_not_fit_is_refused),
        TEST(recover_of_vote_below_base_keeps_its_promise),
        TEST(init_needs_exactly_its_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

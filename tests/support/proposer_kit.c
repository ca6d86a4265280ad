/* proposer_kit.c - see proposer_kit.h */
#include "support/proposer_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define ORDER 20u

struct proposer_kit *proposer_kit_new(uint8_t n)
{
    const struct proposer_config cfg = {
        .rto_min_ns = 2 * NS_PER_MS,
        .rto_max_ns = 200 * NS_PER_MS,
        .window_slots = 256,
        .seed = 1,
    };
    struct proposer_kit *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->now_ns = NS_PER_S;
    kit_init(&f->k, n, 0, ORDER, proposer_size());
    assert_int_equal(
        proposer_init(&f->p, &f->k.group, &f->k.pool, &cfg, &f->k.arena), 0);
    return f;
}

void proposer_kit_free(struct proposer_kit *f)
{
    kit_free(&f->k);
    free(f);
}

void start(struct proposer_kit *f, uint64_t round, uint64_t from)
{
    kit_clear(&f->k);
    proposer_start(&f->p, round, from, f->now_ns, &f->k.out);
}

struct run run_of(uint64_t first, uint32_t count, uint64_t round, uint8_t index)
{
    return (struct run){ .first = first,
                         .count = count,
                         .ballot = kit_ballot(round, index) };
}

void promise(struct proposer_kit *f, uint8_t index, uint64_t chosen_upto,
             const struct run *runs, uint32_t count)
{
    const struct message m = {
        .type = MESSAGE_PROMISE,
        .from = index,
        .ballot = f->p.ballot,
        .promise = { .log_start = 1,
                     .chosen_upto = chosen_upto,
                     .runs = runs,
                     .run_count = count },
    };

    kit_clear(&f->k);
    proposer_on_promise(&f->p, &m, f->p.from - 1, f->now_ns, &f->k.out);
}

void give(struct proposer_kit *f, uint64_t slot, uint64_t round, uint8_t index,
          const char *text)
{
    const struct message m = {
        .type = MESSAGE_VALUE,
        .from = 1,
        .ballot = kit_ballot(round, index),
        .decided = { .slot = slot, .value = kit_value(text) },
    };

    proposer_on_value(&f->p, &m, f->now_ns);
}

bool lead(struct proposer_kit *f, uint64_t chosen_heard)
{
    kit_clear(&f->k);
    return proposer_lead(&f->p, chosen_heard, 1000, f->now_ns, &f->k.out);
}

void take_over(struct proposer_kit *f, uint64_t round, uint64_t upto)
{
    start(f, round, upto + 1);
    for (uint8_t i = 0; i < group_majority(&f->k.group); i++) {
        promise(f, i, upto, NULL, 0);
    }
    assert_true(proposer_is_ready(&f->p));
    assert_true(lead(f, upto));
    f->p.executed = upto;
}

void propose(struct proposer_kit *f, const char *text, struct blob *context)
{
    const uint32_t len = (uint32_t)strlen(text);
    struct blob *b = kit_room(&f->k, len);

    memcpy(b->bytes + VALUE_HEAD, text, len);
    proposer_propose(&f->p, b, VALUE_COMMANDS, 1, context, f->now_ns);
}

void pump(struct proposer_kit *f)
{
    kit_clear(&f->k);
    proposer_pump(&f->p, f->now_ns, &f->k.out);
}

void flush(struct proposer_kit *f)
{
    kit_clear(&f->k);
    proposer_on_flush(&f->p, f->now_ns, &f->k.out);
}

void tick(struct proposer_kit *f, uint16_t heard)
{
    kit_clear(&f->k);
    proposer_on_tick(&f->p, heard, f->now_ns, &f->k.out);
}

void accepted(struct proposer_kit *f, uint8_t index, uint64_t first,
              uint64_t last)
{
    const struct range range = { first, last };
    const struct message m = {
        .type = MESSAGE_ACCEPTED,
        .from = index,
        .ballot = f->p.ballot,
        .count = 1,
        .ranges = &range,
    };

    proposer_on_accepted(&f->p, &m, f->now_ns);
}

unsigned take_chosen(struct proposer_kit *f)
{
    unsigned count = 0;

    while (proposer_next_chosen(&f->p)) {
        proposer_chosen_taken(&f->p);
        count++;
    }
    return count;
}

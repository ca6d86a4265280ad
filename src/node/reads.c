/* reads.c - see reads.h */
#include "node/reads.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/requests.h"

#include <errno.h>

#define PAGE_NORMAL 2048u /* scratch that any other read can need */

size_t reads_size(void)
{
    return ARENA_SIZE(READS_MAX * sizeof(struct read));
}

int reads_init(struct node *n, struct arena *mem)
{
    n->reads = (struct reads){
        .queue = arena_take(mem, READS_MAX, sizeof(struct read)),
        .nonce = n->cfg.process,
    };
    return n->reads.queue ? 0 : -ENOMEM;
}

void reads_add(struct node *n, const struct origin *from,
               const struct command *c, struct bytes bytes, struct effects *out)
{
    struct reads *r = &n->reads;
    struct blob *command;

    if (!proposer_is_leading(&n->proposer)) {
        if (requests_forward(n, from, bytes, out)) return;
        if (requests_is_led(n)) {
            requests_refuse(n, from, c, REPLY_BUSY, out);
            return;
        }
    }
    command = r->count < READS_MAX ? blob_new(&n->pool, bytes.len) : NULL;
    if (!command) {
        requests_refuse(n, from, c, REPLY_BUSY, out);
        return;
    }
    memcpy(command->bytes, bytes.at, bytes.len);
    r->queue[(r->first + r->count++) % READS_MAX] = (struct read){
        .origin = *from,
        .command = command,
        .since_ns = n->now_ns,
    };
    n->counters.reads++;
}

static void reads_confirm(struct node *n, const struct round *round, uint8_t to,
                          struct effects *out)
{
    struct message *m = effects_send(out, to, MESSAGE_CONFIRM);

    m->ballot = n->proposer.ballot;
    m->confirm.nonce = round->nonce;
}

/* What a read must see: also what is chosen and not learned here (S1, P26). */
static uint64_t reads_chosen_upto(const struct node *n)
{
    return max_u64(n->kept.chosen_upto,
                   max_u64(n->learner.chosen_upto, n->proposer.chosen_upto));
}

/* All reads that came since the last round share the next one. */
static void reads_start_round(struct node *n, struct effects *out)
{
    struct reads *r = &n->reads;
    struct round *round;

    if (!node_is_serving(n)) return;
    if (r->in_rounds == r->count || r->round_count == ROUNDS_MAX) return;
    round = &r->rounds[r->round_count++];
    *round = (struct round){
        .nonce = ++r->nonce,
        .noted = reads_chosen_upto(n),
        .sent_ns = n->now_ns,
        .count = r->count - r->in_rounds,
    };
    r->in_rounds = r->count;
    reads_confirm(n, round, TO_GROUP, out);
}

/* Every second time by unicast, should multicast not get through (P18). */
static void reads_confirm_again(struct node *n, const struct round *round,
                                struct effects *out)
{
    uint16_t left = (uint16_t)~round->confirmed;

    ASSERT(round->tries > 0);

    if (round->tries % 2 != 0) {
        reads_confirm(n, round, TO_GROUP, out);
        return;
    }
    for (left &= group_others(&n->group); left; left &= (uint16_t)(left - 1))
        reads_confirm(n, round, (uint8_t)__builtin_ctz(left), out);
}

void reads_on_confirmed(struct node *n, const struct message *m)
{
    struct reads *r = &n->reads;

    ASSERT(m->type == MESSAGE_CONFIRMED);

    if (!node_is_serving(n)) return;
    if (!ballot_equal(m->ballot, n->proposer.ballot)) return;
    for (uint32_t i = 0; i < r->round_count; i++) {
        if (r->rounds[i].nonce != m->confirm.nonce) continue;
        r->rounds[i].confirmed |= member_bit(m->from);
        /* By itself, at the end of a turn: answered in the next one. */
        if (group_is_majority(&n->group, r->rounds[i].confirmed)) {
            n->more = true;
        }
        return;
    }
}

static void reads_pop(struct node *n)
{
    struct reads *r = &n->reads;

    node_discard(n, r->queue[r->first].command);
    r->first = (r->first + 1) % READS_MAX;
    r->count--;
}

/* False if there is no room for the answer in this step. */
static bool reads_answer(struct node *n, const struct read *read,
                         struct effects *out)
{
    struct reader bytes = reader_of(read->command->bytes, read->command->len);
    struct kv_reply answer;
    struct command c;
    uint32_t page = PAGE_NORMAL;

    if (command_decode(&c, &bytes) < 0) return true;
    if (c.op == COMMAND_LIST) page = n->cfg.reply_bytes;
    if (effects_room(out) < FLUSH_ROOM || node_scratch_room(n) < page ||
        n->trash_count == TRASH_MAX) {
        return false;
    }
    /* A page is made right where it stays until the next step. */
    kv_read(n->kv, &c, n->scratch + n->scratch_used, page, &answer);
    answer.slot = n->learner.executed;
    requests_answer(n, &read->origin, &c, &answer, out);
    return true;
}

/* A later round that a majority confirmed confirms those before it too. */
static uint32_t reads_confirmed(const struct node *n)
{
    for (uint32_t i = n->reads.round_count; i > 0; i--) {
        if (group_is_majority(&n->group, n->reads.rounds[i - 1].confirmed)) {
            return i;
        }
    }
    return 0;
}

static void reads_answer_rounds(struct node *n, struct effects *out)
{
    struct reads *r = &n->reads;
    uint32_t confirmed = reads_confirmed(n);

    while (confirmed) {
        struct round *round = &r->rounds[0];

        if (n->learner.executed < round->noted) return;
        while (round->count) {
            if (!reads_answer(n, &r->queue[r->first], out)) {
                n->more = true;
                return;
            }
            reads_pop(n);
            round->count--;
            r->in_rounds--;
        }
        confirmed--;
        r->round_count--;
        memmove(r->rounds, r->rounds + 1, r->round_count * sizeof *r->rounds);
        /* The later majority stays in force for the rounds before it. */
        if (confirmed) {
            r->rounds[0].confirmed |= r->rounds[confirmed - 1].confirmed;
        }
    }
}

/* Not the leader: pass on what waits, and give up what is too old. */
static void reads_pass(struct node *n, struct effects *out)
{
    struct reads *r = &n->reads;

    while (r->count) {
        const struct read *read = &r->queue[r->first];
        const bool late = n->now_ns - read->since_ns > REQUEST_AGE_NS;
        struct command c = { 0 };
        struct reader bytes = reader_of(read->command->bytes,
                                        read->command->len);

        if (effects_room(out) < FLUSH_ROOM || n->trash_count == TRASH_MAX) {
            n->more = true;
            return;
        }
        if (late && command_decode(&c, &bytes) == 0) {
            requests_refuse(n, &read->origin, &c, REPLY_UNAVAILABLE, out);
        } else if (!requests_forward(
                       n, &read->origin,
                       bytes_of(read->command->bytes, read->command->len),
                       out)) {
            return;
        }
        reads_pop(n);
    }
}

void reads_on_flush(struct node *n, struct effects *out)
{
    if (n->reads.count == 0) return;
    if (!proposer_is_leading(&n->proposer)) {
        reads_pass(n, out);
        return;
    }
    reads_start_round(n, out);
    reads_answer_rounds(n, out);
}

void reads_on_tick(struct node *n, struct effects *out)
{
    const uint64_t rto = proposer_rto_ns(&n->proposer);

    for (uint32_t i = 0; i < n->reads.round_count; i++) {
        struct round *round = &n->reads.rounds[i];
        const unsigned shift = round->tries < 6 ? round->tries : 6;
        const uint64_t wait_ns = min_u64(rto << shift, n->cfg.rto_max_ns);

        if (n->now_ns - round->sent_ns < wait_ns) continue;
        round->sent_ns = n->now_ns;
        round->tries += round->tries < UINT8_MAX ? 1 : -1;
        reads_confirm_again(n, round, out);
    }
}

void reads_void(struct node *n)
{
    n->reads.round_count = 0;
    n->reads.in_rounds = 0;
}

uint64_t reads_deadline_ns(const struct node *n)
{
    uint64_t first = NEVER_NS;

    for (uint32_t i = 0; i < n->reads.round_count; i++) {
        const struct round *round = &n->reads.rounds[i];
        const unsigned shift = round->tries < 6 ? round->tries : 6;
        const uint64_t rto = proposer_rto_ns(&n->proposer);

        first = min_u64(first, round->sent_ns +
                                   min_u64(rto << shift, n->cfg.rto_max_ns));
    }
    return first;
}

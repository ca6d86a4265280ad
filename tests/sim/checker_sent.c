/* checker_sent.c - see checker.h: what members say, and what clients hear. */
#include "sim/checker.h"

#include "base/units.h"

#include <inttypes.h>
#include <stdlib.h>

/* The life of member i that uses this round, noted the first time. */
static struct ballot_use *checker_use(struct checker *c, uint8_t i,
                                      uint64_t round)
{
    struct member_view *m = &c->members[i];

    for (uint32_t k = m->use_count; k > 0; k--) {
        if (m->uses[k - 1].round == round) return &m->uses[k - 1];
    }
    if (m->use_count == m->use_size) {
        m->use_size = m->use_size ? 2 * m->use_size : 16;
        m->uses = realloc(m->uses, m->use_size * sizeof *m->uses);
    }
    m->uses[m->use_count] = (struct ballot_use){ .round = round,
                                                 .life = m->life };
    return &m->uses[m->use_count++];
}

/* Member i acts as proposer at b: it is its own, of this life, and promised by
 * its own disk (P2). */
static void checker_own(struct checker *c, uint8_t i, struct ballot b)
{
    const struct member_view *m = &c->members[i];

    if (b.node != c->ids[i]) {
        checker_fail(c, "promise", "node %u proposes at %" PRIu64 ".%u",
                     c->ids[i], b.round, b.node);
        return;
    }
    if (checker_use(c, i, b.round)->life != m->life) {
        checker_fail(c, "promise",
                     "node %u uses ballot %" PRIu64 " of an earlier life",
                     c->ids[i], b.round);
        return;
    }
    if (ballot_cmp(m->written, b) > 0) {
        checker_fail(c, "promise",
                     "node %u proposes at %" PRIu64
                     ", but has promised %" PRIu64 ".%u itself (P15)",
                     c->ids[i], b.round, m->written.round, m->written.node);
        return;
    }
    if (ballot_cmp(m->durable, b) < 0) {
        checker_fail(c, "promise",
                     "node %u proposes at %" PRIu64
                     ", but its promise of it is not on disk",
                     c->ids[i], b.round);
    }
}

/* Member i tells that it has promised b. */
static void checker_told(struct checker *c, uint8_t i, const char *what,
                         struct ballot b)
{
    struct member_view *m = &c->members[i];

    if (ballot_cmp(m->durable, b) < 0) {
        checker_fail(c, "durability",
                     "node %u says %s at %" PRIu64
                     ".%u, and its promise is not on disk",
                     c->ids[i], what, b.round, b.node);
        return;
    }
    if (ballot_cmp(b, m->told) > 0) m->told = b;
}

static void checker_upto(struct checker *c, uint8_t i, const char *what,
                         uint64_t upto)
{
    if (upto <= c->prefix) return;
    checker_fail(c, "durability",
                 "node %u, %s: up to slot %" PRIu64
                 " is chosen, but it is up to %" PRIu64,
                 c->ids[i], what, upto, c->prefix);
}

/* The highest ballot below b at which member i has a durable vote in slot. */
static struct ballot checker_vote(const struct checker *c, uint8_t i,
                                  uint64_t slot, struct ballot b)
{
    struct ballot best = { 0 };
    const struct slot_view *s = &c->slots[slot];

    for (uint32_t k = 0; k < s->count; k++) {
        const struct proposal *p = &s->list[k];

        if (!(p->durable >> i & 1) || ballot_cmp(p->ballot, b) >= 0) continue;
        if (ballot_cmp(p->ballot, best) > 0) best = p->ballot;
    }
    return best;
}

static struct ballot promise_run(const struct promise *p, uint64_t slot)
{
    for (uint32_t k = 0; k < p->run_count; k++) {
        const struct run *r = &p->runs[k];

        if (slot >= r->first && slot - r->first < r->count) return r->ballot;
    }
    return (struct ballot){ 0 };
}

/* The picture must show every vote below its ballot (P5). */
static void checker_on_promise(struct checker *c, uint8_t i,
                               const struct message *m)
{
    const struct promise *p = &m->promise;
    const uint8_t to = m->ballot.node;
    uint64_t from = 0;

    checker_told(c, i, "Promise", m->ballot);
    checker_upto(c, i, "Promise", p->chosen_upto);
    for (uint8_t k = 0; k < c->n; k++) {
        if (c->ids[k] == to) from = checker_use(c, k, m->ballot.round)->from;
    }
    from = max_u64(max_u64(from, 1), p->chosen_upto + 1);
    for (uint64_t s = from; s < c->slot_size && !c->failed; s++) {
        const struct ballot shown = promise_run(p, s);
        const struct ballot vote = checker_vote(c, i, s, m->ballot);

        if (ballot_cmp(shown, vote) >= 0) continue;
        checker_fail(c, "durability",
                     "node %u promises %" PRIu64 ".%u and hides its vote at "
                     "%" PRIu64 ".%u for slot %" PRIu64,
                     c->ids[i], m->ballot.round, m->ballot.node, vote.round,
                     vote.node, s);
    }
}

/* A vote is on disk; or it is for what is known as chosen, and then only the
 * promise has to be. */
static void checker_on_vote(struct checker *c, uint8_t i, struct ballot b,
                            uint64_t slot)
{
    const struct proposal *p = checker_proposal(c, slot, b);

    if (p && p->durable >> i & 1) return;
    if (p && checker_is_chosen(c, slot, p)) return;
    checker_fail(c, "durability",
                 "node %u says Accepted at %" PRIu64 ".%u for slot %" PRIu64
                 ", and its vote is not on disk",
                 c->ids[i], b.round, b.node, slot);
}

static void checker_on_accepted(struct checker *c, uint8_t i,
                                const struct message *m)
{
    checker_told(c, i, "Accepted", m->ballot);
    for (uint32_t k = 0; k < m->count; k++) {
        for (uint64_t s = m->ranges[k].first; s <= m->ranges[k].last; s++) {
            if (!c->failed) checker_on_vote(c, i, m->ballot, s);
        }
    }
}

/* A leader may say Learn only where its proposals were chosen (P15). */
static void checker_on_learn(struct checker *c, uint8_t i, struct ballot b,
                             uint64_t upto)
{
    struct member_view *m = &c->members[i];

    checker_upto(c, i, "Learn", upto);
    if (!ballot_equal(m->learn_ballot, b)) {
        m->learn_ballot = b;
        m->learn_upto = 0;
    }
    for (uint64_t s = m->learn_upto + 1; s <= upto && !c->failed; s++) {
        checker_claim_at(c, i, "Learn", s, b);
    }
    m->learn_upto = max_u64(m->learn_upto, upto);
}

static void checker_on_accept(struct checker *c, uint8_t i,
                              const struct message *m)
{
    checker_own(c, i, m->ballot);
    checker_propose(c, m->accept.slot, m->ballot, m->accept.value);
    checker_on_learn(c, i, m->ballot, m->accept.learn_upto);
}

static void checker_on_prepare(struct checker *c, uint8_t i,
                               const struct message *m)
{
    struct ballot_use *u = checker_use(c, i, m->ballot.round);

    u->from = max_u64(u->from, m->prepare.from);
    checker_own(c, i, m->ballot);
}

static void checker_on_chosen(struct checker *c, uint8_t i,
                              const struct message *m)
{
    checker_claim(c, i, "Chosen", m->decided.slot, m->decided.value);
    if (m->decided.value.len > 0) return;
    checker_claim_at(c, i, "Chosen", m->decided.slot, m->ballot);
}

/* What is said is the promise of this moment, on disk or not (P26). */
static void checker_on_confirmed(struct checker *c, uint8_t i, struct ballot b)
{
    if (ballot_equal(c->members[i].written, b)) return;
    checker_fail(c, "promise",
                 "node %u says Confirmed at %" PRIu64
                 ".%u, and has promised another ballot",
                 c->ids[i], b.round, b.node);
}

void checker_on_send(struct checker *c, uint8_t i, const struct message *m)
{
    switch (m->type) {
    case MESSAGE_HEARTBEAT:
        checker_upto(c, i, "heartbeat", m->heartbeat.chosen_upto);
        if (m->heartbeat.flags & HEARTBEAT_CLAIM) checker_own(c, i, m->ballot);
        break;
    case MESSAGE_PREPARE:
        checker_on_prepare(c, i, m);
        break;
    case MESSAGE_PROMISE:
        checker_on_promise(c, i, m);
        break;
    case MESSAGE_ACCEPT:
        checker_on_accept(c, i, m);
        break;
    case MESSAGE_ACCEPTED:
        checker_on_accepted(c, i, m);
        break;
    case MESSAGE_LEARN:
        checker_own(c, i, m->ballot);
        checker_on_learn(c, i, m->ballot, m->learn.upto);
        break;
    case MESSAGE_CHOSEN:
        checker_on_chosen(c, i, m);
        break;
    case MESSAGE_VALUE:
        checker_propose(c, m->decided.slot, m->ballot, m->decided.value);
        break;
    case MESSAGE_CONFIRM:
        checker_own(c, i, m->ballot);
        break;
    case MESSAGE_CONFIRMED:
        checker_on_confirmed(c, i, m->ballot);
        break;
    default:
        break;
    }
}

/* ---- clients ------------------------------------------------------------- */

void checker_on_reply(struct checker *c, uint8_t i, const struct command *cmd,
                      const struct reply *reply)
{
    const struct kv_reply r = { .status = reply->status,
                                .slot = reply->slot,
                                .value = reply->value };
    const char *fault;

    c->answers++;
    if (reply->seq != cmd->seq) {
        fault = "another number than asked";
    } else {
        fault = model_judge(&c->model, cmd, &r);
    }
    if (!fault) return;
    checker_fail(c, "witness",
                 "node %u answers op %u of session %" PRIu64 ".%u seq %" PRIu64
                 " with status %u slot %" PRIu64 " value '%.*s': %s",
                 c->ids[i], reply->op, cmd->session.slot, cmd->session.index,
                 cmd->seq, r.status, r.slot, (int)r.value.len,
                 (const char *)r.value.at, fault);
}

void checker_on_read(struct checker *c, uint8_t i, const struct command *cmd,
                     const struct reply *reply, uint64_t began)
{
    const bool answered = reply->status == REPLY_OK ||
                          reply->status == REPLY_NOTFOUND;

    if (!command_is_read(cmd->op) || !answered || reply->slot >= began) return;
    checker_fail(c, "witness",
                 "node %u answers a read as of slot %" PRIu64
                 ", but an operation that ended before it began has %" PRIu64,
                 c->ids[i], reply->slot, began);
}

void checker_on_time(struct checker *c, uint8_t i, uint64_t state_time_ns,
                     uint64_t limit_ns)
{
    if (state_time_ns <= limit_ns) return;
    checker_fail(c, "time",
                 "node %u: the state is %" PRIu64 " ms old, but not more than "
                 "%" PRIu64 " ms have gone by",
                 c->ids[i], state_time_ns / NS_PER_MS, limit_ns / NS_PER_MS);
}

uint64_t checker_on_begin(const struct checker *c)
{
    return c->ended_slot;
}

void checker_on_end(struct checker *c, uint64_t began, bool is_write,
                    uint64_t slot)
{
    if (slot < began || (is_write && slot == began)) {
        checker_fail(c, "witness",
                     "an operation has slot %" PRIu64
                     ", but one that ended before it began has %" PRIu64,
                     slot, began);
    }
    c->ended_slot = max_u64(c->ended_slot, slot);
}

/* checker.c - see checker.h */
#include "sim/checker.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/memory.h"
#include "sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void checker_init(struct checker *c, uint8_t n, const uint8_t *ids,
                  const struct kv_limits *limits)
{
    ASSERT(n >= 1 && n <= MEMBERS_MAX);

    *c = (struct checker){ .n = n };
    memcpy(c->ids, ids, n);
    c->kv = kv_new(limits, &sim_memory);
    ASSERT(c->kv);
    model_init(&c->model, limits);
}

void checker_clear(struct checker *c)
{
    for (uint64_t s = 0; s < c->slot_size; s++) {
        for (uint32_t i = 0; i < c->slots[s].count; i++) {
            if (c->slots[s].list[i].owner) free(c->slots[s].list[i].bytes);
        }
        free(c->slots[s].list);
    }
    free(c->slots);
    for (uint32_t i = 0; i < c->n; i++) free(c->members[i].uses);
    kv_destroy(c->kv);
    model_clear(&c->model);
    *c = (struct checker){ 0 };
}

void checker_fail(struct checker *c, const char *check, const char *format, ...)
{
    va_list args;

    if (c->failed) return;
    c->failed = check;
    va_start(args, format);
    vsnprintf(c->text, sizeof c->text, format, args);
    va_end(args);
    trace_clean(c->text);
}

/* ---- slots --------------------------------------------------------------- */

static struct slot_view *checker_slot(struct checker *c, uint64_t slot)
{
    static struct slot_view nowhere;

    if (slot == 0 || slot >= CHECKER_SLOTS_MAX) {
        checker_fail(c, "agreement", "slot %" PRIu64 " is out of proportion",
                     slot);
        nowhere = (struct slot_view){ 0 };
        return &nowhere;
    }
    if (slot >= c->slot_size) {
        const uint64_t size = max_u64(2 * slot, 1024);

        c->slots = realloc(c->slots, size * sizeof *c->slots);
        ASSERT(c->slots);
        memset(c->slots + c->slot_size, 0,
               (size - c->slot_size) * sizeof *c->slots);
        c->slot_size = size;
    }
    return &c->slots[slot];
}

static bool slot_is_chosen(const struct checker *c, uint64_t slot)
{
    return slot < c->slot_size && c->slots[slot].chosen;
}

static struct proposal *slot_at(struct slot_view *s, struct ballot b)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (ballot_equal(s->list[i].ballot, b)) return &s->list[i];
    }
    return NULL;
}

static bool proposal_has(const struct proposal *p, struct value v)
{
    return p->len == v.len && memcmp(p->bytes, v.bytes, v.len) == 0;
}

static bool proposal_equal(const struct proposal *a, const struct proposal *b)
{
    return a->bytes == b->bytes;
}

/* The chosen value's first proposal. */
static const struct proposal *slot_chosen(const struct slot_view *s)
{
    ASSERT(s->chosen);
    return &s->list[s->by];
}

static void slot_add(struct slot_view *s, struct ballot b, struct value v)
{
    struct proposal p = { .ballot = b, .len = v.len };

    for (uint32_t i = 0; i < s->count; i++) {
        if (proposal_has(&s->list[i], v)) p.bytes = s->list[i].bytes;
    }
    if (!p.bytes) {
        p.owner = true;
        p.bytes = malloc(v.len);
        ASSERT(p.bytes);
        memcpy(p.bytes, v.bytes, v.len);
    }
    if (s->count == s->size) {
        ASSERT(s->size < 128);
        s->size = (uint8_t)(s->size ? 2 * s->size : 2);
        s->list = realloc(s->list, s->size * sizeof *s->list);
        ASSERT(s->list);
    }
    s->list[s->count++] = p;
}

/* What was chosen below a ballot must be what that ballot proposes (P7). */
static void slot_check_above(struct checker *c, uint64_t slot,
                             const struct slot_view *s)
{
    const struct proposal *chosen;

    if (!s->chosen) return;
    chosen = slot_chosen(s);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct proposal *p = &s->list[i];

        if (ballot_cmp(p->ballot, chosen->ballot) < 0) continue;
        if (proposal_equal(p, chosen)) continue;
        checker_fail(c, "agreement",
                     "slot %" PRIu64 ": chosen at ballot %" PRIu64 ".%u, but "
                     "%" PRIu64 ".%u proposes another value",
                     slot, chosen->ballot.round, chosen->ballot.node,
                     p->ballot.round, p->ballot.node);
    }
}

/* A value is proposed, or voted for, at (slot, ballot). */
struct proposal *checker_propose(struct checker *c, uint64_t slot,
                                 struct ballot b, struct value v)
{
    struct slot_view *s = checker_slot(c, slot);
    struct proposal *p = slot_at(s, b);

    if (c->failed) return NULL;
    if (!value_is_valid(v.bytes, v.len)) {
        checker_fail(c, "agreement", "slot %" PRIu64 ": no whole value", slot);
        return NULL;
    }
    if (!p) {
        slot_add(s, b, v);
        slot_check_above(c, slot, s);
        return &s->list[s->count - 1];
    }
    if (!proposal_has(p, v)) {
        checker_fail(c, "agreement",
                     "slot %" PRIu64 ": two values at ballot %" PRIu64 ".%u",
                     slot, b.round, b.node);
    }
    return p;
}

struct proposal *checker_proposal(struct checker *c, uint64_t slot,
                                  struct ballot b)
{
    return slot_at(checker_slot(c, slot), b);
}

bool checker_is_chosen(const struct checker *c, uint64_t slot,
                       const struct proposal *p)
{
    return slot_is_chosen(c, slot) &&
           proposal_equal(p, slot_chosen(&c->slots[slot]));
}

/* ---- executing what is chosen -------------------------------------------- */

static void checker_execute_one(struct checker *c, uint16_t index,
                                const struct command *cmd)
{
    struct kv_reply told;
    struct kv_reply want;
    const int rc = kv_execute(c->kv, index, cmd, &told);

    ASSERT(rc == 0);
    model_execute(&c->model, index, cmd, &want);
    if (told.status == want.status && told.slot == want.slot &&
        bytes_equal(told.value, want.value)) {
        return;
    }
    checker_fail(c, "execution",
                 "slot %" PRIu64 " command %u (op %u seq %" PRIu64 "): kv "
                 "answers status %u slot %" PRIu64 " value '%.*s', the model "
                 "%u %" PRIu64 " '%.*s'",
                 c->model.slot, index, cmd->op, cmd->seq, told.status,
                 told.slot, (int)told.value.len, (const char *)told.value.at,
                 want.status, want.slot, (int)want.value.len,
                 (const char *)want.value.at);
}

static void checker_execute(struct checker *c, uint64_t slot,
                            const struct proposal *p)
{
    const bool takeover = value_kind(p->bytes) == VALUE_TAKEOVER;
    const uint64_t time_ns = value_time_ns(p->bytes);
    struct reader r = reader_of(p->bytes + VALUE_HEAD, p->len - VALUE_HEAD);

    kv_begin_slot(c->kv, slot, time_ns, takeover);
    model_begin_slot(&c->model, slot, time_ns, takeover);
    for (uint16_t i = 0; i < value_count(p->bytes); i++) {
        struct command cmd;

        if (command_decode(&cmd, &r) < 0) {
            checker_fail(c, "execution",
                         "slot %" PRIu64 ": command %u is malformed", slot, i);
            return;
        }
        checker_execute_one(c, i, &cmd);
    }
    c->slots[slot].state_hash = kv_state_hash(c->kv);
}

static void checker_choose(struct checker *c, uint64_t slot,
                           const struct proposal *p)
{
    struct slot_view *s = checker_slot(c, slot);

    if (s->chosen) {
        if (proposal_equal(p, slot_chosen(s))) return;
        checker_fail(c, "agreement", "slot %" PRIu64 ": two values are chosen",
                     slot);
        return;
    }
    s->chosen = true;
    s->by = (uint8_t)(p - s->list);
    slot_check_above(c, slot, s);
    while (!c->failed && slot_is_chosen(c, c->prefix + 1)) {
        c->prefix++;
        checker_execute(c, c->prefix, slot_chosen(&c->slots[c->prefix]));
    }
}

void checker_on_lost_state(struct checker *c, uint8_t i)
{
    c->members[i].executed = 0;
}

void checker_on_state(struct checker *c, uint8_t i, uint64_t executed,
                      uint64_t state_hash)
{
    struct member_view *m = &c->members[i];

    if (executed < m->executed) {
        checker_fail(c, "execution", "node %u went back to slot %" PRIu64,
                     c->ids[i], executed);
        return;
    }
    m->executed = executed;
    if (executed == 0) return;
    if (executed > c->prefix) {
        checker_fail(c, "execution",
                     "node %u executed slot %" PRIu64
                     ", chosen are those up to %" PRIu64,
                     c->ids[i], executed, c->prefix);
        return;
    }
    if (state_hash == c->slots[executed].state_hash) return;
    checker_fail(c, "execution", "node %u: another state after slot %" PRIu64,
                 c->ids[i], executed);
}

/* ---- the log ------------------------------------------------------------- */

void checker_on_start(struct checker *c, uint8_t i)
{
    struct member_view *m = &c->members[i];

    m->life++;
    m->written = m->durable;
    m->executed = 0;
    m->learn_ballot = (struct ballot){ 0 };
}

void checker_on_roll_back(struct checker *c, uint8_t i)
{
    c->members[i].rolled_back = true;
}

void checker_on_recovered(struct checker *c, uint8_t i, struct ballot promised)
{
    const struct member_view *m = &c->members[i];

    if (m->rolled_back) return;
    if (ballot_cmp(promised, m->told) >= 0 &&
        ballot_cmp(promised, m->durable) >= 0) {
        return;
    }
    checker_fail(c, "promise",
                 "node %u starts with a promise of %" PRIu64 ".%u, told was "
                 "%" PRIu64 ".%u, on disk is %" PRIu64 ".%u",
                 c->ids[i], promised.round, promised.node, m->told.round,
                 m->told.node, m->durable.round, m->durable.node);
}

static void checker_raise(struct checker *c, uint8_t i, struct ballot b)
{
    struct member_view *m = &c->members[i];

    if (m->rolled_back) {
        checker_fail(c, "identity", "node %u votes, and its log lost votes",
                     c->ids[i]);
        return;
    }
    if (ballot_cmp(b, m->written) < 0) {
        checker_fail(c, "promise",
                     "node %u promised %" PRIu64 ".%u, and then writes a "
                     "promise or vote at %" PRIu64 ".%u",
                     c->ids[i], m->written.round, m->written.node, b.round,
                     b.node);
        return;
    }
    m->written = b;
}

/* Somebody says that v is chosen in slot. */
void checker_claim(struct checker *c, uint8_t i, const char *what,
                   uint64_t slot, struct value v)
{
    if (!slot_is_chosen(c, slot)) {
        checker_fail(c, "durability",
                     "node %u, %s: slot %" PRIu64 " is not chosen", c->ids[i],
                     what, slot);
        return;
    }
    if (v.len == 0 || proposal_has(slot_chosen(&c->slots[slot]), v)) return;
    checker_fail(c, "agreement",
                 "node %u, %s: slot %" PRIu64 " is chosen with another value",
                 c->ids[i], what, slot);
}

/* Somebody says that the value proposed at b in slot is the one chosen. */
void checker_claim_at(struct checker *c, uint8_t i, const char *what,
                      uint64_t slot, struct ballot b)
{
    const struct proposal *p;

    checker_claim(c, i, what, slot, (struct value){ 0 });
    if (c->failed) return;
    p = slot_at(&c->slots[slot], b);
    if (!p || proposal_equal(p, slot_chosen(&c->slots[slot]))) return;
    checker_fail(c, "agreement",
                 "node %u, %s: slot %" PRIu64 " is not chosen as at ballot "
                 "%" PRIu64 ".%u",
                 c->ids[i], what, slot, b.round, b.node);
}

static void checker_on_mark(struct checker *c, uint8_t i,
                            const struct message *r)
{
    if (r->mark.upto > c->prefix) {
        checker_fail(c, "durability",
                     "node %u marks up to %" PRIu64 ", chosen are those up to "
                     "%" PRIu64,
                     c->ids[i], r->mark.upto, c->prefix);
        return;
    }
    for (uint64_t s = r->mark.first; s <= r->mark.upto; s++) {
        checker_claim_at(c, i, "mark", s, r->ballot);
    }
}

void checker_on_persist(struct checker *c, uint8_t i, const struct message *r)
{
    struct proposal *p;

    switch (r->type) {
    case RECORD_PROMISE:
        checker_raise(c, i, r->ballot);
        break;
    case RECORD_ACCEPT:
        checker_raise(c, i, r->ballot);
        p = checker_propose(c, r->accept.slot, r->ballot, r->accept.value);
        if (p) p->written |= (uint16_t)(1u << i);
        break;
    case RECORD_CHOSEN:
        checker_claim(c, i, "record", r->decided.slot, r->decided.value);
        break;
    case RECORD_MARK:
        checker_on_mark(c, i, r);
        break;
    case RECORD_REFUSED:
        if (c->members[i].rolled_back) break;
        checker_fail(c, "promise", "node %u was refused", c->ids[i]);
        break;
    default:
        break;
    }
}

void checker_on_durable(struct checker *c, uint8_t i,
                        const struct disk_record *r)
{
    struct member_view *m = &c->members[i];
    struct proposal *p;

    if (r->type != RECORD_PROMISE && r->type != RECORD_ACCEPT) return;
    if (ballot_cmp(r->ballot, m->durable) > 0) m->durable = r->ballot;
    if (r->type == RECORD_PROMISE) return;

    p = slot_at(checker_slot(c, r->slot), r->ballot);
    ASSERT(p);
    p->durable |= (uint16_t)(1u << i);
    if ((unsigned)__builtin_popcount(p->durable) >= c->n / 2u + 1u) {
        checker_choose(c, r->slot, p);
    }
}

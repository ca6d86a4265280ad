/* sample.c - see sample.h. */
#include "support/sample.h"

#include "kv/command.h"

#define SLOT_TOP (UINT64_C(1) << 62)

const uint8_t sample_messages[] = {
    MESSAGE_HEARTBEAT,    MESSAGE_PREPARE,
    MESSAGE_PROMISE,      MESSAGE_NACK,
    MESSAGE_ACCEPT,       MESSAGE_ACCEPTED,
    MESSAGE_LEARN,        MESSAGE_FETCH,
    MESSAGE_CHOSEN,       MESSAGE_WANT,
    MESSAGE_VALUE,        MESSAGE_CONFIRM,
    MESSAGE_CONFIRMED,    MESSAGE_TOKEN,
    MESSAGE_TOKEN_ACK,    MESSAGE_NOMINATE,
    MESSAGE_REFUSE,       MESSAGE_HELLO,
    MESSAGE_HELLO_ANSWER, MESSAGE_FORWARD,
    MESSAGE_LEAVING,      0,
};

const uint8_t sample_records[] = {
    RECORD_PROMISE,  RECORD_ACCEPT, RECORD_CHOSEN,  RECORD_MARK, RECORD_LIFE,
    RECORD_ADMITTED, RECORD_PEER,   RECORD_REFUSED, 0,
};

/* ---- making ------------------------------------------------------------- */

static uint8_t random_u8(struct prng *p)
{
    return (uint8_t)prng_next(p);
}

/* Small numbers as often as large ones, and the bounds now and then. */
static uint64_t random_upto(uint64_t top, struct prng *p)
{
    switch (prng_below(p, 6)) {
    case 0:
        return 0;
    case 1:
        return top;
    case 2:
        return prng_range(p, 0, top);
    }
    return prng_below(p, 100000);
}

static uint64_t random_slot(struct prng *p)
{
    const uint64_t slot = random_upto(SLOT_TOP, p);

    return slot ? slot : 1;
}

static struct ballot random_ballot(struct prng *p)
{
    const uint64_t round = random_upto(ROUND_MAX, p);

    return (struct ballot){ .round = round ? round : 1,
                            .node = (uint8_t)prng_range(p, 1, 255) };
}

static uint16_t random_bitmap(struct prng *p)
{
    return (uint16_t)prng_below(p, 1u << MEMBERS_MAX);
}

static struct value random_value(struct sample *s, uint32_t max, struct prng *p)
{
    uint32_t len = VALUE_HEAD;
    enum value_kind kind = VALUE_NOOP;

    if (prng_below(p, 4)) {
        kind = VALUE_COMMANDS;
        len = (uint32_t)prng_range(p, VALUE_HEAD + 1, max);
        if (prng_below(p, 50) == 0) len = max;
    }
    for (uint32_t i = VALUE_HEAD; i < len; i++) s->bytes[i] = random_u8(p);
    value_seal(s->bytes, len, kind,
               kind == VALUE_COMMANDS
                   ? (uint16_t)prng_range(p, 1, VALUE_COMMANDS_MAX)
                   : 0,
               prng_next(p));
    return (struct value){ .bytes = s->bytes, .len = len };
}

/* Up to max runs that ascend, with gaps or without; returns how many. */
static uint32_t random_runs(struct run *runs, uint32_t max, struct prng *p)
{
    const uint32_t count = (uint32_t)random_upto(max, p) % (max + 1);
    uint64_t at = prng_range(p, 1, SLOT_TOP / 2);

    for (uint32_t i = 0; i < count; i++) {
        at += prng_below(p, 3);
        runs[i].first = at;
        runs[i].count = (uint32_t)prng_range(p, 1, UINT32_MAX);
        if (prng_below(p, 2)) runs[i].count = 1;
        runs[i].ballot = random_ballot(p);
        at += runs[i].count;
    }
    return count;
}

static struct range random_range(uint64_t first, struct prng *p)
{
    uint64_t width = prng_below(p, PEER_RANGE_MAX);

    if (first + width > SLOT_TOP) width = 0;
    return (struct range){ .first = first, .last = first + width };
}

static void make_heartbeat(struct message *m, struct prng *p)
{
    m->heartbeat = (struct heartbeat){
        .chosen_upto = random_upto(SLOT_TOP, p),
        .accepted_upto = random_upto(SLOT_TOP, p),
        .heard = random_bitmap(p),
        .flags = random_u8(p),
        .priority = random_u8(p),
        .leader = random_u8(p),
        .ways = (uint8_t)prng_below(p, 2),
        .port = (uint16_t)prng_next(p),
        .by_group = random_bitmap(p),
    };
}

static void make_promise(struct sample *s, struct prng *p)
{
    struct promise *to = &s->message.promise;

    to->chosen_upto = random_upto(SLOT_TOP, p);
    to->log_start = prng_range(p, 0, to->chosen_upto + 1);
    if (to->log_start > SLOT_TOP) to->log_start = SLOT_TOP;
    to->runs = s->lists.runs;
    to->run_count = random_runs(s->lists.runs, MESSAGE_RUNS_MAX, p);
}

static void make_accepted(struct sample *s, struct prng *p)
{
    s->message.count = (uint8_t)prng_below(p, RANGES_MAX + 1);
    s->message.ranges = s->lists.ranges;
    for (uint32_t i = 0; i < s->message.count; i++)
        s->lists.ranges[i] = random_range(random_slot(p), p);
}

static void make_fetch(struct sample *s, struct prng *p)
{
    struct fetch *f = &s->lists.fetch;
    uint64_t at = prng_range(p, 1, SLOT_TOP / 2);

    f->range_count = (uint8_t)prng_below(p, FETCH_RANGES_MAX + 1);
    for (uint32_t i = 0; i < f->range_count; i++) {
        f->ranges[i] = random_range(at + prng_below(p, 3), p);
        at = f->ranges[i].last + 1;
    }
    f->held_count = (uint8_t)random_runs(f->held, FETCH_RANGES_MAX, p);
    s->message.fetch = f;
}

static void make_token(struct token *t, struct prng *p)
{
    *t = (struct token){
        .attempt = prng_next(p),
        .round = random_upto(ROUND_MAX, p),
        .initiator = (uint8_t)prng_below(p, MEMBERS_MAX),
        .hop = (uint8_t)prng_below(p, 2 * MEMBERS_MAX + 1),
        .visited = random_bitmap(p),
        .path_len = (uint8_t)prng_below(p, MEMBERS_MAX + 1),
        .best = (uint8_t)prng_below(p, MEMBERS_MAX + 1),
        .best_burden = (uint8_t)prng_below(p, BURDEN_DISK + 1),
        .best_links = (uint8_t)prng_below(p, MEMBERS_MAX + 1),
        .best_priority = random_u8(p),
        .best_accepted = random_upto(SLOT_TOP, p),
    };
    if (t->best == MEMBERS_MAX) t->best = 0xff;
    for (uint32_t i = 0; i < t->path_len; i++)
        t->path[i] = (uint8_t)prng_below(p, MEMBERS_MAX);
}

static void make_leaving(struct leaving *l, struct prng *p)
{
    l->round = prng_range(p, 1, ROUND_MAX);
    l->successor = (uint8_t)prng_below(p, MEMBERS_MAX);
    if (prng_below(p, 4) == 0) l->successor = 0xff;
}

static void make_hello(struct hello *h, struct prng *p)
{
    *h = (struct hello){
        .instance = prng_next(p),
        .previous = random_upto(UINT64_MAX, p),
        .life = random_upto(UINT64_MAX, p),
        .nonce = prng_next(p),
    };
}

static void make_hello_answer(struct hello_answer *a, struct prng *p)
{
    *a = (struct hello_answer){
        .life = random_upto(UINT64_MAX, p),
        .nonce = prng_next(p),
        .yes = (uint8_t)prng_below(p, 2),
        .reason = (uint8_t)prng_below(p, HELLO_NONCE + 1),
    };
}

static struct bytes make_command(struct sample *s, struct prng *p)
{
    const uint32_t value_len = (uint32_t)prng_below(p, 1100);
    const struct command c = {
        .op = COMMAND_PUT,
        .session = { .slot = random_slot(p), .index = random_u8(p) },
        .seq = prng_range(p, 1, 1000),
        .key = bytes_of("key", 3),
        .value = bytes_of(s->bytes + 30000, value_len),
    };
    struct writer w = writer_of(s->bytes, 30000);

    for (uint32_t i = 0; i < value_len; i++) s->bytes[30000 + i] = random_u8(p);
    command_encode(&c, &w);
    return bytes_of(s->bytes, (uint32_t)writer_len(&w));
}

static void make_forward(struct sample *s, struct prng *p)
{
    struct forward *f = &s->message.forward;

    f->client.family = prng_below(p, 2) ? 4 : 6;
    f->client.port = (uint16_t)prng_range(p, 1, UINT16_MAX);
    for (uint32_t i = 0; i < (f->client.family == 4 ? 4u : 16u); i++)
        f->client.ip[i] = random_u8(p);
    if (f->client.family == 6) f->client.scope = (uint32_t)prng_next(p);
    f->cookie = prng_next(p);
    f->passed = random_bitmap(p);
    f->hops = (uint8_t)prng_below(p, PEER_HOPS_MAX + 1);
    f->command = make_command(s, p);
}

static void make_life(struct life *l, struct prng *p)
{
    *l = (struct life){
        .instance = prng_next(p),
        .incarnation = random_upto(UINT64_MAX, p),
        .nonce = prng_next(p),
        .heard_incarnation = random_upto(UINT64_MAX, p),
        .peer = random_u8(p),
    };
}

static void make_decided(struct sample *s, uint32_t value_max, struct prng *p)
{
    struct message *m = &s->message;
    const bool empty = m->type == MESSAGE_WANT ||
                       (m->type == MESSAGE_CHOSEN && prng_below(p, 4) == 0);

    m->decided.slot = random_slot(p);
    if (!empty) m->decided.value = random_value(s, value_max, p);
}

static void make_accept(struct sample *s, uint32_t value_max, struct prng *p)
{
    s->message.accept = (struct accept){
        .slot = random_slot(p),
        .learn_upto = random_upto(SLOT_TOP, p),
        .value = random_value(s, value_max, p),
    };
}

static void make_nack(struct nack *n, struct prng *p)
{
    n->refused = random_ballot(p);
    if (prng_below(p, 2)) n->claimed = random_ballot(p);
}

/* Elections, Hellos and requests. */
static void make_of_others(struct sample *s, struct prng *p)
{
    struct message *m = &s->message;

    switch (m->type) {
    case MESSAGE_TOKEN ... MESSAGE_REFUSE:
        make_token(&m->token, p);
        return;
    case MESSAGE_HELLO:
        make_hello(&m->hello, p);
        return;
    case MESSAGE_HELLO_ANSWER:
        make_hello_answer(&m->hello_answer, p);
        return;
    case MESSAGE_FORWARD:
        make_forward(s, p);
        return;
    case MESSAGE_LEAVING:
        make_leaving(&m->leaving, p);
        return;
    default:
        return;
    }
}

static void make_body(struct sample *s, uint32_t value_max, struct prng *p)
{
    struct message *m = &s->message;

    switch ((enum message_type)m->type) {
    case MESSAGE_HEARTBEAT:
        make_heartbeat(m, p);
        return;
    case MESSAGE_PREPARE:
        m->prepare.from = random_slot(p);
        return;
    case MESSAGE_PROMISE:
        make_promise(s, p);
        return;
    case MESSAGE_NACK:
        make_nack(&m->nack, p);
        return;
    case MESSAGE_ACCEPT:
    case RECORD_ACCEPT:
        make_accept(s, value_max, p);
        return;
    case MESSAGE_ACCEPTED:
        make_accepted(s, p);
        return;
    case MESSAGE_LEARN:
        m->learn.upto = random_upto(SLOT_TOP, p);
        return;
    case MESSAGE_FETCH:
        make_fetch(s, p);
        return;
    case MESSAGE_CHOSEN:
    case MESSAGE_VALUE:
    case MESSAGE_WANT:
    case RECORD_CHOSEN:
        make_decided(s, value_max, p);
        return;
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        m->confirm.nonce = prng_next(p);
        return;
    case MESSAGE_TOKEN ... MESSAGE_LEAVING:
        make_of_others(s, p);
        return;
    case RECORD_MARK:
        m->mark = (struct mark){ random_slot(p), random_slot(p) };
        return;
    case RECORD_LIFE ... RECORD_PEER:
        make_life(&m->life, p);
        return;
    case RECORD_PROMISE:
    case RECORD_REFUSED:
        return;
    }
}

static bool carries_vote_seq(uint8_t type)
{
    return type == MESSAGE_HEARTBEAT || type == MESSAGE_PROMISE ||
           type == MESSAGE_ACCEPTED || type == MESSAGE_HELLO ||
           type >= RECORD_PROMISE;
}

void sample_make(struct sample *s, uint8_t type, uint32_t value_max,
                 struct prng *p)
{
    struct message *m = &s->message;

    memset(m, 0, sizeof *m);
    m->type = type;
    m->ballot = random_ballot(p);
    if (type < RECORD_PROMISE) {
        m->request = random_upto(UINT64_MAX, p);
        m->asker = random_upto(UINT64_MAX, p);
    }
    if (carries_vote_seq(type)) m->vote_seq = random_upto(UINT64_MAX, p);
    make_body(s, value_max, p);
}

/* ---- comparing ---------------------------------------------------------- */

static bool equal_runs(const struct run *a, const struct run *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (a[i].first != b[i].first || a[i].count != b[i].count) return false;
        if (!ballot_equal(a[i].ballot, b[i].ballot)) return false;
    }
    return true;
}

static bool equal_ranges(const struct range *a, const struct range *b,
                         uint32_t count)
{
    return count == 0 || memcmp(a, b, count * sizeof *a) == 0;
}

static bool equal_values(struct value a, struct value b)
{
    return bytes_equal(bytes_of(a.bytes, a.len), bytes_of(b.bytes, b.len));
}

static bool equal_heartbeat(const struct heartbeat *a,
                            const struct heartbeat *b)
{
    return a->chosen_upto == b->chosen_upto &&
           a->accepted_upto == b->accepted_upto && a->heard == b->heard &&
           a->flags == b->flags && a->priority == b->priority &&
           a->leader == b->leader && a->ways == b->ways && a->port == b->port &&
           a->by_group == b->by_group;
}

static bool equal_promise(const struct promise *a, const struct promise *b)
{
    return a->log_start == b->log_start && a->chosen_upto == b->chosen_upto &&
           a->run_count == b->run_count &&
           equal_runs(a->runs, b->runs, a->run_count);
}

static bool equal_fetch(const struct fetch *a, const struct fetch *b)
{
    return a->range_count == b->range_count && a->held_count == b->held_count &&
           equal_ranges(a->ranges, b->ranges, a->range_count) &&
           equal_runs(a->held, b->held, a->held_count);
}

static bool equal_token(const struct token *a, const struct token *b)
{
    return a->attempt == b->attempt && a->round == b->round &&
           a->initiator == b->initiator && a->hop == b->hop &&
           a->visited == b->visited && a->path_len == b->path_len &&
           memcmp(a->path, b->path, sizeof a->path) == 0 &&
           a->best == b->best && a->best_burden == b->best_burden &&
           a->best_links == b->best_links &&
           a->best_priority == b->best_priority &&
           a->best_accepted == b->best_accepted;
}

static bool equal_hello(const struct hello *a, const struct hello *b)
{
    return a->instance == b->instance && a->previous == b->previous &&
           a->life == b->life && a->nonce == b->nonce;
}

static bool equal_forward(const struct forward *a, const struct forward *b)
{
    return address_equal(&a->client, &b->client) && a->cookie == b->cookie &&
           a->passed == b->passed && a->hops == b->hops &&
           bytes_equal(a->command, b->command);
}

static bool equal_life(const struct life *a, const struct life *b)
{
    return a->instance == b->instance && a->incarnation == b->incarnation &&
           a->nonce == b->nonce &&
           a->heard_incarnation == b->heard_incarnation && a->peer == b->peer;
}

static bool equal_body(const struct message *a, const struct message *b)
{
    switch ((enum message_type)a->type) {
    case MESSAGE_HEARTBEAT:
        return equal_heartbeat(&a->heartbeat, &b->heartbeat);
    case MESSAGE_PREPARE:
        return a->prepare.from == b->prepare.from;
    case MESSAGE_PROMISE:
        return equal_promise(&a->promise, &b->promise);
    case MESSAGE_NACK:
        return ballot_equal(a->nack.refused, b->nack.refused) &&
               ballot_equal(a->nack.claimed, b->nack.claimed);
    case MESSAGE_ACCEPT:
    case RECORD_ACCEPT:
        return a->accept.slot == b->accept.slot &&
               a->accept.learn_upto == b->accept.learn_upto &&
               equal_values(a->accept.value, b->accept.value);
    case MESSAGE_ACCEPTED:
        return equal_ranges(a->ranges, b->ranges, a->count);
    case MESSAGE_LEARN:
        return a->learn.upto == b->learn.upto;
    case MESSAGE_FETCH:
        return equal_fetch(a->fetch, b->fetch);
    case MESSAGE_CHOSEN:
    case MESSAGE_VALUE:
    case MESSAGE_WANT:
    case RECORD_CHOSEN:
        return a->decided.slot == b->decided.slot &&
               equal_values(a->decided.value, b->decided.value);
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        return a->confirm.nonce == b->confirm.nonce;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        return equal_token(&a->token, &b->token);
    case MESSAGE_HELLO:
        return equal_hello(&a->hello, &b->hello);
    case MESSAGE_HELLO_ANSWER:
        return a->hello_answer.life == b->hello_answer.life &&
               a->hello_answer.nonce == b->hello_answer.nonce &&
               a->hello_answer.yes == b->hello_answer.yes &&
               a->hello_answer.reason == b->hello_answer.reason;
    case MESSAGE_FORWARD:
        return equal_forward(&a->forward, &b->forward);
    case MESSAGE_LEAVING:
        return a->leaving.round == b->leaving.round &&
               a->leaving.successor == b->leaving.successor;
    case RECORD_MARK:
        return a->mark.first == b->mark.first && a->mark.upto == b->mark.upto;
    case RECORD_LIFE:
    case RECORD_ADMITTED:
    case RECORD_PEER:
        return equal_life(&a->life, &b->life);
    case RECORD_PROMISE:
    case RECORD_REFUSED:
        return true;
    }
    return false;
}

bool sample_equal(const struct message *a, const struct message *b)
{
    return a->type == b->type && a->count == b->count &&
           a->request == b->request && a->asker == b->asker &&
           a->vote_seq == b->vote_seq && ballot_equal(a->ballot, b->ballot) &&
           equal_body(a, b);
}

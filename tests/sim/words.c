/* words.c - see words.h */
#include "sim/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define COMMANDS_TOLD 2u /* of a value */
#define BYTES_TOLD    16u

static const struct {
    const char *name;
    const char *rule;
} kinds[] = {
    [MESSAGE_HEARTBEAT] = { "Heartbeat", "E1" },
    [MESSAGE_PREPARE] = { "Prepare", "P3" },
    [MESSAGE_PROMISE] = { "Promise", "P5" },
    [MESSAGE_NACK] = { "Nack", "P4" },
    [MESSAGE_ACCEPT] = { "Accept", "P9" },
    [MESSAGE_ACCEPTED] = { "Accepted", "P10" },
    [MESSAGE_LEARN] = { "Learn", "P15" },
    [MESSAGE_FETCH] = { "Fetch", "P19" },
    [MESSAGE_CHOSEN] = { "Chosen", "P19" },
    [MESSAGE_WANT] = { "Want", "P5" },
    [MESSAGE_VALUE] = { "Value", "P5" },
    [MESSAGE_CONFIRM] = { "Confirm", "P26" },
    [MESSAGE_CONFIRMED] = { "Confirmed", "P26" },
    [MESSAGE_TOKEN] = { "Token", "E3" },
    [MESSAGE_TOKEN_ACK] = { "TokenAck", "E3" },
    [MESSAGE_NOMINATE] = { "Nominate", "E5" },
    [MESSAGE_REFUSE] = { "Refuse", "E5" },
    [MESSAGE_HELLO] = { "Hello", "M2" },
    [MESSAGE_HELLO_ANSWER] = { "HelloAnswer", "M2" },
    [MESSAGE_FORWARD] = { "Forward", "E10" },
    [MESSAGE_LEAVING] = { "Leaving", "E5" },
    [RECORD_PROMISE] = { "promise", "P4" },
    [RECORD_ACCEPT] = { "vote", "P10" },
    [RECORD_CHOSEN] = { "chosen", "P19" },
    [RECORD_MARK] = { "mark", "P16" },
    [RECORD_LIFE] = { "life", "M2" },
    [RECORD_ADMITTED] = { "admitted", "M2" },
    [RECORD_PEER] = { "peer", "M2" },
    [RECORD_REFUSED] = { "refused", "M2" },
};

void words_add(struct words *w, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(w->text + w->len, sizeof w->text - w->len, format, args);
    va_end(args);
    if (len > 0) w->len += (uint32_t)len;
    if (w->len >= sizeof w->text) w->len = sizeof w->text - 1;
}

void words_ballot(struct words *w, struct ballot b)
{
    words_add(w, "%" PRIu64 ".%u", b.round, b.node);
}

void words_set(struct words *w, uint16_t set)
{
    const char *space = "";

    words_add(w, "{");
    for (uint8_t i = 0; i < MEMBERS_MAX; i++) {
        if (!(set >> i & 1)) continue;
        words_add(w, "%s%u", space, w->ids[i]);
        space = " ";
    }
    words_add(w, "}");
}

void words_bytes(struct words *w, struct bytes b)
{
    const bool cut = b.len > BYTES_TOLD;

    words_add(w, "%.*s%s", (int)(cut ? BYTES_TOLD : b.len), (const char *)b.at,
              cut ? "~" : "");
}

/* ---- commands and values ------------------------------------------------- */

const char *words_op(uint8_t op)
{
    static const char *const names[] = {
        [COMMAND_PUT] = "put",     [COMMAND_DEL] = "del",
        [COMMAND_CAS] = "cas",     [COMMAND_INCR] = "incr",
        [COMMAND_OPEN] = "open",   [COMMAND_CLOSE] = "close",
        [COMMAND_FENCE] = "fence", [COMMAND_KEEPALIVE] = "keepalive",
        [COMMAND_GET] = "get",     [COMMAND_LIST] = "list",
        [COMMAND_PING] = "ping",
    };

    if (op >= sizeof names / sizeof names[0] || !names[op]) return "?";
    return names[op];
}

const char *words_status(uint8_t status)
{
    static const char *const names[] = {
        "ok",      "notfound",    "mismatch", "busy",         "full",
        "expired", "stale",       "void",     "not a number", "overflow",
        "window",  "unavailable", "bad",
    };

    return status < sizeof names / sizeof names[0] ? names[status] : "?";
}

void words_command(struct words *w, const struct command *c)
{
    words_add(w, "%s", words_op(c->op));
    if (c->key.len) {
        words_add(w, " ");
        words_bytes(w, c->key);
    }
    switch (c->op) {
    case COMMAND_PUT:
        words_add(w, "=");
        words_bytes(w, c->value);
        break;
    case COMMAND_CAS:
        words_add(w, " ");
        words_bytes(w, c->expected);
        words_add(w, "%s=", c->flags & COMMAND_ABSENT ? "--absent" : "");
        words_bytes(w, c->value);
        break;
    case COMMAND_INCR:
        words_add(w, " %" PRId64, (int64_t)load64(c->value.at));
        break;
    case COMMAND_FENCE:
        words_add(w, " seq %" PRIu64, c->seq);
        break;
    default:
        break;
    }
}

static void words_commands(struct words *w, struct value v)
{
    const uint32_t count = value_count(v.bytes);
    struct reader r = reader_of(v.bytes + VALUE_HEAD, v.len - VALUE_HEAD);

    for (uint32_t i = 0; i < count && i < COMMANDS_TOLD; i++) {
        struct command c;

        if (command_decode(&c, &r) < 0) break;
        if (i) words_add(w, ", ");
        words_command(w, &c);
    }
    if (count > COMMANDS_TOLD) words_add(w, ", +%u", count - COMMANDS_TOLD);
}

void words_value(struct words *w, struct value v)
{
    if (v.len < VALUE_HEAD) {
        words_add(w, "the value held");
    } else if (value_kind(v.bytes) == VALUE_NOOP) {
        words_add(w, "no-op");
    } else if (value_kind(v.bytes) == VALUE_TAKEOVER) {
        words_add(w, "takeover no-op");
    } else {
        words_commands(w, v);
    }
}

/* ---- messages ------------------------------------------------------------ */

const char *words_rule(uint8_t type)
{
    return type < sizeof kinds / sizeof kinds[0] ? kinds[type].rule : NULL;
}

static const char *kind_name(uint8_t type)
{
    if (type >= sizeof kinds / sizeof kinds[0] || !kinds[type].name) return "?";
    return kinds[type].name;
}

static void words_heartbeat(struct words *w, const struct heartbeat *h)
{
    static const char *const flags[] = {
        "leads",    "QC",   "happy",    "ok",
        "admitted", "full", "draining", "resigned",
    };

    for (uint32_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (h->flags >> i & 1) words_add(w, " %s", flags[i]);
    }
    if (h->leader) words_add(w, ", leader %u", h->leader);
    words_add(w, ", hears ");
    words_set(w, h->heard);
    words_add(w, ", chosen %" PRIu64 ", accepted %" PRIu64, h->chosen_upto,
              h->accepted_upto);
}

static void words_promise(struct words *w, const struct promise *p)
{
    words_add(w, " chosen up to %" PRIu64 ", accepted", p->chosen_upto);
    if (p->run_count == 0) words_add(w, " nothing");
    for (uint32_t i = 0; i < p->run_count; i++) {
        const struct run *r = &p->runs[i];

        words_add(w, " %" PRIu64, r->first);
        if (r->count > 1) words_add(w, "..%" PRIu64, r->first + r->count - 1);
        words_add(w, "@");
        words_ballot(w, r->ballot);
    }
}

static void words_ranges(struct words *w, const struct range *r, uint32_t count)
{
    words_add(w, count == 1 && r->first == r->last ? " slot" : " slots");
    for (uint32_t i = 0; i < count; i++) {
        words_add(w, " %" PRIu64, r[i].first);
        if (r[i].last > r[i].first) words_add(w, "..%" PRIu64, r[i].last);
    }
}

static void words_token(struct words *w, const struct message *m)
{
    const struct token *t = &m->token;

    words_add(w, " %u/%" PRIu64, w->ids[t->initiator % MEMBERS_MAX],
              t->attempt & 0xfffff);
    if (m->type == MESSAGE_TOKEN_ACK || m->type == MESSAGE_REFUSE) return;
    words_add(w, " round %" PRIu64 ", visited ", t->round);
    words_set(w, t->visited);
    if (t->best < MEMBERS_MAX) words_add(w, ", best %u", w->ids[t->best]);
}

static void words_hello(struct words *w, const struct message *m)
{
    if (m->type == MESSAGE_HELLO) {
        words_add(w, " incarnation %" PRIu64 ", previous %" PRIu64,
                  m->hello.life, m->hello.previous);
    } else if (m->hello_answer.yes) {
        words_add(w, " yes to incarnation %" PRIu64, m->hello_answer.life);
    } else {
        words_add(w, " no to incarnation %" PRIu64 ", reason %u",
                  m->hello_answer.life, m->hello_answer.reason);
    }
}

static void words_forward(struct words *w, const struct forward *f)
{
    struct reader r = reader_of(f->command.at, f->command.len);
    struct command c;

    words_add(w, " ");
    if (command_decode(&c, &r) == 0) words_command(w, &c);
    if (f->hops > 1) words_add(w, ", hop %u", f->hops);
}

static void words_record(struct words *w, const struct message *m)
{
    switch (m->type) {
    case RECORD_MARK:
        words_add(w, " slots %" PRIu64 "..%" PRIu64, m->mark.first,
                  m->mark.upto);
        break;
    case RECORD_PEER:
        words_add(w, " %u incarnation %" PRIu64 ", votes %" PRIu64,
                  m->life.peer, m->life.incarnation, m->vote_seq);
        break;
    case RECORD_LIFE:
    case RECORD_ADMITTED:
        words_add(w, " incarnation %" PRIu64, m->life.incarnation);
        break;
    default:
        break;
    }
}

void words_body(struct words *w, const struct message *m)
{
    switch (m->type) {
    case MESSAGE_HEARTBEAT:
        words_heartbeat(w, &m->heartbeat);
        break;
    case MESSAGE_PREPARE:
        words_add(w, " from slot %" PRIu64, m->prepare.from);
        break;
    case MESSAGE_PROMISE:
        words_promise(w, &m->promise);
        break;
    case MESSAGE_NACK:
        words_add(w, " is promised, ");
        words_ballot(w, m->nack.refused);
        words_add(w, " is refused");
        break;
    case MESSAGE_ACCEPT:
    case RECORD_ACCEPT:
        words_add(w, " slot %" PRIu64 ": ", m->accept.slot);
        words_value(w, m->accept.value);
        break;
    case MESSAGE_ACCEPTED:
        words_ranges(w, m->ranges, m->count);
        break;
    case MESSAGE_LEARN:
        words_add(w, " up to %" PRIu64, m->learn.upto);
        break;
    case MESSAGE_FETCH:
        words_ranges(w, m->fetch->ranges, m->fetch->range_count);
        break;
    case MESSAGE_WANT:
        words_add(w, " slot %" PRIu64, m->decided.slot);
        break;
    case MESSAGE_CHOSEN:
    case MESSAGE_VALUE:
    case RECORD_CHOSEN:
        words_add(w, " slot %" PRIu64 ": ", m->decided.slot);
        words_value(w, m->decided.value);
        break;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        words_token(w, m);
        break;
    case MESSAGE_HELLO:
    case MESSAGE_HELLO_ANSWER:
        words_hello(w, m);
        break;
    case MESSAGE_FORWARD:
        words_forward(w, &m->forward);
        break;
    case MESSAGE_LEAVING:
        words_add(w, " to [%u], round %" PRIu64, m->leaving.successor,
                  m->leaving.round);
        break;
    default:
        words_record(w, m);
        break;
    }
}

void words_head(struct words *w, const struct message *m)
{
    words_add(w, "%s", kind_name(m->type));
    if (m->ballot.round == 0) return;
    words_add(w, " ");
    words_ballot(w, m->ballot);
}

void words_message(struct words *w, const struct message *m)
{
    words_head(w, m);
    words_body(w, m);
    if (m->type == MESSAGE_ACCEPT && m->accept.learn_upto) {
        words_add(w, "; chosen up to %" PRIu64, m->accept.learn_upto);
    }
}

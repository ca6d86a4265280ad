/* trace.c - see trace.h */
#include "sim/trace.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdarg.h>

void trace_clean(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') *text = '.';
    }
}

void trace_line(struct trace *t, uint64_t now_ns, const char *kind,
                uint32_t who, const char *format, ...)
{
    char line[TRACE_WIDTH];
    va_list args;
    int len;

    if (!trace_is_on(t)) return;
    len = snprintf(line, sizeof line, "%4" PRIu64 ".%06" PRIu64 " %s %-2u ",
                   now_ns / 1000000000, now_ns / 1000 % 1000000, kind, who);
    va_start(args, format);
    vsnprintf(line + len, sizeof line - (size_t)len, format, args);
    va_end(args);
    trace_clean(line);
    if (t->out) fprintf(t->out, "%s\n", line);
    if (!t->ring) return;
    memcpy(t->ring->lines[t->ring->count % TRACE_LINES], line, sizeof line);
    t->ring->count++;
}

void trace_print_ring(const struct trace_ring *ring, FILE *to)
{
    const uint64_t first = ring->count > TRACE_LINES ? ring->count - TRACE_LINES
                                                     : 0;

    for (uint64_t i = first; i < ring->count; i++) {
        fprintf(to, "%s\n", ring->lines[i % TRACE_LINES]);
    }
}

static const char *message_name(uint8_t type)
{
    static const char *const names[] = {
        [MESSAGE_HEARTBEAT] = "Heartbeat",
        [MESSAGE_PREPARE] = "Prepare",
        [MESSAGE_PROMISE] = "Promise",
        [MESSAGE_NACK] = "Nack",
        [MESSAGE_ACCEPT] = "Accept",
        [MESSAGE_ACCEPTED] = "Accepted",
        [MESSAGE_LEARN] = "Learn",
        [MESSAGE_FETCH] = "Fetch",
        [MESSAGE_CHOSEN] = "Chosen",
        [MESSAGE_WANT] = "Want",
        [MESSAGE_VALUE] = "Value",
        [MESSAGE_CONFIRM] = "Confirm",
        [MESSAGE_CONFIRMED] = "Confirmed",
        [MESSAGE_TOKEN] = "Token",
        [MESSAGE_TOKEN_ACK] = "TokenAck",
        [MESSAGE_NOMINATE] = "Nominate",
        [MESSAGE_REFUSE] = "Refuse",
        [MESSAGE_HELLO] = "Hello",
        [MESSAGE_HELLO_ANSWER] = "HelloAnswer",
        [MESSAGE_FORWARD] = "Forward",
        [RECORD_PROMISE] = "promise",
        [RECORD_ACCEPT] = "vote",
        [RECORD_CHOSEN] = "chosen",
        [RECORD_MARK] = "mark",
        [RECORD_LIFE] = "life",
        [RECORD_ADMITTED] = "admitted",
        [RECORD_PEER] = "peer",
        [RECORD_REFUSED] = "refused",
    };

    if (type >= sizeof names / sizeof names[0] || !names[type]) return "?";
    return names[type];
}

/* Append to what is in buf already. */
__attribute__((format(printf, 3, 4))) static void say(char *buf, size_t size,
                                                      const char *format, ...)
{
    const size_t len = strlen(buf);
    va_list args;

    va_start(args, format);
    vsnprintf(buf + len, size - len, format, args);
    va_end(args);
}

static void say_value(char *buf, size_t size, const struct value *v)
{
    static const char *const kinds[] = { "?", "commands", "no-op", "takeover" };

    if (v->len < VALUE_HEAD) {
        say(buf, size, " (as held)");
        return;
    }
    say(buf, size, " %s", kinds[value_kind(v->bytes) & 3]);
    if (value_count(v->bytes)) say(buf, size, " x%u", value_count(v->bytes));
    say(buf, size, " #%08x", load32(v->bytes));
}

static void say_heartbeat(char *buf, size_t size, const struct heartbeat *h)
{
    static const char letters[] = "cqhoafdr";
    char flags[9];

    for (uint32_t i = 0; i < 8; i++) {
        flags[i] = (char)(h->flags >> i & 1 ? letters[i] - 32 : letters[i]);
    }
    flags[8] = '\0';
    say(buf, size,
        " %s leader %u heard %03x chosen %" PRIu64 " accepted %" PRIu64, flags,
        h->leader, h->heard, h->chosen_upto, h->accepted_upto);
}

static void say_promise(char *buf, size_t size, const struct promise *p)
{
    say(buf, size, " chosen %" PRIu64 " runs", p->chosen_upto);
    for (uint32_t i = 0; i < p->run_count; i++) {
        const struct run *r = &p->runs[i];

        say(buf, size, " %" PRIu64 "+%u@%" PRIu64 ".%u", r->first, r->count,
            r->ballot.round, r->ballot.node);
    }
}

static void say_ranges(char *buf, size_t size, const struct range *r,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        say(buf, size, " %" PRIu64 "..%" PRIu64, r[i].first, r[i].last);
    }
}

static void say_token(char *buf, size_t size, const struct token *t)
{
    say(buf, size,
        " id %" PRIu64 "/%u round %" PRIu64 " hop %u visited %03x best %u",
        t->attempt, t->initiator, t->round, t->hop, t->visited, t->best);
}

static void say_hello(char *buf, size_t size, const struct message *m)
{
    if (m->type == MESSAGE_HELLO) {
        say(buf, size, " previous %" PRIu64 " life %" PRIu64, m->hello.previous,
            m->hello.life);
        return;
    }
    say(buf, size, " life %" PRIu64 " %s %u", m->hello_answer.life,
        m->hello_answer.yes ? "yes" : "no", m->hello_answer.reason);
}

static void say_record(char *buf, size_t size, const struct message *m)
{
    if (m->type == RECORD_MARK) {
        say(buf, size, " %" PRIu64 "..%" PRIu64, m->mark.first, m->mark.upto);
    } else if (m->type >= RECORD_LIFE && m->type <= RECORD_PEER) {
        say(buf, size, " incarnation %" PRIu64 " heard %" PRIu64 " peer %u",
            m->life.incarnation, m->life.heard_incarnation, m->life.peer);
    }
}

static void say_body(char *buf, size_t size, const struct message *m)
{
    switch (m->type) {
    case MESSAGE_HEARTBEAT:
        say_heartbeat(buf, size, &m->heartbeat);
        break;
    case MESSAGE_PREPARE:
        say(buf, size, " from %" PRIu64, m->prepare.from);
        break;
    case MESSAGE_PROMISE:
        say_promise(buf, size, &m->promise);
        break;
    case MESSAGE_NACK:
        say(buf, size, " refused %" PRIu64 ".%u", m->nack.refused.round,
            m->nack.refused.node);
        break;
    case MESSAGE_ACCEPT:
    case RECORD_ACCEPT:
        say(buf, size, " slot %" PRIu64, m->accept.slot);
        say_value(buf, size, &m->accept.value);
        say(buf, size, " learn %" PRIu64, m->accept.learn_upto);
        break;
    case MESSAGE_ACCEPTED:
        say_ranges(buf, size, m->ranges, m->count);
        break;
    case MESSAGE_LEARN:
        say(buf, size, " upto %" PRIu64, m->learn.upto);
        break;
    case MESSAGE_FETCH:
        say_ranges(buf, size, m->fetch->ranges, m->fetch->range_count);
        break;
    case MESSAGE_CHOSEN:
    case MESSAGE_WANT:
    case MESSAGE_VALUE:
    case RECORD_CHOSEN:
        say(buf, size, " slot %" PRIu64, m->decided.slot);
        if (m->type != MESSAGE_WANT) say_value(buf, size, &m->decided.value);
        break;
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        say(buf, size, " nonce %" PRIu64, m->confirm.nonce);
        break;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        say_token(buf, size, &m->token);
        break;
    case MESSAGE_HELLO:
    case MESSAGE_HELLO_ANSWER:
        say_hello(buf, size, m);
        break;
    case MESSAGE_FORWARD:
        say(buf, size, " cookie %" PRIx64 " hops %u", m->forward.cookie,
            m->forward.hops);
        break;
    default:
        say_record(buf, size, m);
        break;
    }
}

const char *trace_message(char *buf, size_t size, const struct message *m)
{
    snprintf(buf, size, "%s", message_name(m->type));
    if (m->ballot.round) {
        say(buf, size, " %" PRIu64 ".%u", m->ballot.round, m->ballot.node);
    }
    say_body(buf, size, m);
    if (m->vote_seq) say(buf, size, " votes %" PRIu64, m->vote_seq);
    return buf;
}

const char *trace_note(char *buf, size_t size, const struct note *note)
{
    static const char *const names[] = {
        "admitted", "hello refused", "election",  "candidate",
        "leading",  "serving",       "following", "preempted",
        "resigned", "leader lost",   "caught up", "behind",
    };

    snprintf(buf, size, "%s", "?");
    if (note->type < sizeof names / sizeof names[0]) {
        snprintf(buf, size, "%s", names[note->type]);
    }
    say(buf, size, " node [%u] ballot %" PRIu64 ".%u number %" PRIu64,
        note->node, note->ballot.round, note->ballot.node, note->number);
    return buf;
}

static const char *command_name(uint8_t op)
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

const char *trace_command(char *buf, size_t size, const struct command *c)
{
    snprintf(buf, size, "%s %.*s", command_name(c->op), (int)c->key.len,
             (const char *)c->key.at);
    if (c->session.slot) {
        say(buf, size, " session %" PRIu64 ".%u seq %" PRIu64 " acked %" PRIu64,
            c->session.slot, c->session.index, c->seq, c->acked_upto);
    }
    return buf;
}

const char *trace_status(uint8_t status)
{
    static const char *const names[] = {
        "ok",      "notfound",    "mismatch", "busy",         "full",
        "expired", "stale",       "void",     "not a number", "overflow",
        "window",  "unavailable", "bad",
    };

    return status < sizeof names / sizeof names[0] ? names[status] : "?";
}

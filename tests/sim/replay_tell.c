/* replay_tell.c - see replay_tell.h */
#include "sim/replay_tell.h"

#include "base/reader.h"
#include "base/units.h"
#include "sim/trace.h"
#include "sim/words.h"

#include <inttypes.h>
#include <stdarg.h>

/* One line: the time, who it is, what. */
__attribute__((format(printf, 3, 4))) static void tell(
    const struct node_config *c, uint64_t now_ns, const char *format, ...)
{
    char line[TRACE_WIDTH];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    trace_clean(line);
    printf("%8" PRIu64 ".%06" PRIu64 "  node %-3u  %s\n", now_ns / NS_PER_S,
           now_ns / NS_PER_US % 1000000, c->ids[c->self], line);
}

static void say_command(struct words *w, struct bytes bytes)
{
    struct reader r = reader_of(bytes.at, bytes.len);
    struct command c;

    if (command_decode(&c, &r) < 0)
        words_add(w, "no command");
    else
        words_command(w, &c);
}

static void say_event(struct words *w, const struct event *ev)
{
    switch (ev->type) {
    case EVENT_MESSAGE:
        words_add(w, "<- %u  ", w->ids[ev->message->from]);
        words_message(w, ev->message);
        break;
    case EVENT_RECORD:
        words_add(w, "read  ");
        words_message(w, ev->message);
        break;
    case EVENT_REQUEST:
        words_add(w, "<- client %u  ", ev->request->client.port);
        say_command(w, ev->request->command);
        break;
    case EVENT_DURABLE:
        words_add(w, "durable up to %" PRIu64, ev->seq);
        break;
    case EVENT_FULL:
        words_add(w, "disk full: %" PRIu64, ev->seq);
        break;
    case EVENT_READ_DONE:
        words_add(w, "read done");
        break;
    case EVENT_START:
        words_add(w, "start");
        break;
    case EVENT_TICK:
        words_add(w, "tick");
        break;
    case EVENT_FLUSH:
        words_add(w, "flush");
        break;
    case EVENT_STOP:
        words_add(w, "stop");
        break;
    case EVENT_TRANSFER:
        words_add(w, "transfer to [%" PRIu64 "]", ev->tag);
        break;
    case EVENT_PEER_GONE:
        words_add(w, "[%" PRIu64 "] is gone", ev->tag);
        break;
    case EVENT_REPLAYED:
        words_add(w, "the log was read for role %u",
                  (unsigned)(ev->tag & 0xff));
        break;
    case EVENT_ROLE:
        words_add(w, "role %u: %s", ev->order->role,
                  ev->order->kill ? "is killed" : "gets a schedule");
        break;
    }
}

void replay_tell_event(const struct node_config *c, uint64_t number,
                       const struct event *ev)
{
    struct words w = { .ids = c->ids };

    say_event(&w, ev);
    tell(c, ev->now_ns, "#%" PRIu64 " %s", number, w.text);
}

static void say_reply(struct words *w, const struct reply *r)
{
    words_add(w, "=> client %u  %s seq %" PRIu64 " %s slot %" PRIu64 " ",
              r->to.port, words_op(r->op), r->seq, words_status(r->status),
              r->slot);
    words_bytes(w, r->value);
}

static void say_note(struct words *w, const struct note *n)
{
    static const char *const names[] = {
        [NOTE_ADMITTED] = "admitted",
        [NOTE_HELLO_REFUSED] = "refuses",
        [NOTE_ELECTION] = "starts an election",
        [NOTE_CANDIDATE] = "is a candidate",
        [NOTE_LEADING] = "leads",
        [NOTE_SERVING] = "serves",
        [NOTE_FOLLOWING] = "follows",
        [NOTE_PREEMPTED] = "is preempted",
        [NOTE_RESIGNED] = "resigns",
        [NOTE_LEADER_LOST] = "has lost its leader",
        [NOTE_LEADER_GONE] = "learns that its leader is gone",
        [NOTE_LEAVING] = "hears who shall lead",
        [NOTE_CAUGHT_UP] = "has caught up",
        [NOTE_BEHIND] = "is behind",
        [NOTE_ROLE_CRASHED] = "loses a role",
        [NOTE_ROLE_OUT] = "has an outage of a role",
        [NOTE_ROLE_BACK] = "has rebuilt a role",
    };
    const bool known = n->type < sizeof names / sizeof names[0] &&
                       names[n->type];

    words_add(w, "note  %s, ballot ", known ? names[n->type] : "?");
    words_ballot(w, n->ballot);
    words_add(w, ", number %" PRIu64, n->number);
}

static void say_effect(struct words *w, const struct effect *e)
{
    switch ((enum effect_type)e->type) {
    case EFFECT_NONE:
        words_add(w, "done inside");
        break;
    case EFFECT_SEND:
        if (e->to == TO_GROUP)
            words_add(w, "-> all  ");
        else
            words_add(w, "-> %u  ", w->ids[e->to % MEMBERS_MAX]);
        words_message(w, &e->message);
        break;
    case EFFECT_PERSIST:
        words_add(w, "log %" PRIu64 "  ", e->seq);
        words_message(w, &e->message);
        break;
    case EFFECT_PROBE:
        words_add(w, "probes %u at %u", w->ids[e->to % MEMBERS_MAX], e->port);
        break;
    case EFFECT_REPLAY:
        words_add(w, "reads the log for role %u, from slot %" PRIu64,
                  (unsigned)(e->replay.tag & 0xff), e->replay.first);
        break;
    case EFFECT_READ:
        words_add(w, "reads the log, slots %" PRIu64 "..%" PRIu64,
                  e->read.first, e->read.last);
        break;
    case EFFECT_REPLY:
        say_reply(w, &e->reply);
        break;
    case EFFECT_NOTE:
        say_note(w, &e->note);
        break;
    case EFFECT_FATAL:
        words_add(w, "ends with %d in slot %" PRIu64 ": %s", e->fatal.status,
                  e->fatal.slot, e->fatal.text);
        break;
    }
}

void replay_tell_effects(const struct node_config *c, uint64_t now_ns,
                         const struct effects *out)
{
    for (uint32_t i = 0; i < out->count; i++) {
        struct words w = { .ids = c->ids };

        say_effect(&w, &out->list[i]);
        tell(c, now_ns, "  %s", w.text);
    }
}

/* observe.c - see observe.h */
#include "sim/observe.h"

#include "sim/words.h"
#include "sim/world.h"

#include <inttypes.h>
#include <stdarg.h>

#define SLOTS_TOLD 4u /* one by one */

static struct words observe_words(const struct world *w)
{
    return (struct words){ .ids = w->trace->ids };
}

static struct sight observe_sight(const struct world *w, uint8_t place,
                                  enum trace_mark mark, const char *rule)
{
    return (struct sight){
        .at_ns = w->now_ns,
        .mark = mark,
        .place = place,
        .rule = rule,
    };
}

void observe_life(struct world *w, const struct machine *m,
                  enum trace_mark mark, const char *format, ...)
{
    const struct sight s = observe_sight(w, m->self, mark, NULL);
    char text[TRACE_WIDTH];
    char label[TRACE_WIDTH];
    va_list args;

    if (!trace_is_on(w->trace)) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(label, sizeof label, "%.*s", (int)strcspn(text, ","), text);
    trace_tell(w->trace, &s, label, "%s", text);
}

/* ---- notes --------------------------------------------------------------- */

static const struct {
    enum trace_mark mark;
    const char *rule;
    const char *text;
} notes[] = {
    [NOTE_ADMITTED] = { MARK_OTHER, "M2", "is admitted" },
    [NOTE_HELLO_REFUSED] = { MARK_OTHER, "M2", "refuses a Hello" },
    [NOTE_ELECTION] = { MARK_ELECTION, "E2", "starts an election" },
    [NOTE_CANDIDATE] = { MARK_CANDIDATE, "P2", "is a candidate" },
    [NOTE_LEADING] = { MARK_LEADS, "P7", "leads" },
    [NOTE_SERVING] = { MARK_SERVES, "P26", "serves clients" },
    [NOTE_FOLLOWING] = { MARK_FOLLOWS, "E1", "follows" },
    [NOTE_PREEMPTED] = { MARK_STEPS_DOWN, "P15", "is preempted" },
    [NOTE_RESIGNED] = { MARK_STEPS_DOWN, "E8", "resigns" },
    [NOTE_LEADER_LOST] = { MARK_OTHER, "E2", "hears its leader no more" },
    [NOTE_LEADER_GONE] = { MARK_OTHER, "E2", "finds its leader's port closed" },
    [NOTE_LEAVING] = { MARK_OTHER, "E5", "nominates its successor" },
    [NOTE_CAUGHT_UP] = { MARK_OTHER, "P19", "has caught up" },
    [NOTE_BEHIND] = { MARK_OTHER, "P19", "is behind" },
    [NOTE_ROLE_CRASHED] = { MARK_ROLE_DIES, "S2", "loses its" },
    [NOTE_ROLE_OUT] = { MARK_ROLE_DIES, "S4", "has an outage:" },
    [NOTE_ROLE_BACK] = { MARK_ROLE_BACK, "S1", "rebuilds its" },
};

static const char *role_name(uint8_t role)
{
    static const char *const names[ROLES] = {
        [ROLE_ACCEPTOR] = "acceptor",
        [ROLE_PROPOSER] = "proposer",
        [ROLE_LEARNER] = "learner",
    };

    return role < ROLES ? names[role] : "?";
}

static const char *resign_reason(uint64_t reason)
{
    static const char *const reasons[] = {
        "?",
        "no majority hears it",
        "nothing can be executed",
        "its disk is full",
        "it stops",
        "it stood still",
        "its disk stalls",
        "an operator wants it",
        "its proposer is dead",
        "its learner is dead",
    };

    return reason < sizeof reasons / sizeof reasons[0] ? reasons[reason] : "?";
}

/* What is to be said beyond the few words; to the label too if it is short. */
static void observe_details(const struct note *n, struct words *long_text,
                            struct words *label)
{
    switch (n->type) {
    case NOTE_ADMITTED:
        words_add(long_text, " as incarnation %" PRIu64, n->number);
        break;
    case NOTE_CANDIDATE:
    case NOTE_SERVING:
        words_add(long_text, " at ");
        words_ballot(long_text, n->ballot);
        break;
    case NOTE_LEADING:
        words_add(label, " at ");
        words_ballot(label, n->ballot);
        words_add(long_text, " at ");
        words_ballot(long_text, n->ballot);
        words_add(long_text, ", takeover no-op in slot %" PRIu64, n->number);
        break;
    case NOTE_FOLLOWING:
        words_add(label, " %u", n->ballot.node);
        words_add(long_text, " node %u at ", n->ballot.node);
        words_ballot(long_text, n->ballot);
        break;
    case NOTE_PREEMPTED:
        words_add(long_text, " at ");
        words_ballot(long_text, n->ballot);
        words_add(long_text, ", by round %" PRIu64, n->number);
        break;
    case NOTE_RESIGNED:
        words_add(long_text, " from ");
        words_ballot(long_text, n->ballot);
        words_add(long_text, ": %s", resign_reason(n->number));
        break;
    case NOTE_LEADER_LOST:
    case NOTE_LEADER_GONE:
        words_add(long_text, ", node %u", n->ballot.node);
        break;
    case NOTE_LEAVING:
        words_add(long_text, ", node %u", long_text->ids[n->node]);
        break;
    case NOTE_CAUGHT_UP:
        words_add(long_text, ", to slot %" PRIu64, n->number);
        break;
    case NOTE_BEHIND:
        words_add(long_text, " by %" PRIu64 " slots", n->number);
        break;
    case NOTE_ROLE_CRASHED:
    case NOTE_ROLE_OUT:
    case NOTE_ROLE_BACK:
        words_add(long_text, " %s", role_name(n->node));
        *label = *long_text;
        break;
    case NOTE_ELECTION:
        words_add(long_text, " with token %u/%" PRIu64, long_text->ids[n->node],
                  n->number);
        break;
    case NOTE_HELLO_REFUSED:
        words_add(long_text, " of node %u, reason %" PRIu64,
                  long_text->ids[n->node], n->number);
        break;
    }
}

static void observe_note(struct world *w, const struct machine *m,
                         const struct note *n)
{
    struct words text = observe_words(w);
    struct words label = observe_words(w);
    struct sight s = observe_sight(w, m->self, MARK_OTHER, NULL);

    if (n->type == NOTE_FOLLOWING && n->node == m->self) {
        s.level = TRACE_ALL; /* itself: it leads */
        s.mark = MARK_NONE;
        s.rule = "E1";
        words_add(&text, "follows itself");
    } else if (n->type < sizeof notes / sizeof notes[0] &&
               notes[n->type].text) {
        s.mark = notes[n->type].mark;
        s.rule = notes[n->type].rule;
        words_add(&text, "%s", notes[n->type].text);
        words_add(&label, "%s", notes[n->type].text);
    } else {
        words_add(&text, "note %u", n->type);
    }
    if (s.mark != MARK_NONE) observe_details(n, &text, &label);
    if (n->type == NOTE_LEADER_LOST || n->type == NOTE_LEADER_GONE) {
        label = observe_words(w);
        words_add(&label, "misses node %u", n->ballot.node);
    }
    trace_tell(w->trace, &s, label.text, "%s", text.text);
}

/* ---- the log ------------------------------------------------------------- */

static void observe_persist(struct world *w, const struct machine *m,
                            const struct message *r)
{
    struct words text = observe_words(w);
    struct words label = observe_words(w);
    struct sight s = observe_sight(w, m->self, MARK_NONE, words_rule(r->type));

    switch (r->type) {
    case RECORD_PROMISE:
        s.mark = MARK_PROMISE;
        words_add(&text, "promises ");
        words_ballot(&text, r->ballot);
        label = text;
        break;
    case RECORD_ACCEPT:
        s.mark = MARK_VOTE;
        words_add(&text, "votes for slot %" PRIu64 " at ", r->accept.slot);
        words_ballot(&text, r->ballot);
        words_add(&text, ": ");
        words_value(&text, r->accept.value);
        words_add(&label, "votes %" PRIu64 " @", r->accept.slot);
        words_ballot(&label, r->ballot);
        break;
    case RECORD_CHOSEN:
        s.mark = MARK_OTHER;
        words_add(&text,
                  "learns that slot %" PRIu64 " is chosen: ", r->decided.slot);
        words_value(&text, r->decided.value);
        words_add(&label, "learns %" PRIu64, r->decided.slot);
        break;
    default:
        s.level = TRACE_ALL;
        words_add(&text, "writes ");
        words_message(&text, r);
        break;
    }
    trace_tell(w->trace, &s, label.text, "%s", text.text);
}

/* ---- what is sent -------------------------------------------------------- */

static const char *observe_to(const struct world *w, uint8_t to, char *buf,
                              size_t size)
{
    if (to == TO_GROUP) return "all";
    return trace_place(w->trace, buf, size, to);
}

/* A few messages are decisions by themselves; true if m is one of them. */
static bool observe_decision(struct world *w, const struct machine *m,
                             const struct effect *e)
{
    const struct message *msg = &e->message;
    struct sight s = observe_sight(w, m->self, MARK_NONE,
                                   words_rule(msg->type));
    struct words text = observe_words(w);
    struct words label = observe_words(w);
    char to[16];

    observe_to(w, e->to, to, sizeof to);
    switch (msg->type) {
    case MESSAGE_NACK:
        s.mark = MARK_NACK;
        words_add(&label, "refuses ");
        words_ballot(&label, msg->nack.refused);
        words_add(&text, "%s, having promised ", label.text);
        words_ballot(&text, msg->ballot);
        trace_tell(w->trace, &s, label.text, "%s", text.text);
        return true;
    case MESSAGE_TOKEN:
        words_add(&text, "passes to %s token", to);
        words_body(&text, msg);
        break;
    case MESSAGE_NOMINATE:
        words_add(&text, "nominates %s, token", to);
        words_body(&text, msg);
        break;
    case MESSAGE_REFUSE:
        words_add(&text, "refuses to be nominated by %s",
                  ballot_is_none(msg->ballot) ? "token" : "its leader");
        if (ballot_is_none(msg->ballot)) words_body(&text, msg);
        break;
    default:
        return false;
    }
    trace_tell(w->trace, &s, NULL, "%s", text.text);
    return true;
}

static void observe_send(struct world *w, const struct machine *m,
                         const struct effect *e)
{
    struct sight s = observe_sight(w, m->self, MARK_NONE,
                                   words_rule(e->message.type));
    struct words text = observe_words(w);
    char to[16];

    if (observe_decision(w, m, e)) return;
    s.level = e->message.type == MESSAGE_HEARTBEAT ? TRACE_ALL : TRACE_MESSAGES;
    words_message(&text, &e->message);
    trace_tell(w->trace, &s, NULL, "-> %s: %s",
               observe_to(w, e->to, to, sizeof to), text.text);
}

static void observe_reply(struct world *w, const struct machine *m,
                          const struct reply *r)
{
    struct sight s = observe_sight(w, m->self, MARK_NONE, "P30");
    struct words text = observe_words(w);

    s.level = TRACE_MESSAGES;
    words_bytes(&text, r->op == COMMAND_GET ? r->value : bytes_of(NULL, 0));
    trace_tell(w->trace, &s, NULL,
               "-> client %u: %s %s, slot %" PRIu64 ", seq %" PRIu64 " %s",
               r->to.port - PORT_FIRST, words_op(r->op),
               words_status(r->status), r->slot, r->seq, text.text);
}

void observe_effect(struct world *w, const struct machine *m,
                    const struct effect *e)
{
    struct sight s;

    if (!trace_is_on(w->trace)) return;
    switch (e->type) {
    case EFFECT_SEND:
        observe_send(w, m, e);
        break;
    case EFFECT_PERSIST:
        observe_persist(w, m, &e->message);
        break;
    case EFFECT_READ:
        s = observe_sight(w, m->self, MARK_NONE, "P19");
        s.level = TRACE_ALL;
        trace_tell(w->trace, &s, NULL,
                   "reads its log, slots %" PRIu64 "..%" PRIu64, e->read.first,
                   e->read.last);
        break;
    case EFFECT_REPLAY:
        s = observe_sight(w, m->self, MARK_NONE, "S1");
        s.level = TRACE_ALL;
        trace_tell(w->trace, &s, NULL, "reads its log for a role");
        break;
    case EFFECT_REPLY:
        observe_reply(w, m, &e->reply);
        break;
    case EFFECT_NOTE:
        observe_note(w, m, &e->note);
        break;
    case EFFECT_FATAL:
        observe_life(w, m, MARK_DIES, "ENDS with %d: %s", e->fatal.status,
                     e->fatal.text);
        break;
    default:
        break;
    }
}

void observe_arrival(struct world *w, const struct machine *m,
                     const struct message *message)
{
    struct sight s;
    struct words text;
    char from[16];

    if (!trace_is_on(w->trace)) return;
    s = observe_sight(w, m->self, MARK_NONE, words_rule(message->type));
    s.level = TRACE_ALL;
    text = observe_words(w);
    words_message(&text, message);
    trace_tell(w->trace, &s, NULL, "<- %s: %s",
               trace_place(w->trace, from, sizeof from, message->from),
               text.text);
}

/* ---- slots --------------------------------------------------------------- */

static void observe_chosen_value(const struct world *w, struct words *text,
                                 uint64_t slot)
{
    const struct checker *c = &w->checker;
    const struct proposal *p;

    if (slot >= c->slot_size || !c->slots[slot].chosen) return;
    p = &c->slots[slot].list[c->slots[slot].by];
    words_add(text, ": ");
    words_value(text, (struct value){ .bytes = p->bytes, .len = p->len });
}

void observe_chosen(struct world *w, const struct machine *m, uint64_t slot)
{
    const struct sight s = observe_sight(w, m->self, MARK_CHOSEN, "P12");
    struct words text;
    char label[TRACE_LABEL];

    if (!trace_is_on(w->trace)) return;
    text = observe_words(w);
    observe_chosen_value(w, &text, slot);
    snprintf(label, sizeof label, "slot %" PRIu64 " is CHOSEN", slot);
    trace_tell(w->trace, &s, label,
               "has its vote on disk: slot %" PRIu64 " is CHOSEN%s", slot,
               text.text);
}

void observe_executed(struct world *w, const struct machine *m, uint64_t first,
                      uint64_t last)
{
    const struct sight s = observe_sight(w, m->self, MARK_EXECUTES, "P17");
    char label[TRACE_LABEL];

    if (!trace_is_on(w->trace)) return;
    if (last - first < SLOTS_TOLD) {
        for (uint64_t slot = first; slot <= last; slot++) {
            struct words text = observe_words(w);

            observe_chosen_value(w, &text, slot);
            snprintf(label, sizeof label, "executes %" PRIu64, slot);
            trace_tell(w->trace, &s, label, "executes slot %" PRIu64 "%s", slot,
                       text.text);
        }
        return;
    }
    snprintf(label, sizeof label, "executes %" PRIu64 "-%" PRIu64, first, last);
    trace_tell(w->trace, &s, label, "executes slots %" PRIu64 "..%" PRIu64,
               first, last);
}

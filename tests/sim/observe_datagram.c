/* observe_datagram.c - see observe.h: what becomes of a datagram. */
#include "sim/observe.h"

#include "base/units.h"
#include "sim/diagram.h"
#include "sim/words.h"
#include "sim/world.h"
#include "wire/request.h"

#include <inttypes.h>
#include <stdio.h>

/* The command or answer in it; the library's clients speak in datagrams, the
 * others without (due.number), and have one in each. */
static struct reader observe_inside(const struct due *d)
{
    const struct packet *p = d->packet;
    uint32_t at = 0;

    if (d->number == 0 && d->type == DUE_REQUEST) {
        at = DATAGRAM_HEAD + REQUEST_HEAD;
    } else if (d->number == 0 && d->type == DUE_REPLY) {
        at = DATAGRAM_HEAD + REPLY_HEAD;
    }
    if (at > p->len) at = p->len;
    return reader_of(p->bytes + at, p->len - at);
}

/* What is in it: for the arrow, and the line if it is lost. */
static bool observe_content(const struct world *w, const struct due *d,
                            struct words *head, struct words *text,
                            uint8_t *type)
{
    struct message m;
    struct command c;
    struct reply_item r;
    struct reader in = observe_inside(d);

    *text = (struct words){ .ids = w->trace->ids };
    *head = *text;
    *type = MESSAGE_FORWARD;
    if (d->type == DUE_MESSAGE && packet_message(d->packet, &m)) {
        *type = m.type;
        words_head(head, &m);
        words_message(text, &m);
        if (m.type == MESSAGE_ACCEPT) {
            words_add(head, " slot %" PRIu64, m.accept.slot);
        } else if (m.type == MESSAGE_ACCEPTED || m.type == MESSAGE_FORWARD) {
            words_body(head, &m);
        } else if (m.type == MESSAGE_WANT || m.type == MESSAGE_VALUE ||
                   m.type == MESSAGE_CHOSEN) {
            words_add(head, " slot %" PRIu64, m.decided.slot);
        } else if (m.type == MESSAGE_LEARN) {
            words_add(head, " to %" PRIu64, m.learn.upto);
        }
        return true;
    }
    if (d->type == DUE_REQUEST && command_decode(&c, &in) == 0) {
        words_command(text, &c);
        *head = *text;
        return true;
    }
    if (d->type != DUE_REPLY || reply_item_decode(&r, &in) < 0) return false;
    words_add(text, "%s %s", words_op(r.op), words_status(r.status));
    *head = *text;
    words_add(text, ", slot %" PRIu64, r.slot);
    return true;
}

static uint8_t observe_place(uint8_t place, uint8_t client)
{
    return place == NETWORK_CLIENT ? (uint8_t)(PLACE_CLIENT + client) : place;
}

static void observe_arrow(struct world *w, struct diagram_arrow *a,
                          const char *text, uint64_t delay_ns, const char *why)
{
    char from[16];
    char to[16];

    a->arrives_ns = w->now_ns + delay_ns;
    a->lost = why != NULL;
    trace_place(w->trace, from, sizeof from, a->from);
    trace_place(w->trace, to, sizeof to, a->to);
    if (why) {
        snprintf(a->text, sizeof a->text, "%s to %s, %s: %s", from, to, why,
                 text);
    } else {
        snprintf(a->text, sizeof a->text,
                 "%s to %s, %" PRIu64 ".%03" PRIu64 " ms: %s", from, to,
                 delay_ns / NS_PER_MS, delay_ns / 1000 % 1000, text);
    }
    diagram_arrow(w->trace->diagram, a);
}

static void observe_lost(struct world *w, const struct diagram_arrow *a,
                         bool heartbeat, const char *text, const char *why)
{
    const struct sight s = {
        .at_ns = w->now_ns,
        .level = heartbeat ? TRACE_ALL : TRACE_MESSAGES,
        .place = a->from,
    };
    char to[16];

    trace_tell(w->trace, &s, NULL, "-> %s, %s: %s",
               trace_place(w->trace, to, sizeof to, a->to), why, text);
}

void observe_datagram(struct world *w, const struct passage *p,
                      const struct due *due, const struct arrival *copies,
                      uint32_t count, const char *why)
{
    struct words head;
    struct words text;
    struct diagram_arrow a;
    uint8_t type;

    if (!trace_is_on(w->trace)) return;
    if (count && !w->trace->diagram) return;
    if (!observe_content(w, due, &head, &text, &type)) return;
    a = (struct diagram_arrow){
        .sent_ns = w->now_ns,
        .from = observe_place(p->from, due->from),
        .to = observe_place(p->to, due->who),
        .kind = (uint8_t)diagram_kind(type),
    };
    /* These need no words: what they answer has them. */
    if (type == MESSAGE_TOKEN_ACK || type == MESSAGE_HELLO_ANSWER) {
        head.text[0] = '\0';
    }
    snprintf(a.label, sizeof a.label, "%.*s", (int)TRACE_LABEL - 1, head.text);
    if (count == 0) {
        observe_lost(w, &a, type == MESSAGE_HEARTBEAT, text.text, why);
    }
    if (!w->trace->diagram) return;
    if (count == 0) observe_arrow(w, &a, text.text, 0, why);
    for (uint32_t i = 0; i < count; i++) {
        observe_arrow(w, &a, text.text, copies[i].delay_ns,
                      copies[i].flipped ? "damaged" : NULL);
    }
}

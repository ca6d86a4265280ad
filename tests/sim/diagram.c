/* diagram.c - see diagram.h */
#include "sim/diagram.h"

#include "base/assert.h"

#include <stdlib.h>

void diagram_begin(struct diagram *d, uint8_t n, const uint8_t *ids)
{
    d->n = n;
    memcpy(d->ids, ids, n);
}

void diagram_clear(struct diagram *d)
{
    free(d->marks);
    free(d->arrows);
    free(d->lives);
    *d = (struct diagram){ 0 };
}

void diagram_zero(struct diagram *d, uint64_t now_ns)
{
    d->zero_ns = now_ns;
    d->from_ns += now_ns;
    if (d->upto_ns) d->upto_ns += now_ns;
    d->arrow_count = 0;
    for (uint32_t i = 0; i < d->mark_count; i++) d->marks[i].label[0] = '\0';
}

static void *grow(void *list, uint32_t *size, size_t each)
{
    *size = *size ? 2 * *size : 256;
    list = realloc(list, *size * each);
    ASSERT(list);
    return list;
}

/* Who led before the window is of interest in it: marks of the time before it
 * are kept where they change what a line looks like. */
static bool mark_lasts(uint8_t mark)
{
    return mark >= MARK_STARTS && mark <= MARK_STEPS_DOWN;
}

void diagram_mark(struct diagram *d, const struct sight *s, const char *label,
                  const char *text)
{
    struct diagram_mark *m;

    if (d->upto_ns && s->at_ns > d->upto_ns) return;
    if (s->at_ns < d->from_ns && !mark_lasts((uint8_t)s->mark)) return;
    if (d->mark_count == d->mark_size) {
        d->marks = grow(d->marks, &d->mark_size, sizeof *d->marks);
    }
    m = &d->marks[d->mark_count++];
    *m = (struct diagram_mark){
        .at_ns = s->at_ns,
        .order = d->order++,
        .place = s->place,
        .mark = (uint8_t)s->mark,
    };
    if (s->mark == MARK_STARTS || s->mark == MARK_DIES) {
        if (d->life_count == d->life_size) {
            d->lives = grow(d->lives, &d->life_size, sizeof *d->lives);
        }
        d->lives[d->life_count++] = d->mark_count - 1;
    }
    if (label) snprintf(m->label, sizeof m->label, "%s", label);
    snprintf(m->text, sizeof m->text, "%s", text);
    trace_clean(m->label);
    trace_clean(m->text);
}

void diagram_arrow(struct diagram *d, const struct diagram_arrow *a)
{
    struct diagram_arrow *at;

    if (d->upto_ns && a->sent_ns > d->upto_ns) return;
    if (a->sent_ns < d->from_ns && (a->lost || a->arrives_ns < d->from_ns)) {
        return;
    }
    if (d->kinds && !(d->kinds >> a->kind & 1)) return;
    if (d->arrow_count == d->arrow_size) {
        d->arrows = grow(d->arrows, &d->arrow_size, sizeof *d->arrows);
    }
    at = &d->arrows[d->arrow_count++];
    *at = *a;
    at->order = d->order++;
    trace_clean(at->label);
    trace_clean(at->text);
}

enum arrow_kind diagram_kind(uint8_t message_type)
{
    switch ((enum message_type)message_type) {
    case MESSAGE_PREPARE:
    case MESSAGE_PROMISE:
    case MESSAGE_WANT:
    case MESSAGE_VALUE:
        return ARROW_PREPARE;
    case MESSAGE_ACCEPT:
    case MESSAGE_ACCEPTED:
        return ARROW_ACCEPT;
    case MESSAGE_NACK:
        return ARROW_NACK;
    case MESSAGE_LEARN:
        return ARROW_LEARN;
    case MESSAGE_FORWARD:
        return ARROW_CLIENT;
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        return ARROW_READ;
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        return ARROW_TOKEN;
    case MESSAGE_FETCH:
    case MESSAGE_CHOSEN:
        return ARROW_REPAIR;
    case MESSAGE_HELLO:
    case MESSAGE_HELLO_ANSWER:
        return ARROW_HELLO;
    default:
        return ARROW_HEARTBEAT;
    }
}

const char *diagram_kind_name(uint32_t kind)
{
    static const char *const names[] = {
        [ARROW_PREPARE] = "prepare", [ARROW_ACCEPT] = "accept",
        [ARROW_NACK] = "nack",       [ARROW_LEARN] = "learn",
        [ARROW_CLIENT] = "client",   [ARROW_READ] = "read",
        [ARROW_TOKEN] = "token",     [ARROW_REPAIR] = "repair",
        [ARROW_HELLO] = "hello",     [ARROW_HEARTBEAT] = "heartbeat",
    };

    return kind < ARROW_KINDS ? names[kind] : NULL;
}

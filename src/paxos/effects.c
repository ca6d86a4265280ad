/* effects.c - see effects.h. */
#include "paxos/effects.h"

#include "base/assert.h"

static struct effect *effects_add(struct effects *out, enum effect_type type)
{
    struct effect *e;

    ASSERT(out->count < EFFECTS_MAX);
    e = &out->list[out->count++];
    memset(e, 0, sizeof *e);
    e->type = (uint8_t)type;
    return e;
}

struct message *effects_send(struct effects *out, uint8_t to, uint8_t type)
{
    struct effect *e = effects_add(out, EFFECT_SEND);

    ASSERT(to < MEMBERS_MAX || to == TO_GROUP);
    e->to = to;
    e->message.type = type;
    return &e->message;
}

struct reply *effects_reply(struct effects *out)
{
    return &effects_add(out, EFFECT_REPLY)->reply;
}

void effects_probe(struct effects *out, uint8_t to, uint16_t port)
{
    struct effect *e = effects_add(out, EFFECT_PROBE);

    ASSERT(to < MEMBERS_MAX);
    ASSERT(port > 0);
    e->to = to;
    e->port = port;
}

void effects_note(struct effects *out, enum note_type type, uint8_t node,
                  struct ballot ballot, uint64_t number)
{
    struct effect *e = effects_add(out, EFFECT_NOTE);

    e->note = (struct note){
        .type = type, .node = node, .ballot = ballot, .number = number
    };
}

void effects_fatal(struct effects *out, int status, uint64_t slot,
                   const char *text)
{
    struct effect *e = effects_add(out, EFFECT_FATAL);

    ASSERT(status > 0);
    ASSERT(text);
    e->fatal = (struct fatal){ .status = status, .slot = slot, .text = text };
}

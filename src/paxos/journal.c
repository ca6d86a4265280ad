/* journal.c - see journal.h */
#include "paxos/journal.h"

#include "base/assert.h"

struct message *journal_persist(struct journal *j, struct effects *out,
                                uint8_t type)
{
    struct effect *e;

    ASSERT(type >= RECORD_PROMISE);
    ASSERT(effects_room(out) > 0);

    e = &out->list[out->count++];
    memset(e, 0, sizeof *e);
    e->type = EFFECT_PERSIST;
    e->seq = ++j->last;
    e->message.type = type;
    return &e->message;
}

/*
 * session_cancel.c - operations that nobody waits for any more.
 */
#include "client/session.h"

#include "base/assert.h"

static void session_cancel_op(struct session *s, uint32_t i)
{
    struct session_op *o = &s->ops[i];

    if (!(s->writes & session_bit(i)) || !o->sent) {
        if (s->fresh & session_bit(i)) o->start_ns = s->now_ns;
        s->fresh &= ~session_bit(i);
        session_finish(s, i, PKV_CANCELLED, 0, bytes_of(NULL, 0));
        return;
    }
    /* It may be executed at any moment, unless the group makes it void. */
    o->cancelled = true;
    o->fence_ns = min_u64(o->fence_ns, s->now_ns);
    o->deadline_ns = min_u64(o->deadline_ns, add_u64(s->now_ns, FENCE_MAX_NS));
    s->timer_ns = min_u64(s->timer_ns, s->now_ns);
}

unsigned session_cancel(struct session *s, const void *user, uint64_t now_ns)
{
    uint64_t left = s->used & ~s->done;
    unsigned count = 0;

    ASSERT(now_ns >= s->now_ns);
    s->now_ns = now_ns;
    for (; left; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(left);

        if (s->ops[i].own || s->ops[i].user != user) continue;
        session_cancel_op(s, i);
        count++;
    }
    return count;
}

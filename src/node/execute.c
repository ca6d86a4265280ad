/* execute.c - see execute.h */
#include "node/execute.h"

#include "base/assert.h"
#include "base/units.h"

#include <errno.h>

/* What one value can ask for at most. */
#define VALUE_EFFECTS (VALUE_COMMANDS_MAX + 64u)
#define VALUE_SCRATCH (VALUE_COMMANDS_MAX * COMMAND_BYTES_MAX)
#define STEP_SLOTS    256u

static void execute_reply(struct node *n, const struct origin *to,
                          const struct command *c, const struct kv_reply *r,
                          struct effects *out)
{
    struct reply *reply = effects_reply(out);

    reply->to = to->client;
    reply->cookie = to->cookie;
    reply->seq = c->seq;
    reply->slot = r->slot;
    reply->op = c->op;
    reply->status = r->status;
    reply->value = node_scratch(n, r->value);
    n->counters.replies++;
}

/* The commands of one value; origins: who asked, or NULL. */
static int execute_commands(struct node *n, struct value v,
                            const struct origin *origins, struct effects *out)
{
    const uint16_t count = value_count(v.bytes);
    struct reader r = reader_of(v.bytes + VALUE_HEAD, v.len - VALUE_HEAD);

    ASSERT(count <= VALUE_COMMANDS_MAX);

    for (uint16_t i = 0; i < count; i++) {
        struct command c;
        struct kv_reply reply;
        int rc;

        /* The same bytes on every node: all stop at the same command. */
        if (command_decode(&c, &r) < 0) break;
        rc = kv_execute(n->kv, i, &c, &reply);
        if (rc < 0) return rc;
        n->counters.executed_commands++;
        if (origins) execute_reply(n, &origins[i], &c, &reply, out);
    }
    return 0;
}

static int execute_value(struct node *n, const struct learned *at,
                         struct effects *out)
{
    const uint64_t slot = n->learner.executed + 1;
    const struct value v = value_of(at->blob);
    const uint8_t kind = value_kind(v.bytes);
    struct blob *context;
    int rc = 0;

    kv_begin_slot(n->kv, slot, value_time_ns(v.bytes), kind == VALUE_TAKEOVER);
    context = proposer_on_executed(&n->proposer, slot, v);
    if (kind == VALUE_COMMANDS) {
        rc = execute_commands(
            n, v, context && out ? (const void *)context->bytes : NULL, out);
    }
    blob_unref(&n->pool, context);
    learner_executed(&n->learner);
    return rc;
}

int execute_chosen(struct node *n, struct effects *out)
{
    const struct learned *at;
    int rc = 0;

    for (unsigned i = 0; (at = learner_next(&n->learner)) != NULL; i++) {
        if (out && (i == STEP_SLOTS || effects_room(out) < VALUE_EFFECTS ||
                    node_scratch_room(n) < VALUE_SCRATCH)) {
            n->more = true;
            break;
        }
        rc = execute_value(n, at, out);
        if (rc < 0) return rc;
        if (!out) {
            acceptor_advance(&n->acceptor, n->learner.executed + 1,
                             n->learner.chosen_upto);
            learner_trim(&n->learner);
        }
    }
    acceptor_advance(&n->acceptor, n->learner.executed + 1,
                     n->learner.chosen_upto);
    return 0;
}

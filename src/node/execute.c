/* execute.c - see execute.h */
#include "node/execute.h"

#include "base/assert.h"
#include "base/units.h"
#include "node/requests.h"

#include <errno.h>

/* What one value can ask for at most. */
#define VALUE_EFFECTS (VALUE_COMMANDS_MAX + 64u)
#define VALUE_SCRATCH (VALUE_COMMANDS_MAX * COMMAND_BYTES_MAX)
#define STEP_SLOTS    256u
#define EXECUTE_GROUP 16u

/* Decode the next commands of a value, at most EXECUTE_GROUP.  The same bytes
 * on every node: all stop at the same command if one is malformed. */
static uint32_t execute_decode(struct reader *r, struct command *group,
                               uint32_t left)
{
    uint32_t count = 0;

    while (count < left && count < EXECUTE_GROUP &&
           command_decode(&group[count], r) == 0) {
        count++;
    }
    return count;
}

/* The commands of one value; origins: who asked, or NULL. */
static int execute_commands(struct node *n, struct value v,
                            const struct origin *origins, struct effects *out)
{
    const uint32_t count = value_count(v.bytes);
    struct reader r = reader_of(v.bytes + VALUE_HEAD, v.len - VALUE_HEAD);
    struct command group[EXECUTE_GROUP];
    uint32_t got;

    ASSERT(count <= VALUE_COMMANDS_MAX);

    for (uint32_t first = 0; first < count; first += got) {
        got = execute_decode(&r, group, count - first);
        if (got == 0) break;
        kv_warm(n->kv, group, got); /* their cache misses overlap */
        for (uint32_t i = 0; i < got; i++) {
            struct kv_reply reply;
            const int rc = kv_execute(n->kv, (uint16_t)(first + i), &group[i],
                                      &reply);

            if (rc < 0) return rc;
            n->counters.executed_commands++;
            if (!origins) continue;
            requests_answer(n, &origins[first + i], &group[i], &reply, out);
        }
        if (got < EXECUTE_GROUP) break; /* all done, or a malformed one */
    }
    return 0;
}

/* The next value; context: who asked, or NULL. */
static int execute_value(struct node *n, struct value v,
                         const struct blob *context, struct effects *out)
{
    const uint64_t slot = n->learner.executed + 1;
    const uint8_t kind = value_kind(v.bytes);
    int rc = 0;

    kv_begin_slot(n->kv, slot, value_time_ns(v.bytes), kind == VALUE_TAKEOVER);
    if (kind == VALUE_COMMANDS) {
        rc = execute_commands(
            n, v, context && out ? (const void *)context->bytes : NULL, out);
    }
    learner_executed(&n->learner);
    return rc;
}

/* Who asked for it is kept also while the proposer is dead (S1). */
static int execute_next(struct node *n, const struct learned *at,
                        struct effects *out)
{
    const struct value v = value_of(at->blob);
    struct blob *context = proposer_on_executed(&n->proposer,
                                                n->learner.executed + 1, v);
    const int rc = execute_value(n, v, context, out);

    blob_unref(&n->pool, context);
    return rc;
}

int execute_again(struct node *n, uint64_t upto)
{
    const struct learned *at;

    while (n->learner.executed < upto &&
           (at = learner_next(&n->learner)) != NULL) {
        const struct value v = value_of(at->blob);
        struct blob *context = proposer_on_executed(&n->proposer,
                                                    n->learner.executed + 1, v);
        const int rc = execute_value(n, v, NULL, NULL);

        /* An own proposal that was chosen while the learner was away: whoever
         * asked asks again, and the session has the answer. */
        blob_unref(&n->pool, context);
        if (rc < 0) return rc;
        acceptor_advance(&n->shadow, n->learner.executed + 1,
                         n->learner.chosen_upto);
        learner_trim(&n->learner);
    }
    return 0;
}

/* Votes in slots executed here are not needed any more. */
static void execute_advance(struct node *n)
{
    struct kept *k = &n->kept;

    k->applied = max_u64(k->applied, n->learner.executed);
    k->chosen_upto = max_u64(k->chosen_upto, n->learner.chosen_upto);
    k->learned_upto = max_u64(k->learned_upto, n->learner.chosen_upto);
    if (!node_has(n, ROLE_ACCEPTOR)) return;
    /* Not what the proposer has heard of: if all that know a slot as chosen
     * are gone, the votes for it must be shown, to be chosen anew (P6). */
    acceptor_advance(&n->acceptor, k->applied + 1, k->learned_upto);
}

int execute_chosen(struct node *n, struct effects *out)
{
    const struct learned *at;
    int rc = 0;

    if (!node_has(n, ROLE_LEARNER)) return 0;
    for (unsigned i = 0; (at = learner_next(&n->learner)) != NULL; i++) {
        if (out && (i == STEP_SLOTS || effects_room(out) < VALUE_EFFECTS ||
                    node_scratch_room(n) < VALUE_SCRATCH)) {
            n->more = true;
            break;
        }
        rc = execute_next(n, at, out);
        if (rc < 0) return rc;
        if (!out) {
            execute_advance(n);
            learner_trim(&n->learner);
        }
    }
    execute_advance(n);
    return 0;
}

/* learner.c - see learner.h */
#include "paxos/learner.h"

#include "base/assert.h"
#include "base/units.h"

#include <errno.h>

size_t learner_size(void)
{
    return ARENA_SIZE(LEARNER_RING * sizeof(struct learned)) +
           ARENA_SIZE(LEARNER_RUNS_MAX * sizeof(struct chosen_run));
}

int learner_init(struct learner *l, struct blob_pool *pool, uint32_t history,
                 struct arena *mem)
{
    ASSERT(history >= 1 && history <= LEARNER_HISTORY);

    *l = (struct learner){
        .pool = pool,
        .kept_from = 1,
        .history = history,
        .ring = arena_take(mem, LEARNER_RING, sizeof(struct learned)),
        .runs = arena_take(mem, LEARNER_RUNS_MAX, sizeof(struct chosen_run)),
    };
    return l->ring && l->runs ? 0 : -ENOMEM;
}

void learner_reset(struct learner *l)
{
    const uint64_t last = min_u64(l->held_upto, LEARNER_RING - 1);

    /* What never held a value stays untouched memory. */
    for (uint64_t i = 0; i <= last; i++) {
        blob_unref(l->pool, l->ring[i].blob);
        l->ring[i] = (struct learned){ 0 };
    }
    *l = (struct learner){
        .pool = l->pool,
        .kept_from = 1,
        .history = l->history,
        .ring = l->ring,
        .runs = l->runs,
    };
}

static struct learned *learner_at(const struct learner *l, uint64_t slot)
{
    return &l->ring[slot & (LEARNER_RING - 1)];
}

const struct learned *learner_find(const struct learner *l, uint64_t slot)
{
    const struct learned *at;

    if (slot < l->kept_from || slot > l->executed + LEARNER_WINDOW) return NULL;
    at = learner_at(l, slot);
    return at->blob ? at : NULL;
}

/* Values ahead of the next to execute leave an eighth of the pool to it. */
static bool learner_has_room(const struct learner *l, uint64_t slot)
{
    const uint64_t size = UINT64_C(1) << l->pool->order;

    return slot == l->executed + 1 || l->pool->bytes_used < size - size / 8;
}

enum learn_result learner_on_chosen(struct learner *l, uint64_t slot,
                                    struct ballot ballot, struct value v)
{
    const struct learned *known = learner_find(l, slot);
    struct learned *at = learner_at(l, slot);

    ASSERT(slot > 0);
    ASSERT(v.len >= VALUE_HEAD);

    if (known) {
        return value_equal(value_of(known->blob), v) ? LEARN_KNOWN
                                                     : LEARN_CONFLICT;
    }
    if (slot <= l->executed) return LEARN_KNOWN;
    if (slot > l->executed + LEARNER_WINDOW) return LEARN_BEYOND;
    if (!v.blob && !learner_has_room(l, slot)) return LEARN_DRY;

    ASSERT(!at->blob);
    at->blob = value_keep(v, l->pool);
    if (!at->blob) return LEARN_DRY;
    at->ballot = ballot;
    l->held_upto = max_u64(l->held_upto, slot);
    while (learner_find(l, l->chosen_upto + 1)) {
        l->chosen_upto++;
    }
    return LEARN_NEW;
}

const struct learned *learner_next(const struct learner *l)
{
    if (l->executed == l->chosen_upto) return NULL;
    return learner_at(l, l->executed + 1);
}

static void learner_remember(struct learner *l, uint64_t slot,
                             struct ballot ballot)
{
    if (l->run_count &&
        ballot_equal(l->runs[l->run_count - 1].ballot, ballot)) {
        return;
    }
    if (l->run_count == LEARNER_RUNS_MAX) {
        /* Slots older than this can be had from a snapshot only. */
        l->run_count /= 2;
        memmove(l->runs, l->runs + l->run_count,
                l->run_count * sizeof *l->runs);
    }
    l->runs[l->run_count++] = (struct chosen_run){ slot, ballot };
}

void learner_executed(struct learner *l)
{
    const struct learned *at = learner_next(l);

    ASSERT(at);
    ASSERT(at->blob);

    l->executed++;
    l->kept_bytes += at->blob->len;
    learner_remember(l, l->executed, at->ballot);
}

void learner_trim(struct learner *l)
{
    while (l->kept_from <= l->executed &&
           (l->executed - l->kept_from >= l->history ||
            l->kept_bytes > LEARNER_HISTORY_MAX)) {
        struct learned *at = learner_at(l, l->kept_from);

        l->kept_bytes -= at->blob->len;
        blob_unref(l->pool, at->blob);
        *at = (struct learned){ 0 };
        l->kept_from++;
    }
}

struct ballot learner_ballot(const struct learner *l, uint64_t slot)
{
    const struct learned *at = learner_find(l, slot);
    uint32_t low = 0;
    uint32_t high = l->run_count;

    if (at) return at->ballot;
    if (slot > l->executed || high == 0 || slot < l->runs[0].first) {
        return (struct ballot){ 0 };
    }
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;

        if (l->runs[middle].first <= slot) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return l->runs[low].ballot;
}

uint32_t learner_missing(const struct learner *l, uint64_t upto,
                         struct range *ranges, uint32_t max)
{
    const uint64_t end = min_u64(upto, l->executed + LEARNER_WINDOW);
    uint32_t count = 0;

    for (uint64_t s = l->chosen_upto + 1; s <= end; s++) {
        if (learner_find(l, s)) continue;
        if (count && ranges[count - 1].last + 1 == s) {
            ranges[count - 1].last = s;
            continue;
        }
        if (count == max) break;
        ranges[count++] = (struct range){ s, s };
    }
    return count;
}

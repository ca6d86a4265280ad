/* checker_memory.c - see checker.h: memory has bounds, and nothing leaks. */
#include "sim/checker.h"

#include "base/blob.h"
#include "base/units.h"
#include "paxos/learner.h"

#include <inttypes.h>

/* Slots whose values a member may keep for its neighbours. */
#define KEPT LEARNER_WINDOW

/* A few no-ops may be under way at any moment. */
#define UNDER_WAY (4u << BLOB_ORDER_MIN)

void checker_on_memory(struct checker *c, uint8_t i,
                       const struct member_memory *m)
{
    if (m->taken != m->counted) {
        checker_fail(c, "memory",
                     "node %u: its state machine has %" PRIu64
                     " bytes, and says %" PRIu64,
                     c->ids[i], m->taken, m->counted);
    } else if (m->store > c->model.limits.store_max_bytes) {
        checker_fail(c, "memory",
                     "node %u: the store is at %" PRIu64 " bytes, the limit "
                     "is %" PRIu64,
                     c->ids[i], m->store, c->model.limits.store_max_bytes);
    }
}

void checker_on_destroyed(struct checker *c, uint8_t i, uint64_t taken)
{
    if (taken == 0) return;
    checker_fail(c, "memory", "node %u left %" PRIu64 " bytes behind",
                 c->ids[i], taken);
}

static uint64_t block_of(const struct proposal *p)
{
    uint64_t size = UINT64_C(1) << BLOB_ORDER_MIN;

    while (size < sizeof(struct blob) + p->len) size *= 2;
    return size;
}

/* The values that are kept for others, and those not yet chosen. */
static uint64_t checker_pool_max(const struct checker *c)
{
    uint64_t sum = UNDER_WAY;

    for (uint64_t s = c->prefix > KEPT ? c->prefix - KEPT + 1 : 1;
         s <= c->prefix; s++) {
        sum += block_of(&c->slots[s].list[c->slots[s].by]);
    }
    for (uint64_t s = c->prefix + 1; s < c->slot_size; s++) {
        for (uint32_t k = 0; k < c->slots[s].count; k++) {
            sum += block_of(&c->slots[s].list[k]);
        }
    }
    return sum;
}

bool checker_is_resting(const struct checker *c, const struct member_memory *m)
{
    return m->counted == kv_memory_bytes(c->kv) &&
           m->pool <= checker_pool_max(c);
}

void checker_fail_restless(struct checker *c, uint8_t i,
                           const struct member_memory *m)
{
    checker_fail(c, "memory",
                 "node %u does not come to rest: its pool is at %" PRIu64
                 " bytes, at most %" PRIu64
                 " are in use; its state machine is at %" PRIu64
                 ", not %" PRIu64,
                 c->ids[i], m->pool, checker_pool_max(c), m->counted,
                 kv_memory_bytes(c->kv));
}

/* plan.c - see plan.h */
#include "sim/plan.h"

#include "base/assert.h"
#include "base/units.h"
#include "sim/aspect.h"
#include "sim/siege.h"

#define LONG_ONE_IN 32u
#define WIDE_ONE_IN 12u
#define VAST_ONE_IN 400u

static bool one_in(struct prng *r, uint32_t n)
{
    return prng_below(r, n) == 0;
}

/* Uniform over orders of magnitude: from low to high, small as often as big. */
static uint64_t scaled(struct prng *r, uint64_t low, uint64_t high)
{
    uint64_t top = high;

    ASSERT(low > 0);
    ASSERT(low <= high);

    while (top / 2 > low && one_in(r, 2)) top /= 2;
    return prng_range(r, low, top);
}

static void draw_network(struct network_plan *p, struct prng *r)
{
    static const uint32_t mtus[] = { 1400, 1500, 1500, 9000, 65507 };

    *p = (struct network_plan){
        .delay_ns = scaled(r, 10 * NS_PER_US, 2 * NS_PER_MS),
        .jitter_ns = scaled(r, 10 * NS_PER_US, 5 * NS_PER_MS),
        .late_ns = scaled(r, 5 * NS_PER_MS, 2 * NS_PER_S),
        .late = one_in(r, 2) ? (uint16_t)prng_range(r, 1, 1000) : 0,
        .loss = one_in(r, 2) ? (uint16_t)prng_range(r, 1, 2500) : 0,
        .group_loss = one_in(r, 3) ? (uint16_t)prng_range(r, 1, 2500) : 0,
        .twice = one_in(r, 2) ? (uint16_t)prng_range(r, 1, 2000) : 0,
        .flip = one_in(r, 2) ? (uint16_t)prng_range(r, 1, 1000) : 0,
        .slow = one_in(r, 3) ? (uint16_t)prng_range(r, 1, 4000) : 0,
        .slow_ns = scaled(r, NS_PER_MS, 200 * NS_PER_MS),
        .mtu = mtus[prng_below(r, sizeof mtus / sizeof mtus[0])],
    };
}

static void draw_disk(struct disk_plan *p, struct prng *r)
{
    *p = (struct disk_plan){
        .latency_ns = scaled(r, 20 * NS_PER_US, 2 * NS_PER_MS),
        .jitter_ns = scaled(r, 10 * NS_PER_US, 10 * NS_PER_MS),
        .stall_ns = scaled(r, 10 * NS_PER_MS, NS_PER_S),
        .stall = one_in(r, 3) ? (uint16_t)prng_range(r, 1, 300) : 0,
        .error = one_in(r, 4) ? (uint16_t)prng_range(r, 1, 60) : 0,
        .torn = one_in(r, 2) ? 5000 : 0,
        .in_flight = (uint8_t)prng_range(r, 1, 4),
        .segment_bytes = (uint32_t)scaled(r, 64 * KIB, MIB),
    };
}

static void draw_clients(struct client_plan *p, struct prng *r)
{
    static const uint8_t library[] = { 0, 50, 50, 100 };

    *p = (struct client_plan){
        .count = (uint8_t)prng_range(r, 4, 12),
        .pipeline = one_in(r, 2) ? 1 : (uint8_t)prng_range(r, 2, 16),
        .library = library[prng_below(r, sizeof library)],
        .keys = (uint16_t)prng_range(r, 1, PLAN_KEYS_MAX),
        .reads = (uint8_t)prng_range(r, 0, 80),
        .value_max = (uint16_t)scaled(r, 8, 500),
        .ops = (uint32_t)prng_range(r, 200, 400),
        .retry_ns = scaled(r, 20 * NS_PER_MS, 200 * NS_PER_MS),
        .patience_ns = scaled(r, 200 * NS_PER_MS, 4 * NS_PER_S),
        .fence_ns = scaled(r, 100 * NS_PER_MS, 4 * NS_PER_S),
    };
}

/* Mostly roomy; else sessions expire and are evicted, and the store fills. */
static void draw_limits(struct kv_limits *p, struct prng *r)
{
    const bool tight = one_in(r, 6);
    const uint64_t period_ns = prng_range(r, NS_PER_S, 5 * NS_PER_S);
    const uint32_t sessions = (uint32_t)prng_range(r, 10, 20);

    *p = (struct kv_limits){
        .store_max_bytes = one_in(r, 6) ? scaled(r, 300, 4000) : MIB,
        .session_period_ns = tight ? period_ns : 60 * NS_PER_S,
        .sessions_max = tight ? sessions : 1024,
    };
}

static void draw_members(struct member_plan *p, struct prng *r)
{
    *p = (struct member_plan){
        .heartbeat_ns = prng_range(r, 10, 40) * NS_PER_MS,
        .noop_interval_ns = NS_PER_S,
        .rto_min_ns = 2 * NS_PER_MS,
        .rto_max_ns = 200 * NS_PER_MS,
        .turn_ns = one_in(r, 2) ? 0 : scaled(r, NS_PER_US, NS_PER_MS),
        .batch_bytes = (uint32_t)scaled(r, 1400, 16384),
        .window_slots = (uint32_t)scaled(r, 1, 256),
        .pool_order = 21,
        .small_pool_order = (uint32_t)prng_range(r, 13, 16),
        .drift_ppm = one_in(r, 2) ? 0 : (uint32_t)prng_range(r, 1, 20000),
    };
    draw_limits(&p->limits, r);
}

static void draw_faults(struct plan *p, struct prng *r)
{
    /* Per fault: how rare, on average, where it is on; how long it lasts. */
    static const struct fault_plan scale[FAULT_TIMED] = {
        [FAULT_CRASH] = { 500 * NS_PER_MS, NS_PER_S },
        [FAULT_INSIDE] = { 500 * NS_PER_MS, 500 * NS_PER_MS },
        [FAULT_CRASH_ALL] = { 2 * NS_PER_S, 500 * NS_PER_MS },
        [FAULT_LEAVE] = { NS_PER_S, 500 * NS_PER_MS },
        [FAULT_PAUSE] = { 500 * NS_PER_MS, 2 * NS_PER_S },
        [FAULT_SLOW] = { NS_PER_S, NS_PER_S },
        [FAULT_JUMP] = { NS_PER_S, 4 * NS_PER_S },
        [FAULT_POOL] = { 1500 * NS_PER_MS, 500 * NS_PER_MS },
        [FAULT_PARTITION] = { 500 * NS_PER_MS, NS_PER_S },
        [FAULT_FORGET] = { 500 * NS_PER_MS, 0 },
        [FAULT_FULL] = { 2 * NS_PER_S, 500 * NS_PER_MS },
        [FAULT_LAG] = { 1500 * NS_PER_MS, NS_PER_S },
        [FAULT_ROT] = { 2 * NS_PER_S, 0 },
        [FAULT_USURP] = { 500 * NS_PER_MS, 500 * NS_PER_MS },
    };

    p->faults_ns = prng_range(r, NS_PER_S / 2, 5 * NS_PER_S / 2);
    for (uint32_t i = 0; i < FAULT_ROLE; i++) {
        const bool on = one_in(r, 2);
        const uint64_t every = scaled(r, scale[i].every_ns / 3,
                                      scale[i].every_ns * 5);
        const uint64_t lasts = scaled(r, NS_PER_MS,
                                      scale[i].lasts_ns + NS_PER_MS);

        p->faults[i].every_ns = on ? every : 0;
        p->faults[i].lasts_ns = lasts;
    }
}

/* An operator who changes leaders. */
static void draw_transfers(struct plan *p)
{
    struct prng r;

    prng_init(&r, p->seed ^ UINT64_C(0x7472616e73));
    p->faults[FAULT_TRANSFER] = (struct fault_plan){ 0 };
    if (!one_in(&r, 3)) return;
    p->faults[FAULT_TRANSFER].every_ns = scaled(&r, 10 * NS_PER_MS, NS_PER_S);
}

/* Roles that fail: by crashes, by schedule, by both; one kind or all. */
static void draw_roles(struct plan *p)
{
    struct prng r;

    prng_init(&r, p->seed ^ UINT64_C(0x726f6c6573));
    p->faults[FAULT_ROLE] = (struct fault_plan){ 0 };
    if (one_in(&r, 3)) {
        p->faults[FAULT_ROLE].every_ns = scaled(&r, 10 * NS_PER_MS,
                                                NS_PER_S / 2);
    }
    for (uint32_t i = 0; i < ROLES; i++) {
        const struct role_schedule s = {
            .mttf_ns = scaled(&r, 10 * NS_PER_MS, NS_PER_S / 2),
            .mttr_ns = scaled(&r, NS_PER_MS, 200 * NS_PER_MS),
            .seed = prng_next(&r),
        };

        if (one_in(&r, 4)) p->members.roles[i] = s;
    }
}

static void draw_siege(struct plan *p)
{
    struct prng r;

    prng_init(&r, p->seed ^ UINT64_C(0x7369656765));
    if (one_in(&r, 3)) p->siege = (uint8_t)prng_range(&r, 1, SIEGE_KINDS - 1);
}

/* Another cluster on the same wire. */
static void draw_foreign(struct plan *p)
{
    struct prng r;

    prng_init(&r, p->seed ^ UINT64_C(0x666f7265));
    if (one_in(&r, 4)) p->network.foreign = (uint16_t)prng_range(&r, 1, 200);
}

/* So much is written while a member is away that its neighbours have to read
 * their logs for it. */
static void draw_long(struct plan *p, struct prng *r)
{
    p->is_long = true;
    if (p->nodes < 3) p->nodes = 3;
    p->faults_ns = 4 * NS_PER_S;
    p->clients.ops = (uint32_t)prng_range(r, 2000, 4000);
    p->clients.reads = 10;
    p->clients.pipeline = (uint8_t)prng_range(r, 8, 16);
    p->clients.value_max = 40;
    p->members.window_slots = 256;
    p->members.batch_bytes = 1400;
    p->members.pool_order = 23;
    for (uint32_t i = 0; i < FAULT_TIMED; i++) p->faults[i].every_ns *= 4;
    p->faults[FAULT_ROT].every_ns = 0; /* a second one would be away */
    p->faults[FAULT_CRASH].every_ns = NS_PER_S;
    p->faults[FAULT_CRASH].lasts_ns = 4 * NS_PER_S;
}

/* So many keys are written, and then deleted, that the store has to split
 * nodes of its tree, and to join them. */
static void draw_wide(struct plan *p, struct prng *r)
{
    p->clients.wide = true;
    p->clients.keys = (uint16_t)prng_range(r, 110, PLAN_WIDE_MAX);
    p->clients.reads = 10;
    if (p->clients.ops < 1000) p->clients.ops *= 3;
    p->members.limits.store_max_bytes = MIB;
}

/* Inner nodes of the tree have to be evened out, too: one part of thousands of
 * keys, written one after the other, is deleted again.  All that matters is
 * how many are written, so there is little else. */
static void draw_vast(struct plan *p)
{
    struct prng r;

    prng_init(&r, p->seed ^ UINT64_C(0x76617374));
    if (!one_in(&r, VAST_ONE_IN)) return;
    draw_wide(p, &r);
    p->nodes = 3;
    p->clients.vast = true;
    p->clients.keys = (uint16_t)prng_range(&r, 3500, PLAN_VAST_MAX);
    p->clients.ops = 2u * p->clients.keys;
    p->clients.reads = 1;
    p->clients.pipeline = 16;
    p->clients.value_max = 8;
    p->members.window_slots = 256;
    p->members.batch_bytes = 16384;
    p->members.pool_order = 23;
    p->disk.segment_bytes = MIB;
    for (uint32_t i = 0; i < ROLES; i++) p->members.roles[i].mttf_ns = 0;
    for (uint32_t i = 0; i < FAULT_TIMED; i++) p->faults[i].every_ns *= 8;
}

/* Pictures of a node are taken now and then, in some worlds. */
static void draw_renewals(struct plan *p)
{
    struct prng r;

    prng_init(&r, p->seed ^ UINT64_C(0x72656e6577));
    p->faults[FAULT_RENEW] = (struct fault_plan){ 0 };
    if (!one_in(&r, 32)) return;
    p->faults[FAULT_RENEW].every_ns = scaled(&r, 200 * NS_PER_MS, NS_PER_S);
}

void plan_draw(struct plan *p, uint64_t seed, const struct plan_wish *wish)
{
    static const uint8_t sizes[] = { 1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7 };
    struct prng r;

    prng_init(&r, seed);
    *p = (struct plan){
        .seed = seed,
        .nodes = sizes[prng_below(&r, sizeof sizes)],
        .leader_ns = 5 * NS_PER_S,
        .bound_ns = 30 * NS_PER_S,
    };
    draw_network(&p->network, &r);
    draw_disk(&p->disk, &r);
    draw_clients(&p->clients, &r);
    draw_members(&p->members, &r);
    draw_faults(p, &r);
    if (one_in(&r, LONG_ONE_IN)) draw_long(p, &r);
    p->rollback = one_in(&r, 4);
    if (one_in(&r, WIDE_ONE_IN)) draw_wide(p, &r);
    draw_roles(p);
    draw_transfers(p);
    draw_renewals(p);
    draw_vast(p);
    draw_foreign(p);
    draw_siege(p);

    if (wish->nodes) p->nodes = (uint8_t)wish->nodes;
    if (wish->clients) p->clients.count = (uint8_t)wish->clients;
    if (wish->ops) p->clients.ops = wish->ops;
    if (wish->until_ms) p->faults_ns = wish->until_ms * NS_PER_MS;
    aspect_switch_off(p, wish->off);
    /* The operations shall fill the time in which there are faults. */
    p->clients.think_ns = 2 * p->faults_ns * p->clients.count / p->clients.ops;
    if (p->siege) p->clients.think_ns += p->clients.think_ns / 2; /* and on */
}

const char *fault_name(enum fault_type type)
{
    static const char *const names[] = {
        [FAULT_CRASH] = "crash",
        [FAULT_INSIDE] = "crash inside a step",
        [FAULT_CRASH_ALL] = "crash of all",
        [FAULT_LEAVE] = "leave",
        [FAULT_PAUSE] = "pause",
        [FAULT_SLOW] = "slow node",
        [FAULT_JUMP] = "clock jump",
        [FAULT_POOL] = "small pool",
        [FAULT_PARTITION] = "partition",
        [FAULT_FORGET] = "forgetful client",
        [FAULT_FULL] = "full disk",
        [FAULT_LAG] = "slow disk",
        [FAULT_ROT] = "disk rot",
        [FAULT_USURP] = "usurpation",
        [FAULT_ROLE] = "dead role",
        [FAULT_TRANSFER] = "transfer",
        [FAULT_RENEW] = "memory renewed",
        [FAULT_LOST] = "lost",
        [FAULT_GROUP_LOST] = "multicast lost",
        [FAULT_DOUBLED] = "doubled",
        [FAULT_LATE] = "late",
        [FAULT_FLIPPED] = "bits flipped",
        [FAULT_FOREIGN] = "of another cluster",
        [FAULT_CUT_OFF] = "cut off",
        [FAULT_TOO_LONG] = "too long",
        [FAULT_ECHO] = "old answer",
        [FAULT_SIEGE] = "siege",
        [FAULT_DRY] = "pool dry",
        [FAULT_STALL] = "write stalled",
        [FAULT_ERROR] = "write failed",
        [FAULT_TORN] = "write torn",
        [FAULT_DAMAGE] = "rotten log refused",
    };

    ASSERT(type < FAULT_TYPES);
    if (type >= FAULT_CUT_FIRST) {
        return partition_name((enum partition_type)(type - FAULT_CUT_FIRST));
    }
    return names[type];
}

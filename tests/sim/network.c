/* network.c - see network.h */
#include "sim/network.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/units.h"

#define FLIP_BITS_MAX 3u
#define SMALL_LEN_MIN 120u
#define SMALL_LEN_MAX 700u

#define GOLDEN_RATIO UINT64_C(0x9e3779b97f4a7c15)

/* What is drawn for a copy of a datagram. */
enum draw {
    DRAW_TWICE,
    DRAW_LOSS,
    DRAW_FLIP,
    DRAW_JITTER,
    DRAW_LATE,
    DRAW_LATENESS,
    DRAW_FOREIGN,
    DRAW_COPY, /* distance between the draws of copies */
};

/*
 * Chance is a hash of the link, the number of the datagram on it, and of what
 * is drawn: one hardship less changes nothing about the others, nor about
 * other links.  (To multiply is near enough to uniform.)
 */
static uint64_t fate_below(uint64_t fate, uint32_t draw, uint64_t bound)
{
    const uint64_t x = hash_mix(fate + (draw + 1) * GOLDEN_RATIO);

    return (uint64_t)((unsigned __int128)x * bound >> 64);
}

static bool fate_chance(uint64_t fate, uint32_t draw, uint32_t parts)
{
    return parts > 0 && fate_below(fate, draw, 10000) < parts;
}

static struct link network_draw_link(const struct network_plan *p,
                                     uint64_t seed, uint32_t from, uint32_t to)
{
    struct prng random;
    struct link l = { .delay_ns = p->delay_ns };

    prng_init(&random, seed ^ (from * NETWORK_PLACES + to));
    l.seed = prng_next(&random);
    l.jitter_ns = prng_below(&random, 2 * p->jitter_ns + 1);
    if (from == NETWORK_CLIENT || to == NETWORK_CLIENT) return l;
    if (prng_below(&random, 10000) < p->slow) {
        l.delay_ns += prng_below(&random, p->slow_ns);
    }
    return l;
}

void network_init(struct network *net, const struct network_plan *plan,
                  uint8_t n, uint64_t seed)
{
    ASSERT(n >= 1 && n <= MEMBERS_MAX);
    ASSERT(plan->mtu > NETWORK_HEADS);

    *net = (struct network){ .plan = *plan, .n = n };
    prng_init(&net->group_random, seed + 1);
    prng_init(&net->flip_random, seed + 2);
    prng_init(&net->cut_random, seed + 3);
    for (uint32_t from = 0; from < NETWORK_PLACES; from++) {
        for (uint32_t to = 0; to < NETWORK_PLACES; to++) {
            net->links[from][to] = network_draw_link(plan, seed, from, to);
        }
    }
}

bool network_group(struct network *net)
{
    const uint32_t parts = net->plan.group_loss;

    if (parts == 0 || prng_below(&net->group_random, 10000) >= parts) {
        return true;
    }
    net->group_lost++;
    return false;
}

static uint64_t network_delay(struct network *net, const struct link *l,
                              uint64_t fate, uint32_t copy)
{
    const struct network_plan *p = &net->plan;
    uint64_t ns = l->delay_ns +
                  fate_below(fate, copy + DRAW_JITTER, l->jitter_ns + 1);

    if (fate_chance(fate, copy + DRAW_LATE, p->late)) {
        ns += fate_below(fate, copy + DRAW_LATENESS, p->late_ns + 1);
        net->late++;
    }
    return ns;
}

/* ---- partitions ---------------------------------------------------------- */

/* Is it in force at this moment, or is it flapping and just away? */
static bool network_is_parted(const struct network *net, uint64_t now_ns)
{
    if (net->partition == 0) return false;
    if (net->flap_ns == 0) return true;
    return (now_ns - net->since_ns) / net->flap_ns % 2 == 0;
}

static bool network_is_cut(const struct network *net, const struct passage *p)
{
    const bool members = p->from != NETWORK_CLIENT && p->to != NETWORK_CLIENT;

    if (!network_is_parted(net, p->now_ns)) return false;
    if (p->multicast && (net->no_group >> p->to & 1)) return true;
    if (net->no_unicast && members && !p->multicast) return true;
    return net->cut[p->from] >> p->to & 1;
}

static bool network_is_too_long(const struct network *net,
                                const struct passage *p)
{
    if (p->len > net->plan.mtu - NETWORK_HEADS) return true;
    if (!network_is_parted(net, p->now_ns)) return false;
    return p->len > net->small_len && (net->small[p->from] >> p->to & 1);
}

uint32_t network_route(struct network *net, const struct passage *p,
                       struct arrival *copies)
{
    struct link *l = &net->links[p->from][p->to];
    const uint64_t fate = hash_mix(l->seed + ++l->carried * GOLDEN_RATIO);
    uint32_t end = DRAW_COPY;
    uint32_t arrive = 0;

    ASSERT(p->from != p->to);

    net->sent++;
    if (network_is_cut(net, p)) {
        net->cut_off++;
        return 0;
    }
    if (network_is_too_long(net, p)) {
        net->too_long++;
        return 0;
    }
    if (fate_chance(fate, DRAW_TWICE, net->plan.twice)) {
        net->doubled++;
        end = 2 * DRAW_COPY;
    }
    for (uint32_t copy = 0; copy < end; copy += DRAW_COPY) {
        if (fate_chance(fate, copy + DRAW_LOSS, net->plan.loss)) {
            net->lost++;
            continue;
        }
        copies[arrive] = (struct arrival){
            .delay_ns = network_delay(net, l, fate, copy),
            .flipped = fate_chance(fate, copy + DRAW_FLIP, net->plan.flip),
            .foreign = fate_chance(fate, copy + DRAW_FOREIGN,
                                   net->plan.foreign),
        };
        net->foreign += copies[arrive].foreign;
        net->flipped += copies[arrive++].flipped;
    }
    return arrive;
}

/* Each bit once: flipped twice, it would be whole again. */
void network_flip(struct network *net, uint8_t *bytes, uint32_t len)
{
    const uint64_t count = prng_range(&net->flip_random, 1, FLIP_BITS_MAX);
    uint64_t bits[FLIP_BITS_MAX];

    ASSERT(len > 0);

    for (uint32_t i = 0; i < count; i++) {
        bool again = false;

        bits[i] = prng_below(&net->flip_random, 8 * (uint64_t)len);
        for (uint32_t k = 0; k < i; k++) again = again || bits[k] == bits[i];
        if (!again) bytes[bits[i] / 8] ^= (uint8_t)(1u << bits[i] % 8);
    }
}

void network_set_link(struct network *net, uint8_t from, uint8_t to, bool cut)
{
    ASSERT(from != to);

    if (net->partition == 0) net->partition = ++net->partitions;
    net->flap_ns = 0;
    if (cut) {
        net->cut[from] |= (uint16_t)(1u << to);
    } else {
        net->cut[from] &= (uint16_t) ~(1u << to);
    }
}

/* Is the direction from -> to cut, by this pattern around machine x? */
static bool partition_cuts(struct network *net, enum partition_type type,
                           uint32_t side, uint32_t x, uint32_t from,
                           uint32_t to)
{
    switch (type) {
    case PARTITION_HALVES:
        return (side >> from & 1) != (side >> to & 1);
    case PARTITION_ALONE:
        return from == x || to == x;
    case PARTITION_MUTE:
        return from == x;
    case PARTITION_DEAF:
        return to == x;
    case PARTITION_LINKS:
        return prng_below(&net->cut_random, 3) == 0;
    case PARTITION_STAR:
        return from != x && to != x;
    case PARTITION_CHAIN:
        return from + 1 != to && to + 1 != from;
    case PARTITION_SOME_GROUP:
    case PARTITION_NO_GROUP:
    case PARTITION_NO_UNICAST:
    case PARTITION_SMALL:
    case PARTITION_CLIENTS:
    case PARTITION_TYPES:
        break;
    }
    return false;
}

/* What of a partition is not a matter of links between machines. */
static void network_cut_otherwise(struct network *net, enum partition_type type,
                                  uint32_t side)
{
    const uint32_t all = (1u << net->n) - 1;

    if (type == PARTITION_SOME_GROUP) net->no_group = (uint16_t)side;
    if (type == PARTITION_NO_GROUP) net->no_group = (uint16_t)all;
    net->no_unicast = type == PARTITION_NO_UNICAST;
    if (type == PARTITION_CLIENTS) net->cut[NETWORK_CLIENT] = (uint16_t)side;
    if (type != PARTITION_SMALL) return;
    net->small_len = (uint32_t)prng_range(&net->cut_random, SMALL_LEN_MIN,
                                          SMALL_LEN_MAX);
    for (uint32_t from = 0; from < net->n; from++) {
        net->small[from] = (uint16_t)prng_below(&net->cut_random, all + 1);
    }
}

uint64_t network_cut(struct network *net, enum partition_type type,
                     uint64_t now_ns, uint64_t flap_ns)
{
    const uint32_t side = (uint32_t)prng_below(&net->cut_random, 1u << net->n);
    const uint32_t x = (uint32_t)prng_below(&net->cut_random, net->n);

    network_heal(net, net->partition);
    for (uint32_t from = 0; from < net->n; from++) {
        for (uint32_t to = 0; to < net->n; to++) {
            if (from == to) continue;
            if (!partition_cuts(net, type, side, x, from, to)) continue;
            net->cut[from] |= (uint16_t)(1u << to);
        }
    }
    network_cut_otherwise(net, type, side);
    net->since_ns = now_ns;
    net->flap_ns = flap_ns;
    net->partition = ++net->partitions;
    return net->partition;
}

void network_heal(struct network *net, uint64_t partition)
{
    if (partition == 0 || net->partition != partition) return;
    memset(net->cut, 0, sizeof net->cut);
    memset(net->small, 0, sizeof net->small);
    net->no_group = 0;
    net->no_unicast = false;
    net->partition = 0;
}

void network_calm(struct network *net)
{
    network_heal(net, net->partition);
    net->plan.late = 0;
    net->plan.loss = 0;
    net->plan.group_loss = 0;
    net->plan.twice = 0;
    net->plan.flip = 0;
    net->plan.foreign = 0;
    net->plan.slow = 0;
    for (uint32_t from = 0; from < NETWORK_PLACES; from++) {
        for (uint32_t to = 0; to < NETWORK_PLACES; to++) {
            net->links[from][to].delay_ns = net->plan.delay_ns;
            net->links[from][to].jitter_ns = net->plan.jitter_ns;
        }
    }
}

const char *partition_name(enum partition_type type)
{
    static const char *const names[] = {
        [PARTITION_HALVES] = "two halves",
        [PARTITION_ALONE] = "one alone",
        [PARTITION_MUTE] = "one mute",
        [PARTITION_DEAF] = "one deaf",
        [PARTITION_LINKS] = "some links",
        [PARTITION_STAR] = "star",
        [PARTITION_CHAIN] = "chain",
        [PARTITION_SOME_GROUP] = "multicast lost for some",
        [PARTITION_NO_GROUP] = "no multicast",
        [PARTITION_NO_UNICAST] = "no unicast",
        [PARTITION_SMALL] = "long datagrams lost",
        [PARTITION_CLIENTS] = "clients cut off",
    };

    ASSERT(type < PARTITION_TYPES);
    return names[type];
}

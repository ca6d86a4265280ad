/* network.c - see network.h */
#include "sim/network.h"

#include "base/assert.h"
#include "base/units.h"

#define FLIP_BITS_MAX 3u
#define SMALL_LEN_MIN 120u
#define SMALL_LEN_MAX 700u

static bool network_chance(struct network *net, uint32_t parts)
{
    return parts > 0 && prng_below(&net->random, 10000) < parts;
}

static struct link network_draw_link(struct network *net, uint32_t from,
                                     uint32_t to)
{
    const struct network_plan *p = &net->plan;
    struct link l = {
        .delay_ns = p->delay_ns,
        .jitter_ns = prng_below(&net->random, 2 * p->jitter_ns + 1),
    };

    if (from == NETWORK_CLIENT || to == NETWORK_CLIENT) return l;
    if (network_chance(net, p->slow)) {
        l.delay_ns += prng_below(&net->random, p->slow_ns);
    }
    return l;
}

void network_init(struct network *net, const struct network_plan *plan,
                  uint8_t n, uint64_t seed)
{
    ASSERT(n >= 1 && n <= MEMBERS_MAX);
    ASSERT(plan->mtu > NETWORK_HEADS);

    *net = (struct network){ .plan = *plan, .n = n };
    prng_init(&net->random, seed);
    for (uint32_t from = 0; from < NETWORK_PLACES; from++) {
        for (uint32_t to = 0; to < NETWORK_PLACES; to++) {
            net->links[from][to] = network_draw_link(net, from, to);
        }
    }
}

bool network_group(struct network *net)
{
    if (!network_chance(net, net->plan.group_loss)) return true;
    net->group_lost++;
    return false;
}

static uint64_t network_delay(struct network *net, const struct link *l)
{
    const struct network_plan *p = &net->plan;
    uint64_t ns = l->delay_ns + prng_below(&net->random, l->jitter_ns + 1);

    if (network_chance(net, p->late)) {
        ns += prng_below(&net->random, p->late_ns + 1);
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
    uint32_t count = 1;
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
    if (network_chance(net, net->plan.twice)) {
        net->doubled++;
        count = 2;
    }
    while (count--) {
        if (network_chance(net, net->plan.loss)) {
            net->lost++;
            continue;
        }
        copies[arrive] = (struct arrival){
            .delay_ns = network_delay(net, &net->links[p->from][p->to]),
            .flipped = network_chance(net, net->plan.flip),
        };
        net->flipped += copies[arrive++].flipped;
    }
    return arrive;
}

/* Each bit once: flipped twice, it would be whole again. */
void network_flip(struct network *net, uint8_t *bytes, uint32_t len)
{
    const uint64_t count = prng_range(&net->random, 1, FLIP_BITS_MAX);
    uint64_t bits[FLIP_BITS_MAX];

    ASSERT(len > 0);

    for (uint32_t i = 0; i < count; i++) {
        bool again = false;

        bits[i] = prng_below(&net->random, 8 * (uint64_t)len);
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
        return prng_below(&net->random, 3) == 0;
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
    net->small_len = (uint32_t)prng_range(&net->random, SMALL_LEN_MIN,
                                          SMALL_LEN_MAX);
    for (uint32_t from = 0; from < net->n; from++) {
        net->small[from] = (uint16_t)prng_below(&net->random, all + 1);
    }
}

uint64_t network_cut(struct network *net, enum partition_type type,
                     uint64_t now_ns, uint64_t flap_ns)
{
    const uint32_t side = (uint32_t)prng_below(&net->random, 1u << net->n);
    const uint32_t x = (uint32_t)prng_below(&net->random, net->n);

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
    net->plan.slow = 0;
    for (uint32_t from = 0; from < NETWORK_PLACES; from++) {
        for (uint32_t to = 0; to < NETWORK_PLACES; to++) {
            net->links[from][to] = (struct link){ net->plan.delay_ns,
                                                  net->plan.jitter_ns };
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

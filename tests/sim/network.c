/* network.c - see network.h */
#include "sim/network.h"

#include "base/assert.h"

void network_init(struct network *net, const struct network_plan *plan,
                  uint8_t n, uint64_t seed)
{
    ASSERT(n >= 1 && n <= MEMBERS_MAX);

    *net = (struct network){ .plan = *plan, .n = n };
    prng_init(&net->random, seed);
    for (uint32_t from = 0; from < n; from++) {
        for (uint32_t to = 0; to < n; to++) {
            if (prng_below(&net->random, 10000) >= plan->slow) continue;
            net->slow_ns[from][to] = prng_below(&net->random, plan->slow_ns);
        }
    }
}

static bool network_chance(struct network *net, uint32_t parts)
{
    return parts > 0 && prng_below(&net->random, 10000) < parts;
}

bool network_group(struct network *net)
{
    if (!network_chance(net, net->plan.group_loss)) return true;
    net->lost++;
    return false;
}

static uint64_t network_delay(struct network *net, uint8_t from, uint8_t to)
{
    const struct network_plan *p = &net->plan;
    uint64_t ns = p->delay_ns + prng_below(&net->random, p->jitter_ns + 1);

    if (from < MEMBERS_MAX && to < MEMBERS_MAX) ns += net->slow_ns[from][to];

    if (network_chance(net, p->late)) {
        ns += prng_below(&net->random, p->late_ns + 1);
        net->late++;
    }
    return ns;
}

static bool network_is_cut(const struct network *net, uint8_t from, uint8_t to,
                           bool multicast)
{
    if (from == NETWORK_CLIENT || to == NETWORK_CLIENT) return false;
    if (multicast && (net->no_group >> to & 1)) return true;
    return net->cut[from] >> to & 1;
}

uint32_t network_route(struct network *net, uint8_t from, uint8_t to,
                       bool multicast, uint64_t *delays_ns)
{
    uint32_t copies = 1;
    uint32_t arrive = 0;

    ASSERT(from != to);

    net->sent++;
    if (network_is_cut(net, from, to, multicast)) {
        net->cut_off++;
        return 0;
    }
    if (network_chance(net, net->plan.twice)) {
        net->doubled++;
        copies = 2;
    }
    while (copies--) {
        if (network_chance(net, net->plan.loss)) {
            net->lost++;
            continue;
        }
        delays_ns[arrive++] = network_delay(net, from, to);
    }
    return arrive;
}

static void network_cut_link(struct network *net, uint32_t from, uint32_t to)
{
    if (from != to) net->cut[from] |= (uint16_t)(1u << to);
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
    case PARTITION_NO_GROUP:
    case PARTITION_TYPES:
        break;
    }
    return false;
}

uint64_t network_cut(struct network *net, enum partition_type type)
{
    const uint32_t side = (uint32_t)prng_below(&net->random, 1u << net->n);
    const uint32_t x = (uint32_t)prng_below(&net->random, net->n);

    network_heal(net, net->partition);
    for (uint32_t from = 0; from < net->n; from++) {
        for (uint32_t to = 0; to < net->n; to++) {
            if (!partition_cuts(net, type, side, x, from, to)) continue;
            network_cut_link(net, from, to);
        }
    }
    if (type == PARTITION_NO_GROUP) net->no_group = (uint16_t)side;
    net->partition = ++net->partitions;
    return net->partition;
}

void network_heal(struct network *net, uint64_t partition)
{
    if (partition == 0 || net->partition != partition) return;
    memset(net->cut, 0, sizeof net->cut);
    net->no_group = 0;
    net->partition = 0;
}

void network_calm(struct network *net)
{
    network_heal(net, net->partition);
    net->plan.late = 0;
    net->plan.loss = 0;
    net->plan.group_loss = 0;
    net->plan.twice = 0;
    memset(net->slow_ns, 0, sizeof net->slow_ns);
}

const char *partition_name(enum partition_type type)
{
    static const char *const names[] = {
        "halves", "alone", "mute",  "deaf",
        "links",  "star",  "chain", "no multicast",
    };

    ASSERT(type < PARTITION_TYPES);
    return names[type];
}

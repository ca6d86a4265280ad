/*
 * test_network.c - a network that does to datagrams what it was told to.
 */
#include "base/units.h"
#include "sim/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MANY 4000u

static struct network_plan perfect(void)
{
    return (
        struct network_plan){ .delay_ns = 100, .jitter_ns = 0, .mtu = 1500 };
}

/* How many copies of MANY datagrams of 1,000 bytes arrive. */
static uint32_t arrivals_at(struct network *net, uint64_t now_ns, uint8_t from,
                            uint8_t to, bool multicast)
{
    const struct passage p = { now_ns, 1000, from, to, multicast };
    struct arrival copies[NETWORK_COPIES_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < MANY; i++) count += network_route(net, &p, copies);
    return count;
}

static uint32_t arrivals(struct network *net, uint8_t from, uint8_t to,
                         bool multicast)
{
    return arrivals_at(net, 0, from, to, multicast);
}

static void route_perfect_arrives_once_on_time(void **state)
{
    const struct network_plan plan = perfect();
    struct arrival copies[NETWORK_COPIES_MAX];
    struct network net;

    (void)state;
    network_init(&net, &plan, 3, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct passage p = { 0, 1000, 0, 1, i & 1 };

        assert_int_equal(network_route(&net, &p, copies), 1);
        assert_int_equal(copies[0].delay_ns, 100);
        assert_false(copies[0].flipped);
    }
    assert_int_equal(net.lost + net.late + net.doubled + net.cut_off, 0);
    assert_int_equal(net.flipped + net.too_long, 0);
}

/* Each link is as slow, and as uneven, as it is, and stays so. */
static void route_by_its_link_takes_its_time(void **state)
{
    struct network_plan plan = perfect();
    uint64_t least_ns[2] = { UINT64_MAX, UINT64_MAX };
    struct network net;

    (void)state;
    plan.jitter_ns = NS_PER_MS;
    plan.slow = 10000;
    plan.slow_ns = NS_PER_S;
    network_init(&net, &plan, 3, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct passage p = { 0, 1000, 0, 1 + (i & 1), false };
        struct arrival copies[NETWORK_COPIES_MAX];

        network_route(&net, &p, copies);
        least_ns[i & 1] = min_u64(least_ns[i & 1], copies[0].delay_ns);
        assert_in_range(copies[0].delay_ns, net.links[0][p.to].delay_ns,
                        net.links[0][p.to].delay_ns +
                            net.links[0][p.to].jitter_ns);
    }
    assert_true(least_ns[0] > 200);
    assert_true(least_ns[1] > 200);
    assert_int_not_equal(net.links[0][1].delay_ns, net.links[0][2].delay_ns);
    assert_int_not_equal(net.links[0][1].jitter_ns, net.links[0][2].jitter_ns);
}

static void route_flipped_has_its_share(void **state)
{
    struct network_plan plan = perfect();
    struct network net;

    (void)state;
    plan.flip = 2500;
    network_init(&net, &plan, 3, 2);
    assert_int_equal(arrivals(&net, 0, 1, false), MANY);
    assert_in_range(net.flipped, MANY * 2 / 10, MANY * 3 / 10);
}

/* One hardship less, and all else befalls the same datagrams as before: what
 * is left of a failure can be found by switching things off. */
static void route_without_loss_leaves_the_rest_as_it_was(void **state)
{
    struct network_plan plan = perfect();
    struct network with;
    struct network without;
    uint32_t lost = 0;

    (void)state;
    plan.jitter_ns = NS_PER_MS;
    plan.flip = 1000;
    plan.loss = 0;
    network_init(&without, &plan, 3, 9);
    plan.loss = 2500;
    network_init(&with, &plan, 3, 9);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct passage p = { 0, 1000, 0, 1, false };
        struct arrival a[NETWORK_COPIES_MAX];
        struct arrival b[NETWORK_COPIES_MAX];

        assert_int_equal(network_route(&without, &p, a), 1);
        if (network_route(&with, &p, b) == 0) {
            lost++;
            continue;
        }
        assert_int_equal(a[0].delay_ns, b[0].delay_ns);
        assert_int_equal(a[0].flipped, b[0].flipped);
    }
    assert_in_range(lost, MANY * 2 / 10, MANY * 3 / 10);
}

static void flip_changes_one_to_three_bits(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint32_t seen[4] = { 0 };

    (void)state;
    network_init(&net, &plan, 3, 2);
    for (uint32_t i = 0; i < 300; i++) {
        uint8_t bytes[50] = { 0 };
        uint32_t bits = 0;

        network_flip(&net, bytes, sizeof bytes);
        for (uint32_t k = 0; k < sizeof bytes; k++) {
            bits += (uint32_t)__builtin_popcount(bytes[k]);
        }
        assert_in_range(bits, 1, 3);
        seen[bits]++;
    }
    assert_true(seen[1] > 50 && seen[2] > 50 && seen[3] > 50);
}

static void route_longer_than_the_mtu_is_lost(void **state)
{
    const struct network_plan plan = perfect();
    struct passage p = { 0, 1500 - NETWORK_HEADS, 0, 1, false };
    struct arrival copies[NETWORK_COPIES_MAX];
    struct network net;

    (void)state;
    network_init(&net, &plan, 3, 2);
    assert_int_equal(network_route(&net, &p, copies), 1);
    p.len++;
    assert_int_equal(network_route(&net, &p, copies), 0);
    assert_int_equal(net.too_long, 1);
}

static void route_lossy_loses_its_share(void **state)
{
    struct network_plan plan = perfect();
    struct network net;
    uint32_t count;

    (void)state;
    plan.loss = 5000;
    network_init(&net, &plan, 3, 2);
    count = arrivals(&net, 0, 1, false);
    assert_in_range(count, MANY * 4 / 10, MANY * 6 / 10);
    assert_int_equal(net.lost, MANY - count);
}

static void route_twice_doubles(void **state)
{
    struct network_plan plan = perfect();
    struct network net;

    (void)state;
    plan.twice = 10000;
    network_init(&net, &plan, 3, 3);
    assert_int_equal(arrivals(&net, 0, 1, false), 2 * MANY);
}

static void route_late_reorders(void **state)
{
    struct network_plan plan = perfect();
    const struct passage p = { 0, 1000, 0, 1, false };
    struct arrival copies[NETWORK_COPIES_MAX];
    uint64_t last_ns = 0;
    uint32_t overtaken = 0;
    struct network net;

    (void)state;
    plan.late = 5000;
    plan.late_ns = NS_PER_MS;
    network_init(&net, &plan, 3, 4);
    for (uint32_t i = 0; i < MANY; i++) {
        network_route(&net, &p, copies);
        if (copies[0].delay_ns < last_ns) overtaken++;
        last_ns = copies[0].delay_ns;
    }
    assert_true(overtaken > MANY / 10);
}

static void group_lost_is_lost_for_all(void **state)
{
    struct network_plan plan = perfect();
    struct network net;

    (void)state;
    network_init(&net, &plan, 3, 5);
    assert_true(network_group(&net));
    net.plan.group_loss = 10000;
    assert_false(network_group(&net));
    assert_int_equal(net.group_lost, 1);
}

static void cut_halves_part_both_ways(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    bool parted = false;

    (void)state;
    network_init(&net, &plan, 5, 6);
    for (uint32_t i = 0; i < 20; i++) {
        network_cut(&net, PARTITION_HALVES, 0, 0);
        for (uint8_t a = 0; a < 5; a++) {
            for (uint8_t b = 0; b < 5; b++) {
                assert_int_equal(net.cut[a] >> b & 1, net.cut[b] >> a & 1);
                parted = parted || net.cut[a] >> b & 1;
            }
        }
    }
    assert_true(parted);
}

static void cut_mute_is_one_way(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint32_t mute = 0;

    (void)state;
    network_init(&net, &plan, 4, 7);
    network_cut(&net, PARTITION_MUTE, 0, 0);
    while (net.cut[mute] == 0) mute++;
    assert_int_equal(net.cut[mute], 0xf & ~(1u << mute));
    assert_int_equal(arrivals(&net, (uint8_t)mute, (mute + 1) % 4, false), 0);
    assert_int_equal(arrivals(&net, (mute + 1) % 4, (uint8_t)mute, false),
                     MANY);
    assert_int_equal(arrivals(&net, NETWORK_CLIENT, (uint8_t)mute, false),
                     MANY);
}

/* Does a datagram of one sort pass between any two of these? */
static void assert_passes(struct network *net, uint8_t n, bool multicast,
                          bool passes)
{
    for (uint8_t from = 0; from < n; from++) {
        for (uint8_t to = 0; to < n; to++) {
            if (from == to) continue;
            assert_int_equal(arrivals(net, from, to, multicast),
                             passes ? MANY : 0);
        }
    }
}

static void cut_some_group_stops_multicast_for_some(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint8_t deaf = 0;
    uint8_t hears = 0;

    (void)state;
    network_init(&net, &plan, 5, 8);
    while (net.no_group == 0 || net.no_group == 31) {
        network_cut(&net, PARTITION_SOME_GROUP, 0, 0);
    }
    while (!(net.no_group >> deaf & 1)) deaf++;
    while (net.no_group >> hears & 1) hears++;
    assert_int_equal(arrivals(&net, (deaf + 1) % 5, deaf, true), 0);
    assert_int_equal(arrivals(&net, (hears + 1) % 5, hears, true), MANY);
    assert_passes(&net, 5, false, true);
}

static void cut_no_group_stops_multicast_alone(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;

    (void)state;
    network_init(&net, &plan, 3, 8);
    network_cut(&net, PARTITION_NO_GROUP, 0, 0);
    assert_passes(&net, 3, true, false);
    assert_passes(&net, 3, false, true);
}

static void cut_no_unicast_stops_unicast_alone(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;

    (void)state;
    network_init(&net, &plan, 3, 8);
    network_cut(&net, PARTITION_NO_UNICAST, 0, 0);
    assert_passes(&net, 3, true, true);
    assert_passes(&net, 3, false, false);
    assert_int_equal(arrivals(&net, NETWORK_CLIENT, 1, false), MANY);
    assert_int_equal(arrivals(&net, 1, NETWORK_CLIENT, false), MANY);
}

static void cut_star_leaves_its_middle(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint8_t middle = 0;

    (void)state;
    network_init(&net, &plan, 5, 8);
    network_cut(&net, PARTITION_STAR, 0, 0);
    while (net.cut[middle]) middle++;
    for (uint8_t i = 0; i < 5; i++) {
        if (i == middle) continue;
        assert_int_equal(net.cut[i], 31 & ~(1u << i) & ~(1u << middle));
    }
}

static void cut_chain_leaves_neighbours(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;

    (void)state;
    network_init(&net, &plan, 4, 8);
    network_cut(&net, PARTITION_CHAIN, 0, 0);
    assert_int_equal(net.cut[0], 0xc);
    assert_int_equal(net.cut[1], 0x8);
    assert_int_equal(net.cut[2], 0x1);
    assert_int_equal(net.cut[3], 0x3);
}

static void cut_clients_reach_some_only(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint8_t deaf = 0;

    (void)state;
    network_init(&net, &plan, 3, 8);
    while (net.cut[NETWORK_CLIENT] == 0) {
        network_cut(&net, PARTITION_CLIENTS, 0, 0);
    }
    while (!(net.cut[NETWORK_CLIENT] >> deaf & 1)) deaf++;
    assert_int_equal(arrivals(&net, NETWORK_CLIENT, deaf, false), 0);
    assert_passes(&net, 3, false, true);
}

static void cut_small_loses_what_is_long(void **state)
{
    const struct network_plan plan = perfect();
    struct passage p = { 0, 1400, 0, 1, false };
    struct arrival copies[NETWORK_COPIES_MAX];
    struct network net;

    (void)state;
    network_init(&net, &plan, 3, 8);
    do network_cut(&net, PARTITION_SMALL, 0, 0);
    while (!(net.small[0] >> 1 & 1));
    assert_int_equal(network_route(&net, &p, copies), 0);
    assert_int_equal(net.too_long, 1);
    p.len = net.small_len;
    assert_int_equal(network_route(&net, &p, copies), 1);
}

static void cut_flapping_comes_and_goes(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;

    (void)state;
    network_init(&net, &plan, 2, 8);
    network_cut(&net, PARTITION_ALONE, NS_PER_S, NS_PER_MS);
    for (uint64_t k = 0; k < 6; k++) {
        const uint64_t at_ns = NS_PER_S + k * NS_PER_MS + 5;

        assert_int_equal(arrivals_at(&net, at_ns, 0, 1, false),
                         k % 2 ? MANY : 0);
    }
}

static void heal_mends_only_its_own_cut(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint64_t first;
    uint64_t second;

    (void)state;
    network_init(&net, &plan, 3, 9);
    first = network_cut(&net, PARTITION_ALONE, 0, 0);
    second = network_cut(&net, PARTITION_ALONE, 0, 0);
    network_heal(&net, first);
    assert_true(net.cut[0] | net.cut[1] | net.cut[2]);
    network_heal(&net, second);
    assert_false(net.cut[0] | net.cut[1] | net.cut[2]);
}

static void calm_ends_all_faults(void **state)
{
    struct network_plan plan = perfect();
    struct network net;

    (void)state;
    plan.loss = plan.twice = plan.late = plan.slow = plan.flip = 5000;
    plan.group_loss = 10000;
    plan.late_ns = plan.slow_ns = NS_PER_S;
    network_init(&net, &plan, 3, 10);
    network_cut(&net, PARTITION_ALONE, 0, 0);
    network_calm(&net);
    for (uint8_t to = 1; to < 3; to++) {
        assert_int_equal(arrivals(&net, 0, to, true), MANY);
    }
    assert_true(network_group(&net));
    assert_int_equal(net.late + net.flipped, 0);
    assert_int_equal(net.links[0][1].delay_ns, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(route_perfect_arrives_once_on_time),
        cmocka_unit_test(route_by_its_link_takes_its_time),
        cmocka_unit_test(route_flipped_has_its_share),
        cmocka_unit_test(route_without_loss_leaves_the_rest_as_it_was),
        cmocka_unit_test(flip_changes_one_to_three_bits),
        cmocka_unit_test(route_longer_than_the_mtu_is_lost),
        cmocka_unit_test(route_lossy_loses_its_share),
        cmocka_unit_test(route_twice_doubles),
        cmocka_unit_test(route_late_reorders),
        cmocka_unit_test(group_lost_is_lost_for_all),
        cmocka_unit_test(cut_halves_part_both_ways),
        cmocka_unit_test(cut_mute_is_one_way),
        cmocka_unit_test(cut_some_group_stops_multicast_for_some),
        cmocka_unit_test(cut_no_group_stops_multicast_alone),
        cmocka_unit_test(cut_no_unicast_stops_unicast_alone),
        cmocka_unit_test(cut_star_leaves_its_middle),
        cmocka_unit_test(cut_chain_leaves_neighbours),
        cmocka_unit_test(cut_clients_reach_some_only),
        cmocka_unit_test(cut_small_loses_what_is_long),
        cmocka_unit_test(cut_flapping_comes_and_goes),
        cmocka_unit_test(heal_mends_only_its_own_cut),
        cmocka_unit_test(calm_ends_all_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
    return (struct network_plan){ .delay_ns = 100, .jitter_ns = 0 };
}

/* How many copies of MANY datagrams arrive. */
static uint32_t arrivals(struct network *net, uint8_t from, uint8_t to,
                         bool multicast)
{
    uint64_t delays_ns[NETWORK_COPIES_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < MANY; i++) {
        count += network_route(net, from, to, multicast, delays_ns);
    }
    return count;
}

static void route_perfect_arrives_once_on_time(void **state)
{
    const struct network_plan plan = perfect();
    uint64_t delays_ns[NETWORK_COPIES_MAX];
    struct network net;

    (void)state;
    network_init(&net, &plan, 3, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(network_route(&net, 0, 1, i & 1, delays_ns), 1);
        assert_int_equal(delays_ns[0], 100);
    }
    assert_int_equal(net.lost + net.late + net.doubled + net.cut_off, 0);
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
    uint64_t delays_ns[NETWORK_COPIES_MAX];
    uint64_t last_ns = 0;
    uint32_t overtaken = 0;
    struct network net;

    (void)state;
    plan.late = 5000;
    plan.late_ns = NS_PER_MS;
    network_init(&net, &plan, 3, 4);
    for (uint32_t i = 0; i < MANY; i++) {
        network_route(&net, 0, 1, false, delays_ns);
        if (delays_ns[0] < last_ns) overtaken++;
        last_ns = delays_ns[0];
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
    assert_int_equal(net.lost, 1);
}

static void cut_halves_part_both_ways(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    bool parted = false;

    (void)state;
    network_init(&net, &plan, 5, 6);
    for (uint32_t i = 0; i < 20; i++) {
        network_cut(&net, PARTITION_HALVES);
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
    network_cut(&net, PARTITION_MUTE);
    while (net.cut[mute] == 0) mute++;
    assert_int_equal(net.cut[mute], 0xf & ~(1u << mute));
    assert_int_equal(arrivals(&net, (uint8_t)mute, (mute + 1) % 4, false), 0);
    assert_int_equal(arrivals(&net, (mute + 1) % 4, (uint8_t)mute, false),
                     MANY);
    assert_int_equal(arrivals(&net, NETWORK_CLIENT, (uint8_t)mute, false),
                     MANY);
}

static void cut_no_group_stops_multicast_alone(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint8_t deaf = 0;

    (void)state;
    network_init(&net, &plan, 5, 8);
    while (net.no_group == 0) network_cut(&net, PARTITION_NO_GROUP);
    while (!(net.no_group >> deaf & 1)) deaf++;
    assert_int_equal(arrivals(&net, (deaf + 1) % 5, deaf, true), 0);
    assert_int_equal(arrivals(&net, (deaf + 1) % 5, deaf, false), MANY);
}

static void heal_mends_only_its_own_cut(void **state)
{
    const struct network_plan plan = perfect();
    struct network net;
    uint64_t first;
    uint64_t second;

    (void)state;
    network_init(&net, &plan, 3, 9);
    first = network_cut(&net, PARTITION_ALONE);
    second = network_cut(&net, PARTITION_ALONE);
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
    plan.loss = plan.twice = plan.late = plan.slow = 5000;
    plan.late_ns = plan.slow_ns = NS_PER_S;
    network_init(&net, &plan, 3, 10);
    network_cut(&net, PARTITION_ALONE);
    network_calm(&net);
    for (uint8_t to = 1; to < 3; to++) {
        assert_int_equal(arrivals(&net, 0, to, true), MANY);
    }
    assert_int_equal(net.late, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(route_perfect_arrives_once_on_time),
        cmocka_unit_test(route_lossy_loses_its_share),
        cmocka_unit_test(route_twice_doubles),
        cmocka_unit_test(route_late_reorders),
        cmocka_unit_test(group_lost_is_lost_for_all),
        cmocka_unit_test(cut_halves_part_both_ways),
        cmocka_unit_test(cut_mute_is_one_way),
        cmocka_unit_test(cut_no_group_stops_multicast_alone),
        cmocka_unit_test(heal_mends_only_its_own_cut),
        cmocka_unit_test(calm_ends_all_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

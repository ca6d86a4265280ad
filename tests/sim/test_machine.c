/*
 * test_machine.c - what befalls a member does to it what it says, and clients
 * that are the library come to their ends.
 */
#include "base/units.h"
#include "sim/faults.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NODES 3u
#define OPS   60u

static struct world *world;
static struct plan plan;

/* Nothing comes of its own accord, and the network and the disks are good. */
static int setup(void **state)
{
    const struct plan_wish wish = { .nodes = NODES, .clients = 2, .ops = OPS };

    (void)state;
    plan_draw(&plan, 1, &wish);
    plan.scripted = true;
    plan.is_long = false;
    plan.network = (struct network_plan){ .delay_ns = 100 * NS_PER_US,
                                          .mtu = 1500 };
    plan.disk = (struct disk_plan){ .latency_ns = 100 * NS_PER_US,
                                    .in_flight = 2,
                                    .segment_bytes = 64 * KIB };
    plan.clients.library = 100;
    plan.clients.think_ns = 20 * NS_PER_MS;
    plan.clients.pipeline = 4;
    plan.clients.wide = false;
    plan.clients.keys = 4;
    plan.members.limits = (struct kv_limits){ .store_max_bytes = MIB,
                                              .session_period_ns = 60 *
                                                                   NS_PER_S,
                                              .sessions_max = 100 };
    plan.members.window_slots = 64;
    plan.members.turn_ns = 0;
    plan.members.drift_ppm = 0;
    memset(plan.members.roles, 0, sizeof plan.members.roles);
    world = world_new();
    world_begin(world, &plan, NULL);
    return 0;
}

static int teardown(void **state)
{
    struct world_result r;

    (void)state;
    world_end(world, &r);
    world_free(world);
    return 0;
}

static struct machine *machine(uint32_t i)
{
    return &world->machines[i];
}

static void start_all(void)
{
    for (uint32_t i = 0; i < NODES; i++) machine_start(world, machine(i));
}

static void live(uint64_t for_ns)
{
    const uint64_t until_ns = world->now_ns + for_ns;

    while (world_next_ns(world) <= until_ns && world_next(world)) {
    }
    assert_null(world->checker.failed);
    world->now_ns = until_ns;
}

static bool is_led(void)
{
    for (uint32_t i = 0; i < NODES; i++) {
        struct node_status s;

        if (!machine(i)->node) continue;
        node_status(machine(i)->node, &s);
        if (s.serving && s.confirmed) return true;
    }
    return false;
}

static void pause_keeps_what_comes_for_later(void **state)
{
    struct machine *m = machine(1);
    uint64_t executed;

    (void)state;
    start_all();
    live(NS_PER_S);
    executed = m->executed;
    machine_pause(world, m, 500 * NS_PER_MS);
    live(499 * NS_PER_MS);
    assert_int_equal(m->state, MACHINE_PAUSED);
    assert_int_equal(m->executed, executed);
    assert_true(m->inbox_count > 0);
    live(2 * NS_PER_MS);
    assert_int_equal(m->state, MACHINE_UP);
    assert_int_equal(m->inbox_count, 0);
}

/* The end of a pause that a crash had ended before ends no later one. */
static void pause_ends_with_its_own_end(void **state)
{
    struct machine *m = machine(1);

    (void)state;
    start_all();
    live(NS_PER_S);
    machine_pause(world, m, 500 * NS_PER_MS);
    live(100 * NS_PER_MS);
    machine_resume(world, m);
    machine_pause(world, m, NS_PER_S);
    live(700 * NS_PER_MS);
    assert_int_equal(m->state, MACHINE_PAUSED);
    live(400 * NS_PER_MS);
    assert_int_equal(m->state, MACHINE_UP);
}

static void slow_lets_turns_take_long(void **state)
{
    struct machine *m = machine(1);
    uint32_t busy = 0;

    (void)state;
    start_all();
    live(NS_PER_S);
    machine_slow(world, m, 20 * NS_PER_MS);
    for (uint32_t i = 0; i < 1000; i++) {
        live(NS_PER_MS);
        busy += m->state == MACHINE_PAUSED;
    }
    assert_true(busy > 200);
    machine_slow(world, m, 0);
    live(100 * NS_PER_MS);
    for (uint32_t i = 0; i < 1000; i++) {
        live(NS_PER_MS);
        assert_int_equal(m->state, MACHINE_UP);
    }
    assert_true(is_led());
}

static void jump_makes_what_was_to_come_due_now(void **state)
{
    struct machine *m = machine(1);
    struct node_status before;
    uint64_t clock_ns;

    (void)state;
    start_all();
    live(2 * NS_PER_S);
    clock_ns = m->clock_ns;
    node_status(m->node, &before);
    machine_jump(world, m, 10 * NS_PER_S);
    assert_int_equal(m->clock_ns, clock_ns + 10 * NS_PER_S);
    assert_true(m->tick_ns <= world->now_ns + NS_PER_US);
    live(2 * NS_PER_S);
    assert_int_equal(m->executed, machine(0)->executed);
    assert_true(is_led());
}

static void small_pool_lasts_for_one_life(void **state)
{
    struct machine *m = machine(1);

    (void)state;
    start_all();
    live(NS_PER_S);
    machine_crash(world, m, NS_PER_MS);
    m->config.pool_order = plan.members.small_pool_order;
    live(100 * NS_PER_MS);
    assert_int_equal(m->state, MACHINE_UP);
    assert_int_equal(m->config.pool_order, plan.members.small_pool_order);
    machine_widen(world, m);
    assert_int_equal(m->state, MACHINE_DOWN);
    live(2 * NS_PER_S);
    assert_int_equal(m->config.pool_order, plan.members.pool_order);
    assert_int_equal(m->executed, machine(0)->executed);
}

static void flipped_datagrams_are_as_good_as_lost(void **state)
{
    (void)state;
    world->network.plan.flip = 10000;
    start_all();
    live(2 * NS_PER_S);
    assert_true(world->network.flipped > 100);
    assert_false(is_led());
    world->network.plan.flip = 0;
    live(2 * NS_PER_S);
    assert_true(is_led());
}

static void damage_that_is_not_noticed_is_a_failure(void **state)
{
    const struct message m = { .type = MESSAGE_LEARN, .ballot = { 1, 1 } };
    const struct datagram_head h = { .kind = DATAGRAM_PEER,
                                     .sender = 1,
                                     .parts = 1 };
    struct packet *p = packet_of_message(&m, &h);

    (void)state;
    start_all();
    p->damaged = true; /* though it is not */
    machine_on_due(world, machine(1),
                   (struct due){ .type = DUE_MESSAGE, .packet = p });
    assert_string_equal(world->checker.failed, "codec");
}

static void write_that_fails_ends_the_process(void **state)
{
    struct machine *m = machine(1);
    uint32_t life;

    (void)state;
    start_all();
    live(NS_PER_S);
    life = m->life;
    m->disk.plan.error = 10000;
    while (m->state == MACHINE_UP) live(NS_PER_MS);
    assert_int_equal(m->disk.errors, 1);
    m->disk.plan.error = 0;
    live(3 * NS_PER_S);
    assert_int_equal(m->life, life + 1);
    assert_int_equal(m->executed, machine(0)->executed);
}

static void rot_that_is_found_ends_the_member_for_good(void **state)
{
    struct machine *m = machine(1);

    (void)state;
    start_all();
    live(2 * NS_PER_S);
    assert_true(disk_rot(&m->disk));
    machine_crash(world, m, NS_PER_MS);
    assert_true(m->broken);
    live(NS_PER_S);
    faults_return(world);
    live(NS_PER_S);
    assert_int_equal(m->state, MACHINE_DOWN);
    assert_true(is_led());
}

/* It is not read before it is looked at. */
static void rot_that_is_read_ends_the_process(void **state)
{
    struct machine *m = machine(1);
    const struct read_order all = { .first = 1,
                                    .last = 1000,
                                    .bytes_max = MIB };
    bool rotten = false;

    (void)state;
    start_all();
    live(2 * NS_PER_S);
    while (!rotten) { /* until it is one with a slot */
        assert_true(disk_rot(&m->disk));
        for (uint32_t i = 0; i < m->disk.landed; i++) {
            const struct disk_batch *b = &m->disk.batches[i];

            rotten = rotten || (b->bit && b->head.slot_low);
        }
    }
    machine_on_due(world, m,
                   (struct due){ .type = DUE_READ,
                                 .life = m->life,
                                 .packet = packet_new(&all, sizeof all) });
    assert_int_equal(m->state, MACHINE_DOWN);
    assert_true(m->broken);
}

/* ---- clients that are the library ---------------------------------------- */

static void library_in_good_times_is_told_everything(void **state)
{
    (void)state;
    start_all();
    live(20 * NS_PER_S);
    for (uint32_t i = 0; i < 2; i++) {
        const struct client *c = &world->clients[i];

        assert_non_null(c->library);
        assert_true(client_is_done(c));
        assert_int_equal(c->ended + c->unknown + c->given_up, OPS / 2);
        assert_int_equal(c->unknown, 0);
    }
    assert_true(world->checker.prefix > 10);
}

static void library_with_nobody_there_says_not_done(void **state)
{
    (void)state;
    live(200 * NS_PER_S);
    for (uint32_t i = 0; i < 2; i++) {
        const struct client *c = &world->clients[i];

        assert_true(client_is_done(c));
        assert_int_equal(c->unknown, 0); /* for nothing was sent */
        assert_int_equal(c->ended + c->given_up, OPS / 2);
    }
}

/* What a member answered to an earlier handle does not confuse the next. */
static void library_that_forgets_begins_anew(void **state)
{
    (void)state;
    start_all();
    for (uint32_t i = 0; i < 40; i++) {
        live(50 * NS_PER_MS);
        client_forget(world, &world->clients[i % 2]);
    }
    live(20 * NS_PER_S);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(client_is_done(&world->clients[i]));
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(pause_keeps_what_comes_for_later),
        CASE(pause_ends_with_its_own_end),
        CASE(slow_lets_turns_take_long),
        CASE(jump_makes_what_was_to_come_due_now),
        CASE(small_pool_lasts_for_one_life),
        CASE(flipped_datagrams_are_as_good_as_lost),
        CASE(damage_that_is_not_noticed_is_a_failure),
        CASE(write_that_fails_ends_the_process),
        CASE(rot_that_is_found_ends_the_member_for_good),
        CASE(rot_that_is_read_ends_the_process),
        CASE(library_in_good_times_is_told_everything),
        CASE(library_with_nobody_there_says_not_done),
        CASE(library_that_forgets_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_intake.c - what a server makes of datagrams that are not for it. */
#include "base/assert.h"
#include "daemon/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define CLUSTER 77u

/* A server that has nothing but what is looked at: ids 1 and 2, it is 1. */
static int setup(void **state)
{
    struct server *s = calloc(1, sizeof *s);

    ASSERT(s);
    s->cluster = CLUSTER;
    s->process = 5;
    s->outbox.incarnation = 3;
    s->edge.id = 1;
    s->members.n = 2;
    memset(s->members.index_of, MEMBERS_NONE, sizeof s->members.index_of);
    s->members.index_of[1] = 0;
    s->members.index_of[2] = 1;
    s->members.addresses[1] = (struct address){ .family = 4, .port = 7402 };
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* An empty datagram of a member, from this port. */
static void take(struct server *s, uint64_t cluster, uint8_t sender,
                 uint16_t port)
{
    const struct datagram_head head = {
        .kind = DATAGRAM_PEER,
        .sender = sender,
        .parts = 1,
        .cluster = cluster,
        .incarnation = 3,
        .nonce = 5,
    };
    uint8_t bytes[DATAGRAM_HEAD];
    const struct loop_event ev = {
        .bytes = bytes,
        .len = sizeof bytes,
        .from = { .family = 4, .port = port },
    };

    datagram_seal(bytes, sizeof bytes, &head);
    intake_datagram(s, &ev);
}

/* Pitfall 21: two groups, one port. */
static void datagram_of_another_cluster_is_dropped(void **state)
{
    struct server *s = *state;

    take(s, CLUSTER + 1, 1, 7401);
    assert_int_equal(s->counters[COUNTER_DROP_CLUSTER], 1);
    take(s, CLUSTER, 1, 7401);
    assert_int_equal(s->counters[COUNTER_DROP_CLUSTER], 1);
}

static void datagram_of_a_member_from_elsewhere_is_dropped(void **state)
{
    struct server *s = *state;

    take(s, CLUSTER, 2, 7403);
    assert_int_equal(s->counters[COUNTER_DROP_SENDER], 1);
    take(s, CLUSTER, 9, 7402);
    assert_int_equal(s->counters[COUNTER_DROP_SENDER], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagram_of_another_cluster_is_dropped,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            datagram_of_a_member_from_elsewhere_is_dropped, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

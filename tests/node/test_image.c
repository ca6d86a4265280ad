/* test_image.c - src/node/image.c: the pieces of memory that are a node */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "node/state.h"
#include "support/node_kit.h"

/* Keep the pieces, spoil all the rest, and put them back. */
static size_t renew(struct node *n)
{
    struct node_span spans[NODE_SPANS_MAX];
    const uint32_t count = node_image(n, spans);
    const size_t size = node_size(&n->cfg);
    const uint8_t *end = (const uint8_t *)n;
    size_t len = 0;
    uint8_t *kept;
    uint8_t *at;

    assert_in_range(count, 1, NODE_SPANS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(spans[i].at >= end);
        assert_true(spans[i].len > 0);
        end = spans[i].at + spans[i].len;
        len += spans[i].len;
    }
    assert_true(end <= (const uint8_t *)n + size);

    at = kept = malloc(len);
    assert_non_null(kept);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(at, spans[i].at, spans[i].len);
        at += spans[i].len;
    }
    memset((void *)n, 0, size);
    at = kept;
    for (uint32_t i = 0; i < count; i++) {
        memcpy((void *)(uintptr_t)spans[i].at, at, spans[i].len);
        at += spans[i].len;
    }
    free(kept);
    return len;
}

static void renew_all(struct nodes *g)
{
    for (uint8_t i = 0; i < g->n; i++) {
        if (g->m[i].node) renew(g->m[i].node);
    }
}

static void image_is_all_that_a_node_needs(void **state)
{
    struct nodes *g = nodes_new(3);
    struct session s;
    struct prng p;
    char key[16];

    (void)state;
    prng_init(&p, 7);
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    nodes_open(g, 0, &s);
    for (unsigned i = 0; i < 60; i++) {
        const struct command c = put_of(&s, "key", "value");
        uint64_t cookie;

        snprintf(key, sizeof key, "key%u", i % 7);
        nodes_put(g, (uint8_t)(i % 3), &s, key, "value");
        cookie = nodes_ask(g, (uint8_t)(i % 3), &c); /* under way */
        renew_all(g);
        nodes_run(g, prng_below(&p, 30) * NS_PER_MS);
        renew_all(g);
        nodes_until(g, nodes_are_led, 10 * NS_PER_S);
        (void)cookie;
        if (i % 20 != 19) continue;
        nodes_kill(g, nodes_leader(g));
        nodes_run(g, 100 * NS_PER_MS);
        renew_all(g);
        for (uint8_t k = 0; k < 3; k++) {
            if (!g->m[k].node) assert_int_equal(nodes_start(g, k), 0);
        }
        renew_all(g);
        nodes_until(g, nodes_are_led, 10 * NS_PER_S);
    }
    nodes_until(g, nodes_agree, 10 * NS_PER_S);
    nodes_get(g, 0, "key3", "value");
    nodes_free(g);
}

static void image_of_a_node_at_rest_is_small(void **state)
{
    struct nodes *g = nodes_new(1);

    (void)state;
    nodes_start_all(g);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    assert_in_range(renew(g->m[0].node), sizeof(struct node), 1u << 20);
    nodes_free(g);
}

static void adopt_takes_the_state_machine_of_the_donor(void **state)
{
    struct nodes *g = nodes_new(1);
    struct nodes *other = nodes_new(1);
    const struct kv *kv;

    (void)state;
    nodes_start_all(g);
    nodes_start_all(other);
    nodes_until(g, nodes_are_led, 2 * NS_PER_S);
    nodes_until(other, nodes_are_led, 2 * NS_PER_S);
    assert_int_equal(kv_applied_slot(node_kv(g->m[0].node)),
                     kv_applied_slot(node_kv(other->m[0].node)));

    kv = node_kv(other->m[0].node);
    node_destroy(g->m[0].node);
    node_adopt(g->m[0].node, other->m[0].node);
    assert_ptr_equal(node_kv(g->m[0].node), kv);
    assert_null(node_kv(other->m[0].node));
    other->m[0].node = NULL; /* nobody ends it any more */
    free(other->m[0].memory);
    other->m[0].memory = NULL;
    nodes_run(g, 3 * NS_PER_S);
    assert_true(nodes_are_led(g));
    nodes_free(g);
    nodes_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_is_all_that_a_node_needs),
        cmocka_unit_test(image_of_a_node_at_rest_is_small),
        cmocka_unit_test(adopt_takes_the_state_machine_of_the_donor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

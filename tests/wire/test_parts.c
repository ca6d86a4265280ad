/*
 * test_parts.c - bodies in parts: in any order, with losses, doubles and lies.
 */
#include "wire/parts.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define BODY_MAX 1300u /* bytes of a body in one datagram */
#define SENDERS  3u

static struct prng prng;
static struct parts parts;
static struct bytes whole;
static uint8_t first[PARTS_BODY_MAX + BODY_MAX];
static uint8_t second[PARTS_BODY_MAX];

static int setup_group(void **state)
{
    const uint64_t seed = (uint64_t)time(NULL);

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    prng_init(&prng, seed);
    for (size_t i = 0; i < sizeof first; i++)
        first[i] = (uint8_t)prng_next(&prng);
    for (size_t i = 0; i < sizeof second; i++)
        second[i] = (uint8_t)prng_next(&prng);
    return 0;
}

static int setup(void **state)
{
    const size_t size = parts_size(SENDERS);
    void *memory = aligned_alloc(ARENA_ALIGN, size);
    struct arena mem;

    assert_non_null(memory);
    memset(memory, 0, size);
    arena_init(&mem, memory, size);
    assert_int_equal(parts_init(&parts, SENDERS, &mem), 0);
    *state = memory;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static struct datagram_head head_of(uint64_t counter, uint32_t len)
{
    return (struct datagram_head){
        .kind = DATAGRAM_PEER,
        .sender = 1,
        .parts = (uint16_t)parts_count(len, BODY_MAX),
        .incarnation = 5,
        .nonce = 77,
        .counter = counter,
    };
}

/* Give one part of a body, from memory that is gone afterwards. */
static enum parts_result give(uint8_t sender, struct datagram_head head,
                              struct bytes body, uint32_t part)
{
    const struct bytes cut = parts_cut(body, BODY_MAX, part);
    uint8_t *copy = malloc(cut.len);
    enum parts_result result;

    assert_non_null(copy);
    memcpy(copy, cut.at, cut.len);
    head.part = (uint16_t)part;
    result = parts_take(&parts, sender, &head, bytes_of(copy, cut.len), &whole);
    free(copy);
    return result;
}

static void assert_whole_is(struct bytes body)
{
    assert_int_equal(whole.len, body.len);
    assert_memory_equal(whole.at, body.at, body.len);
}

static void cut_gives_all_bytes_once(void **state)
{
    const uint32_t lens[] = {
        1,     BODY_MAX - 1,  BODY_MAX, BODY_MAX + 1, 2 * BODY_MAX,
        65584, PARTS_BODY_MAX
    };

    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        const struct bytes body = bytes_of(first, lens[i]);
        const uint32_t count = parts_count(body.len, BODY_MAX);
        uint32_t len = 0;

        assert_in_range(count, 1, DATAGRAM_PARTS_MAX);
        for (uint32_t part = 0; part < count; part++) {
            const struct bytes cut = parts_cut(body, BODY_MAX, part);

            assert_ptr_equal(cut.at, first + len);
            assert_in_range(cut.len, 1, BODY_MAX);
            len += cut.len;
        }
        assert_int_equal(len, body.len);
    }
}

/* The smallest mtu that is allowed, 1,400, leaves enough over IPv6. */
static void largest_body_fits_parts_of_smallest_mtu(void **state)
{
    const uint32_t body_max = datagram_body_max(1400, true);

    (void)state;
    assert_in_range(parts_count(PARTS_BODY_MAX, body_max), 1,
                    DATAGRAM_PARTS_MAX);
}

static void take_of_one_part_gives_it(void **state)
{
    const struct datagram_head head = head_of(1, 10);

    (void)state;
    assert_int_equal(parts_take(&parts, 0, &head, bytes_of(first, 10), &whole),
                     PARTS_WHOLE);
    assert_ptr_equal(whole.at, first);
    assert_int_equal(whole.len, 10);
}

static void take_in_order_gives_whole(void **state)
{
    const struct bytes body = bytes_of(first, PARTS_BODY_MAX);
    const struct datagram_head head = head_of(1, body.len);

    (void)state;
    for (uint32_t i = 0; i + 1 < head.parts; i++)
        assert_int_equal(give(0, head, body, i), PARTS_WAIT);
    assert_int_equal(give(0, head, body, head.parts - 1u), PARTS_WHOLE);
    assert_whole_is(body);
}

static void take_in_any_order_gives_whole(void **state)
{
    uint32_t order[DATAGRAM_PARTS_MAX];

    (void)state;
    for (uint64_t counter = 1; counter < 200; counter++) {
        const uint32_t len = (uint32_t)prng_range(&prng, BODY_MAX + 1,
                                                  20 * BODY_MAX);
        const struct bytes body = bytes_of(first, len);
        const struct datagram_head head = head_of(counter, len);

        for (uint32_t i = 0; i < head.parts; i++) order[i] = i;
        for (uint32_t i = 0; i < head.parts; i++) {
            const uint32_t other = (uint32_t)prng_below(&prng, head.parts);
            const uint32_t kept = order[i];

            order[i] = order[other];
            order[other] = kept;
        }
        for (uint32_t i = 0; i + 1 < head.parts; i++) {
            assert_int_equal(give(0, head, body, order[i]), PARTS_WAIT);
            if (prng_below(&prng, 3) == 0) /* and doubled */
                assert_int_equal(give(0, head, body, order[i]), PARTS_STALE);
        }
        assert_int_equal(give(0, head, body, order[head.parts - 1]),
                         PARTS_WHOLE);
        assert_whole_is(body);
    }
}

static void take_of_whole_again_gives_nothing(void **state)
{
    const struct bytes body = bytes_of(first, 3 * BODY_MAX);
    const struct datagram_head head = head_of(1, body.len);

    (void)state;
    assert_int_equal(give(0, head, body, 0), PARTS_WAIT);
    assert_int_equal(give(0, head, body, 1), PARTS_WAIT);
    assert_int_equal(give(0, head, body, 2), PARTS_WHOLE);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(give(0, head, body, i), PARTS_STALE);
}

static void take_with_part_lost_never_gives_whole(void **state)
{
    const struct bytes body = bytes_of(first, 4 * BODY_MAX);
    const struct datagram_head head = head_of(1, body.len);
    const struct datagram_head next = head_of(2, body.len);

    (void)state;
    for (int times = 0; times < 3; times++)
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(give(0, head, body, i),
                             times ? PARTS_STALE : PARTS_WAIT);

    /* Said again it is another message: nothing of the old one is used. */
    assert_int_equal(give(0, next, body, 3), PARTS_WAIT);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(give(0, next, body, i), PARTS_WAIT);
    assert_int_equal(give(0, next, body, 2), PARTS_WHOLE);
    assert_whole_is(body);
}

/* Parts of messages that were sent at once come in any order. */
static void bodies_of_one_sender_overtake_each_other(void **state)
{
    const struct bytes body = bytes_of(first, 3 * BODY_MAX);

    (void)state;
    for (uint32_t part = 0; part < 2; part++) {
        for (uint32_t i = 0; i < PARTS_BODIES; i++) {
            assert_int_equal(give(0, head_of(i, body.len), body, part),
                             PARTS_WAIT);
        }
    }
    for (uint32_t i = 0; i < PARTS_BODIES; i++) {
        assert_int_equal(give(0, head_of(i, body.len), body, 2), PARTS_WHOLE);
        assert_whole_is(body);
    }
}

static void body_beyond_those_kept_ends_the_first(void **state)
{
    const struct bytes body = bytes_of(first, 2 * BODY_MAX);

    (void)state;
    for (uint32_t i = 0; i <= PARTS_BODIES; i++) {
        assert_int_equal(give(0, head_of(i, body.len), body, 0), PARTS_WAIT);
    }
    for (uint32_t i = 1; i <= PARTS_BODIES; i++) {
        assert_int_equal(give(0, head_of(i, body.len), body, 1), PARTS_WHOLE);
    }
    assert_int_equal(give(0, head_of(0, body.len), body, 1), PARTS_WAIT);
    assert_int_equal(give(0, head_of(0, body.len), body, 0), PARTS_WHOLE);
}

static void bodies_of_two_senders_are_kept_apart(void **state)
{
    const struct bytes a = bytes_of(first, 2 * BODY_MAX);
    const struct bytes b = bytes_of(second, 2 * BODY_MAX);
    const struct datagram_head head = head_of(7, a.len);

    (void)state;
    assert_int_equal(give(0, head, a, 0), PARTS_WAIT);
    assert_int_equal(give(2, head, b, 1), PARTS_WAIT);
    assert_int_equal(give(0, head, a, 1), PARTS_WHOLE);
    assert_whole_is(a);
    assert_int_equal(give(2, head, b, 0), PARTS_WHOLE);
    assert_whole_is(b);
}

/* A process that was started again counts from the beginning. */
static void higher_incarnation_is_another_body(void **state)
{
    const struct bytes body = bytes_of(first, 2 * BODY_MAX);
    const struct datagram_head old = head_of(1, body.len);
    struct datagram_head new = old;

    (void)state;
    new.incarnation++;
    assert_int_equal(give(0, old, body, 0), PARTS_WAIT);
    assert_int_equal(give(0, new, body, 1), PARTS_WAIT);
    assert_int_equal(give(0, new, body, 0), PARTS_WHOLE);
}

static void other_nonce_is_another_body(void **state)
{
    const struct bytes body = bytes_of(first, 2 * BODY_MAX);
    const struct datagram_head a = head_of(7, body.len);
    struct datagram_head b = a;

    (void)state;
    b.nonce++;
    assert_int_equal(give(0, a, body, 0), PARTS_WAIT);
    assert_int_equal(give(0, b, body, 1), PARTS_WAIT);
    assert_int_equal(give(0, b, body, 0), PARTS_WHOLE);
}

/* A lie about incarnation or counter must not stand in anybody's way. */
static void lies_cost_a_place_each(void **state)
{
    const struct bytes body = bytes_of(first, 2 * BODY_MAX);
    const struct datagram_head head = head_of(7, body.len);

    (void)state;
    assert_int_equal(give(0, head, body, 0), PARTS_WAIT);
    for (uint32_t i = 0; i + 1 < PARTS_BODIES; i++) {
        const struct datagram_head lie = head_of(UINT64_MAX - i, body.len);

        assert_int_equal(give(0, lie, body, 0), PARTS_WAIT);
    }
    assert_int_equal(give(0, head, body, 1), PARTS_WHOLE);
    assert_whole_is(body);
}

static void other_number_of_parts_is_refused(void **state)
{
    const struct bytes body = bytes_of(first, 3 * BODY_MAX);
    const struct datagram_head head = head_of(1, body.len);
    struct datagram_head lie = head;

    (void)state;
    assert_int_equal(give(0, head, body, 0), PARTS_WAIT);
    lie.parts = 2;
    assert_int_equal(give(0, lie, body, 1), PARTS_BAD);
    lie.parts = DATAGRAM_PARTS_MAX;
    assert_int_equal(give(0, lie, body, 1), PARTS_BAD);
    assert_int_equal(give(0, head, body, 1), PARTS_WAIT);
    assert_int_equal(give(0, head, body, 2), PARTS_WHOLE);
    assert_whole_is(body);
}

static void empty_part_is_refused(void **state)
{
    struct datagram_head head = head_of(1, 2 * BODY_MAX);

    (void)state;
    assert_int_equal(parts_take(&parts, 0, &head, bytes_of(first, 0), &whole),
                     PARTS_BAD);
    assert_int_equal(parts_take(&parts, 0, &head, bytes_of(first, 1), &whole),
                     PARTS_WAIT);
    head.part = 1;
    assert_int_equal(parts_take(&parts, 0, &head, bytes_of(first, 1), &whole),
                     PARTS_WHOLE);
    assert_int_equal(whole.len, 2);
}

static void body_too_long_is_refused(void **state)
{
    struct datagram_head head = head_of(1, 2 * BODY_MAX);

    (void)state;
    head.parts = 3;
    assert_int_equal(parts_take(&parts, 0, &head,
                                bytes_of(first, PARTS_BODY_MAX - 1), &whole),
                     PARTS_WAIT);
    head.part = 1;
    assert_int_equal(parts_take(&parts, 0, &head, bytes_of(second, 2), &whole),
                     PARTS_BAD);
    assert_int_equal(parts_take(&parts, 0, &head, bytes_of(second, 1), &whole),
                     PARTS_WAIT);
    head.part = 2;
    assert_int_equal(parts_take(&parts, 0, &head, bytes_of(second, 1), &whole),
                     PARTS_BAD);
}

static void init_with_too_little_memory_is_refused(void **state)
{
    const size_t size = parts_size(SENDERS);
    struct parts p;
    struct arena mem;

    arena_init(&mem, *state, size - ARENA_ALIGN);
    assert_int_equal(parts_init(&p, SENDERS, &mem), -ENOMEM);
    arena_init(&mem, *state, 0);
    assert_int_equal(parts_init(&p, SENDERS, &mem), -ENOMEM);
    arena_init(&mem, *state, size);
    assert_int_equal(parts_init(&p, SENDERS, &mem), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(cut_gives_all_bytes_once),
        CASE(largest_body_fits_parts_of_smallest_mtu),
        CASE(take_of_one_part_gives_it),
        CASE(take_in_order_gives_whole),
        CASE(take_in_any_order_gives_whole),
        CASE(take_of_whole_again_gives_nothing),
        CASE(take_with_part_lost_never_gives_whole),
        CASE(bodies_of_one_sender_overtake_each_other),
        CASE(bodies_of_two_senders_are_kept_apart),
        CASE(higher_incarnation_is_another_body),
        CASE(other_nonce_is_another_body),
        CASE(lies_cost_a_place_each),
        CASE(body_beyond_those_kept_ends_the_first),
        CASE(other_number_of_parts_is_refused),
        CASE(empty_part_is_refused),
        CASE(body_too_long_is_refused),
        CASE(init_with_too_little_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, setup_group, NULL);
}

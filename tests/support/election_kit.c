/* election_kit.c - see election_kit.h */
#include "support/election_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

struct election_kit *election_kit_new(uint8_t n, uint8_t self)
{
    struct election_kit *f = calloc(1, sizeof *f);

    assert_non_null(f);
    kit_init(&f->k, n, self, 12, 0);
    f->now_ns = NS_PER_S;
    f->self = (struct self_view){ .admitted = true,
                                  .acceptor_ok = true,
                                  .round_seen = 4 };
    election_init(&f->e, &f->k.group, BEAT, 3, 1);
    election_start(&f->e, 5, f->now_ns);
    return f;
}

void election_kit_free(struct election_kit *f)
{
    kit_free(&f->k);
    free(f);
}

static void hear_any(struct election_kit *f, uint8_t index, struct ballot claim,
                     uint16_t hears, uint8_t flags)
{
    struct message m = {
        .type = MESSAGE_HEARTBEAT,
        .from = index,
        .ballot = claim,
        .heartbeat = { .heard = (uint16_t)(hears | member_bit(index)),
                       .flags = flags },
    };

    if (!ballot_is_none(claim)) m.heartbeat.flags |= HEARTBEAT_CLAIM;
    kit_clear(&f->k);
    election_on_heartbeat(&f->e, &m, &f->self, f->now_ns, &f->k.out);
}

void hear(struct election_kit *f, uint8_t index, uint16_t hears, uint8_t flags)
{
    hear_any(f, index, (struct ballot){ 0 }, hears, flags);
}

void hear_claim(struct election_kit *f, uint8_t index, uint64_t round,
                uint16_t hears, uint8_t flags)
{
    hear_any(f, index, kit_ballot(round, index), hears, flags);
}

void election_tick(struct election_kit *f, uint64_t ns)
{
    f->now_ns += ns;
    kit_clear(&f->k);
    election_on_tick(&f->e, &f->self, f->now_ns, &f->k.out);
}

uint64_t until_note(struct election_kit *f, enum note_type type, uint16_t set,
                    uint8_t flags, uint64_t most_ns)
{
    const uint64_t begin_ns = f->now_ns;

    while (f->now_ns - begin_ns < most_ns) {
        for (uint8_t i = 0; i < f->k.group.n; i++) {
            if (i == f->k.group.self || !(set & member_bit(i))) continue;
            hear(f, i, 0x1ff, flags);
            if (kit_noted(&f->k, type)) return f->now_ns - begin_ns;
        }
        election_tick(f, NS_PER_MS);
        if (kit_noted(&f->k, type)) return f->now_ns - begin_ns;
    }
    return 0;
}

struct token token_of(uint8_t initiator, uint64_t attempt, uint16_t visited)
{
    return (struct token){
        .initiator = initiator,
        .attempt = attempt,
        .round = 9,
        .visited = visited,
        .hop = 1,
        .path_len = 1,
        .path = { initiator },
        .best = MEMBER_NONE,
    };
}

void take_token(struct election_kit *f, uint8_t from, const struct token *t)
{
    const struct message m = { .type = MESSAGE_TOKEN,
                               .from = from,
                               .token = *t };

    kit_clear(&f->k);
    election_on_token(&f->e, &m, &f->self, f->now_ns, &f->k.out);
}

void take_nomination(struct election_kit *f, uint8_t from,
                     const struct token *t)
{
    const struct message m = { .type = MESSAGE_NOMINATE,
                               .from = from,
                               .token = *t };

    kit_clear(&f->k);
    f->e.campaign = 0; /* as the node does */
    election_on_nominate(&f->e, &m, &f->self, f->now_ns, &f->k.out);
}

const struct token *token_sent(const struct election_kit *f, uint8_t *to)
{
    return &kit_send(&f->k, MESSAGE_TOKEN, 0, to)->token;
}

void acknowledge(struct election_kit *f)
{
    struct message m = { .type = MESSAGE_TOKEN_ACK };
    uint8_t to;

    m.token = *token_sent(f, &to);
    m.from = to;
    election_on_ack(&f->e, &m);
}

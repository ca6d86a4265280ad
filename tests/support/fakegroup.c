/*
 * fakegroup.c - see fakegroup.h.
 */
#include "support/fakegroup.h"

#include "base/assert.h"
#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>

#define FAKE_TOKEN UINT64_C(0x70ce2)

static void *fake_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void fake_free(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

void fake_group_init(struct fake_group *g, uint32_t count)
{
    static const struct kv_limits limits = {
        .store_max_bytes = 64 * MIB,
        .session_period_ns = 60 * NS_PER_S,
        .sessions_max = 4,
    };
    static const struct kv_allocator memory = { .alloc = fake_alloc,
                                                .free = fake_free };

    ASSERT(count <= FAKE_MEMBERS_MAX);
    *g = (struct fake_group){ .name = "fake", .count = count };
    g->body_max = DATAGRAM_MAX - DATAGRAM_HEAD;
    g->request_max = DATAGRAM_MAX;
    g->kv = kv_new(&limits, &memory);
    ASSERT(g->kv);
    for (uint32_t i = 0; i < count; i++) {
        g->members[i].token = FAKE_TOKEN + i;
        g->members[i].addr = (struct address){
            .family = 4,
            .port = (uint16_t)(1001 + i),
            .ip = { 127, 0, 0, 1 },
        };
    }
}

void fake_group_destroy(struct fake_group *g)
{
    kv_destroy(g->kv);
}

uint32_t fake_group_find(const struct fake_group *g, const struct address *addr)
{
    for (uint32_t i = 0; i < g->count; i++) {
        if (address_equal(&g->members[i].addr, addr)) return i;
    }
    return FAKE_NOBODY;
}

static size_t fake_seal(uint32_t member, uint8_t *answer,
                        const struct writer *w, enum datagram_kind kind)
{
    const struct datagram_head head = { .kind = (uint8_t)kind,
                                        .sender = (uint8_t)(member + 1),
                                        .parts = 1 };
    const size_t len = DATAGRAM_HEAD + writer_len(w);

    ASSERT(writer_ok(w));
    datagram_seal(answer, len, &head);
    return len;
}

static uint8_t fake_leader_id(const struct fake_group *g)
{
    return g->leader == FAKE_NOBODY ? 0 : (uint8_t)(g->leader + 1);
}

static size_t fake_welcome(const struct fake_group *g, uint32_t at,
                           uint64_t cookie, uint8_t *answer)
{
    struct writer w = writer_of(answer + DATAGRAM_HEAD, KNOCK_SIZE);
    const struct welcome m = {
        .cookie = cookie,
        .token = g->members[at].token,
        .sender = (uint8_t)(at + 1),
        .leader = fake_leader_id(g),
        .name = bytes_of(g->name, (uint32_t)strlen(g->name)),
    };

    welcome_encode(&m, &w);
    return fake_seal(at, answer, &w, DATAGRAM_WELCOME);
}

/* ---- status ------------------------------------------------------------- */

static void fake_status_fill(const struct fake_group *g, uint32_t at,
                             struct status *s)
{
    *s = (struct status){ .group = "239.255.74.1:7400",
                          .mtu = 65507,
                          .id = (uint8_t)(at + 1),
                          .leader = fake_leader_id(g),
                          .confirmed = g->leader != FAKE_NOBODY,
                          .role = at == g->leader ? ROLE_LEADER : ROLE_FOLLOWER,
                          .sync = 1,
                          .io_ring = 1,
                          .ballot_round = 7,
                          .ballot_node = fake_leader_id(g),
                          .promised_round = 7,
                          .promised_node = fake_leader_id(g),
                          .chosen = kv_applied_slot(g->kv),
                          .executed = kv_applied_slot(g->kv),
                          .state_hash = kv_state_hash(g->kv),
                          .keys = kv_key_count(g->kv),
                          .counter_count = COUNTER_COUNT };
    strcpy(s->cluster, g->name);
    if (!s->confirmed) strcpy(s->reason, "no candidate has a majority");
    s->member_count = (uint8_t)g->count;
    for (uint32_t i = 0; i < g->count; i++) {
        s->members[i].id = (uint8_t)(i + 1);
        s->members[i].ways = g->members[i].dead ? 0 : STATUS_HEARD;
        snprintf(s->members[i].addr, sizeof s->members[i].addr, "127.0.0.1:%u",
                 g->members[i].addr.port);
    }
}

static size_t fake_status(const struct fake_group *g, uint32_t at,
                          uint64_t cookie, uint8_t *answer)
{
    struct writer w = writer_of(answer + DATAGRAM_HEAD, 1300);
    struct status s;

    fake_status_fill(g, at, &s);
    writer_u64(&w, cookie);
    writer_u64(&w, g->members[at].token);
    status_encode(&s, &w);
    return fake_seal(at, answer, &w, DATAGRAM_STATUS);
}

/* ---- requests ----------------------------------------------------------- */

static bool fake_take(uint32_t *fault)
{
    if (*fault == 0) return false;
    (*fault)--;
    return true;
}

static void fake_execute(struct fake_group *g, const struct command *c,
                         uint8_t *page, struct kv_reply *reply)
{
    if (command_is_read(c->op)) {
        kv_read(g->kv, c, page, g->body_max - REPLY_HEAD - REPLY_ITEM_HEAD,
                reply);
        return;
    }
    if (kv_answer_known(g->kv, c, reply)) return;
    kv_begin_slot(g->kv, kv_applied_slot(g->kv) + 1, g->time_ns, false);
    ASSERT(kv_execute(g->kv, 0, c, reply) == 0);
}

static void fake_command(struct fake_group *g, const struct command *c,
                         struct writer *w)
{
    static uint8_t page[DATAGRAM_MAX];
    struct kv_reply reply = { .status = REPLY_BUSY };
    struct reply_item item;

    g->commands[c->op]++;
    if (c->op <= COMMAND_INCR && fake_take(&g->lose_writes)) return;
    if (c->op == COMMAND_FENCE && fake_take(&g->lose_fences)) return;
    if (!fake_take(&g->busy)) fake_execute(g, c, page, &reply);
    item = (struct reply_item){ .seq = c->seq,
                                .slot = reply.slot,
                                .op = c->op,
                                .status = reply.status,
                                .value = reply.value };
    reply_item_encode(&item, w);
}

static size_t fake_request(struct fake_group *g, uint64_t cookie,
                           struct reader *r, uint8_t *answer)
{
    struct writer w = writer_of(answer + DATAGRAM_HEAD, g->body_max);
    const struct reply_head head = {
        .cookie = cookie,
        .token = g->members[g->leader].token,
        .leader = fake_leader_id(g),
    };
    struct command c;

    reply_head_encode(&head, &w);
    while (reader_left(r) > 0 && command_decode(&c, r) == 0)
        fake_command(g, &c, &w);
    if (writer_len(&w) == REPLY_HEAD || fake_take(&g->lose_replies)) return 0;
    return fake_seal(g->leader, answer, &w, DATAGRAM_REPLY);
}

size_t fake_group_on_datagram(struct fake_group *g, uint32_t at,
                              const uint8_t *datagram, size_t len,
                              uint8_t *answer, uint32_t *from)
{
    struct datagram_head head;
    struct reader r;
    uint64_t token;

    *from = at;
    if (g->members[at].dead || len > g->request_max) return 0;
    if (datagram_open(datagram, len, &head) != DATAGRAM_OK) return 0;
    if (head.kind == DATAGRAM_KNOCK) {
        g->knocks++;
        return len == KNOCK_SIZE ? fake_welcome(g, at, head.nonce, answer) : 0;
    }
    if (at < g->deaf || fake_take(&g->lose_requests)) return 0;
    r = reader_of(datagram + DATAGRAM_HEAD, len - DATAGRAM_HEAD);
    token = reader_u64(&r);
    if (!reader_ok(&r)) return 0;
    if (token != g->members[at].token) /* a short one is not answered */
        return len < KNOCK_SIZE ? 0 : fake_welcome(g, at, head.nonce, answer);
    if (head.kind == DATAGRAM_STATUS_ASK)
        return fake_status(g, at, head.nonce, answer);
    g->requests++;
    if (len > g->longest) g->longest = len;
    if (g->leader == FAKE_NOBODY || g->members[g->leader].dead) return 0;
    *from = g->leader;
    return fake_request(g, head.nonce, &r, answer);
}

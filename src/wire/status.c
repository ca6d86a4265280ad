/*
 * status.c - see status.h.
 */
#include "wire/status.h"

#include "base/assert.h"

#include <errno.h>

static const char *const counter_names[COUNTER_COUNT] = {
    [COUNTER_DATAGRAMS_IN] = "datagrams_in",
    [COUNTER_DATAGRAMS_OUT] = "datagrams_out",
    [COUNTER_REQUESTS] = "requests",
    [COUNTER_REPLIES] = "replies",
    [COUNTER_BUSY] = "busy",
    [COUNTER_PROPOSED] = "proposed",
    [COUNTER_EXECUTED_COMMANDS] = "executed_commands",
    [COUNTER_READS] = "reads",
    [COUNTER_RESENT] = "resent",
    [COUNTER_FETCHED] = "fetched",
    [COUNTER_ELECTIONS] = "elections",
    [COUNTER_PREEMPTIONS] = "preemptions",
    [COUNTER_NOOPS] = "noops",
    [COUNTER_FORWARDED] = "forwarded",
    [COUNTER_LOG_WRITES] = "log_writes",
    [COUNTER_LOG_BYTES] = "log_bytes",
    [COUNTER_DROP_SHORT] = "drop_short",
    [COUNTER_DROP_MAGIC] = "drop_magic",
    [COUNTER_DROP_VERSION] = "drop_version",
    [COUNTER_DROP_KIND] = "drop_kind",
    [COUNTER_DROP_CHECKSUM] = "drop_checksum",
    [COUNTER_DROP_HEAD] = "drop_head",
    [COUNTER_DROP_CLUSTER] = "drop_cluster",
    [COUNTER_DROP_SENDER] = "drop_sender",
    [COUNTER_DROP_MALFORMED] = "drop_malformed",
    [COUNTER_DROP_STALE] = "drop_stale",
    [COUNTER_DROP_POOL] = "drop_pool",
    [COUNTER_DROP_TOKEN] = "drop_token",
    [COUNTER_DROP_SOCKET] = "drop_socket",
    [COUNTER_SEND_FAILED] = "send_failed",
};

const char *status_counter_name(unsigned counter)
{
    return counter < COUNTER_COUNT ? counter_names[counter] : NULL;
}

static void text_encode(const char *text, size_t size, struct writer *w)
{
    const size_t len = strnlen(text, size);

    ASSERT(len < size);
    writer_u8(w, (uint8_t)len);
    writer_bytes(w, text, len);
}

/* It will be shown on a terminal: control bytes are refused. */
static bool text_decode(char *text, size_t size, struct reader *r)
{
    const uint8_t len = reader_u8(r);
    const uint8_t *at = reader_take(r, len);

    if (at == NULL || len >= size) return false;
    for (uint32_t i = 0; i < len; i++) {
        if (at[i] < 0x20 || at[i] == 0x7f) return false;
    }
    memcpy(text, at, len);
    text[len] = '\0';
    return true;
}

static void roles_encode(const struct status *s, struct writer *w)
{
    writer_u8(w, s->role_count);
    for (unsigned i = 0; i < s->role_count; i++) {
        const struct status_of_role *r = &s->roles[i];

        writer_u8(w, r->up);
        writer_u32(w, r->for_ms);
        writer_u32(w, r->restarts);
        writer_u32(w, r->restart_ms);
        writer_u32(w, r->mttf_ms);
        writer_u32(w, r->mttr_ms);
    }
    writer_u8(w, s->drop_pct);
    writer_u32(w, s->delay_ms);
}

static bool roles_decode(struct status *s, struct reader *r)
{
    s->role_count = reader_u8(r);
    if (s->role_count > STATUS_ROLES_MAX) return false;
    for (unsigned i = 0; i < s->role_count; i++) {
        struct status_of_role *t = &s->roles[i];

        t->up = reader_u8(r);
        t->for_ms = reader_u32(r);
        t->restarts = reader_u32(r);
        t->restart_ms = reader_u32(r);
        t->mttf_ms = reader_u32(r);
        t->mttr_ms = reader_u32(r);
        if (t->up > 1) return false;
    }
    s->drop_pct = reader_u8(r);
    s->delay_ms = reader_u32(r);
    return s->drop_pct <= 100;
}

void status_encode(const struct status *s, struct writer *w)
{
    ASSERT(s->member_count <= STATUS_MEMBERS_MAX);
    ASSERT(s->counter_count <= COUNTER_COUNT);

    text_encode(s->cluster, sizeof s->cluster, w);
    text_encode(s->group, sizeof s->group, w);
    text_encode(s->reason, sizeof s->reason, w);
    writer_u8(w, s->id);
    writer_u8(w, s->role);
    writer_u8(w, s->leader);
    writer_u8(w, s->confirmed);
    writer_u8(w, s->sync);
    writer_u8(w, s->io_ring);
    writer_u64(w, s->ballot_round);
    writer_u8(w, s->ballot_node);
    writer_u64(w, s->promised_round);
    writer_u8(w, s->promised_node);
    writer_u64(w, s->chosen);
    writer_u64(w, s->executed);
    writer_u64(w, s->state_hash);
    writer_u64(w, s->keys);
    writer_u64(w, s->log_bytes);
    writer_u64(w, s->memory_bytes);
    writer_u64(w, s->uptime_s);
    writer_u64(w, s->wall_us);
    writer_u32(w, s->mtu);
    writer_u8(w, s->priority);
    writer_u8(w, s->draining);
    writer_u64(w, s->disk_age_us);
    writer_u64(w, s->noops_in_time);
    writer_u64(w, s->noop_p50_us);
    writer_u64(w, s->noop_max_us);
    writer_u8(w, s->member_count);
    for (unsigned i = 0; i < s->member_count; i++) {
        writer_u8(w, s->members[i].id);
        writer_u8(w, s->members[i].ways);
        text_encode(s->members[i].addr, sizeof s->members[i].addr, w);
    }
    writer_u8(w, s->counter_count);
    for (unsigned i = 0; i < s->counter_count; i++)
        writer_u64(w, s->counters[i]);
    roles_encode(s, w);
}

static void numbers_decode(struct status *s, struct reader *r)
{
    s->id = reader_u8(r);
    s->role = reader_u8(r);
    s->leader = reader_u8(r);
    s->confirmed = reader_u8(r);
    s->sync = reader_u8(r);
    s->io_ring = reader_u8(r);
    s->ballot_round = reader_u64(r);
    s->ballot_node = reader_u8(r);
    s->promised_round = reader_u64(r);
    s->promised_node = reader_u8(r);
    s->chosen = reader_u64(r);
    s->executed = reader_u64(r);
    s->state_hash = reader_u64(r);
    s->keys = reader_u64(r);
    s->log_bytes = reader_u64(r);
    s->memory_bytes = reader_u64(r);
    s->uptime_s = reader_u64(r);
    s->wall_us = reader_u64(r);
    s->mtu = reader_u32(r);
    s->priority = reader_u8(r);
    s->draining = reader_u8(r);
    s->disk_age_us = reader_u64(r);
    s->noops_in_time = reader_u64(r);
    s->noop_p50_us = reader_u64(r);
    s->noop_max_us = reader_u64(r);
}

static bool numbers_are_sane(const struct status *s)
{
    return s->id != 0 && s->role <= ROLE_PROVISIONAL && s->confirmed <= 1 &&
           s->sync <= 1 && s->io_ring <= 1 && s->draining <= 1;
}

static bool members_decode(struct status *s, struct reader *r)
{
    s->member_count = reader_u8(r);
    if (s->member_count > STATUS_MEMBERS_MAX) return false;
    for (unsigned i = 0; i < s->member_count; i++) {
        struct status_member *m = &s->members[i];

        m->id = reader_u8(r);
        m->ways = reader_u8(r);
        if (!text_decode(m->addr, sizeof m->addr, r)) return false;
        if (m->id == 0 ||
            m->ways > (STATUS_HEARD | STATUS_LINK | STATUS_UNICAST))
            return false;
    }
    return true;
}

static void counters_decode(struct status *s, struct reader *r)
{
    const uint8_t count = reader_u8(r);

    for (unsigned i = 0; i < count; i++) {
        const uint64_t value = reader_u64(r);

        if (i < COUNTER_COUNT) s->counters[i] = value;
    }
    s->counter_count = count < COUNTER_COUNT ? count : COUNTER_COUNT;
}

int status_decode(struct status *s, struct reader *r)
{
    memset(s, 0, sizeof *s);
    if (!text_decode(s->cluster, sizeof s->cluster, r)) return -EBADMSG;
    if (!text_decode(s->group, sizeof s->group, r)) return -EBADMSG;
    if (!text_decode(s->reason, sizeof s->reason, r)) return -EBADMSG;
    numbers_decode(s, r);
    if (!members_decode(s, r)) return -EBADMSG;
    counters_decode(s, r);
    if (!roles_decode(s, r)) return -EBADMSG;
    if (!reader_done(r)) return -EBADMSG;
    return numbers_are_sane(s) ? 0 : -EBADMSG;
}

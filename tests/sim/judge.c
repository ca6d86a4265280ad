/* judge.c - model_judge of model.h: could a member give this answer? */
#include "sim/model.h"

static const char *judge_get(const struct model *m, const struct command *c,
                             const struct kv_reply *reply)
{
    const struct model_version *v = model_key_at(model_key(m, c->key),
                                                 reply->slot);

    if (!v) {
        return reply->status == REPLY_NOTFOUND ? NULL
                                               : "a value of an absent key";
    }
    if (reply->status != REPLY_OK) return "a key that was there was not found";
    if (!bytes_equal(bytes_of(v->value, v->len), reply->value)) {
        return "the value is not the one of that slot";
    }
    return NULL;
}

/* One listed pair; false if it is not k as of slot. */
static bool judge_pair(const struct model_key *k, const struct model_version *v,
                       bool keys_only, struct reader *r)
{
    const uint16_t key_len = reader_u16(r);
    const uint32_t value_len = reader_u32(r);
    const uint64_t version = reader_u64(r);
    const uint8_t *name = reader_take(r, key_len);
    const uint8_t *value = reader_take(r, value_len);

    if (!reader_ok(r) || version != v->slot) return false;
    if (!bytes_equal(bytes_of(name, key_len), model_key_name(k))) return false;
    if (keys_only) return value_len == 0;
    return bytes_equal(bytes_of(value, value_len), bytes_of(v->value, v->len));
}

static bool list_wants(const struct command *c, const struct model_key *k)
{
    if (c->key.len && bytes_cmp(model_key_name(k), c->key) <= 0) return false;
    if (k->len < c->expected.len) return false;
    return bytes_equal(bytes_of(k->name, c->expected.len), c->expected);
}

static const char *judge_list(const struct model *m, const struct command *c,
                              const struct kv_reply *reply)
{
    struct reader r = reader_of(reply->value.at, reply->value.len);
    const uint8_t more = reader_u8(&r);
    uint32_t i = 0;

    for (; i < m->key_count; i++) {
        const struct model_key *k = &m->keys[i];
        const struct model_version *v = model_key_at(k, reply->slot);

        if (!v || !list_wants(c, k)) continue;
        if (reader_left(&r) == 0) break;
        if (!judge_pair(k, v, c->flags & COMMAND_KEYS, &r)) {
            return "a page that is not that of its slot";
        }
    }
    if (!reader_done(&r)) return "a page with more than there was";
    if (more != (i < m->key_count)) return "a page that ends too early";
    if (more && reply->value.len == 1) return "an empty page, and more";
    return NULL;
}

static const char *judge_read(const struct model *m, const struct command *c,
                              const struct kv_reply *reply)
{
    if (reply->status == REPLY_UNAVAILABLE) return NULL;
    if (c->op == COMMAND_GET) return judge_get(m, c, reply);
    if (reply->status != REPLY_OK) return "a read has an unexpected status";
    if (c->op == COMMAND_LIST) return judge_list(m, c, reply);
    return NULL;
}

static const char *judge_open(const struct model *m, const struct command *c,
                              const struct kv_reply *reply)
{
    for (uint32_t i = 0; i < m->refusal_count; i++) {
        const struct model_refusal *r = &m->refusals[i];

        if (reply->status != REPLY_FULL || r->slot != reply->slot) continue;
        if (memcmp(r->nonce, c->value.at, COMMAND_NONCE) == 0) return NULL;
    }
    for (uint32_t i = 0; i < m->session_count; i++) {
        struct kv_reply want;

        if (reply->status != REPLY_OK) break;
        if (m->sessions[i].id.slot != reply->slot) continue;
        model_opened(&m->sessions[i], &want);
        if (memcmp(m->sessions[i].nonce, c->value.at, COMMAND_NONCE) != 0) {
            continue;
        }
        if (bytes_equal(want.value, reply->value)) return NULL;
    }
    return "no such session was opened, nor refused";
}

static const char *judge_seq(const struct model_session *s,
                             const struct command *c,
                             const struct kv_reply *reply)
{
    const struct model_reply *r;

    if (reply->status == REPLY_STALE) {
        return c->seq <= s->acked_upto ? NULL : "stale, but never acknowledged";
    }
    if (c->seq >= s->size || !s->replies[c->seq].set) {
        return "an answer to a command that was not executed";
    }
    r = &s->replies[c->seq];
    if (r->status != reply->status) return "another status than executed";
    if (r->slot != reply->slot) return "another slot than executed";
    if (!bytes_equal(bytes_of(r->value, r->len), reply->value)) {
        return "another value than executed";
    }
    return NULL;
}

const char *model_judge(const struct model *m, const struct command *c,
                        const struct kv_reply *reply)
{
    const struct model_session *s;

    if (reply->status == REPLY_BUSY) return NULL;
    if (reply->slot > m->slot) return "the slot is not chosen";
    if (command_is_read(c->op)) return judge_read(m, c, reply);
    if (c->op == COMMAND_OPEN) return judge_open(m, c, reply);

    s = model_session(m, c->session);
    if (!s) return "an answer in a session that was never opened";
    if (reply->status == REPLY_EXPIRED) {
        if (s->ended_slot && s->ended_slot <= reply->slot) return NULL;
        return "expired, but the session lives";
    }
    if (model_op_has_seq(c->op)) return judge_seq(s, c, reply);
    return reply->status == REPLY_OK ? NULL : "an unexpected status";
}

/*
 * request.c - see request.h.
 */
#include "wire/request.h"

#include "base/assert.h"

#include <errno.h>

void welcome_encode(const struct welcome *m, struct writer *w)
{
    ASSERT(m->name.len <= CLUSTER_NAME_MAX);

    writer_u64(w, m->cookie);
    writer_u64(w, m->token);
    writer_u8(w, m->sender);
    writer_u8(w, m->leader);
    writer_u8(w, (uint8_t)m->name.len);
    writer_bytes(w, m->name.at, m->name.len);
}

int welcome_decode(struct welcome *m, struct reader *r)
{
    m->cookie = reader_u64(r);
    m->token = reader_u64(r);
    m->sender = reader_u8(r);
    m->leader = reader_u8(r);
    m->name.len = reader_u8(r);
    m->name.at = reader_take(r, m->name.len);
    if (!reader_done(r)) return -EBADMSG;
    if (m->sender == 0) return -EBADMSG;
    return m->name.len <= CLUSTER_NAME_MAX ? 0 : -EBADMSG;
}

void reply_head_encode(const struct reply_head *h, struct writer *w)
{
    writer_u64(w, h->cookie);
    writer_u64(w, h->token);
    writer_u64(w, h->leader); /* u8 and seven zeros */
}

int reply_head_decode(struct reply_head *h, struct reader *r)
{
    uint64_t leader;

    h->cookie = reader_u64(r);
    h->token = reader_u64(r);
    leader = reader_u64(r);
    h->leader = (uint8_t)leader;
    return reader_ok(r) && leader <= UINT8_MAX ? 0 : -EBADMSG;
}

void reply_item_encode(const struct reply_item *i, struct writer *w)
{
    ASSERT(i->status <= REPLY_BAD);

    writer_u64(w, i->seq);
    writer_u64(w, i->slot);
    writer_u8(w, i->op);
    writer_u8(w, i->status);
    writer_u16(w, 0);
    writer_u32(w, i->value.len);
    writer_bytes(w, i->value.at, i->value.len);
}

static bool reply_op_is_known(uint8_t op)
{
    return (op >= COMMAND_PUT && op <= COMMAND_KEEPALIVE) ||
           (op >= COMMAND_GET && op <= COMMAND_PING);
}

int reply_item_decode(struct reply_item *i, struct reader *r)
{
    uint16_t zero;

    i->seq = reader_u64(r);
    i->slot = reader_u64(r);
    i->op = reader_u8(r);
    i->status = reader_u8(r);
    zero = reader_u16(r);
    i->value.len = reader_u32(r);
    i->value.at = reader_take(r, i->value.len);
    if (!reader_ok(r) || zero != 0) return -EBADMSG;
    if (!reply_op_is_known(i->op)) return -EBADMSG;
    return i->status <= REPLY_BAD ? 0 : -EBADMSG;
}

/* It will be shown on a terminal: of control bytes, lines may end alone. */
static bool admin_text_is_sane(struct bytes text, uint32_t max, bool lines)
{
    if (text.at == NULL || text.len > max) return false;
    for (uint32_t i = 0; i < text.len; i++) {
        if (lines && text.at[i] == '\n') continue;
        if (text.at[i] < 0x20 || text.at[i] == 0x7f) return false;
    }
    return true;
}

void admin_answer_encode(const struct admin_answer *a, struct writer *w)
{
    ASSERT(a->status <= ADMIN_REFUSED);
    ASSERT(a->text.len <= ADMIN_TEXT_MAX);

    writer_u64(w, a->cookie);
    writer_u64(w, a->token);
    writer_u64(w, a->status); /* u8 and seven zeros */
    writer_bytes(w, a->text.at, a->text.len);
}

int admin_answer_decode(struct admin_answer *a, struct reader *r)
{
    uint64_t status;

    a->cookie = reader_u64(r);
    a->token = reader_u64(r);
    status = reader_u64(r);
    a->text.len = (uint32_t)reader_left(r);
    a->text.at = reader_take(r, a->text.len);
    if (!reader_ok(r) || status > ADMIN_REFUSED) return -EBADMSG;
    a->status = (uint8_t)status;
    return admin_text_is_sane(a->text, ADMIN_TEXT_MAX, true) ? 0 : -EBADMSG;
}

int admin_ask_decode(struct bytes *text, struct reader *r)
{
    text->len = (uint32_t)reader_left(r);
    text->at = reader_take(r, text->len);
    if (!reader_ok(r) || text->len == 0) return -EBADMSG;
    return admin_text_is_sane(*text, ADMIN_ASK_MAX, false) ? 0 : -EBADMSG;
}

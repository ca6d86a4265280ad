/* record.c - see record.h. */
#include "wire/record.h"

#include "base/assert.h"
#include "wire/field.h"

#include <errno.h>

static bool record_has_value(uint8_t type)
{
    return type == RECORD_ACCEPT || type == RECORD_CHOSEN;
}

uint64_t record_slot(const struct message *m)
{
    if (m->type == RECORD_ACCEPT) return m->accept.slot;
    if (m->type == RECORD_CHOSEN) return m->decided.slot;
    return 0;
}

struct bytes record_value(const struct message *m)
{
    struct value v = { 0 };

    if (m->type == RECORD_ACCEPT) v = m->accept.value;
    if (m->type == RECORD_CHOSEN) v = m->decided.value;
    if (record_has_value(m->type)) ASSERT(v.len >= VALUE_HEAD);
    ASSERT(v.len <= VALUE_BYTES_MAX);
    return bytes_of(v.bytes, v.len);
}

static void put_life(const struct life *l, struct writer *w)
{
    writer_u64(w, l->instance);
    writer_u64(w, l->incarnation);
    writer_u64(w, l->nonce);
    writer_u64(w, l->heard_incarnation);
    writer_u8(w, l->peer);
    field_put_zeros(w, 7);
}

void record_encode(const struct message *m, struct writer *w)
{
    ASSERT(m->type >= RECORD_PROMISE && m->type <= RECORD_REFUSED);
    if (field_needs_ballot(m->type)) ASSERT(m->ballot.round > 0);
    if (record_has_value(m->type)) ASSERT(record_slot(m) > 0);

    field_put_ballot(w, m->ballot);
    writer_u64(w, m->vote_seq);
    if (m->type == RECORD_ACCEPT) {
        writer_u64(w, m->accept.learn_upto);
    } else if (m->type == RECORD_CHOSEN) {
        writer_u64(w, 0);
    } else if (m->type == RECORD_MARK) {
        writer_u64(w, m->mark.first);
        writer_u64(w, m->mark.upto);
    } else if (m->type >= RECORD_LIFE && m->type <= RECORD_PEER) {
        put_life(&m->life, w);
    }
}

static bool take_accept(struct message *m, uint64_t slot, struct reader *r)
{
    m->accept.slot = slot;
    m->accept.learn_upto = reader_u64(r);
    return field_upto_is_sane(m->accept.learn_upto) &&
           field_take_value(r, &m->accept.value);
}

static bool take_chosen(struct message *m, uint64_t slot, struct reader *r)
{
    m->decided.slot = slot;
    return field_take_zeros(r, 8) && field_take_value(r, &m->decided.value);
}

static bool take_mark(struct mark *mark, struct reader *r)
{
    mark->first = reader_u64(r);
    mark->upto = reader_u64(r);
    return field_upto_is_sane(mark->first) && field_upto_is_sane(mark->upto);
}

static bool take_life(struct life *l, struct reader *r)
{
    l->instance = reader_u64(r);
    l->incarnation = reader_u64(r);
    l->nonce = reader_u64(r);
    l->heard_incarnation = reader_u64(r);
    l->peer = reader_u8(r);
    return field_take_zeros(r, 7);
}

static bool take_rest(struct message *m, uint64_t slot, struct reader *r)
{
    switch (m->type) {
    case RECORD_PROMISE:
    case RECORD_REFUSED:
        return true;
    case RECORD_ACCEPT:
        return take_accept(m, slot, r);
    case RECORD_CHOSEN:
        return take_chosen(m, slot, r);
    case RECORD_MARK:
        return take_mark(&m->mark, r);
    case RECORD_LIFE:
    case RECORD_ADMITTED:
    case RECORD_PEER:
        return take_life(&m->life, r);
    }
    return false;
}

static bool slot_fits_type(uint8_t type, uint64_t slot)
{
    return record_has_value(type) ? field_slot_is_sane(slot) : slot == 0;
}

int record_decode(struct message *m, uint8_t type, uint64_t slot,
                  struct bytes bytes)
{
    struct reader r = reader_of(bytes.at, bytes.len);

    memset(m, 0, sizeof *m);
    m->type = type;
    if (!slot_fits_type(type, slot)) return -EBADMSG;
    if (!field_take_ballot(&r, &m->ballot)) return -EBADMSG;
    if (ballot_is_none(m->ballot) && field_needs_ballot(type)) return -EBADMSG;
    m->vote_seq = reader_u64(&r);
    if (!take_rest(m, slot, &r)) return -EBADMSG;
    return reader_done(&r) ? 0 : -EBADMSG;
}

/* flight.c - see flight.h */
#include "wire/flight.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/writer.h"

#include <errno.h>

#define FLIGHT_FLAGS    31u
#define FLIGHT_BY_GROUP 0x80u
#define FLIGHT_CRC_AT   12u /* from here on the head is under its checksum */

#define FLIGHT_BODY_MAX (UINT64_C(1) << 40)

/* ---- events -------------------------------------------------------------- */

static uint8_t flight_flags(const struct flight_context *last,
                            const struct flight_event *e)
{
    uint8_t flags = 0;

    if (e->now_ns != last->now_ns) flags |= FLIGHT_TIME;
    if ((e->has & FLIGHT_SENDER) &&
        (e->incarnation != last->incarnation || e->process != last->process))
        flags |= FLIGHT_SENDER;
    if ((e->has & FLIGHT_CLIENT) && (e->cookie != last->cookie ||
                                     !address_equal(&e->client, &last->client)))
        flags |= FLIGHT_CLIENT;
    if (e->number) flags |= FLIGHT_NUMBER;
    if (e->slot) flags |= FLIGHT_SLOT;
    return flags;
}

static uint8_t *put64(uint8_t *to, uint64_t v)
{
    store64(to, v);
    return to + 8;
}

static uint8_t *put_bytes(uint8_t *to, const void *from, size_t len)
{
    if (len) memcpy(to, from, len);
    return to + len;
}

uint32_t flight_put(uint8_t *to, struct flight_context *last,
                    const struct flight_event *e)
{
    const uint8_t flags = flight_flags(last, e);
    const uint32_t len = e->bytes.len + e->more.len;
    uint8_t *at = to + FLIGHT_EVENT_HEAD;

    ASSERT(len <= FLIGHT_BYTES_MAX);
    store32(to, len);
    to[4] = e->type;
    to[5] = (uint8_t)(e->from | (e->by_group ? FLIGHT_BY_GROUP : 0));
    to[6] = flags;
    to[7] = e->record;
    flight_set_digest(to, 0);
    if (flags & FLIGHT_TIME) at = put64(at, last->now_ns = e->now_ns);
    if (flags & FLIGHT_SENDER) {
        at = put64(at, last->incarnation = e->incarnation);
        at = put64(at, last->process = e->process);
    }
    if (flags & FLIGHT_CLIENT) {
        last->client = e->client;
        at = put_bytes(at, &e->client, sizeof e->client);
        at = put64(at, last->cookie = e->cookie);
    }
    if (flags & FLIGHT_NUMBER) at = put64(at, e->number);
    if (flags & FLIGHT_SLOT) at = put64(at, e->slot);
    /* The bytes end the event, and so do zeros that fill it up. */
    store64(at + (len & ~7u), 0);
    at = put_bytes(at, e->bytes.at, e->bytes.len);
    at = put_bytes(at, e->more.at, e->more.len);
    return (uint32_t)flight_filled((uint64_t)(at - to));
}

static void get_client(struct reader *r, struct flight_context *last)
{
    const uint8_t *at = reader_take(r, sizeof last->client);

    if (at) memcpy(&last->client, at, sizeof last->client);
    last->cookie = reader_u64(r);
}

int flight_get(struct reader *r, struct flight_context *last,
               struct flight_event *e)
{
    const uint32_t len = reader_u32(r);
    uint8_t flags;
    uint8_t from;

    memset(e, 0, sizeof *e);
    e->type = reader_u8(r);
    from = reader_u8(r);
    e->from = from & (uint8_t)~FLIGHT_BY_GROUP;
    e->by_group = from & FLIGHT_BY_GROUP;
    flags = reader_u8(r);
    e->record = reader_u8(r);
    e->digest = reader_u64(r);
    if (len > FLIGHT_BYTES_MAX || flags > FLIGHT_FLAGS) return -EBADMSG;
    if (flags & FLIGHT_TIME) last->now_ns = reader_u64(r);
    if (flags & FLIGHT_SENDER) {
        last->incarnation = reader_u64(r);
        last->process = reader_u64(r);
    }
    if (flags & FLIGHT_CLIENT) get_client(r, last);
    if (flags & FLIGHT_NUMBER) e->number = reader_u64(r);
    if (flags & FLIGHT_SLOT) e->slot = reader_u64(r);
    e->now_ns = last->now_ns;
    e->incarnation = last->incarnation;
    e->process = last->process;
    e->client = last->client;
    e->cookie = last->cookie;
    e->bytes = bytes_of(reader_take(r, flight_filled(len)), len);
    return reader_ok(r) ? 0 : -EBADMSG;
}

/* ---- digests ------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static uint64_t mix_value(uint64_t h, const struct value *v)
{
    return mix(h, v->len >= 4 ? load32(v->bytes) : 0);
}

static uint64_t mix_ballot(uint64_t h, struct ballot b)
{
    return mix(h, b.round << 8 ^ b.node);
}

static uint64_t mix_ranges(uint64_t h, const struct range *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) h = mix(mix(h, r[i].first), r[i].last);
    return h;
}

static uint64_t mix_runs(uint64_t h, const struct run *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        h = mix_ballot(mix(mix(h, r[i].first), r[i].count), r[i].ballot);
    }
    return h;
}

static uint64_t mix_heartbeat(uint64_t h, const struct heartbeat *b)
{
    h = mix(mix(h, b->chosen_upto), b->accepted_upto);
    h = mix(h, (uint64_t)b->by_group << 32 ^ (uint64_t)b->port << 8 ^ b->ways);
    return mix(h, (uint64_t)b->heard << 24 ^ (uint64_t)b->flags << 16 ^
                      (uint64_t)b->priority << 8 ^ b->leader);
}

static uint64_t mix_token(uint64_t h, const struct token *t)
{
    h = mix(mix(h, t->attempt), t->round);
    return mix(h, (uint64_t)t->visited << 24 ^ (uint64_t)t->initiator << 16 ^
                      (uint64_t)t->hop << 8 ^ t->best);
}

static uint64_t mix_life(uint64_t h, const struct life *l)
{
    h = mix(mix(h, l->incarnation), l->nonce);
    return mix(mix(h, l->heard_incarnation), l->peer);
}

/* What a message says beyond its head; all that has a meaning, and no byte
 * that an assignment may leave undetermined. */
static uint64_t mix_body(uint64_t h, const struct message *m)
{
    switch ((enum message_type)m->type) {
    case MESSAGE_HEARTBEAT:
        return mix_heartbeat(h, &m->heartbeat);
    case MESSAGE_PREPARE:
        return mix(h, m->prepare.from);
    case MESSAGE_PROMISE:
        h = mix(mix(h, m->promise.log_start), m->promise.chosen_upto);
        return mix_runs(h, m->promise.runs, m->promise.run_count);
    case MESSAGE_NACK:
        return mix_ballot(mix_ballot(h, m->nack.refused), m->nack.claimed);
    case MESSAGE_ACCEPT:
    case RECORD_ACCEPT:
        h = mix(mix(h, m->accept.slot), m->accept.learn_upto);
        return mix_value(h, &m->accept.value);
    case MESSAGE_ACCEPTED:
        return mix_ranges(h, m->ranges, m->count);
    case MESSAGE_LEARN:
        return mix(h, m->learn.upto);
    case MESSAGE_FETCH:
        h = mix_ranges(h, m->fetch->ranges, m->fetch->range_count);
        return mix_runs(h, m->fetch->held, m->fetch->held_count);
    case MESSAGE_WANT:
        return mix(h, m->decided.slot);
    case MESSAGE_CHOSEN:
    case MESSAGE_VALUE:
    case RECORD_CHOSEN:
        return mix_value(mix(h, m->decided.slot), &m->decided.value);
    case MESSAGE_CONFIRM:
    case MESSAGE_CONFIRMED:
        return mix(h, m->confirm.nonce);
    case MESSAGE_TOKEN:
    case MESSAGE_TOKEN_ACK:
    case MESSAGE_NOMINATE:
    case MESSAGE_REFUSE:
        return mix_token(h, &m->token);
    case MESSAGE_HELLO:
        return mix(mix(h, m->hello.life), m->hello.nonce);
    case MESSAGE_HELLO_ANSWER:
        return mix(mix(h, m->hello_answer.life), m->hello_answer.yes);
    case MESSAGE_LEAVING:
        return mix(mix(h, m->leaving.round), m->leaving.successor);
    case MESSAGE_FORWARD:
        return mix(mix(h, m->forward.cookie), m->forward.command.len);
    case RECORD_MARK:
        return mix(mix(h, m->mark.first), m->mark.upto);
    case RECORD_LIFE:
    case RECORD_ADMITTED:
    case RECORD_PEER:
        return mix_life(h, &m->life);
    case RECORD_PROMISE:
    case RECORD_REFUSED:
        break;
    }
    return h;
}

static uint64_t mix_message(uint64_t h, const struct message *m)
{
    h = mix_ballot(mix(h, m->type), m->ballot);
    h = mix(h, m->vote_seq ^ m->request << 20 ^ m->asker << 40);
    return mix_body(h, m);
}

static uint64_t mix_reply(uint64_t h, const struct reply *r)
{
    h = mix(mix(h, r->cookie ^ r->seq << 32), r->slot);
    return mix(h,
               (uint64_t)r->value.len << 16 ^ (uint64_t)r->op << 8 ^ r->status);
}

static uint64_t mix_effect(uint64_t h, const struct effect *e)
{
    h = mix(h, (uint64_t)e->to << 8 ^ e->type);
    switch ((enum effect_type)e->type) {
    case EFFECT_NONE:
        break;
    case EFFECT_SEND:
        return mix_message(h, &e->message);
    case EFFECT_PERSIST:
        return mix_message(mix(h, e->seq), &e->message);
    case EFFECT_READ:
        return mix(mix(mix(h, e->read.tag), e->read.first), e->read.last);
    case EFFECT_REPLAY:
        return mix(mix(h, e->replay.tag), e->replay.first);
    case EFFECT_PROBE:
        return mix(h, e->port);
    case EFFECT_REPLY:
        return mix_reply(h, &e->reply);
    case EFFECT_NOTE:
        h = mix(mix(h, (uint64_t)e->note.type), e->note.number);
        return mix_ballot(h, e->note.ballot);
    case EFFECT_FATAL:
        return mix(mix(h, (uint64_t)e->fatal.status), e->fatal.slot);
    }
    return h;
}

uint64_t flight_digest(const struct effects *out)
{
    uint64_t h = out->count;

    ASSERT(out->count <= EFFECTS_MAX);
    for (uint32_t i = 0; i < out->count; i++) h = mix_effect(h, &out->list[i]);
    return h | 1; /* 0 is that of no step */
}

/* ---- head ---------------------------------------------------------------- */

void flight_put_head(uint8_t *to, const struct flight_head *h)
{
    struct writer w = writer_of(to, FLIGHT_HEAD);

    memset(to, 0, FLIGHT_HEAD);
    writer_u64(&w, FLIGHT_MAGIC);
    writer_u32(&w, 0);
    writer_u32(&w, h->body_crc);
    writer_u32(&w, FLIGHT_VERSION);
    writer_u32(&w, h->signal);
    writer_u64(&w, h->instance);
    writer_u64(&w, h->incarnation);
    writer_u64(&w, h->address);
    writer_u64(&w, h->memory);
    writer_u64(&w, h->executed);
    writer_u64(&w, h->state_hash);
    writer_u64(&w, h->first);
    writer_u64(&w, h->count);
    writer_u64(&w, h->image_len);
    writer_u64(&w, h->events_len);
    writer_u32(&w, h->config_len);
    writer_u32(&w, h->span_count);
    writer_u32(&w, h->line);
    writer_u32(&w, 0);
    writer_bytes(&w, h->version, sizeof h->version);
    writer_bytes(&w, h->file, sizeof h->file);
    writer_bytes(&w, h->what, sizeof h->what);
    ASSERT(writer_ok(&w));
    ASSERT(writer_left(&w) == 0);
    store32(to + 8, crc32c(0, to + FLIGHT_CRC_AT, FLIGHT_HEAD - FLIGHT_CRC_AT));
}

static void get_text(struct reader *r, char *to, size_t size)
{
    const uint8_t *at = reader_take(r, size);

    if (at) memcpy(to, at, size);
    to[size - 1] = '\0';
}

static bool head_is_sane(const struct flight_head *h)
{
    if (h->config_len > FLIGHT_CONFIG_MAX) return false;
    if (h->span_count > FLIGHT_SPANS_MAX) return false;
    if (h->memory > FLIGHT_BODY_MAX) return false;
    return h->image_len <= h->memory && h->events_len <= FLIGHT_BODY_MAX;
}

int flight_get_head(struct bytes bytes, struct flight_head *h)
{
    struct reader r = reader_of(bytes.at, bytes.len);
    uint32_t crc;

    memset(h, 0, sizeof *h);
    if (bytes.len < FLIGHT_HEAD) return -EBADMSG;
    if (reader_u64(&r) != FLIGHT_MAGIC) return -EBADMSG;
    crc = reader_u32(&r);
    if (crc != crc32c(0, bytes.at + FLIGHT_CRC_AT, FLIGHT_HEAD - FLIGHT_CRC_AT))
        return -EBADMSG;
    h->body_crc = reader_u32(&r);
    if (reader_u32(&r) != FLIGHT_VERSION) return -ENOTSUP;
    h->signal = reader_u32(&r);
    h->instance = reader_u64(&r);
    h->incarnation = reader_u64(&r);
    h->address = reader_u64(&r);
    h->memory = reader_u64(&r);
    h->executed = reader_u64(&r);
    h->state_hash = reader_u64(&r);
    h->first = reader_u64(&r);
    h->count = reader_u64(&r);
    h->image_len = reader_u64(&r);
    h->events_len = reader_u64(&r);
    h->config_len = reader_u32(&r);
    h->span_count = reader_u32(&r);
    h->line = reader_u32(&r);
    reader_u32(&r);
    get_text(&r, h->version, sizeof h->version);
    get_text(&r, h->file, sizeof h->file);
    get_text(&r, h->what, sizeof h->what);
    return head_is_sane(h) ? 0 : -EBADMSG;
}

/* ---- file ---------------------------------------------------------------- */

static struct bytes get_bytes(struct reader *r, uint64_t len)
{
    const uint8_t *at = reader_take(r, flight_filled(len));

    return bytes_of(at, at ? (uint32_t)len : 0);
}

static bool get_spans(struct reader *r, struct flight_file *f)
{
    uint64_t end = 0;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < f->head.span_count; i++) {
        struct flight_span *s = &f->spans[i];

        s->offset = reader_u64(r);
        s->len = reader_u64(r);
        if (s->offset < end || s->offset > f->head.memory) return false;
        if (s->len > f->head.memory - s->offset) return false;
        end = s->offset + s->len;
        sum += s->len;
    }
    return sum == f->head.image_len;
}

int flight_get_file(struct bytes bytes, struct flight_file *f)
{
    struct reader r = reader_of(bytes.at, bytes.len);
    const int rc = flight_get_head(bytes, &f->head);

    if (rc < 0) return rc;
    reader_take(&r, FLIGHT_HEAD);
    if (f->head.body_crc != crc32c(0, r.at, reader_left(&r))) return -EBADMSG;
    f->config = get_bytes(&r, f->head.config_len);
    if (!get_spans(&r, f)) return -EBADMSG;
    f->image = get_bytes(&r, f->head.image_len);
    f->events = get_bytes(&r, f->head.events_len);
    return reader_done(&r) ? 0 : -EBADMSG;
}

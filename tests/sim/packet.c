/* packet.c - see packet.h */
#include "sim/packet.h"

#include "base/assert.h"
#include "wire/peer.h"
#include "wire/record.h"
#include "wire/request.h"

#include <stdlib.h>

/* Most packets are short, and many come and go: some are kept for the next. */
#ifdef __SANITIZE_ADDRESS__
#define KEPT_LEN 0u /* one that is used too late is to be seen */
#else
#define KEPT_LEN 232u
#endif
#define KEPT_MAX 1024u

static struct packet *kept[KEPT_MAX];
static uint32_t kept_count;

static struct packet *packet_sized(size_t len)
{
    const bool is_short = len <= KEPT_LEN;
    struct packet *p = is_short && kept_count
                           ? kept[--kept_count]
                           : malloc(sizeof *p + (is_short ? KEPT_LEN : len));

    ASSERT(p);
    *p = (struct packet){ .refs = 1, .len = (uint32_t)len };
    return p;
}

struct packet *packet_new(const void *bytes, uint32_t len)
{
    struct packet *p = packet_sized(len);

    if (len) memcpy(p->bytes, bytes, len);
    return p;
}

void packet_unref(struct packet *p)
{
    if (!p || --p->refs) return;
    if (p->len <= KEPT_LEN && kept_count < KEPT_MAX) {
        kept[kept_count++] = p;
    } else {
        free(p);
    }
}

struct packet *packet_of_message(const struct message *m,
                                 const struct datagram_head *h)
{
    struct packet *p = packet_sized(DATAGRAM_HEAD + peer_size(m));
    struct writer w = writer_of(p->bytes + DATAGRAM_HEAD,
                                p->len - DATAGRAM_HEAD);

    peer_encode(m, &w);
    ASSERT(writer_ok(&w));
    ASSERT(writer_left(&w) == 0);
    datagram_seal(p->bytes, p->len, h);
    return p;
}

struct packet *packet_of_part(struct bytes part, const struct datagram_head *h)
{
    struct packet *p = packet_sized(DATAGRAM_HEAD + part.len);

    ASSERT(part.len > 0);
    memcpy(p->bytes + DATAGRAM_HEAD, part.at, part.len);
    datagram_seal(p->bytes, p->len, h);
    return p;
}

struct packet *packet_of_cluster(const struct packet *p, uint64_t cluster)
{
    struct packet *copy = packet_new(p->bytes, p->len);
    struct datagram_head h;

    if (datagram_open(p->bytes, p->len, &h) != DATAGRAM_OK) ASSERT(!"whole");
    h.cluster = cluster;
    datagram_seal(copy->bytes, copy->len, &h);
    copy->foreign = true;
    return copy;
}

bool packet_message(const struct packet *p, struct message *m)
{
    static struct peer_scratch scratch;
    struct reader r = reader_of(p->bytes + DATAGRAM_HEAD,
                                p->len - DATAGRAM_HEAD);
    struct datagram_head h;

    if (datagram_open(p->bytes, p->len, &h) != DATAGRAM_OK) return false;
    return h.parts == 1 && peer_decode(m, &scratch, &r) == 0;
}

struct packet *packet_of_record(const struct message *m)
{
    const struct bytes value = record_value(m);
    uint8_t head[RECORD_HEAD_MAX];
    struct writer w = writer_of(head, sizeof head);
    struct packet *p;

    record_encode(m, &w);
    ASSERT(writer_ok(&w));
    p = packet_sized(writer_len(&w) + value.len);
    memcpy(p->bytes, head, writer_len(&w));
    if (value.len) memcpy(p->bytes + writer_len(&w), value.at, value.len);
    p->type = m->type;
    p->slot = record_slot(m);
    return p;
}

bool packet_record(const struct packet *p, struct message *m)
{
    return record_decode(m, p->type, p->slot, bytes_of(p->bytes, p->len)) == 0;
}

struct packet *packet_of_reply(const struct reply *r)
{
    const struct reply_item item = {
        .seq = r->seq,
        .slot = r->slot,
        .op = r->op,
        .status = r->status,
        .value = r->value,
    };
    struct packet *p = packet_sized(REPLY_ITEM_HEAD + r->value.len);
    struct writer w = writer_of(p->bytes, p->len);

    reply_item_encode(&item, &w);
    ASSERT(writer_ok(&w));
    return p;
}

bool packet_reply(const struct packet *p, struct reply *r)
{
    struct reader in = reader_of(p->bytes, p->len);
    struct reply_item item;

    if (reply_item_decode(&item, &in) < 0) return false;
    *r = (struct reply){
        .seq = item.seq,
        .slot = item.slot,
        .op = item.op,
        .status = item.status,
        .value = item.value,
    };
    return reader_done(&in);
}

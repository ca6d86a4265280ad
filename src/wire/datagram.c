/*
 * datagram.c - see datagram.h.  The places of the fields are those of the
 * table there.
 */
#include "wire/datagram.h"

#include "base/assert.h"
#include "base/crc32c.h"

#define AT_MAGIC       0
#define AT_VERSION     4
#define AT_KIND        5
#define AT_SENDER      6
#define AT_FLAGS       7
#define AT_CHECKSUM    8
#define AT_PART        12
#define AT_PARTS       14
#define AT_CLUSTER     16
#define AT_EPOCH       24
#define AT_KEY         28
#define AT_INCARNATION 32
#define AT_NONCE       40
#define AT_COUNTER     48
#define AT_TAG         56

/* Of all but itself: a sender that is not the sender would be a second process
 * under its id, and that ends a member (M3). */
static uint32_t datagram_sum(const uint8_t *datagram, size_t len)
{
    return crc32c(crc32c(0, datagram, AT_CHECKSUM), datagram + AT_PART,
                  len - AT_PART);
}

void datagram_seal(uint8_t *datagram, size_t len,
                   const struct datagram_head *head)
{
    ASSERT(len >= DATAGRAM_HEAD);
    ASSERT(head->part < head->parts);
    ASSERT(head->parts <= DATAGRAM_PARTS_MAX);

    store32(datagram + AT_MAGIC, DATAGRAM_MAGIC);
    datagram[AT_VERSION] = DATAGRAM_VERSION;
    datagram[AT_KIND] = head->kind;
    datagram[AT_SENDER] = head->sender;
    datagram[AT_FLAGS] = 0;
    store16(datagram + AT_PART, head->part);
    store16(datagram + AT_PARTS, head->parts);
    store64(datagram + AT_CLUSTER, head->cluster);
    store32(datagram + AT_EPOCH, 0);
    store32(datagram + AT_KEY, 0);
    store64(datagram + AT_INCARNATION, head->incarnation);
    store64(datagram + AT_NONCE, head->nonce);
    store64(datagram + AT_COUNTER, head->counter);
    memset(datagram + AT_TAG, 0, DATAGRAM_HEAD - AT_TAG);
    store32(datagram + AT_CHECKSUM, datagram_sum(datagram, len));
}

static bool datagram_kind_is_known(uint8_t kind)
{
    return kind >= DATAGRAM_PEER && kind <= DATAGRAM_ADMIN;
}

/* Without a key there is no tag; only members' messages come in parts. */
static bool datagram_head_is_sane(const uint8_t *datagram,
                                  const struct datagram_head *head)
{
    if (datagram[AT_FLAGS] != 0) return false;
    if (load32(datagram + AT_EPOCH) != 0) return false;
    if (load32(datagram + AT_KEY) != 0) return false;
    if ((load64(datagram + AT_TAG) | load64(datagram + AT_TAG + 8)) != 0)
        return false;
    if (head->parts > DATAGRAM_PARTS_MAX) return false;
    if (head->part >= head->parts) return false; /* so parts is not 0 */
    return head->parts == 1 || head->kind == DATAGRAM_PEER;
}

enum datagram_fault datagram_open(const uint8_t *datagram, size_t len,
                                  struct datagram_head *head)
{
    if (len < DATAGRAM_HEAD) return DATAGRAM_SHORT;
    if (load32(datagram + AT_MAGIC) != DATAGRAM_MAGIC)
        return DATAGRAM_BAD_MAGIC;
    if (datagram[AT_VERSION] != DATAGRAM_VERSION) return DATAGRAM_BAD_VERSION;
    if (!datagram_kind_is_known(datagram[AT_KIND])) return DATAGRAM_BAD_KIND;
    if (load32(datagram + AT_CHECKSUM) != datagram_sum(datagram, len))
        return DATAGRAM_BAD_CHECKSUM;

    *head = (struct datagram_head){
        .kind = datagram[AT_KIND],
        .sender = datagram[AT_SENDER],
        .part = load16(datagram + AT_PART),
        .parts = load16(datagram + AT_PARTS),
        .cluster = load64(datagram + AT_CLUSTER),
        .incarnation = load64(datagram + AT_INCARNATION),
        .nonce = load64(datagram + AT_NONCE),
        .counter = load64(datagram + AT_COUNTER),
    };
    return datagram_head_is_sane(datagram, head) ? DATAGRAM_OK
                                                 : DATAGRAM_BAD_HEAD;
}

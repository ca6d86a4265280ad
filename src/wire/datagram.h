/*
 * datagram.h - the head of every datagram, and cutting what is too long.
 *
 *    0  u32  magic "PXKV"
 *    4  u8   version, 1
 *    5  u8   kind         enum datagram_kind
 *    6  u8   sender       member id 1..255, 0: a client
 *    7  u8   flags        zero
 *    8  u32  crc32c       of bytes 0 to 7 and 12 to the end
 *   12  u16  part         0..parts - 1
 *   14  u16  parts        1..DATAGRAM_PARTS_MAX; the parts of one message have
 *                         the same sender, incarnation, nonce, and counter
 *   16  u64  cluster      hash of name, group, members, limits; client: 0
 *   24  u32  epoch        of the configuration, zero
 *   28  u32  key          id of the key, zero: not authenticated
 *   32  u64  incarnation  of the sender; client: 0
 *   40  u64  nonce        of the sender's process; client: its cookie, which
 *                         answers to clients echo in their body
 *   48  u64  counter      of messages sent by this process; a member counts
 *                         those to clients apart from those to members
 *   56  16   tag          zero while key is zero
 *   72  body
 *
 * All that follows the head can be encrypted later.
 */
#ifndef PAXOSKV_WIRE_DATAGRAM_H
#define PAXOSKV_WIRE_DATAGRAM_H

#include "base/bytes.h"

#include <stddef.h>

#define DATAGRAM_MAGIC     0x564b5850u /* "PXKV" in memory */
#define DATAGRAM_VERSION   1u
#define DATAGRAM_HEAD      72u
#define DATAGRAM_MAX       65507u /* the largest UDP payload over IPv4 */
#define DATAGRAM_PARTS_MAX 128u

enum datagram_kind {
    DATAGRAM_PEER = 1,    /* messages between members, see peer.h */
    DATAGRAM_REQUEST = 2, /* the rest: see request.h */
    DATAGRAM_REPLY = 3,
    DATAGRAM_KNOCK = 4,
    DATAGRAM_WELCOME = 5,
    DATAGRAM_STATUS_ASK = 6,
    DATAGRAM_STATUS = 7,
    DATAGRAM_ADMIN_ASK = 8,
    DATAGRAM_ADMIN = 9,
};

struct datagram_head {
    uint8_t kind;
    uint8_t sender;
    uint16_t part;
    uint16_t parts;
    uint64_t cluster;
    uint64_t incarnation;
    uint64_t nonce;
    uint64_t counter;
};

/* Why a datagram was dropped; each is counted, and shown by status. */
enum datagram_fault {
    DATAGRAM_OK = 0,
    DATAGRAM_SHORT,
    DATAGRAM_BAD_MAGIC,
    DATAGRAM_BAD_VERSION,
    DATAGRAM_BAD_KIND,
    DATAGRAM_BAD_CHECKSUM,
    DATAGRAM_BAD_HEAD, /* parts that lie, flags, key or epoch not zero */
};

/*
 * Write the head into the first DATAGRAM_HEAD bytes of a datagram of len bytes
 * whose body stands already, and seal it with the checksum.
 */
void datagram_seal(uint8_t *datagram, size_t len,
                   const struct datagram_head *head);

/* Check a datagram and read its head; the body begins at DATAGRAM_HEAD. */
enum datagram_fault datagram_open(const uint8_t *datagram, size_t len,
                                  struct datagram_head *head);

/* Does a member of this cluster speak?  Another group may use the port. */
static inline bool datagram_is_of(const struct datagram_head *h,
                                  uint64_t cluster)
{
    return h->cluster == cluster;
}

/* Body bytes of one datagram on a path with this mtu, UDP and IP included. */
static inline uint32_t datagram_body_max(uint32_t mtu, bool ipv6)
{
    const uint32_t payload = mtu - (ipv6 ? 48u : 28u);

    return (payload > DATAGRAM_MAX ? DATAGRAM_MAX : payload) - DATAGRAM_HEAD;
}

#endif

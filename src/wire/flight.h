/*
 * flight.h - what the flight recorder of a member leaves behind: the state of
 * the core at one moment, and all that it was given from there on.
 *
 * A file, for the very build that wrote it (the state is a piece of memory):
 *
 *     0  u64  magic "PXKVFLT1"
 *     8  u32  crc32c of bytes 12 to FLIGHT_HEAD
 *    12  u32  crc32c of all behind the head
 *    16  u32  format version, 1
 *    20  u32  signal that ended the process, 0: none
 *    24  u64  instance of the data directory
 *    32  u64  incarnation
 *    40  u64  address at which the state stood, and must stand again
 *    48  u64  bytes of memory of the core
 *    56  u64  slots executed by the state
 *    64  u64  state hash after them
 *    72  u64  number of the first event: so many went before
 *    80  u64  count of events
 *    88  u64  bytes of pieces of memory
 *    96  u64  bytes of events
 *   104  u32  bytes of configuration
 *   108  u32  count of pieces
 *   112  u32  line of the assertion, 0: none failed
 *   116  u32  zero
 *   120  16   version of paxoskvd, text; texts end with a zero
 *   136  88   source file of the assertion
 *   224  160  the assertion, or why else this was written
 *   384  configuration (struct node_config), filled up to 8 bytes
 *        for each piece: u64 offset from the address, u64 len
 *        pieces, then events
 *
 * An event, filled up to 8 bytes:
 *
 *     0  u32  len     of the bytes at its end
 *     4  u8   type    enum event_type
 *     5  u8   from    MESSAGE: index of the sender; bit 7: it came by
 *                     multicast
 *     6  u8   flags   which of the following are there, enum flight_flag
 *     7  u8   record  RECORD: its type
 *     8  u64  digest  of the effects of its step; 0: it was not lived through
 *    16  u64  now_ns; u64 incarnation, u64 process; address (24), u64 cookie;
 *        u64 number; u64 slot; then the bytes
 */
#ifndef PAXOSKV_WIRE_FLIGHT_H
#define PAXOSKV_WIRE_FLIGHT_H

#include "base/reader.h"
#include "paxos/effects.h"
#include "wire/peer.h"

#define FLIGHT_MAGIC      UINT64_C(0x31544c46564b5850)
#define FLIGHT_VERSION    1u
#define FLIGHT_HEAD       384u
#define FLIGHT_SPAN       16u
#define FLIGHT_SPANS_MAX  64u
#define FLIGHT_CONFIG_MAX 1024u
#define FLIGHT_BYTES_MAX  PEER_MESSAGE_MAX /* no record is longer */
#define FLIGHT_EVENT_HEAD 16u
#define FLIGHT_EVENT_MAX  (FLIGHT_EVENT_HEAD + 72u + FLIGHT_BYTES_MAX + 8u)

#define FLIGHT_VERSION_TEXT 16u
#define FLIGHT_FILE_TEXT    88u
#define FLIGHT_WHAT_TEXT    160u

struct flight_head {
    uint32_t body_crc;
    uint32_t signal;
    uint64_t instance;
    uint64_t incarnation;
    uint64_t address;
    uint64_t memory;
    uint64_t executed;
    uint64_t state_hash;
    uint64_t first;
    uint64_t count;
    uint64_t image_len;
    uint64_t events_len;
    uint32_t config_len;
    uint32_t span_count;
    uint32_t line;
    char version[FLIGHT_VERSION_TEXT];
    char file[FLIGHT_FILE_TEXT];
    char what[FLIGHT_WHAT_TEXT];
};

struct flight_span {
    uint64_t offset;
    uint64_t len;
};

/* What is not as in the event before, or is there at all. */
enum flight_flag {
    FLIGHT_TIME = 1,
    FLIGHT_SENDER = 2, /* incarnation and process of the same member */
    FLIGHT_CLIENT = 4,
    FLIGHT_NUMBER = 8,
    FLIGHT_SLOT = 16,
};

/* One event, as the core was given it. */
struct flight_event {
    uint8_t type; /* enum event_type */
    uint8_t from;
    uint8_t record;
    bool by_group;
    uint8_t has; /* to be written: FLIGHT_SENDER, FLIGHT_CLIENT */
    uint64_t now_ns;
    uint64_t incarnation;
    uint64_t process;
    struct address client;
    uint64_t cookie;
    uint64_t number; /* seq or tag */
    uint64_t slot;   /* of a record */
    struct bytes bytes;
    struct bytes more; /* behind them; read back, both are one */
    uint64_t digest;
};

/* What the event before was given with; zero before the first of a run. */
struct flight_context {
    uint64_t now_ns;
    uint64_t incarnation;
    uint64_t process;
    struct address client;
    uint64_t cookie;
};

/* Length of what is filled up to 8 bytes. */
static inline uint64_t flight_filled(uint64_t len)
{
    return (len + 7) & ~UINT64_C(7);
}

/*
 * Write an event, its digest as 0, at `to`, which is aligned to 8 and has room
 * for FLIGHT_EVENT_MAX.  Returns the bytes written.
 */
uint32_t flight_put(uint8_t *to, struct flight_context *last,
                    const struct flight_event *e);

/* The digest of an event that flight_put wrote. */
static inline void flight_set_digest(uint8_t *event, uint64_t digest)
{
    store64(event + 8, digest);
}

/*
 * Take the next event off r; its bytes are borrowed from there.  Returns 0,
 * or -EBADMSG: lengths that lie, flags that are none.
 */
int flight_get(struct reader *r, struct flight_context *last,
               struct flight_event *e);

/* What the effects of a step come to; never 0. */
uint64_t flight_digest(const struct effects *out);

/* Write the head of a file, FLIGHT_HEAD bytes. */
void flight_put_head(uint8_t *to, const struct flight_head *h);

/*
 * Read it back.  Returns 0, or -EBADMSG: no such file, damage, lengths beyond
 * bounds; -ENOTSUP: of another format version.
 */
int flight_get_head(struct bytes bytes, struct flight_head *h);

/* A whole file, borrowed. */
struct flight_file {
    struct flight_head head;
    struct bytes config;
    struct flight_span spans[FLIGHT_SPANS_MAX];
    struct bytes image; /* the pieces, one behind the other */
    struct bytes events;
};

/*
 * Read a file.  Returns 0, or as flight_get_head; -EBADMSG also if it is longer
 * or shorter than it says, or for pieces that do not ascend, are beyond the
 * memory, or more or fewer than the bytes of them.
 */
int flight_get_file(struct bytes bytes, struct flight_file *f);

#endif

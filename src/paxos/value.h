/*
 * value.h - what a slot decides, as the bytes that travel and are stored.
 *
 *    0  u32  crc32c of bytes 4 to the end
 *    4  u8   kind, enum value_kind
 *    5  u8   zero
 *    6  u16  count of commands in the payload
 *    8  u64  leader_time_ns (P28)
 *   16  payload: COMMANDS: commands one behind the other; else empty
 *
 * Stamped once by the leader that made it; everybody copies the bytes (P9).
 * Paxos looks at nothing but head and checksum.
 */
#ifndef PAXOSKV_PAXOS_VALUE_H
#define PAXOSKV_PAXOS_VALUE_H

#include "base/blob.h"
#include "base/bytes.h"

#define VALUE_HEAD         16u
#define VALUE_BYTES_MAX    65536u /* head included */
#define VALUE_COMMANDS_MAX 512u

enum value_kind {
    VALUE_COMMANDS = 1,
    VALUE_NOOP = 2,
    VALUE_TAKEOVER = 3,
};

/* Bytes of a value; borrowed, or those of a blob that can be shared. */
struct value {
    const uint8_t *bytes;
    uint32_t len;      /* 0: no bytes ("at that ballot", P19) */
    struct blob *blob; /* NULL: borrowed, copy what you keep */
};

static inline struct value value_of(struct blob *b)
{
    return (struct value){ .bytes = b->bytes, .len = b->len, .blob = b };
}

static inline uint8_t value_kind(const uint8_t *bytes)
{
    return bytes[4];
}

static inline uint16_t value_count(const uint8_t *bytes)
{
    return load16(bytes + 6);
}

static inline uint64_t value_time_ns(const uint8_t *bytes)
{
    return load64(bytes + 8);
}

/* Fill in the head of a value whose payload stands already at bytes + 16. */
void value_seal(uint8_t *bytes, uint32_t len, enum value_kind kind,
                uint16_t count, uint64_t time_ns);

/* True if the bytes are a whole value: size, kind and checksum. */
bool value_is_valid(const uint8_t *bytes, uint32_t len);

/* Equal bytes; both must be valid. */
bool value_equal(struct value a, struct value b);

/* A blob with these bytes: a reference if v is shared, else a copy; or NULL. */
struct blob *value_keep(struct value v, struct blob_pool *pool);

#endif

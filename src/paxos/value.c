/* value.c - see value.h. */
#include "paxos/value.h"

#include "base/assert.h"
#include "base/crc32c.h"

void value_seal(uint8_t *bytes, uint32_t len, enum value_kind kind,
                uint16_t count, uint64_t time_ns)
{
    ASSERT(len >= VALUE_HEAD);
    ASSERT(len <= VALUE_BYTES_MAX);
    ASSERT(count <= VALUE_COMMANDS_MAX);
    ASSERT((kind == VALUE_COMMANDS) == (count > 0));
    ASSERT((kind == VALUE_COMMANDS) == (len > VALUE_HEAD));

    bytes[4] = (uint8_t)kind;
    bytes[5] = 0;
    store16(bytes + 6, count);
    store64(bytes + 8, time_ns);
    store32(bytes, crc32c(0, bytes + 4, len - 4));
}

/* What value_seal would have refused is no value, whatever its checksum. */
static bool value_head_is_valid(const uint8_t *bytes, uint32_t len)
{
    const uint16_t count = value_count(bytes);

    if (bytes[5] != 0) return false;
    switch (value_kind(bytes)) {
    case VALUE_COMMANDS:
        return count > 0 && count <= VALUE_COMMANDS_MAX && len > VALUE_HEAD;
    case VALUE_NOOP:
    case VALUE_TAKEOVER:
        return count == 0 && len == VALUE_HEAD;
    }
    return false;
}

bool value_is_valid(const uint8_t *bytes, uint32_t len)
{
    if (len < VALUE_HEAD || len > VALUE_BYTES_MAX) return false;
    if (!value_head_is_valid(bytes, len)) return false;
    return load32(bytes) == crc32c(0, bytes + 4, len - 4);
}

bool value_equal(struct value a, struct value b)
{
    ASSERT(a.len >= VALUE_HEAD);
    ASSERT(b.len >= VALUE_HEAD);

    if (a.len != b.len) return false;
    return a.bytes == b.bytes || memcmp(a.bytes, b.bytes, a.len) == 0;
}

struct blob *value_keep(struct value v, struct blob_pool *pool)
{
    struct blob *b;

    ASSERT(v.len >= VALUE_HEAD);
    ASSERT(v.len <= VALUE_BYTES_MAX);

    if (v.blob) return blob_ref(v.blob);
    b = blob_new(pool, v.len);
    if (b) memcpy(b->bytes, v.bytes, v.len);
    return b;
}

/*
 * sample.h - random messages and records, each of them one that the codecs
 * must carry unchanged.
 */
#ifndef PAXOSKV_SUPPORT_SAMPLE_H
#define PAXOSKV_SUPPORT_SAMPLE_H

#include "base/prng.h"
#include "wire/peer.h"

/* A message with the lists and bytes that it borrows. */
struct sample {
    struct message message;
    struct peer_scratch lists;
    uint8_t bytes[VALUE_BYTES_MAX];
};

/* Every type that travels, and every type that is written down; 0 ends. */
extern const uint8_t sample_messages[];
extern const uint8_t sample_records[];

/*
 * Make up a message or record of this type.  Its value has up to value_max
 * bytes (VALUE_HEAD + 1 .. VALUE_BYTES_MAX).
 */
void sample_make(struct sample *s, uint8_t type, uint32_t value_max,
                 struct prng *p);

/* True if a and b are of one type and say the same. */
bool sample_equal(const struct message *a, const struct message *b);

#endif

/*
 * address.h - where a datagram came from, opaque to the pure rooms.
 */
#ifndef PAXOSKV_BASE_ADDRESS_H
#define PAXOSKV_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct address {
    uint8_t family; /* 4 or 6; 0: none */
    uint8_t zero;
    uint16_t port;  /* host order */
    uint32_t scope; /* IPv6 scope id (interface index), else 0 */
    uint8_t ip[16]; /* network order; IPv4 in the first four, rest zero */
};

static inline bool address_equal(const struct address *a,
                                 const struct address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

#endif

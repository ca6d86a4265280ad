/*
 * crc32c.h - the Castagnoli checksum (RFC 3720, appendix B.4), by the
 * processor's instruction where it has one.
 */
#ifndef PAXOSKV_BASE_CRC32C_H
#define PAXOSKV_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * Checksum of len bytes, going on from crc (0 to begin): the checksum of a
 * string is that of its halves, one after the other.
 */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same without the instruction, for tests and machines that lack it. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len);

#endif

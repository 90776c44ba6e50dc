/* CRC-32 (IEEE 802.3, reflected) and SHA-256 (FIPS 180-4). */
#ifndef DIGEST_H
#define DIGEST_H

#include "types.h"

uint32_t crc32(const void *data, size_t bytes);
void sha256(const void *data, size_t bytes, uint8_t digest[32]);

#endif

#include "digest.h"
#include "string.h"

uint32_t crc32(const void *data, size_t bytes) {
  const uint8_t *at = data;
  uint32_t crc = ~0u;
  while (bytes-- > 0) {
    crc ^= *at++;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

static uint32_t rotate_right(uint32_t value, unsigned by) { return value >> by | value << (32 - by); }

/* The first 32 bits of the fractional part of the square or cube root of `prime`: FIPS 180-4, 4.2.2 and 5.3.3, by bisection. */
static uint32_t root_fraction(uint32_t prime, int cube) {
  uint64_t low = 0;
  uint64_t high = (uint64_t)32 << 32;
  while (low + 1 < high) {
    uint64_t middle = (low + high) / 2;
    unsigned __int128 power = (unsigned __int128)middle * middle;
    int below = cube ? power * middle < (unsigned __int128)prime << 96 : power < (unsigned __int128)prime << 64;
    if (below) low = middle;
    else high = middle;
  }
  return (uint32_t)low;
}

static uint32_t round_constants[64];
static uint32_t initial_state[8];

static void make_constants(void) {
  unsigned found = 0;
  for (uint32_t candidate = 2; found < 64; candidate++) {
    uint32_t divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor != 0) divisor++;
    if (divisor * divisor <= candidate) continue;
    if (found < 8) initial_state[found] = root_fraction(candidate, 0);
    round_constants[found++] = root_fraction(candidate, 1);
  }
}

static void compress(uint32_t state[8], const uint8_t block[64]) {
  uint32_t w[64];
  for (int t = 0; t < 16; t++) {
    w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
  }
  for (int t = 16; t < 64; t++) {
    uint32_t s0 = rotate_right(w[t - 15], 7) ^ rotate_right(w[t - 15], 18) ^ w[t - 15] >> 3;
    uint32_t s1 = rotate_right(w[t - 2], 17) ^ rotate_right(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  uint32_t v[8];
  memcpy(v, state, sizeof v);
  for (int t = 0; t < 64; t++) {
    uint32_t e = v[4];
    uint32_t a = v[0];
    uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
    uint32_t t1 = v[7] + s1 + ((e & v[5]) ^ (~e & v[6])) + round_constants[t] + w[t];
    uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
    uint32_t t2 = s0 + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

void sha256(const void *data, size_t bytes, uint8_t digest[32]) {
  uint32_t state[8];
  uint8_t block[64];
  const uint8_t *at = data;
  size_t left = bytes;
  if (round_constants[0] == 0) make_constants();
  memcpy(state, initial_state, sizeof state);
  for (; left >= 64; left -= 64, at += 64) compress(state, at);
  memcpy(block, at, left);
  block[left++] = 0x80;
  if (left > 56) {
    memset(block + left, 0, 64 - left);
    compress(state, block);
    left = 0;
  }
  memset(block + left, 0, 56 - left);
  for (int i = 0; i < 8; i++) block[56 + i] = (uint8_t)((uint64_t)bytes * 8 >> (56 - 8 * i));
  compress(state, block);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

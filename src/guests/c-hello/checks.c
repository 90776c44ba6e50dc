#include "checks.h"
#include "console.h"
#include "digest.h"
#include "string.h"

static volatile uint64_t big = 0xfedcba9876543210;
static volatile int64_t negative = -1234567890123456789;
static volatile uint32_t small = 97;
static volatile int shift = 13;

void check_arithmetic(void) {
  uint64_t u = big;
  int64_t s = negative;
  unsigned __int128 product = (unsigned __int128)u * u;
  __int128 signed_product = (__int128)s * (int64_t)u;
  print("multiply %lx %lx %lx %lx\n", (unsigned long)(product >> 64), (unsigned long)product,
        (unsigned long)(signed_product >> 64), (unsigned long)(s * 1000003));
  print("divide   %lu %lu %ld %ld %u\n", u / small, u % small, s / (int)small, s % (int)small, (uint32_t)u / small);
  print("shift    %lx %lx %ld %x %lx\n", u << shift, u >> shift, s >> shift, (uint32_t)u << shift,
        (unsigned long)(product >> (shift + 20)));
  print("rotate   %lx %x\n", u << shift | u >> (64 - shift), (uint32_t)u >> shift | (uint32_t)u << (32 - shift));
  print("bits     %d %d %lx %x %lu\n", __builtin_ctzll(u), __builtin_clzll(u >> 9), __builtin_bswap64(u),
        __builtin_bswap32((uint32_t)u), u >> shift & 1);
  print("narrow   %d %u %d %u\n", (int8_t)(u >> 8 | 0x80), (uint8_t)(u >> 8), (int16_t)(u >> 24), (uint16_t)(u >> 24));
}

void check_comparisons(void) {
  static volatile int64_t values[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
  for (int i = 0; i < 5; i++) {
    for (int j = 0; j < 5; j++) {
      int64_t a = values[i];
      int64_t b = values[j];
      uint64_t ua = (uint64_t)a;
      uint64_t ub = (uint64_t)b;
      int flags = (a < b) | (a <= b) << 1 | (a == b) << 2 | (ua < ub) << 3 | (ua <= ub) << 4 | ((a & b) < 0) << 5;
      int64_t least = a < b ? a : b;
      uint64_t most = ua > ub ? ua : ub;
      print("%02x%c%c ", (unsigned)flags, least == a ? 'a' : 'b', most == ua ? 'a' : 'b');
    }
    put_character('\n');
  }
}

static unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static const char *name_of(int number) {
  switch (number) {
    case 0: return "zero";
    case 1: return "one";
    case 2: return "two";
    case 3: return "three";
    case 4: return "four";
    case 5: return "five";
    case 6: return "six";
    case 7: return "seven";
    default: return "many";
  }
}

static uint64_t dispatch(int operation, uint64_t a, uint64_t b) {
  switch (operation) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    case 4: return a ^ b;
    case 5: return a << (b & 63);
    case 6: return a % b;
    default: return 0;
  }
}

void check_control_flow(void) {
  print("ackermann(2, 9) = %u\n", ackermann(2, 9));
  for (volatile int i = 3; i < 10; i += 2) print("%s ", name_of(i));
  uint64_t value = big;
  for (volatile int i = 0; i < 8; i++) value = dispatch(i % 7, value, small + (unsigned)i);
  print("\njump table leaves %lx\n", value);
}

struct record {
  char name[12];
  int16_t key;
  uint64_t weight;
  struct {
    uint8_t low : 3;
    uint8_t high : 5;
    int balance : 7;
  } bits;
};

typedef int (*compare)(const struct record *, const struct record *);

static int by_name(const struct record *a, const struct record *b) { return strcmp(a->name, b->name); }
static int by_key(const struct record *a, const struct record *b) { return (a->key > b->key) - (a->key < b->key); }
static int by_weight(const struct record *a, const struct record *b) { return (a->weight < b->weight) - (a->weight > b->weight); }

static void swap(struct record *a, struct record *b) {
  struct record held = *a;
  *a = *b;
  *b = held;
}

static void quicksort(struct record *records, int count, compare order) {
  if (count < 2) return;
  int last = 0;
  swap(&records[0], &records[count / 2]);
  for (int i = 1; i < count; i++) {
    if (order(&records[i], &records[0]) < 0) swap(&records[++last], &records[i]);
  }
  swap(&records[0], &records[last]);
  quicksort(records, last, order);
  quicksort(records + last + 1, count - last - 1, order);
}

static struct record record_of(const char *name, int key, uint64_t weight) {
  struct record record = {.key = (int16_t)key, .weight = weight, .bits = {(uint8_t)(key & 7), (uint8_t)(weight & 31), key % 60}};
  memset(record.name, '.', sizeof record.name);
  memcpy(record.name, name, strlen(name) + 1);
  return record;
}

void check_data(void) {
  static const compare orders[] = {by_name, by_key, by_weight};
  struct record records[] = {record_of("vmcs", -5, 1u << 31), record_of("ept", 300, 7),   record_of("exit", -400, 1ull << 40),
                             record_of("entry", 0, 99),       record_of("ring", -1, 12), record_of("tlb", 32767, 0)};
  int count = sizeof records / sizeof *records;
  for (volatile int i = 0; i < 3; i++) {
    quicksort(records, count, orders[i]);
    for (int j = 0; j < count; j++) print("%s%s", records[j].name, j + 1 < count ? " < " : "\n");
  }
  int balance = 0;
  for (int j = 0; j < count; j++) balance = 3 * balance + records[j].bits.balance - records[j].bits.low + records[j].bits.high;
  print("bit fields %d\n", balance);
  char text[] = "a hypervisor is a program that runs other machines";
  memmove(text + 2, text, sizeof text - 3);
  print("%s, %d\n", text, memcmp(text, text + 2, 10));
}

void check_digests(void) {
  static const char abc[] = "abc";
  static uint8_t noise[4096];
  uint8_t digest[32];
  print("crc-32   %08x of 123456789\n", crc32("123456789", 9));
  sha256(abc, 3, digest);
  print("sha-256  ");
  for (int i = 0; i < 32; i++) print("%02x", digest[i]);
  uint32_t seed = 1;
  for (unsigned i = 0; i < sizeof noise; i++) {
    seed = seed * 1664525 + 1013904223;
    noise[i] = (uint8_t)(seed >> 24);
  }
  print("\ncrc-32   %08x of 4096 bytes\nsha-256  ", crc32(noise, sizeof noise));
  sha256(noise, sizeof noise, digest);
  for (int i = 0; i < 32; i++) print("%02x", digest[i]);
  put_character('\n');
}

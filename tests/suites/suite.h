/*
 * What the bare-metal suites stand on: a console, exceptions that are caught, interrupts that are counted, and the last GByte
 * below 4 GBytes mapped, where APICs and the test device lie. Compiled with -mgeneral-regs-only.
 */
#include <stdbool.h>
#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static inline uint8_t inb(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void put(char c) {
  while ((inb(0x3fd) & 0x20) == 0) {}
  outb(0x3f8, (uint8_t)c);
}
static inline void print(const char *text) {
  while (*text) put(*text++);
}

static int failures;
/* One line for each thing that is looked at. */
static inline void check(const char *what, bool holds) {
  print(holds ? "PASS " : "FAIL ");
  print(what);
  put('\n');
  if (!holds) failures++;
}
/* The status is 1 when all passed, 3 when not. */
static inline int finish(void) {
  outb(0xf4, failures == 0 ? 0 : 1);
  return 0;
}

static inline uint64_t rdmsr(uint32_t index) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
  return low | ((uint64_t)high << 32);
}
static inline void wrmsr(uint32_t index, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}
static inline uint64_t rdtsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return low | ((uint64_t)high << 32);
}
static inline void cpuid(uint32_t leaf, uint32_t out[4]) {
  __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(0));
}

struct frame {
  uint64_t ip, cs, flags, sp, ss;
};
struct gate {
  uint16_t low, selector;
  uint8_t stack, type;
  uint16_t middle;
  uint32_t high, reserved;
};

static struct gate idt[256] __attribute__((aligned(4096)));
static volatile int caught;
static volatile uint64_t caught_code, caught_ip;
static volatile uint64_t resume;
static volatile int interrupts;

/* An exception goes on at `resume`; without it the suite ends. */
static void took(struct frame *frame, int vector, uint64_t code) {
  caught = vector;
  caught_code = code;
  caught_ip = frame->ip;
  if (resume == 0) {
    print("FAIL an exception that nobody waits for\n");
    outb(0xf4, 2);
  }
  frame->ip = resume;
  frame->flags &= ~0x100ull; /* TF */
  resume = 0;
}
#define WITHOUT_CODE(n) \
  __attribute__((interrupt)) static void exception_##n(struct frame *frame) { took(frame, n, 0); }
#define WITH_CODE(n) \
  __attribute__((interrupt)) static void exception_##n(struct frame *frame, uint64_t code) { took(frame, n, code); }
WITHOUT_CODE(0) WITHOUT_CODE(1) WITHOUT_CODE(3) WITHOUT_CODE(4) WITHOUT_CODE(5) WITHOUT_CODE(6) WITHOUT_CODE(7)
WITH_CODE(8) WITH_CODE(10) WITH_CODE(11) WITH_CODE(12) WITH_CODE(13) WITH_CODE(14)
static volatile int nmis;
__attribute__((interrupt)) static void nmi(struct frame *frame) {
  (void)frame;
  nmis++;
}

static volatile uint32_t *const apic = (volatile uint32_t *)0xfee00000;
/* An interrupt of the APIC's. */
__attribute__((interrupt)) static void counted(struct frame *frame) {
  (void)frame;
  interrupts++;
  if (rdmsr(0x1b) & (1 << 10)) wrmsr(0x80b, 0);
  else apic[0xb0 / 4] = 0;
}

static void set_gate(int vector, void *handler) {
  uint64_t at = (uint64_t)handler;
  idt[vector] = (struct gate){(uint16_t)at, 8, 0, 0x8e, (uint16_t)(at >> 16), (uint32_t)(at >> 32), 0};
}

static uint64_t top_gigabyte[512] __attribute__((aligned(4096)));

static void start_suite(void) {
  void *handlers[] = {exception_0, exception_1, nmi, exception_3, exception_4, exception_5, exception_6, exception_7,
                      exception_8, 0, exception_10, exception_11, exception_12, exception_13, exception_14};
  for (int i = 0; i < 15; i++)
    if (handlers[i] != 0) set_gate(i, handlers[i]);
  for (int i = 32; i < 256; i++) set_gate(i, counted);
  struct {
    uint16_t limit;
    uint64_t base;
  } __attribute__((packed)) pointer = {sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(pointer));
  uint64_t cr3;
  __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
  uint64_t *pdpt = (uint64_t *)(*(uint64_t *)cr3 & ~0xfffull);
  for (uint64_t i = 0; i < 512; i++) top_gigabyte[i] = 0xc0000000ull + (i << 21) + 0x83;
  pdpt[3] = (uint64_t)top_gigabyte + 3;
  __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
  outb(0x21, 0xff);
  outb(0xa1, 0xff);
}

/* Runs an instruction; the vector of the exception that it raised, -1 for none. */
#define CATCH(text, ...) \
  ({ \
    caught = -1; \
    __asm__ volatile("lea 1f(%%rip), %%r11\n mov %%r11, %[resume]\n" text "\n1:" : __VA_ARGS__); \
    resume = 0; \
    caught; \
  })
#define RESUME [resume] "+m"(resume)

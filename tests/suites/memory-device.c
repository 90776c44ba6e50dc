/* Instructions on memory that is a device: a hypervisor has to emulate each. */
#include "suite.h"

static volatile uint8_t *const device = (volatile uint8_t *)0xff000000;
#define AT(type, offset) (*(volatile type *)(device + (offset)))
static uint64_t pattern(uint64_t i) { return i * 0x0123456789abcdefull + 0x1357; }

#define MODIFIES(name, text, before, after) \
  AT(uint64_t, 0x40) = (before); \
  __asm__ volatile(text : : "r"(device + 0x40), "a"(0x1122334455667788ull), "c"(5ull) : "memory", "cc"); \
  check(name, AT(uint64_t, 0x40) == (uint64_t)(after))

int main(void) {
  start_suite();
  AT(uint64_t, 0) = 0x1122334455667788;
  check("MOV of 8 bytes", AT(uint64_t, 0) == 0x1122334455667788);
  check("MOV of 4, 2, 1", AT(uint32_t, 4) == 0x11223344 && AT(uint16_t, 2) == 0x5566 && AT(uint8_t, 7) == 0x11);
  AT(uint16_t, 3) = 0xabcd;
  check("not aligned", AT(uint64_t, 0) == 0x112233abcd667788);
  uint64_t value;
  __asm__ volatile("movzbl (%1), %k0" : "=r"(value) : "r"(device + 4));
  check("MOVZX", value == 0xab);
  __asm__ volatile("movsbq (%1), %0" : "=r"(value) : "r"(device + 4));
  check("MOVSX", value == 0xffffffffffffffab);
  MODIFIES("ADD", "add %%rax, (%0)", 1, 0x1122334455667789);
  MODIFIES("ADD of an immediate", "addl $0x10, (%0)", 0xfffffffffffffff8, 0xffffffff00000008);
  MODIFIES("SUB", "sub %%eax, (%0)", 0x100000000, 0x1aa998878);
  MODIFIES("AND", "andb $0xf, (%0)", 0xff, 0xf);
  MODIFIES("OR", "or %%ax, (%0)", 0xf0000, 0xf7788);
  MODIFIES("XOR", "xor %%rax, (%0)", 0x1122334455667788, 0);
  MODIFIES("INC", "incw (%0)", 0x1ffff, 0x10000);
  MODIFIES("DEC", "decq (%0)", 0, -1);
  MODIFIES("NOT", "notl (%0)", 0xf, 0xfffffff0);
  MODIFIES("NEG", "negb (%0)", 1, 0xff);
  MODIFIES("SHL", "shll $4, (%0)", 0x12345678, 0x23456780);
  MODIFIES("ROR", "rorq %%cl, (%0)", 0x21, 0x0800000000000001);
  MODIFIES("BTS", "btsl $3, (%0)", 0, 8);
  MODIFIES("LOCK XADD", "lock xadd %%rax, (%0)", 1, 0x1122334455667789);
  MODIFIES("SETcc", "stc\n setc (%0)", 0, 1);
  MODIFIES("MOV of an immediate", "movl $0x12345678, (%0)", -1, 0xffffffff12345678);
  AT(uint64_t, 0x40) = 7;
  value = 9;
  __asm__ volatile("xchg %0, (%1)" : "+r"(value) : "r"(device + 0x40) : "memory");
  check("XCHG", value == 7 && AT(uint64_t, 0x40) == 9);
  uint64_t old = 9;
  __asm__ volatile("lock cmpxchg %2, (%1)" : "+a"(old) : "r"(device + 0x40), "r"(11ull) : "memory", "cc");
  check("CMPXCHG", old == 9 && AT(uint64_t, 0x40) == 11);
  old = 1;
  __asm__ volatile("lock cmpxchg %2, (%1)" : "+a"(old) : "r"(device + 0x40), "r"(12ull) : "memory", "cc");
  check("CMPXCHG that fails", old == 11 && AT(uint64_t, 0x40) == 11);
  __asm__ volatile("push (%0)\n pop 8(%0)" : : "r"(device + 0x40) : "memory");
  check("PUSH and POP", AT(uint64_t, 0x48) == 11);
  bool zero;
  __asm__ volatile("cmpq $11, (%1)\n sete %0" : "=q"(zero) : "r"(device + 0x40) : "cc");
  check("CMP", zero);
  __asm__ volatile("testb $4, (%1)\n setz %0" : "=q"(zero) : "r"(device + 0x40) : "cc");
  check("TEST", zero);

  static uint64_t buffer[64];
  for (uint64_t i = 0; i < 64; i++) buffer[i] = pattern(i);
  void *to = (void *)(device + 0x1000), *from = buffer;
  uint64_t count = sizeof buffer;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  bool same = count == 0;
  for (uint64_t i = 0; i < 64; i++) same = same && AT(uint64_t, 0x1000 + 8 * i) == pattern(i);
  check("REP MOVSB to it", same);
  to = (void *)(device + 0x2000), from = (void *)(device + 0x1000), count = 64;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  same = true;
  for (uint64_t i = 0; i < 64; i++) same = same && AT(uint64_t, 0x2000 + 8 * i) == pattern(i);
  check("REP MOVSQ within it", same);
  to = (void *)(device + 0xff0), count = 8;
  __asm__ volatile("rep stosl" : "+D"(to), "+c"(count) : "a"(0x5a5a5a5a) : "memory");
  check("REP STOSL over a page's end", AT(uint64_t, 0xff0) == 0x5a5a5a5a5a5a5a5a && AT(uint64_t, 0x1008) == 0x5a5a5a5a5a5a5a5a);
  to = (void *)(device + 0x1010), from = (void *)(device + 0x2010), count = 20;
  __asm__ volatile("repe cmpsb\n sete %0" : "=q"(zero), "+D"(to), "+S"(from), "+c"(count) : : "cc");
  check("REPE CMPSB", zero && count == 0);
  return finish();
}

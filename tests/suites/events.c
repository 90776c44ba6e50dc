/* Exceptions with what they report, and their delivery through pages that are not there for the hypervisor yet. */
#include "suite.h"

static void flush(const volatile void *page) { outl(0xe4, (uint32_t)(uint64_t)page); }
static void flush_stack(void) {
  int here;
  flush(&here);
}

int main(void) {
  start_suite();
  apic[0xf0 / 4] = 0x1ff;
  check("#DE", CATCH("xor %%edx, %%edx\n xor %%eax, %%eax\n div %%edx", RESUME : : "rax", "rdx", "r11", "memory") == 0);
  check("INT3", CATCH("int3", RESUME : : "r11", "memory") == 3);
  check("#UD", CATCH("ud2", RESUME : : "r11", "memory") == 6);
  check("#GP with a selector", CATCH("mov %%ax, %%fs", RESUME : "a"(0x1238) : "r11", "memory") == 13 && caught_code == 0x1238);
  check("#GP of an address that is not canonical",
        CATCH("mov (%1), %%eax", RESUME : "r"(1ull << 47) : "rax", "r11", "memory") == 13 && caught_code == 0);
  uint64_t cr2;
  check("#PF of a read", CATCH("mov (%1), %%eax", RESUME : "r"(0x40001234ull) : "rax", "r11", "memory") == 14 && caught_code == 0);
  __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
  check("CR2", cr2 == 0x40001234);
  check("#PF of a write", CATCH("mov %%eax, (%1)", RESUME : "r"(0x40001234ull) : "r11", "memory") == 14 && caught_code == 2);
  check("INT n through an empty gate", CATCH("int $9", RESUME : : "r11", "memory") == 13 && caught_code == 9 * 8 + 2);
  check("single step", CATCH("pushf\n orl $0x100, (%%rsp)\n popf\n nop", RESUME : : "r11", "memory") == 1);

  flush(idt);
  check("#UD through a flushed IDT", CATCH("ud2", RESUME : : "r11", "memory") == 6);
  flush_stack();
  check("#UD onto a flushed stack", CATCH("ud2", RESUME : : "r11", "memory") == 6);
  flush(idt);
  flush_stack();
  check("#PF through both", CATCH("mov (%1), %%eax", RESUME : "r"(0x40001234ull) : "rax", "r11", "memory") == 14 && caught_code == 0);
  flush(idt);
  flush_stack();
  interrupts = 0;
  __asm__ volatile("int $0x40");
  check("INT n through both", interrupts == 1);
  interrupts = 0;
  apic[0x300 / 4] = 0x40041;
  flush(idt);
  flush_stack();
  __asm__ volatile("sti; nop; nop; cli");
  check("an interrupt through both", interrupts == 1);
  flush(idt);
  flush_stack();
  apic[0x300 / 4] = 0x40400;
  for (volatile int i = 0; i < 10; i++) {}
  check("an NMI through both", nmis == 1);
  flush(idt);
  flush_stack();
  apic[0x300 / 4] = 0x40041;
  interrupts = 0;
  __asm__ volatile("sti; hlt; cli");
  check("an interrupt in HLT, or before it", interrupts == 1);
  return finish();
}

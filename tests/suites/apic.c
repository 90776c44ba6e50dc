/* The local APIC as memory and as MSRs, and the IO-APIC behind the interrupt lines of the test device. */
#include "suite.h"

static volatile uint32_t *const io_apic = (volatile uint32_t *)0xfec00000;
static void io_write(uint32_t index, uint32_t value) {
  io_apic[0] = index;
  io_apic[4] = value;
}
static uint32_t io_read(uint32_t index) {
  io_apic[0] = index;
  return io_apic[4];
}
static int taken(void) {
  interrupts = 0;
  __asm__ volatile("sti; nop; nop; cli");
  return interrupts;
}

int main(void) {
  start_suite();
  apic[0xf0 / 4] = 0x1ff;
  check("ID and version", apic[0x20 / 4] >> 24 == 0 && (apic[0x30 / 4] & 0xf0) == 0x10);
  apic[0x310 / 4] = 0;
  apic[0x300 / 4] = 0x41;
  check("an IPI to itself", taken() == 1);
  apic[0x300 / 4] = 0x40042;
  check("the shorthand self", taken() == 1);
  apic[0x80 / 4] = 0x50;
  apic[0x300 / 4] = 0x40042;
  check("waits below the task priority", taken() == 0 && (apic[(0x200 + 0x20) / 4] & 4) != 0);
  uint64_t cr8;
  __asm__ volatile("mov %%cr8, %0" : "=r"(cr8));
  check("CR8 is the task priority", cr8 == 5);
  __asm__ volatile("mov %0, %%cr8" : : "r"(0ull));
  check("until it is lowered", taken() == 1);
  apic[0x300 / 4] = 0x40042;
  apic[0x300 / 4] = 0x40061;
  check("two at once", taken() == 2);
  apic[0x300 / 4] = 0x40400;
  for (volatile int i = 0; i < 10; i++) {}
  check("an NMI to itself", nmis == 1);

  check("IO-APIC version", (io_read(1) & 0xff) >= 0x11 && io_read(1) >> 16 == 23);
  io_write(0x10 + 2 * 15, 0x55);
  io_write(0x11 + 2 * 15, 0);
  check("a redirection entry keeps what is written", io_read(0x10 + 2 * 15) == 0x55);
  outb(0x200f, 1);
  check("an edge", taken() == 1);
  check("is one", taken() == 0);
  outb(0x200f, 0);
  io_write(0x10 + 2 * 15, 0x10055);
  outb(0x200f, 1);
  check("masked", taken() == 0);
  outb(0x200f, 0);

  wrmsr(0x1b, rdmsr(0x1b) | (1 << 10));
  check("x2APIC ID", rdmsr(0x802) == 0);
  wrmsr(0x83f, 0x43);
  check("SELF IPI", taken() == 1);
  wrmsr(0x830, 0x44);
  check("ICR of 64 bits", taken() == 1);
  wrmsr(0x808, 0x50);
  __asm__ volatile("mov %%cr8, %0" : "=r"(cr8));
  check("TPR", cr8 == 5);
  wrmsr(0x808, 0);
  check("back to xAPIC mode without reset: #GP(0)",
        CATCH("wrmsr", RESUME : "c"(0x1b), "a"((uint32_t)rdmsr(0x1b) & ~(1u << 10)), "d"(0) : "r11", "memory") == 13);
  return finish();
}

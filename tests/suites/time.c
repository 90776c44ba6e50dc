/* The time-stamp counter and the timers of the local APIC. */
#include "suite.h"

static bool waits_for(int wanted) {
  __asm__ volatile("sti");
  for (uint64_t end = rdtsc() + 200000000; interrupts < wanted && rdtsc() < end;) __asm__ volatile("pause");
  __asm__ volatile("cli");
  return interrupts >= wanted;
}

int main(void) {
  start_suite();
  uint64_t first = rdtsc(), second = rdtsc();
  check("RDTSC counts", second > first);
  uint32_t aux, low, high;
  wrmsr(0xc0000103, 77);
  __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
  check("RDTSCP has IA32_TSC_AUX", aux == 77 && (low | ((uint64_t)high << 32)) > second);
  wrmsr(0x10, 1ull << 40);
  first = rdtsc();
  check("IA32_TIME_STAMP_COUNTER can be set", first >> 40 == 1);
  apic[0xf0 / 4] = 0x1ff;
  apic[0x3e0 / 4] = 0xb;
  apic[0x320 / 4] = 0x40;
  apic[0x380 / 4] = 10000;
  check("one shot", waits_for(1));
  for (volatile int i = 0; i < 1000; i++) {}
  check("is one", interrupts == 1);
  interrupts = 0;
  apic[0x320 / 4] = 0x40 | (1 << 17);
  apic[0x380 / 4] = 5000;
  check("periodic", waits_for(3));
  apic[0x380 / 4] = 0;
  interrupts = 0;
  apic[0x320 / 4] = 0x40 | (2 << 17);
  wrmsr(0x6e0, rdtsc() + 20000);
  check("TSC deadline", waits_for(1));
  check("is disarmed by it", rdmsr(0x6e0) == 0);
  interrupts = 0;
  wrmsr(0x6e0, rdtsc() + 20000);
  __asm__ volatile("sti; hlt; cli");
  check("HLT ends with the interrupt", interrupts == 1);
  return finish();
}

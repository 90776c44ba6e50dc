/* What the processor does not have, it says so, and does not have: performance counters, AVX, VM functions. */
#include "suite.h"

int main(void) {
  start_suite();
  uint32_t leaf[4];
  cpuid(0, leaf);
  check("the basic leaves are there", leaf[0] >= 0xd);
  cpuid(0xa, leaf);
  check("CPUID: no performance counters", (leaf[0] & 0xff) == 0);
  uint32_t low, high;
  check("RDPMC: #GP(0)", CATCH("rdpmc", "=a"(low), "=d"(high), RESUME : "c"(0) : "r11", "memory") == 13);
  check("IA32_PMC0: #GP(0)", CATCH("rdmsr", "=a"(low), "=d"(high), RESUME : "c"(0xc1) : "r11", "memory") == 13);
  check("IA32_PERFEVTSEL0: #GP(0)", CATCH("rdmsr", "=a"(low), "=d"(high), RESUME : "c"(0x186) : "r11", "memory") == 13);
  cpuid(1, leaf);
  check("CPUID: no AVX", (leaf[2] & (1 << 28)) == 0);
  check("VADDPS: #UD", CATCH(".byte 0xc5, 0xf4, 0x58, 0xc2", RESUME : : "r11", "memory") == 6);
  check("VMFUNC: #UD", CATCH(".byte 0x0f, 0x01, 0xd4", RESUME : : "r11", "memory") == 6);
  check("RSM: #UD", CATCH(".byte 0x0f, 0xaa", RESUME : : "r11", "memory") == 6);
  check("GETSEC: #UD", CATCH(".byte 0x0f, 0x37", RESUME : "a"(0) : "r11", "memory") == 6);
  return finish();
}

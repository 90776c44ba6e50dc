/* Model-specific registers: what is written is read, what may not be written faults. */
#include "suite.h"

static int write_caught(uint32_t index, uint64_t value) {
  return CATCH("wrmsr", RESUME : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "r11", "memory");
}
static int read_caught(uint32_t index) {
  uint32_t low, high;
  return CATCH("rdmsr", "=a"(low), "=d"(high), RESUME : "c"(index) : "r11", "memory");
}
static void keeps(const char *what, uint32_t index, uint64_t value) {
  uint64_t before = rdmsr(index);
  bool kept = write_caught(index, value) == -1 && rdmsr(index) == value;
  wrmsr(index, before);
  check(what, kept);
}
static void refuses(const char *what, uint32_t index, uint64_t value) {
  uint64_t before = rdmsr(index);
  check(what, write_caught(index, value) == 13 && caught_code == 0 && rdmsr(index) == before);
}

int main(void) {
  start_suite();
  const uint64_t canonical = 0xffff800012345678, not = 0x0000900000000000;
  keeps("IA32_SYSENTER_CS", 0x174, 0x1234);
  keeps("IA32_SYSENTER_ESP", 0x175, canonical);
  keeps("IA32_SYSENTER_EIP", 0x176, canonical);
  keeps("IA32_PAT", 0x277, 0x0007040600070406);
  keeps("IA32_STAR", 0xc0000081, 0x1234567890abcdef);
  keeps("IA32_LSTAR", 0xc0000082, canonical);
  keeps("IA32_FMASK", 0xc0000084, 0x47700);
  keeps("IA32_FS_BASE", 0xc0000100, canonical);
  keeps("IA32_GS_BASE", 0xc0000101, canonical);
  keeps("IA32_KERNEL_GS_BASE", 0xc0000102, canonical);
  keeps("IA32_TSC_AUX", 0xc0000103, 0x12345678);
  keeps("IA32_EFER: SCE, NXE", 0xc0000080, rdmsr(0xc0000080) | 0x801);
  refuses("IA32_SYSENTER_ESP is canonical", 0x175, not);
  refuses("IA32_SYSENTER_EIP is canonical", 0x176, not);
  refuses("IA32_LSTAR is canonical", 0xc0000082, not);
  refuses("IA32_FS_BASE is canonical", 0xc0000100, not);
  refuses("IA32_GS_BASE is canonical", 0xc0000101, not);
  refuses("IA32_KERNEL_GS_BASE is canonical", 0xc0000102, not);
  refuses("IA32_PAT has memory types", 0x277, 0x0007040600070402);
  refuses("IA32_EFER has reserved bits", 0xc0000080, rdmsr(0xc0000080) | 2);
  refuses("IA32_EFER.LME stays while paging is on", 0xc0000080, rdmsr(0xc0000080) & ~0x100ull);
  check("an MSR that there is not cannot be read", read_caught(0x12345678) == 13);
  check("an MSR that there is not cannot be written", write_caught(0x12345678, 0) == 13);
  return finish();
}

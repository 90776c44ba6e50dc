/* The C guest: says what the loader told it, then checks what compilers emit, then leaves by the debug-exit port. */
#include "boot-information.h"
#include "checks.h"
#include "console.h"
#include "types.h"

enum { LOADER_MAGIC = 0x2badb002, DEBUG_EXIT = 0xf4 };

void main(uint32_t magic, uint32_t information) {
  console_init();
  print("hello from compiled C\n");
  if (magic != LOADER_MAGIC) {
    print("not started by a multiboot loader: EAX was %08x\n", magic);
    return;
  }
  print_boot_information(information);
  check_arithmetic();
  check_comparisons();
  check_control_flow();
  check_data();
  check_digests();
  print("done\n");
  __asm__ volatile("outb %0, %1" : : "a"((uint8_t)0), "Nd"((uint16_t)DEBUG_EXIT));
}

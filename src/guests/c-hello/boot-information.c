#include "boot-information.h"
#include "console.h"
#include "digest.h"

enum { HAS_MEMORY = 1 << 0, HAS_CMDLINE = 1 << 2, HAS_MODULES = 1 << 3, HAS_MMAP = 1 << 6 };

struct information {
  uint32_t flags;
  uint32_t mem_lower, mem_upper;
  uint32_t boot_device;
  uint32_t cmdline;
  uint32_t mods_count, mods_addr;
  uint32_t syms[4];
  uint32_t mmap_length, mmap_addr;
};

struct module {
  uint32_t start, end, string, reserved;
};

/* `size` does not count itself. */
struct region {
  uint32_t size;
  uint64_t base, length;
  uint32_t type;
} __attribute__((packed));

static const void *at(uint32_t address) { return (const void *)(uintptr_t)address; }

/* The command line without its first word, the image's name, which differs from loader to loader. */
static const char *arguments(const char *line) {
  while (*line != 0 && *line != ' ') line++;
  while (*line == ' ') line++;
  return line;
}

void print_boot_information(uint32_t address) {
  const struct information *information = at(address);
  if (information->flags & HAS_CMDLINE) print("arguments \"%s\"\n", arguments(at(information->cmdline)));
  if (information->flags & HAS_MEMORY) print("memory    %u KiB below 1 MiB, %u KiB above\n", information->mem_lower, information->mem_upper);
  if (information->flags & HAS_MMAP) {
    uint32_t end = information->mmap_addr + information->mmap_length;
    for (uint32_t next = information->mmap_addr; next < end;) {
      const struct region *region = at(next);
      print("region    %010lx to %010lx type %u\n", region->base, region->base + region->length, region->type);
      next += region->size + 4;
    }
  }
  if (!(information->flags & HAS_MODULES)) return;
  const struct module *modules = at(information->mods_addr);
  for (uint32_t i = 0; i < information->mods_count; i++) {
    uint32_t bytes = modules[i].end - modules[i].start;
    print("module    %u bytes, aligned %u, crc-32 %08x\n", bytes, modules[i].start % 4096 == 0, crc32(at(modules[i].start), bytes));
  }
}

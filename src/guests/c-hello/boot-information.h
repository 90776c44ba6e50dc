/* The multiboot information structure (Multiboot 0.6.96, 3.3). */
#ifndef BOOT_INFORMATION_H
#define BOOT_INFORMATION_H

#include "types.h"

void print_boot_information(uint32_t address);

#endif

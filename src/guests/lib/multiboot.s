# The multiboot header (Multiboot 0.6.96, 3.1). The image is flat, so flag 16 is set and the address fields say
# where everything goes; the loader clears what lies between the end of the file and BSS_END. A paravirtual image has a header
# of its own.
#
#   0x10_0000  the image: this header, kernel code and data, the user program of hello
#   0x11_0000  page tables
#   0x11_8000  stacks of ring 0, growing down from 0x11_c000 (traps) and 0x12_0000 (boot)
#   0x12_0000  IDT, TSS
#   0x12_4000  stack of ring 3, growing down from 0x12_5000

.set MULTIBOOT_HEADER_MAGIC, 0x1badb002
.set MULTIBOOT_LOADER_MAGIC, 0x2badb002
.set MULTIBOOT_ADDRESS_FIELDS, 1 << 16

.set PML4,           0x110000
.set PDPT,           0x111000
.set PAGE_DIRECTORY, 0x112000
.set PAGE_TABLE,     0x113000
.set HEAP_TABLE,     0x114000
.set STACK_TOP,      0x120000
.set IDT,            0x120000
.set TSS,            0x121000
.set USER_STACK_TOP, 0x125000
.set BSS_END,        0x130000

.ifdef PARAVIRTUAL
.code64
paravirtual_header:             # spec/paravirtual
    .long HEADER_MAGIC
    .long HEADER_VERSION
    .long -(HEADER_MAGIC + HEADER_VERSION)
    .long paravirtual_header    # header
    .long paravirtual_header    # first byte that is loaded
    .long 0                     # load the whole file
    .long BSS_END               # end of what is cleared
    .long start                 # entry
    .long PML4                  # the first page tables
.else
.code32
multiboot_header:
    .long MULTIBOOT_HEADER_MAGIC
    .long MULTIBOOT_ADDRESS_FIELDS
    .long -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_ADDRESS_FIELDS)
    .long multiboot_header      # header_addr
    .long multiboot_header      # load_addr
    .long 0                     # load_end_addr: load the whole file
    .long BSS_END               # bss_end_addr
    .long start                 # entry_addr
.endif

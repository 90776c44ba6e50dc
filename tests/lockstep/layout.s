# Layout shared with layout.ts.
.equ CODE,        0x10000     # code under test: a page of INT3 with the case's bytes at its beginning
.equ DATA,        0x20000     # what cases point at; page 2 is absent, 3 read-only, 4 supervisor
.equ STACK_BASE,  0x30000
.equ STACK_TOP,   0x3f000
.equ LOW_STUBS,   0x8000      # vectors and their stubs for real-address mode
.equ LOW_SAVE,    0x7000      # where those stubs save registers
.equ RECORD_BYTES, 768
# A case: what to start from.
.equ C_MODE, 0
.equ C_PAGING, 4
.equ C_FLAGS, 8
.equ C_CR0, 12
.equ C_REGISTERS, 16          # 16 x u64, as the report has them
.equ C_SELECTORS, 144         # ES CS SS DS FS GS, u32 each
.equ C_RIP, 168
.equ C_DR, 176                # DR0-DR3, DR7: u64 each
.equ C_CR4, 216
.equ C_CODE, 256              # 128 bytes
.equ C_GDT, 384               # 16 descriptors for slots 16-31
.equ C_LDT, 512               # 8 descriptors
.equ C_IDT, 576               # 8 gates of 8 bytes for vectors 40H-47H
.equ REPORT_BYTES, 384
# Cases of IA-32e mode have more, in the same record.
.equ C_USER, 4                # the test's pages are the user's
.equ C_EFER, 220              # SCE and NXE
.equ C_BASES, 224             # FS, GS, IA32_KERNEL_GS_BASE: u64 each
.equ C_LONG_IDT, 576          # 8 gates of 16 bytes
.equ C_ENTRIES, 704           # 8 paging-structure entries: four pages from WINDOW, a directory's two, 1 GByte, level 4
.equ PML4,        0x40000
.equ PDPT,        0x41000
.equ DIRECTORY,   0x42000
.equ TABLE,       0x43000
.equ WINDOW_DIRECTORY, 0x44000
.equ WINDOW_TABLE, 0x45000
.equ TSS,         0x46000

# Supervisor of the lock-step cases for 64-bit and compatibility mode. Multiboot leaves it in 32-bit protected mode; it
# runs each case until an exception, which comes on a stack of its own (IST1), and writes a report to port 0xe9.
.intel_syntax noprefix
.include "layout.s"
.code32
.section .text
.globl start
image:
.long 0x1badb002, 0x00010003, -(0x1badb002 + 0x00010003)
.long header_address, image, 0, 0, start
.equ header_address, image

.equ KCODE, 0x08
.equ KDATA, 0x10
.equ MAIN_TSS, 0x70
.equ LDT_SELECTOR, 0x80
.equ FREE_SLOT, 18
.equ MSR_EFER, 0xc0000080

start:
  cli
  mov esp, offset kernel_stack_top
  mov al, 0xff
  out 0x21, al
  out 0xa1, al
  lgdt gdt_pointer
  mov eax, cr4
  or eax, 0x20
  mov cr4, eax
  mov edi, offset own_pml4             # identity of the first GiB in 2-MByte pages, the supervisor's own
  mov eax, offset own_pdpt + 3
  mov [edi], eax
  mov eax, offset own_directory + 3
  mov [own_pdpt], eax
  mov edi, offset own_directory
  mov eax, 0x83
  mov ecx, 512
1: mov [edi], eax
  mov dword ptr [edi + 4], 0
  add edi, 8
  add eax, 0x200000
  loop 1b
  mov eax, offset own_pml4
  mov cr3, eax
  mov ecx, MSR_EFER
  rdmsr
  or eax, 0x901
  wrmsr
  mov eax, cr0
  or eax, 0x80010033
  and eax, 0xfffffffb
  mov cr0, eax
  jmp KCODE:long
.code64
long:
  mov eax, KDATA
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov fs, eax
  mov gs, eax
  mov eax, offset TSS
  mov edi, offset gdt + MAIN_TSS
  call set_base
  mov eax, offset ldt
  mov edi, offset gdt + LDT_SELECTOR
  call set_base
  call build_idt
  xor edi, edi                         # where 16-bit offsets lead: INT3
  mov eax, 0xcccccccc
  mov ecx, CODE / 4
  rep stosd
  mov rax, cr4
  or eax, 0x600                        # OSFXSR, OSXMMEXCPT
  mov cr4, rax
  mov [cr4_base], rax
  mov rax, cr0
  mov [cr0_base], rax
  mov r15d, offset records + 16
  mov r14d, [records]
next_case:
  test r14d, r14d
  jz finished
  mov [case_pointer], r15
  mov [cases_left], r14
  call prepare
  jmp launch
finished:
  mov al, 0
  out 0xf4, al
1: cli
  hlt
  jmp 1b

# ---------------------------------------------------------------- once
set_base:
  mov [rdi + 2], ax
  shr eax, 16
  mov [rdi + 4], al
  mov [rdi + 7], ah
  ret

build_idt:
  mov edi, offset idt
  mov eax, offset stubs
  mov ecx, 256
1: mov edx, eax
  mov [rdi], dx
  mov word ptr [rdi + 2], KCODE
  mov word ptr [rdi + 4], 0xee01       # IST1
  shr edx, 16
  mov [rdi + 6], dx
  mov qword ptr [rdi + 8], 0
  add rdi, 16
  add eax, 16
  loop 1b
  lidt idt_pointer
  ret

# ---------------------------------------------------------------- before each case
prepare:
  cld
  mov rbx, [case_pointer]
  mov edi, CODE                        # code: INT3 all over, then the case's bytes
  mov eax, 0xcccccccc
  mov ecx, 1024
  rep stosd
  lea rsi, [rbx + C_CODE]
  mov edi, CODE
  mov ecx, 32
  rep movsd
  lea rsi, [rbx + C_GDT]
  mov edi, offset gdt + FREE_SLOT * 8
  mov ecx, 32 + 16
  rep movsd                            # the LDT follows the GDT in memory
  lea rsi, [rbx + C_LONG_IDT]
  mov edi, offset idt + 0x40 * 16
  mov ecx, 32
  rep movsd
  mov edi, DATA                        # data and stack: a pattern
  mov eax, 0x01234567
  mov ecx, 0x1000
1: stosd
  imul eax, eax, 0x19660d
  add eax, 0x3c6ef35f
  loop 1b
  mov eax, 0xcccccccc                  # where cases jump in windows on data
  mov [DATA + 0x200], eax
  mov [DATA + 0x1200], eax
  mov edi, STACK_TOP - 0x2000
  mov ecx, 0xc00
1: stosd
  imul eax, eax, 0x19660d
  add eax, 0x3c6ef35f
  loop 1b
  call build_pages
  call build_tss
  mov ecx, 0x174
  mov eax, KCODE
  xor edx, edx
  wrmsr
  inc ecx
  mov eax, STACK_TOP
  wrmsr
  inc ecx
  mov eax, CODE + 0x300
  wrmsr
  mov ecx, 0xc0000081                  # STAR, LSTAR, CSTAR, FMASK
  xor eax, eax
  mov edx, 0x00230008
  wrmsr
  inc ecx
  mov eax, CODE + 0x320
  xor edx, edx
  wrmsr
  inc ecx
  mov eax, CODE + 0x340
  wrmsr
  inc ecx
  mov eax, 0x47702
  wrmsr
  ret

# The test's tables: 4-KByte pages from 0, of the supervisor but for those of the test; all again at level 4's entry 256;
# the case's entries.
build_pages:
  xor eax, eax
  mov edi, PML4
  mov ecx, 0x6000 / 4
  rep stosd
  mov eax, PDPT + 7
  mov [PML4], rax
  mov [PML4 + 8 * 256], rax
  mov eax, DIRECTORY + 7
  mov [PDPT], rax
  mov eax, WINDOW_DIRECTORY + 7
  mov [PDPT + 8], rax
  mov eax, TABLE + 7
  mov [DIRECTORY], rax
  mov eax, WINDOW_TABLE + 7
  mov [WINDOW_DIRECTORY], rax
  mov edx, [rbx + C_USER]
  shl edx, 2
  xor ecx, ecx
1: mov eax, ecx
  shl eax, 12
  or eax, 0x63
  cmp ecx, 0x10
  jb 2f
  cmp ecx, 0x40
  jae 2f
  or eax, edx
  cmp ecx, DATA >> 12
  jb 2f
  and eax, 0xffffff9f                  # the test's data and stack: neither accessed nor dirty
  cmp ecx, (DATA >> 12) + 2
  jne 3f
  xor eax, eax
3: cmp ecx, (DATA >> 12) + 3
  jne 3f
  and eax, 0xfffffffd
3: cmp ecx, (DATA >> 12) + 4
  jne 2f
  xor eax, 4
2: mov [TABLE + 8 * rcx], rax
  inc ecx
  cmp ecx, 512
  jne 1b
  mov rax, [rbx + C_ENTRIES]
  mov [WINDOW_TABLE], rax
  mov rax, [rbx + C_ENTRIES + 8]
  mov [WINDOW_TABLE + 8], rax
  mov rax, [rbx + C_ENTRIES + 16]
  mov [WINDOW_TABLE + 16], rax
  mov rax, [rbx + C_ENTRIES + 24]
  mov [WINDOW_TABLE + 24], rax
  mov rax, [rbx + C_ENTRIES + 32]
  mov [WINDOW_DIRECTORY + 8], rax
  mov rax, [rbx + C_ENTRIES + 40]
  mov [WINDOW_DIRECTORY + 16], rax
  mov rax, [rbx + C_ENTRIES + 48]
  mov [PDPT + 16], rax
  mov rax, [rbx + C_ENTRIES + 56]
  mov [PML4 + 8], rax
  ret

# Stacks of rings 0 to 2; IST1 is the supervisor's, 2 and 3 the test's, 4 not canonical, 5 absent, 6 read-only, 7 at 0.
build_tss:
  mov byte ptr [gdt + MAIN_TSS + 5], 0x89
  xor eax, eax
  mov edi, TSS
  mov ecx, 0x68 / 4
  rep stosd
  mov qword ptr [TSS + 4], STACK_TOP - 0x400
  mov qword ptr [TSS + 12], STACK_TOP - 0x600
  mov qword ptr [TSS + 20], STACK_TOP - 0x7f8
  mov qword ptr [TSS + 36], offset kernel_stack_top
  mov qword ptr [TSS + 44], STACK_TOP - 0xa00
  mov qword ptr [TSS + 52], STACK_TOP - 0xbf3
  mov rax, 0x800000000000
  mov [TSS + 60], rax
  mov qword ptr [TSS + 68], DATA + 0x2100
  mov qword ptr [TSS + 76], DATA + 0x3100
  mov word ptr [TSS + 102], 0x68
  mov edi, TSS + 0x68                  # I/O permissions as for the other modes
  mov al, 0xff
  mov ecx, 0xa0
  rep stosb
  mov al, 0xcc
  mov ecx, 0x20
  rep stosb
  mov al, 0xff
  mov ecx, 0x40
  rep stosb
  mov eax, MAIN_TSS
  ltr ax
  mov eax, LDT_SELECTOR
  lldt ax
  ret

launch:
  mov rbx, [case_pointer]
  mov eax, PML4
  mov cr3, rax
  mov ecx, MSR_EFER
  rdmsr
  and eax, 0xfffff7fe
  or eax, [rbx + C_EFER]
  wrmsr
  mov eax, [rbx + C_CR4]
  or rax, [cr4_base]
  mov cr4, rax
  xor eax, eax
  mov cr2, rax
  mov cr8, rax
  mov eax, 0xffff0ff0
  mov dr6, rax
  mov rax, [rbx + C_DR]
  mov dr0, rax
  mov rax, [rbx + C_DR + 8]
  mov dr1, rax
  mov rax, [rbx + C_DR + 16]
  mov dr2, rax
  mov rax, [rbx + C_DR + 24]
  mov dr3, rax
  mov es, [rbx + C_SELECTORS]
  mov ds, [rbx + C_SELECTORS + 12]
  mov fs, [rbx + C_SELECTORS + 16]
  mov gs, [rbx + C_SELECTORS + 20]
  xor esi, esi                         # bases of FS, GS and IA32_KERNEL_GS_BASE
1: mov eax, [rbx + C_BASES + 8 * rsi]
  mov edx, [rbx + C_BASES + 8 * rsi + 4]
  lea ecx, [rsi + 0xc0000100]
  wrmsr
  inc esi
  cmp esi, 3
  jne 1b
  mov esp, offset kernel_stack_top
  mov eax, [rbx + C_SELECTORS + 8]
  push rax
  push qword ptr [rbx + C_REGISTERS + 32]
  mov eax, [rbx + C_FLAGS]
  push rax
  mov eax, [rbx + C_SELECTORS + 4]
  push rax
  push qword ptr [rbx + C_RIP]
  mov rax, cr0
  or eax, 0x10000
  xor eax, [rbx + C_CR0]               # WP, AM and TS differ from the supervisor's
  mov cr0, rax
  mov rax, [rbx + C_DR + 32]
  mov dr7, rax
  mov rax, [rbx + C_REGISTERS]
  mov rcx, [rbx + C_REGISTERS + 8]
  mov rdx, [rbx + C_REGISTERS + 16]
  mov rbp, [rbx + C_REGISTERS + 40]
  mov rsi, [rbx + C_REGISTERS + 48]
  mov rdi, [rbx + C_REGISTERS + 56]
  mov r8, [rbx + C_REGISTERS + 64]
  mov r9, [rbx + C_REGISTERS + 72]
  mov r10, [rbx + C_REGISTERS + 80]
  mov r11, [rbx + C_REGISTERS + 88]
  mov r12, [rbx + C_REGISTERS + 96]
  mov r13, [rbx + C_REGISTERS + 104]
  mov r14, [rbx + C_REGISTERS + 112]
  mov r15, [rbx + C_REGISTERS + 120]
  mov rbx, [rbx + C_REGISTERS + 24]
  iretq

# ---------------------------------------------------------------- after each case
.balign 16
stubs:
.set vector, 0
.rept 256
  .balign 16
  .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17)
  .else
  push 0
  .endif
  push vector
  jmp common
  .set vector, vector + 1
.endr

common:
  mov [report], rax
  mov [report + 8], rcx
  mov [report + 16], rdx
  mov [report + 24], rbx
  mov [report + 40], rbp
  mov [report + 48], rsi
  mov [report + 56], rdi
  mov [report + 64], r8
  mov [report + 72], r9
  mov [report + 80], r10
  mov [report + 88], r11
  mov [report + 96], r12
  mov [report + 104], r13
  mov [report + 112], r14
  mov [report + 120], r15
  pop rax
  mov [r_vector], eax
  pop rax
  mov [r_error], eax
  pop qword ptr [r_rip]
  pop rax
  mov [r_selectors + 4], eax
  pop qword ptr [r_flags]
  pop qword ptr [report + 32]
  pop rax
  mov [r_selectors + 8], eax
  mov eax, es
  mov [r_selectors], eax
  mov eax, ds
  mov [r_selectors + 12], eax
  mov eax, fs
  mov [r_selectors + 16], eax
  mov eax, gs
  mov [r_selectors + 20], eax
  mov rax, dr6
  mov [r_dr6], eax
  mov rax, dr7
  mov [r_dr7], eax
  xor eax, eax
  mov dr7, rax
  mov rax, cr0
  mov [r_cr0], eax
  mov rax, cr4
  mov [r_cr4], eax
  mov rax, cr3
  mov [r_cr3], rax
  mov rax, cr2
  mov [r_cr2], rax
  mov rax, cr8
  mov [r_cr8], eax
  mov rax, [cr0_base]
  mov cr0, rax
  mov eax, offset own_pml4
  mov cr3, rax
  mov rax, [cr4_base]
  mov cr4, rax
  mov eax, KDATA
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov esp, offset kernel_stack_top
  push 2
  popfq
  str eax
  mov [r_tr], eax
  sldt eax
  mov [r_ldtr], eax
  mov ecx, MSR_EFER
  rdmsr
  mov [r_efer], eax
  and eax, 0xfffff7ff
  or eax, 1
  wrmsr
  xor esi, esi
1: lea ecx, [rsi + 0xc0000100]
  rdmsr
  mov [r_bases + 8 * rsi], eax
  mov [r_bases + 8 * rsi + 4], edx
  inc esi
  cmp esi, 3
  jne 1b
  mov esi, DATA
  mov ecx, 0x1000
  call digest
  mov [r_data], eax
  mov esi, STACK_TOP - 0x2000
  mov ecx, 0xc00
  call digest
  mov [r_stack], eax
  mov esi, offset gdt + 5              # QEMU marks no code segment as accessed
  mov ecx, 34 + 8
1: mov al, [rsi]
  shr al, 4
  and al, 1
  or [rsi], al
  add rsi, 8
  loop 1b
  mov esi, offset gdt
  mov ecx, 68 + 16
  call digest
  mov [r_tables], eax
  mov esi, TSS
  mov ecx, 0x168 / 4
  call digest
  mov [r_tss], eax
  mov esi, TABLE + 8 * (DATA >> 12)    # accessed and dirty flags of data and stack
  mov ecx, 0x40
  call digest
  mov [r_pages], eax
  mov rax, [WINDOW_TABLE]
  mov [r_entries], rax
  mov rax, [WINDOW_TABLE + 8]
  mov [r_entries + 8], rax
  mov rax, [WINDOW_TABLE + 16]
  mov [r_entries + 16], rax
  mov rax, [WINDOW_TABLE + 24]
  mov [r_entries + 24], rax
  mov rax, [WINDOW_DIRECTORY + 8]
  mov [r_entries + 32], rax
  mov rax, [WINDOW_DIRECTORY + 16]
  mov [r_entries + 40], rax
  mov rax, [PDPT + 16]
  mov [r_entries + 48], rax
  mov rax, [PML4 + 8]
  mov [r_entries + 56], rax
  mov esi, offset report
  mov ecx, REPORT_BYTES
  mov edx, 0xe9
  rep outsb
  mov r15, [case_pointer]
  mov r14, [cases_left]
  add r15, RECORD_BYTES
  dec r14d
  jmp next_case

digest:
  mov eax, 0x811c9dc5
1: xor eax, [rsi]
  imul eax, eax, 0x01000193
  rol eax, 5
  add rsi, 4
  loop 1b
  ret

# ---------------------------------------------------------------- data
.balign 16
gdt_pointer: .word 34 * 8 - 1
  .quad gdt
.balign 16
idt_pointer: .word 256 * 16 - 1
  .quad idt
.balign 16
case_pointer: .quad 0
cases_left: .quad 0
cr4_base: .quad 0
cr0_base: .quad 0
.balign 16
report: .fill 16, 8, 0
r_vector: .long 0
r_error: .long 0
r_rip: .quad 0
r_flags: .quad 0
r_selectors: .fill 6, 4, 0
r_cr0: .long 0
r_tr: .long 0
r_cr2: .quad 0
r_dr6: .long 0
r_dr7: .long 0
r_ldtr: .long 0
r_data: .long 0
r_stack: .long 0
r_tables: .long 0
r_tss: .long 0
r_pages: .long 0
r_cr3: .quad 0
r_bases: .fill 3, 8, 0
r_entries: .fill 8, 8, 0
r_efer: .long 0
r_cr4: .long 0
r_cr8: .long 0
.org report + REPORT_BYTES
.balign 8
gdt:
.quad 0
.quad 0x00af9b000000ffff               # 08 64-bit code, ring 0
.quad 0x00cf93000000ffff               # 10 data, ring 0
.quad 0x00cf9b000000ffff               # 18 32-bit code, ring 0
.quad 0x00cffb000000ffff               # 20 32-bit code, ring 3
.quad 0x00cff3000000ffff               # 28 data, ring 3
.quad 0x00affb000000ffff               # 30 64-bit code, ring 3
.quad 0x00afbb000000ffff               # 38 64-bit code, ring 1
.quad 0x00cfb3000000ffff               # 40 data, ring 1
.quad 0x00afdb000000ffff               # 48 64-bit code, ring 2
.quad 0x00cfd3000000ffff               # 50 data, ring 2
.quad 0x00cfbb000000ffff               # 58 32-bit code, ring 1
.quad 0x00cfdb000000ffff               # 60 32-bit code, ring 2
.quad 0x00af9f000000ffff               # 68 64-bit conforming code, ring 0
.word 0x167, 0, 0x8900, 0, 0, 0, 0, 0  # 70 TSS
.word 63, 0, 0x8200, 0, 0, 0, 0, 0     # 80 LDT
.fill 16, 8, 0                         # 90 to 108: the case's
ldt: .fill 8, 8, 0
.balign 16
idt: .fill 512, 8, 0
.balign 4096
own_pml4: .fill 512, 8, 0
own_pdpt: .fill 512, 8, 0
own_directory: .fill 512, 8, 0
.fill 8192, 1, 0
kernel_stack_top:
.balign 16
records:

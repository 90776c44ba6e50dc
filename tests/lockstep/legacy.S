# Supervisor of the lock-step cases for real-address, protected and virtual-8086 mode. Multiboot leaves it in 32-bit
# protected mode; it runs each case until an exception, and writes a report to port 0xe9.
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
.equ REAL_CODE, 0x18
.equ REAL_DATA, 0x20
.equ MAIN_TSS, 0x48
.equ LDT_SELECTOR, 0x60

start:
  cli
  lea esp, kernel_stack_top
  mov al, 0xff
  out 0x21, al
  out 0xa1, al
  lgdt gdt_pointer
  jmp KCODE:1f
1: mov eax, KDATA
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov fs, eax
  mov gs, eax
  lea eax, tss
  lea edi, gdt + MAIN_TSS
  call set_base
  lea eax, tss2
  lea edi, gdt + 0x50
  call set_base
  lea eax, tss3
  lea edi, gdt + 0x58
  call set_base
  lea eax, ldt
  lea edi, gdt + LDT_SELECTOR
  call set_base
  lea eax, kernel_stack_top
  mov [tss + 4], eax
  mov dword ptr [tss + 8], KDATA
  mov word ptr [tss + 102], 0x68
  call build_idt
  call build_pages
  call build_low_stubs
  mov eax, cr4
  mov [cr4_base], eax
  mov esi, offset records + 16
  mov edi, [records]
next_case:
  test edi, edi
  jz finished
  mov [case_pointer], esi
  mov [cases_left], edi
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
  mov [edi + 2], ax
  shr eax, 16
  mov [edi + 4], al
  mov [edi + 7], ah
  ret

build_idt:
  lea edi, idt
  lea eax, stubs
  mov ecx, 256
1: mov edx, eax
  mov [edi], dx
  mov word ptr [edi + 2], KCODE
  mov word ptr [edi + 4], 0xee00
  shr edx, 16
  mov [edi + 6], dx
  add edi, 8
  add eax, 16
  loop 1b
  lidt idt_pointer
  ret

# Identity of the first 4 MiB three times: 4-KByte pages, PAE, 4-MByte page.
build_pages:
  lea edi, page_table
  xor ecx, ecx
1: mov eax, ecx
  shl eax, 12
  call page_flags
  or eax, edx
  mov [edi + 4 * ecx], eax
  mov [pae_table + 8 * ecx], eax
  mov dword ptr [pae_table + 8 * ecx + 4], 0
  inc ecx
  cmp ecx, 1024
  jne 1b
  lea eax, page_table + 7
  mov [page_directory], eax
  mov dword ptr [large_directory], 0xe7
  lea eax, pae_table + 7
  mov [pae_directory], eax
  add eax, 4096
  mov [pae_directory + 8], eax
  lea eax, pae_directory + 1
  mov [pae_pointers], eax
  ret

# Of page ecx, in edx: user between 64 and 256 KiB, but for three pages of DATA.
page_flags:
  mov edx, 0x63
  cmp ecx, 0x10
  jb 9f
  cmp ecx, 0x40
  jae 9f
  mov edx, 0x67
  cmp ecx, (DATA >> 12) + 2
  jne 1f
  mov edx, 0
1: cmp ecx, (DATA >> 12) + 3
  jne 1f
  mov edx, 0x25
1: cmp ecx, (DATA >> 12) + 4
  jne 9f
  mov edx, 0x63
9: ret

build_low_stubs:
  mov edi, LOW_STUBS + 0x400
  xor ecx, ecx
1: mov byte ptr [edi], 0x68           # push imm16
  mov [edi + 1], cx
  mov byte ptr [edi + 3], 0xe9         # jmp rel16
  mov eax, LOW_STUBS + 0x200
  sub eax, edi
  sub eax, 6
  mov [edi + 4], ax
  mov [4 * ecx], di
  mov word ptr [4 * ecx + 2], 0
  add edi, 8
  inc ecx
  cmp ecx, 256
  jne 1b
  mov esi, offset low_code
  mov edi, LOW_STUBS + 0x200
  mov ecx, low_code_end - low_code
  rep movsb
  ret

# ---------------------------------------------------------------- before each case
prepare:
  cld
  mov esi, [case_pointer]
  mov edi, CODE                        # code: INT3 all over, then the case's bytes
  mov eax, 0xcccccccc
  mov ecx, 1024
  rep stosd
  push esi
  add esi, C_CODE
  mov edi, CODE
  mov ecx, 32
  rep movsd
  pop esi
  push esi
  add esi, C_GDT
  lea edi, gdt + 16 * 8
  mov ecx, 32 + 16
  rep movsd                            # the LDT follows the GDT in memory
  lea edi, idt + 0x40 * 8
  mov ecx, 16
  rep movsd
  pop esi
  mov edi, DATA                        # data and stack: a pattern
  mov eax, 0x01234567
  mov ecx, 0x1000
1: stosd
  imul eax, eax, 0x19660d
  add eax, 0x3c6ef35f
  loop 1b
  mov dword ptr [DATA + 0x200], 0xcccccccc  # where code segments that begin at CODE lead with flat offsets
  mov edi, STACK_TOP - 0x2000
  mov ecx, 0xc00
1: stosd
  imul eax, eax, 0x19660d
  add eax, 0x3c6ef35f
  loop 1b
  call reset_tasks
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
  ret

reset_tasks:
  mov byte ptr [gdt + MAIN_TSS + 5], 0x89
  mov byte ptr [gdt + 0x50 + 5], 0xe9  # 32-bit task open to all
  mov byte ptr [gdt + 0x58 + 5], 0xe1  # 16-bit task
  xor eax, eax
  lea edi, tss + 32
  mov ecx, 16
  rep stosd
  lea edi, tss2
  mov ecx, 26
  rep stosd
  lea edi, tss3
  mov ecx, 11
  rep stosd
  lea eax, kernel_stack_top
  mov [tss2 + 4], eax
  mov dword ptr [tss2 + 8], KDATA
  mov eax, cr3
  lea eax, page_directory
  mov esi, [case_pointer]
  cmp dword ptr [esi + C_PAGING], 2
  jne 1f
  lea eax, pae_pointers
1: cmp dword ptr [esi + C_PAGING], 3
  jne 1f
  lea eax, large_directory
1: mov [tss2 + 28], eax
  mov dword ptr [tss2 + 32], CODE + 0x400
  mov dword ptr [tss2 + 36], 0x2
  mov dword ptr [tss2 + 40], 0x11111111
  mov dword ptr [tss2 + 52], 0x22222222
  mov dword ptr [tss2 + 56], STACK_TOP - 0x100
  mov eax, [esi + C_SELECTORS + 4]
  and eax, 3
  mov edx, KCODE
  mov ecx, KDATA
  cmp eax, 3
  jne 1f
  mov edx, 0x2b
  mov ecx, 0x33
1: mov [tss2 + 76], edx
  mov [tss2 + 72], ecx
  mov [tss2 + 80], ecx
  mov [tss2 + 84], ecx
  mov word ptr [tss2 + 96], LDT_SELECTOR
  mov word ptr [tss2 + 102], 0x68
  lea eax, kernel_stack_top
  mov [tss3 + 2], ax
  mov word ptr [tss3 + 4], KDATA
  mov word ptr [tss3 + 14], 0x400
  mov word ptr [tss3 + 16], 2
  mov word ptr [tss3 + 18], 0x3333
  mov word ptr [tss3 + 26], 0xe000
  mov word ptr [tss3 + 34], 0x3b
  mov word ptr [tss3 + 36], 0x78       # 16-bit code of ring 0 at CODE
  mov word ptr [tss3 + 38], 0x70       # 16-bit stack
  mov word ptr [tss3 + 40], 0x3b
  mov word ptr [tss3 + 42], LDT_SELECTOR
  mov ax, MAIN_TSS
  ltr ax
  mov ax, LDT_SELECTOR
  lldt ax
  ret

launch:
  mov esi, [case_pointer]
  mov eax, [cr4_base]
  mov ecx, [esi + C_PAGING]
  lea edx, page_directory
  cmp ecx, 2
  jne 1f
  or eax, 0x20
  lea edx, pae_pointers
1: cmp ecx, 3
  jne 1f
  or eax, 0x10
  lea edx, large_directory
1: or eax, [esi + C_CR4]
  mov cr4, eax
  mov cr3, edx
  mov eax, 0xffff0ff0
  mov dr6, eax
  mov eax, [esi + C_DR]
  mov dr0, eax
  mov eax, [esi + C_DR + 8]
  mov dr1, eax
  mov eax, [esi + C_DR + 16]
  mov dr2, eax
  mov eax, [esi + C_DR + 24]
  mov dr3, eax
  mov eax, 0
  mov cr2, eax
  mov eax, [esi + C_CR0]
  or eax, 0x11
  test ecx, ecx
  jz 1f
  or eax, 0x80000000
1: mov cr0, eax
  jmp 1f
1: cmp dword ptr [esi + C_MODE], 2
  je launch_real
  mov eax, [esi + C_DR + 32]
  mov dr7, eax
  test dword ptr [esi + C_FLAGS], 0x20000
  jnz launch_virtual
  test dword ptr [esi + C_SELECTORS + 4], 3
  jnz launch_outer
  mov ax, [esi + C_SELECTORS + 8]
  movzx edx, ax
  mov [far_stack + 4], dx
  mov edx, [esi + C_REGISTERS + 32]
  mov [far_stack], edx
  lss esp, far_stack
  jmp 1f
launch_outer:
  push dword ptr [esi + C_SELECTORS + 8]
  push dword ptr [esi + C_REGISTERS + 32]
1: push dword ptr [esi + C_FLAGS]
  push dword ptr [esi + C_SELECTORS + 4]
  push dword ptr [esi + C_RIP]
  mov es, [esi + C_SELECTORS]
  mov fs, [esi + C_SELECTORS + 16]
  mov gs, [esi + C_SELECTORS + 20]
  push dword ptr [esi + C_SELECTORS + 12]
  jmp load_registers
launch_virtual:
  push dword ptr [esi + C_SELECTORS + 20]
  push dword ptr [esi + C_SELECTORS + 16]
  push dword ptr [esi + C_SELECTORS + 12]
  push dword ptr [esi + C_SELECTORS]
  push dword ptr [esi + C_SELECTORS + 8]
  push dword ptr [esi + C_REGISTERS + 32]
  push dword ptr [esi + C_FLAGS]
  push dword ptr [esi + C_SELECTORS + 4]
  push dword ptr [esi + C_RIP]
  push KDATA
load_registers:
  mov eax, [esi + C_REGISTERS]
  mov ecx, [esi + C_REGISTERS + 8]
  mov edx, [esi + C_REGISTERS + 16]
  mov ebx, [esi + C_REGISTERS + 24]
  mov ebp, [esi + C_REGISTERS + 40]
  mov edi, [esi + C_REGISTERS + 56]
  mov esi, [esi + C_REGISTERS + 48]
  pop ds
  iretd

launch_real:
  lidt real_idt_pointer
  mov edi, LOW_SAVE + 128
  mov eax, [esi + C_REGISTERS + 32]
  mov [edi], eax
  mov eax, [esi + C_SELECTORS + 8]
  mov [edi + 4], ax
  mov eax, [esi + C_SELECTORS]
  mov [edi + 6], ax
  mov eax, [esi + C_SELECTORS + 16]
  mov [edi + 8], ax
  mov eax, [esi + C_SELECTORS + 20]
  mov [edi + 10], ax
  mov eax, [esi + C_FLAGS]
  mov [edi + 12], ax
  mov eax, [esi + C_SELECTORS + 4]
  mov [edi + 14], ax
  mov eax, [esi + C_RIP]
  mov [edi + 16], ax
  mov eax, [esi + C_SELECTORS + 12]
  mov [edi + 18], ax
  xor ecx, ecx
1: mov eax, [esi + C_REGISTERS + 8 * ecx]
  mov [edi + 32 + 4 * ecx], eax
  inc ecx
  cmp ecx, 8
  jne 1b
  jmp REAL_CODE:LOW_STUBS + 0x200 + (enter_real - low_code)

# Copied below 64 KiB, at segment 0.
low_code:
.code16
  push ds                              # from a stub: vector, ip, cs, flags
  push ax
  xor ax, ax
  mov ds, ax
  pop word ptr [LOW_SAVE]
  mov [LOW_SAVE + 4], ecx
  mov [LOW_SAVE + 8], edx
  mov [LOW_SAVE + 12], ebx
  mov [LOW_SAVE + 20], ebp
  mov [LOW_SAVE + 24], esi
  mov [LOW_SAVE + 28], edi
  pop word ptr [LOW_SAVE + 32]         # ds
  mov [LOW_SAVE + 34], es
  mov [LOW_SAVE + 36], fs
  mov [LOW_SAVE + 38], gs
  pop word ptr [LOW_SAVE + 40]         # vector
  pop word ptr [LOW_SAVE + 42]         # ip
  pop word ptr [LOW_SAVE + 44]         # cs
  pop word ptr [LOW_SAVE + 46]         # flags
  mov [LOW_SAVE + 16], esp
  mov [LOW_SAVE + 48], ss
  mov ax, [LOW_SAVE]
  mov [LOW_SAVE], eax
  mov eax, cr0
  mov [LOW_SAVE + 52], eax
  or al, 1
  mov cr0, eax
  .byte 0x66, 0xea                     # jmp ptr16:32
  .long from_real
  .word KCODE
enter_real:
  mov ax, REAL_DATA
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov fs, ax
  mov gs, ax
  mov eax, cr0
  and eax, 0x7ffffffe
  mov cr0, eax
  .byte 0xea
  .word LOW_STUBS + 0x200 + (1f - low_code), 0
1: xor ax, ax
  mov ds, ax
  mov esp, [LOW_SAVE + 128]
  mov ss, [LOW_SAVE + 132]
  mov es, [LOW_SAVE + 134]
  mov fs, [LOW_SAVE + 136]
  mov gs, [LOW_SAVE + 138]
  push word ptr [LOW_SAVE + 140]       # flags
  push word ptr [LOW_SAVE + 142]       # cs
  push word ptr [LOW_SAVE + 144]       # ip
  push word ptr [LOW_SAVE + 146]       # ds
  mov eax, [LOW_SAVE + 160]
  mov ecx, [LOW_SAVE + 164]
  mov edx, [LOW_SAVE + 168]
  mov ebx, [LOW_SAVE + 172]
  mov ebp, [LOW_SAVE + 180]
  mov esi, [LOW_SAVE + 184]
  mov edi, [LOW_SAVE + 188]
  pop ds
  iret
low_code_end:
.code32

from_real:
  mov eax, KDATA
  mov ds, eax
  mov es, eax
  mov fs, eax
  mov gs, eax
  mov ss, eax
  lea esp, kernel_stack_top
  lidt idt_pointer
  mov esi, LOW_SAVE
  lea edi, report
  xor ecx, ecx
1: mov eax, [esi + 4 * ecx]
  mov [edi + 8 * ecx], eax
  inc ecx
  cmp ecx, 8
  jne 1b
  movzx eax, word ptr [LOW_SAVE + 32]
  mov [r_selectors + 12], eax
  movzx eax, word ptr [LOW_SAVE + 34]
  mov [r_selectors], eax
  movzx eax, word ptr [LOW_SAVE + 36]
  mov [r_selectors + 16], eax
  movzx eax, word ptr [LOW_SAVE + 38]
  mov [r_selectors + 20], eax
  movzx eax, word ptr [LOW_SAVE + 40]
  mov [r_vector], eax
  mov dword ptr [r_error], 0
  movzx eax, word ptr [LOW_SAVE + 42]
  mov [r_rip], eax
  movzx eax, word ptr [LOW_SAVE + 44]
  mov [r_selectors + 4], eax
  movzx eax, word ptr [LOW_SAVE + 46]
  mov [r_flags], eax
  movzx eax, word ptr [LOW_SAVE + 48]
  mov [r_selectors + 8], eax
  mov eax, [LOW_SAVE + 52]
  mov [r_cr0], eax
  jmp complete

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
  push ds
  push eax
  mov eax, KDATA
  mov ds, eax
  pop dword ptr [report]
  pop dword ptr [r_selectors + 12]
  mov [report + 8], ecx
  mov [report + 16], edx
  mov [report + 24], ebx
  mov [report + 40], ebp
  mov [report + 48], esi
  mov [report + 56], edi
  mov [r_selectors], es
  mov [r_selectors + 16], fs
  mov [r_selectors + 20], gs
  pop dword ptr [r_vector]
  pop dword ptr [r_error]
  pop dword ptr [r_rip]
  pop dword ptr [r_selectors + 4]
  pop dword ptr [r_flags]
  push 0                               # the image of EFLAGS, which QEMU gives no RF
  pop eax
  test dword ptr [r_flags], 0x20000
  jnz 1f
  test dword ptr [r_selectors + 4], 3
  jnz 1f
  mov [report + 32], esp
  mov [r_selectors + 8], ss
  jmp 2f
1: pop dword ptr [report + 32]
  pop dword ptr [r_selectors + 8]
  test dword ptr [r_flags], 0x20000
  jz 2f
  pop dword ptr [r_selectors]
  pop dword ptr [r_selectors + 12]
  pop dword ptr [r_selectors + 16]
  pop dword ptr [r_selectors + 20]
2: mov eax, KDATA
  mov es, eax
  mov ss, eax
  lea esp, kernel_stack_top
  mov eax, cr0
  mov [r_cr0], eax
complete:
  push 2
  popfd
  str eax
  movzx eax, ax
  mov [r_tr], eax
  sldt eax
  movzx eax, ax
  mov [r_ldtr], eax
  mov eax, cr2
  mov [r_cr2], eax
  mov eax, dr6
  mov [r_dr6], eax
  mov eax, dr7
  mov [r_dr7], eax
  xor eax, eax
  mov dr7, eax
  mov eax, 0x11
  mov cr0, eax
  jmp 1f
1: mov eax, [cr4_base]
  mov cr4, eax
  mov esi, DATA
  mov ecx, 0x1000
  call digest
  mov [r_data], eax
  mov esi, STACK_TOP - 0x2000
  mov ecx, 0xc00
  call digest
  mov [r_stack], eax
  lea esi, gdt + 5                     # QEMU marks no code segment as accessed
  mov ecx, 32 + 8
1: mov al, [esi]
  shr al, 4
  and al, 1
  or [esi], al
  add esi, 8
  loop 1b
  lea esi, gdt
  mov ecx, 64 + 16
  call digest
  mov [r_tables], eax
  lea esi, tss
  mov ecx, (tasks_end - tss) / 4
  call digest
  mov [r_tasks], eax
  lea esi, tss
  lea edi, r_tss
  mov ecx, 26
  rep movsd
  lea esi, report
  mov ecx, REPORT_BYTES
  mov edx, 0xe9
  rep outsb
  mov esi, [case_pointer]
  mov edi, [cases_left]
  add esi, RECORD_BYTES
  dec edi
  jmp next_case

digest:
  mov eax, 0x811c9dc5
1: xor eax, [esi]
  imul eax, eax, 0x01000193
  rol eax, 5
  add esi, 4
  loop 1b
  ret

# ---------------------------------------------------------------- data
.balign 16
gdt_pointer: .word 32 * 8 - 1
  .long gdt
idt_pointer: .word 256 * 8 - 1
  .long idt
real_idt_pointer: .word 0x3ff
  .long 0
case_pointer: .long 0
cases_left: .long 0
cr4_base: .long 0
far_stack: .long 0
  .word 0
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
r_tasks: .long 0
r_tss: .fill 26, 4, 0
.org report + REPORT_BYTES
.balign 8
gdt:
.quad 0
.quad 0x00cf9b000000ffff               # 08 code, ring 0
.quad 0x00cf93000000ffff               # 10 data, ring 0
.quad 0x00009b000000ffff               # 18 code for real-address mode
.quad 0x000093000000ffff               # 20 data for it
.quad 0x00cffb000000ffff               # 28 code, ring 3
.quad 0x00cff3000000ffff               # 30 data, ring 3
.quad 0x0000f3020000ffff               # 38 16-bit data, ring 3, at DATA
.quad 0x0000fb010000ffff               # 40 16-bit code, ring 3, at CODE
.word 0x167, 0, 0x8900, 0   # 48
.word 0x67, 0, 0xe900, 0               # 50
.word 0x2b, 0, 0xe100, 0               # 58
.word 63, 0, 0x8200, 0                 # 60 LDT
.quad 0x0000f3030000ffff               # 68 16-bit stack, ring 3
.quad 0x000093030000ffff               # 70 16-bit stack, ring 0
.quad 0x00009b010000ffff               # 78 16-bit code, ring 0, at CODE
.fill 16, 8, 0
ldt: .fill 8, 8, 0
.balign 8
tss: .fill 26, 4, 0
  .fill 0xa0, 1, 0xff
  .fill 0x20, 1, 0xcc
  .fill 0x40, 1, 0xff
tss2: .fill 26, 4, 0
tss3: .fill 12, 4, 0
tasks_end:
.balign 8
idt: .fill 256, 8, 0
.balign 4096
page_directory: .fill 1024, 4, 0
page_table: .fill 1024, 4, 0
large_directory: .fill 1024, 4, 0
pae_directory: .fill 512, 8, 0
pae_table: .fill 1024, 8, 0
pae_pointers: .fill 512, 8, 0
.fill 8192, 1, 0
kernel_stack_top:
.balign 16
records:

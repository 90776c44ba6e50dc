# From 32-bit protected mode to 64-bit mode (SDM Vol. 3, 10.8.5), then main(edi = multiboot information), then off.
# The loader left EAX = 0x2badb002, EBX = information, paging off, flat segments.

.set PAGE_PRESENT,  1 << 0
.set PAGE_WRITABLE, 1 << 1
.set PAGE_USER,     1 << 2
.set PAGE_LARGE,    1 << 7
# Upper levels permit everything; the last level decides.
.set PAGE_UPPER, PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER

.set LARGE_PAGE_SIZE, 2 << 20
.set IDENTITY_MAPPED, 16 << 20

.set CR0_PG,   1 << 31
.set CR0_WP,   1 << 16
.set CR4_PAE,  1 << 5
.set IA32_EFER, 0xc0000080
.set EFER_LME, 1 << 8

.set KERNEL_CODE, 0x08
.set KERNEL_DATA, 0x10
.set USER_DATA,   0x18 | 3
.set USER_CODE,   0x20 | 3
.set TSS_SEGMENT, 0x28

# In a paravirtual build all of this is the hypervisor's: lib/paravirtual/start.s.
.ifndef PARAVIRTUAL

.macro READ_MSR
    rdmsr
.endm
.macro WRITE_MSR
    wrmsr
.endm
.macro READ_CR3
    mov rax, cr3
.endm
.macro READ_CR2
    mov rbx, cr2
.endm
.macro SLEEP
    sti
    hlt
    cli
.endm
.macro RETURN_FROM_TRAP
    iretq
.endm

.code32
start:
    cli
    cld
    mov esp, STACK_TOP
    cmp eax, MULTIBOOT_LOADER_MAGIC
    jne halt

    # The first 16 MiB by 2 MiB pages, linear = physical, for ring 0 alone.
    mov dword ptr [PML4], PDPT | PAGE_UPPER
    mov dword ptr [PDPT], PAGE_DIRECTORY | PAGE_UPPER
    mov edi, PAGE_DIRECTORY
    mov eax, PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
map_large_page:
    mov [edi], eax
    add edi, 8
    add eax, LARGE_PAGE_SIZE
    cmp eax, IDENTITY_MAPPED
    jb map_large_page

    mov eax, cr4
    or eax, CR4_PAE
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, IA32_EFER
    rdmsr
    or eax, EFER_LME
    wrmsr
    mov eax, cr0
    or eax, CR0_PG | CR0_WP
    mov cr0, eax                # EFER.LMA is now 1: compatibility mode
    .byte 0x0f, 0x01, 0x15      # lgdt [gdt_pointer], which keystone loads with 24 bits of the base
    .long gdt_pointer
    .byte 0xea                  # jmp KERNEL_CODE:long_mode, which keystone does not know; CS.L = 1: 64-bit mode
    .long long_mode
    .word KERNEL_CODE

.code64
long_mode:
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov esp, STACK_TOP
    mov edi, ebx
    call main
    jmp power_off

halt:
    cli
    hlt
    jmp halt

    .balign 8, 0
gdt:
    .quad 0
    .quad 0x00af9a000000ffff    # 0x08 code, ring 0, 64-bit
    .quad 0x00cf92000000ffff    # 0x10 data, ring 0
    .quad 0x00cff2000000ffff    # 0x18 data, ring 3
    .quad 0x00affa000000ffff    # 0x20 code, ring 3, 64-bit
    .quad 0, 0                  # 0x28 TSS, 16 bytes
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
.endif

// Entry of the C guest: from the multiboot machine state (32-bit protected mode) to 64-bit mode and main().

    .intel_syntax noprefix

    .set MULTIBOOT_HEADER_MAGIC, 0x1badb002
    .set MULTIBOOT_PAGE_ALIGN, 1 << 0
    .set MULTIBOOT_MEMORY_INFO, 1 << 1
    .set FLAGS, MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO

    .section .multiboot, "a"
    .balign 4
    .long MULTIBOOT_HEADER_MAGIC, FLAGS, -(MULTIBOOT_HEADER_MAGIC + FLAGS)

    .text
    .code32
    .global start
start:
    cli
    cld
    mov esp, offset stack_top
    mov esi, eax                // kept for main: the loader's magic and information
    mov edi, ebx

    // 16 MiB by 2 MiB pages, linear = physical.
    mov dword ptr [pml4], offset pdpt + 3
    mov dword ptr [pdpt], offset page_directory + 3
    mov ecx, offset page_directory
    mov eax, 0x83
map_page:
    mov [ecx], eax
    add ecx, 8
    add eax, 2 << 20
    cmp eax, 16 << 20
    jb map_page

    mov eax, cr4
    or eax, 1 << 5              // PAE
    mov cr4, eax
    mov eax, offset pml4
    mov cr3, eax
    mov ecx, 0xc0000080         // EFER
    rdmsr
    or eax, 1 << 8              // LME
    wrmsr
    mov eax, cr0
    or eax, 1 << 31             // PG
    mov cr0, eax
    lgdt [gdt_pointer]
    jmp 0x08:long_mode

    .code64
long_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    lea rsp, stack_top[rip]
    mov eax, esi
    mov esi, edi
    mov edi, eax
    call main                   // main(magic, information)
    mov edx, 0x604              // ACPI PM1a control
    mov eax, 1 << 13            // SLP_EN
    out dx, ax
halt:
    cli
    hlt
    jmp halt

    .section .rodata
    .balign 8
gdt:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

    .bss
    .balign 4096
pml4:           .skip 4096
pdpt:           .skip 4096
page_directory: .skip 4096
stack:          .skip 16384
stack_top:

    .section .note.GNU-stack, "", @progbits

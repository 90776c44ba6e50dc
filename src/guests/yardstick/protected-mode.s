# What a 32-bit counterpart of a benchmark stands on: paging, the number on its command line, and a way to say when its
# work begins and what came out. main(eax = the number) returns EAX, its result.
# The loader left EBX = multiboot information, paging off, flat segments.
#
# On COM1: one byte when the work begins, four bytes, the result from its low byte on, when it is done.

.set LARGE_PAGE, 1 << 7 | 1 << 1 | 1 << 0
.set LARGE_PAGE_SIZE, 4 << 20
.set IDENTITY_MAPPED, 16 << 20
.set CR0_PG,  1 << 31
.set CR0_WP,  1 << 16
.set CR4_PSE, 1 << 4
.set MULTIBOOT_CMDLINE, 16
.set COM1, 0x3f8

.code32
start:
    cli
    cld
    mov esp, STACK_TOP
    mov edi, PAGE_DIRECTORY
    mov eax, LARGE_PAGE
map_large_page:                 # the first 16 MiB, linear = physical
    mov [edi], eax
    add edi, 4
    add eax, LARGE_PAGE_SIZE
    cmp eax, IDENTITY_MAPPED
    jb map_large_page
    mov eax, PAGE_DIRECTORY
    mov cr3, eax
    mov eax, cr4
    or eax, CR4_PSE
    mov cr4, eax
    mov eax, cr0
    or eax, CR0_PG | CR0_WP
    mov cr0, eax

    xor eax, eax
    mov esi, [ebx + MULTIBOOT_CMDLINE]
next_digit:
    movzx ecx, byte ptr [esi]
    inc esi
    sub ecx, '0'
    jb begin                    # the zero byte at the end
    imul eax, eax, 10
    add eax, ecx
    jmp next_digit

begin:
    mov edx, COM1
    out dx, al
    call main
    mov edx, COM1
    mov ecx, 4
next_byte:
    out dx, al
    shr eax, 8
    dec ecx
    jnz next_byte
halt:
    hlt
    jmp halt

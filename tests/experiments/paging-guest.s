# A kernel that carries out a list of operations on page tables, and accesses through them, and logs what came of each: the vector
# and error code of an exception, CR2, the value read, and a digest of all tables, accessed and dirty flags included.

.set TABLES, 0x600000           # R0, R1: roots; then six tables
.set TABLE_COUNT, 8
.set USER, 0xa00000
.set OPERATIONS, 0xc00000       # 32 bytes each: u32 kind, u32 argument, u64 address, u64 value, 8 unused
.set LOG, 0xd00000              # 64 bytes each: vector, error code, CR2, value, digest
.set SYSTEM_CALL, 0x80
.set STUB_SIZE, 16

.set CR4_PGE, 1 << 7
.set CR4_SMEP_SMAP, 3 << 20
.set CR0_WRITE_PROTECT, 1 << 16
.set EFER_NXE, 1 << 11

.code64
main:
    call fill_returns
    call prepare_user
    call prepare_traps
    mov ecx, IA32_EFER
    rdmsr
    or eax, EFER_NXE
    wrmsr
    mov rax, cr4
    or eax, CR4_PGE
    mov cr4, rax
    # The roots share the kernel's own first entry.
    mov rax, [PML4]
    mov [TABLES], rax
    mov [TABLES + 0x1000], rax
    mov eax, TABLES
    mov cr3, rax
    mov r12d, OPERATIONS
    mov r14d, LOG

next:
    mov esp, STACK_TOP
    xor ebx, ebx
    mov eax, [r12]
    mov edx, [r12 + 4]
    mov rdi, [r12 + 8]
    mov rsi, [r12 + 16]
    cmp eax, 0
    je done
    cmp eax, 1
    je store_entry
    cmp eax, 2
    je store_half
    cmp eax, 3
    je store_byte
    cmp eax, 4
    je invalidate
    cmp eax, 5
    je load_root
    cmp eax, 6
    je flush
    cmp eax, 7
    je write_protection
    cmp eax, 8
    je supervisor_modes
    cmp eax, 10
    je invalidate_all
    cmp eax, 11
    je store_string
    cmp eax, 12
    je exchange
    cmp eax, 13
    je store_wide
    jmp access

store_entry:
    mov [rdi], rsi
    jmp no_event
store_half:
    mov [rdi], esi
    jmp no_event
store_byte:
    mov [rdi], sil
    jmp no_event
invalidate:
    invlpg [rdi]
    jmp no_event
load_root:
    mov cr3, rsi
    jmp no_event
flush:
    mov rax, cr4
    xor eax, CR4_PGE
    mov cr4, rax
    xor eax, CR4_PGE
    mov cr4, rax
    jmp no_event
write_protection:
    mov rax, cr0
    and eax, 0xfffeffff
    or eax, edx
    mov cr0, rax
    jmp no_event
supervisor_modes:
    mov rax, cr4
    and eax, 0xffcfffff
    or eax, edx
    mov cr4, rax
    jmp no_event
invalidate_all:
    mov qword ptr [LOG - 16], 0
    mov qword ptr [LOG - 8], 0
    mov eax, 2
    .byte 0x66, 0x0f, 0x38, 0x82, 0x04, 0x25    # invpcid rax, [LOG - 16]
    .long LOG - 16
    jmp no_event
store_string:
    mov rax, rsi
    mov ecx, edx
    rep stosq
    jmp no_event
exchange:
    mov rbx, rsi
    lock xchg [rdi], rbx
    jmp no_event
store_wide:
    mov rax, cr4
    or eax, 0x600                               # OSFXSR, OSXMMEXCPT
    mov cr4, rax
    .byte 0x66, 0x48, 0x0f, 0x6e, 0xc6          # movq xmm0, rsi
    .byte 0x0f, 0x11, 0x07                      # movups [rdi], xmm0
    jmp no_event

# Argument: bit 0 write, bit 1 execute, bit 2 user, bit 3 with EFLAGS.AC.
access:
    mov r13d, edx
    test edx, 4
    jnz as_user
    test edx, 8
    jz no_ac
    .byte 0x0f, 0x01, 0xcb                      # stac
no_ac:
    test edx, 2
    jnz execute
    test edx, 1
    jnz write
    mov rbx, [rdi]
    jmp accessed
write:
    mov [rdi], rsi
    jmp accessed
execute:
    call rdi
accessed:
    .byte 0x0f, 0x01, 0xca                      # clac
no_event:
    mov qword ptr [r14], -1
    mov qword ptr [r14 + 8], 0
    mov qword ptr [r14 + 16], 0
    jmp finish

as_user:
    push USER_DATA
    push USER + 0x2000
    push 2
    push USER_CODE
    mov eax, USER
    and edx, 3
    shl edx, 6
    add eax, edx
    push rax
    iretq

# Stack: vector, error code, RIP, …
event:
    pop rax
    mov [r14], rax
    pop rax
    mov [r14 + 8], rax
    mov rax, cr2
    mov [r14 + 16], rax
    push 2
    popfq
finish:
    mov [r14 + 24], rbx
    xor eax, eax
    mov edi, TABLES
    mov ecx, TABLE_COUNT
digest:
    imul rax, rax, 31
    add rax, [rdi]
    imul rax, rax, 31
    add rax, [rdi + 8]
    imul rax, rax, 31
    add rax, [rdi + 0xff8]
    add edi, 0x1000
    dec ecx
    jnz digest
    mov [r14 + 32], rax
    add r14, 64
    add r12, 32
    jmp next

done:
    mov qword ptr [r14], -2
    mov al, 7
    out 0xf4, al

# What an execution through any mapping finds at offset 0x800 of a page: RET. No table in use has an entry there.
fill_returns:
    mov rax, 0xc3c3c3c3c3c3c3c3
    mov edi, 0x600000
    mov ecx, 0x400
returns_in_pages:
    mov [rdi + 0x800], rax
    add edi, 0x1000
    dec ecx
    jnz returns_in_pages
    mov [0x800], rax
    mov [0x1800], rax
    mov [0x1ff800], rax
    mov [0x200800], rax
    mov [0x201800], rax
    mov [0x3ff800], rax
    mov [PML4 + 0x800], rax
    mov [PDPT + 0x800], rax
    mov [PAGE_DIRECTORY + 0x800], rax
    mov [PAGE_TABLE + 0x800], rax
    ret

prepare_user:
    mov eax, USER | PAGE_UPPER | PAGE_LARGE
    mov [PAGE_DIRECTORY + 5 * 8], rax
    mov rax, cr3
    mov cr3, rax
    mov edi, USER
    mov esi, offset user_code
    mov ecx, 256
    rep movsb
    ret

prepare_traps:
    mov qword ptr [TSS + 4], STACK_TOP - 0x1000
    mov word ptr [TSS + 102], 104
    lea rdi, [rip + gdt + TSS_SEGMENT]
    mov word ptr [rdi], 103
    mov dword ptr [rdi + 2], TSS | (0x89 << 24)
    mov eax, TSS_SEGMENT
    ltr ax
    mov edi, IDT
    mov eax, offset stubs
    mov edx, 0x8e00
    mov ecx, 33
gates:
    mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov [rdi + 4], dx
    mov ebx, eax
    shr ebx, 16
    mov [rdi + 6], bx
    add rdi, 16
    add eax, STUB_SIZE
    cmp ecx, 2
    jne same_gate
    mov edi, IDT + SYSTEM_CALL * 16
    mov edx, 0xee00
same_gate:
    dec ecx
    jnz gates
    lidt [rip + idt_pointer]
    ret

idt_pointer:
    .word 16 * 256 - 1
    .quad IDT

    .balign 64, 0x90
user_code:
    mov rbx, [rdi]
    .byte 0xcd, SYSTEM_CALL
    .balign 64, 0x90
    mov [rdi], rsi
    .byte 0xcd, SYSTEM_CALL
    .balign 64, 0x90
    call rdi
    .byte 0xcd, SYSTEM_CALL
    .balign 64, 0x90
    call rdi
    .byte 0xcd, SYSTEM_CALL
    .balign 64, 0x90
    .balign 16, 0x90
stubs:
    .balign 16, 0x90
    push 0
    push 0
    jmp event
    .balign 16, 0x90
    push 0
    push 1
    jmp event
    .balign 16, 0x90
    push 0
    push 2
    jmp event
    .balign 16, 0x90
    push 0
    push 3
    jmp event
    .balign 16, 0x90
    push 0
    push 4
    jmp event
    .balign 16, 0x90
    push 0
    push 5
    jmp event
    .balign 16, 0x90
    push 0
    push 6
    jmp event
    .balign 16, 0x90
    push 0
    push 7
    jmp event
    .balign 16, 0x90
    push 8
    jmp event
    .balign 16, 0x90
    push 0
    push 9
    jmp event
    .balign 16, 0x90
    push 10
    jmp event
    .balign 16, 0x90
    push 11
    jmp event
    .balign 16, 0x90
    push 12
    jmp event
    .balign 16, 0x90
    push 13
    jmp event
    .balign 16, 0x90
    push 14
    jmp event
    .balign 16, 0x90
    push 0
    push 15
    jmp event
    .balign 16, 0x90
    push 0
    push 16
    jmp event
    .balign 16, 0x90
    push 17
    jmp event
    .balign 16, 0x90
    push 0
    push 18
    jmp event
    .balign 16, 0x90
    push 0
    push 19
    jmp event
    .balign 16, 0x90
    push 0
    push 20
    jmp event
    .balign 16, 0x90
    push 0
    push 21
    jmp event
    .balign 16, 0x90
    push 0
    push 22
    jmp event
    .balign 16, 0x90
    push 0
    push 23
    jmp event
    .balign 16, 0x90
    push 0
    push 24
    jmp event
    .balign 16, 0x90
    push 0
    push 25
    jmp event
    .balign 16, 0x90
    push 0
    push 26
    jmp event
    .balign 16, 0x90
    push 0
    push 27
    jmp event
    .balign 16, 0x90
    push 0
    push 28
    jmp event
    .balign 16, 0x90
    push 0
    push 29
    jmp event
    .balign 16, 0x90
    push 0
    push 30
    jmp event
    .balign 16, 0x90
    push 0
    push 31
    jmp event
    .balign 16, 0x90
    push 0
    push SYSTEM_CALL
    jmp event

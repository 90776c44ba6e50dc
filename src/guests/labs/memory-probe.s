# Makes the memory accesses of a script, one after another, in ring 0 or ring 3, changes paging registers between them, and
# writes what came of each to memory. Whoever runs the guest puts the script and the memory it speaks of into the image
# (labs/memory-probe.ts). An access that faults is given up; the handler keeps the error code and CR2.
#
#   script, 32 bytes a line     kind (0 ends it), RBX, RDX, 0
#   results, first 32 bytes     number of results
#   results, 32 bytes each      RAX, vector of the exception or 0, its error code, CR2
#
# What is fetched is INT 0x30, which comes back from either ring.

.set SCRIPT, 0x200000
.set RESULTS, 0x300000
.set USER_ACCESSES, 0x1f0000    # the accesses of ring 3, at this linear address
.set LINE, 32
.set TRAP_STACK_TOP, 0x11c000
.set GATE_BYTES, 16
.set GENERAL_PROTECTION, 13
.set PAGE_FAULT, 14
.set COME_BACK, 0x30
.set INTERRUPT_GATE, 0x8e00
.set USER_GATE, 0xee00
.set TSS_RSP0, 4
.set TSS_SIZE, 104
.set TSS_AVAILABLE, 0x89
.set EFER_NXE, 1 << 11
.set USER_FIRST, 4
.set USER_LAST, 6
.set KINDS, 12
.set USER_STEP, 8

.code64
main:
    mov qword ptr [TSS + TSS_RSP0], TRAP_STACK_TOP
    lea rdi, [rip + gdt + TSS_SEGMENT]
    mov word ptr [rdi], TSS_SIZE - 1
    mov dword ptr [rdi + 2], TSS | (TSS_AVAILABLE << 24)
    mov eax, TSS_SEGMENT
    ltr ax
    mov edi, IDT + GENERAL_PROTECTION * GATE_BYTES
    mov eax, offset general_protection
    mov edx, INTERRUPT_GATE
    call set_gate
    mov eax, offset page_fault
    call set_gate
    mov edi, IDT + COME_BACK * GATE_BYTES
    mov eax, offset come_back
    mov edx, USER_GATE
    call set_gate
    lidt [rip + idt_pointer]
    mov ecx, IA32_EFER
    rdmsr
    or eax, EFER_NXE
    wrmsr
    lea rsi, [rip + user_code]
    mov edi, USER_ACCESSES
    mov ecx, 3 * USER_STEP
    rep movsb
    mov esi, SCRIPT
    mov edi, RESULTS + LINE

next:
    mov rsp, STACK_TOP - 64
    xor eax, eax
    xor r8d, r8d                # vector
    xor r9d, r9d                # error code
    mov rcx, [rsi]
    mov rbx, [rsi + 8]
    mov rdx, [rsi + 16]
    test rcx, rcx
    jz finished
    cmp rcx, KINDS
    ja finished
    cmp rcx, USER_FIRST
    jb in_ring_0
    cmp rcx, USER_LAST
    jbe in_ring_3
in_ring_0:
    lea r10, [rip + actions]
    jmp qword ptr [r10 + 8 * rcx - 8]

in_ring_3:
    lea r10, [rcx * USER_STEP + USER_ACCESSES - USER_FIRST * USER_STEP]
    push USER_DATA
    push TRAP_STACK_TOP
    push 2
    push USER_CODE
    push r10
    iretq

read:
    mov rax, [rbx]
    jmp store
write:
    mov [rbx], rdx
    jmp store
fetch:
    jmp rbx
invalidate:
    invlpg [rbx]
    jmp store
load_cr3:
    mov cr3, rbx
    jmp store
load_cr0:
    mov cr0, rbx
    jmp store
load_cr4:
    mov cr4, rbx
    jmp store
mark:
    mov eax, ebx
    xor ecx, ecx
    cpuid
    xor eax, eax
    jmp store
invalidate_context:
    invpcid rdx, [rbx]
    jmp store

general_protection:
    mov r8d, GENERAL_PROTECTION
    pop r9
    jmp store
page_fault:
    mov r8d, PAGE_FAULT
    pop r9
    jmp store
come_back:
store:
    mov [rdi], rax
    mov [rdi + 8], r8
    mov [rdi + 16], r9
    mov r10, cr2
    mov [rdi + 24], r10
    add rdi, LINE
    add rsi, LINE
    mov r11d, RESULTS
    inc qword ptr [r11]
    jmp next

finished:
    mov rsp, STACK_TOP - 8
    ret

# RDI: gate, EAX: handler, EDX: kind of gate. RDI moves on to the next gate.
set_gate:
    mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov [rdi + 4], dx
    shr eax, 16
    mov [rdi + 6], ax
    add rdi, GATE_BYTES
    ret

    .balign USER_STEP, 0x90
user_code:
    mov rax, [rbx]
    int COME_BACK
    .balign USER_STEP, 0x90
    mov [rbx], rdx
    int COME_BACK
    .balign USER_STEP, 0x90
    jmp rbx
    .balign USER_STEP, 0x90
user_code_end:

    .balign 8, 0
actions:
    .quad read, write, fetch, 0, 0, 0, invalidate, load_cr3, load_cr0, load_cr4, mark, invalidate_context
idt_pointer:
    .word (COME_BACK + 1) * GATE_BYTES - 1
    .quad IDT

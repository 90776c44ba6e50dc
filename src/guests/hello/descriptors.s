# TSS: the stack for interrupts that come from ring 3; system calls use it too. The boot stack stays as main left it.
# IDT: one gate for each of the first 48 vectors. A paravirtual kernel tells the hypervisor, which has both.

.set TRAP_STACK_TOP, 0x11c000
.set TSS_RSP0, 4
.set TSS_IO_MAP, 102
.set TSS_SIZE, 104
.set TSS_AVAILABLE, 0x89        # present, 64-bit TSS
.set INTERRUPT_GATE, 0x8e       # present, DPL 0: IF is cleared on the way in
.set GATES, 48
.set EXCEPTIONS, 32

.code64
descriptors_init:
.ifdef PARAVIRTUAL
    mov edi, TRAP_STACK_TOP
    mov eax, STACK_SWITCH
    HYPERCALL

    mov edi, IDT                # the list of handlers; its page is free
    mov rax, offset trap_stubs
    xor ecx, ecx
fill_trap:
    mov [rdi], cl
    mov byte ptr [rdi + 1], TRAP_MASKS_EVENTS
    mov [rdi + 8], rax
    add rdi, 16
    add rax, TRAP_STUB_SIZE
    inc ecx
    cmp ecx, EXCEPTIONS
    jb fill_trap
    mov edi, IDT
    mov esi, EXCEPTIONS
    mov eax, SET_TRAP_TABLE
    HYPERCALL
    ret
.else
    mov qword ptr [TSS + TSS_RSP0], TRAP_STACK_TOP
    mov word ptr [TSS + TSS_IO_MAP], TSS_SIZE   # no I/O permission bitmap

    # A TSS descriptor (SDM Vol. 3, 7.2.3): limit 15:0, base 23:0, type, base 31:24; base 63:32 stays 0.
    lea rdi, [rip + gdt + TSS_SEGMENT]
    mov word ptr [rdi], TSS_SIZE - 1
    mov dword ptr [rdi + 2], TSS | (TSS_AVAILABLE << 24)
    mov eax, TSS_SEGMENT
    ltr ax

    # A gate (SDM Vol. 3, 6.14.1): offset 15:0, selector, IST and type, offset 31:16; offset 63:32 stays 0.
    mov edi, IDT
    mov eax, offset trap_stubs
fill_gate:
    mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov word ptr [rdi + 4], INTERRUPT_GATE << 8
    mov ecx, eax
    shr ecx, 16
    mov [rdi + 6], cx
    add rdi, 16
    add eax, TRAP_STUB_SIZE
    cmp edi, IDT + GATES * 16
    jb fill_gate
    lidt [rip + idt_pointer]
    ret

idt_pointer:
    .word GATES * 16 - 1
    .quad IDT
.endif

# What a monitor of 1998 would stand on: 32-bit protected mode, a monitor in ring 0, a guest kernel in ring 1.
# The loader left paging off and flat segments. A probe runs in ring 1 until it traps or comes back with INT 0x30.

.set MONITOR_CODE, 0x08
.set MONITOR_DATA, 0x10
.set GUEST_CODE,   0x18 | 1
.set GUEST_DATA,   0x20 | 1
.set TASK,         0x28

.set GATE_OF_RING_0, 0x8e       # present, 32-bit interrupt gate: INT n from ring 1 is #GP
.set GATE_OF_RING_1, 0xae       # the same, and INT n from ring 1 comes through
.set BACK, 0x30
.set GATES, BACK + 1

.set TSS_ESP0, 4
.set TSS_SS0, 8
.set TSS_IO_MAP, 102
.set TSS_SIZE, 104
.set MONITOR_STACK_TOP, STACK_TOP
.set TRAP_STACK_TOP, STACK_TOP - 0x1000
.set GUEST_STACK_TOP, STACK_TOP - 0x2000

.set FLAG_FIXED, 1 << 1
.set FLAG_IF, 1 << 9
.set PIC_MASKS_1, 0x21
.set PIC_MASKS_2, 0xa1

.code32
start:
    cli
    cld
    mov esp, MONITOR_STACK_TOP
    .byte 0x0f, 0x01, 0x15      # lgdt [gdt_pointer]: keystone takes it for another size
    .long gdt_pointer
    .byte 0xea                  # jmp MONITOR_CODE:in_own_segments
    .long in_own_segments
    .word MONITOR_CODE
in_own_segments:
    mov eax, MONITOR_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax

    mov dword ptr [TSS + TSS_ESP0], TRAP_STACK_TOP
    mov dword ptr [TSS + TSS_SS0], MONITOR_DATA
    mov word ptr [TSS + TSS_IO_MAP], TSS_SIZE
    mov eax, TASK
    ltr ax

    mov edi, IDT
    mov eax, offset trap_stubs
fill_gate:
    mov [edi], ax
    mov word ptr [edi + 2], MONITOR_CODE
    mov word ptr [edi + 4], GATE_OF_RING_0 << 8
    mov ecx, eax
    shr ecx, 16
    mov [edi + 6], cx
    add edi, 8
    add eax, TRAP_STUB_SIZE
    cmp edi, IDT + GATES * 8
    jb fill_gate
    mov byte ptr [IDT + BACK * 8 + 5], GATE_OF_RING_1
    .byte 0x0f, 0x01, 0x1d      # lidt [idt_pointer]
    .long idt_pointer

    mov al, 0xff                # no device interrupts: IF can be on
    out PIC_MASKS_1, al
    out PIC_MASKS_2, al
    call main
    mov edx, 0x604              # ACPI power off
    mov eax, 1 << 13
    out dx, ax
halt:
    cli
    hlt
    jmp halt

# Runs the code at EAX in ring 1, with interrupts enabled. EAX returns the vector that ended it: BACK if nothing trapped.
# EBX is then the guest's EAX, EDX its EFLAGS.
run_in_ring_1:
    mov [monitor_stack], esp
    push GUEST_DATA
    push GUEST_STACK_TOP
    push FLAG_IF | FLAG_FIXED
    push GUEST_CODE
    push eax
    mov ecx, GUEST_DATA
    mov ds, ecx
    mov es, ecx
    xor eax, eax
    xor ecx, ecx
    iretd

# On TRAP_STACK: vector, error code, EIP, CS, EFLAGS, ESP, SS.
trapped:
    mov ebx, eax
    mov eax, MONITOR_DATA
    mov ds, eax
    mov es, eax
    mov eax, [esp]
    mov edx, [esp + 16]
    mov esp, [monitor_stack]
    ret

monitor_stack: .long 0

    .balign 8, 0
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff    # 0x08 code, ring 0
    .quad 0x00cf92000000ffff    # 0x10 data, ring 0
    .quad 0x00cfba000000ffff    # 0x18 code, ring 1
    .quad 0x00cfb2000000ffff    # 0x20 data, ring 1
    .word TSS_SIZE - 1          # 0x28 the monitor's task-state segment, at 0x12_1000
    .word TSS & 0xffff
    .byte TSS >> 16
    .byte 0x89
    .byte 0
    .byte 0
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
idt_pointer:
    .word GATES * 8 - 1
    .long IDT

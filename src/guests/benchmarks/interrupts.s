# Interrupts: INT and IRETQ in a loop, while the timer interrupts it 20000 times a second.
# The number of rounds, each of 1024 INTs, is the last word of the command line, 2000 by default.

.set INTERRUPTS, 1024
.set DEFAULT_ROUNDS, 2000
.set GATES, 0x30
.set INTERRUPT_GATE, 0x8e
.set TIMER_VECTOR, 0x20
.set CALL_VECTOR, 0x1f

.set PIC_MASTER, 0x20
.set PIC_SLAVE,  0xa0
.set PIC_ICW1, 0x11
.set PIC_ICW4, 0x01
.set PIC_END_OF_INTERRUPT, 0x20
.set PIT_CHANNEL_0, 0x40
.set PIT_CONTROL,   0x43
.set PIT_RATE_GENERATOR, 0x34
.set PIT_DIVISOR, 60            # 1193182 Hz / 60

.code64
main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz rounds_given
    mov r8d, DEFAULT_ROUNDS
rounds_given:
    call console_init
    mov edi, IDT + CALL_VECTOR * 16
    mov eax, offset count_call
    call fill_gate
    mov edi, IDT + TIMER_VECTOR * 16
    mov eax, offset count_tick
    call fill_gate
    mov edi, IDT + (TIMER_VECTOR + 1) * 16
next_gate:                      # a spurious IRQ 7 comes to one of these
    mov eax, offset spurious
    call fill_gate
    add edi, 16
    cmp edi, IDT + GATES * 16
    jb next_gate
    lidt [rip + idt_pointer]
    call timer_init

    xor ebx, ebx
    xor r10d, r10d
    mov r9, r8
    sti
next_round:
    mov ecx, INTERRUPTS
next_interrupt:
    int CALL_VECTOR
    dec ecx
    jnz next_interrupt
    dec r9
    jnz next_round
    cli

    lea rsi, [rip + calls_are]
    call put_text
    mov rax, rbx
    call put_decimal
    lea rsi, [rip + no_ticks]
    test r10, r10
    jz put_text
    lea rsi, [rip + some_ticks]
    jmp put_text

count_call:
    inc rbx
    iretq

count_tick:
    push rax
    inc r10
    mov al, PIC_END_OF_INTERRUPT
    out PIC_MASTER, al
    pop rax
    iretq

spurious:
    iretq

# EDI: the gate, EAX: its handler (SDM Vol. 3, 6.14.1).
fill_gate:
    mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov word ptr [rdi + 4], INTERRUPT_GATE << 8
    mov ecx, eax
    shr ecx, 16
    mov [rdi + 6], cx
    ret

timer_init:
    mov al, PIC_ICW1
    out PIC_MASTER, al
    out PIC_SLAVE, al
    mov al, TIMER_VECTOR
    out PIC_MASTER + 1, al
    mov al, TIMER_VECTOR + 8
    out PIC_SLAVE + 1, al
    mov al, 1 << 2
    out PIC_MASTER + 1, al
    mov al, 2
    out PIC_SLAVE + 1, al
    mov al, PIC_ICW4
    out PIC_MASTER + 1, al
    out PIC_SLAVE + 1, al
    mov al, 0xfe
    out PIC_MASTER + 1, al
    mov al, 0xff
    out PIC_SLAVE + 1, al
    mov al, PIT_RATE_GENERATOR
    out PIT_CONTROL, al
    mov al, PIT_DIVISOR
    out PIT_CHANNEL_0, al
    xor eax, eax
    out PIT_CHANNEL_0, al
    ret

idt_pointer:
    .word GATES * 16 - 1
    .quad IDT

calls_are:  .asciz "calls "
no_ticks:   .asciz ", no timer\n"
some_ticks: .asciz ", and a timer\n"

# The two 8259 interrupt controllers and channel 0 of the 8254 timer, or the hypervisor's timer and its event.

.set PIC_MASTER, 0x20
.set PIC_SLAVE,  0xa0
.set PIC_ICW1, 0x11             # edge triggered, cascaded, ICW4 follows
.set PIC_ICW4, 0x01             # 8086 mode
.set PIC_END_OF_INTERRUPT, 0x20

.set PIT_CHANNEL_0, 0x40
.set PIT_CONTROL,   0x43
.set PIT_RATE_GENERATOR, 0x34   # channel 0, low byte then high byte, mode 2
.set PIT_DIVISOR, 1193          # 1193182 Hz / 1193: a tick every millisecond

.code64
.ifdef PARAVIRTUAL
.set TICK, 1000000              # nanoseconds

timer_init:
    mov edi, SOURCE_TIMER
    mov eax, EVENT_BIND
    HYPERCALL
    mov [rip + timer_port], rax
    mov rdi, offset trap_stubs + TIMER_VECTOR * TRAP_STUB_SIZE
    mov eax, SET_CALLBACK
    HYPERCALL
    jmp set_next_tick

# Events are masked. What the port has signalled is cleared last, so that none is lost.
timer_tick:
    mov rcx, [rip + shared_info]
    mov byte ptr [rcx + SHARED_UPCALL_PENDING], 0
    mov rax, [rip + timer_port]
    lock btr [rcx + SHARED_PENDING], rax
    jnc no_tick
    inc qword ptr [rip + ticks]
set_next_tick:
    add qword ptr [rip + next_tick], TICK
    mov rdi, [rip + next_tick]
    mov eax, SET_TIMER
    HYPERCALL
no_tick:
    ret

    .balign 8, 0
timer_port: .quad 0
next_tick:  .quad 0
.else
# The BIOS left the master at vectors 8 to 15, which are exceptions; move both to 32 to 47.
timer_init:
    mov al, PIC_ICW1
    out PIC_MASTER, al
    out PIC_SLAVE, al
    mov al, TIMER_VECTOR
    out PIC_MASTER + 1, al
    mov al, TIMER_VECTOR + 8
    out PIC_SLAVE + 1, al
    mov al, 1 << 2              # the slave is on line 2 …
    out PIC_MASTER + 1, al
    mov al, 2                   # … and knows it
    out PIC_SLAVE + 1, al
    mov al, PIC_ICW4
    out PIC_MASTER + 1, al
    out PIC_SLAVE + 1, al
    mov al, 0xfe                # unmask line 0, the timer
    out PIC_MASTER + 1, al
    mov al, 0xff
    out PIC_SLAVE + 1, al

    mov al, PIT_RATE_GENERATOR
    out PIT_CONTROL, al
    mov al, PIT_DIVISOR & 0xff
    out PIT_CHANNEL_0, al
    mov al, PIT_DIVISOR >> 8
    out PIT_CHANNEL_0, al
    ret

timer_tick:
    inc qword ptr [rip + ticks]
    mov al, PIC_END_OF_INTERRUPT
    out PIC_MASTER, al
    ret
.endif

# EDI: number of ticks to sleep. STI takes effect after the instruction that follows it (SDM Vol. 2, "STI"), so
# no tick can slip in between STI and HLT and be slept through.
wait_ticks:
    add rdi, [rip + ticks]
sleep:
    SLEEP
    cmp [rip + ticks], rdi
    jb sleep
    ret

    .balign 8, 0
ticks: .quad 0

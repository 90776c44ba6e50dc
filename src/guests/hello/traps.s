# Entry of every exception and interrupt. A stub pushes what is missing, so that all frames look alike:
#
#   +88  SS, RSP, RFLAGS, CS      pushed by the processor
#   FRAME_RIP        RIP          pushed by the processor
#   FRAME_ERROR      error code   pushed by the processor or, as 0, by the stub
#   FRAME_VECTOR     vector       pushed by the stub
#   0                the nine registers that a call may change

.set FRAME_VECTOR, 72
.set FRAME_ERROR, 80
.set FRAME_RIP, 88
.set TRAP_STUB_SIZE, 16

.set PAGE_FAULT, 14
.set TIMER_VECTOR, 32

.code64
trap_entry:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    mov eax, [rsp + FRAME_VECTOR]
    mov rdi, rsp
    cmp eax, TIMER_VECTOR
    jae interrupt
    cmp eax, PAGE_FAULT
    jne unexpected_trap
    call page_fault
    jmp trap_exit
interrupt:
    jne trap_exit               # only the timer is unmasked; a spurious IRQ 7 wants no end of interrupt
    call timer_tick
trap_exit:
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16                 # vector and error code
    RETURN_FROM_TRAP

# RDI: frame. A trap that this kernel has no answer to ends it.
unexpected_trap:
    mov rbx, rdi
    lea rsi, [rip + trap_is]
    call put_text
    mov eax, [rbx + FRAME_VECTOR]
    call put_decimal
    lea rsi, [rip + error_is]
    call put_text
    mov rax, [rbx + FRAME_ERROR]
    call put_hexadecimal
    lea rsi, [rip + rip_is]
    call put_text
    mov rax, [rbx + FRAME_RIP]
    call put_hexadecimal
    call put_newline
    jmp power_off

trap_is:  .asciz "trap    unexpected vector "
error_is: .asciz ", error "
rip_is:   .asciz ", RIP "

    .balign TRAP_STUB_SIZE, 0xcc
trap_stubs:
    push 0; push 0; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # #DE divide error
    push 0; push 1; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # #DB debug
    push 0; push 2; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # NMI
    push 0; push 3; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # #BP breakpoint
    push 0; push 4; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # #OF overflow
    push 0; push 5; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # #BR bound range
    push 0; push 6; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # #UD undefined opcode
    push 0; push 7; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc    # #NM no coprocessor
    push 8; jmp trap_entry            ; .balign TRAP_STUB_SIZE, 0xcc    # #DF double fault
    push 0; push 9; jmp trap_entry    ; .balign TRAP_STUB_SIZE, 0xcc
    push 10; jmp trap_entry           ; .balign TRAP_STUB_SIZE, 0xcc    # #TS invalid TSS
    push 11; jmp trap_entry           ; .balign TRAP_STUB_SIZE, 0xcc    # #NP segment not present
    push 12; jmp trap_entry           ; .balign TRAP_STUB_SIZE, 0xcc    # #SS stack fault
    push 13; jmp trap_entry           ; .balign TRAP_STUB_SIZE, 0xcc    # #GP general protection
    push 14; jmp trap_entry           ; .balign TRAP_STUB_SIZE, 0xcc    # #PF page fault
    push 0; push 15; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 16; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc    # #MF x87 error
    push 17; jmp trap_entry           ; .balign TRAP_STUB_SIZE, 0xcc    # #AC alignment check
    push 0; push 18; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc    # #MC machine check
    push 0; push 19; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc    # #XM SIMD error
    push 0; push 20; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc    # #VE virtualization
    push 21; jmp trap_entry           ; .balign TRAP_STUB_SIZE, 0xcc    # #CP control protection
    push 0; push 22; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 23; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 24; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 25; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 26; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 27; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 28; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 29; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 30; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 31; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 32; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc    # IRQ 0: timer
    push 0; push 33; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 34; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 35; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 36; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 37; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 38; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 39; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc    # IRQ 7, also spurious
    push 0; push 40; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 41; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 42; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 43; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 44; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 45; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 46; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 47; jmp trap_entry   ; .balign TRAP_STUB_SIZE, 0xcc

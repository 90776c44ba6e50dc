# Runs for ever with interrupts off: only a budget or a preemption timer gets the processor back.

.code64
main:
    call console_init
    lea rsi, [rip + farewell]
    call put_text
    cli
for_ever:
    jmp for_ever

farewell: .asciz "interrupts off, running in a circle\n"

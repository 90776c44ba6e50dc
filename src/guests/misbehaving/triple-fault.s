# Faults with an empty IDT: the fault cannot be delivered, nor the general protection, nor the double fault, and the
# processor shuts down (SDM Vol. 3, 6.15, "Interrupt 8").

.code64
main:
    call console_init
    lea rsi, [rip + farewell]
    call put_text
    lidt [rip + empty_idt]
    ud2

farewell:  .asciz "loading an empty IDT, then an undefined instruction\n"
empty_idt: .word 0
           .quad 0

# Power off: ACPI PM1a control, SLP_EN with sleep type 0 (soft off on this chipset), or a hypercall.

.set PM1A_CONTROL, 0x604
.set SLP_EN, 1 << 13

.code64
power_off:
.ifdef PARAVIRTUAL
    mov edi, SHUTDOWN_POWER_OFF
    mov eax, SHUTDOWN
    HYPERCALL
    jmp power_off
.else
    mov edx, PM1A_CONTROL
    mov eax, SLP_EN
    out dx, ax
    jmp halt
.endif

# Power off: ACPI PM1a control, SLP_EN with sleep type 0 (soft off on this chipset).

.set PM1A_CONTROL, 0x604
.set SLP_EN, 1 << 13

.code64
power_off:
    mov edx, PM1A_CONTROL
    mov eax, SLP_EN
    out dx, ax
    jmp halt

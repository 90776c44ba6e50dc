# The interrupt descriptor table of a program that takes a few exceptions. A paravirtual kernel tells the hypervisor instead.

.set PAGE_FAULT, 14

.ifndef PARAVIRTUAL
.code64
# EDI: vector, EAX: handler in the lower 4 GiB. An interrupt gate of ring 0 (SDM Vol. 3, 6.14.1).
set_gate:
    shl edi, 4
    add edi, IDT
    mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov word ptr [rdi + 4], 0x8e00
    shr eax, 16
    mov [rdi + 6], ax
    mov dword ptr [rdi + 8], 0
    lidt [rip + idt_pointer]
    ret
idt_pointer:
    .word 16 * 32 - 1
    .quad IDT
.endif

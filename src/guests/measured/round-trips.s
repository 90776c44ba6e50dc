# What it costs to leave a guest and come back: an operation many times in a row, cycles of one. The last word of the command line is
# its number, in the order of the table below.

.set TIMES, 256
.set SHIFT, 8
.set IA32_MISC_ENABLE, 0x1a0
.set APIC, 0xfee00000
.set WINDOW, 1 << 30            # linear, to the local APIC

.code64
main:
    call last_decimal
    mov r14, rax
    call console_init
    mov dword ptr [PDPT + 8], HEAP_TABLE | PAGE_UPPER
    mov eax, APIC
    or eax, PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
    mov [HEAP_TABLE], rax

    mov r12d, offset do_nothing
    call cycles_of_one
    mov r13, rax                # the loop alone
    mov r12, [operations + r14 * 8]
    call cycles_of_one          # once for the caches
    call cycles_of_one
    sub rax, r13
    lea rsi, [rip + cycles_name]
    jmp report

# R12: a routine. Returns RAX: cycles of one call.
cycles_of_one:
    call time
    mov r15, rax
    mov ebp, TIMES
again:
    call r12
    dec ebp
    jnz again
    call time
    sub rax, r15
    shr rax, SHIFT
    ret

do_nothing:
    ret
do_cpuid:
    xor eax, eax
    cpuid
    ret
do_rdmsr:
    mov ecx, IA32_MISC_ENABLE
    rdmsr
    ret
do_in:
    in al, 0x80
    ret
do_apic_read:
    mov eax, [WINDOW + 0x20]
    ret
do_cr3:
    mov rax, cr3
    mov cr3, rax
    ret
do_invlpg:
    invlpg [WINDOW + 0x200000]
    ret
do_cr8:
    mov rax, cr8
    mov cr8, rax
    ret

operations:
    .quad do_nothing, do_cpuid, do_rdmsr, do_in, do_apic_read, do_cr8, do_cr3, do_invlpg
cycles_name: .asciz "cycles"

# hello: a small kernel that shows one of everything that a hypervisor has to get right.
# Read main.s first, then the other files in any order.

.code64
# EDI: multiboot information or start info (not needed here).
main:
    call console_init
    lea rsi, [rip + greeting]
    call put_text
    call print_processor
    call print_hypervisor
    call paging_init
    call descriptors_init
    call timer_init
    call system_calls_init
    call print_registers
    mov edi, 5
    call wait_ticks
    lea rsi, [rip + ticks_passed]
    call put_text
    call run_user_program
    jmp print_summary

# CPUID leaf 0: the vendor in EBX, EDX, ECX.
print_processor:
    lea rsi, [rip + processor_is]
    call put_text
    xor eax, eax
    cpuid
    mov [rip + vendor], ebx
    mov [rip + vendor + 4], edx
    mov [rip + vendor + 8], ecx
    jmp print_vendor

# CPUID.1:ECX[31] is 0 on every processor and 1 under every hypervisor; leaf 0x40000000 then has the vendor in
# EBX, ECX, EDX.
.set HYPERVISOR_PRESENT, 31
print_hypervisor:
    lea rsi, [rip + hypervisor_is]
    call put_text
.ifdef PARAVIRTUAL
    # CPUID is the processor's own here, unprivileged and unchanged; the hypervisor has signed the start info.
    mov rsi, [rip + start_info]
    add rsi, START_SIGNATURE
    call put_text
    jmp put_newline
.else
    mov eax, 1
    cpuid
    bt ecx, HYPERVISOR_PRESENT
    jnc print_bare_metal
    mov eax, 0x40000000
    cpuid
    mov [rip + vendor], ebx
    mov [rip + vendor + 4], ecx
    mov [rip + vendor + 8], edx
.endif
print_vendor:
    lea rsi, [rip + vendor]
    call put_text
    jmp put_newline
print_bare_metal:
    lea rsi, [rip + bare_metal]
    jmp put_text

print_registers:
    lea rsi, [rip + cr3_is]
    call put_text
    READ_CR3
    call put_hexadecimal
    lea rsi, [rip + efer_is]
    call put_text
    mov ecx, IA32_EFER
    call put_msr
    lea rsi, [rip + star_is]
    call put_text
    mov ecx, IA32_STAR
    call put_msr
    jmp put_newline

# ECX: model-specific register.
put_msr:
    READ_MSR
    shl rdx, 32
    or rax, rdx
    jmp put_hexadecimal

print_summary:
    lea rsi, [rip + done]
    call put_text
    mov rax, [rip + system_call_count]
    call put_decimal
    lea rsi, [rip + system_calls_and]
    call put_text
    mov rax, [rip + page_fault_count]
    call put_decimal
    lea rsi, [rip + page_faults]
    jmp put_text

put_newline:
    mov al, '\n'
    jmp put_character

greeting:         .asciz "hello from ring 0\n"
processor_is:     .asciz "cpu     "
hypervisor_is:    .asciz "above   "
bare_metal:       .asciz "no hypervisor: bare metal\n"
cr3_is:           .asciz "paging  four levels, CR3 "
efer_is:          .asciz "\nmsr     EFER "
star_is:          .asciz ", STAR "
ticks_passed:     .asciz "timer   5 ticks slept away with HLT\n"
done:             .asciz "done    "
system_calls_and: .asciz " system calls, "
page_faults:      .asciz " page fault; powering off\n"
vendor:           .ascii "............"
                  .byte 0       # ends the vendor string

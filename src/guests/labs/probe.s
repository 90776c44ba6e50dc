# Executes the instructions of a table, one after another, with the registers that the table gives, and writes what came
# of each to memory. The table lies behind the image; whoever runs the guest appends it (labs/cpuid-msr/probe.ts). A
# handler for #GP steps over a faulting instruction.
#
#   table, 64 bytes a line      kind (0 ends it), RAX, RBX, RCX, RDX
#   results, first 64 bytes     number of results, addresses of the instructions by kind
#   results, 64 bytes each      RAX, RBX, RCX, RDX, number of faults, last error code, last faulting RIP,
#                               1 if the instruction behind the probed one was executed

.set RESULTS, 0x300000
.set LINE, 64
.set CPUID, 1
.set RDMSR, 2
.set WRMSR, 3
.set STI_CPUID, 4
.set MOV_SS_CPUID, 5
.set KINDS, 5
.set PROBED_BYTES, 2            # of CPUID, RDMSR and WRMSR
.set GENERAL_PROTECTION, 13
.set GATE_BYTES, 16
.set PRESENT_INTERRUPT_GATE, 0x8e00

.code64
main:
    mov edi, IDT + GENERAL_PROTECTION * GATE_BYTES
    mov eax, offset general_protection
    mov [rdi], ax
    mov word ptr [rdi + 2], KERNEL_CODE
    mov word ptr [rdi + 4], PRESENT_INTERRUPT_GATE
    shr eax, 16
    mov [rdi + 6], ax
    lidt [rip + idt_pointer]
    mov r9d, RESULTS
    lea rsi, [rip + instructions]
    lea rdi, [r9 + 8]
    mov ecx, KINDS
    rep movsq
    lea r8, [rip + table]
    lea r10, [r9 + LINE]
    mov r14d, KERNEL_DATA
    mov rsi, 0x5a5a5a5a5a5a5a5a # nobody should touch these three
    mov rdi, 0xa5a5a5a5a5a5a5a5
    mov r15, 0x0123456789abcdef

next_probe:
    xor r11d, r11d              # faults
    xor r12d, r12d              # error code
    xor r13d, r13d              # RIP of the fault
    xor ebp, ebp                # instructions reached behind the probed one
    mov rcx, [r8]
    cmp rcx, CPUID
    mov rax, [r8 + 8]
    mov rbx, [r8 + 16]
    mov rdx, [r8 + 32]
    jb finished
    je do_cpuid
    cmp rcx, WRMSR
    jb do_rdmsr
    je do_wrmsr
    cmp rcx, STI_CPUID
    je do_sti

do_mov_ss:
    mov rcx, [r8 + 24]
    mov ss, r14d
at_mov_ss:
    cpuid
    inc ebp
    jmp store
do_sti:
    mov rcx, [r8 + 24]
    sti
at_sti:
    cpuid
    inc ebp
    cli
    jmp store
do_cpuid:
    mov rcx, [r8 + 24]
at_cpuid:
    cpuid
    inc ebp
    jmp store
do_rdmsr:
    mov rcx, [r8 + 24]
at_rdmsr:
    rdmsr
    inc ebp
    jmp store
do_wrmsr:
    mov rcx, [r8 + 24]
at_wrmsr:
    wrmsr
    inc ebp

store:
    mov [r10], rax
    mov [r10 + 8], rbx
    mov [r10 + 16], rcx
    mov [r10 + 24], rdx
    mov [r10 + 32], r11
    mov [r10 + 40], r12
    mov [r10 + 48], r13
    mov [r10 + 56], rbp
    add r8, LINE
    add r10, LINE
    inc qword ptr [r9]
    jmp next_probe

finished:
    ret

general_protection:
    pop r12
    mov r13, [rsp]
    inc r11
    add qword ptr [rsp], PROBED_BYTES
    iretq

    .balign 8, 0
instructions:
    .quad at_cpuid, at_rdmsr, at_wrmsr, at_sti, at_mov_ss
idt_pointer:
    .word (GENERAL_PROTECTION + 1) * GATE_BYTES - 1
    .quad IDT
    .balign LINE, 0
table:

# SYSCALL and SYSRET (SDM Vol. 3, 5.8.8), and the way into ring 3 and back.
#
#   RAX  call               arguments                  returns in RAX
#   0    write a text       RDI: text, RSI: bytes      bytes written, -1 if the text is not the user's
#   1    ticks so far                                  ticks
#   2    sleep for a tick                              0
#   3    end the program    RDI: status                never
#
# RCX and R11 are lost, as SYSCALL wants it; RDX, R8 to R10 too.

.set IA32_STAR, 0xc0000081
.set IA32_LSTAR, 0xc0000082
.set IA32_FMASK, 0xc0000084
.set IA32_KERNEL_GS_BASE, 0xc0000102
.set EFER_SCE, 1 << 0
.set RFLAGS_IF, 1 << 9
.set RFLAGS_DF, 1 << 10
.set RFLAGS_ONE, 1 << 1         # reads as 1

.set SYSTEM_CALLS, 4
.set CPU_KERNEL_STACK, 0
.set CPU_USER_STACK, 8

.code64
system_calls_init:
    mov ecx, IA32_EFER
    READ_MSR
    or eax, EFER_SCE
    WRITE_MSR
    # SYSCALL loads CS = STAR[47:32], SS = that + 8; SYSRET CS = STAR[63:48] + 16, SS = STAR[63:48] + 8, both RPL 3.
    mov ecx, IA32_STAR
    xor eax, eax
    mov edx, KERNEL_CODE | (KERNEL_DATA << 16)
    WRITE_MSR
    mov ecx, IA32_LSTAR
    mov eax, offset system_call_entry
    xor edx, edx
    WRITE_MSR
    mov ecx, IA32_FMASK
    mov eax, RFLAGS_IF | RFLAGS_DF
    WRITE_MSR
    mov ecx, IA32_KERNEL_GS_BASE
    mov eax, offset this_cpu
    WRITE_MSR
    ret

# RCX: user RIP, R11: user RFLAGS, both saved by SYSCALL. RSP is still the user's.
system_call_entry:
.ifndef PARAVIRTUAL             # the hypervisor has switched stacks, and pushed a frame
    swapgs
    mov gs:[CPU_USER_STACK], rsp
    mov rsp, gs:[CPU_KERNEL_STACK]
    push rcx
    push r11
.endif
    inc qword ptr [rip + system_call_count]
    cmp rax, SYSTEM_CALLS
    jae system_call_unknown
    call [system_call_table + rax * 8]
system_call_exit:
.ifdef PARAVIRTUAL
    RETURN_FROM_TRAP
.else
    pop r11
    pop rcx
    mov rsp, gs:[CPU_USER_STACK]
    swapgs
    sysretq
.endif
system_call_unknown:
    mov rax, -1
    jmp system_call_exit

# A kernel that prints from any address that ring 3 names would print its own secrets.
system_write:
    mov rdx, rdi
    sub rdx, offset user_start
    cmp rdx, offset user_end - user_start
    jae write_refused
    mov rcx, offset user_end - user_start
    sub rcx, rdx
    cmp rsi, rcx
    ja write_refused
    push rsi
    mov rcx, rsi
    mov rsi, rdi
    call put_bytes
    pop rax
    ret
write_refused:
    mov rax, -1
    ret

system_ticks:
    mov rax, [rip + ticks]
    ret

system_sleep:
    mov edi, 1
    call wait_ticks
    xor eax, eax
    ret

# IRETQ to ring 3 with interrupts on; system_exit returns from here, with the stack as it was.
run_user_program:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rip + kernel_stack_before_user], rsp
    push USER_DATA
    push USER_STACK_TOP
    push RFLAGS_ONE | RFLAGS_IF
    push USER_CODE
    push offset user_main
    RETURN_FROM_TRAP

system_exit:
.ifndef PARAVIRTUAL
    swapgs
.endif
    mov rsp, [rip + kernel_stack_before_user]
    lea rsi, [rip + program_ended]
    call put_text
    mov rax, rdi
    call put_decimal
    call put_newline
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

program_ended: .asciz "exit    the program ended with status "

    .balign 8, 0
system_call_table:
    .quad system_write, system_ticks, system_sleep, system_exit
this_cpu:
    .quad TRAP_STACK_TOP        # CPU_KERNEL_STACK
    .quad 0                     # CPU_USER_STACK
system_call_count:        .quad 0
kernel_stack_before_user: .quad 0

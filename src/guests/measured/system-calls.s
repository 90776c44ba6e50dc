# SYSCALL leads to `system_call`, in ring 0 (SDM Vol. 2, SYSCALL).

.set IA32_STAR, 0xc0000081
.set IA32_LSTAR, 0xc0000082
.set EFER_SCE, 1 << 0
.set RFLAGS_ONE, 1 << 1         # reads as 1

.code64
system_calls_init:
    mov ecx, IA32_EFER
    READ_MSR
    or eax, EFER_SCE
    WRITE_MSR
    mov ecx, IA32_STAR
    xor eax, eax
    mov edx, KERNEL_CODE | (KERNEL_DATA << 16)
    WRITE_MSR
    mov ecx, IA32_LSTAR
    mov eax, offset system_call
    xor edx, edx
    WRITE_MSR
    ret

# CPUID, which leaves every guest for its hypervisor (SDM Vol. 3, 26.1.2), between a few instructions that do not.
# The number of rounds, each of 1024 CPUIDs, is the last word of the command line, 200 by default.

.set CPUIDS, 1024
.set DEFAULT_ROUNDS, 200

.code64
main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz rounds_given
    mov r8d, DEFAULT_ROUNDS
rounds_given:
    call console_init
    xor r10d, r10d
    mov r9, r8
next_round:
    mov edi, CPUIDS
next_cpuid:
    xor eax, eax
    cpuid
    add r10, rbx
    xor r10, rcx
    rol r10, 1
    add r10, rdx
    dec edi
    jnz next_cpuid
    dec r9
    jnz next_round

    lea rsi, [rip + mix_after]
    call put_text
    mov rax, r8
    call put_decimal
    lea rsi, [rip + rounds_is]
    call put_text
    mov rax, r10
    call put_hexadecimal
    mov al, '\n'
    jmp put_character

mix_after: .asciz "mix after "
rounds_is: .asciz " rounds: "

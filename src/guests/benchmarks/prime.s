# Counts the primes below a bound by trial division: a tight loop in registers, no memory, no input or output.
# The bound is the last word of the command line, 300000 by default.

.set DEFAULT_BOUND, 300000

.code64
main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz bound_given
    mov r8d, DEFAULT_BOUND
bound_given:
    call console_init

    mov r9d, 1                  # primes found: 2
    mov ebx, 3                  # candidate
    cmp r8, 2
    ja next_candidate
    xor r9d, r9d
next_candidate:
    cmp rbx, r8
    jae counted
    mov ecx, 3
try_divisor:
    mov rax, rbx
    xor edx, edx
    div rcx
    cmp rax, rcx
    jb is_prime                 # divisor > square root
    test rdx, rdx
    jz is_composite
    add rcx, 2
    jmp try_divisor
is_prime:
    inc r9
is_composite:
    add rbx, 2
    jmp next_candidate

counted:
    mov rax, r9
    call put_decimal
    lea rsi, [rip + primes_below]
    call put_text
    mov rax, r8
    call put_decimal
    mov al, '\n'
    jmp put_character

primes_below: .asciz " primes below "

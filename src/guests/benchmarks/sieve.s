# The sieve of Eratosthenes over 1 MiB at 4 MiB, one byte a number, several times over.
# The number of times is the last word of the command line, 5 by default.

.set SIEVE, 4 << 20
.set SIEVE_SIZE, 1 << 20
.set DEFAULT_ROUNDS, 5

.code64
main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz rounds_given
    mov r8d, DEFAULT_ROUNDS
rounds_given:
    call console_init
    mov r9, r8

next_round:
    mov edi, SIEVE
    mov ecx, SIEVE_SIZE
    mov al, 1
    rep stosb
    mov edi, SIEVE
    mov word ptr [rdi], 0       # 0 and 1 are not prime
    mov ebx, 2
next_number:
    cmp byte ptr [rdi + rbx], 0
    je crossed_out
    mov eax, ebx
    imul eax, ebx
cross_out:
    cmp eax, SIEVE_SIZE
    jae crossed_out
    mov byte ptr [rdi + rax], 0
    add eax, ebx
    jmp cross_out
crossed_out:
    inc ebx
    cmp ebx, 1024               # square root of SIEVE_SIZE
    jb next_number
    dec r9
    jnz next_round

    xor eax, eax
    xor ebx, ebx
count_number:
    movzx ecx, byte ptr [rdi + rbx]
    add eax, ecx
    inc ebx
    cmp ebx, SIEVE_SIZE
    jb count_number

    call put_decimal
    lea rsi, [rip + primes_below]
    call put_text
    mov eax, SIEVE_SIZE
    call put_decimal
    lea rsi, [rip + sieved]
    call put_text
    mov rax, r8
    call put_decimal
    lea rsi, [rip + times]
    jmp put_text

primes_below: .asciz " primes below "
sieved:       .asciz ", sieved "
times:        .asciz " times\n"

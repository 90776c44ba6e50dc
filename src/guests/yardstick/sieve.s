# benchmarks/sieve.s in 32-bit code: the sieve of Eratosthenes over 1 MiB, EAX times.

.set SIEVE, 4 << 20
.set SIEVE_SIZE, 1 << 20

main:
    mov ebp, eax
next_round:
    mov edi, SIEVE
    mov ecx, SIEVE_SIZE
    mov al, 1
    rep stosb
    mov edi, SIEVE
    mov word ptr [edi], 0       # 0 and 1 are not prime
    mov ebx, 2
next_number:
    cmp byte ptr [edi + ebx], 0
    je crossed_out
    mov eax, ebx
    imul eax, ebx
cross_out:
    cmp eax, SIEVE_SIZE
    jae crossed_out
    mov byte ptr [edi + eax], 0
    add eax, ebx
    jmp cross_out
crossed_out:
    inc ebx
    cmp ebx, 1024               # square root of SIEVE_SIZE
    jb next_number
    dec ebp
    jnz next_round

    xor eax, eax
    xor ebx, ebx
count_number:
    movzx ecx, byte ptr [edi + ebx]
    add eax, ecx
    inc ebx
    cmp ebx, SIEVE_SIZE
    jb count_number
    ret

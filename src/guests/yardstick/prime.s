# benchmarks/prime.s in 32-bit code: the primes below EAX by trial division.

main:
    mov esi, eax
    mov edi, 1                  # primes found: 2
    mov ebx, 3                  # candidate
next_candidate:
    cmp ebx, esi
    jae counted
    mov ecx, 3
try_divisor:
    mov eax, ebx
    xor edx, edx
    div ecx
    cmp eax, ecx
    jb is_prime                 # divisor > square root
    test edx, edx
    jz is_composite
    add ecx, 2
    jmp try_divisor
is_prime:
    inc edi
is_composite:
    add ebx, 2
    jmp next_candidate
counted:
    mov eax, edi
    ret

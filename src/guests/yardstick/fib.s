# benchmarks/fib.s in 32-bit code: the Fibonacci number of EAX by double recursion.

main:
    mov edi, eax

# EDI: n. Returns EAX: fib(n).
fib:
    cmp edi, 2
    jae fib_recurse
    mov eax, edi
    ret
fib_recurse:
    push ebx
    push edi
    dec edi
    call fib
    mov ebx, eax
    pop edi
    sub edi, 2
    call fib
    add eax, ebx
    pop ebx
    ret

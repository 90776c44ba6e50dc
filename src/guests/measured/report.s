# What a measured program says: lines "NAME CYCLES".

.code64
# RSI: name, RAX: cycles. Keeps RBX, RBP and R8 to R15.
report:
    push rax
    call put_text
    mov al, ' '
    call put_character
    pop rax
    call put_decimal
    mov al, '\n'
    jmp put_character

# RAX: the time-stamp counter. RDX is lost.
time:
    rdtsc
    shl rdx, 32
    or rax, rdx
    ret

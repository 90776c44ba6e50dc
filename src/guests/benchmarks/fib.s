# Fibonacci by double recursion: calls, returns and a busy stack.
# The argument is the last word of the command line, 30 by default.

.set DEFAULT_ARGUMENT, 30

.code64
main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz argument_given
    mov r8d, DEFAULT_ARGUMENT
argument_given:
    call console_init
    lea rsi, [rip + fib_of]
    call put_text
    mov rax, r8
    call put_decimal
    lea rsi, [rip + is]
    call put_text
    mov rdi, r8
    call fib
    call put_decimal
    mov al, '\n'
    jmp put_character

# RDI: n. Returns RAX: fib(n).
fib:
    cmp rdi, 2
    jae fib_recurse
    mov rax, rdi
    ret
fib_recurse:
    push rbx
    push rdi
    dec rdi
    call fib
    mov rbx, rax
    pop rdi
    sub rdi, 2
    call fib
    add rax, rbx
    pop rbx
    ret

fib_of: .asciz "fib "
is:     .asciz " = "

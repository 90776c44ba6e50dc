# Code that changes: writes a number into an instruction and executes it, again and again.
# The number of rounds, each of 1024 changes, is the last word of the command line, 600 by default.

.set CODE, 4 << 20
.set CHANGES, 1024
.set DEFAULT_ROUNDS, 600

.code64
adder:
    mov eax, 0x7fffffff         # B8 and four bytes, from which the changes count
    add rbx, rax
    ret
adder_end:
.set ADDER_SIZE, adder_end - adder

main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz rounds_given
    mov r8d, DEFAULT_ROUNDS
rounds_given:
    call console_init

    mov edi, CODE
    lea rsi, [rip + adder]
    mov ecx, ADDER_SIZE
    rep movsb

    xor ebx, ebx
    mov edi, CODE
    mov r9, r8
next_round:
    mov ecx, CHANGES
next_change:
    mov [rdi + 1], ecx
    call rdi
    dec ecx
    jnz next_change
    dec r9
    jnz next_round

    lea rsi, [rip + sum_after]
    call put_text
    mov rax, r8
    call put_decimal
    lea rsi, [rip + rounds_is]
    call put_text
    mov rax, rbx
    call put_hexadecimal
    mov al, '\n'
    jmp put_character

sum_after: .asciz "sum after "
rounds_is: .asciz " rounds: "

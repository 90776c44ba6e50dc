# Code that is always new: fills 8 MiB with copies of a straight piece of code and runs through all of them, so that
# nothing is executed twice before everything else was.
# The number of rounds is the last word of the command line, 4 by default.

.set CODE, 4 << 20
.set CODE_END, 12 << 20
.set ROOM, 64                   # for one more piece and RET
.set DEFAULT_ROUNDS, 4

.code64
piece:
    add rax, rbx
    lea rdx, [rax + rax * 2 + 7]
    xor rbx, rdx
    rol rax, 5
    test ebx, 1
    jz even
    sub rax, rdx
even:
    movzx ecx, bl
    imul rcx, rax
    add rbx, rcx
piece_end:
.set PIECE_SIZE, piece_end - piece

main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz rounds_given
    mov r8d, DEFAULT_ROUNDS
rounds_given:
    call console_init

    mov edi, CODE
copy_piece:
    lea rsi, [rip + piece]
    mov ecx, PIECE_SIZE
    rep movsb
    cmp edi, CODE_END - ROOM
    jb copy_piece
    mov byte ptr [rdi], 0xc3    # RET

    mov r9, r8
    mov eax, 1
    mov ebx, 2
next_round:
    mov edi, CODE
    call rdi
    dec r9
    jnz next_round

    mov rbx, rax
    lea rsi, [rip + value_after]
    call put_text
    mov rax, r8
    call put_decimal
    lea rsi, [rip + rounds_is]
    call put_text
    mov rax, rbx
    call put_hexadecimal
    mov al, '\n'
    jmp put_character

value_after: .asciz "value after "
rounds_is: .asciz " rounds: "

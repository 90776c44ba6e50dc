# Works memory: fills 4 MiB, copies it, and walks the copy adding to every word, then to one word of every page.
# The number of rounds is the last word of the command line, 12 by default.

.set SOURCE, 4 << 20
.set COPY, 8 << 20
.set SIZE, 4 << 20
.set PAGE, 4096
.set DEFAULT_ROUNDS, 12

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

    mov edi, SOURCE             # word i is 8i
    xor eax, eax
fill_word:
    mov [rdi + rax], rax
    add rax, 8
    cmp rax, SIZE
    jb fill_word

next_round:
    mov esi, SOURCE
    mov edi, COPY
    mov ecx, SIZE / 8
    rep movsq
    mov edi, COPY
    xor eax, eax
add_to_word:
    add [rdi + rax], r9
    add rax, 8
    cmp rax, SIZE
    jb add_to_word
    xor eax, eax
add_to_page:
    inc qword ptr [rdi + rax]
    add rax, PAGE
    cmp rax, SIZE
    jb add_to_page
    dec r9
    jnz next_round

    xor eax, eax
    xor ebx, ebx
sum_word:
    add rbx, [rdi + rax]
    add rax, 8
    cmp rax, SIZE
    jb sum_word

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

# Address translation at its busiest: maps 1 GiB of linear addresses to the same 2 MiB by 4 KiB pages and reads one word
# of each page, first in order, then in an order that no cache of tables follows.
# The number of rounds is the last word of the command line, 12 by default.

.set TABLE,     4 << 20         # maps FRAMES
.set DIRECTORY, (4 << 20) + 4096
.set FRAMES,    8 << 20
.set WINDOW,    1 << 30         # linear, 1 GiB
.set PAGES,     1 << 18
.set ENTRIES, 512
.set PAGE,    4096
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

    mov edi, TABLE
    mov eax, FRAMES | PAGE_PRESENT | PAGE_WRITABLE
map_page:
    mov [rdi], rax
    mov rdx, rax                # word 0 of each frame: its address with the flags
    and edx, -PAGE
    mov [rdx], rax
    add rdi, 8
    add eax, PAGE
    cmp edi, TABLE + ENTRIES * 8
    jb map_page
    mov eax, TABLE | PAGE_UPPER
map_table:
    mov [rdi], rax
    add rdi, 8
    cmp edi, DIRECTORY + ENTRIES * 8
    jb map_table
    mov qword ptr [PDPT + 8], DIRECTORY | PAGE_UPPER

    xor ebx, ebx
    xor edx, edx
    mov r9, r8
next_round:
    mov esi, WINDOW
    mov ecx, PAGES
in_order:
    add rbx, [rsi]
    add rsi, PAGE
    dec ecx
    jnz in_order
    mov ecx, PAGES
scattered:
    imul edx, edx, 1664525
    add edx, 1013904223
    mov eax, edx
    shr eax, 14                 # one of PAGES
    shl eax, 12
    add rbx, [rax + WINDOW]
    dec ecx
    jnz scattered
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

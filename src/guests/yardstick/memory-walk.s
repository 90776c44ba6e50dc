# benchmarks/memory-walk.s in 32-bit code, EAX rounds: the same addresses, and the low half of each 8-byte word.
# The copy takes two 4-byte words for one of 8.

.set SOURCE, 4 << 20
.set COPY, 8 << 20
.set SIZE, 4 << 20
.set PAGE, 4096

main:
    mov ebp, eax
    mov edi, SOURCE             # word i is 8i
    xor eax, eax
fill_word:
    mov [edi + eax], eax
    add eax, 8
    cmp eax, SIZE
    jb fill_word

next_round:
    mov esi, SOURCE
    mov edi, COPY
    mov ecx, SIZE / 4
    .byte 0xf3, 0xa5            # rep movsd, which keystone takes for the instruction of SSE2
    mov edi, COPY
    xor eax, eax
add_to_word:
    add [edi + eax], ebp
    add eax, 8
    cmp eax, SIZE
    jb add_to_word
    xor eax, eax
add_to_page:
    inc dword ptr [edi + eax]
    add eax, PAGE
    cmp eax, SIZE
    jb add_to_page
    dec ebp
    jnz next_round

    xor eax, eax
    xor ebx, ebx
sum_word:
    add ebx, [edi + eax]
    add eax, 8
    cmp eax, SIZE
    jb sum_word
    mov eax, ebx
    ret

# The last word of the command line as a number.

.set MULTIBOOT_INFO_CMDLINE, 1 << 2
.set MULTIBOOT_CMDLINE, 16

.code64
# RDI: multiboot information, or paravirtual start info. Returns RAX: the number, 0 if the last word is not decimal.
last_decimal:
    xor eax, eax
.ifdef PARAVIRTUAL
    lea rsi, [rdi + START_COMMAND_LINE]
.else
    test dword ptr [rdi], MULTIBOOT_INFO_CMDLINE
    jz last_decimal_end
    mov esi, [rdi + MULTIBOOT_CMDLINE]
.endif
next_character:
    movzx ecx, byte ptr [rsi]
    inc rsi
    cmp ecx, ' '
    je next_word
    sub ecx, '0'
    cmp ecx, 9
    ja not_a_digit
    imul rax, rax, 10
    add rax, rcx
    jmp next_character
next_word:
    xor eax, eax
    jmp next_character
not_a_digit:
    cmp ecx, -'0'               # the zero byte at the end
    je last_decimal_end
skip_word:
    xor eax, eax
    movzx ecx, byte ptr [rsi]
    test ecx, ecx
    jz last_decimal_end
    inc rsi
    cmp ecx, ' '
    jne skip_word
    jmp next_character
last_decimal_end:
    ret

# Serial console in 32-bit code: a 16550 at COM1, polled. put_* keep EBX, EDI and EBP.

.set COM1, 0x3f8
.set LINE_CONTROL, COM1 + 3
.set LINE_STATUS,  COM1 + 5
.set TRANSMITTER_EMPTY, 1 << 5

.code32
# AL: character.
put_character:
    mov ecx, eax
    mov edx, LINE_STATUS
transmitter_busy:
    in al, dx
    test al, TRANSMITTER_EMPTY
    jz transmitter_busy
    mov edx, COM1
    mov eax, ecx
    out dx, al
    ret

# ESI: text that ends in a zero byte.
put_text:
    lodsb
    test al, al
    jz put_text_end
    call put_character
    jmp put_text
put_text_end:
    ret

# ESI: text as above, ECX: characters to fill up to with spaces.
put_padded:
    push ebx
    mov ebx, ecx
put_padded_character:
    lodsb
    test al, al
    jz put_spaces
    call put_character
    dec ebx
    jmp put_padded_character
put_spaces:
    test ebx, ebx
    jle put_padded_end
    mov al, ' '
    call put_character
    dec ebx
    jmp put_spaces
put_padded_end:
    pop ebx
    ret

# EAX: number, printed as 8 hexadecimal digits.
put_hexadecimal:
    push ebx
    push ebp
    mov ebx, eax
    mov ebp, 8
put_hexadecimal_digit:
    rol ebx, 4
    mov eax, ebx
    and eax, 15
    mov al, [eax + hexadecimal_digits]
    call put_character
    dec ebp
    jnz put_hexadecimal_digit
    pop ebp
    pop ebx
    ret

hexadecimal_digits: .ascii "0123456789abcdef"

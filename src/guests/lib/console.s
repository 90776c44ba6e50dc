# Serial console: a 16550 at COM1, polled, or the hypervisor's. put_* keep every register but RAX, RCX, RDX and RSI.

.set COM1, 0x3f8
.set LINE_CONTROL, COM1 + 3
.set LINE_STATUS,  COM1 + 5
.set TRANSMITTER_EMPTY, 1 << 5

.code64
.ifdef PARAVIRTUAL
console_init:
    ret

# AL: character.
put_character:
    mov [rip + character], al
    lea rsi, [rip + character]
    mov ecx, 1
    jmp put_bytes
character: .byte 0

# RSI: text that ends in a zero byte.
put_text:
    mov rcx, rsi
find_text_end:
    cmp byte ptr [rcx], 0
    je text_end_found
    inc rcx
    jmp find_text_end
text_end_found:
    sub rcx, rsi

# RSI: text, RCX: its length in bytes. One hypercall for all of it.
put_bytes:
    push rdi
    mov rdi, rsi
    mov rsi, rcx
    mov eax, CONSOLE_WRITE
    HYPERCALL
    pop rdi
    ret
.else
# 115200 baud, 8 data bits, no parity, one stop bit.
console_init:
    mov edx, LINE_CONTROL
    mov al, 0x80                # DLAB: the next two ports are the divisor
    out dx, al
    mov edx, COM1
    mov al, 1
    out dx, al
    inc edx
    xor eax, eax
    out dx, al
    mov edx, LINE_CONTROL
    mov al, 3
    out dx, al
    ret

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

# RSI: text that ends in a zero byte.
put_text:
    lodsb
    test al, al
    jz put_text_end
    call put_character
    jmp put_text
put_text_end:
    ret

# RSI: text, RCX: its length in bytes.
put_bytes:
    push rbx
    mov rbx, rcx
put_next_byte:
    test rbx, rbx
    jz put_bytes_end
    lodsb
    call put_character
    dec rbx
    jmp put_next_byte
put_bytes_end:
    pop rbx
    ret
.endif

# RAX: number, printed in decimal.
put_decimal:
    push rbx
    push rbp
    mov rbp, rsp
    mov ebx, 10
next_decimal_digit:
    xor edx, edx
    div rbx
    add edx, '0'
    push rdx
    test rax, rax
    jnz next_decimal_digit
put_decimal_digit:
    pop rax
    call put_character
    cmp rsp, rbp
    jne put_decimal_digit
    pop rbp
    pop rbx
    ret

# RAX: number, printed as 0x and 16 hexadecimal digits.
put_hexadecimal:
    push rbx
    push rbp
    mov rbx, rax
    mov ebp, 16
    lea rsi, [rip + hexadecimal_prefix]
    call put_text
put_hexadecimal_digit:
    rol rbx, 4
    mov eax, ebx
    and eax, 15
    lea rsi, [rip + hexadecimal_digits]
    mov al, [rsi + rax]
    call put_character
    dec ebp
    jnz put_hexadecimal_digit
    pop rbp
    pop rbx
    ret

hexadecimal_prefix: .asciz "0x"
hexadecimal_digits: .ascii "0123456789abcdef"

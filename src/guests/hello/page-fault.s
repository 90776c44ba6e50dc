# Page faults: a heap page that ring 3 touches for the first time gets a frame. Anything else is unexpected.

.set FAULT_PRESENT, 1 << 0
.set FAULT_WRITE,   1 << 1
.set FAULT_USER,    1 << 2

.code64
# RDI: frame.
page_fault:
    push rbx
    push rbp
    mov rbp, rdi
    READ_CR2
    lea rsi, [rip + page_fault_at]
    call put_text
    mov rax, rbx
    call put_hexadecimal
    lea rsi, [rip + page_fault_error]
    call put_text
    mov rax, [rbp + FRAME_ERROR]
    call put_decimal

    mov rax, rbx
    sub rax, USER_HEAP
    cmp rax, USER_HEAP_SIZE
    jae page_fault_unexpected
    cmp dword ptr [rbp + FRAME_ERROR], FAULT_USER | FAULT_WRITE
    jne page_fault_unexpected

    # No INVLPG: the processor keeps no translation of a page that is not present (SDM Vol. 3, 4.10.2.3).
    shr rax, 12
    mov rcx, [rip + next_heap_frame]
    lea rdx, [rcx + (PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER)]
.ifdef PARAVIRTUAL
    mov rax, rdx
    call to_machine
    mov rsi, rax
    mov rdi, rbx
    mov edx, FLUSH_NOTHING
    mov eax, UPDATE_MAPPING
    HYPERCALL
    test rax, rax
    jnz update_refused
    mov rcx, [rip + next_heap_frame]
.else
    mov [HEAP_TABLE + rax * 8], rdx
.endif
    add rcx, PAGE_SIZE
    mov [rip + next_heap_frame], rcx
    inc qword ptr [rip + page_fault_count]
    lea rsi, [rip + page_mapped]
    call put_text
    pop rbp
    pop rbx
    ret

page_fault_unexpected:
    call put_newline
    mov rdi, rbp
    jmp unexpected_trap

page_fault_at:    .asciz "fault   page fault at "
page_fault_error: .asciz ", error code "
page_mapped:      .asciz " (user, write, not present): mapped a page\n"

    .balign 8, 0
next_heap_frame:  .quad HEAP_FRAMES
page_fault_count: .quad 0

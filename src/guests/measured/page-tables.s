# Busy page tables, as where processes are made and waited for: an address space is copied with both sides' pages read-only, the child
# writes some of its pages and reads others, ends, and the parent writes its own again. Every first write is a page fault. The
# last word of the command line is the number of children, 100 by default.

.set WINDOW, 0x8000000000       # linear: the second entry of the PML4
.set PARENT, 4 << 20            # PDPT, PD, PT
.set CHILD, (4 << 20) + 0x10000 # PML4, PDPT, PD, PT
.set FRAMES, 8 << 20            # of the parent
.set COPIES, 10 << 20           # of the child
.set PAGES, 64
.set WRITTEN, 16
.set DEFAULT_CHILDREN, 100
.set PAGE, 4096

.code64
main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz children_given
    mov r8d, DEFAULT_CHILDREN
children_given:
    call console_init
    call prepare_fault
    mov rax, PARENT | PAGE_UPPER
    mov [PML4 + 8], rax
    mov dword ptr [PARENT], (PARENT + 0x1000) | PAGE_UPPER
    mov dword ptr [PARENT + 0x1000], (PARENT + 0x2000) | PAGE_UPPER
    mov edi, PARENT + 0x2000
    mov eax, FRAMES | PAGE_PRESENT | PAGE_WRITABLE
    mov ecx, PAGES
map_parent:
    mov [rdi], rax
    add rdi, 8
    add eax, PAGE
    dec ecx
    jnz map_parent

    call time
    mov r15, rax
    mov r14, r8
next_child:
    call fork
    mov eax, CHILD
    mov cr3, rax
    mov ebp, COPIES
    call write_pages
    mov rsi, WINDOW + WRITTEN * PAGE
    mov ecx, PAGES - WRITTEN
read_page:
    add rbx, [rsi]
    add rsi, PAGE
    dec ecx
    jnz read_page
    mov eax, PML4
    mov cr3, rax
    call end_child
    xor ebp, ebp
    call write_pages
    dec r14
    jnz next_child
    call time
    sub rax, r15
    lea rsi, [rip + cycles_name]
    jmp report

# The child's tables; both sides' pages become read-only.
fork:
    mov rax, [PML4]
    mov [CHILD], rax
    mov eax, (CHILD + 0x1000) | PAGE_UPPER
    mov [CHILD + 8], rax
    mov eax, (CHILD + 0x2000) | PAGE_UPPER
    mov [CHILD + 0x1000], rax
    mov eax, (CHILD + 0x3000) | PAGE_UPPER
    mov [CHILD + 0x2000], rax
    mov esi, PARENT + 0x2000
    mov edi, CHILD + 0x3000
    mov ecx, PAGES
copy_entry:
    mov rax, [rsi]
    and rax, -1 - PAGE_WRITABLE
    mov [rsi], rax
    mov [rdi], rax
    add rsi, 8
    add rdi, 8
    dec ecx
    jnz copy_entry
    ret

end_child:
    xor eax, eax
    mov edi, CHILD + 0x3000
    mov ecx, PAGES
    rep stosq
    mov [CHILD + 0x2000], rax
    mov [CHILD + 0x1000], rax
    mov [CHILD + 8], rax
    ret

# RBP: where the writer's new frames are, 0: it keeps the old ones.
write_pages:
    mov rsi, WINDOW
    mov ecx, WRITTEN
write_page:
    mov [rsi], rcx
    add rsi, PAGE
    dec ecx
    jnz write_page
    ret

# A write to a read-only page: a copy of its first words for the child, or the page itself again, writable.
page_fault:
    push rax
    push rcx
    push rsi
    push rdi
    mov rdi, cr2
    shr rdi, 12
    and edi, PAGES - 1
    mov rax, cr3
    mov esi, PARENT + 0x2000
    cmp eax, CHILD
    jne entry_known
    mov esi, CHILD + 0x3000
entry_known:
    lea rsi, [rsi + rdi * 8]
    mov rax, [rsi]
    test rbp, rbp
    jz same_frame
    shl edi, 12
    add edi, ebp
    mov rcx, rax
    and ecx, -PAGE
    mov rcx, [rcx]
    mov [rdi], rcx
    mov eax, edi
    or eax, PAGE_PRESENT
same_frame:
    or rax, PAGE_WRITABLE
    mov [rsi], rax
    mov rdi, cr2
    invlpg [rdi]
    pop rdi
    pop rsi
    pop rcx
    pop rax
    add rsp, 8                  # error code
    iretq

prepare_fault:
    mov edi, PAGE_FAULT
    mov eax, offset page_fault
    jmp set_gate

cycles_name: .asciz "cycles"

# Processes made and waited for, as by Adams and Agesen's forkwait (ASPLOS 2006): a program at ring 3 forks, its child writes some
# pages and reads others and exits, the parent is told, and writes its own pages again. Pages are shared read-only until one side
# writes. Prints the cycles of one child. The last word of the command line is the number of children, 64 by default.

.set CHILDREN, 64
.set FIRST_CHILDREN, 8          # not measured: the caches
.set WINDOW, 0x8000000000       # linear: the program's memory, the second entry of the PML4; code first
.set PARENT, 4 << 20            # PDPT, PD, PT; its PML4 is the first
.set PARENT_TABLE, PARENT + 0x2000
.set CHILD, (4 << 20) + 0x10000 # PML4, PDPT, PD, PT
.set CHILD_TABLE, CHILD + 0x3000
.set FRAMES, 8 << 20            # of the parent
.set COPIES, 10 << 20           # of the child
.set PAGES, 64                  # of data
.set WRITTEN, 16
.set READ, 16
.set PAGE, 4096
.set ENTRIES, 512

.set TRAP_STACK, 0x11c000
.set TSS_RSP0, 4
.set TSS_SIZE, 104
.set TSS_AVAILABLE, 0x89

.set SYSTEM_FORK, 0
.set SYSTEM_EXIT, 1
.set SYSTEM_DONE, 2

.code64
main:
    call last_decimal
    test rax, rax
    jnz children_given
    mov eax, CHILDREN
children_given:
    mov r14, rax
    call console_init
    call traps_init
    call system_calls_init
    call first_program
    mov ebx, offset program
    and ebx, PAGE - 1
    mov rax, WINDOW
    add rax, rbx
    push USER_DATA
    push 0                      # the program has no stack
    push RFLAGS_ONE
    push USER_CODE
    push rax
    iretq

# A page of code, which nobody writes, and PAGES of data.
first_program:
    mov qword ptr [PML4 + 8], PARENT | PAGE_UPPER
    mov qword ptr [PARENT], (PARENT + 0x1000) | PAGE_UPPER
    mov qword ptr [PARENT + 0x1000], PARENT_TABLE | PAGE_UPPER
    mov eax, offset program
    and eax, -PAGE
    or eax, PAGE_PRESENT | PAGE_USER
    mov [PARENT_TABLE], rax
    mov edi, PARENT_TABLE + 8
    mov eax, FRAMES | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER
    mov ecx, PAGES
map_data:
    mov [rdi], rax
    add rdi, 8
    add eax, PAGE
    dec ecx
    jnz map_data
    ret

# RAX: call. RCX and R11 as SYSCALL leaves them; the parent's are kept while its child runs.
system_call:
    mov [rip + user_stack], rsp
    mov esp, STACK_TOP
    cmp eax, SYSTEM_EXIT
    je system_exit
    ja system_done

# The child goes on first; it is told 0.
system_fork:
    mov [rip + parent_return], rcx
    push r11
    mov edi, CHILD
    xor eax, eax
    mov ecx, 4 * ENTRIES
    rep stosq
    mov rax, [PML4]
    mov [CHILD], rax
    mov qword ptr [CHILD + 8], (CHILD + 0x1000) | PAGE_UPPER
    mov qword ptr [CHILD + 0x1000], (CHILD + 0x2000) | PAGE_UPPER
    mov qword ptr [CHILD + 0x2000], CHILD_TABLE | PAGE_UPPER
    mov esi, PARENT_TABLE
    mov edi, CHILD_TABLE
    mov ecx, PAGES + 1
copy_entry:
    mov rax, [rsi]
    test eax, PAGE_WRITABLE
    jz shared_already
    and rax, -1 - PAGE_WRITABLE
    mov [rsi], rax
shared_already:
    mov [rdi], rax
    add rsi, 8
    add rdi, 8
    dec ecx
    jnz copy_entry
    mov rax, cr3                # the parent's pages are read-only now
    mov cr3, rax
    mov eax, CHILD
    mov cr3, rax
    mov dword ptr [rip + next_copy], COPIES
    pop r11
    mov rcx, [rip + parent_return]
    xor eax, eax
    sysretq

# The child's memory goes; its parent, which waits, is told.
system_exit:
    mov edi, CHILD_TABLE
    mov ecx, ENTRIES
unmap:
    mov rax, [rdi]
    test eax, PAGE_PRESENT
    jz nothing_mapped
    mov qword ptr [rdi], 0
nothing_mapped:
    add rdi, 8
    dec ecx
    jnz unmap
    mov qword ptr [CHILD + 0x2000], 0
    mov qword ptr [CHILD + 0x1000], 0
    mov qword ptr [CHILD + 8], 0
    mov eax, PML4
    mov cr3, rax
    mov rcx, [rip + parent_return]
    mov eax, 1
    sysretq

# RBX: cycles of R14 children.
system_done:
    mov rax, rbx
    xor edx, edx
    div r14
    lea rsi, [rip + cycles_name]
    call report
    jmp power_off

# A write to a page that is shared: a copy for the child, and the page itself for the parent, who is the last that has it.
page_fault:
    push rax
    push rcx
    push rsi
    push rdi
    push rdx
    mov rdx, cr2
    mov rsi, rdx
    shr rsi, 12
    and esi, ENTRIES - 1
    mov rax, cr3
    cmp eax, CHILD
    jne parent_writes
    lea rdx, [CHILD_TABLE + rsi * 8]
    mov rsi, [rdx]
    and esi, -PAGE
    mov edi, [rip + next_copy]
    mov eax, edi
    or eax, PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER
    mov ecx, PAGE / 8
    rep movsq
    mov [rip + next_copy], edi
    mov [rdx], rax
    jmp mapped
parent_writes:
    lea rdx, [PARENT_TABLE + rsi * 8]
    mov rax, [rdx]
    or rax, PAGE_WRITABLE
    mov [rdx], rax
mapped:
    mov rdx, cr2
    invlpg [rdx]
    pop rdx
    pop rdi
    pop rsi
    pop rcx
    pop rax
    add rsp, 8                  # error code
    iretq

traps_init:
    mov qword ptr [TSS + TSS_RSP0], TRAP_STACK
    lea rdi, [rip + gdt + TSS_SEGMENT]
    mov word ptr [rdi], TSS_SIZE - 1
    mov dword ptr [rdi + 2], TSS | (TSS_AVAILABLE << 24)
    mov eax, TSS_SEGMENT
    ltr ax
    mov edi, PAGE_FAULT
    mov eax, offset page_fault
    jmp set_gate

    .balign 8, 0
user_stack:    .quad 0
parent_return: .quad 0
next_copy:     .quad 0
cycles_name: .asciz "cycles"

# Ring 3. R14: children to be measured.
    .balign 4096, 0
program:
    mov r8, WINDOW + PAGE
    mov r15d, FIRST_CHILDREN
    mov r12d, 2
next_children:
    rdtsc
    shl rdx, 32
    lea r13, [rdx + rax]
next_child:
    mov eax, SYSTEM_FORK
    syscall
    test eax, eax
    jz child
    mov rsi, r8
    mov edi, WRITTEN
parent_writes_again:
    mov [rsi], rdi
    add rsi, PAGE
    dec edi
    jnz parent_writes_again
    dec r15
    jnz next_child
    rdtsc
    shl rdx, 32
    add rax, rdx
    sub rax, r13
    mov rbx, rax
    mov r15, r14
    dec r12d
    jnz next_children
    mov eax, SYSTEM_DONE
    syscall

child:
    mov rsi, r8
    mov edi, WRITTEN
child_writes:
    mov [rsi], rdi
    add rsi, PAGE
    dec edi
    jnz child_writes
    mov edi, READ
child_reads:
    mov rax, [rsi]
    add rsi, PAGE
    dec edi
    jnz child_reads
    mov eax, SYSTEM_EXIT
    syscall

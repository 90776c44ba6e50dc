# The program in ring 3. Its pages are read-only to itself; its stack and heap are elsewhere.

.set SYSTEM_WRITE, 0
.set SYSTEM_TICKS, 1
.set SYSTEM_SLEEP, 2
.set SYSTEM_EXIT, 3

.code64
    .balign 4096, 0
user_start:
user_main:
    lea rdi, [rip + user_greeting]
    mov esi, offset user_greeting_end - user_greeting
    call write

    # Ask for a kernel address: the kernel has to refuse.
    mov edi, offset main
    mov esi, 8
    call write
    cmp rax, -1
    jne user_failed
    lea rdi, [rip + user_refused]
    mov esi, offset user_refused_end - user_refused
    call write

    # Nothing is mapped here yet. The store faults, the kernel maps a page, and the store is executed again.
    mov rbx, USER_HEAP + 0x1230
    mov dword ptr [rbx], 0x600d
    cmp dword ptr [rbx], 0x600d
    jne user_failed
    lea rdi, [rip + user_stored]
    mov esi, offset user_stored_end - user_stored
    call write

    mov eax, SYSTEM_TICKS
    syscall
    mov r12, rax
    mov ebx, 3
user_sleep:
    mov eax, SYSTEM_SLEEP
    syscall
    dec ebx
    jnz user_sleep
    mov eax, SYSTEM_TICKS
    syscall
    sub rax, r12
    cmp rax, 3
    jb user_failed
    lea rdi, [rip + user_slept]
    mov esi, offset user_slept_end - user_slept
    call write

    xor edi, edi
    jmp user_exit
user_failed:
    mov edi, 1
user_exit:
    mov eax, SYSTEM_EXIT
    syscall

# RDI: text, RSI: bytes.
write:
    mov eax, SYSTEM_WRITE
    syscall
    ret

user_greeting:     .ascii "ring 3  hello from user mode, by SYSCALL\n"
user_greeting_end:
user_refused:      .ascii "ring 3  the kernel refused to print its own memory\n"
user_refused_end:
user_stored:       .ascii "ring 3  the store went through after the fault\n"
user_stored_end:
user_slept:        .ascii "ring 3  slept for three ticks\n"
user_slept_end:
user_end:

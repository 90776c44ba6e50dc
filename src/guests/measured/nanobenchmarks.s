# The operations of Adams and Agesen's figure 4 (ASPLOS 2006), each many times in a row: cycles of one, less those of a loop that
# does nothing. The last word of the command line is its number, in the order of the table below. The kernel's handlers do what
# takes them back behind the instruction, and no more.

.set TIMES, 1024
.set SHIFT, 10
.set KERNEL_STACK, 0x11c000
.set DIVIDE_ERROR, 0
.set DIV_BYTES, 2
.set LOAD_BYTES, 3

.code64
main:
    call last_decimal
    mov r14, rax
    call console_init
    call paging_init
    call traps_init
    call system_calls_init
    mov r8, USER_HEAP           # nothing is mapped there
    call map_page
    xor eax, eax                # what MOV to CR8 writes
    mov r12, [operations + r14 * 8]
    cmp r14, SYSCALL_NUMBER
    je measure_calls
    mov r13, offset do_nothing
    call cycles_of_one          # everything twice: the first time for the caches
    call cycles_of_one
    mov rbx, rax
    mov r13, r12
    call cycles_of_one
    call cycles_of_one
    sub rax, rbx
say_cycles:
    lea rsi, [rip + cycles_name]
    jmp report

# R13: a loop of TIMES turns. Returns RAX: cycles of a turn.
cycles_of_one:
    call time
    mov r15, rax
    xor eax, eax
    mov ebp, TIMES
    call r13
    call time
    sub rax, r15
    shr rax, SHIFT
    ret

.set SYSCALL_NUMBER, 1
operations:
    .quad do_nothing, 0, do_in, do_cr8, do_call, do_page_fault, do_divide, do_entry

do_nothing:
    dec ebp
    jnz do_nothing
    ret
.ifndef PARAVIRTUAL             # a paravirtual kernel has neither ports nor a task priority
do_in:
    in al, 0x80
    dec ebp
    jnz do_in
    ret
do_cr8:
    mov cr8, rax
    dec ebp
    jnz do_cr8
    ret
.else
do_in:
do_cr8:
    jmp power_off
.endif
do_call:
    call just_return
    dec ebp
    jnz do_call
    ret
just_return:
    ret
do_page_fault:
    mov cl, [r8]
    dec ebp
    jnz do_page_fault
    ret
do_divide:
    div cl                      # by 0, as CL is
    dec ebp
    jnz do_divide
    ret
# A page-table entry that is in use: of the page behind R8.
do_entry:
.ifdef PARAVIRTUAL
    lea rdi, [r8 + PAGE_SIZE]
    mov rsi, r11
    mov edx, FLUSH_NOTHING
    mov eax, UPDATE_MAPPING
    HYPERCALL
.else
    mov [HEAP_TABLE + 8], r11
.endif
    dec ebp
    jnz do_entry
    ret

# The second page at R8, touched, so that its table is in use. R11: its entry. RCX becomes 0.
map_page:
    mov eax, HEAP_FRAMES | PAGE_PRESENT | PAGE_WRITABLE
.ifdef PARAVIRTUAL
    call to_machine
    mov r11, rax
    mov ebp, 1
    call do_entry
.else
    mov r11d, eax
    mov [HEAP_TABLE + 8], r11
.endif
    mov rcx, [r8 + PAGE_SIZE]
    xor ecx, ecx
    ret

divide_error:
    add qword ptr [rsp], DIV_BYTES
    iretq
page_fault:
    add qword ptr [rsp + 8], LOAD_BYTES
    add rsp, 8                  # error code
    iretq

.ifdef PARAVIRTUAL
traps_init:
    mov edi, KERNEL_STACK
    mov eax, STACK_SWITCH
    HYPERCALL
    mov edi, offset trap_list
    mov esi, 2
    mov eax, SET_TRAP_TABLE
    HYPERCALL
    ret
    .balign 8, 0
trap_list:
    .quad DIVIDE_ERROR, divide_error, PAGE_FAULT, page_fault
.else
traps_init:
    mov edi, DIVIDE_ERROR
    mov eax, offset divide_error
    call set_gate
    mov edi, PAGE_FAULT
    mov eax, offset page_fault
    jmp set_gate
.endif

# RBX: 0, or the cycles of one system call, at the end.
system_call:
    test rbx, rbx
    jnz calls_measured
.ifdef PARAVIRTUAL
    iretq
.else
    sysretq
.endif
calls_measured:
    mov esp, STACK_TOP
    mov rax, rbx
    call say_cycles
    jmp power_off

measure_calls:
    xor ebx, ebx
    push USER_DATA
    push USER_STACK_TOP
    push RFLAGS_ONE
    push USER_CODE
    push offset user_start
    iretq

cycles_name: .asciz "cycles"

# Ring 3: twice for the caches, a loop without the call and one with it.
    .balign 4096, 0
user_start:
    mov r9d, 2
again:
    call user_time
    mov r10, rax
    mov ebp, TIMES
nothing:
    dec ebp
    jnz nothing
    call user_time
    sub r10, rax                # less the cycles of the first
    mov r8, rax
    mov ebp, TIMES
call_kernel:
    syscall
    dec ebp
    jnz call_kernel
    call user_time
    sub rax, r8
    add rax, r10
    dec r9d
    jnz again
    shr rax, SHIFT
    mov rbx, rax
    syscall
user_time:
    rdtsc
    shl rdx, 32
    or rax, rdx
    ret
user_end:

# One loop for each kind of instruction that a translator tells apart, each executed twice, and code that changes. It prints the
# cycles of a round of each loop, of the second time: by then everything has been translated.

.set ROUNDS, 256
.set PIC_MASKS, 0x21
.set SECOND_PIC_MASKS, 0xa1
.set PROGRESS_PORT, 0x80
.set LOWEST_TABLE, 4 << 20      # three page tables, which map one page
.set WINDOW, 0x8000000000       # the page, in the second entry of the PML4

.code64
main:
    mov al, 0xff                # no interrupts of devices
    out PIC_MASKS, al
    out SECOND_PIC_MASKS, al
    call console_init
    lea rdi, [rip + add_numbers]
    lea rsi, [rip + add_name]
    call measure
    lea rdi, [rip + switch_interrupts]
    lea rsi, [rip + flag_name]
    call measure
    lea rdi, [rip + read_port]
    lea rsi, [rip + port_name]
    call measure
    lea rdi, [rip + call_and_return]
    lea rsi, [rip + call_name]
    call measure
    lea rdi, [rip + ask_processor]
    lea rsi, [rip + processor_name]
    call measure
    call map_window
    lea rdi, [rip + write_table]
    lea rsi, [rip + table_name]
    call measure
    call change_code
    mov rax, rbx
    lea rsi, [rip + sum_name]
    jmp report

# RDI: routine, RSI: its name.
measure:
    push rsi
    mov r14d, 2
measure_again:
    call time
    mov r15, rax
    call rdi
    call time
    sub rax, r15
    dec r14d
    jnz measure_again
    shr rax, 8                  # by ROUNDS
    pop rsi
    jmp report

add_numbers:
    mov ebp, ROUNDS
add_round:
    add rbx, rbp
    dec ebp
    jnz add_round
    ret

switch_interrupts:
    mov ebp, ROUNDS
switch_round:
    cli
    sti
    dec ebp
    jnz switch_round
    ret

read_port:
    mov ebp, ROUNDS
port_round:
    in al, PROGRESS_PORT
    dec ebp
    jnz port_round
    ret

call_and_return:
    mov ebp, ROUNDS
call_round:
    call nothing
    dec ebp
    jnz call_round
nothing:
    ret

ask_processor:
    mov ebp, ROUNDS
processor_round:
    xor eax, eax
    cpuid
    dec ebp
    jnz processor_round
    ret

# An entry of a page table that is in use, with what it holds.
write_table:
    mov ebp, ROUNDS
    mov eax, PAGE_PRESENT | PAGE_WRITABLE
table_round:
    mov [LOWEST_TABLE], rax
    dec ebp
    jnz table_round
    ret

# Maps the first page of memory at WINDOW and reads it there.
map_window:
    mov edi, LOWEST_TABLE
    mov dword ptr [rdi], PAGE_PRESENT | PAGE_WRITABLE
    mov dword ptr [rdi + 0x1000], LOWEST_TABLE | PAGE_UPPER
    mov dword ptr [rdi + 0x2000], (LOWEST_TABLE + 0x1000) | PAGE_UPPER
    mov ecx, (LOWEST_TABLE + 0x2000) | PAGE_UPPER
    mov [PML4 + 8], rcx
    mov rcx, WINDOW
    mov rcx, [rcx]
    ret

# Three times a new number in an instruction that has been executed. RBX: their sum.
change_code:
    xor ebx, ebx
    mov ecx, 3
next_change:
    mov [rip + changing + 1], ecx
changing:
    mov eax, 0x7fffffff
    add rbx, rax
    dec ecx
    jnz next_change
    ret

add_name:       .asciz "add"
flag_name:      .asciz "cli-sti"
port_name:      .asciz "in"
call_name:      .asciz "call-ret"
processor_name: .asciz "cpuid"
table_name:     .asciz "table-write"
sum_name:       .asciz "sum"

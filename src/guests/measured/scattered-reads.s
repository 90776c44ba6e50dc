# A busy TLB and page tables that never change, as of a table in memory that is looked up all over: one word of each of 262144 pages,
# in an order that no cache of tables follows. The last word of the command line is the number of reads, 200000 by default.

.set TABLE,     4 << 20         # maps FRAMES
.set DIRECTORY, (4 << 20) + 4096
.set FRAMES,    8 << 20
.set WINDOW,    1 << 30         # linear, 1 GiB
.set ENTRIES, 512
.set PAGE,    4096
.set DEFAULT_READS, 200000

.code64
main:
    call last_decimal
    mov r8, rax
    test rax, rax
    jnz reads_given
    mov r8d, DEFAULT_READS
reads_given:
    call console_init
    mov edi, TABLE
    mov eax, FRAMES | PAGE_PRESENT | PAGE_WRITABLE
map_page:
    mov [rdi], rax
    add rdi, 8
    add eax, PAGE
    cmp edi, TABLE + ENTRIES * 8
    jb map_page
    mov eax, TABLE | PAGE_UPPER
map_table:
    mov [rdi], rax
    add rdi, 8
    cmp edi, DIRECTORY + ENTRIES * 8
    jb map_table
    mov qword ptr [PDPT + 8], DIRECTORY | PAGE_UPPER

    call time
    mov r15, rax
    mov rcx, r8
    xor edx, edx
scattered:
    imul edx, edx, 1664525
    add edx, 1013904223
    mov eax, edx
    shr eax, 14                 # one of 262144 pages
    shl eax, 12
    add rbx, [rax + WINDOW]
    dec rcx
    jnz scattered
    call time
    sub rax, r15
    lea rsi, [rip + cycles_name]
    jmp report

cycles_name: .asciz "cycles"

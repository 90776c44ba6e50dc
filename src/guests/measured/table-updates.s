# Page-table updates: 64 pages are mapped and read, four times, with 1, 4, 16 and 64 entries at a time. One source for two kernels:
# the one writes its page table, the other asks the hypervisor to. It prints the cycles for one page.

.set WINDOW, 32 << 20           # linear: 2 MiB, whose page table is HEAP_TABLE
.set FRAMES, 8 << 20            # what is mapped there
.set PAGES, 64
.set PAGE, 4096
.set WINDOW_ENTRY, PAGE_DIRECTORY + (WINDOW >> 21) * 8

.code64
main:
    call console_init
    call open_window
    mov r12d, HEAP_TABLE        # the next entry
    mov r13d, FRAMES | PAGE_PRESENT | PAGE_WRITABLE
    mov r14d, WINDOW            # the page that it maps
    mov ebp, 1
    call map_batch              # from here on the table is in use
    call read_batch
    mov eax, PAGES
    lea rsi, [rip + pages_name]
    call report
    mov ebp, 1
    lea rsi, [rip + by_one]
    call measure_mapping
    mov ebp, 4
    lea rsi, [rip + by_four]
    call measure_mapping
    mov ebp, 16
    lea rsi, [rip + by_sixteen]
    call measure_mapping
    mov ebp, 64
    lea rsi, [rip + at_once]
    call measure_mapping
.ifdef PARAVIRTUAL
    jmp try_what_is_refused
.else
    ret
.endif

# RBP: entries at a time, RSI: name.
measure_mapping:
    push rsi
    call time
    mov r15, rax
    mov ebx, PAGES
next_batch:
    call map_batch
    call read_batch
    sub ebx, ebp
    jnz next_batch
    call time
    sub rax, r15
    shr rax, 6                  # by PAGES
    pop rsi
    jmp report

# #region map-batch
# The next RBP entries of the table, for the next RBP frames.
map_batch:
    mov ecx, ebp
.ifdef PARAVIRTUAL
    lea rdi, [rip + requests]
next_request:
    mov rax, r12
    call to_machine
    mov [rdi], rax              # the entry's machine address
    mov rax, r13
    call to_machine
    mov [rdi + 8], rax          # its value
    add rdi, 16
    add r12, 8
    add r13, PAGE
    dec ecx
    jnz next_request
    lea rdi, [rip + requests]
    mov esi, ebp
    mov eax, MMU_UPDATE
    HYPERCALL
    test rax, rax
    jnz update_refused
.else
next_entry:
    mov [r12], r13
    add r12, 8
    add r13, PAGE
    dec ecx
    jnz next_entry
.endif
    ret
# #endregion

# The pages that they map.
read_batch:
    mov ecx, ebp
next_page:
    mov rax, [r14]
    add r14, PAGE
    dec ecx
    jnz next_page
    ret

# An empty page table for the window.
# #region open-window
open_window:
.ifdef PARAVIRTUAL
    mov edi, PAGE_TABLE + (HEAP_TABLE >> 12) * 8
    mov edx, HEAP_TABLE | PAGE_PRESENT          # no table is mapped writable
    call queue_update
    mov edi, WINDOW_ENTRY
    mov edx, HEAP_TABLE | PAGE_UPPER
    call queue_update
    jmp flush_updates
.else
    mov qword ptr [WINDOW_ENTRY], HEAP_TABLE | PAGE_UPPER
    ret
.endif
# #endregion

.ifdef PARAVIRTUAL
# #region what-is-refused
# Three requests that would let the guest out of its memory, or change a table behind the hypervisor's back.
try_what_is_refused:
    mov eax, HEAP_TABLE | PAGE_PRESENT | PAGE_WRITABLE
    call to_machine
    lea rsi, [rip + own_table]
    call try_mapping
    mov eax, PAGE_PRESENT | PAGE_WRITABLE       # machine frame 0
    lea rsi, [rip + foreign_frame]
    call try_mapping
    mov eax, FRAMES | PAGE_PRESENT | PAGE_WRITABLE
    call to_machine
    lea rsi, [rip + own_frame]
# RAX: a page-table entry for the last page of the window, RSI: name. Prints the answer.
try_mapping:
    push rsi
    mov rsi, rax
    mov edi, WINDOW + 511 * PAGE
    mov edx, FLUSH_PAGE
    mov eax, UPDATE_MAPPING
    HYPERCALL
    pop rsi
# #endregion
    push rax
    call put_text
    mov al, ' '
    call put_character
    pop rax
    test rax, rax
    jns put_answer
    push rax
    mov al, '-'
    call put_character
    pop rax
    neg rax
put_answer:
    call put_decimal
    mov al, '\n'
    jmp put_character

.set FLUSH_PAGE, 1
own_table:     .asciz "own-table"
foreign_frame: .asciz "foreign-frame"
own_frame:     .asciz "own-frame"
    .balign 8, 0
requests:      .skip PAGES * 16, 0
.endif

pages_name: .asciz "pages"
by_one:     .asciz "map-1"
by_four:    .asciz "map-4"
by_sixteen: .asciz "map-16"
at_once:    .asciz "map-64"

# One translation: the cycles of a load that hits the TLB, and of one that misses it while the translation of the neighbouring page
# has just been made. The last word of the command line is the size of the pages: 4096, 2097152 or 1073741824.

.set WINDOW, 0x8000000000       # linear: the second entry of the PML4
.set UPPER, 4 << 20             # PDPT, PD, PT of the window
.set DIRECTORY, UPPER + 0x1000
.set TABLE, UPPER + 0x2000
.set FRAME, 8 << 20
.set LEAF, PAGE_PRESENT | PAGE_WRITABLE

.code64
main:
    call last_decimal
    mov r8, rax
    call console_init
    mov rax, UPPER | PAGE_UPPER
    mov [PML4 + 8], rax
    mov eax, LEAF | PAGE_LARGE
    mov edi, UPPER
    bt r8, 30
    jc map                      # 1 GiB: all of RAM
    mov dword ptr [rdi], DIRECTORY | PAGE_UPPER
    or eax, FRAME
    add edi, 0x1000
    bt r8, 21
    jc map
    mov dword ptr [rdi], TABLE | PAGE_UPPER
    mov eax, FRAME | LEAF
    add edi, 0x1000
map:
    mov [rdi], rax              # two pages lead to the same frame
    mov [rdi + 8], rax

    mov rdi, WINDOW
    call load_time              # the code comes into the TLB too
    call load_time
    mov r9d, eax
    lea rdi, [rdi + r8]
    call load_time
    mov r10d, eax
    mov eax, r9d
    lea rsi, [rip + hit_name]
    call report
    mov eax, r10d
    lea rsi, [rip + miss_name]
    jmp report

# RDI: linear address. Returns EAX: cycles of a load.
load_time:
    rdtsc
    mov esi, eax
    mov rcx, [rdi]
    rdtsc
    sub eax, esi
    ret

hit_name: .asciz "hit"
miss_name: .asciz "miss"

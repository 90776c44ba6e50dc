# Replaces the first 2 MiB page by 4 KiB pages, so that some can belong to ring 3, and prepares an empty page table
# for the user heap.
#
#   linear             page      who may
#   0                  none      nobody: null pointers fault
#   up to 2 MiB        4 KiB     ring 0 reads and writes
#   user_start …       4 KiB     ring 3 reads and executes
#   USER_STACK         4 KiB     ring 3 reads and writes
#   2 MiB to 16 MiB    2 MiB     ring 0 reads and writes
#   USER_HEAP          none yet  ring 3, once the page-fault handler has mapped it

.set PAGE_SIZE, 4096
.set USER_STACK, USER_STACK_TOP - PAGE_SIZE
.set USER_HEAP, 32 << 20
.set USER_HEAP_SIZE, 2 << 20
.set HEAP_FRAMES, 12 << 20      # frames given to the heap, one after another

.code64
paging_init:
.ifdef PARAVIRTUAL
    # The first page tables are the hypervisor's making, at the same addresses and like these. They are read-only to us: what is
    # to change goes to the hypervisor, all at once.
    mov edi, PAGE_TABLE
    xor edx, edx
    call queue_update
.else
    mov edi, PAGE_TABLE
    mov eax, PAGE_PRESENT | PAGE_WRITABLE
map_small_page:
    mov [rdi], rax
    add rdi, 8
    add eax, PAGE_SIZE
    cmp eax, LARGE_PAGE_SIZE
    jb map_small_page
    mov qword ptr [PAGE_TABLE], 0
.endif

    mov esi, offset user_start
give_page_to_user:
    mov ecx, esi
    shr ecx, 12
    lea edx, [rsi + (PAGE_PRESENT | PAGE_USER)]
.ifdef PARAVIRTUAL
    lea edi, [PAGE_TABLE + rcx * 8]
    call queue_update
.else
    mov [PAGE_TABLE + rcx * 8], rdx
.endif
    add esi, PAGE_SIZE
    cmp esi, offset user_end
    jb give_page_to_user
.ifdef PARAVIRTUAL
    mov edi, PAGE_TABLE + (USER_STACK >> 12) * 8
    mov edx, USER_STACK | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER
    call queue_update
    mov edi, PAGE_TABLE + (HEAP_TABLE >> 12) * 8        # a page table is mapped writable nowhere
    mov edx, HEAP_TABLE | PAGE_PRESENT
    call queue_update
    mov edi, PAGE_DIRECTORY + (USER_HEAP >> 21) * 8
    mov edx, HEAP_TABLE | PAGE_UPPER
    call queue_update
    call flush_updates
    mov edi, offset flush_operation
    mov esi, 1
    mov eax, MMU_OPERATE
    HYPERCALL
    ret

    .balign 8, 0
flush_operation: .long MMU_FLUSH, 0, 0, 0
.else
    mov qword ptr [PAGE_TABLE + (USER_STACK >> 12) * 8], USER_STACK | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER

    mov qword ptr [PAGE_DIRECTORY + (USER_HEAP >> 21) * 8], HEAP_TABLE | PAGE_UPPER
    mov qword ptr [PAGE_DIRECTORY], PAGE_TABLE | PAGE_UPPER
    mov rax, cr3                # the first 2 MiB are mapped anew: drop the old translation
    mov cr3, rax
    ret
.endif

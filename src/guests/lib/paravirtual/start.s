# Where a paravirtual guest begins, in 64-bit mode at ring 1 on page tables of the hypervisor's making: main(rdi = start info),
# then off. And what its kernel asks the hypervisor for, under the names that long-mode.s gives to the processor's instructions.

.macro HYPERCALL
    int HYPERCALL_VECTOR
.endm
.macro READ_MSR
    call read_msr
.endm
.macro WRITE_MSR
    call write_msr
.endm
.macro READ_CR3
    call read_cr3
.endm
.macro READ_CR2
    mov rbx, [rip + shared_info]
    mov rbx, [rbx + SHARED_CR2]
.endm
.macro SLEEP
    call sleep_until_event
.endm
.macro RETURN_FROM_TRAP
    jmp return_from_trap
.endm

.set FLAG_IF, 1 << 9
.set UPDATE_BYTES, 16
.set MOST_UPDATES, 16

.code64
start:
    cld
    mov esp, STACK_TOP
    mov [rip + start_info], rdi
    mov rax, [rdi + START_SHARED_INFO]
    mov [rip + shared_info], rax
    call main
    jmp power_off

# As RDMSR and WRMSR: ECX names the register, EDX:EAX is its value.
read_msr:
    push rdi
    mov edi, ecx
    mov eax, READ_MSR_CALL
    HYPERCALL
    mov eax, edx
    shr rdx, 32
    pop rdi
    ret
write_msr:
    push rdi
    push rsi
    push rax
    mov edi, ecx
    mov esi, edx
    shl rsi, 32
    mov eax, eax
    or rsi, rax
    mov eax, WRITE_MSR_CALL
    HYPERCALL
    pop rax
    pop rsi
    pop rdi
    ret

# RAX: guest-physical address of the level-4 table. CR3 itself holds a machine address.
read_cr3:
    push rcx
    mov rcx, [rip + start_info]
    mov rax, [rcx + START_CR3]
    shr rax, 12
    mov rcx, [rcx + START_MACHINE_TO_PHYSICAL]
    mov rax, [rcx + rax * 8]
    shl rax, 12
    pop rcx
    ret

# STI, HLT and CLI. An event is delivered while the call lasts; CLI is a store.
sleep_until_event:
    push rax
    mov eax, BLOCK
    HYPERCALL
    mov rax, [rip + shared_info]
    mov byte ptr [rax + SHARED_UPCALL_MASK], 1
    pop rax
    ret

# #region pv-return
# IRETQ: RSP points to a frame. IF in it is virtual, and goes into the event mask. When an event came meanwhile, the hypervisor
# returns in our place, and delivers it on the way.
return_from_trap:
    push rax
    test dword ptr [rsp + 24], FLAG_IF
    jz return_to_frame
    mov rax, [rip + shared_info]
    mov byte ptr [rax + SHARED_UPCALL_MASK], 0
    cmp byte ptr [rax + SHARED_UPCALL_PENDING], 0
    jne return_by_hypercall
return_to_frame:
    pop rax
    iretq
return_by_hypercall:
    mov eax, INTERRUPT_RETURN
    HYPERCALL
# #endregion

# RAX: guest-physical address or page-table entry. Returns it with the machine address. Keeps the other registers.
to_machine:
    push rcx
    push rdx
    mov rcx, rax
    and ecx, 0xfff
    shr rax, 12
    mov rdx, [rip + start_info]
    mov rdx, [rdx + START_PHYSICAL_TO_MACHINE]
    mov rax, [rdx + rax * 8]
    shl rax, 12
    or rax, rcx
    pop rdx
    pop rcx
    ret

# RDI: page-table entry, RDX: what it is to become, with a guest-physical address. It waits for flush_updates, or until there
# are MOST_UPDATES. Keeps every register but RAX.
queue_update:
    push rbx
    mov ebx, [rip + updates_waiting]
    shl ebx, 4
    add rbx, offset updates
    mov rax, rdi
    call to_machine
    mov [rbx], rax
    mov rax, rdx
    test rax, rax
    jz update_is_empty
    call to_machine
update_is_empty:
    mov [rbx + 8], rax
    pop rbx
    inc dword ptr [rip + updates_waiting]
    cmp dword ptr [rip + updates_waiting], MOST_UPDATES
    jae flush_updates
    ret

# All that wait, by one hypercall. Keeps every register but RAX.
flush_updates:
    push rdi
    push rsi
    push rdx
    mov edi, offset updates
    mov esi, [rip + updates_waiting]
    mov dword ptr [rip + updates_waiting], 0
    mov eax, MMU_UPDATE
    HYPERCALL
    test rax, rax
    jnz update_refused
    pop rdx
    pop rsi
    pop rdi
    ret
update_refused:
    lea rsi, [rip + update_refused_text]
    call put_text
    jmp power_off

update_refused_text: .asciz "the hypervisor refused a page-table update\n"

    .balign 8, 0
start_info:      .quad 0
shared_info:     .quad 0
updates_waiting: .long 0
    .balign 8, 0
updates:         .skip MOST_UPDATES * UPDATE_BYTES, 0

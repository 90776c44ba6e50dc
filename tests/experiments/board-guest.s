# Reads the board's devices and prints what a PC with four processors and the customary test device answers. Runs in
# 64-bit mode with interrupts off, on this machine and on QEMU's.
.set DIRECTORY, 0x300000
.set APIC, 0xfee00000
.set IO_APIC, 0xfec00000
.set TEST_MEMORY, 0xff000000
.set TRAMPOLINE, 0x8000
.set STARTED, 0x7000
.code64
main:
    call console_init
    # The fourth GiB by 2 MiB pages, uncached.
    mov rdi, DIRECTORY
    mov eax, 0xc0000093
map:
    mov [rdi], rax
    add rdi, 8
    add rax, 0x200000
    cmp rdi, DIRECTORY + 4096
    jb map
    mov rax, PDPT
    mov qword ptr [rax + 24], DIRECTORY | 3
    mov rax, cr3
    mov cr3, rax
    mov ebp, APIC

    lea rsi, [rip + version]
    mov eax, [rbp + 0x30]
    call report
    mov dword ptr [rbp + 0xf0], 0x1ff
    lea rsi, [rip + spurious]
    mov eax, [rbp + 0xf0]
    call report
    lea rsi, [rip + base]
    mov ecx, 0x1b
    rdmsr
    call report

    # cli; xor ax, ax; mov ds, ax; lock inc word [0x7000]; hlt; jmp to it
    mov rax, 0x06fff0d88ec031fa
    mov [TRAMPOLINE], rax
    mov rax, 0xfdebf47000
    mov [TRAMPOLINE + 8], rax
    mov dword ptr [STARTED], 0
    mov dword ptr [rbp + 0x300], 0xc4500
    mov dword ptr [rbp + 0x300], 0xc4608
others:
    pause
    cmp word ptr [STARTED], 3
    jne others
    lea rsi, [rip + processors]
    movzx eax, word ptr [STARTED]
    inc eax
    call report

    # Timer: one-shot, masked, divided by 1.
    mov dword ptr [rbp + 0x320], 0x10040
    mov dword ptr [rbp + 0x3e0], 0xb
    mov dword ptr [rbp + 0x380], 0x7fffffff
    mov ecx, [rbp + 0x390]
    in al, 0x80
    mov edx, [rbp + 0x390]
    xor eax, eax
    cmp edx, ecx
    setb al
    lea rsi, [rip + counts]
    call report

    # Task priority and CR8 are one.
    mov dword ptr [rbp + 0x80], 0x50
    mov rax, cr8
    mov ecx, 3
    mov cr8, rcx
    shl eax, 8
    or eax, [rbp + 0x80]
    lea rsi, [rip + priority]
    call report
    xor ecx, ecx
    mov cr8, rcx

    # Line 14: an edge, then a level, to vector 0x4e; IRR and TMR are looked at.
    mov ebx, IO_APIC
    mov dword ptr [rbx], 0x2d
    mov dword ptr [rbx + 0x10], 0
    mov dword ptr [rbx], 0x2c
    mov dword ptr [rbx + 0x10], 0x4e
    mov edx, 0x200e
    mov al, 1
    out dx, al
    mov al, 0
    out dx, al
    lea rsi, [rip + edge]
    mov eax, [rbp + 0x220]
    call report
    mov dword ptr [rbx + 0x10], 0x1805f
    mov edx, 0x200e
    mov al, 1
    out dx, al
    mov dword ptr [rbx + 0x10], 0x805f
    lea rsi, [rip + level]
    mov eax, [rbp + 0x220]
    call report
    lea rsi, [rip + trigger]
    mov eax, [rbp + 0x1a0]
    call report
    lea rsi, [rip + remote]
    mov eax, [rbx + 0x10]
    call report

    # Test device, fw_cfg, PCI, keyboard controller, real-time clock, power-management timer.
    mov edx, 0xe0
    mov eax, 0x12345678
    out dx, eax
    mov edx, 0xe1
    mov al, 0xab
    out dx, al
    mov edx, 0xe2
    in ax, dx
    movzx ecx, ax
    shl rcx, 32
    mov edx, 0xe0
    in eax, dx
    or rax, rcx
    lea rsi, [rip + latch]
    call report
    mov ebx, TEST_MEMORY
    mov dword ptr [rbx + 0x1234], 0xcafe4321
    mov byte ptr [rbx + 0x1235], 0x99
    lea rsi, [rip + memory]
    mov eax, [rbx + 0x1234]
    call report
    xor eax, eax
    call configuration
    lea rsi, [rip + signature]
    call report
    mov eax, 5
    call configuration
    lea rsi, [rip + count]
    movzx eax, ax
    call report
    mov edx, 0xcf8
    mov eax, 0x80000000
    out dx, eax
    mov edx, 0xcfc
    in eax, dx
    lea rsi, [rip + bridge]
    call report
    mov al, 0xaa
    out 0x64, al
full:
    in al, 0x64
    test al, 1
    jz full
    in al, 0x60
    movzx eax, al
    lea rsi, [rip + keyboard]
    call report
    mov al, 0xd
    out 0x70, al
    in al, 0x71
    movzx eax, al
    lea rsi, [rip + clock]
    call report
    mov edx, 0x608
    in eax, dx
    mov ecx, eax
again:
    in eax, dx
    cmp eax, ecx
    je again
    xor eax, eax
    lea rsi, [rip + power]
    call report
    # The RSDP is on a 16-byte boundary of 0xe0000 to 0xfffff: its sum is 0.
    mov edi, 0xe0000
    mov rcx, 0x2052545020445352
search:
    cmp [rdi], rcx
    je found
    add edi, 16
    cmp edi, 0x100000
    jb search
found:
    xor eax, eax
    mov ecx, 20
sum:
    add al, [rdi]
    inc rdi
    dec ecx
    jnz sum
    lea rsi, [rip + pointer]
    call report
    mov al, 0
    out 0xf4, al
hang:
    hlt
    jmp hang

# EAX: fw_cfg item; its first four bytes come back.
configuration:
    mov edx, 0x510
    out dx, ax
    mov edx, 0x511
    xor ecx, ecx
    xor ebx, ebx
next:
    in al, dx
    movzx eax, al
    shl eax, cl
    or ebx, eax
    add ecx, 8
    cmp ecx, 32
    jb next
    mov eax, ebx
    ret

# RSI: name, RAX: value.
report:
    push rax
    call put_text
    pop rax
    push rbx
    push rbp
    call put_hexadecimal
    pop rbp
    pop rbx
    mov eax, 10
    jmp put_character

version: .asciz "local APIC version "
spurious: .asciz "spurious vector "
base: .asciz "APIC base "
processors: .asciz "processors "
counts: .asciz "timer counts "
priority: .asciz "CR8 and TPR "
edge: .asciz "IRR after an edge "
level: .asciz "IRR after a level "
trigger: .asciz "TMR "
remote: .asciz "redirection entry "
latch: .asciz "latch "
memory: .asciz "memory "
signature: .asciz "fw_cfg signature "
count: .asciz "fw_cfg processors "
bridge: .asciz "host bridge "
keyboard: .asciz "keyboard controller "
clock: .asciz "clock valid "
power: .asciz "timer runs "
pointer: .asciz "RSDP sum "

# The guest kernel's instructions, one after another, in ring 1: what the guest believes to find, what it finds, and
# whether its monitor was told. The guest believes that it runs in ring 0; the monitor keeps its GDTR, IDTR, LDTR, TR,
# CR0 and IF for it, and can give them back only where an instruction traps.

.set NAME_WIDTH, 10
.set BELIEVED_GDT, 0x5000
.set BELIEVED_IDT, 0x6000
.set BELIEVED_LDT, 0x48
.set BELIEVED_TSS, 0x50
.set CR0_TS, 1 << 3
.set FLAG_IOPL, 3 << 12
.set FLAG_ZF, 1 << 6

# An entry: address of the name, of the code, what the guest believes to find in EAX, what to look at instead of EAX.
.set PROBE_SIZE, 16
.set GENERAL_PROTECTION, 13
.set LOOK_AT_FLAGS, 1           # EFLAGS & IF as the monitor finds them

.code32
main:
    mov edi, offset probes
next_probe:
    mov esi, [edi]
    mov ecx, NAME_WIDTH
    call put_padded
    mov eax, [edi + 4]
    call run_in_ring_1          # leaves EAX: vector, EBX: result, EDX: EFLAGS
    cmp dword ptr [edi + 12], LOOK_AT_FLAGS
    jne compare
    mov ebx, edx
    and ebx, FLAG_IF
compare:
    cmp eax, BACK
    je came_back
    mov esi, offset traps
    cmp eax, GENERAL_PROTECTION
    je say
    mov esi, offset other_trap
    jmp say
came_back:
    mov esi, offset believes
    call put_text
    mov eax, [edi + 8]
    call put_hexadecimal
    mov esi, offset finds
    call put_text
    mov eax, ebx
    call put_hexadecimal
    mov esi, offset is_right
    cmp ebx, [edi + 8]
    je say
    mov esi, offset is_wrong
say:
    call put_text
    mov al, '\n'
    call put_character
    add edi, PROBE_SIZE
    cmp edi, offset probes_end
    jb next_probe
    ret

believes:   .asciz "believes "
finds:      .asciz ", finds "
traps:      .asciz "traps: #GP"
other_trap: .asciz "traps, but not with #GP"
is_right:   .asciz ": right"
is_wrong:   .asciz ": wrong, and the monitor was not told"

# Privileged: each traps in ring 1, so that the monitor can do it for the guest.
probe_cli:   cli; int BACK
probe_sti:   sti; int BACK
probe_hlt:   hlt; int BACK
probe_in:    in al, 0x60; int BACK
probe_clts:  clts; int BACK
probe_mov_cr: mov eax, cr0; int BACK
probe_lgdt:
    .byte 0x0f, 0x01, 0x15      # lgdt [gdt_pointer]
    .long gdt_pointer
    int BACK
probe_rdmsr: rdmsr; int BACK

# Sensitive registers, read or written with no trap.
probe_sgdt:
    sub esp, 8
    .byte 0x0f, 0x01, 0x04, 0x24    # sgdt [esp]: keystone takes it for another size
    mov eax, [esp + 2]
    int BACK
probe_sidt:
    sub esp, 8
    .byte 0x0f, 0x01, 0x0c, 0x24    # sidt [esp]
    mov eax, [esp + 2]
    int BACK
probe_sldt:
    sldt eax
    int BACK
probe_smsw:
    smsw eax
    and eax, CR0_TS
    int BACK
probe_pushf:
    pushfd
    pop eax
    and eax, FLAG_IF | FLAG_IOPL
    int BACK
probe_popf:
    push FLAG_FIXED             # IF = 0
    popfd
    int BACK

# References to the protection system: what they say depends on the privilege level at which they are executed.
probe_lar:
    mov ecx, MONITOR_DATA       # the kernel's data segment, to the guest
    lar eax, ecx
    jmp zero_flag
probe_lsl:
    mov ecx, MONITOR_DATA
    lsl eax, ecx
    jmp zero_flag
probe_verr:
    mov ecx, MONITOR_DATA
    verr cx
    jmp zero_flag
probe_verw:
    mov ecx, MONITOR_DATA
    verw cx
    jmp zero_flag
zero_flag:
    pushfd
    pop eax
    and eax, FLAG_ZF
    int BACK
probe_push:
    .byte 0x0e                  # push cs
    pop eax
    and eax, 0xffff
    int BACK
probe_mov:
    mov eax, ss
    int BACK
probe_str:
    str eax
    int BACK
probe_pop:
    push MONITOR_DATA
    .byte 0x17                  # pop ss
    int BACK
probe_call:
    .byte 0x9a                  # call MONITOR_CODE:far_target
    .long far_target
    .word MONITOR_CODE
far_target:
    int BACK
probe_jmp:
    .byte 0xea                  # jmp MONITOR_CODE:far_target
    .long far_target
    .word MONITOR_CODE
probe_ret:
    push MONITOR_CODE
    mov eax, offset far_target
    push eax
    retf
probe_int:
    int 0x2f
    int BACK

    .balign 4, 0
probes:
    .long name_cli, probe_cli, 0, 0
    .long name_sti, probe_sti, 0, 0
    .long name_hlt, probe_hlt, 0, 0
    .long name_in, probe_in, 0, 0
    .long name_clts, probe_clts, 0, 0
    .long name_mov_cr, probe_mov_cr, 0, 0
    .long name_lgdt, probe_lgdt, 0, 0
    .long name_rdmsr, probe_rdmsr, 0, 0
    .long name_sgdt, probe_sgdt, BELIEVED_GDT, 0
    .long name_sidt, probe_sidt, BELIEVED_IDT, 0
    .long name_sldt, probe_sldt, BELIEVED_LDT, 0
    .long name_smsw, probe_smsw, CR0_TS, 0
    .long name_pushf, probe_pushf, 0, 0
    .long name_popf, probe_popf, 0, LOOK_AT_FLAGS
    .long name_lar, probe_lar, FLAG_ZF, 0
    .long name_lsl, probe_lsl, FLAG_ZF, 0
    .long name_verr, probe_verr, FLAG_ZF, 0
    .long name_verw, probe_verw, FLAG_ZF, 0
    .long name_push, probe_push, MONITOR_CODE, 0
    .long name_mov, probe_mov, MONITOR_DATA, 0
    .long name_str, probe_str, BELIEVED_TSS, 0
    .long name_pop, probe_pop, 0, 0
    .long name_call, probe_call, 0, 0
    .long name_jmp, probe_jmp, 0, 0
    .long name_ret, probe_ret, 0, 0
    .long name_int, probe_int, 0, 0
probes_end:

name_cli:    .asciz "CLI"
name_sti:    .asciz "STI"
name_hlt:    .asciz "HLT"
name_in:     .asciz "IN"
name_clts:   .asciz "CLTS"
name_mov_cr: .asciz "MOV CR0"
name_lgdt:   .asciz "LGDT"
name_rdmsr:  .asciz "RDMSR"
name_sgdt:   .asciz "SGDT"
name_sidt:   .asciz "SIDT"
name_sldt:   .asciz "SLDT"
name_smsw:   .asciz "SMSW"
name_pushf:  .asciz "PUSHF"
name_popf:   .asciz "POPF"
name_lar:    .asciz "LAR"
name_lsl:    .asciz "LSL"
name_verr:   .asciz "VERR"
name_verw:   .asciz "VERW"
name_push:   .asciz "PUSH CS"
name_mov:    .asciz "MOV SS"
name_str:    .asciz "STR"
name_pop:    .asciz "POP SS"
name_call:   .asciz "CALL far"
name_jmp:    .asciz "JMP far"
name_ret:    .asciz "RET far"
name_int:    .asciz "INT n"

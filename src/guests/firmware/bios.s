# Firmware for boot sectors: what a PC's BIOS does between power-on and the first sector, and the software interrupts that
# such a sector calls. Segment F000, offsets from E000 on. The screen is COM1, and so is the keyboard; the disk is the
# image, at the end of RAM.

.set COM1, 0x3f8
.set LINE_STATUS, COM1 + 5
.set DATA_READY, 1 << 0
.set TRANSMITTER_EMPTY, 1 << 5
.set SECTOR_DWORDS, 128
.set LAST_FLOPPY, 0x7f
.set CARRY, 1 << 0
.set ZERO, 1 << 6

# BIOS data area, segment 40H
.set EQUIPMENT, 0x10
.set MEMORY_SIZE, 0x13
.set KEY, 0x1e                  # a key that was seen and not taken; 0: none
.set VIDEO_MODE, 0x49
.set COLUMNS, 0x4a
.set TICKS, 0x6c
.set MIDNIGHT, 0x70
.set LAST_STATUS, 0x74
.set DISKS, 0x75
.set TICKS_OF_A_DAY, 0x1800b0

.code16
    jmp power_on

# What the loader knows of the machine.
    .balign 16, 0
disk_base:
    .long 0                     # physical address of the image
disk_sectors:
    .long 0
regions:
    .word 0                     # entries of the memory map
    .balign 16, 0
memory_map:
    .skip 6 * 20

# ---------------------------------------------------------------- power-on
power_on:
    cli
    cld
    xor ax, ax
    mov ss, ax
    mov sp, 0x7c00
    mov es, ax
    xor di, di                  # vectors: all to an IRET, then those that are served
    mov cx, 256
vector:
    mov ax, offset nothing
    stosw
    mov ax, cs
    stosw
    loop vector
    xor ax, ax
    mov ds, ax
    mov word ptr [0x08 * 4], offset tick
    mov word ptr [0x10 * 4], offset video
    mov word ptr [0x11 * 4], offset equipment
    mov word ptr [0x12 * 4], offset memory_size
    mov word ptr [0x13 * 4], offset disk
    mov word ptr [0x15 * 4], offset system
    mov word ptr [0x16 * 4], offset keyboard
    mov word ptr [0x18 * 4], offset no_boot
    mov word ptr [0x19 * 4], offset boot
    mov word ptr [0x1a * 4], offset time
    mov bx, 0x09 * 4            # IRQ 1 to 7, 8 to 15: only the end of interrupt
other_master:
    mov word ptr [bx], offset end_master
    add bx, 4
    cmp bx, 0x10 * 4
    jne other_master
    mov bx, 0x70 * 4
other_slave:
    mov word ptr [bx], offset end_slave
    add bx, 4
    cmp bx, 0x78 * 4
    jne other_slave
    call data_area
    call controllers
boot:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    xor eax, eax                # the first sector to 0000:7C00
    mov edi, 0x7c00
    mov cx, 1
    call read
    mov dx, 0x80
    sti
    .byte 0xea                  # jmp 0000:7C00
    .word 0x7c00, 0

data_area:
    mov ax, 0x40
    mov ds, ax
    mov word ptr [0], COM1
    mov word ptr [0x0e], 0x9fc0 # extended BIOS data area
    mov word ptr [EQUIPMENT], 0x0222
    mov word ptr [MEMORY_SIZE], 639
    mov byte ptr [VIDEO_MODE], 3
    mov word ptr [COLUMNS], 80
    mov word ptr [0x63], 0x3d4
    mov byte ptr [0x84], 24
    mov byte ptr [DISKS], 1
    ret

# 8259s at vectors 8 and 70H with the timer unmasked, the 8254 at 18.2 Hz, COM1 at 115200 8N1.
controllers:
    mov al, 0x11
    out 0x20, al
    out 0xa0, al
    mov al, 0x08
    out 0x21, al
    mov al, 0x70
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, 0xfa
    out 0x21, al
    mov al, 0xff
    out 0xa1, al
    mov al, 0x36
    out 0x43, al
    xor al, al
    out 0x40, al
    out 0x40, al
    mov dx, COM1 + 3
    mov al, 0x80
    out dx, al
    mov dx, COM1
    mov al, 1
    out dx, al
    inc dx
    xor al, al
    out dx, al
    mov dx, COM1 + 3
    mov al, 3
    out dx, al
    mov dx, COM1 + 2
    mov al, 7
    out dx, al
    mov dx, COM1 + 4
    mov al, 3
    out dx, al
    mov dx, COM1 + 1
    xor al, al
    out dx, al
    ret

# ---------------------------------------------------------------- interrupts of the board
tick:
    push ds
    push eax
    mov ax, 0x40
    mov ds, ax
    mov eax, [TICKS]
    inc eax
    cmp eax, TICKS_OF_A_DAY
    jb same_day
    xor eax, eax
    inc byte ptr [MIDNIGHT]
same_day:
    mov [TICKS], eax
    int 0x1c
    pop eax
    pop ds
end_master:
    push ax
    mov al, 0x20
    out 0x20, al
    pop ax
    iret
end_slave:
    push ax
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    pop ax
    iret

# ---------------------------------------------------------------- how a service returns
# Flags of the caller, at [bp + 6] with BP pushed: what a service says in CF or ZF.
fail:
    push bp
    mov bp, sp
    or byte ptr [bp + 6], CARRY
    pop bp
nothing:
    iret
succeed:
    push bp
    mov bp, sp
    and byte ptr [bp + 6], 0xfe
    pop bp
    iret

# ---------------------------------------------------------------- 10H: video
video:
    cmp ah, 0x0e
    je teletype
    cmp ah, 0x09
    je teletype
    cmp ah, 0x0a
    je teletype
    cmp ah, 0x13
    je string
    cmp ah, 0x0f
    je video_mode
    cmp ah, 0x03
    jne nothing
    xor dx, dx                  # the cursor: nobody knows where a terminal's is
    mov cx, 0x0607
    iret
video_mode:
    mov ax, 0x5003
    xor bh, bh
    iret
teletype:
    push ax
    call print
    pop ax
    iret
string:                         # CX characters at ES:BP
    push ax
    push bp
    push cx
    jcxz string_end
next_character:
    mov al, es:[bp]
    call print
    inc bp
    loop next_character
string_end:
    pop cx
    pop bp
    pop ax
    iret

print:                          # AL; AH is lost
    push dx
    mov ah, al
    mov dx, LINE_STATUS
print_wait:
    in al, dx
    test al, TRANSMITTER_EMPTY
    jz print_wait
    mov al, ah
    mov dx, COM1
    out dx, al
    pop dx
    ret

# ---------------------------------------------------------------- 11H, 12H: equipment, conventional memory
equipment:
    mov ax, 0x0222
    iret
memory_size:
    mov ax, 639
    iret

# ---------------------------------------------------------------- 13H: disk
disk:
    cmp ah, 0x00
    je disk_done
    cmp ah, 0x01
    je disk_status
    cmp ah, 0x02
    je disk_read
    cmp ah, 0x03
    je disk_write
    cmp ah, 0x04
    je disk_done
    cmp ah, 0x08
    je disk_parameters
    cmp ah, 0x15
    je disk_type
    cmp ah, 0x41
    je extensions
    cmp ah, 0x42
    je extended_read
    cmp ah, 0x43
    je extended_write
    cmp ah, 0x44
    je disk_done
    cmp ah, 0x48
    je extended_parameters
    mov ah, 1                   # no such function
disk_failed:
    push ds
    .byte 0x6a, 0x40            # push 40H
    pop ds
    mov [LAST_STATUS], ah
    pop ds
    jmp fail
disk_done:
    mov ah, 0
disk_succeeded:
    push ds
    .byte 0x6a, 0x40            # push 40H
    pop ds
    mov byte ptr [LAST_STATUS], 0
    pop ds
    jmp succeed
disk_status:
    push ds
    .byte 0x6a, 0x40            # push 40H
    pop ds
    mov ah, [LAST_STATUS]
    pop ds
    jmp succeed

# A hard disk has 16 heads of 63 sectors, a floppy disk 2 of 18.
heads:                          # EBX = heads, ESI = sectors of a track
    mov ebx, 16
    mov esi, 63
    cmp dl, LAST_FLOPPY
    ja heads_end
    mov ebx, 2
    mov esi, 18
heads_end:
    ret

disk_read:
    pushad
    call cylinder
    jc disk_error
    call read
    jmp disk_end
disk_write:
    pushad
    call cylinder
    jc disk_error
    call write
disk_end:
    popad
    mov ah, 0
    jmp disk_succeeded
disk_error:
    popad
    mov ah, 4                   # sector not found
    mov al, 0
    jmp disk_failed

# From CH, CL, DH, DL, AL and ES:BX to EAX = sector, EDI = address, CX = count; CF: not on the disk.
cylinder:
    movzx edi, bx
    call to_linear
    movzx ebp, al
    call heads
    movzx eax, cl               # cylinder: CH, and bits 7:6 of CL
    shl eax, 2
    mov al, ch
    movzx ecx, cl
    and ecx, 0x3f
    jz no_sector
    push edx
    mul ebx
    pop edx
    movzx edx, dh
    add eax, edx
    mul esi
    lea eax, [eax + ecx - 1]
    mov ecx, ebp
    jmp on_disk
no_sector:
    stc
    ret

# CF unless ECX sectors from EAX lie on the disk.
on_disk:
    mov edx, eax
    add edx, ecx
    jc off_disk
    cmp cs:[disk_sectors], edx
off_disk:
    ret

# EDI = linear address of ES:DI.
to_linear:
    push eax
    xor eax, eax
    mov ax, es
    shl eax, 4
    add edi, eax
    pop eax
    ret

disk_parameters:
    push esi
    push ebx
    push eax
    push edx
    call heads
    mov eax, ebx
    mul esi
    mov ecx, eax
    mov eax, cs:[disk_sectors]
    xor edx, edx
    div ecx
    cmp eax, 1024
    jb few_cylinders
    mov eax, 1024
few_cylinders:
    sub eax, 1
    adc eax, 0
    mov ch, al                  # last cylinder, sectors, last head
    mov cl, ah
    shl cl, 6
    mov ax, si
    or cl, al
    pop edx
    dec bx
    mov dh, bl
    mov dl, 1
    pop eax
    pop ebx
    mov bl, 4
    pop esi
    mov ax, 0
    jmp disk_succeeded
disk_type:
    mov ah, 3                   # a hard disk of CX:DX sectors
    mov dx, cs:[disk_sectors]
    mov cx, cs:[disk_sectors + 2]
    jmp succeed
extensions:
    cmp bx, 0x55aa
    mov ah, 1
    jne disk_failed
    mov bx, 0xaa55
    mov ax, 0x2100
    mov cx, 1
    jmp succeed

# The packet at DS:SI: count at 2, offset and segment at 4, sector at 8.
packet:
    movzx ecx, word ptr [si + 2]
    movzx edi, word ptr [si + 6]
    shl edi, 4
    movzx eax, word ptr [si + 4]
    add edi, eax
    mov eax, [si + 8]
    cmp dword ptr [si + 12], 0
    je on_disk
    stc
    ret
extended_read:
    pushad
    call packet
    jc disk_error
    call read
    jmp disk_end
extended_write:
    pushad
    call packet
    jc disk_error
    call write
    jmp disk_end
extended_parameters:
    mov word ptr [si], 26
    mov word ptr [si + 2], 2
    mov dword ptr [si + 4], 16383
    mov dword ptr [si + 8], 16
    mov dword ptr [si + 12], 63
    push eax
    mov eax, cs:[disk_sectors]
    mov [si + 16], eax
    pop eax
    mov dword ptr [si + 20], 0
    mov word ptr [si + 24], 512
    jmp disk_done

# CX sectors from EAX, to or from linear EDI.
read:
    shl eax, 9
    add eax, cs:[disk_base]
    mov esi, eax
    jmp copy
write:
    shl eax, 9
    add eax, cs:[disk_base]
    mov esi, edi
    mov edi, eax
# CX sectors from linear ESI to linear EDI: in protected mode, since the disk lies above what real mode reaches. The
# segments get their limits of 64 KBytes back before it is left.
copy:
    push ds
    push es
    pushf
    cli
    movzx ecx, cx
    shl ecx, 7                  # doublewords: SECTOR_DWORDS
    sub sp, 6
    mov bp, sp
    .byte 0x66, 0x0f, 0x01, 0x46, 0x00 # sgdt [bp], all 32 bits of the base
    .byte 0x66, 0x2e, 0x0f, 0x01, 0x16 # lgdt cs:[gdt_pointer]
    .word gdt_pointer
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 0x08
    mov ds, bx
    mov es, bx
    .byte 0xf3, 0x67, 0x66, 0xa5 # rep movsd with 32-bit addresses
    mov bx, 0x10
    mov ds, bx
    mov es, bx
    and al, 0xfe
    mov cr0, eax
    .byte 0x66, 0x0f, 0x01, 0x56, 0x00 # lgdt [bp]
    add sp, 6
    popf
    pop es
    pop ds
    ret

    .balign 8, 0
gdt:
    .quad 0
    .quad 0x00cf93000000ffff    # 4 GBytes
    .quad 0x000093000000ffff    # 64 KBytes
gdt_pointer:
    .word 23
    .long 0xf0000 + gdt

# ---------------------------------------------------------------- 15H: system
system:
    cmp ax, 0xe820
    je map
    cmp ax, 0xe801
    je sizes
    cmp ah, 0x88
    je extended_size
    cmp ax, 0x2401
    je a20_on
    cmp ax, 0x2402
    je a20_status
    cmp ax, 0x2403
    je a20_support
    mov ah, 0x86                # no such function
    jmp fail
a20_on:                         # it always is
    mov ah, 0
    jmp succeed
a20_status:
    mov ax, 1
    jmp succeed
a20_support:
    mov ah, 0
    mov bx, 0
    jmp succeed
map:                            # entry EBX to ES:DI
    cmp edx, 0x534d4150         # "SMAP"
    jne map_failed
    cmp bx, cs:[regions]
    jae map_failed
    cmp ecx, 20
    jb map_failed
    push si
    push di
    mov ax, 20
    mul bl
    mov si, ax
    add si, offset memory_map
    mov cx, 10
copy_entry:
    mov ax, cs:[si]
    mov es:[di], ax
    add si, 2
    add di, 2
    loop copy_entry
    pop di
    pop si
    mov eax, 0x534d4150
    mov edx, eax
    mov ecx, 20
    inc ebx
    cmp bx, cs:[regions]
    jb succeed
    xor ebx, ebx
    jmp succeed
map_failed:
    mov ah, 0x86
    jmp fail
# KBytes from 1 to 16 MBytes, and 64 KBytes above: by the end of the last region that begins at 1 MByte.
above:                          # EAX = bytes from 1 MByte on
    mov eax, cs:[memory_map + 3 * 20 + 8]
    ret
sizes:
    push eax
    call above
    mov ecx, eax
    shr ecx, 10
    xor dx, dx
    cmp ecx, 15 * 1024
    jbe small
    mov ecx, 15 * 1024
    sub eax, 15 << 20
    shr eax, 16
    mov dx, ax
small:
    pop eax
    mov ax, cx
    mov bx, dx
    jmp succeed
extended_size:
    push ecx
    push eax
    call above
    mov ecx, eax
    pop eax
    shr ecx, 10
    cmp ecx, 0xffff
    jbe extended_end
    mov cx, 0xffff
extended_end:
    mov ax, cx
    pop ecx
    jmp succeed

# ---------------------------------------------------------------- 16H: keyboard
keyboard:
    sti
    push ds
    .byte 0x6a, 0x40            # push 40H
    pop ds
    cmp ah, 0x10
    jb plain
    sub ah, 0x10
plain:
    cmp ah, 1
    jb take_key
    je see_key
    mov al, 0                   # no shift keys
    pop ds
    iret
take_key:
    call key
    jz take_key
    mov word ptr [KEY], 0
    pop ds
    iret
see_key:
    call key
    pop ds
    push bp
    mov bp, sp
    jz no_key
    and byte ptr [bp + 6], 0xff - ZERO
    pop bp
    iret
no_key:
    or byte ptr [bp + 6], ZERO
    pop bp
    iret

key:                            # AX: the character alone, ZF if there is none
    mov ax, [KEY]
    test ax, ax
    jnz key_end
    push dx
    mov dx, LINE_STATUS
    in al, dx
    and al, DATA_READY
    jz no_character
    mov dx, COM1
    in al, dx
    cmp al, 10
    jne not_newline
    mov al, 13
not_newline:
    mov ah, 0x1c                # a scan code: of the Enter key
    mov [KEY], ax
    test ax, ax
no_character:
    pop dx
key_end:
    ret

# ---------------------------------------------------------------- 18H: nothing to boot from
no_boot:
    cli
    hlt
    jmp no_boot

# ---------------------------------------------------------------- 1AH: time
time:
    cmp ah, 0
    je ticks
    cmp ah, 2
    je clock
    cmp ah, 4
    je date
    jmp fail
ticks:
    push ds
    .byte 0x6a, 0x40            # push 40H
    pop ds
    mov dx, [TICKS]
    mov cx, [TICKS + 2]
    mov al, [MIDNIGHT]
    mov byte ptr [MIDNIGHT], 0
    pop ds
    jmp succeed
clock:                          # CH hours, CL minutes, DH seconds, BCD
    mov al, 4
    call cmos
    mov ch, al
    mov al, 2
    call cmos
    mov cl, al
    mov al, 0
    call cmos
    mov dh, al
    mov dl, 0
    jmp succeed
date:                           # CH century, CL year, DH month, DL day, BCD
    mov al, 0x32
    call cmos
    mov ch, al
    mov al, 9
    call cmos
    mov cl, al
    mov al, 8
    call cmos
    mov dh, al
    mov al, 7
    call cmos
    mov dl, al
    jmp succeed
cmos:
    out 0x70, al
    in al, 0x71
    ret

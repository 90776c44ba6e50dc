# Entry of every vector: the stub pushes what is missing, so that all frames look alike.

.set TRAP_STUB_SIZE, 16

.code32
    .balign TRAP_STUB_SIZE, 0xcc
trap_stubs:
    push 0; push 0; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 1; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 2; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 3; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 4; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 5; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 6; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 7; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 8; jmp trapped             ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 9; jmp trapped     ; .balign TRAP_STUB_SIZE, 0xcc
    push 10; jmp trapped            ; .balign TRAP_STUB_SIZE, 0xcc
    push 11; jmp trapped            ; .balign TRAP_STUB_SIZE, 0xcc
    push 12; jmp trapped            ; .balign TRAP_STUB_SIZE, 0xcc
    push 13; jmp trapped            ; .balign TRAP_STUB_SIZE, 0xcc
    push 14; jmp trapped            ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 15; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 16; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 17; jmp trapped            ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 18; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 19; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 20; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 21; jmp trapped            ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 22; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 23; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 24; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 25; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 26; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 27; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 28; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 29; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 30; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 31; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 32; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 33; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 34; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 35; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 36; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 37; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 38; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 39; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 40; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 41; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 42; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 43; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 44; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 45; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 46; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 47; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc
    push 0; push 48; jmp trapped    ; .balign TRAP_STUB_SIZE, 0xcc

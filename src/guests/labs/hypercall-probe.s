# Makes the hypercalls of a script, one after another, with accesses to memory between them, and writes what came of each to
# memory. Whoever runs the guest puts the script into the image (labs/hypercalls/script.ts).
#
#   script, 32 bytes a line     a hypercall's number + 1, or READ, or WRITE (0 ends it); RDI, RSI, RDX
#   results, first 32 bytes     number of results
#   results, 32 bytes each      RAX, RDX, 0, 0

.set SCRIPT, 0x102000
.set RESULTS, 0x300000
.set LINE, 32
.set READ, 0x100
.set WRITE, 0x101

.code64
main:
    mov r12d, SCRIPT
    mov r13d, RESULTS + LINE
    mov r14d, RESULTS
next:
    mov rax, [r12]
    mov rdi, [r12 + 8]
    mov rsi, [r12 + 16]
    mov rdx, [r12 + 24]
    test rax, rax
    jz finished
    cmp rax, READ
    je read
    cmp rax, WRITE
    je write
    dec rax
    HYPERCALL
    jmp store
read:
    mov rax, [rdi]
    jmp store
write:
    mov [rdi], rsi
store:
    mov [r13], rax
    mov [r13 + 8], rdx
    add r12, LINE
    add r13, LINE
    inc qword ptr [r14]
    jmp next
finished:
    ret

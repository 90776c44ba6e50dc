/** What translated code does without leaving the cache: the task priority, and stores to page tables. */
import { describe, expect, it } from "vitest";
import { FIRST_SLOT, windowBase } from "../../../src/hypervisor/bt/layout.js";
import { gate, IDT_POINTER } from "../../experiments/guest.js";
import { END, translated } from "./run.js";

const DONE = { kind: "debug-exit", status: 15 };
const [RBX, RSI] = [3, 6];

describe("MOV to CR8", () => {
  it("stays in the cache, from any register, and reads back", () => {
    const each = ["rax", "rcx", "rdx", "rsi", "r9", "r12"].map(
      (register, i) => `mov ${register}, ${i + 3}\nmov cr8, ${register}\nmov r15, cr8\nadd rbx, r15`,
    );
    const run = translated(
      `main: xor ebx, ebx\nmov ebp, 100\nagain:\n${each.join("\n")}\ncmp rdx, 5\njne bad\ncmp rcx, 4\njne bad\ndec ebp\njnz again\n${END}\nbad: hlt`,
    );
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[RBX]).toBe(100n * (3n + 4n + 5n + 6n + 7n + 8n));
    expect(run.registers.cr8).toBe(8n);
    // CR3, CR0 and CR4, on the way to 64-bit mode.
    expect(run.exits("CALL_OUT_WRITE_CR")).toBe(3);
  });

  it.each(["0x10", "0xff", "0x100", "0x100000000", "0xffffffffffffff00"])("%s is refused", (value) => {
    const run = translated(`main: mov ecx, 9\nmov cr8, rcx\nmov rdx, ${value}\nmov cr8, rdx\n${END}`);
    expect(run.ending?.kind).toBe("triple-fault");
    expect(run.registers.cr8).toBe(9n);
    expect(run.registers.general[2]).toBe(BigInt(value));
  });

  it("holds an interrupt back, and lets it in when it falls", () => {
    const run = translated(`
main: mov dword ptr [PDPT + 24], 0x300000 | PAGE_UPPER
    mov eax, 0xfee00083
    mov [0x300000 + 503 * 8], rax
    ${gate(0x22)}
    mov ebp, 0xfee00000
    mov dword ptr [rbp + 0xf0], 0x1ff
    xor ebx, ebx
    mov eax, 2
    mov cr8, rax
    sti
    mov dword ptr [rbp + 0x300], 0x40022
    nop
    mov esi, ebx
    mov eax, 3
    mov cr8, rax
    nop
    add esi, ebx
    mov eax, 1
    mov cr8, rax
    nop
    cli
    ${END}
handler: inc ebx
    mov dword ptr [rbp + 0xb0], 0
    iretq
${IDT_POINTER}`);
    expect(run.ending).toMatchObject(DONE);
    expect([run.registers.general[RSI], run.registers.general[RBX]]).toEqual([0n, 1n]);
  });
});

/** Linear 0x40000000 by a page table at 0x301000; frames 0x400000 and 0x401000 hold 1 and 2. */
const MAP = `
    mov qword ptr [PDPT + 8], 0x300000 | PAGE_UPPER
    mov qword ptr [0x300000], 0x301000 | PAGE_UPPER
    mov qword ptr [0x301000], 0x400003
    mov dword ptr [0x400000], 1
    mov dword ptr [0x401000], 2
    mov edi, 0x301000
    mov ebp, 0x40000000
    mov eax, [rbp]
    xor ebx, ebx`;

describe("stores to a page table", () => {
  it.each([
    ["MOV of a register", "mov rax, 0x400003\nmov rdx, 0x401003", "mov [rdi], rdx", "mov [rdi], rax"],
    ["MOV of a constant", "nop", "mov qword ptr [rdi], 0x401003", "mov qword ptr [rdi], 0x400003"],
    [
      "by RSI, far away",
      "lea rsi, [rdi - 0x12340]",
      "mov dword ptr [rsi + 0x12340], 0x401003",
      "mov dword ptr [rsi + 0x12340], 0x400003",
    ],
    [
      "of RSI, with an index",
      "mov esi, 0x401003\nmov r9d, 0x400003\nmov r10d, 0x60200",
      "mov [rdi + r10 * 8 - 0x301000], rsi",
      "mov [rdi + r10 * 8 - 0x301000], r9",
    ],
    ["of one byte", "mov ch, 0x10\nmov cl, 0", "mov [rdi + 1], ch", "mov [rdi + 1], cl"],
    ["XOR", "mov r8d, 0x1000", "xor [rdi], r8", "xor qword ptr [rdi], 0x1000"],
    ["BTS and BTR", "nop", "lock bts qword ptr [rdi], 12", "btr qword ptr [rdi], 12"],
    ["XCHG and NOT", "mov r8d, 0x401003", "xchg [rdi], r8", "xchg [rdi], r8"],
  ])("%s: what it maps is what is read", (_, before, first, second) => {
    const run = translated(`main: ${MAP}
    mov r11d, 100
again: ${before}
    ${first}
    invlpg [rbp]
    add rbx, [rbp]
    ${second}
    invlpg [rbp]
    mov r12, [rbp]
    lea rbx, [rbx + r12 * 8]
    dec r11d
    jnz again
    ${END}`);
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[RBX]).toBe(1000n);
    expect(run.exits("CALL_OUT_EMULATE")).toBeLessThan(40);
  });

  it("keep flags and registers as they are natively", () => {
    const run = translated(`main: ${MAP}
    mov r11d, 40
    mov qword ptr [rdi], 0x400003
again: mov eax, 0x400003
    mov ecx, 0x400003
    stc
    lock cmpxchg [rdi], rcx
    jnz bad
    adc rbx, 0
    mov edx, 0xffffffff
    add edx, 1
    mov [rdi], rcx
    jnc bad
    jnz bad
    cmp rcx, 0x400003
    jne bad
    dec r11d
    jnz again
    ${END}
bad: hlt`);
    expect(run.ending).toMatchObject(DONE);
  });

  it("more of them than the log has room for", () => {
    const run = translated(
      `main: ${MAP}
    mov r11d, 3
round: xor ecx, ecx
fill: mov eax, 0x400003
    test ecx, 1
    jz even
    mov eax, 0x401003
even: mov [rdi + rcx * 8], rax
    inc ecx
    cmp ecx, 512
    jb fill
    mov cr3, r10
    xor ecx, ecx
    mov rsi, rbp
look: add rbx, [rsi]
    mov rax, [rdi + rcx * 8]
    and eax, 0x20
    add r9, rax
    add rsi, 0x1000
    inc ecx
    cmp ecx, 512
    jb look
    dec r11d
    jnz round
    ${END}`.replace("main:", "main: mov r10, cr3\nxor r9d, r9d\n"),
    );
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[RBX]).toBe(3n * 768n);
    // Each page has been accessed.
    expect(run.registers.general[9]).toBe(3n * 512n * 0x20n);
  });

  it("follow the page at their address into another address space", () => {
    const run = translated(`main: ${MAP}
    # 0x80000000 is the page table here, and a page of data in the second address space.
    mov qword ptr [PDPT + 16], 0x302000 | PAGE_UPPER
    mov qword ptr [0x302000], 0x303000 | PAGE_UPPER
    mov qword ptr [0x303000], 0x301003
    mov qword ptr [0x304000], 0x305000 | PAGE_UPPER
    mov rax, [PDPT]
    mov [0x305000], rax
    mov qword ptr [0x305010], 0x306000 | PAGE_UPPER
    mov qword ptr [0x306000], 0x307000 | PAGE_UPPER
    mov qword ptr [0x307000], 0x402003
    mov r10, cr3
    mov r8d, 0x80000000
    mov r11d, 40
again: mov r9d, 0x400003
    call put
    invlpg [rbp]
    add rbx, [rbp]
    mov eax, 0x304000
    mov cr3, rax
    mov r9d, 0x1234
    call put
    mov cr3, r10
    mov rax, [rdi]
    and eax, 0xfffff01f
    cmp rax, 0x400003
    jne bad
    cmp dword ptr [0x402000], 0x1234
    jne bad
    dec r11d
    jnz again
    ${END}
put: mov [r8], r9
    ret
bad: hlt`);
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[RBX]).toBe(40n);
  });

  it("set the dirty flag of the table's own page again", () => {
    const run = translated(`main: ${MAP}
    mov qword ptr [0x300008], 0x302000 | PAGE_UPPER
    mov qword ptr [0x302000], 0x301003
    mov r8d, 0x40200000
    mov r11d, 40
again: call put
    mov qword ptr [r8], 0x401003
    dec r11d
    jnz again
    mov qword ptr [0x302000], 0x301003
    invlpg [r8]
    mov rsi, [0x302000]
    call put
    mov rbx, [0x302000]
    ${END}
put: mov qword ptr [r8], 0x400003
    ret`);
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[RSI]! & 0x40n).toBe(0n);
    expect(run.registers.general[RBX]! & 0x60n).toBe(0x60n);
  });

  it("may reach into the next page", () => {
    const run = translated(
      `main: ${MAP}
    mov r11d, 40
again: mov rax, 0x1122334455667788
    mov [rdi + r9], rax
    cmp r11d, 20
    jne next
    mov r9d, 0xffc
next: dec r11d
    jnz again
    mov ebx, [rdi + 0xffc]
    mov esi, [rdi + 0x1000]
    ${END}`.replace("main:", "main: xor r9d, r9d\n"),
    );
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[RBX]).toBe(0x5566_7788n);
    expect(run.registers.general[RSI]).toBe(0x1122_3344n);
  });

  it("a log that the guest has written is no more than a hint", () => {
    const state = windowBase(FIRST_SLOT) + 0x10_0000n;
    const run = translated(`main: ${MAP}
    mov rsi, ${state}
    mov r11d, 40
again: mov qword ptr [rdi], 0x401003
    mov r9, [rsi + 0x58]
    mov qword ptr [rsi + 0xe00], -8
    mov qword ptr [rsi + 0xe08], 0x1000
    lea r9, [rsi + 0xe20]
    mov [rsi + 0x58], r9
    mov qword ptr [rdi], 0x400003
    invlpg [rbp]
    add rbx, [rbp]
    mov qword ptr [rsi + 0x58], 0
    invlpg [rbp]
    dec r11d
    jnz again
    ${END}`);
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[RBX]).toBe(40n);
  });
});

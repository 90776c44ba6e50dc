/** Moments that are delicate under shadow paging, on the bare machine and in both memory modes. */
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, MemoryMode } from "../../src/experiments/view.js";
import { core, guest } from "./guest.js";

const RAM = 16 * 2 ** 20;

function run(image: Uint8Array, cpuMode: CpuMode, memoryMode?: MemoryMode) {
  const session = Session.create({
    core,
    image,
    name: "x",
    cpuMode,
    memoryMode,
    ramBytes: RAM,
    maxInstructions: 1e6,
  });
  session.run();
  const { ending, registers } = session.view();
  const value = (name: string): bigint => registers.find((register) => register.name === name)!.value;
  return {
    kind: ending?.kind,
    status: ending?.status,
    registers: ["RBX", "RBP", "RSI", "R8", "R9", "CR2"].map(value),
  };
}

/** The bare machine's ending, after both kinds of VM had the same. */
function inAllModes(body: string): ReturnType<typeof run> {
  const image = guest(`main:\n${body}\n${LIBRARY}`);
  const native = run(image, "native");
  expect(run(image, "vtx", "nested"), "nested").toEqual(native);
  expect(run(image, "vtx", "shadow"), "shadow").toEqual(native);
  return native;
}

/**
 * map: linear 0x40000000 on, by small pages in HEAP_TABLE (an own directory at 0x600000); frames at 0x800000 on, the first word of
 * each its number. trap: gate RCX leads to RAX.
 */
const LIBRARY = `
map:
  mov dword ptr [PDPT + 8], 0x600000 | PAGE_UPPER
  mov dword ptr [0x600000], HEAP_TABLE | PAGE_UPPER
  mov edi, HEAP_TABLE
  mov eax, 0x800000 | PAGE_PRESENT | PAGE_WRITABLE
  mov ecx, 512
map_page:
  mov [rdi], rax
  mov rdx, rax
  and edx, -4096
  mov [rdx], ecx
  add rdi, 8
  add eax, 4096
  dec ecx
  jnz map_page
  ret
trap:
  shl ecx, 4
  add ecx, IDT
  mov [rcx], ax
  mov word ptr [rcx + 2], KERNEL_CODE
  mov word ptr [rcx + 4], 0x8e00
  shr eax, 16
  mov [rcx + 6], ax
  mov dword ptr [rcx + 8], 0
  lidt [rip + idt_pointer]
  ret
idt_pointer:
  .word 16 * 256 - 1
  .quad IDT
`;
const END = "mov al, 1\nout 0xf4, al";

describe("translations that the guest drops", () => {
  it("INVLPG: one page, others as they were", () => {
    const { registers } = inAllModes(`
      call map
      mov rbx, [0x40001000]
      mov rbp, [0x40002000]
      mov dword ptr [HEAP_TABLE + 8], 0x805000 | PAGE_PRESENT
      invlpg [0x40001000]
      mov rbx, [0x40001000]
      mov rsi, [0x40002000]
      ${END}`);
    expect(registers.slice(0, 3)).toEqual([507n, 510n, 510n]);
  });

  it("INVLPG: every piece of a large page that holds a page table and was mapped in pieces", () => {
    const { registers } = inAllModes(`
      mov dword ptr [0xa00000], 0x11
      mov dword ptr [0xbff000], 0x12
      mov dword ptr [0xc00000], 0x21
      mov dword ptr [0xdff000], 0x22
      mov dword ptr [PDPT + 8], 0xa01000 | PAGE_UPPER
      mov dword ptr [0xa01000], 0xa00000 | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
      mov dword ptr [0xa01008], 0xa00000 | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
      mov rbx, [0x40200000]
      mov rbx, [0x40000000]
      mov rbp, [0x401ff000]
      mov dword ptr [0xa01000], 0xc00000 | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
      invlpg [0x40123456]
      mov r8, [0x40000000]
      mov r9, [0x401ff000]
      ${END}`);
    expect(registers.slice(0, 5)).toEqual([0x11n, 0x12n, 0n, 0x21n, 0x22n]);
  });

  it("MOV to CR3, but not for global pages; CR4.PGE for them too", () => {
    const { registers } = inAllModes(`
      call map
      mov rax, cr4
      or eax, 0x80
      mov cr4, rax
      or dword ptr [HEAP_TABLE + 16], 0x100
      mov rax, [0x40001000]
      mov rax, [0x40002000]
      mov dword ptr [HEAP_TABLE + 8], 0x805000 | PAGE_PRESENT
      mov dword ptr [HEAP_TABLE + 16], 0x806000 | PAGE_PRESENT
      mov rax, cr3
      mov cr3, rax
      mov rbx, [0x40001000]
      mov rbp, [0x40002000]
      mov rax, cr4
      xor eax, 0x80
      mov cr4, rax
      mov rsi, [0x40002000]
      ${END}`);
    expect(registers.slice(0, 3)).toEqual([507n, 510n, 506n]);
  });

  it("INVPCID; #GP(0) for what it refuses", () => {
    const invpcid = (type: number): string =>
      `mov eax, ${type}\n.byte 0x66, 0x0f, 0x38, 0x82, 0x04, 0x25\n.long 0x700000`;
    const { registers, status } = inAllModes(`
      call map
      mov rbx, [0x40001000]
      mov dword ptr [HEAP_TABLE + 8], 0x805000 | PAGE_PRESENT
      ${invpcid(2)}
      mov rbx, [0x40001000]
      mov eax, offset refused
      mov ecx, 13
      call trap
      ${invpcid(4)}
      ${END}
    refused:
      pop rbp
      mov al, 9
      out 0xf4, al`);
    expect(registers.slice(0, 2)).toEqual([507n, 0n]);
    expect(status).toBe(19);
  });

  it("none is needed for an entry that was not present", () => {
    const { registers } = inAllModes(`
      call map
      mov eax, offset fault
      mov ecx, 14
      call trap
      mov qword ptr [HEAP_TABLE + 8], 0
      mov rbx, [0x40001000]
      ${END}
    fault:
      mov dword ptr [HEAP_TABLE + 8], 0x805000 | PAGE_PRESENT
      pop rsi
      iretq`);
    expect(registers).toMatchObject([507n, 0n, 0n, 0n, 0n, 0x4000_1000n]);
  });
});

describe("an event whose delivery faults", () => {
  it("is delivered when its stack page was merely missing in the shadow", () => {
    const { registers } = inAllModes(`
      call map
      mov eax, offset handler
      mov ecx, 0x40
      call trap
      mov rsp, 0x40003000
      .byte 0xcd, 0x40
      mov rbp, rsp
      ${END}
    handler:
      mov rbx, [rsp + 24]
      iretq`);
    expect(registers.slice(0, 2)).toEqual([0x4000_3000n, 0x4000_3000n]);
  });

  it("is delivered onto a page that holds a page table in use", () => {
    const { registers } = inAllModes(`
      call map
      mov rax, [0x40001000]
      mov eax, offset handler
      mov ecx, 0x40
      call trap
      mov rsp, HEAP_TABLE + 0xff0
      .byte 0xcd, 0x40
      mov rbp, rsp
      ${END}
    handler:
      mov rbx, [rsp + 24]
      iretq`);
    expect(registers.slice(0, 2)).toEqual([0x11_4ff0n, 0x11_4ff0n]);
  });

  it("becomes a double fault where the page fault's own stack is missing", () => {
    const { status, registers } = inAllModes(`
      call map
      mov eax, offset never
      mov ecx, 14
      call trap
      mov eax, offset double_fault
      mov ecx, 8
      call trap
      mov byte ptr [IDT + 8 * 16 + 4], 1
      mov qword ptr [TSS + 0x24], STACK_TOP - 0x800
      lea rdi, [rip + gdt + TSS_SEGMENT]
      mov word ptr [rdi], 103
      mov dword ptr [rdi + 2], TSS | (0x89 << 24)
      mov eax, TSS_SEGMENT
      ltr ax
      mov qword ptr [HEAP_TABLE + 8 * 7], 0
      mov rsp, 0x40008000
      mov rax, [0x50000000]
    never:
      mov al, 1
      out 0xf4, al
    double_fault:
      pop rbx
      mov al, 21
      out 0xf4, al`);
    expect(status).toBe(43);
    expect(registers[5]).toBe(0x4000_7ff8n);
  });

  it("shuts the processor down where that of the double fault is missing too", () => {
    const { kind } = inAllModes(`
      call map
      mov eax, offset never
      mov ecx, 14
      call trap
      mov eax, offset never
      mov ecx, 8
      call trap
      mov qword ptr [HEAP_TABLE + 8 * 7], 0
      mov rsp, 0x40008000
      mov rax, [0x50000000]
    never:
      ${END}`);
    expect(kind).toBe("triple-fault");
  });
});

describe("stores that the hypervisor carries out", () => {
  it.each([
    ["a push", "mov rsp, HEAP_TABLE + 0x810\npush rbx\npop rbp\nmov rbp, [HEAP_TABLE + 0x808]"],
    [
      "a string store",
      "mov edi, HEAP_TABLE + 0x800\nmov eax, 0x1234567\nmov ecx, 20\nrep stosd\nmov rbp, [HEAP_TABLE + 0x800]\nmov rsi, [HEAP_TABLE + 0x848]",
    ],
    [
      "a string move",
      "mov esi, 0x800000\nmov edi, HEAP_TABLE + 0x800\nmov ecx, 4\nrep movsq\nmov rbp, [HEAP_TABLE + 0x800]",
    ],
    [
      "a locked exchange and add",
      "mov eax, 5\nmov qword ptr [HEAP_TABLE + 0x800], 7\nlock xadd [HEAP_TABLE + 0x800], rax\nmov rbx, rax\nmov rbp, [HEAP_TABLE + 0x800]",
    ],
    [
      "a compare and exchange",
      "mov rax, [HEAP_TABLE + 0x800]\nmov ebx, 0x77\nlock cmpxchg [HEAP_TABLE + 0x800], rbx\nmov rbp, [HEAP_TABLE + 0x800]",
    ],
    ["a bit set", "bts qword ptr [HEAP_TABLE + 0x800], 40\nmov rbp, [HEAP_TABLE + 0x800]"],
    [
      "a store across the end of the table",
      "mov rax, 0x1122334455667788\nmov [HEAP_TABLE + 0xffc], rax\nmov rbp, [HEAP_TABLE + 0xffc]",
    ],
    ["a call", "mov rsp, HEAP_TABLE + 0x810\ncall next\nnext:\npop rbp"],
    [
      "IRET to a stack there",
      "mov rax, rsp\npush 0x10\nmov rbx, HEAP_TABLE + 0x810\npush rbx\npush 2\npush 8\nlea rcx, [rip + back]\npush rcx\niretq\nback:\npush rbx\npop rbp",
    ],
  ])("%s", (_, body) => {
    inAllModes(`call map\nmov rax, [0x40001000]\n${body}\nmov rax, [0x40001000]\nmov r8, rax\n${END}`);
  });

  it("a write to a read-only page with CR0.WP clear", () => {
    const { registers } = inAllModes(`
      call map
      and dword ptr [HEAP_TABLE + 8], 0xfffffffd
      mov rax, cr0
      and eax, 0xfffeffff
      mov cr0, rax
      mov dword ptr [0x40001000], 0x99
      mov rbx, [0x40001000]
      mov rbp, [HEAP_TABLE + 8]
      ${END}`);
    expect(registers.slice(0, 2)).toEqual([0x99n, 0x80_1061n]);
  });
});

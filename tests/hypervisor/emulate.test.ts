/** The instruction emulator, seen by a guest that reaches a device's registers with every kind of instruction. */
import { describe, expect, it } from "vitest";
import { VtxRun } from "../../src/experiments/vtx-run.js";
import { loadImage } from "../../src/guests/load-image.js";
import { machineRamFor } from "../../src/hypervisor/memory/layout.js";
import { Machine } from "../../src/machine/machine.js";
import { core, guest } from "../experiments/guest.js";

const RAM = 16 << 20;
/** The last page below 4 GiB is ROM; byte i of it is i modulo 251. */
const ROM_BYTES = 4096;
const rom = Uint8Array.from({ length: ROM_BYTES }, (_, i) => i % 251);

/** Linear 0x40000000 is guest-physical 0xffe00000; RBX points to the ROM at 0xfffff000. */
const MAP = `
  mov dword ptr [PDPT + 8], HEAP_TABLE | PAGE_UPPER
  mov eax, 0xffe00000
  or eax, PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
  mov [HEAP_TABLE], rax
  mov ebx, 0x401ff000`;

function run(body: string): VtxRun {
  const bytes = guest(`main: ${MAP}\n${body}\nout 0xf4, al\nmain_data: .skip 64`);
  const image = loadImage(bytes, { name: "emulated", ramBytes: RAM });
  const machine = new Machine({ core, ramBytes: machineRamFor(RAM) });
  const vm = new VtxRun(machine, { ...image, rom: [{ address: 2 ** 32 - ROM_BYTES, bytes: rom }] }, RAM, {});
  vm.run(1_000_000, () => false);
  return vm;
}

/** The value that the guest leaves in AL, by its exit status. */
const result = (body: string): number => ((run(body).ending?.status ?? 0) - 1) / 2;

describe("instruction emulation", () => {
  it.each([
    ["a load", "mov al, [rbx + 5]", 5],
    ["a wide load", "mov rax, [rbx + 8]\nshr rax, 56", 15],
    ["a load with zero extension", "movzx eax, byte ptr [rbx + 7]", 7],
    ["a load with an index", "mov ecx, 3\nmov al, [rbx + rcx * 4 + 1]", 13],
    ["arithmetic with a memory operand", "mov eax, 1\nadd al, [rbx + 9]", 10],
    ["a comparison", "cmp byte ptr [rbx + 4], 4\nsete al", 1],
    ["a test", "test byte ptr [rbx + 4], 3\nsetz al", 1],
    ["a bit test", "bt dword ptr [rbx + 4], 2\nsetc al", 1],
    ["a conditional move", "xor eax, eax\ncmp eax, 0\ncmove eax, [rbx + 4]\nshr eax, 24", 7],
    ["a string load", "lea rsi, [rbx + 11]\nlodsb", 11],
    [
      "a string move into RAM",
      "lea rsi, [rbx + 16]\nlea rdi, [rip + main_data]\nmov ecx, 8\nrep movsb\nmov al, [rip + main_data + 7]",
      23,
    ],
    ["a push", "push qword ptr [rbx + 1]\npop rax", 1],
    ["an operand that begins on a page of nothing", "mov eax, [rbx - 2]\nshr eax, 24", 1],
  ])("%s", (_, body, expected) => {
    expect(result(body)).toBe(expected);
  });

  it.each(["mov dword ptr [rbx], 0x7f", "lock xadd [rbx], eax", "xchg [rbx], eax", "inc byte ptr [rbx]"])(
    "drops the write of %s",
    (store) => {
      expect(result(`${store}\nmov al, [rbx + 3]`)).toBe(3);
    },
  );

  it("gives the value before the write to an exchange", () => {
    expect(result("xor eax, eax\nxchg [rbx + 6], al")).toBe(6);
  });

  it("tells the trace of EPT violations, one for each instruction", () => {
    const { exitCounts } = run("mov al, [rbx]\nmov al, [rbx]\nmov al, [rbx]");
    expect(exitCounts.find(({ name }) => name === "EPT_VIOLATION")?.count).toBe(3);
  });

  it("keeps RFLAGS and other registers as the instruction leaves them", () => {
    expect(result("mov ecx, 77\nstc\nmov al, [rbx]\nmov al, 0\nadc al, cl")).toBe(78);
  });
});

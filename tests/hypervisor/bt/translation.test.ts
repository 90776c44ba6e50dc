/** The translation cache: chaining, look-up, changing code, remapped code, adaptive translation. */
import { describe, expect, it } from "vitest";
import { FIRST_SLOT } from "../../../src/hypervisor/bt/layout.js";
import { END, translated } from "./run.js";

const DONE = { kind: "debug-exit", status: 15 };

describe("blocks are chained", () => {
  it("a loop leaves the cache only until its jumps are linked", () => {
    const few = translated(
      `main: xor ebx, ebx\nmov ecx, 10\nagain: test ecx, 1\njz even\ninc ebx\neven: dec ecx\njnz again\n${END}`,
    );
    const many = translated(
      `main: xor ebx, ebx\nmov ecx, 100000\nagain: test ecx, 1\njz even\ninc ebx\neven: dec ecx\njnz again\n${END}`,
    );
    expect(many.ending).toMatchObject(DONE);
    expect(many.registers.general[3]).toBe(50_000n);
    expect(many.exits("CALL_OUT_TRANSLATE")).toBe(few.exits("CALL_OUT_TRANSLATE"));
  });

  it("calls and returns find their way in the cache", () => {
    const run = translated(
      `main: xor ebx, ebx\nmov ecx, 5000\nagain: call one\nlea rax, [rip + one]\ncall rax\ndec ecx\njnz again\n${END}\none: inc ebx\nret`,
    );
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[3]).toBe(10_000n);
    expect(run.exits("CALL_OUT_LOOK_UP")).toBeLessThan(10);
  });

  it("return addresses on the stack are the guest's", () => {
    const run = translated(`main: call next\nnext: pop rbx\nlea rcx, [rip + next]\nsub rbx, rcx\n${END}`);
    expect(run.registers.general[3]).toBe(0n);
  });

  it("what is emulated in the cache does not leave it", () => {
    const loop = "cli\npushfq\npopfq\nsti\nnop\nmov rax, cr0\nmov rax, cr3\nmov rax, cr8\nin al, 0x80";
    const run = translated(`main: mov ecx, 1000\nagain:\n${loop}\ndec ecx\njnz again\ncli\n${END}`);
    expect(run.ending).toMatchObject(DONE);
    expect(run.loop.exits).toBeLessThan(60);
  });
});

describe("code that changes", () => {
  it.each([
    ["by a store of its own", "mov byte ptr [rip + target + 1], 5"],
    ["by a string instruction", "lea rdi, [rip + target + 1]\nmov al, 5\nstosb"],
    ["by a store across two instructions", "mov rax, [rip + target]\nmov ah, 5\nmov [rip + target], rax"],
  ])("%s is executed as it is then", (_, change) => {
    const run = translated(
      `main: call target\nmov esi, ebx\n${change}\ncall target\n${END}\n.balign 64\ntarget: mov bl, 3\nmovzx ebx, bl\nret\n.balign 64`,
    );
    expect(run.ending).toMatchObject(DONE);
    expect([run.registers.general[6], run.registers.general[3]]).toEqual([3n, 5n]);
  });

  it("even the next instruction of the same block", () => {
    const run = translated(
      `main: mov byte ptr [rip + target + 1], 9\ntarget: mov bl, 3\nmovzx ebx, bl\n${END}`,
    );
    expect(run.registers.general[3]).toBe(9n);
  });

  it("again and again, with a store that leaves the cache by itself after a while", () => {
    const run = translated(
      `main: mov ecx, 200\nxor ebx, ebx\nagain: mov [rip + target + 1], ecx\ncall target\ndec ecx\njnz again\n${END}\n.balign 64\ntarget: mov eax, 0x7fffffff\nadd ebx, eax\nret`,
    );
    expect(run.ending).toMatchObject(DONE);
    expect(run.registers.general[3]).toBe(20_100n);
    expect(run.exits("CALL_OUT_EMULATE")).toBeGreaterThan(150);
    expect(run.exits("PAGE_FAULT")).toBeLessThan(30);
  });

  it("data beside code does not cost its translations", () => {
    const run = translated(
      `main: mov ecx, 300\nagain: inc dword ptr [rip + counter]\ndec ecx\njnz again\nmov ebx, [rip + counter]\n${END}\ncounter: .long 0`,
    );
    expect(run.registers.general[3]).toBe(300n);
    expect(run.cache.statistics.dropped).toBeLessThan(5);
  });

  it("by a device's string input", () => {
    const run = translated(
      `main: call target\nlea rdi, [rip + target + 1]\nmov edx, 0xe0\nmov al, 7\nout dx, al\ninsb\ncall target\n${END}\n.balign 64\ntarget: mov bl, 3\nmovzx ebx, bl\nret`,
    );
    expect(run.registers.general[3]).toBe(7n);
  });
});

/** Linear 0x40000000 in a table of its own, whose first page is changed. */
const MAP = `
  mov qword ptr [PDPT + 8], 0x300000 | PAGE_UPPER
  mov qword ptr [0x300000], 0x301000 | PAGE_UPPER
  mov qword ptr [0x301000], 0x400000 | PAGE_PRESENT | PAGE_WRITABLE
  mov dword ptr [0x400000], 0xc3c301b3
  mov dword ptr [0x401000], 0xc3c302b3
  mov ebp, 0x40000000`;

describe("code that is mapped anew", () => {
  it("by INVLPG", () => {
    const run = translated(
      `main: ${MAP}\nxor ebx, ebx\ncall rbp\nmov esi, ebx\nmov qword ptr [0x301000], 0x401000 | PAGE_PRESENT | PAGE_WRITABLE\ninvlpg [rbp]\ncall rbp\n${END}`,
    );
    expect(run.ending).toMatchObject(DONE);
    expect([run.registers.general[6], run.registers.general[3]]).toEqual([1n, 2n]);
  });

  it("by another CR3, and back", () => {
    const second =
      "mov rsi, [PML4]\nmov qword ptr [0x302000], 0x303000 | PAGE_UPPER\nmov rax, [PDPT]\nmov [0x303000], rax\nmov qword ptr [0x303008], 0x304000 | PAGE_UPPER\nmov qword ptr [0x304000], 0x305000 | PAGE_UPPER\nmov qword ptr [0x305000], 0x401000 | PAGE_PRESENT | PAGE_WRITABLE";
    const run = translated(
      `main: ${MAP}\n${second}\nxor ebx, ebx\ncall rbp\nmov esi, ebx\nmov rdx, cr3\nmov eax, 0x302000\nmov cr3, rax\ncall rbp\nmov edi, ebx\nmov cr3, rdx\ncall rbp\n${END}`,
    );
    expect(run.ending).toMatchObject(DONE);
    expect([run.registers.general[6], run.registers.general[7], run.registers.general[3]]).toEqual([
      1n,
      2n,
      1n,
    ]);
  });

  it("a jump to a page that is gone faults in the guest", () => {
    const run = translated(
      `main: ${MAP}\ncall rbp\nmov qword ptr [0x301000], 0\ninvlpg [rbp]\ncall rbp\n${END}`,
    );
    expect(run.ending?.kind).toBe("triple-fault");
    expect(run.registers.cr2).toBe(0x4000_0000n);
  });

  it("not executable is not executed", () => {
    const run = translated(
      `main: ${MAP}\nmov ecx, 0xc0000080\nrdmsr\nor eax, 0x800\nwrmsr\ncall rbp\nmov rax, 0x8000000000400003\nmov [0x301000], rax\ninvlpg [rbp]\ncall rbp\n${END}`,
    );
    expect(run.ending?.kind).toBe("triple-fault");
    expect(run.registers.cr2).toBe(0x4000_0000n);
  });
});

describe("a guest that wants the addresses of the monitor", () => {
  const entry = FIRST_SLOT * 8;
  it("maps them and has them: the cache moves", () => {
    const linear = BigInt.asUintN(64, BigInt.asIntN(48, BigInt(FIRST_SLOT) << 39n));
    const run = translated(
      `main: xor ebx, ebx\ncall count\nmov qword ptr [0x300000], 0x301000 | PAGE_UPPER\nmov qword ptr [0x301000], 0x302000 | PAGE_UPPER\nmov qword ptr [0x302000], 0x400000 | PAGE_PRESENT | PAGE_WRITABLE\nmov dword ptr [0x400000], 0x1234\nmov dword ptr [0x400008], 0x00c3c3ff\nmov qword ptr [PML4 + ${entry}], 0x300000 | PAGE_UPPER\nmov rbp, 0x${linear.toString(16)}\nmov esi, [rbp]\nmov dword ptr [rbp + 4], 0x99\ncall count\nmov edi, [0x400004]\ncall count\n${END}\ncount: inc ebx\nret`,
    );
    expect(run.ending).toMatchObject(DONE);
    const { general } = run.registers;
    expect([general[3], general[6], general[7]]).toEqual([3n, 0x1234n, 0x99n]);
    expect(run.cache.statistics.flushed).toBeGreaterThan(0);
  });
});

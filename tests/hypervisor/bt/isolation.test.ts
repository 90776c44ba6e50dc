/** Guests that try from ring 1 what only ring 0 may: none gets further than its own processor would have let it. */
import { describe, expect, it } from "vitest";
import {
  CODE,
  CACHE_IN_WINDOW,
  CONSTANTS,
  FIRST_LOW,
  FIRST_SLOT,
  windowBase,
  STATE,
} from "../../../src/hypervisor/bt/layout.js";
import { FRAMES_BASE, GUEST_RAM_BASE } from "../../../src/hypervisor/memory/layout.js";
import { GDT, IDT, ENTRY_STUBS, STACK, TSS } from "../../../src/hypervisor/ring0/layout.js";
import * as S from "../../../src/spec/cpu-state.js";
import { END, translated } from "./run.js";

const WINDOW = windowBase(FIRST_SLOT);
const at = (offset: number): string => `0x${(WINDOW + BigInt(offset)).toString(16)}`;
const CACHE = CACHE_IN_WINDOW;

/** The processor's tables, as the monitor wrote them. */
function hypervisorOf(run: ReturnType<typeof translated>): string {
  return Buffer.from(run.machine.memory.read(FRAMES_BASE + GDT, ENTRY_STUBS - GDT)).toString("hex");
}

describe("a write to the monitor's memory faults in the guest", () => {
  it.each([
    ["its GDT", GDT],
    ["its IDT", IDT],
    ["its TSS", TSS],
    ["its entry code", ENTRY_STUBS],
    ["the cache's constants", CACHE + CONSTANTS],
    ["the table of indirect jumps", CACHE + CONSTANTS + 0x1000],
    ["translated code", CACHE + CODE],
    ["where nothing is", 0x4000_0000],
  ])("%s", (_, offset) => {
    const run = translated(`main: mov rbx, ${at(offset)}\nmov rcx, 0x1234\nmov [rbx], rcx\n${END}`);
    expect(run.ending?.kind).toBe("triple-fault");
    expect(run.registers.cr2).toBe(WINDOW + BigInt(offset));
    expect(run.registers.general[1]).toBe(0x1234n);
  });
});

describe("a jump to the monitor's memory faults in the guest", () => {
  it.each([
    ["its entry code", ENTRY_STUBS],
    ["translated code", CACHE + CODE],
    ["the state page", CACHE + STATE],
  ])("%s", (_, offset) => {
    const run = translated(`main: mov rbx, ${at(offset)}\njmp rbx\n${END}`);
    expect(run.ending?.kind).toBe("triple-fault");
    expect(run.registers.cr2).toBe(WINDOW + BigInt(offset));
  });
});

describe("the pages that translated code must write", () => {
  it.each([
    ["the state page", CACHE + STATE],
    ["the monitor's stack", STACK],
  ])("%s holds nothing that the hypervisor trusts", (_, offset) => {
    const scribble = `mov rdi, ${at(offset)}\nmov rax, 0xfedcba9876543210\nmov ecx, 512\nfill: mov [rdi], rax\nadd rdi, 8\ndec ecx\njnz fill`;
    const clean = translated(`main: nop\ncli\n${END}`);
    const run = translated(
      `main: ${scribble}\ncli\npushfq\npopfq\nmov rax, cr3\nmov ecx, 3\nloop2: call there\ndec ecx\njnz loop2\n${END}\nthere: ret`,
    );
    expect(["debug-exit", "triple-fault"]).toContain(run.ending?.kind);
    expect(hypervisorOf(run)).toBe(hypervisorOf(clean));
  });
});

it("user code reaches none of it", () => {
  const user = (offset: number): string => `
    mov dword ptr [PAGE_DIRECTORY], 0x87
    mov rbx, ${at(offset)}
    push USER_DATA
    push 0x500000
    push 2
    push USER_CODE
    mov eax, offset user
    push rax
    iretq
    user: mov rax, [rbx]
    ${END}`;
  for (const offset of [GDT, STACK, CACHE + STATE, CACHE + CODE]) {
    const run = translated(`main: mov word ptr [rip + gdt + 0x18], 0xffff\n${user(offset)}`);
    expect(run.ending?.kind).toBe("triple-fault");
    expect(run.registers.cr2).toBe(WINDOW + BigInt(offset));
  }
});

describe("control state that is not the guest's", () => {
  it("the processor's IF stays set, its CR3 the monitor's, its ring 1", () => {
    const run = translated("main: cli\nmov rax, cr3\nmov cr3, rax\nagain: jmp again", 20_000);
    const { processor } = run.machine;
    expect(run.ending).toBeNull();
    expect(processor.read32(S.RFLAGS) & 0x200).toBe(0x200);
    expect(processor.read32(S.CPL)).toBe(1);
    expect(Number(processor.read64(S.CR3))).not.toBe(Number(run.registers.cr3));
    expect(run.registers.rflags & 0x200n).toBe(0n);
  });

  it("descriptors of its own for ring 0 are for ring 1", () => {
    const run = translated(
      `main: mov rax, 0x00af9b000000ffff\nmov [rip + gdt + 8], rax\nlgdt [rip + pointer]\npush 8\nlea rax, [rip + there]\npush rax\nretfq\nthere: mov eax, 0x10\nmov ds, eax\nmov es, eax\nagain: jmp again\npointer: .word 0x2f\n.quad gdt`,
      20_000,
    );
    const { processor } = run.machine;
    expect(processor.read32(S.CPL)).toBe(1);
    const rights = processor.read32(S.SEGMENTS + S.DS * S.SEGMENT_BYTES + S.SEGMENT_RIGHTS);
    expect((rights >> 5) & 3).toBe(1);
  });

  it("the machine's devices are not the guest's", () => {
    const run = translated(
      `main: mov al, 0xff\nout 0x21, al\nout 0xa1, al\nmov al, 0xfe\nout 0x64, al\nagain: jmp again`,
      20_000,
    );
    expect(run.ending?.kind).toBe("reset");
    expect(run.machine.ports.read(0x21, 1)).not.toBe(0xff);
  });

  it("memory beyond the guest's own is nothing", () => {
    const run = translated(
      `main: mov qword ptr [PDPT + 8], 0x83\nmov rbx, 0x40000000 + 0x2000000\nmov rcx, [rbx]\nmov qword ptr [rbx], 5\nmov rdx, [rbx]\n${END}`,
    );
    expect(run.ending).toMatchObject({ kind: "debug-exit" });
    expect(run.registers.general[1]).toBe(0xffff_ffff_ffff_ffffn);
    expect(run.registers.general[2]).toBe(0xffff_ffff_ffff_ffffn);
    expect(run.machine.memory.read64(GUEST_RAM_BASE + (16 << 20))).not.toBe(5n);
  });

  it("32-bit code cannot write translated code either", () => {
    const low = FIRST_LOW + CODE;
    const run = translated(`
      main: mov rax, 0x00cf9a000000ffff\nmov [rip + gdt + 8], rax
      push 8\nmov eax, offset compat\npush rax\nretfq
      .code32
      compat: mov ebx, ${low}\n.byte 0xc7, 0x03, 1, 2, 3, 4\nagain: jmp again`);
    expect(run.ending?.kind).toBe("triple-fault");
  });
});

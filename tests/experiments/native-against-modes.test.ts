import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, MemoryMode } from "../../src/experiments/view.js";
import { core, decoder, guest } from "./guest.js";

const RAM = 16 * 2 ** 20;
const COMPARED = new Set("RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 RIP RFLAGS CR2 CR3 EFER".split(" "));
/** Under shadow paging the processor has others than the guest, which reads them itself in some cases here. */
const TRANSLATED = new Set(["CR3", "EFER"]);
/** Ways to run a guest under the hypervisor. */
const MODES: readonly (readonly [CpuMode, MemoryMode?])[] = [["vtx", "nested"], ["vtx", "shadow"], ["bt"]];

function run(source: string, cpuMode: CpuMode, memoryMode?: MemoryMode) {
  const session = Session.create({
    core,
    decoder,
    image: guest(source),
    name: "x",
    cpuMode,
    memoryMode,
    ramBytes: RAM,
    maxInstructions: 1e6,
  });
  session.run();
  const { registers, console, ending } = session.view();
  return {
    registers: Object.fromEntries(
      registers
        .filter(({ name }) => COMPARED.has(name) && !(memoryMode === "shadow" && TRANSLATED.has(name)))
        .map(({ name, value }) => [name, value]),
    ),
    console,
    ending: { kind: ending?.kind, status: ending?.status },
  };
}

/** In a VM the guest comes to the same end as on the bare machine. */
function expectTheSame(source: string, native: ReturnType<typeof run>, modes = MODES): void {
  for (const [cpu, memory] of modes)
    expect(run(source, cpu, memory), `${cpu} ${memory}`).toMatchObject(visible(native, memory));
}

function visible(native: ReturnType<typeof run>, mode?: MemoryMode): ReturnType<typeof run> {
  if (mode !== "shadow") return native;
  const registers = Object.entries(native.registers).filter(([name]) => !TRANSLATED.has(name));
  return { ...native, registers: Object.fromEntries(registers) };
}

const END = "out 0xf4, al";
const FAULTING = new Set([
  "an unknown MSR",
  "a refused CR0",
  "a CR3 beyond the processor's addresses",
  "an EFER with a reserved bit",
  "LME changed under paging",
  "a CR4 with a reserved bit",
  "PAE switched off in long mode",
  "XSETBV",
]);
const LONG_TEXT = Array.from({ length: 700 }, (_, i) => 97 + (i % 26)).join(", ");

/** What the hypervisor carries out in the guest's place has to leave the guest as the processor would have. */
describe("an instruction that exits leaves the same state as on the bare machine", () => {
  it.each([
    [
      "IN of each size",
      "mov rax, -1\nmov edx, 0x3fc\nin al, dx\nmov rbx, rax\nmov rax, -1\nin ax, dx\nmov rcx, rax\nmov rax, -1\nin eax, dx\nmov rbp, rax\nxor eax, eax",
    ],
    [
      "REP OUTSB, longer than one exit takes",
      "mov esi, offset text\nmov edx, 0x3f8\nmov ecx, 700\nrep outsb\nxor eax, eax",
    ],
    [
      "OUTSB backwards",
      "std\nmov esi, offset text + 3\nmov edx, 0x3f8\nmov ecx, 4\nrep outsb\ncld\nxor eax, eax",
    ],
    ["REP OUTSB of nothing", "mov esi, offset text\nmov edx, 0x3f8\nxor ecx, ecx\nrep outsb\nxor eax, eax"],
    [
      "INSB into memory",
      "mov edi, 0x200000\nmov edx, 0x3fd\nmov ecx, 3\nrep insb\nmov ebx, [0x200000]\nxor eax, eax",
    ],
    ["INSD across a page", "mov edi, 0x200ffe\nmov edx, 0x3fc\ninsd\nmov rbx, [0x200ffe]\nxor eax, eax"],
    [
      "CR0.NE, CD and NW",
      "mov rax, cr0\nor eax, 0x60000020\nmov cr0, rax\nmov rbx, cr0\nand eax, 0x9fffffdf\nmov cr0, rax\nmov rcx, cr0\nxor eax, eax",
    ],
    ["CLTS and LMSW", "mov eax, 0xb\nlmsw ax\nmov rbx, cr0\nclts\nmov rcx, cr0\nxor eax, eax"],
    ["INVD and WBINVD", "invd\nwbinvd\nxor eax, eax"],
    [
      "MSRs",
      "mov ecx, 0x1a0\nrdmsr\nor eax, 1\nwrmsr\nrdmsr\nmov rbx, rax\nmov ecx, 0xfe\nrdmsr\nmov rbp, rax\nxor eax, eax",
    ],
    [
      "system-call MSRs",
      "mov ecx, 0xc0000082\nmov eax, 0x1234\nxor edx, edx\nwrmsr\nxor eax, eax\nrdmsr\nmov rbx, rax\nxor eax, eax",
    ],
    [
      "CPUID leaves",
      "mov eax, 0\ncpuid\nmov r8, rbx\nmov eax, 0x80000008\ncpuid\nmov r9, rax\nmov eax, 7\nxor ecx, ecx\ncpuid\nxor eax, eax",
    ],
    ["an unknown MSR", "mov ecx, 0x12345\nrdmsr\nmov al, 1"],
    ["a refused CR0", "mov rax, cr0\nor eax, 0x20000020\nmov cr0, rax\nmov al, 1"],
    [
      "control registers and EFER as they were written",
      "mov rax, cr4\nor eax, 0x10\nmov cr4, rax\nmov rbx, cr4\nmov rax, cr3\nor eax, 0x18\nmov cr3, rax\nmov rbp, cr3\nmov ecx, 0xc0000080\nrdmsr\nor eax, 0x801\nwrmsr\nrdmsr\nmov r8, rax\nmov rcx, cr0\nxor eax, eax",
    ],
    ["a CR3 beyond the processor's addresses", "mov rax, 0x8000000000\nmov cr3, rax\nmov al, 1"],
    ["an EFER with a reserved bit", "mov ecx, 0xc0000080\nrdmsr\nor eax, 0x1000\nwrmsr\nmov al, 1"],
    ["LME changed under paging", "mov ecx, 0xc0000080\nrdmsr\nand eax, 0xfffffeff\nwrmsr\nmov al, 1"],
    ["a CR4 with a reserved bit", "mov rax, cr4\nor eax, (1 << 12)\nmov cr4, rax\nmov al, 1"],
    ["PAE switched off in long mode", "mov rax, cr4\nand eax, 0xffffffdf\nmov cr4, rax\nmov al, 1"],
    ["XSETBV", "xor ecx, ecx\nxor edx, edx\nmov eax, 1\n.byte 0x0f, 0x01, 0xd1\nmov al, 1"],
  ])("%s", (what, instructions) => {
    const source = `main: ${instructions}\n${END}\ntext: .byte ${LONG_TEXT}`;
    const native = run(source, "native");
    expect(native.ending.kind).toBe(FAULTING.has(what) ? "triple-fault" : "debug-exit");
    // Binary translation hides more of the processor from CPUID: SMEP, SMAP and what else it has no use for.
    expectTheSame(source, native, what === "CPUID leaves" ? MODES.filter(([cpu]) => cpu !== "bt") : MODES);
  });
});

/** 32-bit paging and PAE paging switched on by a CR0 write that exits, as NE changes with it. */
describe("a guest that switches paging on under the hypervisor's eyes", () => {
  /** @param then - executed with paging on */
  const legacy = (setup: string, then = ""): string => `
    .code32
    .set TABLES, 0x300000
    main32:
      ${setup}
      mov eax, cr0
      or eax, 0x80000020
      mov cr0, eax
      mov ebx, [0x500000]
      ${then}
      mov ecx, 0xc0000080
      rdmsr
      mov esi, eax
      mov eax, cr0
      and eax, 0x7fffffdf
      mov cr0, eax
      mov al, 4
      out 0xf4, al
    .code64
    main:
      mov rax, cr0
      jmp far_away
    far_away:
      push 0x30
      mov eax, offset compatibility
      push rax
      mov rax, 0x00cf9a000000ffff
      mov [gdt + 0x30], rax
      lgdt [wide_gdt]
      retfq
    .code32
    compatibility:
      mov eax, cr0
      and eax, 0x7fffffff
      mov cr0, eax
      mov ecx, 0xc0000080
      rdmsr
      and eax, 0xfffffeff
      wrmsr
      jmp main32
    wide_gdt:
      .word 0x37
      .quad gdt
      .skip 64
  `;

  it.each([
    [
      "32-bit",
      "mov eax, cr4\nand eax, 0xffffffdf\nor eax, 0x10\nmov cr4, eax\nmov dword ptr [TABLES], 0x83\nmov dword ptr [TABLES + 4], 0x400083\nmov dword ptr [0x500000], 0x1234\nmov eax, TABLES\nmov cr3, eax",
    ],
    [
      "IA-32e",
      "mov eax, cr4\nor eax, 0x20\nmov cr4, eax\nmov ecx, 0xc0000080\nrdmsr\nor eax, 0x100\nwrmsr\nmov eax, PML4\nmov cr3, eax\nmov dword ptr [0x500000], 0x9abc",
    ],
    [
      "PAE",
      "mov eax, cr4\nor eax, 0x20\nmov cr4, eax\nmov dword ptr [TABLES], TABLES + 0x1001\nmov dword ptr [TABLES + 0x1000], 0x83\nmov dword ptr [TABLES + 0x1010], 0x400083\nmov dword ptr [0x500000], 0x5678\nmov eax, TABLES\nmov cr3, eax",
    ],
  ])("%s", (_, setup) => {
    const native = run(legacy(setup), "native");
    expect(native.ending).toEqual({ kind: "debug-exit", status: 9 });
    expectTheSame(legacy(setup), native);
  });

  it("PAE: string output goes by the PDPTE registers, whatever has become of the table (SDM 4.4.1)", () => {
    const setup =
      "mov eax, cr4\nor eax, 0x20\nmov cr4, eax\nmov dword ptr [TABLES], TABLES + 0x1001\nmov dword ptr [TABLES + 0x1000], 0x83\nmov dword ptr [TABLES + 0x1008], 0x200083\nmov dword ptr [TABLES + 0x1010], 0x400083\nmov dword ptr [0x500000], 0x41\nmov eax, TABLES\nmov cr3, eax";
    const source = legacy(setup, "mov dword ptr [TABLES], 0\nmov esi, 0x500000\nmov edx, 0x3f8\noutsb");
    const native = run(source, "native");
    expect(native).toMatchObject({ console: "A", ending: { kind: "debug-exit", status: 9 } });
    expectTheSame(source, native);
  });
});

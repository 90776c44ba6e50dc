import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { MemoryMode } from "../../src/experiments/view.js";
import { GUEST_RAM_BASE } from "../../src/hypervisor/memory/layout.js";
import { core, gate, guest, IDT_POINTER } from "./guest.js";

const RAM = 16 * 2 ** 20;

const MODES = ["nested", "shadow"] as const;

function run(image: Uint8Array, maxInstructions = 1_000_000, memoryMode: MemoryMode = "nested"): Session {
  const session = Session.create({
    core,
    image,
    name: "hostile",
    cpuMode: "vtx",
    memoryMode,
    ramBytes: RAM,
    maxInstructions,
  });
  session.run();
  return session;
}

/** Maps 2 MiB at linear 0x40000000 to a physical address: one more page directory. */
const mapping = (physical: string): string => `
  mov dword ptr [PDPT + 8], HEAP_TABLE | PAGE_UPPER
  mov rax, ${physical}
  or rax, PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
  mov [HEAP_TABLE], rax
  mov rbx, 0x40000000
`;

describe.each(MODES)("a hostile guest, memory %s", (mode) => {
  it.each(["0x1000000", "0x40000000", "0x7f00000000"])("reads all ones beyond its RAM, at %s", (physical) => {
    const session = run(
      guest(`main: ${mapping(physical)}\nmov rax, [rbx]\ncmp rax, -1\nsete al\nout 0xf4, al`),
      undefined,
      mode,
    );
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 3 });
    const reason = mode === "nested" ? "EPT_VIOLATION" : "EXCEPTION_OR_NMI";
    expect(session.view().exits.map(({ name }) => name)).toContain(reason);
  });

  it("cannot write beyond its RAM, where the hypervisor would be if addresses went through", () => {
    const store = "mov dword ptr [rbx + 0x10], 7\nmov eax, [rbx + 0x10]\ncmp eax, -1\nsete al\nout 0xf4, al";
    const session = run(guest(`main: ${mapping("0x1000000")}\n${store}`), undefined, mode);
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 3 });
  });

  it.each(["0x7ffffff000", "0xfee00000", "0xfffff000", "0x1000000"])(
    "shuts down with its tables at %s, where it has no RAM",
    (cr3) => {
      const session = run(
        guest(`main: mov rax, ${cr3}\nmov cr3, rax\nmov al, 1\nout 0xf4, al`),
        undefined,
        mode,
      );
      expect(session.ending?.kind).toBe("triple-fault");
    },
  );

  it("may have tables that lead to themselves", () => {
    const loop = "mov rax, PML4 | PAGE_UPPER\nmov [PML4 + 8], rax\nmov rbx, 0x8040201008";
    const session = run(
      guest(`main: ${loop}\nmov rax, [rbx]\nmov rcx, [PML4 + 8]\ncmp rax, rcx\nsete al\nout 0xf4, al`),
      undefined,
      mode,
    );
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 3 });
  });

  it("ends, with words and without an exception, whatever its code is", { timeout: 120_000 }, () => {
    const kinds = new Map<string, number>();
    let state = 12_345;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) >>> 7;
    for (let i = 0; i < 200; i++) {
      const bytes = Array.from({ length: 400 }, () => random() & 0xff);
      const prologue = i % 3 === 0 ? "sti" : i % 3 === 1 ? "lidt [IDT]" : "nop";
      const session = run(guest(`main: ${prologue}\n.byte ${bytes.join(", ")}`), 20_000, mode);
      const { ending } = session.view();
      expect(ending, `seed ${i}`).not.toBeNull();
      expect(ending?.message, `seed ${i}`).not.toContain("The hypervisor itself");
      kinds.set(ending!.kind, (kinds.get(ending!.kind) ?? 0) + 1);
    }
    expect([...kinds.keys()]).toContain("triple-fault");
  });
});

describe("a hostile guest", () => {
  it("leaves the hypervisor's memory as it was, whatever it writes over all of its own", () => {
    const image = guest(`
      main:
        mov rdi, 0x200000
        mov ecx, (0xe00000 / 8)
        mov rax, -2
        rep stosq
        xor edi, edi
        mov ecx, (0x100000 / 8)
        rep stosq
        mov al, 3
        out 0xf4, al`);
    const session = Session.create({ core, image, name: "hostile", cpuMode: "vtx", ramBytes: RAM });
    session.step();
    const tables = session.machine.memory.read(0x4000, GUEST_RAM_BASE - 0x4000);
    session.run();
    expect(session.ending?.status).toBe(7);
    const after = session.machine.memory.read(0x4000, GUEST_RAM_BASE - 0x4000);
    const changed = [...after.keys()].filter((i) => after[i] !== tables[i]);
    // The VMCS alone changes: one page.
    expect(new Set(changed.map((i) => (i + 0x4000) >> 12)).size).toBeLessThanOrEqual(1);
  });

  it.each([
    ["vmcall", "vmcall"],
    ["vmlaunch", "vmlaunch"],
    ["vmxoff", "vmxoff"],
    ["vmresume", "vmresume"],
    ["vmxon", ".byte 0xf3, 0x0f, 0xc7, 0x33"],
    ["vmptrld", ".byte 0x0f, 0xc7, 0x33"],
    ["vmread", ".byte 0x0f, 0x78, 0xc3"],
    ["vmwrite", ".byte 0x0f, 0x79, 0xc3"],
    ["invept", ".byte 0x66, 0x0f, 0x38, 0x80, 0x03"],
  ])("gets #UD for %s, as on a processor without VMX", (_, instruction) => {
    const session = run(
      guest(`
        main:
          ${gate(6)}
          mov ebx, 0x200000
          ${instruction}
          mov al, 1
          out 0xf4, al
        handler:
          mov al, 9
          out 0xf4, al
        ${IDT_POINTER}`),
    );
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 19 });
  });

  it("gets #GP(0) for VMXE in CR4, and sees CR4 without it", () => {
    const session = run(
      guest(`
        main:
          ${gate(13)}
          mov rax, cr4
          test eax, (1 << 13)
          jnz wrong
          or eax, (1 << 13)
          mov cr4, rax
        wrong:
          mov al, 1
          out 0xf4, al
        handler:
          pop rax
          out 0xf4, al
        ${IDT_POINTER}`),
    );
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 1 });
  });
});

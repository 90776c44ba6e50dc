/**
 * The page flush port of the test device: it takes a physical address. Natively what is cached of translations to that page
 * goes; a hypervisor unmaps the page, so that the next access to it is an EPT violation, in the delivery of an event too.
 */
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode } from "../../src/experiments/view.js";
import { EPT_VIOLATION } from "../../src/spec/exit-reasons.js";
import { core, gate, guest, IDT_POINTER } from "./guest.js";

function run(source: string, cpuMode: CpuMode): Session {
  const session = Session.create({
    core,
    image: guest(source),
    name: "page flush",
    cpuMode,
    ramBytes: 16 << 20,
    maxInstructions: 1_000_000,
  });
  session.run();
  return session;
}

/** Two pages from 6 MiB; both entries are changed, and nothing but the port says so. */
const STALE = `main:
  mov dword ptr [0x500000], 1
  mov dword ptr [0x501000], 2
  mov dword ptr [0x502000], 3
  mov dword ptr [0x503000], 4
  mov qword ptr [0x400000], 0x500003
  mov qword ptr [0x400008], 0x501003
  mov qword ptr [PAGE_DIRECTORY + 24], 0x400003
  mov rax, cr3
  mov cr3, rax
  add eax, [0x600000]
  add eax, [0x601000]
  mov qword ptr [0x400000], 0x502003
  mov qword ptr [0x400008], 0x503003
  mov eax, 0x500123
  out 0xe4, eax
  mov eax, [0x600000]
  shl eax, 4
  or eax, [0x601000]
  out 0xf4, al
`;

/** INT through a gate, after the pages of the IDT and of the stack were flushed. */
const DELIVERY = `main:
          ${gate(0x20)}
  mov eax, IDT
  out 0xe4, eax
  mov eax, esp
  out 0xe4, eax
  mov ecx, 5
  int 0x20
  mov eax, ecx
  out 0xf4, al
handler:
  inc ecx
  iretq
        ${IDT_POINTER}
`;

const violations = (session: Session): number =>
  session.view().exits.find(({ reason }) => reason === EPT_VIOLATION)?.count ?? 0;

describe("the page flush port", () => {
  it("drops translations to the page natively, and no others", () => {
    expect(run(STALE, "native").ending).toMatchObject({ kind: "debug-exit", status: 2 * 0x32 + 1 });
  });
  it("drops translations to the page in a VM", () => {
    const { ending } = run(STALE, "vtx");
    expect(ending).toMatchObject({ kind: "debug-exit" });
    expect((ending as { status: number }).status >> 5).toBe(3);
  });
  it.each(["native", "vtx"] as const)(
    "lets an event be delivered through what was flushed (%s)",
    (cpuMode) => {
      const session = run(DELIVERY, cpuMode);
      expect(session.ending).toMatchObject({ kind: "debug-exit", status: 2 * 6 + 1 });
      if (cpuMode === "vtx") expect(violations(session)).toBe(2);
    },
  );
});

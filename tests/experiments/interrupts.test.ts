import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode } from "../../src/experiments/view.js";
import { core, decoder, gate, guest, IDT_POINTER } from "./guest.js";

const RAM = 16 * 2 ** 20;

function run(source: string, cpuMode: CpuMode): Session {
  const session = Session.create({
    core,
    decoder,
    image: guest(source),
    name: "interrupts",
    cpuMode,
    ramBytes: RAM,
    maxInstructions: 3_000_000,
  });
  session.run();
  return session;
}

const OUT = (port: string, value: string): string => `mov al, ${value}\nout ${port}, al\n`;
/** 8259s at vectors 0x20 and 0x28, with only the timer unmasked. */
const PIC =
  OUT("0x20", "0x11") +
  OUT("0x21", "0x20") +
  OUT("0x21", "4") +
  OUT("0x21", "1") +
  OUT("0xa0", "0x11") +
  OUT("0xa1", "0x28") +
  OUT("0xa1", "2") +
  OUT("0xa1", "1") +
  OUT("0xa1", "0xff") +
  OUT("0x21", "0xfe");
/** Counter 0 in mode 2. */
const TIMER = (count: number): string =>
  OUT("0x43", "0x34") + OUT("0x40", String(count & 0xff)) + OUT("0x40", String(count >> 8));
const IDT = gate(0x20);

describe.each(["native", "vtx", "bt"] as const)("interrupts (%s)", (cpuMode) => {
  it("wake a halted guest, one for each tick", () => {
    const session = run(
      `main: ${IDT} ${PIC} ${TIMER(2000)}
         xor r12d, r12d
       sleep:
         sti
         hlt
         cli
         cmp r12d, 5
         jne sleep
         mov eax, r12d
         out 0xf4, al
       handler:
         inc r12d
         mov al, 0x20
         out 0x20, al
         iretq
       ${IDT_POINTER}`,
      cpuMode,
    );
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 11 });
  });

  it("reach a guest that computes", () => {
    const session = run(
      `main: ${IDT} ${PIC} ${TIMER(100)}
         xor r12d, r12d
         sti
       busy:
         inc rbx
         cmp r12d, 3
         jb busy
         mov al, 1
         out 0xf4, al
       handler:
         inc r12d
         mov al, 0x20
         out 0x20, al
         iretq
       ${IDT_POINTER}`,
      cpuMode,
    );
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 3 });
  });

  it("wait while they are disabled, and until the instruction after STI has run", () => {
    const session = run(
      `main: ${IDT} ${PIC} ${TIMER(100)}
         mov ecx, 300000
       busy:
         dec ecx
         jnz busy
         xor ebx, ebx
         sti
         mov ebx, 7
         mov ebx, 8
         jmp .
       handler:
         mov eax, ebx
         out 0xf4, al
       ${IDT_POINTER}`,
      cpuMode,
    );
    expect(session.ending).toMatchObject({ kind: "debug-exit", status: 15 });
    if (cpuMode === "vtx") {
      expect(session.view().exits.map(({ name }) => name)).toContain("INTERRUPT_WINDOW");
    }
  });

  it("are not lost when their delivery leaves the guest: the IDT lies where there is no RAM", () => {
    const session = run(
      `main: ${PIC} ${TIMER(100)}
         mov dword ptr [PDPT + 8], HEAP_TABLE | PAGE_UPPER
         mov rax, 0x1000000 | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE
         mov [HEAP_TABLE], rax
         lidt [far_idt]
         sti
         mov ecx, 900000
       busy:
         dec ecx
         jnz busy
         mov al, 1
         out 0xf4, al
       far_idt:
         .word 16 * 48 - 1
         .quad 0x40000000`,
      cpuMode,
    );
    expect(session.ending?.kind).toBe("triple-fault");
  });
});

describe("time in a VM", () => {
  it("goes on while the hypervisor works, and the VM's counter begins at nought", () => {
    const session = run(
      `main:
         rdtsc
         shl rdx, 32
         or rax, rdx
         mov rbx, rax
         cpuid
         rdtsc
         shl rdx, 32
         or rax, rdx
         hlt`,
      "vtx",
    );
    const value = (name: string): number =>
      Number(session.view().registers.find((register) => register.name === name)!.value);
    expect(value("RAX")).toBeGreaterThan(0);
    expect(value("RAX")).toBeLessThan(20_000);
  });
});

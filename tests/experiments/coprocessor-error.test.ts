/**
 * Errors of the x87 as DOS had them (SDM Vol. 1, 8.7.2): with CR0.NE = 0 they come as interrupt request 13, by way of the PIC.
 */
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import { core, gate, guest, IDT_POINTER } from "./guest.js";

/** Vector of request 13. */
const VECTOR = 0x20 + 13;

/**
 * Divides by zero with the exception unmasked, and waits for it. The handler counts in R12, stores the status word of the error into
 * R13 and whether it came before the instruction that waits into R14.
 */
const program = (handler: string): string => `
  main:
    mov rax, cr0
    and eax, ~0x2c          # NE, TS, EM off
    mov cr0, rax
    ${gate(VECTOR)}
    mov al, 0x11
    out 0x20, al
    out 0xa0, al
    mov al, 0x20
    out 0x21, al
    mov al, 0x28
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, 0xfb            # the cascade
    out 0x21, al
    mov al, 0xdf            # request 13
    out 0xa1, al
    xor r12d, r12d
    xor r14d, r14d
    sti
    fninit
    fldcw [control]
    fld1
    fldz
    fdivp st(1), st
    mov r14d, 1
    fwait
    mov r14d, 2
    fld1
    fstp st(0)
    mov eax, r12d
    shl eax, 4
    or eax, r15d
    out 0xf4, al
  handler:
    inc r12d
    mov r15d, r14d
    ${handler}
    push rax
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    pop rax
    iretq
  control: .word 0x37b
  ${IDT_POINTER}
`;

function run(handler: string) {
  const session = Session.create({
    core,
    image: guest(program(handler)),
    name: "coprocessor error",
    cpuMode: "native",
    ramBytes: 16 << 20,
    maxInstructions: 1e6,
  });
  session.run();
  return session.ending;
}

describe("x87 errors with CR0.NE = 0", () => {
  it("arrive as request 13 before the instruction that waits, once, when the handler clears them", () => {
    const ending = run("out 0xf0, al\nfnclex");
    expect(ending).toMatchObject({ kind: "debug-exit", status: 2 * 0x11 + 1 });
  });

  it("are gone by when the handler has the board assert IGNNE#, cleared or not", () => {
    const ending = run("out 0xf0, al");
    expect(ending).toMatchObject({ kind: "debug-exit", status: 2 * 0x11 + 1 });
  });

  it("hold the processor for good when nobody does anything about them", () => {
    expect(run("")).toMatchObject({ kind: "halted" });
  });
});

/**
 * Virtual interrupts of virtual-8086 mode (CR4.VME) and of ring 3 in protected mode (CR4.PVI), and the software interrupt
 * redirection bitmap (SDM Vol. 3, 21.3 and 21.4).
 */
import { describe, expect, it } from "vitest";
import * as S from "../../src/spec/cpu-state.js";
import { CODE, DATA, Fixture, KERNEL_STACK, RSP, TSS, USER_STACK, type Event } from "./fixture.js";

const VM = 1 << 17;
const VIF = 1 << 19;
const VIP = 1 << 20;
const IF = 1 << 9;
const TF = 1 << 8;
const IOPL_3 = 3 << 12;
const VME = 1;
const PVI = 2;
const GP = { vector: 13, errorCode: 0n };
/** I/O permission bitmap; the redirection bitmap lies below it. */
const MAP = 0x88;
/** Where vector 21H of the 8086 program leads. */
const HANDLER = { segment: 0x1234, offset: 0x5678 };

/** A task of virtual-8086 mode, with code at CODE, DS at DATA and its stack at the end of SS. */
function task(flags: number, cr4 = VME): Fixture {
  const one = new Fixture(32, 3);
  const segments = [DATA, CODE, USER_STACK, DATA, DATA, DATA];
  segments.forEach((base, index) => {
    one.segment(index, base >> 4, base, 0xffff, 0xf3);
  });
  one.core.write(TSS + 102, [MAP & 0xff, 0]);
  one.core.set64(S.CR4, cr4);
  one.put(4 * 0x21, BigInt(HANDLER.offset | (HANDLER.segment << 16)));
  one.core.setRegister(RSP, 0x100);
  one.flags(VM | flags);
  return one;
}
function run(one: Fixture, code: readonly number[], steps: number): Event | undefined {
  one.core.write(CODE, code);
  one.core.set64(S.RIP, 0);
  one.core.core.stateChanged();
  return one.resume(steps);
}
const flagsOf = (one: Fixture): number => Number(one.core.get64(S.RFLAGS));
const word = (one: Fixture, address: number): number => one.get(address) & 0xffff;
const redirectOnly = (one: Fixture): void => one.core.write(TSS + MAP - 32, new Array<number>(32).fill(0));
const directAll = (one: Fixture): void => one.core.write(TSS + MAP - 32, new Array<number>(32).fill(0xff));

describe("CLI and STI below IOPL 3", () => {
  it.each([
    ["in virtual-8086 mode with VME", (cr4: number) => task(0, cr4), VME],
    [
      "in ring 3 with PVI",
      (cr4: number) => {
        const one = new Fixture(32, 3);
        one.core.set64(S.CR4, cr4);
        one.flags(0);
        one.segment(S.CS, 0x1b, CODE, 0xffff, 0x40fb);
        return one;
      },
      PVI,
    ],
  ] as const)("set and clear VIF %s, and leave IF", (_name, make, cr4) => {
    const one = make(cr4);
    expect(run(one, [0xfb, 0x90], 1)).toBeUndefined();
    expect(flagsOf(one) & (VIF | IF)).toBe(VIF);
    expect(run(one, [0xfa, 0x90], 1)).toBeUndefined();
    expect(flagsOf(one) & (VIF | IF)).toBe(0);
    const without = make(cr4 ^ 3);
    expect(run(without, [0xfb], 10)).toMatchObject(GP);
  });
  it("STI with VIP is #GP(0), CLI is not", () => {
    const one = task(VIP);
    expect(run(one, [0xfa, 0x90], 1)).toBeUndefined();
    expect(run(one, [0xfb], 10)).toMatchObject({ ...GP, rip: 0n });
  });
  it("act on IF at IOPL 3", () => {
    const one = task(IOPL_3);
    expect(run(one, [0xfb, 0x90], 1)).toBeUndefined();
    expect(flagsOf(one) & (VIF | IF)).toBe(IF);
  });
});

describe("PUSHF and POPF below IOPL 3 in virtual-8086 mode", () => {
  it("PUSHF shows VIF as IF, and IOPL 3", () => {
    const one = task(VIF);
    expect(run(one, [0x9c], 1)).toBeUndefined();
    expect(word(one, USER_STACK + 0xfe)).toBe(0x3202);
    const disabled = task(IF);
    expect(run(disabled, [0x9c], 1)).toBeUndefined();
    expect(word(disabled, USER_STACK + 0xfe)).toBe(0x3002);
  });
  it("POPF takes IF of the image as VIF, and leaves IF and IOPL", () => {
    const one = task(IF);
    one.core.write(USER_STACK + 0x100, [0xd7, 0x32]);
    expect(run(one, [0x9d], 1)).toBeUndefined();
    expect(flagsOf(one) & (VIF | IF | IOPL_3 | 0xd5)).toBe(VIF | IF | 0xd5);
    one.core.write(USER_STACK + 0x102, [0x02, 0x30]);
    expect(run(one, [0x9d], 1)).toBeUndefined();
    expect(flagsOf(one) & (VIF | IF | IOPL_3 | 0xd5)).toBe(IF);
  });
  it.each([
    ["TF in the image", 0, TF],
    ["IF in the image with VIP", VIP, IF],
  ])("POPF of %s is #GP(0), and the stack stays", (_name, flags, image) => {
    const one = task(flags);
    one.core.write(USER_STACK + 0x100, [2, image >> 8]);
    expect(run(one, [0x9d], 10)).toMatchObject({ ...GP, rip: 0n });
    expect(one.get(KERNEL_STACK - 4 * 6)).toBe(0x100);
  });
  it("with an operand size of 32 are #GP(0)", () => {
    expect(run(task(0), [0x66, 0x9c], 10)).toMatchObject(GP);
    expect(run(task(0), [0x66, 0x9d], 10)).toMatchObject(GP);
    expect(run(task(0), [0x66, 0xcf], 10)).toMatchObject(GP);
  });
});

describe("INT n in virtual-8086 mode with VME", () => {
  it("method 5: at IOPL 3 a clear bit goes through the program's table, and clears IF", () => {
    const one = task(IOPL_3 | IF);
    redirectOnly(one);
    expect(run(one, [0xcd, 0x21], 1)).toBeUndefined();
    expect(one.core.rip).toBe(HANDLER.offset);
    expect(one.core.get64(S.SEGMENTS + S.CS * S.SEGMENT_BYTES)).toBe(BigInt(HANDLER.segment << 4));
    expect([0xfa, 0xfc, 0xfe].map((at) => word(one, USER_STACK + at))).toEqual([2, CODE >> 4, 0x3202]);
    expect(flagsOf(one) & (VM | IF | IOPL_3)).toBe(VM | IOPL_3);
    expect(one.core.view.getUint32(S.CPL, true)).toBe(3);
  });
  it("method 6: below IOPL 3 the image has VIF as IF and IOPL 3, and VIF is cleared", () => {
    const one = task(VIF | IF | TF);
    redirectOnly(one);
    expect(run(one, [0xcd, 0x21], 1)).toBeUndefined();
    expect(word(one, USER_STACK + 0xfe)).toBe(0x3302);
    expect(flagsOf(one) & (VM | IF | VIF | TF | IOPL_3)).toBe(VM | IF);
  });
  it("and IRET comes back", () => {
    const one = task(VIF);
    redirectOnly(one);
    one.core.write((HANDLER.segment << 4) + HANDLER.offset, [0xcf]);
    expect(run(one, [0xcd, 0x21, 0x90], 2)).toBeUndefined();
    expect([one.core.rip, Number(one.core.register(RSP))]).toEqual([2, 0x100]);
    expect(flagsOf(one) & (VM | VIF | IF | IOPL_3)).toBe(VM | VIF);
  });
  it("methods 3 and 4: a set bit is #GP(0) below IOPL 3, the protected-mode handler at it", () => {
    const one = task(0);
    directAll(one);
    expect(run(one, [0xcd, 0x0a], 10)).toMatchObject({ ...GP, rip: 0n });
    const other = task(IOPL_3);
    directAll(other);
    expect(run(other, [0xcd, 0x06], 10)).toMatchObject({ vector: 6, rip: 2n });
  });
  it("INT3 and INTO are never redirected", () => {
    const one = task(0);
    redirectOnly(one);
    expect(run(one, [0xcc], 10)).toMatchObject({ vector: 3, rip: 1n });
  });
  it("without VME there is no bitmap", () => {
    const one = task(IOPL_3, 0);
    redirectOnly(one);
    expect(run(one, [0xcd, 0x06], 10)).toMatchObject({ vector: 6, rip: 2n });
  });
  it("a bitmap beyond the limit of the TSS is #GP(0)", () => {
    const one = task(0);
    one.core.write(TSS + 102, [0xff, 0xff]);
    expect(run(one, [0xcd, 0x21], 10)).toMatchObject({ ...GP, rip: 0n });
  });
});

describe("IRET", () => {
  it("of ring 0 to a task with VIF and VIP is #GP(0) at the task's first instruction", () => {
    const kernel = new Fixture(32, 0);
    kernel.core.set64(S.CR4, VME);
    const frame = [4, CODE >> 4, 2 | VM | VIF | VIP, 0x100, USER_STACK >> 4, 0, 0, 0, 0];
    frame.forEach((item, i) => kernel.put(KERNEL_STACK - 64 + 4 * i, BigInt(item)));
    kernel.core.setRegister(RSP, KERNEL_STACK - 64);
    const event = kernel.run([0xcf]);
    expect(event).toMatchObject({ ...GP, rip: 4n });
    expect(Number(event!.flags) & (VM | VIF | VIP)).toBe(VM | VIF | VIP);
  });
  it("in the task, of IF with VIP, is #GP(0)", () => {
    const one = task(VIP);
    one.core.write(USER_STACK + 0x100, [0, 0, CODE >> 4, CODE >> 12, 2, 2]);
    expect(run(one, [0xcf], 10)).toMatchObject({ ...GP, rip: 0n });
  });
});

describe("POPF of 32 bits", () => {
  it("leaves VIF and VIP in ring 0", () => {
    const kernel = new Fixture(32, 0);
    kernel.flags(VIP);
    kernel.put(KERNEL_STACK - 4, 0x2n);
    kernel.core.setRegister(RSP, KERNEL_STACK - 4);
    expect(kernel.run([0x9d], 1)).toBeUndefined();
    expect(flagsOf(kernel) & VIP).toBe(VIP);
  });
});

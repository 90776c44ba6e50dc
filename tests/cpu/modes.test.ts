/**
 * What the lock-step cases cannot compare, because QEMU does not model it or reports it otherwise: segment limits, alignment
 * checks, debug registers, PDPTE registers, PCIDs, references that are not canonical.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { FLAG_FIXED } from "../../src/spec/control-bits.js";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET } from "../../src/spec/stops.js";
import {
  CODE,
  DATA,
  Fixture,
  GDT,
  HANDLERS,
  KERNEL_STACK,
  RAX,
  RBP,
  RCX,
  RDI,
  RSI,
  RSP,
  TABLES,
  USER_STACK,
} from "./fixture.js";

describe("segment limits", () => {
  let user: Fixture;
  beforeEach(() => {
    user = new Fixture(32, 3);
    user.segment(S.SS, 0x23, 0, 0x2fff, 0x40f3);
  });
  const cases: [string, number[], number][] = [
    ["PUSH", [0x50], 0x3002],
    ["POP", [0x58], 0x2ffe],
    ["PUSHA", [0x60], 0x14],
    ["POPA", [0x61], 0x2ff0],
    ["CALL", [0xe8, 0, 0, 0, 0], 0x3004],
    ["RET", [0xc3], 0x3000],
    ["PUSHF", [0x9c], 0x3001],
    ["ENTER", [0xc8, 0, 0, 3], 8],
    ["IRET", [0xcf], 0x2ff8],
  ];
  it.each(cases)("%s outside the stack segment is #SS(0) and changes nothing", (_name, code, esp) => {
    user.core.setRegister(RSP, esp);
    user.core.setRegister(RBP, 0x1000);
    const event = user.run(code);
    expect(event).toMatchObject({ vector: 12, errorCode: 0n, rip: BigInt(CODE) });
    expect(user.get(KERNEL_STACK - 8)).toBe(esp);
  });
  it("the last item inside is pushed", () => {
    user.core.setRegister(RSP, 0x3000);
    expect(user.run([0x50], 1)).toBeUndefined();
    expect(user.core.register(RSP)).toBe(0x2ffcn);
  });
  it("an expand-down stack ends above its limit", () => {
    user.segment(S.SS, 0x23, 0, 0x2fff, 0x40f7);
    user.core.setRegister(RSP, 0x3004);
    expect(user.run([0x50], 1)).toBeUndefined();
    expect(user.run([0x50])).toMatchObject({ vector: 12, errorCode: 0n });
  });
  it("data beyond the limit is #GP(0), through SS #SS(0)", () => {
    user.segment(S.DS, 0x23, 0, 0x2fff, 0x40f3);
    user.core.setRegister(RAX, 0x2ffd);
    expect(user.run([0x8b, 0x08])).toMatchObject({ vector: 13, errorCode: 0n });
    const again = new Fixture(32, 3);
    again.segment(S.SS, 0x23, 0, 0x2fff, 0x40f3);
    again.core.setRegister(RBP, 0x2ffd);
    expect(again.run([0x8b, 0x4d, 0])).toMatchObject({ vector: 12, errorCode: 0n });
  });
  it("code segments are not written, data that is read-only neither", () => {
    expect(user.run([0x2e, 0xc6, 0x05, 0, 0, 2, 0, 1])).toMatchObject({ vector: 13, errorCode: 0n });
    const again = new Fixture(32, 3);
    again.segment(S.DS, 0x23, 0, 0xffff_ffff, 0xc0f1);
    expect(again.run([0xc6, 0x05, 0, 0, 2, 0, 1])).toMatchObject({ vector: 13, errorCode: 0n });
  });
  it("stay in real-address mode as protected mode left them", () => {
    const real = new Fixture(32, 0);
    real.put(DATA + 0x10_0000, 0x1234n);
    real.segment(S.CS, 0, 0, 0xffff, 0x9b);
    real.core.set64(S.CR0, 0x10n);
    // mov eax, [DATA + 1 MiB] with 32-bit addresses; then DS of 64 KiB
    const read = [0x66, 0x67, 0xa1, 0, 0, 0x12, 0];
    real.core.write(0x8000, [0xb8, 0, 0, 0x8e, 0xd8, ...read]);
    real.core.set64(S.RIP, 0x8000);
    real.core.core.stateChanged();
    real.core.core.run(3);
    expect(real.core.register(RAX)).toBe(0x1234n);
    real.segment(S.DS, 0, 0, 0xffff, 0x93);
    real.core.set64(S.RIP, 0x8005);
    real.core.write(4 * 13, [0, 0x90, 0, 0]);
    real.core.write(0x9000, [0xf4]);
    real.core.set64(S.IDTR_BASE, 0);
    real.core.core.stateChanged();
    real.core.core.run(3);
    expect(real.core.rip).toBe(0x9001);
  });
});

describe("alignment checks", () => {
  const AC = 1 << 18;
  let user: Fixture;
  beforeEach(() => {
    user = new Fixture(32, 3);
    user.core.set64(S.CR0, user.core.get64(S.CR0) | (1n << 18n));
    user.flags(AC);
  });
  const at = (opcode: number[], address: number): number[] => [
    ...opcode,
    address & 0xff,
    (address >> 8) & 0xff,
    address >> 16,
    0,
  ];
  it("are made of data, stack and string operands at ring 3", () => {
    expect(user.run(at([0xa1], DATA + 1))).toMatchObject({ vector: 17, errorCode: 0n, rip: BigInt(CODE) });
    for (const code of [at([0x01, 0x05], DATA + 2), [0x50], [0xa5]]) {
      const fresh = new Fixture(32, 3);
      fresh.core.set64(S.CR0, fresh.core.get64(S.CR0) | (1n << 18n));
      fresh.flags(AC);
      fresh.core.setRegister(RSP, USER_STACK - 2);
      fresh.core.setRegister(RSI, DATA);
      fresh.core.setRegister(RDI, DATA + 2);
      expect(fresh.run(code)).toMatchObject({ vector: 17, errorCode: 0n });
    }
  });
  it("let aligned items and bytes pass, again and again", () => {
    user.core.setRegister(RCX, DATA);
    expect(
      user.run([...at([0xa1], DATA + 4), ...at([0xa0], DATA + 5), 0x50, 0x58, 0x8b, 0x01, 0x8b, 0x01], 6),
    ).toBeUndefined();
  });
  it("depend on EFLAGS.AC, CR0.AM and the ring", () => {
    user.flags(0);
    expect(user.run(at([0xa1], DATA + 1), 1)).toBeUndefined();
    // popf sets AC
    user.put(USER_STACK - 16, BigInt(FLAG_FIXED | AC));
    user.core.setRegister(RSP, USER_STACK - 16);
    expect(user.run([0x9d, ...at([0xa1], DATA + 1)])).toMatchObject({ vector: 17 });
    const kernel = new Fixture(32, 0);
    kernel.core.set64(S.CR0, kernel.core.get64(S.CR0) | (1n << 18n));
    kernel.flags(AC);
    expect(kernel.run(at([0xa1], DATA + 1), 1)).toBeUndefined();
  });
});

describe("debug registers", () => {
  let kernel: Fixture;
  const dr = (number: number, value: number): void => {
    kernel.core.set64(number === 7 ? S.DR7 : S.DR + 8 * number, value);
  };
  const dr6 = (): number => Number(kernel.core.get64(S.DR6)) & 0xe00f;
  beforeEach(() => {
    kernel = new Fixture(32, 0);
  });
  it("break before an instruction, once more unless RF is set", () => {
    dr(0, CODE + 1);
    dr(7, 0x401);
    const event = kernel.run([0x90, 0x40, 0x40]);
    expect(event).toMatchObject({ vector: 1, rip: BigInt(CODE + 1) });
    expect(event!.flags & 0x1_0000n).toBe(0n);
    expect(dr6()).toBe(1);
    // IRET with RF in the image
    const esp = Number(kernel.core.register(RSP));
    kernel.put(esp + 8, 0x1_0002n);
    kernel.core.write(HANDLERS + 17, [0xcf]);
    kernel.core.view.setUint32(S.ACTIVITY, 0, true);
    kernel.core.core.stateChanged();
    expect(kernel.resume(3)).toBeUndefined();
    expect(kernel.core.register(RAX)).toBe(2n);
    expect(kernel.core.get64(S.RFLAGS) & 0x1_0000n).toBe(0n);
  });
  it.each([
    ["a store", 0x0001_0002 | (0x1 << 16), [0xa3, 0, 0, 2, 0], true],
    ["no load where it watches stores", 0x0001_0402, [0xa1, 0, 0, 2, 0], false],
    ["a load where it watches both", 0x0003_0402, [0xa1, 0, 0, 2, 0], true],
    ["a store into the middle of its range", 0x000d_0402, [0xa2, 2, 0, 2, 0], true],
    ["no store beside its range", 0x000d_0402, [0xa2, 4, 0, 2, 0], false],
    ["a read-modify-write", 0x0001_0402, [0xff, 0x05, 0, 0, 2, 0], true],
  ])("break after %s", (_name, dr7, code, hit) => {
    dr(0, DATA);
    dr(7, dr7 | 0x400);
    const event = kernel.run([...code, 0x41, 0x41], hit ? 10 : 2);
    if (hit) {
      expect(event).toMatchObject({ vector: 1, rip: BigInt(CODE + code.length) });
      expect(dr6()).toBe(1);
      expect(kernel.core.register(RCX)).toBe(0n);
    } else {
      expect(event).toBeUndefined();
      expect(kernel.core.register(RCX)).toBe(1n);
    }
  });
  it("break at a push and in the middle of REP STOSD, which goes on with RF", () => {
    dr(1, KERNEL_STACK - 4);
    dr(7, 0x0010_0400 | 0x8 | (0xc << 20));
    expect(kernel.run([0x50, 0x41])).toMatchObject({ vector: 1, rip: BigInt(CODE + 1) });
    kernel = new Fixture(32, 0);
    dr(1, DATA + 8);
    dr(7, 0x00d0_0408);
    kernel.core.setRegister(RDI, DATA);
    kernel.core.setRegister(RCX, 8);
    const event = kernel.run([0xf3, 0xab]);
    expect(event).toMatchObject({ vector: 1, rip: BigInt(CODE) });
    expect(event!.flags & 0x1_0000n).toBe(0x1_0000n);
    expect(kernel.core.register(RCX)).toBe(5n);
  });
  it("break after an access to a port with CR4.DE", () => {
    dr(2, 0x3f8);
    dr(7, 0x0200_0420);
    expect(kernel.run([0x66, 0xba, 0xf8, 3, 0xec, 0x41], 3)).toBeUndefined();
    kernel = new Fixture(32, 0);
    kernel.core.set64(S.CR4, 8n);
    dr(2, 0x3f8);
    dr(7, 0x0200_0420);
    expect(kernel.run([0x66, 0xba, 0xf8, 3, 0xec, 0x41])).toMatchObject({ vector: 1, rip: BigInt(CODE + 5) });
    expect(dr6()).toBe(4);
  });
  it("are guarded by GD, which the exception clears", () => {
    dr(7, 0x2400);
    expect(kernel.run([0x0f, 0x21, 0xc0])).toMatchObject({ vector: 1, rip: BigInt(CODE) });
    expect(dr6()).toBe(0x2000);
    expect(kernel.core.get64(S.DR7)).toBe(0x400n);
  });
  it("MOV SS holds a breakpoint on the instruction after it back", () => {
    dr(0, CODE + 2);
    dr(7, 0x401);
    kernel.core.setRegister(RAX, 0x10);
    expect(kernel.run([0x8e, 0xd0, 0x41, 0x41], 4)).toBeUndefined();
  });
});

describe("single step", () => {
  it("follows each element of a repeated string instruction", () => {
    const kernel = new Fixture(32, 0);
    kernel.flags(0x100);
    kernel.core.setRegister(RCX, 3);
    kernel.core.setRegister(RDI, DATA);
    expect(kernel.run([0xf3, 0xaa])).toMatchObject({ vector: 1, rip: BigInt(CODE) });
    expect(kernel.core.register(RCX)).toBe(2n);
  });
  it("follows the POPF that clears TF, and no MOV SS", () => {
    const kernel = new Fixture(32, 0);
    kernel.flags(0x100);
    kernel.put(KERNEL_STACK - 8, 2n);
    kernel.core.setRegister(RSP, KERNEL_STACK - 8);
    expect(kernel.run([0x9d, 0x41])).toMatchObject({ vector: 1, rip: BigInt(CODE + 1) });
    const other = new Fixture(32, 0);
    other.flags(0x100);
    other.core.setRegister(RAX, 0x10);
    expect(other.run([0x8e, 0xd0, 0x41, 0x41])).toMatchObject({ vector: 1, rip: BigInt(CODE + 3) });
  });
});

describe("PAE paging", () => {
  const POINTERS = TABLES;
  const DIRECTORY = TABLES + 0x1000;
  let kernel: Fixture;
  beforeEach(() => {
    kernel = new Fixture(32, 0);
    for (let i = 0; i < 512; i++) kernel.put(DIRECTORY + 8 * i, BigInt(i * 0x20_0000) | 0x83n);
    for (let i = 0; i < 4; i++) kernel.put(POINTERS + 8 * i, BigInt(DIRECTORY) | 1n);
    kernel.core.set64(S.CR4, 0x20n);
    kernel.core.setRegister(RAX, POINTERS);
  });
  // mov cr3, eax; mov eax, cr0; or eax, 1 << 31; mov cr0, eax
  const START = [0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0d, 0, 0, 0, 0x80, 0x0f, 0x22, 0xc0];
  const read = (address: number): number[] => [
    0xa1,
    address & 0xff,
    (address >> 8) & 0xff,
    (address >> 16) & 0xff,
    address >>> 24,
  ];
  it("goes by the registers: an entry changed in memory counts at the next MOV to CR3", () => {
    kernel.put(DATA, 0x77n);
    kernel.run([...START, ...read(0x4000_0000 + DATA)], 5);
    expect(kernel.core.register(RAX)).toBe(0x77n);
    kernel.put(POINTERS + 8, 0n);
    kernel.core.core.flushTlb();
    kernel.run(read(0x4000_0000 + DATA), 1);
    expect(kernel.core.register(RAX)).toBe(0x77n);
    kernel.core.setRegister(RAX, POINTERS);
    expect(kernel.run([0x0f, 0x22, 0xd8, ...read(0x4000_0000 + DATA)])).toMatchObject({
      vector: 14,
      errorCode: 0n,
    });
  });
  it("a reserved bit in one is #GP(0) at MOV to CR0 and CR3, which stay", () => {
    kernel.put(POINTERS + 16, BigInt(DIRECTORY) | 3n);
    expect(kernel.run(START)).toMatchObject({ vector: 13, errorCode: 0n, rip: BigInt(CODE + 11) });
    expect(kernel.core.get64(S.CR0) >> 31n).toBe(0n);
    kernel = new Fixture(32, 0);
    for (let i = 0; i < 512; i++) kernel.put(DIRECTORY + 8 * i, BigInt(i * 0x20_0000) | 0x83n);
    for (let i = 0; i < 4; i++) kernel.put(POINTERS + 8 * i, BigInt(DIRECTORY) | 1n);
    kernel.put(POINTERS + 32, 0x1e7n);
    kernel.core.set64(S.CR4, 0x20n);
    kernel.core.setRegister(RAX, POINTERS);
    kernel.run(START, 4);
    kernel.core.setRegister(RAX, POINTERS + 32);
    expect(kernel.run([0x0f, 0x22, 0xd8])).toMatchObject({ vector: 13, errorCode: 0n });
    expect(kernel.core.get64(S.CR3)).toBe(BigInt(POINTERS));
  });
});

describe("32-bit paging", () => {
  it("takes bits 39:32 of a 4-MByte page from bits 20:13 of its entry, bit 21 is reserved", () => {
    const kernel = new Fixture(32, 0);
    kernel.put(TABLES, 0x83n | (0x0000_2083n << 32n));
    kernel.put(TABLES + 8, 0x0020_0083n);
    kernel.core.set64(S.CR4, 0x10n);
    kernel.core.set64(S.CR3, TABLES);
    kernel.core.set64(S.CR0, kernel.core.get64(S.CR0) | 0x8000_0000n);
    kernel.put(DATA, 0x55n);
    // 4 MiB + DATA lies at 4 GiB + DATA, where there is nothing
    kernel.run([0xa1, 0, 0, 0x42, 0], 1);
    expect(kernel.core.register(RAX)).toBe(0xffff_ffffn);
    expect(kernel.run([0xa1, 0, 0, 0x82, 0])).toMatchObject({ vector: 14, errorCode: 9n });
  });
});

describe("process-context identifiers", () => {
  const PAGE = 0x4000_0000;
  const ROOTS = [TABLES, TABLES + 0x1000];
  let kernel: Fixture;
  const at = (root: number): number => TABLES + 0x4000 + (root === ROOTS[0] ? 0 : 0x2000);
  /** The page at 1 GiB, and the next in the second address space: the TLB has one place for each page. */
  const map = (root: number, target: number, bits = 3n): void => {
    kernel.put(at(root) + 0x1000 + (root === ROOTS[0] ? 0 : 8), BigInt(target) | bits);
  };
  beforeEach(() => {
    kernel = new Fixture(64, 0);
    for (const root of ROOTS) {
      const pointers = root + 0x2000;
      kernel.put(root, BigInt(pointers) | 3n);
      kernel.put(pointers, 0x83n);
      kernel.put(pointers + 8, BigInt(at(root)) | 3n);
      kernel.put(at(root), BigInt(at(root) + 0x1000) | 3n);
      map(root, DATA + (root === ROOTS[0] ? 0 : 0x1000));
    }
    [1n, 2n, 3n, 4n].forEach((value, i) => {
      kernel.put(DATA + 0x1000 * i, value);
    });
    kernel.core.set64(S.CR3, ROOTS[0]);
    kernel.core.set64(S.CR4, 0x2_00a0n);
  });
  const load = (cr3: bigint): void => {
    kernel.core.setRegister(RAX, cr3);
    expect(kernel.run([0x0f, 0x22, 0xd8], 1)).toBeUndefined();
  };
  const value = (page = 0): bigint => {
    kernel.run([0x48, 0xa1, 0, page << 4, 0, PAGE >>> 24, 0, 0, 0, 0], 1);
    return kernel.core.register(RAX);
  };
  const KEEP = 1n << 63n;
  const invpcid = (type: number, pcid: bigint, va = 0n): void => {
    kernel.put(DATA + 0x800, pcid);
    kernel.put(DATA + 0x808, va);
    kernel.core.setRegister(RCX, DATA + 0x800);
    kernel.core.setRegister(RAX, type);
    expect(kernel.run([0x66, 0x0f, 0x38, 0x82, 0x01], 1)).toBeUndefined();
  };
  // stateChanged, as the fixture calls it, drops translations: here code runs without it.
  beforeEach(() => {
    kernel.core.core.stateChanged();
    kernel.run = (code, steps = 100) => {
      kernel.core.write(CODE, code);
      kernel.core.set64(S.RIP, CODE);
      return kernel.resume(steps);
    };
  });
  const [one, two] = [BigInt(ROOTS[0]) | 1n, BigInt(ROOTS[1]) | 2n];

  it("keep translations over MOV to CR3 with bit 63, and drop their own without", () => {
    load(one);
    expect(value()).toBe(1n);
    load(two);
    expect(value(1)).toBe(2n);
    map(ROOTS[0], DATA + 0x2000);
    map(ROOTS[1], DATA + 0x3000);
    load(one | KEEP);
    expect(value()).toBe(1n);
    load(two | KEEP);
    expect(value(1)).toBe(2n);
    load(two);
    expect(value(1)).toBe(4n);
    load(one);
    expect(value()).toBe(3n);
  });
  it("INVPCID drops an address, a context, all but global pages, all", () => {
    for (const type of [0, 1, 2, 3]) {
      map(ROOTS[0], DATA);
      load(one);
      expect(value()).toBe(1n);
      load(two);
      map(ROOTS[0], DATA + 0x2000);
      invpcid(type, type < 2 ? 1n : 0n, BigInt(PAGE));
      load(one | KEEP);
      expect(value(), `type ${type}`).toBe(3n);
      load(one);
    }
  });
  it("INVPCID of another context leaves this one's", () => {
    load(one);
    expect(value()).toBe(1n);
    map(ROOTS[0], DATA + 0x2000);
    invpcid(1, 2n);
    expect(value()).toBe(1n);
  });
  it("global pages outlive MOV to CR3 and INVPCID without them, not INVLPG under whatever PCID", () => {
    map(ROOTS[0], DATA, 0x103n);
    load(one);
    expect(value()).toBe(1n);
    map(ROOTS[0], DATA + 0x2000, 0x103n);
    load(one);
    expect(value()).toBe(1n);
    invpcid(3, 0n);
    expect(value()).toBe(1n);
    load(two);
    kernel.core.setRegister(RAX, PAGE);
    kernel.run([0x0f, 0x01, 0x38], 1);
    load(one | KEEP);
    expect(value()).toBe(3n);
  });
  it("PCIDE wants IA-32e mode and PCID 0", () => {
    load(one);
    kernel.core.set64(S.CR4, 0xa0n);
    kernel.core.setRegister(RAX, 0x2_00a0);
    expect(kernel.run([0x0f, 0x22, 0xe0])).toMatchObject({ vector: 13, errorCode: 0n });
  });
});

describe("64-bit mode", () => {
  const BAD = 1n << 47n;
  it.each([
    ["a base of RAX", [0x8b, 0x08], RAX, 13],
    ["a base of RBP", [0x8b, 0x4d, 0], RBP, 12],
    ["a base of RBP under FS", [0x64, 0x8b, 0x4d, 0], RBP, 13],
    ["a string operand", [0xac], RSI, 13],
  ])("%s that is not canonical", (_name, code, register, vector) => {
    const user = new Fixture(64, 3);
    user.core.setRegister(register, BAD);
    expect(user.run(code)).toMatchObject({ vector, errorCode: 0n, rip: BigInt(CODE) });
  });
  it.each([
    ["PUSH", [0x50]],
    ["POP", [0x58]],
    ["CALL", [0xe8, 0, 0, 0, 0]],
    ["RET", [0xc3]],
  ])("%s with such an RSP is #SS(0)", (_name, code) => {
    const user = new Fixture(64, 3);
    user.core.setRegister(RSP, BAD + 0x100n);
    expect(user.run(code)).toMatchObject({ vector: 12, errorCode: 0n, rip: BigInt(CODE) });
  });
  it("a call gate switches to the stack of ring 0 with a null SS", () => {
    const user = new Fixture(64, 3);
    const target = CODE + 0x800;
    user.put(
      GDT + 0x30,
      BigInt(target & 0xffff) | (0x28n << 16n) | (0xec00n << 32n) | (BigInt(target >> 16) << 48n),
    );
    user.put(GDT + 0x38, 0n);
    user.core.write(target, [0xf4]);
    user.core.write(DATA, [0, 0, 0, 0, 0x33, 0]);
    // call far [DATA]
    expect(user.core.core.run(0)).toBe(STOP_BUDGET);
    user.core.write(CODE, [0xff, 0x1c, 0x25, DATA & 0xff, (DATA >> 8) & 0xff, DATA >> 16, 0]);
    user.core.core.run(10);
    expect(user.core.rip).toBe(target + 1);
    const stack = [0, 8, 16, 24].map((offset) => user.get(KERNEL_STACK - 32 + offset));
    expect(stack).toEqual([CODE + 7, 0x1b, USER_STACK, 0x23]);
    expect(user.core.view.getUint16(S.SEGMENTS + S.SS * S.SEGMENT_BYTES + S.SEGMENT_SELECTOR, true)).toBe(0);
  });
});

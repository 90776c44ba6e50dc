/**
 * What the vectors of the real processor cannot show: when x87, MMX and SSE instructions may be executed, which faults they
 * raise and with what left unchanged, and the instructions that save and restore their state.
 */
import { beforeEach, describe, expect, it } from "vitest";
import {
  CR0_EM,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_TS,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_OSXSAVE,
} from "../../src/spec/control-bits.js";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_HALTED } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";

const CODE = 0x10_0000;
const DATA = 0x20_0000;
const GDT = 0x8000;
const IDT = 0x9000;
/** A HLT for each vector, 16 bytes apart. */
const HANDLERS = 0xa000;
/** The page directory of BareCore; its third entry maps 0x400000 to 0x5fffff. */
const DIRECTORY = 0x3000;
const MISSING = 0x40_0000;

const UD = 6;
const NM = 7;
const GP = 13;
const PF = 14;
const MF = 16;
const XM = 19;
const NONE = -1;

const HLT = 0xf4;
const MOVAPS_LOAD = [0x0f, 0x28, 0x03];
const MOVAPS_STORE = [0x0f, 0x29, 0x03];
const MOVUPS_LOAD = [0x0f, 0x10, 0x03];
const MOVUPS_STORE = [0x0f, 0x11, 0x03];
const ADDPS = [0x0f, 0x58, 0xc1];
const DIVPS = [0x0f, 0x5e, 0xc1];
const LDMXCSR = [0x0f, 0xae, 0x13];
const MOVQ_MMX = [0x0f, 0x6f, 0xc1];
const EMMS = [0x0f, 0x77];
const FNINIT = [0xdb, 0xe3];
const FLD1 = [0xd9, 0xe8];
const FLDZ = [0xd9, 0xee];
const FDIVP = [0xde, 0xf9];
const FNSTSW = [0xdf, 0xe0];
const FLDCW = [0xd9, 0x2b];
const FWAIT = [0x9b];
const FXSAVE = [0x0f, 0xae, 0x03];
const FXSAVE64 = [0x48, ...FXSAVE];
const FXRSTOR = [0x0f, 0xae, 0x0b];
const XSAVE = [0x0f, 0xae, 0x23];
const XRSTOR = [0x0f, 0xae, 0x2b];
const XGETBV = [0x0f, 0x01, 0xd0];
const XSETBV = [0x0f, 0x01, 0xd1];
const FNSAVE = [0xdd, 0x33];
const FRSTOR = [0xdd, 0x23];

let core: BareCore;

beforeEach(() => {
  core = new BareCore();
  core.mode(64, CODE);
  const descriptor = (bytes: number[]): number[] => [0, 0, 0, 0, 0, 0, 0, 0, ...bytes];
  core.write(GDT, descriptor([0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0]));
  core.set64(S.GDTR_BASE, GDT);
  core.view.setUint32(S.GDTR_LIMIT, 0xf, true);
  core.set64(S.IDTR_BASE, IDT);
  core.view.setUint32(S.IDTR_LIMIT, 0xfff, true);
  for (let vector = 0; vector < 32; vector++) {
    const at = HANDLERS + 16 * vector;
    core.write(at, [HLT]);
    core.write(IDT + 16 * vector, [at & 0xff, at >> 8, 8, 0, 0, 0x8e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  }
  core.setRegister(4, 0x7000);
  core.setRegister(3, DATA);
  allow();
});

function allow(cr0 = CR0_NE, cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT): void {
  const kept = core.get64(S.CR0) & ~BigInt(CR0_EM | CR0_MP | CR0_TS | CR0_NE);
  core.set64(S.CR0, kept | BigInt(cr0));
  core.set64(S.CR4, 0x20 | cr4);
  core.core.stateChanged();
}

/** Runs instructions up to a HLT: the vector of the exception that came instead, or NONE. */
function run(...instructions: number[][]): number {
  core.write(CODE, [...instructions.flat(), HLT]);
  core.set64(S.RIP, CODE);
  core.view.setUint32(S.ACTIVITY, 0, true);
  core.core.stateChanged();
  expect(core.core.run(100)).toBe(STOP_HALTED);
  const { rip } = core;
  return rip >= HANDLERS && rip < HANDLERS + 0x200 ? (rip - 1 - HANDLERS) >> 4 : NONE;
}

const xmm = (number: number): string =>
  Buffer.from(core.bytes.subarray(S.XMM + 16 * number, S.XMM + 16 * number + 16)).toString("hex");
function setXmm(number: number, ...words: number[]): void {
  words.forEach((word, i) => core.view.setUint32(S.XMM + 16 * number + 4 * i, word, true));
}
const mxcsr = (): number => core.view.getUint32(S.MXCSR, true);
const floatingState = (): string =>
  Buffer.from(core.bytes.subarray(S.X87_CONTROL, S.EXTENDED_STATE_END)).toString("hex");
const randomState = (): void => {
  for (let at = S.X87_REGISTERS; at < S.XMM + 256; at++) core.bytes[at] = (at * 37) & 0xff;
};

describe("whether they may be executed (SDM Vol. 3, 2.5; Vol. 1, 11.6)", () => {
  const sse = { ADDPS, LDMXCSR, MOVAPS_LOAD, COMISD: [0x66, 0x0f, 0x2f, 0xc1] };
  const mmx = { MOVQ_MMX, EMMS };
  const x87 = { FLD1, FNSTSW, FNINIT, FNSAVE };
  const always = { MOVNTI: [0x0f, 0xc3, 0x03], SFENCE: [0x0f, 0xae, 0xf8], PREFETCHT0: [0x0f, 0x18, 0x0b] };

  it.each(Object.entries({ ...sse, ...mmx, ...x87, FXSAVE, FXRSTOR }))("%s with TS: #NM", (_, code) => {
    allow(CR0_TS);
    expect(run(code)).toBe(NM);
  });
  it.each(Object.entries({ ...sse, ...mmx, FXSAVE }))("%s with EM: #UD, before TS", (_, code) => {
    allow(CR0_EM | CR0_TS);
    expect(run(code)).toBe(UD);
  });
  it.each(Object.entries(x87))("%s with EM: #NM", (_, code) => {
    allow(CR0_EM);
    expect(run(code)).toBe(NM);
  });
  it.each(Object.entries(sse))("%s without OSFXSR: #UD, before TS", (_, code) => {
    allow(CR0_TS, 0);
    expect(run(code)).toBe(UD);
  });
  it.each(Object.entries({ ...mmx, ...x87, FXSAVE }))("%s without OSFXSR: goes on", (_, code) => {
    allow(0, 0);
    expect(run(code)).toBe(NONE);
  });
  it.each(Object.entries(always))("%s: always", (_, code) => {
    allow(CR0_EM | CR0_TS, 0);
    expect(run(code)).toBe(NONE);
  });
  it("FWAIT: #NM only with MP and TS", () => {
    allow(CR0_TS);
    expect(run(FWAIT)).toBe(NONE);
    allow(CR0_MP | CR0_TS);
    expect(run(FWAIT)).toBe(NM);
  });
  it("VEX-encoded instructions are not there", () => {
    expect(run([0xc5, 0xf8, 0x58, 0xc1])).toBe(UD);
    expect(run([0xc4, 0xe1, 0x78, 0x58, 0xc1])).toBe(UD);
  });
});

describe("exceptions", () => {
  it("an unmasked SIMD exception: #XM, flag set, destination unchanged; #UD without OSXMMEXCPT", () => {
    for (const [cr4, vector] of [
      [CR4_OSFXSR | CR4_OSXMMEXCPT, XM],
      [CR4_OSFXSR, UD],
    ]) {
      allow(0, cr4);
      setXmm(0, 0x3f80_0000, 0, 0, 0);
      setXmm(1, 0, 0x3f80_0000, 0x3f80_0000, 0x3f80_0000);
      core.view.setUint32(S.MXCSR, 0x1f80 & ~0x200, true);
      const before = xmm(0);
      expect(run(DIVPS)).toBe(vector);
      expect(xmm(0)).toBe(before);
      expect(mxcsr()).toBe(0x1d84);
    }
  });
  it("an unmasked x87 exception waits for the next instruction that looks: #MF with NE", () => {
    core.view.setUint16(DATA, 0x37b, true);
    expect(run(FNINIT, FLDCW, FLD1, FLDZ, FDIVP, FNSTSW)).toBe(NONE);
    expect(Number(core.register(0)) & 0x84).toBe(0x84);
    expect(run(FWAIT)).toBe(MF);
    expect(run(MOVQ_MMX)).toBe(MF);
    expect(run(FLD1)).toBe(MF);
    allow(0);
    expect(run(FWAIT)).toBe(NONE);
    expect(core.rip).toBe(CODE); // frozen
    expect(core.view.getUint32(S.FLOAT_ERROR, true)).toBe(S.FERR);
    core.view.setUint32(S.FLOAT_ERROR, S.FERR | S.IGNNE, true);
    expect(run(FWAIT)).toBe(NONE);
    expect(core.rip).toBe(CODE + 2);
    allow();
    expect(run([0xdb, 0xe2], FWAIT)).toBe(NONE);
    expect(core.view.getUint32(S.FLOAT_ERROR, true)).toBe(0);
  });
  it("reserved bits of MXCSR: #GP, nothing loaded", () => {
    core.view.setUint32(S.MXCSR, 0x1f80, true);
    core.ram(DATA, 4).set([0x80, 0x1f, 1, 0]);
    expect(run(LDMXCSR)).toBe(GP);
    expect(mxcsr()).toBe(0x1f80);
  });
});

describe("memory operands", () => {
  it("must be aligned, but for the instructions that say otherwise", () => {
    core.setRegister(3, DATA + 8);
    expect(run(MOVAPS_LOAD)).toBe(GP);
    expect(run(MOVAPS_STORE)).toBe(GP);
    expect(run([0x0f, 0x58, 0x03])).toBe(GP);
    expect(run([0x66, 0x0f, 0xe7, 0x03])).toBe(GP);
    expect(run(MOVUPS_LOAD, MOVUPS_STORE, [0xf2, 0x0f, 0x58, 0x03], [0x0f, 0xfc, 0x03])).toBe(NONE);
  });
  it("across a page that is not there: #PF at that page, nothing done", () => {
    core.write(DIRECTORY + 8 * (MISSING >> 21), new Uint8Array(8));
    core.core.flushTlb();
    core.setRegister(3, MISSING - 6);
    setXmm(0, 1, 2, 3, 4);
    const before = core.ram(MISSING - 16, 16).slice();
    for (const code of [MOVUPS_STORE, MOVUPS_LOAD, [0xdb, 0x2b], [0x66, 0x0f, 0x7f, 0x43, 0xf6]].slice(
      0,
      3,
    )) {
      expect(run(code)).toBe(PF);
      expect(core.get64(S.CR2)).toBe(BigInt(MISSING));
    }
    expect(core.ram(MISSING - 16, 16)).toEqual(before);
    expect(xmm(0)).toBe("01000000020000000300000004000000");
  });
  it("across two pages that are there", () => {
    core.setRegister(3, DATA + 0xffa);
    setXmm(0, 1, 2, 3, 4);
    expect(run(MOVUPS_STORE, [0x0f, 0x10, 0x0b])).toBe(NONE);
    expect(xmm(1)).toBe(xmm(0));
    expect([...core.ram(DATA + 0xffa, 16)]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
  });
});

describe("FXSAVE and FXRSTOR (SDM Vol. 1, 10.5)", () => {
  it("save and restore, with registers in the order of the stack", () => {
    randomState();
    core.view.setUint16(S.X87_STATUS, 5 << 11, true);
    core.bytes[S.X87_TAGS] = 0x81;
    core.ram(DATA, 512).fill(0xee);
    const before = floatingState();
    expect(run(FXSAVE)).toBe(NONE);
    const area = core.ram(DATA, 512);
    expect([...area.subarray(32, 42)]).toEqual([
      ...core.bytes.subarray(S.X87_REGISTERS + 80, S.X87_REGISTERS + 90),
    ]);
    expect([...area.subarray(160, 416)]).toEqual([...core.bytes.subarray(S.XMM, S.XMM + 256)]);
    expect([...area.subarray(416)].every((byte) => byte === 0xee)).toBe(true);
    core.bytes.fill(0x11, S.X87_REGISTERS, S.XMM + 256);
    core.bytes.fill(0, S.X87_TAGS, S.X87_TAGS + 1);
    expect(run(FXRSTOR)).toBe(NONE);
    const mask = (state: string): string => state.replace(/(.{20}).{12}/g, "$1");
    expect(mask(floatingState().slice(64, 64 + 256))).toBe(mask(before.slice(64, 64 + 256)));
    expect(floatingState().slice(0, 64)).toBe(before.slice(0, 64));
    expect(floatingState().slice(320)).toBe(before.slice(320));
  });
  it("keep 64-bit pointers with REX.W", () => {
    core.set64(S.X87_IP, 0x1234_5678_9abc_def0n);
    expect(run(FXSAVE64)).toBe(NONE);
    expect(new DataView(core.core.memory.buffer).getBigUint64(core.ram(DATA, 16).byteOffset + 8, true)).toBe(
      0x1234_5678_9abc_def0n,
    );
    expect(run(FXSAVE)).toBe(NONE);
    expect(new DataView(core.core.memory.buffer).getBigUint64(core.ram(DATA, 16).byteOffset + 8, true)).toBe(
      0x9abc_def0n,
    );
  });
  it("want 16-byte alignment, and MXCSR without reserved bits", () => {
    core.setRegister(3, DATA + 8);
    expect(run(FXSAVE)).toBe(GP);
    core.setRegister(3, DATA);
    expect(run(FXSAVE)).toBe(NONE);
    core.ram(DATA + 24, 4).fill(0xff);
    const before = floatingState();
    expect(run(FXRSTOR)).toBe(GP);
    expect(floatingState()).toBe(before);
  });
  it("into a page that is not there: nothing written", () => {
    core.write(DIRECTORY + 8 * (MISSING >> 21), new Uint8Array(8));
    core.core.flushTlb();
    core.setRegister(3, MISSING - 256);
    core.ram(MISSING - 256, 256).fill(0xee);
    expect(run(FXSAVE)).toBe(PF);
    expect(core.ram(MISSING - 256, 256).every((byte) => byte === 0xee)).toBe(true);
    expect(run([0xdd, 0xb3, 0xc0, 0, 0, 0])).toBe(PF); // FNSAVE [rbx + 192]
    expect(core.ram(MISSING - 256, 256).every((byte) => byte === 0xee)).toBe(true);
  });
  it("the last instruction and its operand", () => {
    expect(run(FNINIT, [0xdd, 0x43, 0x18], FNSTSW)).toBe(NONE); // FLD qword [rbx + 0x18]
    expect(core.get64(S.X87_IP)).toBe(BigInt(CODE + 2));
    expect(core.get64(S.X87_DP)).toBe(BigInt(DATA + 0x18));
  });
});

describe("XSAVE and XRSTOR (SDM Vol. 1, chapter 13)", () => {
  const enabled = (): void => allow(CR0_NE, CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
  const features = (mask: number): void => {
    core.setRegister(0, mask);
    core.setRegister(2, 0);
    core.setRegister(1, 0);
  };

  it("do not exist before the operating system enables them", () => {
    for (const code of [XSAVE, XRSTOR, XGETBV, XSETBV]) expect(run(code)).toBe(UD);
    allow(CR0_TS, CR4_OSXSAVE);
    expect(run(XSAVE)).toBe(NM);
    features(3);
    expect(run(XGETBV)).toBe(NONE);
  });
  it("XCR0 takes x87 alone, or with SSE", () => {
    enabled();
    for (const [value, vector] of [
      [0, GP],
      [1, NONE],
      [2, GP],
      [3, NONE],
      [7, GP],
    ]) {
      features(value);
      expect(run(XSETBV), String(value)).toBe(vector);
    }
    core.setRegister(0, 0x55);
    expect(run(XGETBV)).toBe(NONE);
    expect(core.register(0)).toBe(3n);
    core.setRegister(1, 1);
    expect(run(XGETBV)).toBe(GP);
  });
  it("CPUID shows CR4.OSXSAVE, and the size of the area", () => {
    const cpuid = [0x0f, 0xa2];
    core.setRegister(0, 1);
    expect(run(cpuid)).toBe(NONE);
    expect(core.register(1) & (3n << 26n)).toBe(1n << 26n);
    enabled();
    core.setRegister(0, 1);
    expect(run(cpuid)).toBe(NONE);
    expect(core.register(1) & (3n << 26n)).toBe(3n << 26n);
    core.setRegister(0, 0xd);
    core.setRegister(1, 0);
    expect(run(cpuid)).toBe(NONE);
    expect([core.register(0), core.register(3), core.register(1)]).toEqual([3n, 576n, 576n]);
  });
  it("save the components asked for, and say which", () => {
    enabled();
    core.set64(S.XCR0, 3);
    randomState();
    core.ram(DATA, 576).fill(0);
    features(2);
    expect(run(XSAVE)).toBe(NONE);
    expect(core.ram(DATA + 32, 128).every((byte) => byte === 0)).toBe(true);
    expect([...core.ram(DATA + 160, 256)]).toEqual([...core.bytes.subarray(S.XMM, S.XMM + 256)]);
    expect(core.ram(DATA + 512, 1)[0]).toBe(2);
    features(1);
    expect(run(XSAVE)).toBe(NONE);
    expect(core.ram(DATA + 512, 1)[0]).toBe(3);
  });
  it("initialize a component that is not in the area", () => {
    enabled();
    core.set64(S.XCR0, 3);
    randomState();
    core.ram(DATA, 576).fill(0);
    core.ram(DATA + 24, 2).set([0xa0, 0x1f]);
    features(3);
    expect(run(XRSTOR)).toBe(NONE);
    expect(core.bytes.subarray(S.X87_REGISTERS, S.XMM + 256).every((byte) => byte === 0)).toBe(true);
    expect(core.view.getUint16(S.X87_CONTROL, true)).toBe(0x37f);
    expect(mxcsr()).toBe(0x1fa0);
  });
  it("refuse a header of another format", () => {
    enabled();
    core.set64(S.XCR0, 3);
    features(3);
    for (const [offset, value] of [
      [512, 4],
      [527, 0x80],
      [528, 1],
    ]) {
      core.ram(DATA, 576).fill(0);
      core.ram(DATA + offset, 1)[0] = value;
      const before = floatingState();
      expect(run(XRSTOR)).toBe(GP);
      expect(floatingState()).toBe(before);
    }
    core.setRegister(3, DATA + 16);
    expect(run(XSAVE)).toBe(GP);
  });
});

describe("FNSAVE and FRSTOR", () => {
  const field = (at: number, size: 2 | 4): number => {
    const view = new DataView(core.core.memory.buffer, core.ram(DATA, 108).byteOffset);
    return size === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
  };
  const prepare = (): void => {
    core.view.setUint16(S.X87_CONTROL, 0x27f, true);
    core.view.setUint16(S.X87_STATUS, 0x3800, true);
    core.bytes[S.X87_TAGS] = 0x80;
    core.bytes.fill(0, S.X87_REGISTERS, S.XMM);
    core.view.setUint16(S.X87_OPCODE, 0x123, true);
    core.set64(S.X87_IP, 0x5_4321);
    core.set64(S.X87_DP, 0x6_789a);
  };
  it.each([
    ["32-bit", [] as number[], 4, 0x5_4321, 0x6_789a, 0x123_0000, 0],
    ["16-bit", [0x66], 2, 0x4321, 0x789a, 0, 0],
  ] as const)("%s protected-mode format", (_, prefix, size, ip, dp, fourth, sixth) => {
    prepare();
    expect(run([...prefix, ...FNSAVE])).toBe(NONE);
    expect(field(0, 2)).toBe(0x27f);
    expect(field(size, 2)).toBe(0x3800);
    expect(field(2 * size, 2)).toBe(0x7fff); // R7 is zero, the others are empty
    expect(field(3 * size, size)).toBe(ip);
    expect(field(4 * size, size)).toBe(fourth);
    expect(field(5 * size, size)).toBe(dp);
    expect(field(6 * size, 2)).toBe(sixth);
    expect(core.view.getUint16(S.X87_CONTROL, true)).toBe(0x37f);
    expect(run([...prefix, ...FRSTOR])).toBe(NONE);
    expect(core.view.getUint16(S.X87_STATUS, true)).toBe(0x3800);
    expect(core.bytes[S.X87_TAGS]).toBe(0x80);
  });
  it("16-bit real-address format: linear addresses and the opcode", () => {
    core.mode(16, 0x8000);
    core.set64(S.CR0, core.get64(S.CR0) & ~BigInt(CR0_PE));
    prepare();
    core.write(0x8000, [0xdd, 0x36, 0x00, 0x60, HLT]); // FNSAVE [0x6000]
    core.core.stateChanged();
    expect(core.core.run(10)).toBe(STOP_HALTED);
    const view = new DataView(core.core.memory.buffer, core.ram(0x6000, 94).byteOffset);
    expect([6, 8, 10, 12].map((at) => view.getUint16(at, true))).toEqual([0x4321, 0x5123, 0x789a, 0x6000]);
  });
});

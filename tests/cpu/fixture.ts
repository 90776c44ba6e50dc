/**
 * Machine code in a mode and ring, with descriptor tables and a handler for every exception, on the bare processor.
 */
import { expect } from "vitest";
import { FLAG_FIXED } from "../../src/spec/control-bits.js";
import * as S from "../../src/spec/cpu-state.js";
import { STOP_BUDGET, STOP_HALTED } from "../../src/spec/stops.js";
import { BareCore, type CodeBits } from "./bare-core.js";

export const CODE = 0x1_0000;
export const DATA = 0x2_0000;
export const USER_STACK = 0x3_0000;
export const KERNEL_STACK = 0x4_0000;
export const GDT = 0x5_0000;
export const IDT = 0x5_1000;
export const TSS = 0x5_2000;
/** A HLT for each vector. */
export const HANDLERS = 0x5_3000;
export const TABLES = 0x6_0000;
export const [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI] = [0, 1, 2, 3, 4, 5, 6, 7];

const flat = (access: number, flags: number): bigint =>
  0xffffn | (BigInt(access) << 40n) | (BigInt(0xf | (flags << 4)) << 48n);
/** 8, 10: ring 0; 1B, 23: ring 3; 28: 64-bit code; 30: a call gate to it in 16 bytes. */
const DESCRIPTORS = [0n, flat(0x9b, 0xc), flat(0x93, 0xc), flat(0xfb, 0xc), flat(0xf3, 0xc), flat(0x9b, 0xa)];

export interface Event {
  readonly vector: number;
  readonly errorCode: bigint;
  readonly rip: bigint;
  readonly flags: bigint;
}

export class Fixture {
  readonly core = new BareCore();
  constructor(
    readonly bits: CodeBits,
    readonly ring: 0 | 3,
  ) {
    const { core } = this;
    core.mode(bits, CODE);
    DESCRIPTORS.forEach((value, i) => {
      this.put(GDT + 8 * i, value);
    });
    const long = bits === 64;
    for (let vector = 0; vector < 32; vector++) {
      const at = HANDLERS + 16 * vector;
      core.write(at, [0xf4]);
      const gate =
        (BigInt(at) & 0xffffn) |
        (BigInt(long ? 0x28 : 8) << 16n) |
        (0xee00n << 32n) |
        (BigInt(at >> 16) << 48n);
      this.put(IDT + (long ? 16 : 8) * vector, gate);
      if (long) this.put(IDT + 16 * vector + 8, 0n);
    }
    core.set64(S.GDTR_BASE, GDT);
    core.view.setUint32(S.GDTR_LIMIT, 0xfff, true);
    core.set64(S.IDTR_BASE, IDT);
    core.view.setUint32(S.IDTR_LIMIT, 0xfff, true);
    this.segment(S.TR, 0x48, TSS, 0xfff, 0x8b);
    this.put(TSS + 4, long ? BigInt(KERNEL_STACK) : BigInt(KERNEL_STACK) | (0x10n << 32n));
    if (ring === 3) {
      for (const index of [S.ES, S.SS, S.DS, S.FS, S.GS]) this.segment(index, 0x23, 0, 0xffff_ffff, 0xc0f3);
      this.segment(S.CS, 0x1b, 0, 0xffff_ffff, long ? 0xa0fb : 0xc0fb);
      core.view.setUint32(S.CPL, 3, true);
      if (long)
        for (const at of [0x1000, 0x2000, 0x3000])
          this.put(at, core.view.getBigUint64(this.host(at), true) | 4n);
    }
    core.setRegister(RSP, ring === 3 ? USER_STACK : KERNEL_STACK);
    core.core.stateChanged();
  }
  host(address: number): number {
    return this.core.ram(address, 1).byteOffset;
  }
  put(address: number, value: bigint): void {
    this.core.view.setBigUint64(this.host(address), value, true);
  }
  get(address: number): number {
    return this.core.view.getUint32(this.host(address), true);
  }
  segment(index: number, selector: number, base: number, limit: number, rights: number): void {
    const at = S.SEGMENTS + index * S.SEGMENT_BYTES;
    this.core.set64(at + S.SEGMENT_BASE, base);
    this.core.view.setUint32(at + S.SEGMENT_LIMIT, limit, true);
    this.core.view.setUint32(at + S.SEGMENT_RIGHTS, rights, true);
    this.core.view.setUint16(at + S.SEGMENT_SELECTOR, selector, true);
  }
  flags(value: number): void {
    this.core.set64(S.RFLAGS, FLAG_FIXED | value);
  }
  /** Runs code, to the handler of an exception or for so many instructions. */
  run(code: readonly number[], steps = 100): Event | undefined {
    const { core } = this;
    core.write(CODE, code);
    core.set64(S.RIP, CODE);
    core.core.stateChanged();
    return this.resume(steps);
  }
  resume(steps = 100): Event | undefined {
    const { core } = this;
    const stop = core.core.run(steps);
    if (stop === STOP_BUDGET) return undefined;
    expect(stop).toBe(STOP_HALTED);
    const vector = (core.rip - 1 - HANDLERS) / 16;
    const size = this.bits === 64 ? 8 : 4;
    let at = Number(core.register(RSP));
    const pop = (): bigint => {
      const value = core.view.getBigUint64(this.host(at), true);
      at += size;
      return size === 8 ? value : value & 0xffff_ffffn;
    };
    const coded = [8, 10, 11, 12, 13, 14, 17].includes(vector);
    const errorCode = coded ? pop() : -1n;
    const rip = pop();
    pop();
    return { vector, errorCode, rip, flags: pop() };
  }
}

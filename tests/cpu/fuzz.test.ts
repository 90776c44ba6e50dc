/**
 * Random bytes as code: whatever they are, an architectural event results, nothing outside the machine changes, and how the
 * run is sliced, or what was decoded before, makes no difference.
 */
import { describe, expect, it } from "vitest";
import * as S from "../../src/spec/cpu-state.js";
import { HANDLERS, RAM_BASE, TLB_NOTHING, TLB_ENTRIES, TLB_ENTRY_BYTES } from "../../src/spec/memory-map.js";
import { STOP_BUDGET, STOP_DEADLINE, STOP_HALTED, STOP_SHUTDOWN } from "../../src/spec/stops.js";
import { BareCore } from "./bare-core.js";
import { generator } from "./random.js";

const CODE = 0x10_0000;
const ENDS = [STOP_BUDGET, STOP_DEADLINE, STOP_HALTED, STOP_SHUTDOWN];
const COMPARED = [S.RIP, S.RFLAGS, S.INSTRUCTIONS, S.CYCLES];

function start(core: BareCore, bits: 16 | 32 | 64, code: number, seed: number): void {
  const random = generator(seed * 7919);
  core.ram(0x4000, core.ramBytes - 0x4000).fill(0);
  core.write(
    code,
    Uint8Array.from({ length: 4096 }, () => random() >>> 8),
  );
  core.core.reset();
  core.mode(bits, code);
  for (let i = 0; i < 16; i++) {
    const kind = random() % 4;
    core.setRegister(
      i,
      kind === 0 ? random() : kind === 1 ? code + (random() & 0xfff) : random() & 0x1f_ffff,
    );
  }
  core.setRegister(4, 0x9000);
  core.core.stateChanged();
}

function expectSame(one: BareCore, other: BareCore, what: string): void {
  expect(floatingState(other), what).toBe(floatingState(one));
  for (let i = 0; i < 16; i++) expect(other.register(i), `${what}, register ${i}`).toBe(one.register(i));
  for (const field of COMPARED)
    expect(other.get64(field), `${what}, field ${field.toString(16)}`).toBe(one.get64(field));
}

const floatingState = (core: BareCore): string =>
  Buffer.from(core.bytes.subarray(S.X87_CONTROL, S.EXTENDED_STATE_END)).toString("hex");

describe.each([16, 32, 64] as const)("random bytes as %i-bit code", (bits) => {
  const code = bits === 16 ? 0x8000 : CODE;

  it("neither trap nor hang the core, in one run as in many", () => {
    const whole = new BareCore(4 << 20);
    const sliced = new BareCore(4 << 20);
    for (let seed = 1; seed <= 300; seed++) {
      for (const core of [whole, sliced]) start(core, bits, code, seed);
      const stop = whole.core.run(3000);
      expect(ENDS).toContain(stop);
      let other = STOP_BUDGET;
      for (let left = 3000; left > 0 && other === STOP_BUDGET; left -= 11)
        other = sliced.core.run(Math.min(11, left));
      expect(other, `seed ${seed}`).toBe(stop);
      expectSame(whole, sliced, `seed ${seed}`);
    }
  });
});

describe("random programs that write into themselves", () => {
  const ADD_BYTES = 6;
  const STORE_BYTES = 6;
  /** A loop of ADD r32, imm32 and MOV [an immediate of the loop], CL. */
  function program(random: () => number): number[] {
    const below = (limit: number): number => (random() >>> 4) % limit;
    const bytes: number[] = [];
    const kinds = Array.from({ length: 24 }, () => below(3) > 0);
    const at = (index: number): number =>
      kinds.slice(0, index).reduce((sum, add) => sum + (add ? ADD_BYTES : STORE_BYTES), 0);
    const adds = kinds.flatMap((add, index) => (add ? [index] : []));
    kinds.forEach((add, index) => {
      const register = [0, 1, 2, 3, 6, 7][below(6)];
      if (add) return bytes.push(0x81, 0xc0 | register, below(256), below(256), below(256), below(256));
      const target = at(adds[below(adds.length)]) + 2 + below(4);
      const displacement = target - (at(index) + STORE_BYTES);
      return bytes.push(0x88, 0x0d, ...[0, 8, 16, 24].map((shift) => (displacement >> shift) & 0xff));
    });
    const back = -(bytes.length + 8);
    bytes.push(0xff, 0xcd, 0x0f, 0x85, ...[0, 8, 16, 24].map((shift) => (back >> shift) & 0xff), 0xeb, 0xfe);
    return bytes;
  }

  it("run as they do one instruction at a time, decoded anew for each", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const cores = [new BareCore(2 << 20), new BareCore(2 << 20)];
      for (const core of cores) {
        core.write(CODE, program(generator(seed * 7919)));
        core.mode(64, CODE);
        core.setRegister(5, 30);
        core.core.stateChanged();
      }
      expect(cores[0].core.run(900)).toBe(STOP_BUDGET);
      for (let i = 0; i < 900; i++) cores[1].core.run(1);
      expectSame(cores[0], cores[1], `seed ${seed}`);
      expect(cores[1].ram(CODE, 200)).toEqual(cores[0].ram(CODE, 200));
    }
  });
});

const GDT = 0x3000;
const IDT = 0x4000;
const TSS = 0x5000;
const ROOT = 0x1000;
const PAE_POINTERS = 0x9000;
const LEGACY_ROOT = 0xa000;
const ENTRY_POINT = 0x1_0000;
const STACK = 0x2_f000;
type Random = () => number;
const pick = <T>(random: Random, values: readonly T[]): T => values[(random() >>> 4) % values.length] as T;

/** Opcodes that random bytes seldom are. */
const SYSTEM: readonly (readonly number[])[] = [
  [0x0f, 0x00], [0x0f, 0x01], [0x0f, 0x02], [0x0f, 0x03], [0x0f, 0x05], [0x0f, 0x07], [0x0f, 0x20], [0x0f, 0x21], [0x0f, 0x22],
  [0x0f, 0x23], [0x0f, 0x30], [0x0f, 0x32], [0x0f, 0x34], [0x0f, 0x35], [0x0f, 0xa1], [0x0f, 0xa9], [0x0f, 0xb2], [0x0f, 0xb4],
  [0x66, 0x0f, 0x38, 0x82], [0x8e], [0xca], [0xcb], [0xcc], [0xcd], [0xcf], [0x9d], [0xc8], [0x61], [0x60], [0x17, 0x1f],
  [0x9a, 0, 0, 1, 0, 0x50, 0], [0xea, 0, 0, 1, 0, 0x58, 0], [0xff, 0x18], [0xff, 0x28], [0xf3, 0xaa], [0xf3, 0x6c], [0xf2, 0xae],
]; // prettier-ignore

/** Descriptors of all kinds, gates to all of them, tasks. */
function tables(core: BareCore, random: Random, long: boolean): void {
  const put = (at: number, value: bigint): void => {
    core.view.setBigUint64(RAM_BASE + at, BigInt.asUintN(64, value), true);
  };
  const flat = (access: number, flags: number): bigint =>
    0xffffn | (BigInt(access) << 40n) | (BigInt(0xf | (flags << 4)) << 48n);
  const anything = (): bigint => (BigInt(random()) << 32n) | BigInt(random());
  const known = [
    0n,
    flat(0x9b, 0xc),
    flat(0x93, 0xc),
    flat(0xfb, 0xc),
    flat(0xf3, 0xc),
    flat(0x9b, 0xa),
    flat(0xfb, 0xa),
  ];
  for (let i = 0; i < 64; i++)
    put(GDT + 8 * i, known[i] ?? (random() % 3 ? flat(random() & 0xff, random() & 15) : anything()));
  for (const slot of [10, 11])
    put(GDT + 8 * slot, (BigInt(TSS + 0x200) << 16n) | 0x67n | ((0xe1n | (slot === 10 ? 8n : 0n)) << 40n));
  for (let vector = 0; vector < 256; vector++) {
    const at = IDT + (long ? 16 : 8) * vector;
    const target = ENTRY_POINT + 16 * vector;
    const type = pick(random, [0xee, 0x8e, 0xef, 0xe6, 0xe5, random() & 0xff]);
    const selector = type === 0xe5 ? 0x50 : pick(random, [8, 8, 0x28, random() & 0x1ff]);
    put(
      at,
      BigInt(target & 0xffff) |
        (BigInt(selector) << 16n) |
        (BigInt(type) << 40n) |
        (BigInt(target >>> 16) << 48n),
    );
    if (long) put(at + 8, 0n);
  }
  for (let i = 0; i < 0x400; i += 8) put(TSS + i, random() % 2 ? anything() & 0xff_ffffn : 0n);
  put(TSS + 4, BigInt(STACK) | (long ? 0n : 0x10n << 32n));
}

function pageTables(core: BareCore): void {
  for (let i = 0; i < 512; i++)
    core.view.setBigUint64(RAM_BASE + 0x8000 + 8 * i, BigInt(i * 0x20_0000) | 0xe7n, true);
  core.write(ROOT, [0x07, 0x70, 0, 0, 0, 0, 0, 0]);
  core.write(0x7000, [0x07, 0x80, 0, 0, 0, 0, 0, 0]);
  for (let i = 0; i < 4; i++) core.write(PAE_POINTERS + 8 * i, [0x01, 0x80, 0, 0, 0, 0, 0, 0]);
  for (let i = 0; i < 1024; i++)
    core.view.setUint32(RAM_BASE + LEGACY_ROOT + 4 * i, i * 0x40_0000 + 0xe7, true);
}

type Mode = "real" | "virtual 8086" | "16" | "32" | "compatibility" | "64";
const RIGHTS: Record<Mode, [number, number]> = {
  real: [0x9b, 0x93],
  "virtual 8086": [0xf3, 0xf3],
  "16": [0x9b, 0x93],
  "32": [0xc09b, 0xc093],
  compatibility: [0xc09b, 0xc093],
  "64": [0xa09b, 0xc093],
};

function enterMode(core: BareCore, random: Random, mode: Mode, ring: number, paging: string): void {
  const long = mode === "compatibility" || mode === "64";
  const small = mode === "real" || mode === "virtual 8086" || mode === "16";
  core.core.reset();
  core.mode(32, ENTRY_POINT);
  tables(core, random, long);
  pageTables(core);
  const [code, data] = RIGHTS[mode].map((rights) => rights | (ring << 5));
  for (let i = 0; i < 6; i++) {
    const at = S.SEGMENTS + i * S.SEGMENT_BYTES;
    const base = small ? ENTRY_POINT + (i === S.SS ? 0x1_0000 : 0) : 0;
    core.set64(at + S.SEGMENT_BASE, base);
    core.view.setUint32(at + S.SEGMENT_LIMIT, small ? 0xffff : 0xffff_ffff, true);
    core.view.setUint32(at + S.SEGMENT_RIGHTS, i === S.CS ? code : data, true);
    core.view.setUint16(
      at + S.SEGMENT_SELECTOR,
      mode === "virtual 8086" ? base >> 4 : i === S.CS ? 8 | ring : 0x10 | ring,
      true,
    );
  }
  const task = S.SEGMENTS + S.TR * S.SEGMENT_BYTES;
  core.set64(task + S.SEGMENT_BASE, TSS);
  core.view.setUint32(task + S.SEGMENT_LIMIT, 0x3ff, true);
  core.view.setUint32(task + S.SEGMENT_RIGHTS, 0x8b, true);
  core.set64(S.GDTR_BASE, GDT);
  core.view.setUint32(S.GDTR_LIMIT, 0x1ff, true);
  core.set64(S.IDTR_BASE, mode === "real" ? 0 : IDT);
  core.view.setUint32(S.IDTR_LIMIT, 0xfff, true);
  const protectedMode = mode !== "real";
  core.set64(
    S.CR0,
    (protectedMode ? 1n : 0n) |
      0x10n |
      (paging === "none" ? 0n : 0x8000_0000n) |
      (random() % 2 ? 0x5_0000n : 0n),
  );
  core.set64(S.CR3, long ? ROOT : paging === "PAE" ? PAE_POINTERS : LEGACY_ROOT);
  core.set64(
    S.CR4,
    (long || paging === "PAE" ? 0x20 : paging === "32-bit" ? 0x10 : 0) | (random() % 4 ? 0x88 : 0x30_0888),
  );
  for (let i = 0; i < 4; i++) core.set64(S.PDPTES + 8 * i, 0x8001);
  core.set64(S.MSR_EFER, long ? 0xd01 : 0x800);
  const flags = (random() & 0x4_7fd7) | (mode === "virtual 8086" ? 0x2_0000 : 0);
  core.set64(S.RFLAGS, (random() % 4 ? flags & ~0x100 : flags) | 2);
  if (random() % 4 === 0) core.set64(S.DR7, (random() & 0xffff_03ff) | 0x400);
  for (let i = 0; i < 4; i++) core.set64(S.DR + 8 * i, ENTRY_POINT + (random() & 0xffff));
  core.view.setUint32(S.CPL, mode === "real" ? 0 : ring, true);
  core.view.setUint32(S.CODE_BITS, small ? 16 : mode === "64" ? 64 : 32, true);
  for (let i = 0; i < 16; i++)
    core.setRegister(i, random() % 3 ? ENTRY_POINT + (random() & 0x1_ffff) : random());
  core.setRegister(4, small ? 0xf000 : STACK - 0x800);
  core.set64(S.RIP, small ? 0 : ENTRY_POINT);
  const bytes: number[] = [];
  while (bytes.length < 0x2000) {
    if (random() % 4 === 0) bytes.push(...pick(random, SYSTEM));
    bytes.push((random() >>> 8) & 0xff);
  }
  core.write(ENTRY_POINT, bytes.slice(0, 0x2000));
  core.core.stateChanged();
}

describe("random code in every mode and ring", () => {
  /** RAM ends within a page of the wasm memory: what follows it is nobody's. */
  const RAM = (4 << 20) + 0x1000;
  const settings: [Mode, number, string][] = [
    ["real", 0, "none"],
    ["virtual 8086", 3, "none"],
    ["virtual 8086", 3, "32-bit"],
    ...(["16", "32"] as const).flatMap((mode) =>
      [0, 1, 2, 3].flatMap((ring) =>
        ["none", "32-bit", "PAE"].map((paging): [Mode, number, string] => [mode, ring, paging]),
      ),
    ),
    ...(["compatibility", "64"] as const).flatMap((mode) =>
      [0, 1, 2, 3].map((ring): [Mode, number, string] => [mode, ring, "4-level"]),
    ),
  ];
  it.each(settings)(
    "%s, ring %i, paging %s: an event results, and nothing else changes",
    (mode, ring, paging) => {
      const core = new BareCore(RAM);
      const guard = core.bytes.subarray(RAM_BASE + RAM);
      const table = core.bytes.slice(HANDLERS, HANDLERS + 0x1000);
      expect(guard.length).toBeGreaterThan(0);
      guard.fill(0xa5);
      let retired = 0n;
      for (let seed = 1; seed <= 60; seed++) {
        const random = generator(seed * 104_729 + ring * 31 + mode.length);
        enterMode(core, random, mode, ring, paging);
        for (let slice = 0; slice < 4; slice++) {
          core.core.setInterruptLine(slice & 1);
          expect(ENDS, `seed ${seed}`).toContain(core.core.run(300));
        }
        core.core.setInterruptLine(0);
        retired += core.get64(S.INSTRUCTIONS) + core.get64(S.EVENTS);
      }
      expect(retired).toBeGreaterThan(300n);
      expect(guard.every((byte) => byte === 0xa5)).toBe(true);
      expect(core.bytes.slice(HANDLERS, HANDLERS + 0x1000)).toEqual(table);
      expect(core.get64(S.ZERO_SLOT)).toBe(0n);
      expect(
        core.bytes
          .subarray(TLB_NOTHING, TLB_NOTHING + TLB_ENTRIES * TLB_ENTRY_BYTES)
          .every((byte) => byte === 0xff),
      ).toBe(true);
    },
    60_000,
  );
});

/**
 * Seeded cases of the lock-step comparison in 64-bit and compatibility mode, in any ring: far transfers, gates and returns
 * of every form, system calls, bases, control registers, and pages of all sizes with random rights.
 */
import { generator } from "../cpu/random.js";
import {
  descriptor,
  general,
  le,
  levels,
  setBreakpoints,
  type Below,
  type Case,
  type Context,
} from "./cases.js";
import { C, CODE, DATA, L, RECORD_BYTES, STACK_TOP, TABLES } from "./layout.js";

/** Four pages, a page of 2 MBytes, the four again through another entry, a page of 1 GByte, all again at level 4. */
const WINDOWS = [0x4000_0000, 0x4020_0000, 0x4040_0000, 0x8000_0000, 0x80_4000_0000, 0x80_0000_0000];

const FREE = 18;
/** Selectors of a flat code segment, by ring: of 64 and of 32 bits; and of the stack. */
const CODE_64 = [0x08, 0x39, 0x4a, 0x33];
const CODE_32 = [0x18, 0x59, 0x62, 0x23];
const STACK = [0x10, 0x41, 0x52, 0x2b];

const of = <Item>(below: Below, ...items: readonly Item[]): Item => items[below(items.length)];

/** Any selector: mostly of the case's descriptors. */
function selector(below: Below): number {
  const rpl = below(4);
  const kind = below(16);
  if (kind === 0) return rpl;
  if (kind === 1) return (below(64) << 3) | rpl;
  if (kind < 4) return (below(8) << 3) | 4 | rpl;
  if (kind < 8) return of(below, ...CODE_64, ...CODE_32, ...STACK, 0x68, 0x70, 0x80);
  return ((FREE + below(16)) << 3) | rpl;
}

const codeSelector = (below: Below): number =>
  below(3) > 0
    ? of(below, ...CODE_64, ...CODE_32, 0x68, 0x90, 0x98, 0xa0, 0xa8, 4) | below(4)
    : selector(below);

const NOT_CANONICAL = 0x8000_0000_0000n;
const gateTarget = (below: Below): bigint => (below(12) === 0 ? NOT_CANONICAL : BigInt(CODE + 0x200));

function gate(below: Below, type: number, stack: number): [bigint, bigint] {
  const offset = gateTarget(below);
  const target = below(4) > 0 ? of(below, 0x08, 0x38, 0x48, 0x30, 0x68, 0x90) : codeSelector(below);
  const low =
    (offset & 0xffffn) |
    (BigInt(target) << 16n) |
    (BigInt(stack | ((levels(below) | type) << 8)) << 32n) |
    (((offset >> 16n) & 0xffffn) << 48n);
  return [low, (offset >> 32n) | (below(16) === 0 ? BigInt(below(32)) << 40n : 0n)];
}

const code64 = (below: Below): bigint =>
  descriptor(0, 0xf_ffff, 0x18 | of(below, 2, 3, 6, 7) | levels(below), below(12) === 0 ? 0xe : 0xa);
const code32 = (below: Below): bigint =>
  descriptor(0, 0xf_ffff, 0x18 | of(below, 2, 3, 6, 7, 0) | levels(below), of(below, 0xc, 0xc, 0x8));
const data = (below: Below): bigint =>
  descriptor(0, 0xf_ffff, 0x10 | of(below, 2, 3, 3, 0, 1) | levels(below), 0xc);
const callGate = (below: Below): [bigint, bigint] =>
  gate(below, below(6) === 0 ? of(below, 4, 5, 14) : 12, 0);
/** A TSS or an LDT, or what may not be loaded as one. */
function system(below: Below): [bigint, bigint] {
  const access = of(below, 9, 2, 9, 2, 1, 11, 3) | levels(below);
  const upper = below(6) === 0 ? 0x8000n : 0n;
  return [descriptor(DATA, below(2) ? 0x67 : 0xfff, access, 0), upper];
}

function tables(below: Below, view: DataView): void {
  const put = (at: number, value: bigint): void => {
    view.setBigUint64(at, BigInt.asUintN(64, value), true);
  };
  const pair = (at: number, [low, high]: readonly [bigint, bigint]): void => {
    put(at, low);
    put(at + 8, high);
  };
  const global = (slot: number): number => C.GDT + 8 * (slot - FREE);
  for (const slot of [18, 19]) put(global(slot), code64(below));
  for (const slot of [20, 21]) put(global(slot), code32(below));
  for (const slot of [22, 23, 24]) put(global(slot), data(below));
  put(global(25), descriptor(0, 0xf_ffff, below(256), 0));
  for (const slot of [26, 28, 30]) pair(global(slot), callGate(below));
  pair(global(32), system(below));
  for (const slot of [0, 1]) put(C.LDT + 8 * slot, code64(below));
  for (const slot of [2, 3, 7]) put(C.LDT + 8 * slot, data(below));
  pair(C.LDT + 32, callGate(below));
  put(C.LDT + 48, code32(below));
  for (let i = 0; i < 8; i++) {
    const type = below(10) === 0 ? of(below, 5, 6, 7, 12, 9) : 14 + below(2);
    const stack = below(3) > 0 ? 0 : below(12) === 0 ? 8 + below(8) : 2 + below(6);
    const [low, high] = gate(below, type, stack);
    pair(L.IDT + 16 * i, [low | (below(6) > 0 ? 3n << 45n : 0n), high]);
  }
}

const NX = 1n << 63n;
const P = 1;
const RW = 2;
const US = 4;
const PS = 0x80;

/** An entry of a paging structure that leads to an address, with random rights. */
function entry(below: Below, target: number, fixed: number): bigint {
  let flags = fixed | P | (below(8) << 3) | (below(4) << 5);
  if (below(4) > 0) flags |= RW;
  if (below(2)) flags |= US;
  if (below(4) === 0) flags |= 0x100;
  if (below(12) === 0) flags &= ~P;
  let value = BigInt(flags) | BigInt(target) | (BigInt(below(8)) << 9n) | (BigInt(below(128)) << 52n);
  if (below(3) === 0) value |= NX;
  if (below(16) === 0) value |= 1n << 51n;
  return value;
}

function entries(below: Below, view: DataView): void {
  const put = (index: number, value: bigint): void => {
    view.setBigUint64(L.ENTRIES + 8 * index, BigInt.asUintN(64, value), true);
  };
  const reserved = (size: number): number => (below(12) === 0 ? 0x2000 << below(size) : 0);
  for (let i = 0; i < 4; i++) put(i, entry(below, of(below, DATA, DATA + 0x1000, CODE), 0) & ~0x80n);
  put(4, entry(below, reserved(8), PS));
  put(5, entry(below, TABLES.WINDOW_TABLE, 0) & ~0x80n);
  put(6, entry(below, reserved(17), PS));
  put(7, entry(below, TABLES.PDPT, 0) & (below(16) === 0 ? ~0n : ~0x80n));
}

/** An address in a window: in data, or in code. */
function inWindow(below: Below, code: boolean): number {
  const window = WINDOWS[below(WINDOWS.length)];
  const small = window === 0x4000_0000 || window === 0x4040_0000 || window === 0x80_4000_0000;
  if (small) return window + 0x1000 * below(4) + (code ? 0x200 : 0x400 + below(0x800));
  return window + (code ? CODE + 0x200 : DATA + 0x400 + below(0x800));
}

/** MOV register, immediate. */
const load = (register: number, value: number | bigint): number[] => {
  const wide = BigInt.asUintN(64, BigInt(value));
  const bytes = Array.from({ length: 8 }, (_, i) => Number((wide >> BigInt(8 * i)) & 0xffn));
  return wide >> 32n === 0n ? [0xb8 + register, ...bytes.slice(0, 4)] : [0x48, 0xb8 + register, ...bytes];
};

const ax = (value: number): number[] => [0x66, 0xb8, ...le(value, 2)];
/** Writes so many bytes below the stack pointer, lowest first. */
function frame(wide: boolean, size: 2 | 4 | 8, items: readonly number[]): number[] {
  if (size === 8 || (!wide && size === 4))
    return [...items].reverse().flatMap((item) => [0x68, ...le(item, 4)]);
  const out = [...(wide ? [0x48] : []), 0x83, 0xec, size * items.length];
  items.forEach((item, i) => {
    const at = [0x44, 0x24, i * size];
    out.push(...(size === 2 ? [0x66, 0xc7, ...at, ...le(item, 2)] : [0xc7, ...at, ...le(item, 4)]));
  });
  return out;
}
const prefix = (size: 2 | 4 | 8): number[] => (size === 2 ? [0x66] : size === 8 ? [0x48] : []);

const POINTER = DATA + 0x700;

/** Instructions that concern the system, in 64-bit mode (`wide`) or compatibility mode. */
class System {
  private readonly below: Below;
  private readonly wide: boolean;
  private readonly ring: number;

  constructor(context: Context) {
    this.below = context.below;
    this.wide = context.mode === "64-bit";
    this.ring = context.ring;
  }

  private size(): 2 | 4 | 8 {
    return this.wide ? of(this.below, 8, 8, 8, 4, 2) : of(this.below, 4, 4, 4, 2);
  }
  /** A memory operand at a fixed address. */
  private at(reg: number, address: number): number[] {
    return this.wide ? [0x04 | (reg << 3), 0x25, ...le(address, 4)] : [0x05 | (reg << 3), ...le(address, 4)];
  }
  private store(offset: number, size: 2 | 4 | 8, chosen: number): number[] {
    const immediate = le(offset, size === 2 ? 2 : 4);
    return [
      ...prefix(size),
      0xc7,
      ...this.at(0, POINTER),
      ...immediate,
      0x66,
      0xc7,
      ...this.at(0, POINTER + size),
      ...le(chosen, 2),
    ];
  }
  private flags(): number {
    return (this.below(0x10000) & 0x3ed5) | 2;
  }
  private target(): number {
    return this.below(16) === 0 ? 0x7fff_ffff : CODE + 0x200;
  }

  segments(): number[] {
    const { below } = this;
    const chosen = selector(below);
    const size = this.size();
    // With REX.W QEMU reads m16:32, as AMD's processors do.
    const short = size === 2 ? 2 : 4;
    return of(
      below,
      () => [...ax(chosen), 0x8e, 0xc0 | (of(below, 0, 2, 3, 4, 5, 4, 5) << 3)],
      () => [0x68, ...le(chosen, 4), 0x0f, of(below, 0xa1, 0xa9)],
      () => [
        ...this.store(STACK_TOP - 0x300, short, chosen),
        ...prefix(short),
        0x0f,
        of(below, 0xb2, 0xb4, 0xb5),
        ...this.at(below(3), POINTER),
      ],
      () => [0x8c, 0xc0 | (below(6) << 3) | below(3)],
      () => [...ax(chosen), 0x0f, 0x00, 0xc0 | ((4 + below(2)) << 3)],
      () => [...ax(chosen), ...prefix(size), 0x0f, 2 + below(2), 0xc0 | (below(3) << 3)],
      () => [...prefix(size), 0x0f, 0x00, 0xc0 | (below(2) << 3) | below(3)],
      () => [...prefix(size), 0x0f, 0x01, 0xe0 | below(3)],
      () => [0x0f, 0x01, ...this.at(below(2), DATA + 0x600)],
    )();
  }

  far(): number[] {
    const { below } = this;
    const size = this.size();
    const chosen = codeSelector(below);
    const outer = Math.max(this.ring, below(4));
    const stack = below(3) > 0 ? STACK[outer] : selector(below);
    const code = below(3) > 0 ? of(below, CODE_64, CODE_32)[outer] : chosen;
    const rsp = STACK_TOP - 0x800 - below(16);
    const gates = of(below, 0xd0, 0xe0, 0xf0, 0x24) | below(4);
    return of(
      below,
      () => [
        ...this.store(this.target(), size, chosen),
        ...prefix(size),
        0xff,
        ...this.at(below(2) ? 3 : 5, POINTER),
      ],
      () => [
        ...this.store(this.target(), size, gates),
        ...prefix(size),
        0xff,
        ...this.at(below(3) ? 3 : 5, POINTER),
      ],
      () => [
        ...frame(this.wide, size, [this.target(), code, rsp, stack]),
        ...prefix(size),
        of(below, 0xcb, 0xcb, 0xca),
        below(3) << 3,
        0,
      ],
      () => [
        ...frame(this.wide, size, [this.target(), code, this.flags(), rsp, stack]),
        ...prefix(size),
        0xcf,
      ],
      () => [
        ...frame(this.wide, size, [this.target(), code, this.flags(), rsp, stack]),
        ...prefix(size),
        0xcf,
      ],
    )();
  }

  interrupt(): number[] {
    const { below } = this;
    return below(5) > 0 ? [0xcd, 0x40 + below(8)] : [of(below, 0xcc, 0xce)];
  }

  calls(): number[] {
    const { below } = this;
    const size = this.wide ? of(below, [], [0x48]) : [];
    // Without REX.W QEMU takes all 64 bits of the registers.
    const away = size.length > 0 && below(8) === 0 ? NOT_CANONICAL : BigInt(CODE + 0x200);
    return of(
      below,
      () => [0x0f, 0x05],
      () => [
        ...load(1, away),
        ...(this.wide ? [0x49, 0xc7, 0xc3, ...le(this.flags(), 4)] : []),
        ...size,
        0x0f,
        0x07,
      ],
      () => [0x0f, 0x34],
      () => [...load(2, this.wide ? away : CODE + 0x200), ...load(1, STACK_TOP - 0x400), ...size, 0x0f, 0x35],
    )();
  }

  bases(): number[] {
    const { below } = this;
    if (!this.wide) return [0x0f, 0x01, 0xf8];
    // QEMU takes a base that is not canonical.
    const value = of(below, 0x1234_5678n, 0xffff_8000_0000_1000n, BigInt(below(0x100)));
    const low = Number(value & 0xffff_ffffn);
    const high = Number(value >> 32n);
    const msr = of(below, 0xc000_0100, 0xc000_0101, 0xc000_0102, 0xc000_0082, 0x176);
    return of(
      below,
      () => [0x0f, 0x01, 0xf8],
      () => [...load(1, value), 0xf3, ...of(below, [], [0x48]), 0x0f, 0xae, 0xd1 | (below(2) << 3)],
      () => [0xf3, ...of(below, [], [0x48]), 0x0f, 0xae, 0xc2 | (below(2) << 3)],
      () => [...load(1, msr), ...load(0, low), ...load(2, high), 0x0f, 0x30],
      () => [...load(1, msr), 0x0f, 0x32],
      () => [of(below, 0x64, 0x65), 0x48, 0x8b, 0x43, 0x10],
    )();
  }

  control(): number[] {
    const { below } = this;
    const cr0 = of(below, 0x8001_0033, 0x8000_0033, 0x8004_0033);
    const cr4 = 0x620 | of(below, 0, 0x10_0000, 0x20_0000, 0x800, 0x1_0000, 0x80, 0x4);
    return of(
      below,
      () => [0x0f, 0x20, 0xc0 | (of(below, 0, 2, 3, 4) << 3) | below(3)],
      () => [0x44, 0x0f, 0x20, 0xc0 | below(3)].slice(this.wide ? 0 : 1),
      () => [...load(0, below(16)), ...(this.wide ? [0x44, 0x0f, 0x22, 0xc0] : [])],
      () => [...load(0, cr0), 0x0f, 0x22, 0xc0],
      () => [...load(0, cr4), 0x0f, 0x22, 0xe0],
      () => [...load(0, of(below, TABLES.PML4, TABLES.PML4 | 0x18)), 0x0f, 0x22, 0xd8],
      () => [0x0f, 0x21, 0xc0 | (below(8) << 3) | below(3)],
      () => [...load(0, of(below, 0x700, 0x304, 2 ** 32)), 0x0f, 0x23, 0xc0 | (of(below, 0, 3, 5, 6) << 3)],
      () => [0x0f, 0x06],
      () => [...ax(below(16) | 1), 0x0f, 0x01, 0xf0],
      () => [0x0f, 0x01, ...this.at(7, of(below, DATA, 0x4000_0000))],
      () => [...ax(selector(below)), 0x0f, 0x00, 0xd0],
      () => [...ax(of(below, 0x90, 0x70, 0x80, 0x108, 4)), 0x0f, 0x00, 0xd8],
      () => (this.ring > 0 ? [0xf4] : [0x90]),
      () => [0x0f, 0x01, of(below, 0xca, 0xcb)],
    )();
  }

  flagsAndPorts(): number[] {
    const { below } = this;
    const dx = [0x66, 0xba, ...le(0x520 + below(0xe0), 2)];
    return of(
      below,
      () => [of(below, 0xfa, 0xfb)],
      () => [...of(below, [], [0x66]), 0x9c],
      () => [0x68, ...le(this.flags() | of(below, 0, 0x4_0000, 0x20_0000, 0x1_0000), 4), 0x9d],
      () => [...dx, of(below, 0xec, 0xec, 0xee, 0xef)],
      () => [...dx, of(below, 0x6c, 0x6e)],
      () => [0x0f, of(below, 0x0b, 0xb9, 0xff, 0xaa), 0xc0],
    )();
  }

  pages(): number[] {
    const { below } = this;
    const data = this.wide ? inWindow(below, false) : inWindow(below, false) % 2 ** 32;
    const code = this.wide ? inWindow(below, true) : inWindow(below, true) % 2 ** 32;
    const rex = this.wide ? [0x48] : [];
    return of(
      below,
      () => [...load(3, data), ...rex, 0x8b, 0x03],
      () => [...load(3, data), ...rex, 0x8b, 0x03],
      () => [...load(3, data), ...rex, 0x89, 0x03],
      () => [...load(3, data), ...rex, 0x01, 0x03],
      () => [...load(7, data), ...load(1, 3), 0xf3, 0xaa],
      () => [...load(6, data), 0xa4],
      () => [...load(0, code), 0xff, of(below, 0xe0, 0xd0)],
      () => [
        ...load(
          3,
          BigInt(DATA + 0x400) | (this.wide ? of(below, NOT_CANONICAL, 0xffff_8000_0000_0000n) : 0n),
        ),
        ...rex,
        0x8b,
        0x03,
      ],
      () => [...load(4, data & ~7), 0x50],
    )();
  }

  draw(): number[] {
    const kinds = [
      () => this.segments(),
      () => this.far(),
      () => this.far(),
      () => this.interrupt(),
      () => this.calls(),
      () => this.bases(),
      () => this.control(),
      () => this.flagsAndPorts(),
      () => this.pages(),
      () => this.pages(),
    ];
    return kinds[this.below(kinds.length)]();
  }
}

function setRegisters(view: DataView, below: Below, random: () => number): void {
  const put = (number: number, value: number | bigint): void => {
    view.setBigUint64(C.REGISTERS + 8 * number, BigInt.asUintN(64, BigInt(value)), true);
  };
  const whole = (): bigint => (BigInt(random()) << 32n) | BigInt(random());
  for (const number of [0, 2, 8, 9, 10, 11, 12, 13, 14, 15])
    put(number, below(3) === 0 ? below(0x100) : whole());
  put(1, below(40));
  for (const number of [3, 5, 6, 7])
    put(number, DATA + (below(6) === 0 ? 0x1f00 + below(0x200) : 0x400 + below(0x800)));
  put(4, STACK_TOP - 0x200);
}

export function makeLongCase(seed: number): Case {
  const random = generator(Math.imul(seed + 1, 0x9e37_79b1) ^ 0x55aa_1234);
  for (let i = 0; i < 8; i++) random();
  const below: Below = (limit) => (random() >>> 4) % limit;
  const mode = below(4) > 0 ? "64-bit" : "compatibility";
  const ring = below(3) > 0 ? below(2) * 3 : 1 + below(2);
  const user = ring === 3 || below(10) === 0;
  const stepping = below(10) === 0;
  // Both at once end QEMU 7.2 with a segmentation fault.
  const watching = !stepping && below(12) === 0;
  const context: Context = { mode, ring, below, stepping: stepping || watching };
  const system = new System(context);
  const code: number[] = [];
  while (code.length < 80) code.push(...(below(2) === 0 ? system.draw() : general(context)));
  const record = new Uint8Array(RECORD_BYTES);
  const view = new DataView(record.buffer);
  tables(below, view);
  entries(below, view);
  record.set(code.slice(0, 128), C.CODE);
  record.fill(0xcc, C.CODE + code.length, C.CODE + 128);
  view.setUint32(L.USER, Number(user), true);
  view.setUint32(L.EFER, (below(6) > 0 ? 1 : 0) | (below(4) > 0 ? 0x800 : 0), true);
  const iopl = below(4) << 12;
  view.setUint32(
    C.FLAGS,
    2 |
      (random() & 0xad5) |
      iopl |
      (below(12) === 0 ? 0x4000 : 0) |
      (below(4) === 0 ? 0x4_0000 : 0) |
      (stepping ? 0x100 : 0),
    true,
  );
  view.setUint32(C.CR0, below(2) ? 0x1_0000 : 0, true);
  // PGE, UMIP, FSGSBASE, SMEP, SMAP, TSD, DE
  const cr4 = [0x80, 0x800, 0x1_0000, 0x10_0000, 0x20_0000, 4, 8]
    .filter(() => below(2))
    .reduce((a, b) => a | b, 0);
  view.setUint32(C.CR4, user && ring < 3 ? cr4 & ~0x10_0000 : cr4, true);
  setRegisters(view, below, random);
  const stack = STACK[ring];
  const data = of(below, 0x2b, 0x2b, stack, 0);
  const cs = (mode === "64-bit" ? CODE_64 : CODE_32)[ring];
  // Outside 64-bit mode nothing is read through a null selector, but QEMU does.
  const any = mode === "64-bit" ? data : 0x2b;
  [any, cs, stack, any, any, 0x2b].forEach((value, i) => {
    view.setUint32(C.SELECTORS + 4 * i, value, true);
  });
  for (let i = 0; i < 3; i++)
    view.setBigUint64(
      L.BASES + 8 * i,
      of(below, 0n, BigInt(below(0x200)), 0xffff_ffff_ffff_ff00n, 0x4000_0000n),
      true,
    );
  view.setUint32(C.RIP, CODE, true);
  if (watching) setBreakpoints(view, below, [0, 1, 2, 3]);
  return { mode, ring, paging: 4, seed, code, record };
}

/**
 * Random edits of page tables, flushes and accesses, on the bare machine, with nested and with shadow paging: every access has the
 * same result, exception and error code, and leaves the same accessed and dirty flags. Where the manual lets a processor use
 * stale translations, the guest flushes first; where it does not (an entry that was not present), it does not.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode } from "../../src/experiments/view.js";
import { GUEST_RAM_BASE } from "../../src/hypervisor/memory/layout.js";
import { NestedPaging } from "../../src/hypervisor/memory/nested.js";
import { ShadowedMemory } from "../../src/hypervisor/memory/shadowed.js";
import type { Parts } from "../../src/hypervisor/parts.js";
import { generator } from "../cpu/random.js";
import { core, guest } from "./guest.js";

const RAM = 16 * 2 ** 20;
const OPERATIONS = 0xc0_0000;
const LOG = 0xd0_0000;
const LOG_RECORD = 64;
const ROOTS = [0x60_0000, 0x60_1000];
const TABLES = [0x60_2000, 0x60_3000, 0x60_4000, 0x60_5000, 0x60_6000, 0x60_7000];
const DATA = [0x70_0000, 0x70_1000, 0x7f_f000];
const PDPT_ENTRY = 0x11_1027n;
const INDICES = [0, 1, 511];

const image = guest(readFileSync(new URL("paging-guest.s", import.meta.url), "utf8"));

const KIND = {
  storeEntry: 1,
  storeHalf: 2,
  storeByte: 3,
  invalidate: 4,
  loadRoot: 5,
  flush: 6,
  writeProtection: 7,
  supervisorModes: 8,
  access: 9,
  invalidateAll: 10,
  storeString: 11,
  exchange: 12,
  storeWide: 13,
} as const;
const WRITE = 1;
const EXECUTE = 2;

interface Operation {
  kind: keyof typeof KIND;
  argument?: number;
  address?: bigint;
  value?: bigint;
}

/** The same operations from the same seed. */
function operations(seed: number, count: number): Operation[] {
  const random = generator(seed * 7919 + 1);
  const below = (n: number): number => random() % n;
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const globals = below(2) === 0;
  /** Entries known not to be present. */
  const absent = new Set<number>();
  for (const table of [...ROOTS, ...TABLES]) for (const index of INDICES) absent.add(table + 8 * index);
  const list: Operation[] = [];

  const flush = (): Operation => {
    const kind = globals ? "flush" : pick(["flush", "loadRoot", "invalidateAll"] as const);
    return kind === "loadRoot" ? { kind, value: BigInt(pick(ROOTS)) } : { kind };
  };
  const entry = (): bigint => {
    const rarely = (flag: number, n: number): number => (below(n) === 0 ? 0 : flag);
    const flags =
      rarely(1, 16) |
      rarely(2, 8) |
      rarely(4, 8) |
      rarely(0x20, 2) |
      rarely(0x40, 2) |
      (globals ? below(2) << 8 : 0);
    const noExecute = below(12) === 0 ? 1n << 63n : 0n;
    switch (below(32)) {
      case 0:
        return BigInt(pick(TABLES) | flags) | (1n << BigInt(pick([7, 39, 51]))) | noExecute;
      case 1:
        return BigInt(0xfec0_0000 + flags) | (1n << 63n);
      case 2:
        return BigInt(pick([0x7f_0000_0000, 0x100_0000])) | BigInt(flags) | noExecute;
      case 3:
        return BigInt(pick([0x80_0000, 0x60_0000, 0, 0x4000_0000]) | flags | 0x80) | noExecute;
      case 4:
      case 5:
        return BigInt(pick(ROOTS) | flags) | noExecute;
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:
        return BigInt(pick(DATA) | flags) | noExecute;
      default:
        return BigInt(pick(TABLES) | flags) | noExecute;
    }
  };
  const edit = (): void => {
    const root = below(6) === 0;
    const address = root ? pick(ROOTS) + 8 * pick([1, 511]) : pick(TABLES) + 8 * pick(INDICES);
    const value = entry();
    // In parts, a device's entry would lose its NX: what becomes of a jump to a device is not the same everywhere.
    const device = Number(value & 0xffff_f000n) === 0xfec0_0000;
    const kind = device
      ? "storeEntry"
      : pick(["storeEntry", "storeEntry", "storeEntry", "exchange", "storeHalf", "storeByte"] as const);
    list.push({ kind, address: BigInt(address), value });
    const harmless = absent.has(address) && (kind === "storeEntry" || kind === "exchange");
    if (kind !== "storeEntry" && kind !== "exchange") absent.delete(address);
    else if ((value & 1n) === 0n) absent.add(address);
    else absent.delete(address);
    if (!harmless || below(4) === 0) list.push(flush());
  };
  const many = (): void => {
    const table = pick(TABLES);
    if (below(2) === 0) list.push({ kind: "storeWide", address: BigInt(table), value: entry() });
    else list.push({ kind: "storeString", argument: 2, address: BigInt(table), value: entry() });
    absent.delete(table);
    absent.delete(table + 8);
    list.push(flush());
  };
  let last = 0n;
  const linear = (): bigint => (below(2) === 0 && last !== 0n ? last : (last = newLinear()));
  const newLinear = (): bigint => {
    const top = pick([1, 511]);
    const low = pick(INDICES) * 2 ** 30 + pick(INDICES) * 2 ** 21 + pick(INDICES) * 2 ** 12;
    return (top === 511 ? 0xffff_ff80_0000_0000n : 1n << 39n) + BigInt(low);
  };
  const access = (): void => {
    const how = pick([0, 0, WRITE, WRITE, EXECUTE]);
    const argument = how | (below(2) === 0 ? 4 : below(3) === 0 ? 8 : 0);
    const page = linear();
    // Not across the end of 2 MiB: the second page could be the kernel's own table.
    const across = how === WRITE && ((page >> 12n) & 511n) === 511n ? 8 : 0xffc;
    const offset =
      how === EXECUTE
        ? 0x800
        : pick(how === WRITE ? [0x900, 0x900, 0x908, 8, across] : [0, 8, 0x900, across]);
    // The second half may become the first entry of a root: that of the kernel's own table.
    const value = offset === 0xffc ? (PDPT_ENTRY << 32n) | (entry() & 0xffff_ffffn) : entry();
    list.push({ kind: "access", argument, address: page + BigInt(offset), value });
    if (how !== WRITE || offset === 0x900 || offset === 0x908) return;
    absent.clear();
    list.push(flush());
  };
  for (const root of ROOTS)
    list.push({ kind: "storeEntry", address: BigInt(root + 8), value: BigInt(pick(TABLES) | 7) });
  for (let i = 0; i < 16; i++) edit();
  list.push({ kind: "flush" });
  while (list.length < count) {
    const what = below(20);
    if (what < 6) edit();
    else if (what === 6) many();
    else if (what === 7) list.push({ kind: "writeProtection", argument: pick([0, 1 << 16]) });
    else if (what === 8)
      list.push({ kind: "supervisorModes", argument: pick([0, 1 << 20, 1 << 21, 3 << 20]) });
    else if (what === 9) list.push({ kind: "invalidate", address: linear() });
    else if (what === 10) list.push({ kind: "loadRoot", value: BigInt(pick(ROOTS)) }, { kind: "flush" });
    else access();
  }
  return list;
}

function encode(list: readonly Operation[]): Uint8Array {
  const view = new DataView(new ArrayBuffer((list.length + 1) * 32));
  list.forEach(({ kind, argument = 0, address = 0n, value = 0n }, i) => {
    view.setUint32(i * 32, KIND[kind], true);
    view.setUint32(i * 32 + 4, argument, true);
    view.setBigUint64(i * 32 + 8, BigInt.asUintN(64, address), true);
    view.setBigUint64(i * 32 + 16, BigInt.asUintN(64, value), true);
  });
  return new Uint8Array(view.buffer);
}

interface Way {
  cpuMode: CpuMode;
  memory?: Parts["memory"];
}

/** One line for each operation. */
function run(list: readonly Operation[], { cpuMode, memory }: Way): { lines: string[] } {
  const session = Session.create({
    core,
    image,
    name: "paging",
    cpuMode,
    parts: memory && { memory },
    ramBytes: RAM,
    maxInstructions: 5_000_000,
    trace: false,
  });
  const base = cpuMode === "native" ? 0 : GUEST_RAM_BASE;
  const { memory: ram } = session.machine;
  ram.write(base + OPERATIONS, encode(list));
  session.run();
  expect(session.ending).toMatchObject({ kind: "debug-exit", status: 15 });
  const lines = list.map((operation, i) => {
    const at = base + LOG + LOG_RECORD * i;
    const logged = [0, 8, 16, 24, 32].map((field) => ram.read64(at + field).toString(16));
    return `${i} ${describeOperation(operation)}: ${logged.join(" ")}`;
  });
  return { lines };
}

function describeOperation({ kind, argument = 0, address = 0n, value = 0n }: Operation): string {
  return `${kind} ${argument} ${address.toString(16)} ${value.toString(16)}`;
}

const NESTED: Way = { cpuMode: "vtx", memory: (resources) => new NestedPaging(resources) };

/** Shadow paging, with what it counted. */
function shadow(list: readonly Operation[], poolFrames?: number) {
  let part: ShadowedMemory | null = null;
  const memory: Parts["memory"] = (resources) => (part = new ShadowedMemory(resources, poolFrames));
  const { lines } = run(list, { cpuMode: "vtx", memory });
  return { lines, statistics: part!.shadow.statistics };
}

/** So few that a walk of four levels, with the kernel's own tables, has hardly room. */
const FEW_FRAMES = 8;
const LENGTH = 1500;

describe("random page tables", () => {
  it.each(Array.from({ length: 20 }, (_, i) => i))("seed %i", { timeout: 60_000 }, (seed) => {
    const list = operations(seed, LENGTH);
    const native = run(list, { cpuMode: "native" }).lines;
    expect(run(list, NESTED).lines).toEqual(native);
    const all = shadow(list);
    expect(all.lines).toEqual(native);
    expect(Math.min(all.statistics.hidden, all.statistics.reflected, all.statistics.traced)).toBeGreaterThan(
      20,
    );
    const few = shadow(list, FEW_FRAMES);
    expect(few.lines).toEqual(native);
    expect(few.statistics.tablesEvicted).toBeGreaterThan(0);
  });

  it("meet every kind of outcome", () => {
    const lines = [0, 1, 2, 3].flatMap((seed) => run(operations(seed, LENGTH), { cpuMode: "native" }).lines);
    const outcomes = new Set(lines.map((line) => line.split(": ")[1]!.split(" ").slice(0, 2).join(" ")));
    // No event; system call; page faults of all causes: not present, protection, reserved; by reads, writes, fetches; user.
    for (const outcome of [
      "ffffffffffffffff 0",
      "80 0",
      "e 0",
      "e 1",
      "e 2",
      "e 3",
      "e 4",
      "e 5",
      "e 7",
      "e 9",
      "e 11",
      "e 14",
      "e 15",
    ])
      expect([...outcomes], outcome).toContain(outcome);
  });
});

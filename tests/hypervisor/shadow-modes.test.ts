/**
 * Shadow paging in every paging mode of a guest, on random tables that change all the time: what the processor makes of the
 * shadow tables is what it would make of the guest's own: address, page-fault error code, accessed and dirty flags.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { FrameAllocator } from "../../src/hypervisor/memory/frame-allocator.js";
import type { GuestPaging } from "../../src/hypervisor/memory/guest-walk.js";
import type {
  AddressSpace,
  FaultOutcome,
  HardwareMode,
} from "../../src/hypervisor/memory/shadow/shadow-memory.js";
import { ShadowPaging } from "../../src/hypervisor/memory/shadow/shadow-paging.js";
import { PhysicalMemory } from "../../src/machine/physical-memory.js";
import { CR0, CR3, CR4, DEADLINE, MSR_EFER, PDPTES, RFLAGS } from "../../src/spec/cpu-state.js";
import { Machine, random64, seeded } from "../cpu/system/harness.js";

const GUEST_BASE = 0x40_0000;
const GUEST_BYTES = 0x40_0000;
const NONE = (1n << 64n) - 1n;
const WRITE = 1;
const FETCH = 2;
const USER = 4;
const IMPLICIT = 8;
const AC = 1n << 18n;

/** Tables lie in 16 pages, so that random walks meet them again and again. */
const TABLES = 0x1000;
const TABLE_PAGES = 16;

const CR0_ON = 0x8000_0011;
const CR0_WP = 0x1_0000;
const PSE = 1 << 4;
const PAE = 1 << 5;
const PGE = 1 << 7;
const SMEP = 1 << 20;
const SMAP = 1 << 21;
const LONG = 0x500;
const NXE = 0x800;

const MODES: Record<
  string,
  { cr0: number; cr4: number; efer: number; wide: boolean; hardware: HardwareMode[] }
> = {
  "no paging": { cr0: 0x11, cr4: 0, efer: 0, wide: true, hardware: ["pae", "4-level"] },
  "32-bit paging": { cr0: CR0_ON, cr4: 0, efer: 0, wide: false, hardware: ["pae", "4-level"] },
  "32-bit paging with 4 MiB pages": {
    cr0: CR0_ON,
    cr4: PSE,
    efer: 0,
    wide: false,
    hardware: ["pae", "4-level"],
  },
  "PAE paging": { cr0: CR0_ON, cr4: PAE, efer: 0, wide: true, hardware: ["pae", "4-level"] },
  "4-level paging": { cr0: CR0_ON, cr4: PAE, efer: LONG, wide: true, hardware: ["4-level"] },
};

let native: Machine;
let host: Machine;
beforeAll(async () => {
  native = await Machine.create(GUEST_BYTES);
  host = await Machine.create(GUEST_BASE + GUEST_BYTES);
});

function memoryOf(machine: Machine, bytes: number): PhysicalMemory {
  return new PhysicalMemory(machine.cpu.memory, bytes, () => {});
}

/** The processor in a mode. */
function set(machine: Machine, { cr0, cr3, cr4, efer, pdptes }: GuestPaging, ac: boolean): void {
  machine.set64(CR0, BigInt(cr0));
  machine.set64(CR3, cr3);
  machine.set64(CR4, BigInt(cr4));
  machine.set64(MSR_EFER, BigInt(efer));
  machine.set64(DEADLINE, NONE);
  machine.set64(RFLAGS, 2n | (ac ? AC : 0n));
  pdptes?.forEach((entry, i) => machine.set64(PDPTES + 8 * i, entry));
  machine.cpu.stateReplaced();
}

/** Machine-physical address, or the error code of the page fault. */
function translate(machine: Machine, va: bigint, access: number): { pa: number } | { code: number } {
  const pa = machine.cpu.translate(va, access);
  if (BigInt.asUintN(64, pa) !== NONE) return { pa: Number(pa) };
  expect(machine.cpu.faultVector.value).toBe(14);
  const code = Number(machine.cpu.faultErrorCode.value as bigint);
  machine.cpu.clearFault();
  return { code };
}

/** What the processor uses under shadow paging. */
function hardwareState(
  memory: PhysicalMemory,
  root: number,
  hardware: HardwareMode,
  guest: GuestPaging,
): GuestPaging {
  const paged = (guest.cr0 & 0x8000_0000) !== 0;
  return {
    cr0: (CR0_ON | CR0_WP) >>> 0,
    cr3: BigInt(root),
    cr4: PAE | (paged ? guest.cr4 & (PGE | SMEP | SMAP) : 0),
    efer: NXE | (hardware === "4-level" ? LONG : 0),
    pdptes: hardware === "pae" ? [0, 8, 16, 24].map((at) => memory.read64(root + at)) : undefined,
  };
}

class World {
  readonly memory = memoryOf(host, GUEST_BASE + GUEST_BYTES);
  readonly nativeMemory = memoryOf(native, GUEST_BYTES);
  readonly shadow: ShadowPaging;
  readonly space: AddressSpace;
  root = 0;

  constructor(poolFrames: number) {
    this.memory.fill(0, GUEST_BASE + GUEST_BYTES, 0);
    this.nativeMemory.fill(0, GUEST_BYTES, 0);
    this.shadow = new ShadowPaging({
      memory: this.memory,
      frames: new FrameAllocator(this.memory, 0x1_0000, GUEST_BASE),
      guestBase: GUEST_BASE,
      guestBytes: GUEST_BYTES,
      isDevice: () => false,
      flush: () => {},
      poolFrames,
    });
    this.space = this.shadow.addressSpace();
  }

  store(address: number, value: bigint, bytes: 4 | 8): void {
    const low = Number(value & 0xffff_ffffn);
    for (const [memory, base] of [
      [this.nativeMemory, 0],
      [this.memory, GUEST_BASE],
    ] as const) {
      if (bytes === 4) memory.write32(base + address, low);
      else memory.write64(base + address, value);
    }
    this.shadow.written(address, bytes);
  }

  /** The access as the processor makes it, with the monitor's answers to its faults. */
  access(guest: GuestPaging, hardware: HardwareMode, va: bigint, access: number, ac: boolean) {
    for (let attempts = 0; attempts < 4; attempts++) {
      set(host, hardwareState(this.memory, this.root, hardware, guest), ac);
      const result = translate(host, va, access);
      if ("pa" in result) return result;
      const accessControl = ac && (access & IMPLICIT) === 0;
      const outcome: FaultOutcome = this.space.fault({ linear: va, errorCode: result.code, accessControl });
      if (outcome.kind !== "hidden") return outcome;
    }
    throw new Error(`no end of hidden faults at 0x${va.toString(16)}`);
  }

  /** All that the processor can reach is the guest's RAM, and a page of nothing to be read; no table of the guest can be written. */
  expectIsolation(hardware: HardwareMode): void {
    const visit = (table: number, level: number, count: number): void => {
      for (let i = 0; i < count; i++) {
        const entry = this.memory.read64(table + 8 * i);
        if ((entry & 1n) === 0n) continue;
        const target = Number(entry & 0x7f_ffff_f000n);
        const leaf = level === 1 || (entry & 0x80n) !== 0n;
        if (!leaf) visit(target, level - 1, 512);
        else if (target < GUEST_BASE) expect([entry & 2n, this.memory.read64(target)]).toEqual([0n, NONE]);
        else this.#expectOwn(target - GUEST_BASE, level === 1 ? 4096 : 0x20_0000, (entry & 2n) !== 0n);
      }
    };
    if (hardware === "pae") visit(this.root, 3, 4);
    else visit(this.root, 4, 512);
  }
  #expectOwn(address: number, bytes: number, writable: boolean): void {
    expect(address + bytes).toBeLessThanOrEqual(GUEST_BYTES);
    for (let page = address; writable && page < address + bytes; page += 4096)
      if (this.shadow.traced(page)) expect.fail(`a table at ${page} can be written`);
  }

  tables(memory: PhysicalMemory, base: number): Uint8Array {
    return memory.read(base + TABLES, TABLE_PAGES * 4096);
  }
}

function randomEntry(next: () => number): bigint {
  let entry = random64(next) & 0x1ffn;
  if (next() < 0.9) entry |= 1n;
  if (next() < 0.7) entry |= 6n;
  if (next() < 0.7) entry &= ~0x80n;
  const page = next();
  if (page < 0.7) entry |= BigInt(TABLES + Math.floor(next() * TABLE_PAGES) * 4096);
  else if (page < 0.95) entry |= BigInt(Math.floor(next() * 1024) * 4096);
  else entry |= random64(next) & 0x7f_ffff_f000n;
  if (next() < 0.1) entry |= 1n << 63n;
  if (next() < 0.02) entry |= 1n << BigInt(32 + Math.floor(next() * 31));
  return entry;
}

const CASES = Object.entries(MODES).flatMap(([name, mode]) =>
  mode.hardware.map((hardware) => ({ name, mode, hardware })),
);

describe.each(CASES)("$name on $hardware tables", ({ name, mode, hardware }) => {
  it.each([
    [1, 64],
    [2, 64],
    [3, 12],
  ])("seed %i, %i frames", (seed, frames) => {
    const next = seeded(seed);
    const below = (n: number): number => Math.floor(next() * n);
    const world = new World(frames);
    const bytes = mode.wide ? 8 : 4;
    for (let at = TABLES; at < TABLES + TABLE_PAGES * 4096; at += bytes)
      world.store(at, randomEntry(next), bytes);
    const seen = new Set<string>();
    let guest!: GuestPaging;
    const load = (): void => {
      const cr4 = mode.cr4 | (next() < 0.5 ? SMEP : 0) | (next() < 0.5 ? SMAP : 0) | (next() < 0.5 ? PGE : 0);
      const wp = next() < 0.5 ? CR0_WP : 0;
      const nx = mode.wide && next() < 0.7 ? NXE : 0;
      const table = BigInt(TABLES + below(TABLE_PAGES) * 4096);
      const pdpte = (): bigint => BigInt(TABLES + below(TABLE_PAGES) * 4096) | (next() < 0.8 ? 1n : 0n);
      const pdptes = name === "PAE paging" ? [pdpte(), pdpte(), pdpte(), pdpte()] : undefined;
      guest = { cr0: (mode.cr0 | wp) >>> 0, cr3: table, cr4, efer: mode.efer | nx, pdptes };
      world.root = world.space.load(guest, hardware);
    };
    load();
    for (let i = 0; i < 1200; i++) {
      if (next() < 0.02) load();
      if (next() < 0.2) {
        const at = TABLES + below((TABLE_PAGES * 4096) / bytes) * bytes;
        world.store(at, randomEntry(next), bytes);
      }
      const bits = mode.efer === 0 ? 32 : 47;
      const va = random64(next) & ((1n << BigInt(bits)) - 1n);
      const access = pickAccess(next);
      const ac = next() < 0.5;
      set(native, guest, ac);
      const expected = translate(native, va, access);
      const found = world.access(guest, hardware, va, access, ac);
      const what = `${i}: ${va.toString(16)} ${access} ${JSON.stringify(expected)} ${JSON.stringify(found)}`;
      seen.add("kind" in found ? found.kind : "translated");
      // The emulator sets the flags.
      if ("kind" in found && found.kind !== "reflect")
        world.memory.write(GUEST_BASE + TABLES, world.tables(world.nativeMemory, 0));
      if ("code" in expected) expect(found, what).toEqual({ kind: "reflect", errorCode: expected.code });
      else if (expected.pa >= GUEST_BYTES) expectNothing(found, access, what);
      else if ("kind" in found) {
        expect(found, what).toEqual({ kind: "traced", guestPhysical: expected.pa });
        expect(access & WRITE, what).toBe(WRITE);
      } else expect(found.pa - GUEST_BASE, what).toBe(expected.pa);
      if (i % 25 === 0) world.expectIsolation(hardware);
      expect(
        Buffer.compare(world.tables(world.memory, GUEST_BASE), world.tables(world.nativeMemory, 0)),
        what,
      ).toBe(0);
    }
    if (name !== "no paging")
      expect([...seen].sort()).toEqual(expect.arrayContaining(["reflect", "traced", "translated"]));
  });
});

function pickAccess(next: () => number): number {
  const kinds = [0, WRITE, FETCH, USER, USER | WRITE, USER | FETCH, IMPLICIT];
  return kinds[Math.floor(next() * kinds.length)]!;
}

/** Beyond RAM a write is carried out in software, to no effect; else all ones are mapped, in memory of the hypervisor. */
function expectNothing(
  found: FaultOutcome | { pa: number } | { code: number },
  access: number,
  what: string,
): void {
  if ((access & WRITE) !== 0) expect(found, what).toMatchObject({ kind: "device" });
  else expect("pa" in found && found.pa < GUEST_BASE, what).toBe(true);
}

/**
 * The page walk against a reference walker, on random tables: result, page-fault error code, accessed and dirty flags.
 */
import { beforeAll, describe, expect, it } from "vitest";
import {
  CR0,
  CR3,
  CR4,
  CYCLES,
  COST_WALK_REFERENCE,
  DEADLINE,
  MSR_EFER,
} from "../../../src/spec/cpu-state.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import { Machine, random64, seeded } from "./harness.js";

const WRITE = 1,
  FETCH = 2,
  USER = 4,
  IMPLICIT = 8;
const NONE = (1n << 64n) - 1n;
const ROOT = 0x1000n;
/** Tables lie in 16 pages from ROOT on, so that random walks meet them again and again. */
const TABLE_PAGES = 16;

interface Setting {
  wp: boolean;
  smep: boolean;
  smap: boolean;
  nxe: boolean;
}
interface Outcome {
  pa: bigint;
  code: number;
  memory: Map<number, bigint>;
}

function reference(machine: Machine, va: bigint, access: number, setting: Setting): Outcome {
  const memory = new Map<number, bigint>();
  const used: { at: number; entry: bigint }[] = [];
  let table = ROOT,
    allowed = 6n,
    nx = false;
  const fetchTold = setting.nxe || setting.smep;
  const fault = (cause: number): Outcome => ({
    pa: NONE,
    memory: new Map(),
    code: cause | (access & WRITE ? 2 : 0) | (access & USER ? 4 : 0) | (access & FETCH && fetchTold ? 16 : 0),
  });
  for (let level = 4; ; level--) {
    const shift = BigInt(3 + 9 * level);
    const at = Number(table + ((va >> shift) & 511n) * 8n);
    const entry = machine.read(at);
    if (!(entry & 1n)) return fault(0);
    let reserved = 0x000f_ff80_0000_0000n;
    if (!setting.nxe) reserved |= 1n << 63n;
    const large = (entry & 0x80n) !== 0n;
    if (level === 4) reserved |= 0x80n;
    if (level === 3 && large) reserved |= 0x3fff_e000n;
    if (level === 2 && large) reserved |= 0x1f_e000n;
    if (entry & reserved) return fault(9);
    allowed &= entry;
    nx ||= entry >> 63n === 1n;
    used.push({ at, entry });
    if (level === 1 || (large && level < 4)) {
      if (!allows(access, allowed, nx, setting)) return fault(1);
      used.forEach(({ at: address, entry: value }, index) => {
        const leaf = index === used.length - 1;
        memory.set(address, value | 0x20n | (leaf && access & WRITE ? 0x40n : 0n));
      });
      const mask = (1n << shift) - 1n;
      return { pa: (entry & 0x000f_ffff_ffff_f000n & ~mask) | (va & mask), code: 0, memory };
    }
    table = entry & 0x000f_ffff_ffff_f000n;
  }
}

function allows(access: number, allowed: bigint, nx: boolean, setting: Setting): boolean {
  const user = (allowed & 4n) !== 0n,
    writable = (allowed & 2n) !== 0n;
  if (access & FETCH && nx) return false;
  if (access & USER) return user && (!(access & WRITE) || writable);
  if (access & WRITE && !writable && setting.wp) return false;
  if (!user) return true;
  return access & FETCH ? !setting.smep : !setting.smap;
}

function randomEntry(next: () => number, level: number): bigint {
  const flip = (probability: number): boolean => next() < probability;
  let entry = flip(0.94) ? 1n : 0n;
  if (flip(0.8)) entry |= 2n;
  if (flip(0.7)) entry |= 4n;
  if (flip(0.3)) entry |= 0x20n;
  if (flip(0.3)) entry |= 0x40n;
  if (flip(0.04)) entry |= 1n << 63n;
  if (flip(0.02)) entry |= 1n << BigInt(39 + Math.floor(next() * 13));
  const large = flip(level === 4 ? 0.02 : 0.2);
  if (large)
    return (
      entry |
      0x80n |
      (BigInt(Math.floor(next() * 8)) << (level === 3 ? 30n : 21n)) |
      (flip(0.05) ? 0x2000n : 0n)
    );
  return entry | (ROOT + BigInt(Math.floor(next() * TABLE_PAGES)) * 0x1000n);
}

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.create();
}, 120_000);

function enable(setting: Setting): void {
  machine.cpu.resetState();
  machine.set64(CR0, 0x8000_0001n | (setting.wp ? 1n << 16n : 0n));
  machine.set64(CR4, 0x20n | (setting.smep ? 1n << 20n : 0n) | (setting.smap ? 1n << 21n : 0n));
  machine.set64(MSR_EFER, 0x500n | (setting.nxe ? 0x800n : 0n));
  machine.set64(CR3, ROOT);
  machine.cpu.setRunningAlone(1);
  machine.cpu.stateReplaced();
}

describe("4-level page walk", () => {
  it("agrees with the reference on random tables", () => {
    const next = seeded(4);
    let translated = 0,
      faulted = 0;
    for (let round = 0; round < 60; round++) {
      const flip = (): boolean => next() < 0.5;
      const setting: Setting = { wp: flip(), smep: flip(), smap: flip(), nxe: flip() };
      enable(setting);
      for (let page = 0; page < TABLE_PAGES; page++) {
        for (let i = 0; i < 512; i++)
          machine.write(Number(ROOT) + page * 4096 + i * 8, randomEntry(next, 1 + Math.floor(next() * 4)));
      }
      for (let n = 0; n < 200; n++) {
        const va = BigInt.asUintN(64, BigInt.asIntN(48, random64(next)));
        const kinds = [0, WRITE, FETCH, USER, USER | WRITE, USER | FETCH, IMPLICIT, IMPLICIT | WRITE];
        const access = kinds[Math.floor(next() * kinds.length)] ?? 0;
        const expected = reference(machine, va, access, setting);
        machine.cpu.clearFault();
        const pa = BigInt.asUintN(64, machine.cpu.translate(va, access));
        expect(pa, `va ${va.toString(16)} access ${String(access)}`).toBe(expected.pa);
        if (expected.pa === NONE) {
          faulted++;
          expect(machine.cpu.faultVector.value).toBe(14);
          expect(Number(machine.cpu.faultErrorCode.value)).toBe(expected.code);
          expect(BigInt.asUintN(64, machine.cpu.faultAddress.value as bigint)).toBe(va);
        } else {
          translated++;
          for (const [at, value] of expected.memory) expect(machine.read(at)).toBe(value);
        }
      }
    }
    expect(translated).toBeGreaterThan(300);
    expect(faulted).toBeGreaterThan(300);
  });

  it("charges four references", () => {
    enable({ wp: true, smep: false, smap: false, nxe: true });
    machine.set32(COST_WALK_REFERENCE, 7);
    machine.write(0x1000, 0x2007n);
    machine.write(0x2000, 0x3007n);
    machine.write(0x3000, 0x4007n);
    machine.write(0x4000, 0x9067n);
    const before = machine.get64(CYCLES);
    expect(machine.cpu.translate(0x123n, 0)).toBe(0x9123n);
    expect(machine.get64(CYCLES) - before).toBe(28n);
    machine.set32(COST_WALK_REFERENCE, 0);
  });
});

describe("slow path", () => {
  /** Linear 0 and 1000H map to 9000H and B000H, 2000H to a device. */
  function map(): void {
    enable({ wp: true, smep: false, smap: false, nxe: true });
    for (let page = 0x1000; page < 0x5000; page += 8) machine.write(page, 0n);
    machine.write(0x1000, 0x2007n);
    machine.write(0x2000, 0x3007n);
    machine.write(0x3000, 0x4007n);
    machine.write(0x4000, 0x9067n);
    machine.write(0x4008, 0xb067n);
    machine.write(0x4010, 0x40_0000_0067n - 0x20_0000_0000n);
    machine.write(0x4018, 0x9065n);
    machine.board.log.length = 0;
  }

  it("reads and writes across pages", () => {
    map();
    machine.cpu.writeMemory(0xffdn, 8, 0x1122334455667788n);
    expect(machine.cpu.readMemory(0xffdn, 8)).toBe(0x1122334455667788n);
    expect(machine.get32(RAM_BASE + 0xb000) & 0xffff).toBe(0x4455);
  });

  it("checks both pages before it writes either", () => {
    map();
    machine.write(0x4008, 0n);
    machine.write(0x9ff8, 0x0102030405060708n);
    machine.cpu.writeMemory(0xffdn, 8, 0x1122334455667788n);
    expect(machine.cpu.faultPending.value).toBe(1);
    expect(machine.cpu.faultAddress.value).toBe(0x1000n);
    expect(machine.read(0x9ff8)).toBe(0x0102030405060708n);
    machine.cpu.clearFault();
  });

  it("asks to run alone for a device, and for a walk near the deadline", () => {
    map();
    machine.cpu.setRunningAlone(0);
    expect(machine.cpu.readMiss(0x2000n, 4)).toBe(0);
    expect(machine.cpu.faultPending.value).toBe(3);
    expect(machine.board.log).toEqual([]);
    machine.cpu.clearFault();
    machine.set64(DEADLINE, machine.get64(CYCLES) + 10n);
    expect(machine.cpu.readMiss(0x10n, 4)).toBe(0);
    expect(machine.cpu.faultPending.value).toBe(3);
    machine.cpu.clearFault();
    machine.cpu.setRunningAlone(1);
    expect(machine.cpu.readMiss(0x10n, 4)).toBe(RAM_BASE + 0x9010);
    machine.set64(DEADLINE, NONE);
  });

  it("reads a device once and never for a plain store", () => {
    map();
    machine.board.input = 0xabcd;
    expect(machine.cpu.readMemory(0x2004n, 4)).toBe(0xabcdn);
    machine.cpu.writeMemory(0x2004n, 2, 0x1234n);
    expect(machine.board.log).toEqual(["read 2000000004 4", "write 2000000004 2 1234"]);
  });

  it("INVLPG and CR3 drop translations, writes need the writable page", () => {
    map();
    expect(machine.cpu.readMemory(0x10n, 1)).toBeDefined();
    machine.write(0x4000, 0xb067n);
    machine.write(0xb010, 0x77n);
    machine.cpu.flushTlbPage(0x10n, 0, 1);
    expect(machine.cpu.readMemory(0x10n, 1)).toBe(0x77n);
    machine.cpu.writeMemory(0x3000n, 1, 1n);
    expect(machine.cpu.faultErrorCode.value).toBe(3n);
    machine.cpu.clearFault();
  });

  it("sets the dirty flag on the first write after a read", () => {
    map();
    machine.write(0x4000, 0x9007n);
    machine.cpu.readMemory(0n, 8);
    expect(machine.read(0x4000)).toBe(0x9027n);
    machine.cpu.writeMemory(0n, 8, 1n);
    expect(machine.read(0x4000)).toBe(0x9067n);
  });

  it("raises #GP(0) outside the canonical form", () => {
    map();
    machine.cpu.readMemory(0x8000_0000_0000n, 1);
    expect(machine.cpu.faultVector.value).toBe(13);
    machine.cpu.clearFault();
  });
});

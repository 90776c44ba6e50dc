/**
 * Direct paging against a hostile guest: random hypercalls with random arguments on page tables with random contents. After each
 * one an independent walk sees no page table that could be written, nothing that is not the guest's, and the hypervisor's own
 * entry in its place.
 */
import { describe, expect, it } from "vitest";
import * as H from "../../../src/spec/hypercalls.js";
import * as P from "../../../src/spec/paravirtual.js";
import { HYPERCALLS } from "../../../src/hypervisor/pv/hypercalls/table.js";
import type { Hypercall } from "../../../src/hypervisor/pv/hypercalls/hypercall.js";
import { seeded } from "../../guests/support.js";
import { unstarted } from "./pv-machine.js";
import { TableChecker } from "../../../labs/hypercalls/table-checker.js";

const RAM = 4 * 2 ** 20;
const FRAMES = RAM / 4096;
const OPERATIONS = 100_000;
/** Guests; each ruins its page tables after a while. */
const SEEDS = 10;
/** Of the guest, where requests are written; it stays mapped as long as the guest leaves it alone. */
const BUFFER = 0x3000n;

function fuzz(seed: number, operations: number) {
  const { guest, machine } = unstarted(RAM);
  const { paging, port } = guest;
  const random = seeded(seed);
  const pick = <T>(values: readonly T[]): T => values[random(values.length)];
  const base = paging.addressOf(0);
  const entry = machine.memory.read32(paging.addressOf(guest.root) + 8 * P.HYPERVISOR_SLOT);
  const checker = new TableChecker(machine, base, RAM, entry >>> 12);
  const { flushTlb, writeCr } = port;
  port.flushTlb = () => (flushTlb.call(port), checker.flushed());
  port.writeCr = (number, value) => (checker.flushed(), writeCr.call(port, number, value));
  const outcomes = new Map<string, number>();

  const pool = Array.from({ length: 24 }, () => random(FRAMES));
  let tables: number[] = [];
  /** The entries that map the requests: without them the guest can ask for nothing more. */
  const lifeline = new Set<bigint>([BigInt(guest.linear.lastLevelEntry(BUFFER))]);
  for (let level = 4, table = paging.addressOf(guest.root); level > 1; level--) {
    lifeline.add(BigInt(table));
    table = machine.memory.read32(table) & -4096;
  }
  const firstRoot = guest.root;
  expect(paging.useTable(firstRoot, 4, false)).toBe(0);
  const frame = (): number => {
    const which = random(20);
    if (which < 12) return pick(pool);
    if (which < 14) return pick(tables);
    if (which < 17) return random(FRAMES);
    if (which < 18) return guest.root;
    return pick([-1, -1024, FRAMES, FRAMES + 7, 2 ** 27, -base / 4096]);
  };
  const machineAddress = (of: number): bigint =>
    BigInt.asUintN(64, BigInt(base) + BigInt(of) * 4096n + (random(30) === 0 ? BigInt(random(4096)) : 0n));
  const value = (): bigint => {
    if (random(12) === 0) return (BigInt(random(2 ** 31)) << 33n) | BigInt(random(2 ** 31));
    let flags = BigInt(pick([0, 1, 3, 7, 5, 3, 7, 0x67, 0x63, 0x83, 0x81, 0x103]));
    if (random(8) === 0) flags |= 1n << 63n;
    const at =
      (flags & 0x80n) !== 0n && random(3) > 0 ? machineAddress(512 * random(2)) : machineAddress(frame());
    return (at & ~0xfffn) | flags;
  };
  const entryAddress = (): bigint => {
    const index = pick([0, 1, 2, 256, 511, random(512)]);
    const table = random(4) === 0 ? frame() : pick(tables);
    const address = machineAddress(table) + BigInt(8 * index);
    if (lifeline.has(address) && random(500) > 0) return entryAddress();
    return address + (random(40) === 0 ? BigInt(random(8)) : 0n);
  };
  const call = (number: number, ...argument: bigint[]): void => {
    const [first = 0n, second = 0n, third = 0n] = argument;
    const result = (HYPERCALLS[number as 0] as Hypercall)(guest, first, second, third);
    outcomes.set(`${number}:${result}`, (outcomes.get(`${number}:${result}`) ?? 0) + 1);
  };
  /** The guest writes where its tables let it. */
  const write = (linear: bigint, data: bigint[]): boolean =>
    guest.linear.write(linear, new Uint8Array(BigUint64Array.from(data).buffer));

  const operation = (): void => {
    const which = random(16);
    if (which < 5) {
      const count = 1 + random(4);
      write(BUFFER, Array.from({ length: count }, () => [entryAddress(), value()]).flat());
      call(H.MMU_UPDATE, BUFFER, BigInt(count));
    } else if (which < 9) {
      const count = 1 + random(3);
      const operations = Array.from({ length: count }, () => {
        const what = random(12);
        const argument = what === 7 ? BigInt(random(2 ** 30)) : machineAddress(frame());
        return [BigInt(what), argument];
      });
      write(BUFFER, operations.flat());
      call(H.MMU_OPERATE, BUFFER, BigInt(count));
    } else if (which < 11) {
      const linear = BigInt(random(FRAMES) * 4096);
      if (linear !== BUFFER || random(50) === 0) call(H.UPDATE_MAPPING, linear, value(), BigInt(random(4)));
    } else if (which < 14) {
      // A page of the pool is filled with what could be a table, or with nothing.
      const linear = BigInt(pick(pool) * 4096);
      const entries = random(6);
      if (write(linear, new Array<bigint>(512).fill(0n)))
        for (let i = 0; i < entries; i++) write(linear + BigInt(8 * random(512)), [value()]);
    } else if (which < 15) {
      const wild = (): bigint =>
        pick([0n, 1n, 2n ** 64n - 1n, 2n ** 63n, BUFFER, BigInt(random(2 ** 31)), 4097n]);
      const number = pick(Object.values(H).filter((n) => n !== H.SHUTDOWN));
      call(number, wild(), wild(), wild());
    } else {
      const wild = pick([2n ** 47n - 8n, 0xffff_8000_0000_0000n, 2n ** 64n - 16n, BUFFER + 0xff8n]);
      call(pick([H.MMU_UPDATE, H.MMU_OPERATE, H.SET_TRAP_TABLE, H.CONSOLE_READ]), wild, BigInt(random(3000)));
    }
  };

  const look = (what: string): void => {
    const faults = checker.walk(paging.addressOf(guest.root));
    if (faults.length > 0) throw new Error(`seed ${seed}, ${what}: ${faults.slice(0, 5).join("; ")}`);
    tables = checker.tables;
  };

  look("at the start");
  for (let i = 0; i < operations; i++) {
    operation();
    // The guest finds its way back from page tables that map nothing.
    if (guest.root !== firstRoot && random(8) === 0) guest.loadCr3(machineAddress(firstRoot) & ~0xfffn);
    look(`after operation ${i}`);
  }
  return outcomes;
}

describe("random hypercalls", () => {
  it("never make a page table writable or reach what is not the guest's", { timeout: 600_000 }, () => {
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= SEEDS; seed++)
      for (const [key, count] of fuzz(seed, OPERATIONS / SEEDS))
        outcomes.set(key, (outcomes.get(key) ?? 0) + count);

    // The guest gets somewhere: updates, pins and new tables succeed, and each kind of refusal occurs.
    const often = (call: number, result: number): number => outcomes.get(`${call}:${result}`) ?? 0;
    for (const call of [H.MMU_UPDATE, H.MMU_OPERATE, H.UPDATE_MAPPING]) {
      expect(often(call, 0)).toBeGreaterThan(200);
      expect(often(call, P.ERROR_INVALID)).toBeGreaterThan(200);
      expect(often(call, P.ERROR_PERMISSION)).toBeGreaterThan(100);
      expect(often(call, P.ERROR_BUSY)).toBeGreaterThan(50);
    }
    expect(often(H.MMU_UPDATE, P.ERROR_FAULT)).toBeGreaterThan(50);
    expect(often(H.MMU_UPDATE, P.ERROR_TOO_MANY)).toBeGreaterThan(50);
  });
});

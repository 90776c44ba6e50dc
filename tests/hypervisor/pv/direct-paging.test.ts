/** Direct paging, one rule at a time. A guest of 8 MiB: tables of the builder at 0x110000, 4 KiB pages below 2 MiB. */
import { beforeEach, describe, expect, it } from "vitest";
import type { DirectPaging } from "../../../src/hypervisor/memory/direct/direct-paging.js";
import { READ_ONLY, UNTYPED, WRITABLE } from "../../../src/hypervisor/memory/direct/frame-types.js";
import { MMU_OPERATE, MMU_UPDATE } from "../../../src/spec/hypercalls.js";
import * as P from "../../../src/spec/paravirtual.js";
import { HYPERCALLS } from "../../../src/hypervisor/pv/hypercalls/table.js";
import { unstarted } from "./pv-machine.js";

const RAM = 8 * 2 ** 20;
const [PRESENT, WRITE, USER, LARGE, GLOBAL] = [1n, 2n, 4n, 0x80n, 0x100n];
const LINK = PRESENT | WRITE | USER;
const DIRECTORY = 0x11_2000;
const TABLE = 0x11_3000;
/** Free pages. */
const [X, Y, Z] = [0x18_0000, 0x18_1000, 0x18_2000];

let guest: ReturnType<typeof unstarted>["guest"];
let paging: DirectPaging;
let flushes = 0;

beforeEach(() => {
  ({ guest } = unstarted(RAM));
  ({ paging } = guest);
  flushes = 0;
  const { port } = guest;
  const { flushTlb } = port;
  port.flushTlb = () => (flushes++, flushTlb.call(port));
});

/** Machine address of a guest-physical one. */
const at = (physical: number): bigint => BigInt(paging.addressOf(physical / 4096));
const inTable = (table: number, index: number): bigint => at(table) + BigInt(8 * index);
/** The entry that maps a page below 2 MiB. */
const mapping = (physical: number): bigint => inTable(TABLE, physical / 4096);
const type = (physical: number): number => paging.types.type(physical / 4096);
const uses = (physical: number): number => paging.types.uses(physical / 4096);
/** The guest stores through its mapping. */
const store = (physical: number, value: bigint): boolean =>
  guest.linear.write(BigInt(physical), new Uint8Array(BigUint64Array.of(value).buffer));
const readOnly = (physical: number): number => paging.update(mapping(physical), at(physical) | PRESENT);

describe("the builder's tables", () => {
  it("have one type and one use each, and are mapped read-only", () => {
    for (const [level, table] of [0x11_3000, 0x11_2000, 0x11_1000, 0x11_0000].entries()) {
      expect([type(table), uses(table)]).toEqual([level + 1, 1]);
      expect(store(table, 0n)).toBe(false);
    }
    expect([type(X), uses(X)]).toEqual([WRITABLE, 1]);
    expect(paging.types.largeUses(0x20_0000 / 4096)).toBe(1);
  });

  it("leave the machine-to-physical table to be read", () => {
    const start = 0x13_1000n;
    const bytes = guest.linear.read(start + BigInt(P.START_MACHINE_TO_PHYSICAL), 16)!;
    const [table, entries] = new BigUint64Array(bytes.buffer);
    expect(type(Number(table))).toBe(READ_ONLY);
    const first = Number(at(0) / 4096n);
    const entry = (index: number): bigint =>
      new BigUint64Array(guest.linear.read(table + BigInt(8 * index), 8)!.buffer)[0];
    expect([entry(0), entry(first - 1), entry(first), entry(first + 5)]).toEqual([
      0xffff_ffff_ffff_ffffn,
      0xffff_ffff_ffff_ffffn,
      0n,
      5n,
    ]);
    expect(Number(entries)).toBe(first + RAM / 4096);
  });
});

describe("what an entry may name", () => {
  it.each([
    ["a frame of the guest", () => at(X) | LINK, 0],
    ["nothing: the rest is the guest's own", () => 0xdead_beef_0000_0000n, 0],
    [
      "with no-execute and bits that are free",
      () => at(X) | PRESENT | (0x8ff0_0000_0000_0e00n & ~0xfffn) | 0xe00n,
      0,
    ],
    ["a frame of the hypervisor", () => 0x1_0000n | PRESENT, P.ERROR_PERMISSION],
    ["a frame behind the guest's", () => at(0) + BigInt(RAM) + PRESENT, P.ERROR_PERMISSION],
    ["a frame above 4 GiB", () => at(X) + 2n ** 32n + PRESENT, P.ERROR_PERMISSION],
    ["a frame that wraps round", () => at(X) + 2n ** 51n + PRESENT, P.ERROR_PERMISSION],
    ["a global page", () => at(X) | PRESENT | GLOBAL, P.ERROR_INVALID],
    ["with the PAT bit", () => at(X) | PRESENT | LARGE, P.ERROR_INVALID],
    ["a page table, to be read", () => at(TABLE) | PRESENT, 0],
    ["a page table, to be written", () => at(TABLE) | PRESENT | WRITE, P.ERROR_BUSY],
    ["the machine-to-physical table, to be written", () => at(0x13_7000) | PRESENT | WRITE, P.ERROR_BUSY],
  ])("level 1: %s", (_, value, result) => {
    expect(paging.update(mapping(Z), value())).toBe(result);
  });

  it.each([
    ["a large page that holds no table", () => at(0x40_0000) | LINK | LARGE, 0],
    ["one that holds tables, to be read", () => at(0) | PRESENT | LARGE, 0],
    ["one that holds tables, to be written", () => at(0) | LINK | LARGE, P.ERROR_BUSY],
    ["one that is not aligned", () => at(0x40_1000) | LINK | LARGE, P.ERROR_INVALID],
    ["one that is not all the guest's", () => at(0) + BigInt(RAM) + (LINK | LARGE), P.ERROR_PERMISSION],
    ["itself as a table of level 1", () => at(DIRECTORY) | LINK, P.ERROR_BUSY],
    ["a page that is mapped writable", () => at(X) | LINK, P.ERROR_BUSY],
    ["a table of level 1, once more", () => at(TABLE) | LINK, 0],
  ])("level 2: %s", (_, value, result) => {
    expect(paging.update(inTable(DIRECTORY, 9), value())).toBe(result);
  });

  it.each([
    ["a page of 1 GiB", () => at(0) | LINK | LARGE, P.ERROR_INVALID],
    ["a table of level 1", () => at(TABLE) | LINK, P.ERROR_BUSY],
  ])("level 3: %s", (_, value, result) => {
    expect(paging.update(inTable(0x11_1000, 9), value())).toBe(result);
  });

  it("level 4: no level-4 table, nor what is the hypervisor's", () => {
    expect(paging.update(inTable(0x11_0000, 9), at(0x11_0000) | LINK)).toBe(P.ERROR_BUSY);
    expect(paging.update(inTable(0x11_0000, P.HYPERVISOR_SLOT), 0n)).toBe(P.ERROR_PERMISSION);
  });
});

describe("what may be written", () => {
  it.each([
    ["a page that is no table", () => at(X), P.ERROR_INVALID],
    ["an entry that is not aligned", () => mapping(X) + 4n, P.ERROR_INVALID],
    ["the hypervisor's memory", () => 0x1_0000n, P.ERROR_PERMISSION],
    ["what is behind the guest's", () => at(0) + BigInt(RAM), P.ERROR_PERMISSION],
    ["an address beyond all", () => 2n ** 64n - 8n, P.ERROR_PERMISSION],
  ])("not %s", (_, entry, result) => {
    expect(paging.update(entry(), 0n)).toBe(result);
  });
});

describe("a page becomes a table", () => {
  it("only when nothing maps it writable, and then nothing may", () => {
    expect(paging.pin(at(X), 1)).toBe(P.ERROR_BUSY);
    expect(readOnly(X)).toBe(0);
    expect(paging.pin(at(X), 1)).toBe(0);
    expect([type(X), uses(X)]).toEqual([1, 1]);
    expect(paging.update(mapping(X), at(X) | LINK)).toBe(P.ERROR_BUSY);
    expect(paging.update(mapping(Y), at(X) | LINK)).toBe(P.ERROR_BUSY);
    expect(paging.pin(at(X), 1)).toBe(P.ERROR_INVALID);
    expect(paging.unpin(at(X))).toBe(0);
    expect(paging.unpin(at(X))).toBe(P.ERROR_INVALID);
    expect(paging.update(mapping(X), at(X) | LINK)).toBe(0);
    expect([type(X), uses(X)]).toEqual([WRITABLE, 1]);
  });

  it("only when all its entries are good, and else nothing has changed", () => {
    for (const bad of [at(TABLE) | LINK, at(X) | LINK, 0x1_0001n]) {
      expect(paging.update(mapping(X), at(X) | LINK)).toBe(0);
      store(X, at(Y) | LINK);
      store(X + 8, at(Z) | LINK);
      store(X + 4088, bad);
      expect(readOnly(X)).toBe(0);
      expect(paging.pin(at(X), 1)).not.toBe(0);
      expect([type(X), uses(X), uses(Y), uses(Z)]).toEqual([UNTYPED, 0, 1, 1]);
    }
  });

  it("holds what it names, and lets it go", () => {
    store(X, at(Y) | LINK);
    store(X + 8, at(Y) | LINK);
    readOnly(X);
    expect(paging.pin(at(X), 1)).toBe(0);
    expect(uses(Y)).toBe(3);
    expect(readOnly(Y)).toBe(0);
    expect(paging.pin(at(Y), 1)).toBe(P.ERROR_BUSY);
    expect(paging.update(inTable(X, 0), 0n)).toBe(0);
    expect(uses(Y)).toBe(1);
    expect(paging.unpin(at(X))).toBe(0);
    paging.dismantleSome();
    expect([type(X), type(Y), uses(Y)]).toEqual([UNTYPED, UNTYPED, 0]);
    expect(paging.pin(at(Y), 1)).toBe(0);
  });

  it("of level 2 and more only when it leads to tables", () => {
    store(X, at(Y) | LINK);
    readOnly(X);
    readOnly(Y);
    expect(paging.pin(at(X), 2)).toBe(P.ERROR_INVALID);
    expect(paging.pin(at(Y), 1)).toBe(0);
    expect(paging.pin(at(X), 2)).toBe(0);
    expect(uses(Y)).toBe(2);
    expect(paging.pin(at(X), 1)).toBe(P.ERROR_INVALID);
  });

  it("that leads to itself is none", () => {
    for (const level of [1, 2, 3, 4] as const) {
      paging.update(mapping(X), at(X) | LINK);
      store(X, at(X) | LINK);
      readOnly(X);
      expect(paging.pin(at(X), level)).toBe(P.ERROR_BUSY);
      expect([type(X), uses(X)]).toEqual([UNTYPED, 0]);
    }
  });

  it("at the address of no page, or of another's, is refused", () => {
    expect(paging.pin(at(X) + 8n, 1)).toBe(P.ERROR_INVALID);
    expect(paging.pin(0x1_0000n, 1)).toBe(P.ERROR_PERMISSION);
    expect(paging.pin(2n ** 64n - 4096n, 1)).toBe(P.ERROR_PERMISSION);
    expect(paging.unpin(0x1_0000n)).toBe(P.ERROR_PERMISSION);
    expect(paging.pin(at(0x11_4000 + 0x1_f000), 1)).toBe(P.ERROR_BUSY);
  });

  it("in the middle of a large page only when that is not writable", () => {
    expect(paging.pin(at(0x40_0000), 1)).toBe(P.ERROR_BUSY);
    expect(paging.update(inTable(DIRECTORY, 2), at(0x40_0000) | PRESENT | LARGE)).toBe(0);
    expect(paging.pin(at(0x40_0000), 1)).toBe(0);
    expect(paging.update(inTable(DIRECTORY, 2), at(0x40_0000) | LINK | LARGE)).toBe(P.ERROR_BUSY);
  });
});

describe("the TLB", () => {
  it("is flushed before a page that was writable is a table, and not else", () => {
    readOnly(X);
    expect(flushes).toBe(0);
    expect(paging.pin(at(X), 1)).toBe(0);
    expect(flushes).toBe(1);
  });

  it("is not flushed again when the guest has done so", () => {
    readOnly(X);
    paging.flush();
    expect(paging.pin(at(X), 1)).toBe(0);
    expect(flushes).toBe(1);
  });

  it("is flushed before what was a table is writable", () => {
    readOnly(X);
    paging.pin(at(X), 1);
    paging.unpin(at(X));
    flushes = 0;
    expect(paging.update(mapping(X), at(X) | LINK)).toBe(0);
    expect(flushes).toBe(1);
  });

  it("is flushed before a page of what was a large writable page is a table, and the other way round", () => {
    paging.update(inTable(DIRECTORY, 2), at(0x40_0000) | PRESENT | LARGE);
    expect(flushes).toBe(0);
    paging.pin(at(0x40_1000), 1);
    expect(flushes).toBe(1);
    paging.unpin(at(0x40_1000));
    paging.dismantleSome();
    expect(flushes).toBe(1);
    expect(paging.update(inTable(DIRECTORY, 2), at(0x40_0000) | LINK | LARGE)).toBe(0);
    expect(flushes).toBe(2);
  });

  it("is not flushed when a page is unmapped and mapped again", () => {
    for (let i = 0; i < 10; i++) {
      expect(paging.update(mapping(X), 0n)).toBe(0);
      expect(paging.update(mapping(X), at(X) | LINK)).toBe(0);
    }
    expect(flushes).toBe(0);
  });
});

describe("work without bound", () => {
  it("is not done for one call: what an address space leaves behind is taken apart a few tables at a time", () => {
    // 100 tables of level 1 under one of level 2 under one each of 3 and 4.
    const tables = Array.from({ length: 103 }, (_, i) => 0x40_0000 + i * 4096);
    paging.update(inTable(DIRECTORY, 2), at(0x40_0000) | PRESENT | LARGE);
    const [l4, l3, l2, ...l1] = tables;
    for (const table of l1) expect(paging.pin(at(table), 1)).toBe(0);
    expect(paging.pin(at(l2), 2)).toBe(0);
    l1.forEach((table, i) => expect(paging.update(inTable(l2, i), at(table) | LINK)).toBe(0));
    expect(paging.pin(at(l3), 3)).toBe(0);
    expect(paging.update(inTable(l3, 0), at(l2) | LINK)).toBe(0);
    expect(paging.pin(at(l4), 4)).toBe(0);
    expect(paging.update(inTable(l4, 0), at(l3) | LINK)).toBe(0);
    for (const table of tables) expect(paging.unpin(at(table))).toBe(0);
    const left = (): number => tables.filter((table) => type(table) !== UNTYPED).length;
    expect(left()).toBe(103);
    let calls = 0;
    for (let before = left(); before > 0; before = left()) {
      const checked = paging.tablesChecked;
      paging.dismantleSome();
      calls++;
      expect(paging.tablesChecked - checked).toBeLessThanOrEqual(16);
      expect(left()).toBeLessThan(before);
    }
    expect(calls).toBe(7);
    // And a page that still waits can be used again at once.
    expect(paging.pin(at(l4), 1)).toBe(0);
  });

  it.each([
    [BigInt(P.MOST_REQUESTS) + 1n, P.ERROR_TOO_MANY],
    [2n ** 64n - 1n, P.ERROR_TOO_MANY],
    [2n ** 60n, P.ERROR_TOO_MANY],
  ])("%d requests are too many", (count, result) => {
    expect(HYPERCALLS[MMU_UPDATE](guest, BigInt(X), count, 0n)).toBe(result);
    expect(HYPERCALLS[MMU_OPERATE](guest, BigInt(X), count, 0n)).toBe(result);
  });

  it("a list stops at the first request that is refused, and says where", () => {
    const list = [mapping(Y), at(Y) | PRESENT, mapping(Z), at(TABLE) | LINK, mapping(Y), 0n];
    guest.linear.write(BigInt(X), new Uint8Array(BigUint64Array.from(list).buffer));
    expect(HYPERCALLS[MMU_UPDATE](guest, BigInt(X), 3n, 0n)).toBe(P.ERROR_BUSY);
    expect(guest.port.readRegister(2)).toBe(1n);
    expect([uses(Y), uses(Z)]).toEqual([0, 1]);
  });
});

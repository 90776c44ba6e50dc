/**
 * What is remembered of each address space, seen by what an access pays: a translation that is known costs no reference.
 */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { COST_WALK_REFERENCE, CR0, CR3, CR4, CYCLES, MSR_EFER } from "../../../src/spec/cpu-state.js";
import { Machine } from "./harness.js";

const ROOT = 0x10_0000;
const OTHER_ROOT = 0x11_0000;
const PLAIN = 0x20_0000n;
const GLOBAL = 0x20_1000n;
const LARGE = 0x40_0000n;
const PGE = 1n << 7n;
const PCIDE = 1n << 17n;

let machine: Machine;
beforeAll(async () => {
  machine = await Machine.create();
  machine.set32(COST_WALK_REFERENCE, 1);
}, 120_000);

function tables(root: number): void {
  machine.write(root, BigInt(root + 0x1000) | 0x27n);
  machine.write(root + 0x1000, BigInt(root + 0x2000) | 0x27n);
  machine.write(root + 0x2000 + 8, BigInt(root + 0x3000) | 0x27n);
  machine.write(root + 0x2000 + 16, LARGE | 0xe7n);
  machine.write(root + 0x3000, PLAIN | 0x67n);
  machine.write(root + 0x3000 + 8, GLOBAL | 0x167n);
}

beforeEach(() => {
  machine.cpu.resetState();
  machine.cpu.setRunningAlone(1);
  tables(ROOT);
  tables(OTHER_ROOT);
  machine.set64(CR3, BigInt(ROOT));
  machine.set64(CR4, 0x20n | PGE);
  machine.set64(MSR_EFER, 0xd00n);
  machine.set64(CR0, 0x8000_0031n);
  machine.cpu.stateReplaced();
});

/** Whether a read of va needs no walk. */
function known(va: bigint): boolean {
  const before = machine.get64(CYCLES);
  machine.cpu.readMemory(va, 8);
  return machine.get64(CYCLES) === before;
}

function fill(): void {
  for (const va of [PLAIN, GLOBAL, LARGE, LARGE + 0x5000n]) machine.cpu.readMemory(va, 8);
}

/** References that a read of va makes. */
function cost(va: bigint): number {
  const before = machine.get64(CYCLES);
  machine.cpu.readMemory(va, 8);
  return Number(machine.get64(CYCLES) - before);
}

const state = (): boolean[] => [PLAIN, GLOBAL, LARGE, LARGE + 0x5000n].map(known);

function moveToCr3(value: bigint): void {
  machine.set64(CR3, value);
  machine.cpu.selectContext();
}

describe("invalidation", () => {
  it("keeps what nobody drops", () => {
    fill();
    expect(state()).toEqual([true, true, true, true]);
  });

  it("by MOV to CR3 spares global pages, INVPCID of type 2 does not", () => {
    fill();
    machine.cpu.flushPcid(0);
    expect(state()).toEqual([false, true, false, false]);
    machine.cpu.flushTlbNonGlobal();
    expect(state()).toEqual([false, true, false, false]);
    machine.cpu.flushTlb();
    expect(state()).toEqual([false, false, false, false]);
  });

  it("treats no page as global without CR4.PGE", () => {
    machine.set64(CR4, 0x20n);
    fill();
    machine.cpu.flushPcid(0);
    expect(state()).toEqual([false, false, false, false]);
  });

  it("by INVLPG drops a page whatever its size, and global ones", () => {
    fill();
    machine.cpu.flushTlbPage(GLOBAL + 8n);
    expect(state()).toEqual([true, false, true, true]);
    machine.cpu.flushTlbPage(LARGE + 0x1f_f000n);
    expect(state()).toEqual([true, true, false, false]);
  });

  it("survives more entries than the logs have room for", () => {
    for (let round = 0; round < 8; round++) {
      machine.write(ROOT + 0x2000 + 24, BigInt(OTHER_ROOT + 0x4000) | 0x27n);
      for (let i = 0; i < 512; i++) {
        machine.write(OTHER_ROOT + 0x4000 + 8 * i, BigInt(0x80_0000 + i * 0x1000) | 0x67n);
        machine.cpu.readMemory(0x60_0000n + BigInt(i * 0x1000), 8);
        machine.cpu.flushTlbPage(0x60_0000n + BigInt(i * 0x1000));
        machine.cpu.readMemory(0x60_0000n + BigInt(i * 0x1000), 8);
      }
    }
    fill();
    machine.cpu.flushPcid(0);
    expect(state()).toEqual([false, true, false, false]);
  });
});

describe("address spaces", () => {
  beforeEach(() => {
    machine.set64(CR4, 0x20n | PGE | PCIDE);
    machine.cpu.stateReplaced();
    moveToCr3(BigInt(ROOT) | 1n);
    fill();
    moveToCr3(BigInt(OTHER_ROOT) | 2n);
    fill();
  });

  it("are told apart by PCID and remembered", () => {
    expect(state()).toEqual([true, true, true, true]);
    moveToCr3(BigInt(ROOT) | 1n);
    expect(state()).toEqual([true, true, true, true]);
    moveToCr3(BigInt(ROOT) | 3n);
    expect(known(PLAIN)).toBe(false);
  });

  it("one of them is dropped without the other", () => {
    machine.cpu.flushPcid(1);
    expect(state()).toEqual([true, true, true, true]);
    machine.cpu.flushPcidPage(1, GLOBAL);
    moveToCr3(BigInt(ROOT) | 1n);
    expect(state()).toEqual([false, false, false, false]);
  });

  it("INVLPG reaches the global page in each, a plain page in the current one", () => {
    machine.cpu.flushTlbPage(PLAIN);
    machine.cpu.flushTlbPage(GLOBAL);
    expect(state()).toEqual([false, false, true, true]);
    moveToCr3(BigInt(ROOT) | 1n);
    expect(state()).toEqual([true, false, true, true]);
  });

  it("processors have their own", () => {
    machine.cpu.switchProcessor(1);
    expect(known(PLAIN)).toBe(false);
    machine.cpu.flushTlb();
    machine.cpu.switchProcessor(0);
    expect(state()).toEqual([true, true, true, true]);
  });

  it("more of them than there are banks push out the oldest", () => {
    for (let pcid = 3n; pcid < 60n; pcid++) {
      moveToCr3(BigInt(ROOT) | pcid);
      expect(known(PLAIN)).toBe(false);
      expect(known(PLAIN)).toBe(true);
    }
    moveToCr3(BigInt(ROOT) | 1n);
    expect(known(PLAIN)).toBe(false);
    moveToCr3(BigInt(ROOT) | 59n);
    expect(known(PLAIN)).toBe(true);
  });
});

describe("paging-structure caches", () => {
  it("begin a walk as far down as an earlier one came", () => {
    expect([cost(PLAIN), cost(GLOBAL), cost(LARGE), cost(LARGE + 0x1000n)]).toEqual([4, 1, 1, 1]);
  });

  it("are dropped by INVLPG of any address, and by MOV to CR3", () => {
    fill();
    machine.cpu.flushTlbPage(GLOBAL);
    expect([cost(GLOBAL), cost(PLAIN)]).toEqual([4, 0]);
    machine.cpu.flushPcid(0);
    expect(cost(PLAIN)).toBe(4);
  });

  it("may be stale, but cause no fault: the walk is made again", () => {
    fill();
    machine.write(ROOT + 0x3000 + 16, 0n);
    machine.write(OTHER_ROOT + 0x3000 + 16, PLAIN | 0x67n);
    machine.write(ROOT + 0x2000 + 8, BigInt(OTHER_ROOT + 0x3000) | 0x27n);
    expect(cost(PLAIN + 0x2000n)).toBe(4);
    expect(machine.cpu.faultPending.value).toBe(0);
  });

  it("hold no entry of a walk that faulted", () => {
    machine.write(ROOT + 0x3000 + 16, 0n);
    expect(cost(PLAIN + 0x2000n)).toBe(4);
    expect(machine.cpu.faultPending.value).toBe(1);
    machine.cpu.clearFault();
    expect(machine.read(ROOT) & 0x20n).toBe(0x20n);
    expect(cost(PLAIN)).toBe(4);
  });
});

import { describe, expect, it } from "vitest";
import { seeded } from "../random.js";
import { ApicBoard } from "./apic-board.js";

const TPR = 0x80;
const PPR = 0xa0;
const LDR = 0xd0;
const DFR = 0xe0;
const ISR = 0x100;
const TMR = 0x180;
const IRR = 0x200;
const ESR = 0x280;
const LVT_TIMER = 0x320;
const LVT_LINT0 = 0x350;
const LVT_LINT1 = 0x360;
const LVT_ERROR = 0x370;
const INITIAL = 0x380;
const CURRENT = 0x390;
const DIVIDE = 0x3e0;
const MASKED = 1 << 16;
const SELF = 1 << 18;
const ALL = 2 << 18;
const OTHERS = 3 << 18;
const LOGICAL = 1 << 11;
const LOWEST = 1 << 8;

const enabled = (count = 1): ApicBoard => {
  const board = new ApicBoard(count);
  for (const processor of board.processors) processor.enable();
  return board;
};
const base = (board: ApicBoard, value: number): boolean => board.first.msrs.write(0x1b, BigInt(value));

describe("local APIC registers", () => {
  it("reset to what the manual says", () => {
    const { first } = new ApicBoard();
    expect([0x20, 0x30, TPR, LDR, DFR, 0xf0, LVT_TIMER, LVT_LINT0].map((at) => first.read(at))).toEqual([
      0,
      0x50014,
      0,
      0,
      0xffff_ffff,
      0xff,
      MASKED,
      MASKED,
    ]);
    expect(first.msrs.read(0x1b)).toBe(0xfee0_0900n);
    const second = new ApicBoard(2).processors[1]!;
    expect(second.msrs.read(0x1b)).toBe(0xfee0_0800n);
    expect(second.read(0x20)).toBe(1 << 24);
  });

  it("take aligned 32-bit writes only, and are read by bytes too", () => {
    const { first } = enabled();
    first.write(TPR, 0x53);
    first.apic.device.write(TPR, 1, 0x11);
    first.apic.device.write(TPR + 4, 4, 0x11);
    expect(first.read(TPR)).toBe(0x53);
    expect(first.apic.device.read(0x30, 1) & 0xff).toBe(0x14);
    expect(first.apic.device.read(0x32, 2)).toBe(5);
    expect(first.apic.device.read(0x34, 4)).toBe(0);
  });

  it("keep the local vector table masked while software disables the APIC", () => {
    const { first } = new ApicBoard();
    first.write(LVT_TIMER, 0x40);
    expect(first.read(LVT_TIMER)).toBe(MASKED | 0x40);
    first.enable();
    first.write(LVT_TIMER, 0x40);
    expect(first.read(LVT_TIMER)).toBe(0x40);
    first.write(0xf0, 0xff);
    expect(first.read(LVT_TIMER)).toBe(MASKED | 0x40);
  });

  it("report illegal registers and vectors in ESR, after a write to it", () => {
    const { first } = enabled();
    first.write(LVT_ERROR, 0x77);
    first.read(0x3c0);
    expect(first.read(ESR)).toBe(0);
    first.write(ESR, 0);
    expect(first.read(ESR)).toBe(0x80);
    expect(first.take()).toBe(0x77);
    first.eoi();
    first.ipi(SELF | 5);
    first.write(ESR, 0);
    expect(first.read(ESR)).toBe(0x20);
    expect(first.take()).toBe(0x77);
  });
});

describe("local APIC priorities", () => {
  it("serves by vector, nests, and ends the highest one", () => {
    const { first } = enabled();
    first.ipi(SELF | 0x40);
    first.ipi(SELF | 0x61);
    first.ipi(SELF | 0x45);
    expect(first.read(IRR + 0x20)).toBe(0x21);
    expect(first.take()).toBe(0x61);
    expect(first.read(PPR)).toBe(0x60);
    expect(first.take()).toBeNull();
    first.ipi(SELF | 0x70);
    expect(first.take()).toBe(0x70);
    first.eoi();
    expect([first.read(ISR + 0x30), first.read(PPR)]).toEqual([2, 0x60]);
    first.eoi();
    expect(first.take()).toBe(0x45);
    first.eoi();
    expect(first.take()).toBe(0x40);
    first.eoi();
    expect(first.take()).toBeNull();
    first.eoi();
    expect(first.apic.acknowledge()).toBe(0xff);
  });

  it("holds back what TPR and CR8 do not let through", () => {
    const { first } = enabled();
    first.write(TPR, 0x48);
    expect([first.cr8, first.read(PPR)]).toEqual([4, 0x48]);
    first.ipi(SELF | 0x4f);
    expect(first.take()).toBeNull();
    first.apic.taskPriorityChanged(3);
    expect(first.read(TPR)).toBe(0x30);
    expect(first.take()).toBe(0x4f);
  });

  it("accepts nothing fixed while it is disabled, and keeps what it had", () => {
    const { first } = enabled();
    first.ipi(SELF | 0x50);
    first.write(0xf0, 0xff);
    first.ipi(SELF | 0x51);
    expect(first.read(IRR + 0x20)).toBe(1 << 16);
    expect(first.take()).toBe(0x50);
  });
});

describe("interprocessor interrupts", () => {
  const received = (board: ApicBoard): (number | null)[] =>
    board.processors.map((processor) => processor.take());

  it("go to a physical destination, to all and to all others", () => {
    const board = enabled(3);
    board.first.ipi(0x50, 2);
    expect(received(board)).toEqual([null, null, 0x50]);
    board.first.ipi(0x61, 0xff);
    expect(received(board)).toEqual([0x61, 0x61, 0x61]);
    board.processors[1]!.ipi(OTHERS | 0x72);
    expect(received(board)).toEqual([0x72, null, 0x72]);
    board.processors[2]!.ipi(ALL | 0x83);
    expect(received(board)).toEqual([0x83, 0x83, 0x83]);
  });

  it("go to logical destinations, flat and in clusters", () => {
    const board = enabled(3);
    board.processors.forEach((processor, i) => processor.write(LDR, 1 << (24 + i)));
    board.first.ipi(LOGICAL | 0x50, 0b101);
    expect(received(board)).toEqual([0x50, null, 0x50]);
    board.processors.forEach((processor, i) => {
      processor.write(DFR, 0x0fff_ffff);
      processor.write(LDR, (i === 2 ? 0x21 : 0x10 | (1 << i)) << 24);
    });
    board.first.ipi(LOGICAL | 0x60, 0x13);
    expect(received(board)).toEqual([0x60, 0x60, null]);
    board.first.ipi(LOGICAL | 0x70, 0x23);
    expect(received(board)).toEqual([null, null, 0x70]);
  });

  it("of lowest priority go to one", () => {
    const board = enabled(3);
    board.first.write(TPR, 0x20);
    board.processors[1]!.write(TPR, 0x10);
    board.processors[2]!.write(TPR, 0x10);
    board.first.ipi(LOWEST | 0x50, 0xff);
    expect(received(board)).toEqual([null, 0x50, null]);
    board.first.ipi(LOWEST | 0x50, 0xff);
    expect(received(board)).toEqual([null, null, 0x50]);
  });

  it("bring NMI, INIT and start-up messages, INIT de-assert nothing", () => {
    const board = enabled(2);
    const target = board.processors[1]!;
    target.write(TPR, 0x30);
    board.first.ipi(0x4_400 & 0xffff, 1);
    expect(target.nmis).toBe(1);
    board.first.ipi(0xc500, 1);
    board.first.ipi(0x8500, 1);
    expect([target.inits, target.read(0xf0), target.cr8, target.read(0x20)]).toEqual([1, 0xff, 0, 1 << 24]);
    board.first.ipi(0x4612, 1);
    expect(target.startUps).toEqual([0x12]);
  });
});

describe("LINT0 and LINT1", () => {
  it("are the 8259s' INTR and NMI in virtual-wire mode", () => {
    const { first } = new ApicBoard();
    first.apic.enterVirtualWireMode();
    first.apic.setLint0(true);
    expect(first.take()).toBe(0x21);
    expect(first.interrupt).toBe(true);
    first.apic.setLint0(false);
    expect(first.interrupt).toBe(false);
    first.apic.setLint1(true);
    expect(first.nmis).toBe(1);
  });

  it("are masked by their entries, and INTR alone counts while the APIC is off", () => {
    const board = enabled();
    const { first } = board;
    first.apic.setLint0(true);
    expect(first.interrupt).toBe(false);
    expect(base(board, 0xfee0_0000)).toBe(true);
    expect(first.take()).toBe(0x21);
  });

  it("may be fixed: an edge interrupts once, a level again after EOI", () => {
    const { first } = enabled();
    first.write(LVT_LINT1, 0x44);
    first.apic.setLint1(true);
    expect(first.take()).toBe(0x44);
    first.eoi();
    expect(first.take()).toBeNull();
    first.apic.setLint0(true);
    first.write(LVT_LINT0, 0x8055);
    expect(first.read(LVT_LINT0)).toBe(0xc055);
    expect(first.take()).toBe(0x55);
    expect(first.read(TMR + 0x20)).toBe(1 << 0x15);
    first.eoi();
    expect(first.take()).toBe(0x55);
    first.apic.setLint0(false);
    first.eoi();
    expect([first.take(), first.read(LVT_LINT0)]).toEqual([null, 0x8055]);
  });
});

describe("APIC timer", () => {
  /** Nanoseconds of so many ticks of the 24 MHz crystal, rounded up. */
  const ticks = (count: number): number => Math.ceil((count * 1000) / 24);

  it("counts down once, by the divide configuration", () => {
    const board = enabled();
    const { first, clock } = board;
    first.write(LVT_TIMER, 0x40);
    first.write(DIVIDE, 3); // by 16
    first.write(INITIAL, 100);
    clock.moveTo(ticks(16 * 40));
    expect(first.read(CURRENT)).toBe(60);
    clock.moveTo(ticks(1600) - 1);
    expect([first.take(), first.read(CURRENT)]).toEqual([null, 1]);
    clock.moveTo(ticks(1600));
    expect([first.take(), first.read(CURRENT)]).toEqual([0x40, 0]);
    clock.moveTo(ticks(100_000));
    expect(first.interrupt).toBe(false);
  });

  it.each([
    [0, 2],
    [1, 4],
    [2, 8],
    [3, 16],
    [8, 32],
    [9, 64],
    [10, 128],
    [11, 1],
  ])("divides by code %i as by %i", (code, divisor) => {
    const { first, clock } = enabled();
    first.write(DIVIDE, code);
    first.write(INITIAL, 1000);
    clock.moveTo(ticks(divisor * 250));
    expect(first.read(CURRENT)).toBe(750);
  });

  it("repeats in periodic mode, and stops at a count of 0", () => {
    const { first, clock } = enabled();
    first.write(LVT_TIMER, 0x2_0040);
    first.write(DIVIDE, 11);
    first.write(INITIAL, 24);
    let count = 0;
    for (let now = 1; now <= 10_000; now++) {
      clock.moveTo(now);
      if (first.take() === 0x40) {
        count++;
        first.eoi();
      }
    }
    expect(count).toBe(10);
    first.write(INITIAL, 0);
    expect(clock.clock.next()).toBeNull();
  });

  it("fires at a time-stamp in TSC-deadline mode, once", () => {
    const board = enabled();
    const { first, clock } = board;
    first.write(LVT_TIMER, 0x4_0050);
    first.write(INITIAL, 5);
    expect([first.read(INITIAL), first.read(CURRENT)]).toEqual([0, 0]);
    first.timeStampOffset = 1000n;
    first.msrs.write(0x6e0, 6000n);
    expect(first.msrs.read(0x6e0)).toBe(6000n);
    clock.moveTo(4999);
    expect(first.interrupt).toBe(false);
    first.timeStampOffset = 500n;
    first.apic.timeStampChanged();
    clock.moveTo(5499);
    expect(first.interrupt).toBe(false);
    clock.moveTo(5500);
    expect([first.take(), first.msrs.read(0x6e0)]).toEqual([0x50, 0n]);
    first.eoi();
    first.msrs.write(0x6e0, 1n);
    clock.moveTo(5501);
    expect(first.take()).toBe(0x50);
    first.msrs.write(0x6e0, 2n ** 64n - 1n);
    expect(clock.clock.next()).toBeNull();
    first.msrs.write(0x6e0, 9000n);
    first.write(LVT_TIMER, 0x50);
    expect([first.msrs.read(0x6e0), clock.clock.next()]).toEqual([0n, null]);
  });
});

describe("IA32_APIC_BASE", () => {
  const OFF = 0xfee0_0100;
  const XAPIC = 0xfee0_0900;
  const X2APIC = 0xfee0_0d00;
  const ILLEGAL = 0xfee0_0500;

  it("allows the transitions of figure 11-27 and no other", () => {
    const reach: Record<string, number[]> = { OFF: [OFF], XAPIC: [XAPIC], X2APIC: [X2APIC] };
    const allowed: Record<string, boolean[]> = {
      OFF: [true, true, false, false],
      XAPIC: [true, true, true, false],
      X2APIC: [true, false, true, false],
    };
    for (const [from, path] of Object.entries(reach)) {
      const outcome = [OFF, XAPIC, X2APIC, ILLEGAL].map((to) => {
        const board = new ApicBoard();
        for (const step of path) expect(base(board, step)).toBe(true);
        return base(board, to);
      });
      expect([from, outcome]).toEqual([from, allowed[from]]);
    }
  });

  it("refuses reserved bits, keeps the bootstrap flag, and moves the registers", () => {
    const board = new ApicBoard();
    const { msrs } = board.first;
    expect([1, 0x200, 2 ** 39].map((bit) => base(board, XAPIC + bit))).toEqual([false, false, false]);
    expect(base(board, 0xfed4_0800)).toBe(true);
    expect([msrs.read(0x1b), msrs.page]).toEqual([0xfed4_0900n, 0xfed4_0000]);
    base(board, X2APIC);
    expect(msrs.page).toBeNull();
    base(board, OFF);
    expect(msrs.page).toBeNull();
  });

  it("loses the state when it disables", () => {
    const board = enabled();
    board.first.ipi(SELF | 0x50);
    board.first.write(TPR, 0x80);
    base(board, OFF);
    base(board, XAPIC);
    expect([
      board.first.read(TPR),
      board.first.cr8,
      board.first.read(IRR + 0x20),
      board.first.read(0xf0),
    ]).toEqual([0, 0, 0, 0xff]);
  });
});

describe("x2APIC mode", () => {
  const x2apic = (count = 1): ApicBoard => {
    const board = enabled(count);
    for (const { msrs } of board.processors) msrs.write(0x1b, 0xfee0_0c00n);
    return board;
  };

  it("shows the registers as MSRs, and only those", () => {
    const { msrs } = x2apic(2).processors[1]!;
    expect([0x802, 0x803, 0x808, 0x80d, 0x80f, 0x832].map((index) => msrs.read(index))).toEqual([
      1n,
      0x50014n,
      0n,
      2n,
      0x1ffn,
      0x10000n,
    ]);
    for (const index of [0x800, 0x801, 0x809, 0x80b, 0x80e, 0x831, 0x83f, 0x8ff]) {
      expect([index, msrs.read(index)]).toEqual([index, undefined]);
    }
    expect(enabled().first.msrs.read(0x802)).toBeUndefined();
  });

  it("refuses read-only registers and reserved bits", () => {
    const { msrs } = x2apic().first;
    for (const index of [0x802, 0x803, 0x80a, 0x80d, 0x810, 0x820, 0x839, 0x831, 0x80e]) {
      expect([index, msrs.write(index, 0n)]).toEqual([index, false]);
    }
    for (const [index, value] of [
      [0x80b, 1n],
      [0x828, 1n],
      [0x808, 0x100n],
      [0x80f, 0x1000n],
      [0x832, 1n << 19n],
      [0x835, 1n << 17n],
      [0x83e, 4n],
      [0x83f, 0x100n],
      [0x838, 1n << 32n],
      [0x830, 1n << 20n],
    ] as const) {
      expect([index, msrs.write(index, value)]).toEqual([index, false]);
    }
    expect([msrs.write(0x80b, 0n), msrs.write(0x808, 0x40n), msrs.read(0x808)]).toEqual([true, true, 0x40n]);
  });

  it("sends by one 64-bit register, to itself by another", () => {
    const board = x2apic(3);
    const [a, b, c] = board.processors as [MockOf, MockOf, MockOf];
    expect(a.msrs.write(0x830, (2n << 32n) | 0x50n)).toBe(true);
    expect([a.take(), b.take(), c.take()]).toEqual([null, null, 0x50]);
    expect(a.msrs.read(0x830)).toBe((2n << 32n) | 0x50n);
    a.msrs.write(0x830, (0xffff_ffffn << 32n) | 0x60n);
    expect([a.take(), b.take(), c.take()]).toEqual([0x60, 0x60, 0x60]);
    a.msrs.write(0x830, (0b110n << 32n) | 0x870n);
    expect([a.take(), b.take(), c.take()]).toEqual([null, 0x70, 0x70]);
    b.msrs.write(0x83f, 0x80n);
    expect([a.take(), b.take(), c.take()]).toEqual([null, 0x80, null]);
  });
});
type MockOf = ApicBoard["first"];

describe("local APIC under random accesses", () => {
  it.each([1, 2, 3])("never throws, and restores to the same state (seed %i)", (seed) => {
    const random = seeded(seed);
    const board = enabled(2);
    const pick = (): MockOf => board.processors[random() % 2]!;
    for (let i = 0; i < 30_000; i++) {
      const what = random() % 9;
      const processor = pick();
      const offset = (random() % 64) * 16;
      const value = random() % 3 === 0 ? random() : random() & 0x0007_8fff;
      if (what < 3) processor.write(offset, value);
      else if (what === 3) processor.apic.device.read(random() & 0xfff, [1, 2, 4][random() % 3]!);
      else if (what === 4)
        processor.msrs.write(0x800 + (random() % 256), BigInt(value) << BigInt(random() % 33));
      else if (what === 5) processor.msrs.read(0x800 + (random() % 256));
      else if (what === 6) processor.take();
      else if (what === 7) board.clock.moveTo(board.clock.cycle + (random() % 100_000));
      else if (random() % 20 === 0) processor.msrs.write(0x1b, BigInt(0xfee0_0000 + (random() & 0xf00)));
      else if (random() % 2) processor.apic.setLint0(random() % 2 === 0);
      else processor.msrs.write(0x6e0, BigInt(random()));
    }
    const state = board.first.apic.snapshot();
    const copy = new ApicBoard();
    copy.clock.cycle = board.clock.cycle;
    copy.first.apic.restore(state);
    expect(copy.first.apic.snapshot()).toEqual(state);
  });
});

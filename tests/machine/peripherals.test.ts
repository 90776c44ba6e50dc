import { describe, expect, it } from "vitest";
import { acpiTables, ACPI_TABLES } from "../../src/machine/acpi/tables.js";
import { Peripherals } from "../../src/machine/peripherals.js";
import { ManualClock } from "./manual-clock.js";
import { seeded } from "./random.js";

const RAM = 64 << 20;

class Board {
  readonly clock = new ManualClock(1_000_000_000);
  readonly events: string[] = [];
  readonly interrupts: boolean[];
  readonly peripherals: Peripherals;
  constructor(processors = 1) {
    this.interrupts = Array.from({ length: processors }, () => false);
    this.peripherals = new Peripherals({
      clock: this.clock.clock,
      processors: this.interrupts.map((_, i) => ({
        setInterrupt: (level) => (this.interrupts[i] = level),
        signalNmi: () => this.events.push(`nmi ${i}`),
        signalInit: () => {},
        signalStartUp: () => {},
        setTaskPriority: () => {},
        timeStampOffset: () => 0n,
      })),
      ramBytes: RAM,
      onSerial: () => {},
      onPowerOff: () => this.events.push("off"),
      onReset: () => this.events.push("reset"),
      onFlushPage: (address) => this.events.push(`flush ${address.toString(16)}`),
      onIgnoreFloatError: () => this.events.push("ignore"),
      onDebugExit: (status) => this.events.push(`exit ${status}`),
    });
  }
  in(port: number, size = 1): number {
    return this.peripherals.ports.read(port, size);
  }
  out(port: number, value: number, size = 1): void {
    this.peripherals.ports.write(port, size, value);
  }
}

describe("the board's ports", () => {
  it("reset by the keyboard controller and by the reset control register", () => {
    const board = new Board();
    board.out(0x64, 0xfe);
    board.out(0xcf9, 2);
    expect(board.events).toEqual(["reset"]);
    board.out(0xcf9, 6);
    expect(board.events).toEqual(["reset", "reset"]);
  });

  it("have a keyboard controller that passes its tests and finds no keyboard", () => {
    const board = new Board();
    expect(board.in(0x64) & 3).toBe(0);
    const ask = (command: number): number => {
      board.out(0x64, command);
      expect(board.in(0x64) & 1).toBe(1);
      return board.in(0x60);
    };
    expect([ask(0xaa), ask(0xab), ask(0x20)]).toEqual([0x55, 0, 0x34]);
    board.out(0x64, 0x60);
    board.out(0x60, 0x47);
    expect(ask(0x20)).toBe(0x47);
    board.out(0x60, 0xff);
    expect([board.in(0x64) & 0x41, board.in(0x60), board.in(0x64) & 0x41]).toEqual([0x41, 0xfe, 0]);
  });

  it("have a host bridge at 0:0.0 and nothing else on the bus", () => {
    const board = new Board();
    const read = (bus: number, device: number, register: number): number => {
      board.out(0xcf8, (0x8000_0000 | (bus << 16) | (device << 11) | register) >>> 0, 4);
      return board.in(0xcfc, 4);
    };
    expect(read(0, 0, 0)).toBe(0x1237_8086);
    expect(read(0, 0, 8)).toBe(0x0600_0002);
    expect(board.in(0xcff)).toBe(0x06);
    expect(board.in(0xcf8, 4)).toBe(0x8000_0008);
    expect([read(0, 1, 0), read(1, 0, 0)]).toEqual([0xffff_ffff, 0xffff_ffff]);
    read(0, 0, 0x58);
    board.out(0xcfd, 0x30);
    expect(board.in(0xcfc, 4)).toBe(0x3000);
    board.out(0xcf8, 0, 4);
    expect(board.in(0xcfc, 4)).toBe(0xffff_ffff);
  });

  it("tell RAM and processors by CMOS memory and fw_cfg", () => {
    const board = new Board(3);
    const cmos = (register: number): number => {
      board.out(0x70, register);
      return board.in(0x71);
    };
    expect((cmos(0x34) | (cmos(0x35) << 8)) * 65536 + (16 << 20)).toBe(RAM);
    const item = (number: number, bytes: number): number[] => {
      board.out(0x510, number, 2);
      return Array.from({ length: bytes }, () => board.in(0x511));
    };
    expect(String.fromCharCode(...item(0, 4))).toBe("QEMU");
    expect(item(1, 4)).toEqual([1, 0, 0, 0]);
    expect(item(3, 9)).toEqual([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    expect([item(5, 2), item(0xf, 2)]).toEqual([
      [3, 0],
      [3, 0],
    ]);
    const directory = item(0x19, 4 + 64);
    expect(directory.slice(0, 12)).toEqual([0, 0, 0, 1, 0, 0, 0, 20, 0, 0x20, 0, 0]);
    expect(String.fromCharCode(...directory.slice(12, 21))).toBe("etc/e820\0");
    expect(item(0x20, 20).slice(8, 17)).toEqual([0, 0, 0, 4, 0, 0, 0, 0, 1]);
    expect(item(0x77, 1)).toEqual([0]);
  });

  it("have the test device: latch, flush, lines and memory", () => {
    const board = new Board();
    board.out(0xe0, 0x1234_5678, 4);
    board.out(0xe1, 0xab);
    expect([board.in(0xe0, 4), board.in(0xe2, 2), board.in(0xe3)]).toEqual([0x1234_ab78, 0x1234, 0x12]);
    board.out(0xe8, 0x9a);
    expect(board.in(0xe0)).toBe(0x9a);
    board.out(0xe4, 0x1234_5678, 4);
    expect(board.events).toEqual(["flush 12345000"]);
    board.peripherals.mmio.write(0xff00_fffe, 2, 0xbeef);
    expect(board.peripherals.mmio.read(0xff00_ffff, 1)).toBe(0xbe);
    const apic = board.peripherals.local[0]!.apic;
    const { mmio } = board.peripherals;
    mmio.write(0xfec0_0000, 4, 0x2e);
    mmio.write(0xfec0_0010, 4, 0x55);
    board.out(0x200f, 1);
    expect(apic.acknowledge()).toBe(0x55);
  });

  it("lead the 8259s to the processor through the IO-APIC too", () => {
    const board = new Board();
    const { mmio } = board.peripherals;
    mmio.write(0xfec0_0000, 4, 0x10);
    mmio.write(0xfec0_0010, 4, 0x700);
    board.peripherals.local[0]!.apic.device.write(0x350, 4, 0x10700);
    for (const [port, value] of [
      [0x20, 0x11],
      [0x21, 0x30],
      [0x21, 4],
      [0x21, 1],
      [0x21, 0xef],
    ] as const) {
      board.out(port, value);
    }
    board.out(0x2004, 1);
    expect(board.interrupts).toEqual([true]);
    expect(board.peripherals.local[0]!.apic.acknowledge()).toBe(0x34);
  });

  it.each([1, 2])("never throw on random accesses (seed %i)", (seed) => {
    const random = seeded(seed);
    const board = new Board(2);
    const places = [0x20, 0x40, 0x60, 0x70, 0x80, 0xa0, 0xe0, 0x3f8, 0x4d0, 0x510, 0x600, 0xcf8, 0x2000];
    for (let i = 0; i < 50_000; i++) {
      const size = [1, 2, 4][random() % 3]!;
      const port = places[random() % places.length]! + (random() % 24);
      const value = size === 4 ? random() : random() & (2 ** (8 * size) - 1);
      const memory = (random() % 2 ? 0xfec0_0000 : 0xfee0_0000) + (random() & 0xfff);
      const kind = random() % 5;
      if (kind === 0) board.in(port, size);
      else if (kind === 1) board.out(port, value, size);
      else if (kind === 2) board.peripherals.local[random() % 2]!.memory.read(memory, size);
      else if (kind === 3) board.peripherals.local[random() % 2]!.memory.write(memory, size, value);
      else board.clock.moveTo(board.clock.cycle + (random() % 10_000));
    }
  });
});

describe("ACPI tables", () => {
  const bytes = acpiTables(2);
  const view = new DataView(bytes.buffer);
  const signature = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  const sum = (at: number, length: number): number =>
    bytes.subarray(at, at + length).reduce((total, byte) => (total + byte) & 0xff, 0);

  it("are found from the RSDP, each with its checksum", () => {
    expect(String.fromCharCode(...bytes.subarray(0, 8))).toBe("RSD PTR ");
    expect([sum(0, 20), sum(0, 36)]).toEqual([0, 0]);
    const found: string[] = [];
    const visit = (address: number): void => {
      const at = address - ACPI_TABLES;
      const length = view.getUint32(at + 4, true);
      found.push(signature(at));
      expect([signature(at), sum(at, length)]).toEqual([signature(at), 0]);
      if (signature(at) === "RSDT") for (let i = 36; i < length; i += 4) visit(view.getUint32(at + i, true));
      if (signature(at) === "XSDT")
        for (let i = 36; i < length; i += 8) visit(Number(view.getBigUint64(at + i, true)));
      if (signature(at) === "FACP") {
        expect(view.getUint32(at + 40, true)).toBe(Number(view.getBigUint64(at + 140, true)));
        visit(view.getUint32(at + 40, true));
      }
    };
    visit(view.getUint32(16, true));
    visit(Number(view.getBigUint64(24, true)));
    expect(found).toEqual(["RSDT", "FACP", "DSDT", "APIC", "XSDT", "FACP", "DSDT", "APIC"]);
  });
});

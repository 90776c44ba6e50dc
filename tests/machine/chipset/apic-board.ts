import { ApicMsrs } from "../../../src/machine/chipset/apic-msrs.js";
import { InterruptBus } from "../../../src/machine/chipset/interrupt-bus.js";
import { IoApic } from "../../../src/machine/chipset/io-apic.js";
import { LocalApic } from "../../../src/machine/chipset/local-apic.js";
import { ManualClock } from "../manual-clock.js";

/** 1 GHz: a nanosecond a cycle. */
export const FREQUENCY = 1_000_000_000;

/** What has reached the pins of a mock processor. */
export class MockProcessor {
  interrupt = false;
  nmis = 0;
  inits = 0;
  startUps: number[] = [];
  cr8 = 0;
  timeStampOffset = 0n;
  apic!: LocalApic;
  msrs!: ApicMsrs;

  constructor(id: number, clock: ManualClock, bus: InterruptBus, acknowledge8259: () => number) {
    this.apic = new LocalApic(
      id,
      id === 0,
      clock.clock,
      bus,
      {
        setInterrupt: (level) => (this.interrupt = level),
        signalNmi: () => this.nmis++,
        signalInit: () => this.inits++,
        signalStartUp: (vector) => this.startUps.push(vector),
        setTaskPriority: (cr8) => (this.cr8 = cr8),
        timeStampOffset: () => this.timeStampOffset,
      },
      acknowledge8259,
    );
    this.msrs = new ApicMsrs(this.apic);
  }

  read(offset: number): number {
    return this.apic.device.read(offset, 4);
  }
  write(offset: number, value: number): void {
    this.apic.device.write(offset, 4, value >>> 0);
  }
  /** Software-enables the APIC with spurious vector 0xff. */
  enable(): void {
    this.write(0xf0, 0x1ff);
  }
  /** Takes the waiting interrupt, null when there is none. */
  take(): number | null {
    return this.interrupt ? this.apic.acknowledge() : null;
  }
  eoi(): void {
    this.write(0xb0, 0);
  }
  /** Sends an IPI by the xAPIC's ICR. */
  ipi(low: number, destination = 0): void {
    this.write(0x310, destination << 24);
    this.write(0x300, low);
  }
}

/** Processors, their local APICs and an IO-APIC on one bus. */
export class ApicBoard {
  readonly clock = new ManualClock(FREQUENCY);
  readonly bus = new InterruptBus();
  readonly ioApic: IoApic;
  readonly processors: MockProcessor[];
  /** Vector that the 8259s give. */
  pic = 0x21;

  constructor(count = 1) {
    this.ioApic = new IoApic(count, this.bus);
    this.processors = Array.from(
      { length: count },
      (_, id) => new MockProcessor(id, this.clock, this.bus, () => this.pic),
    );
  }
  get first(): MockProcessor {
    return this.processors[0]!;
  }
}

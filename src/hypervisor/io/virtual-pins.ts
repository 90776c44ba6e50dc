import type { ProcessorPins } from "../../machine/chipset/local-apic.js";

/**
 * What a virtual local APIC drives: signals that wait until the virtual CPU is looked at before its next VM entry. INTR is
 * asked for there and need not be told.
 */
export class VirtualPins implements ProcessorPins {
  nmiPending = false;
  initPending = false;
  /** Vector of a start-up message that came while the virtual CPU waited for one. */
  startUp: number | null = null;
  /** CR8: bits 7:4 of the task-priority register. */
  taskPriority = 0;
  /** What the guest's time-stamp counter adds to virtual time, since the guest has set it. */
  timeStampAdjust = 0n;

  setInterrupt(): void {}
  signalNmi(): void {
    this.nmiPending = true;
  }
  signalInit(): void {
    this.initPending = true;
    this.startUp = null;
  }
  signalStartUp(vector: number): void {
    this.startUp ??= vector;
  }
  setTaskPriority(cr8: number): void {
    this.taskPriority = cr8;
  }
  timeStampOffset(): bigint {
    return this.timeStampAdjust;
  }
}

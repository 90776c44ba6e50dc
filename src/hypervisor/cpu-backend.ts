import type { StartState } from "../machine/start-state.js";
import type { VmEnding } from "./ending.js";
import type { GuestCpu } from "./guest-cpu.js";
import type { VirtualBoard } from "./io/board.js";
import type { PhysicalInterrupts } from "./io/physical-interrupts.js";
import type { VirtualPins } from "./io/virtual-pins.js";
import type { FrameAllocator } from "./memory/frame-allocator.js";
import type { GuestMemory } from "./memory/guest-memory.js";
import type { HardwarePort } from "./port.js";

/** What a VM has beside its virtual CPUs. */
export interface VmResources {
  board: VirtualBoard;
  interrupts: PhysicalInterrupts;
  /** What the local APIC of each virtual CPU drives. */
  pins: readonly VirtualPins[];
  frames: FrameAllocator;
  guestMemory: GuestMemory;
  /** What is to be started; its memory is loaded. */
  image: StartState;
  /** Cycle at which the VM's time began. */
  start: number;
}

/** A way to run virtual CPUs on the processor: VT-x, or a monitor at ring 0. */
export interface CpuBackend {
  readonly port: HardwarePort;
  /** Takes the processor over and makes the virtual CPUs; the first one is current, and at the start of the image. */
  build(vm: VmResources): readonly GuestCpu[];
  /** The next access to a page of guest-physical memory finds no translation that was cached before. */
  flushPage(page: number): void;
  /** Words for an error of its own kind; null for any other. */
  explain(error: unknown): VmEnding | null;
}

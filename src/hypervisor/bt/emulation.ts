import type { Bus } from "../../machine/bus.js";

/** An instruction of the guest's to be carried out in software at the next entry (see {@link Ring0Port.emulate}). */
export interface Emulation {
  /** In the page whose accesses go elsewhere. */
  linear: bigint;
  /** Where: a page of machine-physical RAM, or guest-physical on the bus of `devices`. */
  target: number;
  devices: Pick<Bus, "read" | "write"> | null;
  /** Called when it has been. */
  done: () => void;
  /** Code may change by it, the guest's next instruction among it: the guest is stopped behind it. */
  stop: boolean;
}

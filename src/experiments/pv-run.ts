import { assembleHypercalls, type PartOverrides } from "../hypervisor/parts.js";
import { PvBackend } from "../hypervisor/pv/backend.js";
import type { PvImage } from "../hypervisor/pv/domain.js";
import { Ring0Port } from "../hypervisor/ring0/port.js";
import type { Machine } from "../machine/machine.js";
import type { StartState } from "../machine/start-state.js";
import { VmRun } from "./vm-run.js";

/** A guest built for it, in a virtual machine without hardware assistance: paravirtualised. */
export class PvRun extends VmRun {
  constructor(
    machine: Machine,
    image: StartState,
    paravirtual: PvImage,
    guestBytes: number,
    overrides: PartOverrides,
    processors = 1,
  ) {
    const hypercalls = assembleHypercalls(overrides);
    super(machine, () => new PvBackend(new Ring0Port(machine), paravirtual, hypercalls), {
      image,
      guestBytes,
      processors,
    });
  }
}

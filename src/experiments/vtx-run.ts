import { assembleParts, type MemoryMode, type PartOverrides } from "../hypervisor/parts.js";
import { VtxBackend } from "../hypervisor/vtx/backend.js";
import { VmxPort } from "../hypervisor/vtx/vmx-port.js";
import type { Machine } from "../machine/machine.js";
import type { StartState } from "../machine/start-state.js";
import { VmRun } from "./vm-run.js";

/** The same guest in a virtual machine: hardware-assisted, with nested or with shadow paging. */
export class VtxRun extends VmRun {
  constructor(
    machine: Machine,
    image: StartState,
    guestBytes: number,
    overrides: PartOverrides,
    processors = 1,
    memoryMode: MemoryMode = "nested",
  ) {
    const parts = assembleParts(overrides, memoryMode);
    super(machine, () => new VtxBackend(new VmxPort(machine), parts), { image, guestBytes, processors });
  }
}

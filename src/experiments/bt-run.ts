import { BtBackend } from "../hypervisor/bt/backend.js";
import { GUEST_RAM_BASE } from "../hypervisor/memory/layout.js";
import { Ring0Port } from "../hypervisor/ring0/port.js";
import type { Machine } from "../machine/machine.js";
import { VmRun, type VmRunOptions } from "./vm-run.js";

/** The same guest in a virtual machine without VMX: its kernel by binary translation, on shadow page tables. */
export class BtRun extends VmRun {
  /** @param decoder - compiled wasm of iced-x86 */
  constructor(machine: Machine, decoder: WebAssembly.Module, options: VmRunOptions) {
    const cacheAt = GUEST_RAM_BASE + options.guestBytes;
    super(machine, () => new BtBackend(new Ring0Port(machine), decoder, cacheAt), options);
  }
}

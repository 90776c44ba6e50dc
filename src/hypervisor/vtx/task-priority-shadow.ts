import type { LocalInterrupts } from "../../machine/peripherals.js";
import { PRIMARY_CONTROLS, TPR_THRESHOLD, VIRTUAL_APIC_ADDRESS } from "../../spec/vmcs-fields.js";
import {
  PRIMARY_CR8_LOAD_EXITING,
  PRIMARY_CR8_STORE_EXITING,
  PRIMARY_USE_TPR_SHADOW,
} from "../../spec/vmx-controls.js";
import type { VirtualPins } from "../io/virtual-pins.js";
import type { VmxPort } from "./vmx-port.js";

/** VTPR in the virtual-APIC page; the priority is in bits 7:4. */
const VTPR = 0x80;
const EXITS = PRIMARY_CR8_LOAD_EXITING | PRIMARY_CR8_STORE_EXITING;

/**
 * The TPR shadow (SDM 30.1.1): MOV to and from CR8 go to a page of the hypervisor's, without an exit but for a priority that lets
 * an interrupt in that waits (TPR below threshold, 30.1.2).
 */
export class TaskPriorityShadow {
  /** @param page - machine-physical address of a zeroed frame; the VMCS of the virtual CPU is current */
  constructor(
    private readonly port: VmxPort,
    private readonly page: number,
    private readonly local: LocalInterrupts,
    private readonly pins: VirtualPins,
  ) {
    const controls = (port.vmread32(PRIMARY_CONTROLS) & ~EXITS) | PRIMARY_USE_TPR_SHADOW;
    port.vmwrite(PRIMARY_CONTROLS, BigInt(controls >>> 0));
    port.vmwrite(VIRTUAL_APIC_ADDRESS, BigInt(page));
  }

  /** What the guest has written meanwhile goes to its local APIC. */
  afterExit(): void {
    const priority = (this.port.memory.read8(this.page + VTPR) >> 4) & 15;
    if (priority === this.pins.taskPriority) return;
    this.pins.taskPriority = priority;
    this.local.apic.taskPriorityChanged(priority);
  }

  beforeEntry(): void {
    this.port.memory.write8(this.page + VTPR, this.pins.taskPriority << 4);
    const threshold = this.local.apic.maskedPriority;
    if (threshold === this.#threshold) return;
    this.#threshold = threshold;
    this.port.vmwrite(TPR_THRESHOLD, BigInt(threshold));
  }
  #threshold = 0;
}

import type { StartState } from "../machine/start-state.js";
import { FLAG_IF } from "../spec/control-bits.js";
import { GUEST_RFLAGS } from "../spec/vmcs-fields.js";
import type { VirtualPins } from "./io/virtual-pins.js";
import type { HardwarePort } from "./port.js";
import type { EventDelivery } from "./vtx/event-delivery.js";
import { VcpuContext } from "./vtx/vcpu-context.js";
import type { VtxVcpu } from "./vtx/vcpu-vtx.js";

/** Where a virtual CPU stands: it runs, has executed HLT, or waits for a start-up message. */
type Activity = "running" | "halted" | "waiting";

/** The signature that RDX holds after INIT (SDM Vol. 3, table 10-1): CPUID leaf 1, EAX. */
const LEAF_FEATURES = 1;

/** A virtual CPU with all that belongs to it. */
export class VirtualProcessor {
  /** It has been entered: the next entry is a VMRESUME (SDM 24.3). */
  launched = false;
  readonly context: VcpuContext;
  #activity: Activity;
  /** Of a halted one: RFLAGS.IF. */
  #interruptible = false;

  /**
   * @param vmcs - machine-physical address of its VMCS
   * @param pins - what its local APIC drives
   * @param bootstrap - starts at once; the others wait for a start-up message
   */
  constructor(
    private readonly port: HardwarePort,
    readonly vmcs: number,
    readonly vcpu: VtxVcpu,
    readonly events: EventDelivery,
    private readonly pins: VirtualPins,
    bootstrap: boolean,
  ) {
    this.context = new VcpuContext(port);
    this.#activity = bootstrap ? "running" : "waiting";
  }

  /** It has executed HLT; its VMCS is current. */
  halt(): void {
    this.#activity = "halted";
    this.#interruptible = (this.port.vmread32(GUEST_RFLAGS) & FLAG_IF) !== 0;
  }

  /** An interrupt could end its HLT. */
  get interruptible(): boolean {
    return this.#activity === "halted" && this.#interruptible;
  }

  /** There is something for it to execute. */
  get runnable(): boolean {
    if (this.pins.initPending) return true;
    if (this.#activity === "running") return true;
    if (this.#activity === "waiting") return this.pins.startUp !== null;
    return this.pins.nmiPending || (this.#interruptible && this.events.waiting);
  }

  /**
   * Takes the signals that wait, its VMCS being current (SDM Vol. 3, 9.4.4): INIT makes it wait for a start-up message, a
   * start-up message has it begin in real-address mode.
   * @returns false when it is not to be entered now
   */
  prepare(): boolean {
    if (this.pins.initPending) {
      this.pins.initPending = false;
      this.#activity = "waiting";
    }
    const { startUp } = this.pins;
    this.pins.startUp = null;
    if (this.#activity === "waiting") {
      if (startUp === null) return false;
      this.#begin(startUp);
    }
    this.#activity = "running";
    return true;
  }

  /** @param vector - the page in the first MiB that the start-up message names */
  #begin(vector: number): void {
    const signature = this.port.cpuid(LEAF_FEATURES, 0).eax;
    const state: StartState = {
      segments: [],
      entry: 0,
      startMode: "real16",
      codeSelector: vector << 8,
      registers: { rdx: signature },
    };
    this.vcpu.begin(state);
  }
}

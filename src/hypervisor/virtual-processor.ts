import type { StartState } from "../machine/start-state.js";
import type { GuestCpu } from "./guest-cpu.js";
import type { VirtualPins } from "./io/virtual-pins.js";
import type { HardwarePort } from "./port.js";

/** Where a virtual CPU stands: it runs, has executed HLT, or waits for a start-up message. */
type Activity = "running" | "halted" | "waiting";

/** The signature that RDX holds after INIT (SDM Vol. 3, table 10-1): CPUID leaf 1, EAX. */
const LEAF_FEATURES = 1;

/** A virtual CPU and whether it has anything to do. */
export class VirtualProcessor {
  #activity: Activity;
  /** Of a halted one: RFLAGS.IF. */
  #interruptible = false;

  /**
   * @param pins - what its local APIC drives
   * @param bootstrap - starts at once; the others wait for a start-up message
   */
  constructor(
    private readonly port: HardwarePort,
    readonly cpu: GuestCpu,
    private readonly pins: VirtualPins,
    bootstrap: boolean,
  ) {
    this.#activity = bootstrap ? "running" : "waiting";
  }

  /** It has executed HLT, and is the current one. */
  halt(): void {
    this.#activity = "halted";
    this.#interruptible = this.cpu.interruptsEnabled;
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
    return this.pins.nmiPending || (this.#interruptible && this.cpu.interruptWaiting);
  }

  /**
   * Takes the signals that wait, being the current one (SDM Vol. 3, 9.4.4): INIT makes it wait for a start-up message, a
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
      this.cpu.begin(this.#startState(startUp));
    }
    this.#activity = "running";
    return true;
  }

  /** @param vector - the page in the first MiB that the start-up message names */
  #startState(vector: number): StartState {
    const signature = this.port.cpuid(LEAF_FEATURES, 0).eax;
    return {
      segments: [],
      entry: 0,
      startMode: "real16",
      codeSelector: vector << 8,
      registers: { rdx: signature },
    };
  }
}

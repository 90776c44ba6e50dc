import type { StartState } from "../../machine/start-state.js";
import { FLAG_IF } from "../../spec/control-bits.js";
import { TRIPLE_FAULT } from "../../spec/exit-reasons.js";
import { EXIT_REASON, GUEST_RFLAGS } from "../../spec/vmcs-fields.js";
import { EXIT_REASON_ENTRY_FAILURE } from "../../spec/vmx-controls.js";
import { exitReasonName } from "../../trace/names.js";
import { handlerCycles } from "../costs.js";
import type { VmEnding } from "../ending.js";
import { callHandler } from "../exit-handlers.js";
import type { GuestCpu } from "../guest-cpu.js";
import type { Outcome } from "../outcome.js";
import type { Parts } from "../parts.js";
import { explainFailedEntry } from "./entry-failure.js";
import type { EventDelivery } from "./event-delivery.js";
import type { ExitReasonNumber } from "./exit-table.js";
import type { TaskPriorityShadow } from "./task-priority-shadow.js";
import { VcpuContext } from "./vcpu-context.js";
import type { VtxVcpu } from "./vcpu-vtx.js";
import type { VmxPort } from "./vmx-port.js";

/** Bits 15:0 of the exit reason (SDM 25.9.1). */
const BASIC_REASON = 0xffff;

/** A virtual CPU under VT-x, as the run loop drives it. */
export class VtxGuestCpu implements GuestCpu {
  /** It has been entered: the next entry is a VMRESUME (SDM 24.3). */
  #launched = false;
  readonly #context: VcpuContext;

  /** @param vmcs - machine-physical address of its VMCS */
  constructor(
    private readonly port: VmxPort,
    private readonly vmcs: number,
    private readonly vcpu: VtxVcpu,
    private readonly events: EventDelivery,
    private readonly exits: Parts["exits"],
    private readonly priority: TaskPriorityShadow | null,
  ) {
    this.#context = new VcpuContext(port);
  }

  get index(): number {
    return this.vcpu.index;
  }

  save(): void {
    this.#context.save(this.port);
  }
  load(): void {
    this.makeCurrent();
    this.#context.load(this.port);
  }
  /** Its VMCS is the current one from here on. */
  makeCurrent(): void {
    this.port.vmptrld(this.vmcs);
  }
  begin(state: StartState): void {
    this.vcpu.begin(state);
  }

  beforeEntry(): void {
    this.events.beforeEntry();
    this.priority?.beforeEntry();
  }

  /** It is in real-address mode, or was and has segments that no VM entry takes, without unrestricted guest. */
  get interpreted(): boolean {
    return !this.vcpu.enterable;
  }
  interpret(): void {
    this.vcpu.leftAgain = false;
    this.vcpu.emulateInstruction();
  }

  /** VMLAUNCH, or VMRESUME of a launched VMCS. */
  enter(): boolean {
    const entered = this.port.enter(this.#launched);
    if (entered) this.#launched = true;
    return entered;
  }

  /** An entry that ended in a VM exit either failed in the guest state (SDM 27.8), or delivered an event that exits. */
  entryFailure(): VmEnding | null {
    if ((this.port.vmread32(EXIT_REASON) & EXIT_REASON_ENTRY_FAILURE) !== 0)
      return { kind: "entry-failure", message: explainFailedEntry(this.port) };
    this.#launched = true;
    return null;
  }

  arrive(): number {
    this.vcpu.leftAgain = false;
    this.priority?.afterExit();
    return (this.vcpu.exitReason = this.port.vmread32(EXIT_REASON) & BASIC_REASON);
  }

  // #region exit-dispatch
  /** One look into the table, one small function. */
  handle(): Outcome {
    const reason = this.vcpu.exitReason;
    this.port.work(handlerCycles(reason));
    this.events.afterExit();
    return callHandler(this.exits[reason as ExitReasonNumber], this.vcpu, reason);
  }
  // #endregion

  get leftAgain(): boolean {
    return this.vcpu.leftAgain;
  }

  shutdown(): VmEnding {
    const { exitReason, stopMessage } = this.vcpu;
    const message = stopMessage ?? `The exit handler for ${exitReasonName(exitReason)} shut the VM down.`;
    return { kind: exitReason === TRIPLE_FAULT ? "triple-fault" : "part-error", message };
  }

  get interruptsEnabled(): boolean {
    return (this.port.vmread32(GUEST_RFLAGS) & FLAG_IF) !== 0;
  }
  get interruptWaiting(): boolean {
    return this.events.waiting;
  }
}

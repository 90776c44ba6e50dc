import { CR0_PE, FLAG_IF } from "../../spec/control-bits.js";
import { INJECTED } from "../../spec/trace-records.js";
import * as F from "../../spec/vmcs-fields.js";
import * as C from "../../spec/vmx-controls.js";
import { NMI } from "../../spec/vectors.js";
import type { VmxPort } from "./vmx-port.js";
import type { Injection } from "../vcpu.js";

/** Exceptions that push an error code (SDM 6.3.1, table 6-1). */
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);
const NMI_TYPE = C.INTERRUPTION_NMI << C.INTERRUPTION_TYPE_SHIFT;
const TYPE_MASK = 7 << C.INTERRUPTION_TYPE_SHIFT;
/** Bit 12 is undefined in IDT-vectoring information and reserved in entry information. */
const VECTORING_MASK = ~C.INTERRUPTION_NMI_UNBLOCKING;

/** The virtual interrupt controller, seen from the processor: the INTR pin and the INTA cycle. */
export interface InterruptSource {
  readonly interruptPending: boolean;
  acknowledgeInterrupt(): number;
}

/** Everything that reaches the guest through the VM-entry interruption information (SDM 25.8.3, 27.6). */
export class EventDelivery {
  /** An acknowledged interrupt that an exception displaced: it goes first when the guest can take interrupts. */
  #displaced: number | null = null;

  /**
   * @param nmi - whether a non-maskable interrupt waits
   * @param inProtectedMode - of the guest, as it sees itself
   */
  constructor(
    private readonly port: VmxPort,
    private readonly source: InterruptSource,
    private readonly nmi: { nmiPending: boolean },
    private readonly inProtectedMode = () => (port.vmread32(F.GUEST_CR0) & CR0_PE) !== 0,
  ) {}

  // #region event-reinjection
  /** The exit broke the delivery of an event through the guest's IDT (SDM 28.2.4): it is delivered again. */
  afterExit(): void {
    const information = this.port.vmread32(F.IDT_VECTORING_INFORMATION);
    if ((information & C.INTERRUPTION_VALID) === 0) return;
    const type = (information & TYPE_MASK) >> C.INTERRUPTION_TYPE_SHIFT;
    if ((information & C.INTERRUPTION_ERROR_CODE_VALID) !== 0) {
      this.port.vmwrite(F.ENTRY_EXCEPTION_ERROR_CODE, this.port.vmread(F.IDT_VECTORING_ERROR_CODE));
    }
    if (type >= C.INTERRUPTION_SOFTWARE_INTERRUPT) {
      this.port.vmwrite(F.ENTRY_INSTRUCTION_LENGTH, this.port.vmread(F.EXIT_INSTRUCTION_LENGTH));
    }
    this.#enter(information & VECTORING_MASK);
  }
  // #endregion

  // #region event-injection
  /** Before a VM entry: a waiting interrupt goes in if the guest can take it, else its window is asked for. */
  beforeEntry(): void {
    if (this.nmi.nmiPending) this.#injectNmi();
    if (this.#displaced === null && !this.source.interruptPending) return;
    const occupied = (this.port.vmread32(F.ENTRY_INTERRUPTION_INFORMATION) & C.INTERRUPTION_VALID) !== 0;
    if (!occupied && this.canTakeInterrupt()) {
      const vector = this.#displaced ?? this.source.acknowledgeInterrupt();
      this.#displaced = null;
      this.#enter(C.INTERRUPTION_VALID | (C.INTERRUPTION_EXTERNAL << C.INTERRUPTION_TYPE_SHIFT) | vector);
    }
    if (this.waiting) {
      const controls = this.port.vmread32(F.PRIMARY_CONTROLS) | C.PRIMARY_INTERRUPT_WINDOW_EXITING;
      this.port.vmwrite(F.PRIMARY_CONTROLS, BigInt(controls >>> 0));
    }
  }

  /** An NMI that the guest blocks, or that finds another event on its way in, waits for a later entry. */
  #injectNmi(): void {
    const occupied = (this.port.vmread32(F.ENTRY_INTERRUPTION_INFORMATION) & C.INTERRUPTION_VALID) !== 0;
    const blocking = C.BLOCKING_BY_NMI | C.BLOCKING_BY_MOV_SS | C.BLOCKING_BY_STI;
    if (occupied || (this.port.vmread32(F.GUEST_INTERRUPTIBILITY_STATE) & blocking) !== 0) return;
    this.nmi.nmiPending = false;
    this.#enter(C.INTERRUPTION_VALID | NMI_TYPE | NMI);
  }

  /** RFLAGS.IF is set, and neither STI nor MOV SS holds interrupts off for one more instruction. */
  canTakeInterrupt(): boolean {
    if ((this.port.vmread32(F.GUEST_RFLAGS) & FLAG_IF) === 0) return false;
    const shadow = C.BLOCKING_BY_STI | C.BLOCKING_BY_MOV_SS;
    return (this.port.vmread32(F.GUEST_INTERRUPTIBILITY_STATE) & shadow) === 0;
  }
  // #endregion

  /** Whether an interrupt waits to be injected. */
  get waiting(): boolean {
    return this.#displaced !== null || this.source.interruptPending;
  }

  /**
   * Puts an event of an exit handler in. It comes before an interrupt whose delivery the exit broke, and replaces an
   * exception: that one comes again when its instruction does.
   */
  inject(event: Injection): void {
    checkInjection(event);
    const previous = this.port.vmread32(F.ENTRY_INTERRUPTION_INFORMATION);
    if ((previous & C.INTERRUPTION_VALID) !== 0) {
      if ((previous & TYPE_MASK) === 0) this.#displaced = previous & 0xff;
      if ((previous & TYPE_MASK) === NMI_TYPE) this.nmi.nmiPending = true;
    }
    const type = event.type === "interrupt" ? C.INTERRUPTION_EXTERNAL : C.INTERRUPTION_HARDWARE_EXCEPTION;
    let information = C.INTERRUPTION_VALID | (type << C.INTERRUPTION_TYPE_SHIFT) | event.vector;
    // In real mode no exception pushes an error code, and VM entry refuses one (SDM 27.2.1.3).
    if (event.errorCode !== undefined && this.inProtectedMode()) {
      this.port.vmwrite(F.ENTRY_EXCEPTION_ERROR_CODE, BigInt(event.errorCode));
      information |= C.INTERRUPTION_ERROR_CODE_VALID;
    }
    this.#enter(information);
  }

  #enter(information: number): void {
    this.port.vmwrite(F.ENTRY_INTERRUPTION_INFORMATION, BigInt(information >>> 0));
    this.port.record(INJECTED, information & 0xff, (information & TYPE_MASK) >> C.INTERRUPTION_TYPE_SHIFT);
  }
}

function checkInjection({ vector, type, errorCode }: Injection): void {
  if (!Number.isInteger(vector) || vector < 0 || vector > 255)
    throw new RangeError(`inject: vector ${vector}`);
  if (type !== "interrupt" && type !== "exception")
    throw new RangeError(`inject: type ${JSON.stringify(type)}`);
  if (type === "exception" && vector > 31)
    throw new RangeError(`inject: exception ${vector}; exceptions are 0–31`);
  const needsCode = type === "exception" && WITH_ERROR_CODE.has(vector);
  if (needsCode && (!Number.isInteger(errorCode) || errorCode! < 0 || errorCode! > 0xffff)) {
    throw new RangeError(`inject: exception ${vector} pushes an error code, 0–65535, got ${errorCode}`);
  }
  if (!needsCode && errorCode !== undefined)
    throw new RangeError(`inject: ${type} ${vector} pushes no error code`);
}

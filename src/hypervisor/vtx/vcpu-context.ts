import * as M from "../../spec/msrs.js";
import { REGISTER_NAMES } from "../../spec/registers.js";
import type { VmxPort } from "./vmx-port.js";

/** MSRs that VM exits and entries leave alone and a guest reaches directly (see msr-bitmap). */
const EXCHANGED_MSRS = [
  M.IA32_STAR,
  M.IA32_LSTAR,
  M.IA32_CSTAR,
  M.IA32_FMASK,
  M.IA32_KERNEL_GS_BASE,
  M.IA32_TSC_AUX,
];

// #region vcpu-context
/**
 * What VM exits and entries leave in the processor (SDM 28.3 and 27.3.2 list what they do not): it stays there while one
 * virtual CPU is entered again and again, and is exchanged when another one is to run.
 */
export class VcpuContext {
  #registers = REGISTER_NAMES.map(() => 0n);
  #cr2 = 0n;
  #debug: readonly bigint[] = [0n, 0n, 0n, 0n];
  #msrs = EXCHANGED_MSRS.map(() => 0n);
  #extended: Uint8Array;

  /** A processor after INIT, whose extended state is as the machine's own is now. */
  constructor(port: VmxPort) {
    this.#extended = port.saveExtendedState();
  }

  /** Takes the virtual CPU that ran last out of the processor. */
  save(port: VmxPort): void {
    this.#registers = REGISTER_NAMES.map((_, number) => port.readRegister(number));
    this.#cr2 = port.cr2;
    this.#debug = port.debugAddresses;
    this.#msrs = EXCHANGED_MSRS.map((index) => port.rdmsr(index) ?? 0n);
    this.#extended = port.saveExtendedState();
  }

  /** Puts the virtual CPU that runs next into the processor. */
  load(port: VmxPort): void {
    this.#registers.forEach((value, number) => port.writeRegister(number, value));
    port.cr2 = this.#cr2;
    port.debugAddresses = this.#debug;
    EXCHANGED_MSRS.forEach((index, i) => port.wrmsr(index, this.#msrs[i]));
    port.restoreExtendedState(this.#extended);
  }
}
// #endregion

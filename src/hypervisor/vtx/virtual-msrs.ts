import type { LocalInterrupts } from "../../machine/peripherals.js";
import type { VirtualPins } from "../io/virtual-pins.js";
import * as M from "../../spec/msrs.js";
import { TSC_OFFSET } from "../../spec/vmcs-fields.js";
import type { VmxPort } from "./vmx-port.js";
import type { ShadowRegisters } from "./shadow-registers.js";

/** Locked with VMX off (SDM 24.7): firmware has decided, as CPUID says too. */
const FEATURE_CONTROL_LOCKED = 1n;

interface VirtualMsr {
  read(): bigint;
  /** False: the value is refused. */
  write(value: bigint): boolean;
}

/** MSRs of the VM that the guest does not reach directly; every other one does not exist. */
export class VirtualMsrs {
  readonly #msrs: Map<number, VirtualMsr>;

  /**
   * @param local - the vCPU's local APIC, which has MSRs of its own
   * @param paging - its IA32_EFER, where the processor has another one
   */
  constructor(
    port: VmxPort,
    private readonly local: LocalInterrupts,
    pins: VirtualPins,
    paging: ShadowRegisters | null,
  ) {
    this.#msrs = new Map<number, VirtualMsr>([
      [M.IA32_TIME_STAMP_COUNTER, timeStampCounter(port, local, pins)],
      [M.IA32_FEATURE_CONTROL, constant(FEATURE_CONTROL_LOCKED)],
      [M.IA32_MTRRCAP, constant(0n)],
      [M.IA32_MCG_CAP, constant(0n)],
      [M.IA32_BIOS_SIGN_ID, variable(port.rdmsr(M.IA32_BIOS_SIGN_ID) ?? 0n)],
      [M.IA32_MISC_ENABLE, variable(port.rdmsr(M.IA32_MISC_ENABLE) ?? 0n)],
      [M.IA32_DEBUGCTL, { read: () => 0n, write: (value) => value === 0n }],
    ]);
    if (paging !== null) this.#msrs.set(M.IA32_EFER, extendedFeatures(paging));
  }

  read(index: number): bigint | undefined {
    return this.#msrs.get(index)?.read() ?? this.local.msrs.read(index);
  }
  write(index: number, value: bigint): boolean {
    return this.#msrs.get(index)?.write(value) ?? this.local.msrs.write(index, value);
  }
}

function extendedFeatures(paging: ShadowRegisters): VirtualMsr {
  return { read: () => BigInt(paging.efer), write: (value) => paging.setEfer(value) };
}

function constant(value: bigint): VirtualMsr {
  return { read: () => value, write: () => false };
}

function variable(value: bigint): VirtualMsr {
  return {
    read: () => value,
    write: (written) => {
      value = written;
      return true;
    },
  };
}

/** The guest's counter is the machine's plus TSC_OFFSET (SDM 26.3). */
function timeStampCounter(port: VmxPort, local: LocalInterrupts, pins: VirtualPins): VirtualMsr {
  const host = (): bigint => port.rdmsr(M.IA32_TIME_STAMP_COUNTER) ?? 0n;
  return {
    read: () => BigInt.asUintN(64, host() + port.vmread(TSC_OFFSET)),
    write: (value) => {
      pins.timeStampAdjust += BigInt.asIntN(64, value - host() - port.vmread(TSC_OFFSET));
      port.vmwrite(TSC_OFFSET, BigInt.asUintN(64, value - host()));
      local.apic.timeStampChanged();
      return true;
    },
  };
}

import {
  IA32_VMX_BASIC,
  IA32_VMX_ENTRY_CTLS,
  IA32_VMX_EXIT_CTLS,
  IA32_VMX_PINBASED_CTLS,
  IA32_VMX_PROCBASED_CTLS,
  IA32_VMX_PROCBASED_CTLS2,
} from "../../spec/msrs.js";
import { PAGE_FAULT } from "../../spec/vectors.js";
import * as F from "../../spec/vmcs-fields.js";
import * as C from "../../spec/vmx-controls.js";
import type { VmxPort } from "./vmx-port.js";

/** Bit 55 of IA32_VMX_BASIC: the TRUE capability MSRs exist and say which default-1 bits may be 0 (SDM A.2). */
const TRUE_CONTROLS = 1n << 55n;
const TRUE_OFFSET = 0x48d - IA32_VMX_PINBASED_CTLS;

// #region vmcs-controls
/** What this hypervisor wants to be told about, and what it leaves to the guest (SDM 25.6–25.8). */
const WANTED = [
  [F.PIN_BASED_CONTROLS, IA32_VMX_PINBASED_CTLS, C.PIN_EXTERNAL_INTERRUPT_EXITING],
  [
    F.PRIMARY_CONTROLS,
    IA32_VMX_PROCBASED_CTLS,
    C.PRIMARY_HLT_EXITING |
      C.PRIMARY_CR8_LOAD_EXITING |
      C.PRIMARY_CR8_STORE_EXITING |
      C.PRIMARY_UNCONDITIONAL_IO_EXITING |
      C.PRIMARY_USE_MSR_BITMAPS |
      C.PRIMARY_USE_TSC_OFFSETTING |
      C.PRIMARY_ACTIVATE_SECONDARY,
  ],
  [
    F.SECONDARY_CONTROLS,
    IA32_VMX_PROCBASED_CTLS2,
    C.SECONDARY_ENABLE_EPT | C.SECONDARY_ENABLE_VPID | C.SECONDARY_UNRESTRICTED_GUEST,
  ],
  [
    F.EXIT_CONTROLS,
    IA32_VMX_EXIT_CTLS,
    C.EXIT_HOST_ADDRESS_SPACE_SIZE |
      C.EXIT_ACKNOWLEDGE_INTERRUPT |
      C.EXIT_SAVE_EFER |
      C.EXIT_LOAD_EFER |
      C.EXIT_SAVE_PAT |
      C.EXIT_LOAD_PAT,
  ],
  [F.ENTRY_CONTROLS, IA32_VMX_ENTRY_CTLS, C.ENTRY_LOAD_EFER | C.ENTRY_LOAD_PAT],
] as const;
// #endregion

// #region allowed-controls
/**
 * A value that the processor accepts: its capability MSR says in the low half which bits must be 1, in the high half
 * which may be 1 (SDM A.3–A.5).
 */
export function allowedControls(wanted: number, capability: bigint, name: string): number {
  const mustBeOne = Number(capability & 0xffff_ffffn);
  const mayBeOne = Number(capability >> 32n);
  const lacking = (wanted & ~mayBeOne) >>> 0;
  if (lacking !== 0) throw new Error(`this processor lacks ${name} 0x${lacking.toString(16)}`);
  return (wanted | mustBeOne) >>> 0;
}
// #endregion

/** In addition where the hypervisor translates for the guest, and what it then does without: the second dimension. */
const SHADOW_WANTED = C.PRIMARY_CR3_LOAD_EXITING | C.PRIMARY_CR3_STORE_EXITING | C.PRIMARY_INVLPG_EXITING;
const NESTED_ONLY = C.SECONDARY_ENABLE_EPT | C.SECONDARY_UNRESTRICTED_GUEST;

/** Wanted where the processor offers them; the guest's CPUID shows the same instructions either way. */
const WELCOME = C.SECONDARY_ENABLE_RDTSCP | C.SECONDARY_ENABLE_INVPCID;

/**
 * Writes the five control words of the current VMCS, and which exceptions exit: under shadow paging page faults, whatever their
 * error code.
 */
export function writeControls(port: VmxPort, shadow: boolean): void {
  const trueControls = ((port.rdmsr(IA32_VMX_BASIC) ?? 0n) & TRUE_CONTROLS) !== 0n;
  if (shadow) port.vmwrite(F.EXCEPTION_BITMAP, BigInt(1 << PAGE_FAULT));
  for (const [field, msr, always] of WANTED) {
    const secondary = field === F.SECONDARY_CONTROLS;
    let wanted: number = always;
    if (shadow && field === F.PRIMARY_CONTROLS) wanted |= SHADOW_WANTED;
    if (shadow && secondary) wanted &= ~NESTED_ONLY;
    const capability = port.rdmsr(trueControls && !secondary ? msr + TRUE_OFFSET : msr) ?? 0n;
    const welcome = secondary ? WELCOME & Number(capability >> 32n) : 0;
    port.vmwrite(
      field,
      BigInt(
        allowedControls((wanted | welcome) >>> 0, capability, `VMX control (MSR 0x${msr.toString(16)})`),
      ),
    );
  }
}

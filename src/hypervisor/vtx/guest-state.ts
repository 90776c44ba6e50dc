import type { StartState } from "../../machine/start-state.js";
import {
  CR0_ET,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  CR4_VMXE,
  EFER_LMA,
  EFER_LME,
  FLAG_FIXED,
} from "../../spec/control-bits.js";
import * as F from "../../spec/vmcs-fields.js";
import { ENTRY_IA32E_MODE_GUEST } from "../../spec/vmx-controls.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import type { HardwarePort } from "../port.js";
import { REGISTER_NAMES } from "../vcpu.js";
import { CR0_OWNED } from "./exits/control-register.js";

/** Flat segments, as in machine/start-state. Access rights: SDM 25.4.1, table 25-2. */
const CODE_SELECTOR = 0x10;
const DATA_SELECTOR = 0x18;
const CODE32_RIGHTS = 0xc09b;
const CODE64_RIGHTS = 0xa09b;
const DATA_RIGHTS = 0xc093;
const BUSY_TSS_RIGHTS = 0x8b;
const UNUSABLE = 1 << 16;
const FLAT_LIMIT = 0xffff_ffff;
const DR7_RESET = 0x400;
/** SDM 12.12.4, table 12-12. */
const PAT_RESET = 0x0007_0406_0007_0406n;
const NO_SHADOW_VMCS = 0xffff_ffff_ffff_ffffn;

/** The fields of the eight segments lie in this order, 2 apart. */
const SEGMENT_ORDER = ["ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"] as const;

/** Copies the image into guest RAM; addresses are guest-physical. */
export function loadGuestMemory(memory: GuestMemory, state: StartState): void {
  for (const { address, bytes } of state.zero ?? []) memory.fill(address, bytes, 0);
  for (const { address, bytes } of state.segments) memory.write(address, bytes);
}

// #region guest-start-state
/** Puts the start of an image into the guest-state area (SDM 25.4): what a boot loader would have left behind. */
export function writeGuestState(port: HardwarePort, state: StartState): void {
  const long = state.startMode === "long64";
  const cr0 = (CR0_PE | CR0_ET | (long ? CR0_PG : 0)) >>> 0;
  const cr4 = long ? CR4_PAE : 0;
  writeSegments(port, long);
  port.vmwrite(F.GUEST_CR0, BigInt((cr0 | CR0_NE) >>> 0));
  port.vmwrite(F.CR0_READ_SHADOW, BigInt(cr0));
  port.vmwrite(F.CR0_GUEST_HOST_MASK, BigInt(CR0_OWNED));
  port.vmwrite(F.GUEST_CR4, BigInt(cr4 | CR4_VMXE));
  port.vmwrite(F.CR4_READ_SHADOW, BigInt(cr4));
  port.vmwrite(F.CR4_GUEST_HOST_MASK, BigInt(CR4_VMXE));
  port.vmwrite(F.GUEST_CR3, BigInt(state.registers.cr3 ?? 0));
  port.vmwrite(F.GUEST_IA32_EFER, BigInt(long ? EFER_LME | EFER_LMA : 0));
  if (long) port.vmwrite(F.ENTRY_CONTROLS, port.vmread(F.ENTRY_CONTROLS) | BigInt(ENTRY_IA32E_MODE_GUEST));
  port.vmwrite(F.GUEST_GDTR_BASE, BigInt(state.gdt?.base ?? 0));
  port.vmwrite(F.GUEST_GDTR_LIMIT, BigInt(state.gdt?.limit ?? 0));
  port.vmwrite(F.GUEST_IA32_PAT, PAT_RESET);
  port.vmwrite(F.GUEST_RFLAGS, BigInt(FLAG_FIXED));
  port.vmwrite(F.GUEST_DR7, BigInt(DR7_RESET));
  port.vmwrite(F.VMCS_LINK_POINTER, NO_SHADOW_VMCS);
  port.vmwrite(F.GUEST_RIP, BigInt(state.entry));
  port.vmwrite(F.GUEST_RSP, BigInt(state.registers.rsp ?? 0));
}
// #endregion

/** The registers that VM entry does not load: they simply are the guest's. */
export function writeGuestRegisters(port: HardwarePort, state: StartState): void {
  REGISTER_NAMES.forEach((name, number) => port.writeRegister(number, BigInt(state.registers[name] ?? 0)));
}

function writeSegments(port: HardwarePort, long: boolean): void {
  SEGMENT_ORDER.forEach((name, i) => {
    const [selector, limit, rights] = segment(name, long);
    port.vmwrite(F.GUEST_ES_SELECTOR + 2 * i, BigInt(selector));
    port.vmwrite(F.GUEST_ES_LIMIT + 2 * i, BigInt(limit));
    port.vmwrite(F.GUEST_ES_ACCESS_RIGHTS + 2 * i, BigInt(rights));
    port.vmwrite(F.GUEST_ES_BASE + 2 * i, 0n);
  });
}

function segment(
  name: (typeof SEGMENT_ORDER)[number],
  long: boolean,
): [selector: number, limit: number, rights: number] {
  if (name === "CS") return [CODE_SELECTOR, FLAT_LIMIT, long ? CODE64_RIGHTS : CODE32_RIGHTS];
  if (name === "LDTR") return [0, 0, UNUSABLE];
  if (name === "TR") return [0, 0xffff, BUSY_TSS_RIGHTS];
  return [DATA_SELECTOR, FLAT_LIMIT, DATA_RIGHTS];
}

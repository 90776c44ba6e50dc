import type { PhysicalMemory } from "../../machine/physical-memory.js";
import { IA32_FEATURE_CONTROL, IA32_VMX_BASIC } from "../../spec/msrs.js";
import type { FrameAllocator } from "../memory/frame-allocator.js";
import type { VmxPort } from "./vmx-port.js";
import { buildHostPageTables } from "./host-state.js";

const FEATURE_CONTROL_LOCK = 1n << 0n;
const FEATURE_CONTROL_VMX_OUTSIDE_SMX = 1n << 2n;

/** What VMX root operation stands on. */
export interface VmxOperation {
  /** CR3 of the hypervisor. */
  hostCr3: number;
  /** VMCS revision identifier. */
  revision: number;
}

// #region vmx-on
/** Enters VMX root operation (SDM 24.7, 24.8): from here on the hypervisor is at ring −1. */
export function enterVmxOperation(port: VmxPort, frames: FrameAllocator): VmxOperation {
  const hostCr3 = buildHostPageTables(port.memory, frames);
  const revision = Number((port.rdmsr(IA32_VMX_BASIC) ?? 0n) & 0x7fff_ffffn);
  port.enterVmxReadyMode(hostCr3);
  const control = port.rdmsr(IA32_FEATURE_CONTROL) ?? 0n;
  if ((control & FEATURE_CONTROL_LOCK) === 0n) {
    port.wrmsr(IA32_FEATURE_CONTROL, FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE_SMX);
  }
  port.vmxon(newRegion(port.memory, frames, revision));
  return { hostCr3, revision };
}

/** Makes an empty VMCS and makes it current (SDM 25.11). @returns its machine-physical address */
export function newVmcs(port: VmxPort, frames: FrameAllocator, revision: number): number {
  const vmcs = newRegion(port.memory, frames, revision);
  port.vmclear(vmcs);
  port.vmptrld(vmcs);
  return vmcs;
}
// #endregion

/** A VMXON region or a VMCS begins with the processor's revision identifier (SDM 25.2). */
function newRegion(memory: PhysicalMemory, frames: FrameAllocator, revision: number): number {
  const region = frames.allocate();
  memory.write32(region, revision);
  return region;
}

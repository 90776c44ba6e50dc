import {
  CR0_ET,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_VMXE,
  EFER_LMA,
  EFER_LME,
} from "../../spec/control-bits.js";
import { IA32_PAT } from "../../spec/msrs.js";
import { PAGE_LARGE, PAGE_PRESENT, PAGE_WRITABLE } from "../../spec/page-bits.js";
import * as F from "../../spec/vmcs-fields.js";
import type { PhysicalMemory } from "../../machine/physical-memory.js";
import type { FrameAllocator } from "../memory/frame-allocator.js";
import { FRAMES_BASE } from "../memory/layout.js";
import type { VmxPort } from "./vmx-port.js";

const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const TSS_SELECTOR = 0x18;
const GIB = 0x4000_0000;

/** The hypervisor's own page tables: the first 4 GiB as they are, in pages of 1 GiB. @returns the value for CR3 */
export function buildHostPageTables(memory: PhysicalMemory, frames: FrameAllocator): number {
  const pml4 = frames.allocate();
  const pdpt = frames.allocate();
  memory.write64(pml4, BigInt(pdpt | PAGE_PRESENT | PAGE_WRITABLE));
  for (let i = 0; i < 4; i++) {
    memory.write64(pdpt + 8 * i, BigInt(i * GIB) | BigInt(PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE));
  }
  return pml4;
}

/** What the processor loads at every VM exit (SDM 25.5, 28.5): 64-bit mode on the hypervisor's page tables and stack. */
export function writeHostState(port: VmxPort, cr3: number): void {
  port.vmwrite(F.HOST_IA32_PAT, port.rdmsr(IA32_PAT) ?? 0n);
  const values: [field: number, value: number][] = [
    [F.HOST_CR0, (CR0_PG | CR0_PE | CR0_ET | CR0_NE | CR0_WP) >>> 0],
    [F.HOST_CR3, cr3],
    [F.HOST_CR4, CR4_PAE | CR4_VMXE],
    [F.HOST_IA32_EFER, EFER_LME | EFER_LMA],
    [F.HOST_CS_SELECTOR, CODE_SELECTOR],
    [F.HOST_SS_SELECTOR, DATA_SELECTOR],
    [F.HOST_DS_SELECTOR, DATA_SELECTOR],
    [F.HOST_ES_SELECTOR, DATA_SELECTOR],
    [F.HOST_FS_SELECTOR, 0],
    [F.HOST_GS_SELECTOR, 0],
    [F.HOST_TR_SELECTOR, TSS_SELECTOR],
    [F.HOST_RSP, FRAMES_BASE],
    [F.HOST_RIP, 0],
  ];
  for (const [field, value] of values) port.vmwrite(field, BigInt(value));
}

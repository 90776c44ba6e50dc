import { startControl, startIdtLimit, startSegments, type StartState } from "../../machine/start-state.js";
import { CR0_PE, EFER_LMA } from "../../spec/control-bits.js";
import { CS, LDTR, SS, TR } from "../../spec/cpu-state.js";
import type { GuestPaging } from "../memory/guest-walk.js";

/** A segment register with its hidden part; access rights in the VMX format (SDM 25.4.1, table 25-2). */
export interface Segment {
  selector: number;
  base: bigint;
  limit: number;
  rights: number;
}

export const RIGHTS_LONG = 1 << 13;
export const RIGHTS_BIG = 1 << 14;
export const RIGHTS_UNUSABLE = 1 << 16;
/** SDM 12.12.4, table 12-12. */
const PAT_RESET = 0x0007_0406_0007_0406n;
const DR7_RESET = 0x400n;
const DR6_RESET = 0xffff_0ff0n;

/**
 * The privileged state of the virtual processor: what the guest's kernel believes to be at ring 0 with. The registers of data
 * segments and the bases of FS and GS are in the processor itself; IF, IOPL and what the cache's code reads are in the state
 * page.
 */
export class ProcessorState {
  cpl = 0;
  cr0 = 0;
  cr2 = 0n;
  cr3 = 0n;
  cr4 = 0;
  efer = 0;
  pdptes: readonly bigint[] = [0n, 0n, 0n, 0n];
  cs: Segment;
  ss: Segment;
  ldtr: Segment;
  tr: Segment;
  gdtr = { base: 0n, limit: 0 };
  idtr = { base: 0n, limit: 0 };
  star = 0n;
  lstar = 0n;
  cstar = 0n;
  fmask = 0n;
  kernelGsBase = 0n;
  sysenter = { cs: 0n, esp: 0n, eip: 0n };
  pat = PAT_RESET;
  /** DR0–DR3, 4 and 5 unused, DR6, DR7. */
  debug = [0n, 0n, 0n, 0n, 0n, 0n, DR6_RESET, DR7_RESET];

  constructor(start: StartState) {
    const segments = startSegments(start).map((segment) => ({ ...segment, base: BigInt(segment.base) }));
    this.cs = segments[CS]!;
    this.ss = segments[SS]!;
    this.ldtr = segments[LDTR]!;
    this.tr = segments[TR]!;
    const { cr0, cr4, efer } = startControl(start.startMode);
    this.cr0 = cr0;
    this.cr4 = cr4;
    this.efer = efer;
    this.cr3 = BigInt(start.registers.cr3 ?? 0);
    this.gdtr = { base: BigInt(start.gdt?.base ?? 0), limit: start.gdt?.limit ?? 0 };
    this.idtr = { base: 0n, limit: startIdtLimit(start.startMode) };
  }

  get longMode(): boolean {
    return (this.efer & EFER_LMA) !== 0;
  }
  get protectedMode(): boolean {
    return (this.cr0 & CR0_PE) !== 0;
  }
  /** Size of the code that runs. */
  get bits(): 16 | 32 | 64 {
    if (this.longMode && (this.cs.rights & RIGHTS_LONG) !== 0) return 64;
    return (this.cs.rights & RIGHTS_BIG) !== 0 ? 32 : 16;
  }
  get paging(): GuestPaging {
    const { cr0, cr3, cr4, efer, pdptes } = this;
    return { cr0, cr3, cr4, efer, pdptes };
  }
}

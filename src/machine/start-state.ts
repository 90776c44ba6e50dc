import { CR0_ET, CR0_PE, CR0_PG, CR4_PAE, EFER_LMA, EFER_LME, FLAG_FIXED } from "../spec/control-bits.js";
import * as S from "../spec/cpu-state.js";
import { REGISTER_NAMES, type RegisterName } from "../spec/registers.js";
import type { Processor } from "./processor.js";

/** A register that a start state may set; all others start as zero. */
export type StartRegister = RegisterName | "cr3";

/** What a loader leaves behind when it jumps to an image. Addresses are machine-physical. */
export interface StartState {
  segments: readonly { address: number; bytes: Uint8Array }[];
  /** Ranges to be cleared, before the segments are written. */
  zero?: readonly { address: number; bytes: number }[];
  /** First RIP. */
  entry: number;
  /**
   * protected32: Multiboot's machine state (Multiboot 0.6.96, 3.2): flat 4 GiB segments, paging off, IF clear.
   * long64: 64-bit mode on the page tables that register cr3 points to, IF clear.
   */
  startMode: "protected32" | "long64";
  registers: Partial<Record<StartRegister, number | bigint>>;
  /** Descriptor table for GDTR; none: GDTR is unusable, as Multiboot allows. */
  gdt?: { base: number; limit: number };
}

/** Selectors that Linux's boot protocol asks for and GRUB uses. */
const CODE_SELECTOR = 0x10;
const DATA_SELECTOR = 0x18;
/** Access rights in the VMX format: present, accessed; code is execute/read, data read/write; 4 KiB granularity. */
const CODE32_RIGHTS = 0xc09b;
const CODE64_RIGHTS = 0xa09b;
const DATA_RIGHTS = 0xc093;
const BUSY_TSS_RIGHTS = 0x8b;
const UNUSABLE = 1 << 16;
const FLAT_LIMIT = 0xffff_ffff;

function setSegment(
  processor: Processor,
  index: number,
  selector: number,
  limit: number,
  rights: number,
): void {
  const at = S.SEGMENTS + index * S.SEGMENT_BYTES;
  processor.write64(at + S.SEGMENT_BASE, 0n);
  processor.write32(at + S.SEGMENT_LIMIT, limit);
  processor.write32(at + S.SEGMENT_RIGHTS, rights);
  processor.view.setUint16(at + S.SEGMENT_SELECTOR, selector, true);
}

function setSegments(processor: Processor, long: boolean): void {
  setSegment(processor, S.CS, CODE_SELECTOR, FLAT_LIMIT, long ? CODE64_RIGHTS : CODE32_RIGHTS);
  for (const index of [S.DS, S.ES, S.SS, S.FS, S.GS]) {
    setSegment(processor, index, DATA_SELECTOR, FLAT_LIMIT, DATA_RIGHTS);
  }
  setSegment(processor, S.LDTR, 0, 0, UNUSABLE);
  setSegment(processor, S.TR, 0, 0xffff, BUSY_TSS_RIGHTS);
}

function setControl(processor: Processor, state: StartState): void {
  const long = state.startMode === "long64";
  processor.write64(S.CR0, BigInt(CR0_PE | CR0_ET) | (long ? BigInt(CR0_PG) : 0n));
  processor.write64(S.CR3, BigInt(state.registers.cr3 ?? 0));
  processor.write64(S.CR4, long ? BigInt(CR4_PAE) : 0n);
  processor.write64(S.MSR_EFER, long ? BigInt(EFER_LME | EFER_LMA) : 0n);
  processor.write64(S.RFLAGS, BigInt(FLAG_FIXED));
  processor.write32(S.CPL, 0);
  processor.write32(S.CODE_BITS, long ? 64 : 32);
  processor.write64(S.GDTR_BASE, BigInt(state.gdt?.base ?? 0));
  processor.write32(S.GDTR_LIMIT, state.gdt?.limit ?? 0);
  processor.write64(S.IDTR_BASE, 0n);
  processor.write32(S.IDTR_LIMIT, 0);
}

/**
 * Puts an image into RAM and the processor where its loader would have left it.
 * @throws RangeError when a segment leaves RAM or a register cannot be set
 */
export function applyStartState(processor: Processor, state: StartState): void {
  const known = new Set<string>([...REGISTER_NAMES, "cr3"]);
  const unknown = Object.keys(state.registers).find((name) => !known.has(name));
  if (unknown !== undefined) throw new RangeError(`start state sets register "${unknown}"`);
  for (const { address, bytes } of state.zero ?? []) processor.memory.fill(address, bytes, 0);
  for (const { address, bytes } of state.segments) processor.memory.write(address, bytes);
  setSegments(processor, state.startMode === "long64");
  setControl(processor, state);
  REGISTER_NAMES.forEach((name, i) => processor.write64(S.GPR + 8 * i, BigInt(state.registers[name] ?? 0)));
  processor.write64(S.RIP, BigInt(state.entry));
  processor.core.stateChanged();
}

import { CR0_ET, CR0_PE, CR0_PG, CR4_PAE, EFER_LMA, EFER_LME, FLAG_FIXED } from "../spec/control-bits.js";
import * as S from "../spec/cpu-state.js";
import { REGISTER_NAMES, type RegisterName } from "../spec/registers.js";
import type { Processor } from "./processor.js";

/** A register that a start state may set; all others start as zero. */
export type StartRegister = RegisterName | "cr3";

/**
 * The state at the start, interrupts off in all.
 * real16: real-address mode, segments 0. protected32: Multiboot's machine state (Multiboot 0.6.96, 3.2): flat 4 GiB
 * segments, paging off. long64: 64-bit mode on the page tables that register cr3 points to. reset: as after a hardware reset
 * (SDM Vol. 3, 10.1.4).
 */
export type StartMode = "real16" | "protected32" | "long64" | "reset";

/** What a loader leaves behind when it jumps to an image. Addresses are machine-physical. */
export interface StartState {
  segments: readonly { address: number; bytes: Uint8Array }[];
  /** Ranges to be cleared, before the segments are written. */
  zero?: readonly { address: number; bytes: number }[];
  /** First RIP. */
  entry: number;
  /** Selector of CS in real-address mode; 0 unless given. */
  codeSelector?: number;
  startMode: StartMode;
  /** Read-only memory at machine-physical addresses above RAM. */
  rom?: readonly { address: number; bytes: Uint8Array }[];
  registers: Partial<Record<StartRegister, number | bigint>>;
  /** Descriptor table for GDTR; none: GDTR is unusable, as Multiboot allows. */
  gdt?: { base: number; limit: number };
}

/** A segment register at the start. Access rights in the VMX format (SDM 25.4.1, table 25-2). */
export interface StartSegment {
  selector: number;
  base: number;
  limit: number;
  rights: number;
}

/** Selectors that Linux's boot protocol asks for and GRUB uses. */
const CODE_SELECTOR = 0x10;
const DATA_SELECTOR = 0x18;
/** Present, accessed; code is execute/read, data read/write; 4 KiB granularity in the flat ones. */
const CODE32_RIGHTS = 0xc09b;
const CODE64_RIGHTS = 0xa09b;
const DATA_RIGHTS = 0xc093;
const REAL_CODE_RIGHTS = 0x9b;
const REAL_DATA_RIGHTS = 0x93;
const LDT_RIGHTS = 0x82;
const BUSY_TSS_RIGHTS = 0x8b;
const UNUSABLE = 1 << 16;
const FLAT_LIMIT = 0xffff_ffff;
const REAL_LIMIT = 0xffff;
/** SDM Vol. 3, table 10-1. */
const RESET_CODE = { selector: 0xf000, base: 0xffff_0000 };

/** Segment registers in the order ES, CS, SS, DS, FS, GS, LDTR, TR. */
export function startSegments({ startMode: mode, codeSelector = 0 }: StartState): StartSegment[] {
  const task = { selector: 0, base: 0, limit: REAL_LIMIT, rights: BUSY_TSS_RIGHTS };
  if (mode === "real16" || mode === "reset") {
    const data = { selector: 0, base: 0, limit: REAL_LIMIT, rights: REAL_DATA_RIGHTS };
    const at = mode === "reset" ? RESET_CODE : { selector: codeSelector, base: codeSelector << 4 };
    const code = { ...at, limit: REAL_LIMIT, rights: REAL_CODE_RIGHTS };
    const table = { selector: 0, base: 0, limit: REAL_LIMIT, rights: LDT_RIGHTS };
    return [data, code, data, data, data, data, table, task];
  }
  const data = { selector: DATA_SELECTOR, base: 0, limit: FLAT_LIMIT, rights: DATA_RIGHTS };
  const rights = mode === "long64" ? CODE64_RIGHTS : CODE32_RIGHTS;
  const code = { selector: CODE_SELECTOR, base: 0, limit: FLAT_LIMIT, rights };
  const table = { selector: 0, base: 0, limit: 0, rights: UNUSABLE };
  return [data, code, data, data, data, data, table, task];
}

/** CR0, CR4 and EFER at the start. */
export function startControl(mode: StartMode): { cr0: number; cr4: number; efer: number } {
  if (mode === "real16" || mode === "reset") return { cr0: CR0_ET, cr4: 0, efer: 0 };
  if (mode === "protected32") return { cr0: CR0_PE | CR0_ET, cr4: 0, efer: 0 };
  return { cr0: (CR0_PG | CR0_PE | CR0_ET) >>> 0, cr4: CR4_PAE, efer: EFER_LME | EFER_LMA };
}

/** Limit of the interrupt table at base 0: in real-address mode it is the vectors' own (SDM Vol. 3, 21.1.4). */
export function startIdtLimit(mode: StartMode): number {
  return mode === "real16" || mode === "reset" ? 0x3ff : 0;
}

const CODE_BITS: Record<StartMode, number> = { real16: 16, reset: 16, protected32: 32, long64: 64 };

function setSegments(processor: Processor, state: StartState): void {
  startSegments(state).forEach(({ selector, base, limit, rights }, index) => {
    const at = S.SEGMENTS + index * S.SEGMENT_BYTES;
    processor.write64(at + S.SEGMENT_BASE, BigInt(base));
    processor.write32(at + S.SEGMENT_LIMIT, limit);
    processor.write32(at + S.SEGMENT_RIGHTS, rights);
    processor.view.setUint16(at + S.SEGMENT_SELECTOR, selector, true);
  });
}

function setControl(processor: Processor, { startMode, registers, gdt }: StartState): void {
  const { cr0, cr4, efer } = startControl(startMode);
  processor.write64(S.CR0, BigInt(cr0));
  processor.write64(S.CR3, BigInt(registers.cr3 ?? 0));
  processor.write64(S.CR4, BigInt(cr4));
  processor.write64(S.MSR_EFER, BigInt(efer));
  processor.write64(S.RFLAGS, BigInt(FLAG_FIXED));
  processor.write32(S.CPL, 0);
  processor.write32(S.CODE_BITS, CODE_BITS[startMode]);
  processor.write64(S.GDTR_BASE, BigInt(gdt?.base ?? 0));
  processor.write32(S.GDTR_LIMIT, gdt?.limit ?? 0);
  processor.write64(S.IDTR_BASE, 0n);
  processor.write32(S.IDTR_LIMIT, startIdtLimit(startMode));
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
  setSegments(processor, state);
  setControl(processor, state);
  REGISTER_NAMES.forEach((name, i) => processor.write64(S.GPR + 8 * i, BigInt(state.registers[name] ?? 0)));
  processor.write64(S.RIP, BigInt(state.entry));
  processor.core.stateChanged();
}

/**
 * The extended state as a whole: FXSAVE and FXRSTOR (SDM Vol. 1, 10.5), XSAVE, XSAVEOPT and XRSTOR in the standard format,
 * XGETBV and XSETBV (chapter 13). Its components are x87 and SSE; none is ever known to be in its initial configuration,
 * so that XINUSE is all ones (13.6) and XSAVEOPT does what XSAVE does.
 */
import { CR0, CR4, GPR, MXCSR, X87_CONTROL, X87_DP, X87_IP, X87_OPCODE, X87_STATUS, X87_TAGS, XCR0, XMM } from '../../spec/cpu-state';
import { CR0_EM, CR0_TS, CR4_OSXSAVE } from '../../spec/control-bits';
import * as reason from '../../spec/exit-reasons';
import { MXCSR_DEFINED } from '../../spec/float-bits';
import { DEVICE_NOT_AVAILABLE } from '../../spec/vectors';
import { XSTATE_SSE, XSTATE_SUPPORTED, XSTATE_X87 } from '../../spec/xstate';
import { faultPending, NONE, raise } from '../fault';
import { in64BitMode, inNonRoot } from '../mode';
import { opSegment, opSize } from '../op';
import { effectiveOffset, linearAddress } from '../operands';
import { initialize, loadControl, slotOf } from '../x87/state';
import { exitForInstruction, privileged, protectionFault, undefinedOpcode } from './common';
import { reachable, readImage, writeImage } from './memory-image';

/** Parts of the area (10.5.1, 13.4). */
const FIP: usize = 8;
const FDP: usize = 16;
const MXCSR_AT: usize = 24;
const REGISTERS: usize = 32;
const XMM_AT: usize = 160;
const LEGACY_BYTES: u32 = 512;
const HEADER: usize = 512;
const AREA_BYTES: u32 = 576;

const IMAGE: usize = memory.data(576, 16);
const RAX: usize = GPR;
const RCX: usize = GPR + 8;
const RDX: usize = GPR + 16;

/** Linear address of an area that is aligned, 0 with a fault pending. */
let area: u64 = 0;

function locate(op: usize, bytes: u32, alignment: u64, write: bool): bool {
  area = linearAddress(opSegment(op), effectiveOffset(op), bytes, write);
  if (faultPending != NONE) return false;
  if ((area & (alignment - 1)) == 0) return true;
  protectionFault();
  return false;
}

@inline function write(from: usize, bytes: usize): bool { return writeImage(area, IMAGE, from, bytes); }
@inline function read(from: usize, bytes: usize): bool { return readImage(area, IMAGE, from, bytes); }

/** Bytes 0 to 23 and 32 to 159. Selectors of the pointers are deprecated and saved as 0 (8.1.8). */
function composeX87(wide: bool): void {
  store<u16>(IMAGE, load<u16>(X87_CONTROL));
  store<u16>(IMAGE, load<u16>(X87_STATUS), 2);
  store<u16>(IMAGE, load<u8>(X87_TAGS), 4);
  store<u16>(IMAGE, load<u16>(X87_OPCODE), 6);
  const mask: u64 = wide ? u64.MAX_VALUE : 0xffff_ffff;
  store<u64>(IMAGE + FIP, load<u64>(X87_IP) & mask);
  store<u64>(IMAGE + FDP, load<u64>(X87_DP) & mask);
  for (let i: u32 = 0; i < 8; i++) {
    const from = slotOf(i);
    v128.store(IMAGE + REGISTERS + (i << 4), i64x2(load<u64>(from), load<u16>(from, 8)));
  }
}

function takeX87(wide: bool): void {
  store<u16>(X87_STATUS, load<u16>(IMAGE, 2));
  store<u8>(X87_TAGS, load<u8>(IMAGE, 4));
  store<u16>(X87_OPCODE, load<u16>(IMAGE, 6) & 0x7ff);
  const mask: u64 = wide ? u64.MAX_VALUE : 0xffff_ffff;
  store<u64>(X87_IP, load<u64>(IMAGE + FIP) & mask);
  store<u64>(X87_DP, load<u64>(IMAGE + FDP) & mask);
  for (let i: u32 = 0; i < 8; i++) {
    const from = IMAGE + REGISTERS + (i << 4);
    store<u64>(slotOf(i), load<u64>(from));
    store<u16>(slotOf(i), load<u16>(from, 8), 8);
  }
  loadControl(load<u16>(IMAGE));
}

function composeMxcsr(): void {
  store<u32>(IMAGE + MXCSR_AT, load<u32>(MXCSR));
  store<u32>(IMAGE + MXCSR_AT, MXCSR_DEFINED, 4);
}

/** XMM8 to XMM15 are there in 64-bit mode only. */
@inline function xmmBytes(): usize { return in64BitMode() ? 256 : 128; }
@inline function composeXmm(): void { memory.copy(IMAGE + XMM_AT, XMM, xmmBytes()); }
@inline function takeXmm(): void { memory.copy(XMM, IMAGE + XMM_AT, xmmBytes()); }
@inline function wideForm(op: usize): bool { return in64BitMode() && opSize(op) == 8; }

/** #UD with EM, #NM with TS. */
function fxsrReady(): bool {
  const cr0 = load<u32>(CR0);
  if ((cr0 & (CR0_EM | CR0_TS)) == 0) return true;
  if (cr0 & CR0_EM) undefinedOpcode();
  else raise(DEVICE_NOT_AVAILABLE);
  return false;
}

export function fxsave(op: usize): void {
  if (!fxsrReady() || !locate(op, LEGACY_BYTES, 16, true) || !reachable(area, LEGACY_BYTES, true)) return;
  composeX87(wideForm(op));
  composeMxcsr();
  composeXmm();
  write(0, XMM_AT + xmmBytes());
}

export function fxrstor(op: usize): void {
  if (!fxsrReady() || !locate(op, LEGACY_BYTES, 16, false) || !reachable(area, LEGACY_BYTES, false)) return;
  if (!read(0, XMM_AT + xmmBytes())) return;
  if (load<u32>(IMAGE + MXCSR_AT) & ~MXCSR_DEFINED) return protectionFault();
  takeX87(wideForm(op));
  store<u32>(MXCSR, load<u32>(IMAGE + MXCSR_AT));
  takeXmm();
}

/** #UD unless the operating system has enabled XSAVE, #NM with TS. */
function xsaveReady(): bool {
  if ((load<u32>(CR4) & CR4_OSXSAVE) == 0) undefinedOpcode();
  else if (load<u32>(CR0) & CR0_TS) raise(DEVICE_NOT_AVAILABLE);
  else return true;
  return false;
}

/** The requested-feature bitmap. */
@inline function requested(): u64 { return (load<u32>(RAX) | (<u64>load<u32>(RDX) << 32)) & load<u64>(XCR0); }

export function xsave(op: usize): void {
  if (!xsaveReady() || !locate(op, AREA_BYTES, 64, true) || !reachable(area, AREA_BYTES, true) || !read(0, 32) || !read(HEADER, 16)) return;
  const features = requested();
  if (features & XSTATE_X87) {
    composeX87(wideForm(op));
    // composeX87 leaves bytes 24 to 31 as they were read.
    if (!write(REGISTERS, 128)) return;
  }
  if (features & XSTATE_SSE) {
    composeMxcsr();
    composeXmm();
    if (!write(XMM_AT, xmmBytes())) return;
  }
  if (features != 0 && !write(0, 32)) return;
  store<u64>(IMAGE + HEADER, load<u64>(IMAGE + HEADER) | features);
  write(HEADER, 16);
}

export function xsaveopt(op: usize): void { xsave(op); }

/** The header in the standard form: no compaction, no features that are not enabled (13.8). */
function validHeader(): bool {
  const at = IMAGE + HEADER;
  return (load<u64>(at) & ~load<u64>(XCR0)) == 0 && load<u64>(at, 8) == 0 && load<u64>(at, 16) == 0;
}

/** A component that is requested but not in the area gets its initial configuration. MXCSR is loaded in any case. */
export function xrstor(op: usize): void {
  if (!xsaveReady() || !locate(op, AREA_BYTES, 64, false) || !reachable(area, AREA_BYTES, false)) return;
  if (!read(0, XMM_AT + xmmBytes()) || !read(HEADER, 32)) return;
  if (!validHeader()) return protectionFault();
  const features = requested();
  const present = load<u64>(IMAGE + HEADER);
  if (features & XSTATE_SSE) {
    if (load<u32>(IMAGE + MXCSR_AT) & ~MXCSR_DEFINED) return protectionFault();
    store<u32>(MXCSR, load<u32>(IMAGE + MXCSR_AT));
    if (present & XSTATE_SSE) takeXmm();
    else memory.fill(XMM, 0, xmmBytes());
  }
  if (features & XSTATE_X87) {
    if ((present & XSTATE_X87) == 0) initializeX87();
    else takeX87(wideForm(op));
  }
}

/** 13.6: unlike FNINIT this clears the registers too. */
function initializeX87(): void {
  initialize();
  for (let i: u32 = 0; i < 8; i++) v128.store(slotOf(i), i64x2(0, 0));
}

export function xgetbv(op: usize): void {
  if ((load<u32>(CR4) & CR4_OSXSAVE) == 0) return undefinedOpcode();
  if (load<u32>(RCX) != 0) return protectionFault();
  store<u64>(RAX, load<u32>(XCR0));
  store<u64>(RDX, load<u32>(XCR0, 4));
}

export function xsetbv(op: usize): void {
  if ((load<u32>(CR4) & CR4_OSXSAVE) == 0) return undefinedOpcode();
  if (!privileged()) return;
  if (inNonRoot()) return exitForInstruction(op, reason.XSETBV);
  const value = load<u32>(RAX) | (<u64>load<u32>(RDX) << 32);
  if (load<u32>(RCX) != 0 || (value & XSTATE_X87) == 0 || (value & ~XSTATE_SUPPORTED) != 0) return protectionFault();
  store<u64>(XCR0, value);
}

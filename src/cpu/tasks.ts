/**
 * Hardware task switching (SDM Vol. 3, chapter 8): to 16- and 32-bit tasks, by JMP, CALL, IRET and task gates. All that
 * can fault in the old task is done before anything changes; what faults later faults in the new one (8.3).
 */
import {
  CR0, CR3, CR4, CS, DR7, DS, ES, FS, GDTR_BASE, GPR, GS, LDTR, MSR_EFER, RIP, SEGMENT_LIMIT, SS, TR,
} from '../spec/cpu-state';
import { CR0_PG, CR0_TS, DR6_BT, FLAG_FIXED, FLAG_NT, FLAG_VM } from '../spec/control-bits';
import { TASK_SWITCH } from '../spec/exit-reasons';
import { GENERAL_PROTECTION, INVALID_TSS, SEGMENT_NOT_PRESENT, STACK_FAULT } from '../spec/vectors';
import { jumpTo } from './context';
import { deferDebug } from './debug';
import { refreshAttention } from './events';
import { faultPending, NONE, raise, raiseExit } from './fault';
import { setFlags } from './flags';
import { canWriteSystem, readSystem, writeSystem } from './memory';
import {
  inNonRoot, RIGHTS_CODE, RIGHTS_CODE_OR_DATA, RIGHTS_CONFORMING, RIGHTS_PRESENT, RIGHTS_READ_WRITE, RIGHTS_TYPE,
  RIGHTS_UNUSABLE, segment, setLevel,
} from './mode';
import { writeRegister } from './operands';
import { loadPdptes, usesPdptes } from './paging';
import {
  descriptorBase, descriptorLimit, descriptorRights, installDescriptor, loadVirtual8086, markAccessed, privilegeOf,
  readDescriptor, segmentBase, segmentRights, segmentSelector, SELECTOR_INDEX, setDescriptorType, writeSegment,
} from './segments';
import { beginStack, commitStack, push, roomOnStack } from './stack';
import { flushTlbNonGlobal } from './tlb-contexts';
import { raiseVirtualInterrupt } from './system/virtual-interrupts';
import { setInstructionLength } from './vmx/exit-details';

/** Who switches; numbered as in the exit qualification (table 28-2). */
export const TASK_BY_CALL: u32 = 0;
export const TASK_BY_IRET: u32 = 1;
export const TASK_BY_JUMP: u32 = 2;
export const TASK_BY_INTERRUPT: u32 = 3;

const TYPE_BUSY: u32 = 2;
const TYPE_32: u32 = 8;
/** Flags that a TSS holds. */
const TASK_FLAGS: u64 = 0x3f_7fd5;
/** L0–L3 and LE. */
const LOCAL_BREAKPOINTS: u64 = 0x155;

/** Offsets in a 32-bit TSS and in a 16-bit one, whose items are two bytes (8.2.1, 8.6). */
const CR3_32: u64 = 28;
const RIP_32: u64 = 32;
const RIP_16: u64 = 14;
const GENERAL_32: u64 = 40;
const GENERAL_16: u64 = 18;
const SEGMENTS_32: u64 = 72;
const SEGMENTS_16: u64 = 34;
const LDT_32: u64 = 96;
const LDT_16: u64 = 42;
const TRAP_32: u64 = 100;

/** The new task as its TSS describes it: EIP, EFLAGS, 8 registers, 6 selectors, LDT, CR3, T: u32 each. */
const IMAGE: usize = memory.data(72, 8);
const IMAGE_FLAGS: usize = IMAGE + 4;
const IMAGE_GENERAL: usize = IMAGE + 8;
const IMAGE_SEGMENTS: usize = IMAGE + 40;
const IMAGE_LDT: usize = IMAGE + 64;
let imageCr3: u64 = 0;
let imageTrap: bool = false;

let newSelector: u32 = 0;
let newBase: u64 = 0;
let newLimit: u32 = 0;
let newRights: u32 = 0;
let wide: bool = false;
/** Bit 0 of error codes. */
let external: u32 = 0;

/**
 * `errorCode` of an event, -1: none. `returnRip`, `flags`: what the old task goes on with. The selector is one of a TSS
 * that the caller's privilege allows.
 */
export function switchTask(selector: u32, how: u32, errorCode: i64, returnRip: u64, flags: u64, ext: u32): void {
  external = ext;
  if (!findTss(selector, how)) return;
  if (inNonRoot()) {
    setInstructionLength(<u32>(returnRip - load<u64>(RIP)));
    return raiseExit(TASK_SWITCH, <u64>selector | (<u64>how << 30));
  }
  if (!oldIsWritable() || !readImage()) return;
  if (nests(how) && !canWriteSystem(newBase, 2)) return;
  leaveOldTask(how, returnRip, how == TASK_BY_IRET ? flags & ~<u64>FLAG_NT : flags);
  if (faultPending == NONE) enterNewTask(how);
  if (faultPending != NONE || errorCode < 0) return;
  beginStack(external);
  const size: u32 = wide ? 4 : 2;
  if (!roomOnStack(1, size)) return;
  push(size, <u64>errorCode);
  if (faultPending == NONE) commitStack();
}

@inline
function nests(how: u32): bool { return how == TASK_BY_CALL || how == TASK_BY_INTERRUPT; }

function selectorFault(vector: u32, selector: u32): bool {
  raise(vector, (selector & SELECTOR_INDEX) | external);
  return false;
}

/** IRET wants a busy TSS, everything else an available one. */
function findTss(selector: u32, how: u32): bool {
  const returning = how == TASK_BY_IRET;
  const vector: u32 = returning ? INVALID_TSS : GENERAL_PROTECTION;
  if (selector & 4) return selectorFault(vector, selector);
  if (!readDescriptor(selector, vector, external)) return false;
  const rights = descriptorRights();
  const type = rights & (RIGHTS_TYPE | RIGHTS_CODE_OR_DATA) & ~TYPE_32;
  if (type != (returning ? 1 | TYPE_BUSY : 1)) return selectorFault(vector, selector);
  if ((rights & RIGHTS_PRESENT) == 0) return selectorFault(SEGMENT_NOT_PRESENT, selector);
  newSelector = selector;
  newBase = descriptorBase();
  newLimit = descriptorLimit();
  newRights = rights | TYPE_BUSY;
  wide = (rights & TYPE_32) != 0;
  return newLimit >= <u32>(wide ? 0x67 : 0x2b) || selectorFault(INVALID_TSS, selector);
}

@inline
function oldIsWide(): bool { return (segmentRights(TR) & TYPE_32) != 0; }

/** The part of the old TSS that is written. */
function oldIsWritable(): bool {
  const first = oldIsWide() ? RIP_32 : RIP_16;
  const last = oldIsWide() ? SEGMENTS_32 + 22 : SEGMENTS_16 + 6;
  if (last + 1 > load<u32>(segment(TR), SEGMENT_LIMIT)) return selectorFault(INVALID_TSS, segmentSelector(TR));
  return canWriteSystem(segmentBase(TR) + first, 2) && canWriteSystem(segmentBase(TR) + last, 2);
}

function readItem(at: usize, offset: u64, size: u32): bool {
  store<u32>(at, <u32>readSystem(newBase + offset, size));
  return faultPending == NONE;
}

function readImage(): bool {
  const size: u32 = wide ? 4 : 2;
  const rip = wide ? RIP_32 : RIP_16;
  if (!readItem(IMAGE, rip, size) || !readItem(IMAGE_FLAGS, rip + size, size)) return false;
  for (let i: u32 = 0; i < 8; i++) {
    if (!readItem(IMAGE_GENERAL + (i << 2), (wide ? GENERAL_32 : GENERAL_16) + i * size, size)) return false;
  }
  for (let i: u32 = 0; i < 6; i++) {
    if (!wide && i >= <u32>FS) store<u32>(IMAGE_SEGMENTS + (i << 2), 0);
    else if (!readItem(IMAGE_SEGMENTS + (i << 2), (wide ? SEGMENTS_32 : SEGMENTS_16) + i * size, 2)) return false;
  }
  if (!readItem(IMAGE_LDT, wide ? LDT_32 : LDT_16, 2)) return false;
  imageCr3 = wide ? readSystem(newBase + CR3_32, 4) : 0;
  imageTrap = wide && (readSystem(newBase + TRAP_32, 2) & 1) != 0;
  return faultPending == NONE;
}

/** Busy flags, the link, and the state into the old TSS. */
function leaveOldTask(how: u32, rip: u64, flags: u64): void {
  const outgoing = segmentSelector(TR);
  if (how != TASK_BY_IRET) setDescriptorType(newRights & 0xff);
  if (faultPending != NONE) return;
  if (!nests(how)) {
    const typeAt = load<u64>(GDTR_BASE) + (outgoing & 0xfff8) + 5;
    const type = readSystem(typeAt, 1);
    if (faultPending == NONE) writeSystem(typeAt, 1, type & ~<u64>TYPE_BUSY);
    if (faultPending != NONE) return;
  }
  saveState(rip, flags);
  if (nests(how)) writeSystem(newBase, 2, outgoing);
}

function saveState(rip: u64, flags: u64): void {
  const size: u32 = oldIsWide() ? 4 : 2;
  const base = segmentBase(TR);
  const at = base + (oldIsWide() ? RIP_32 : RIP_16);
  writeSystem(at, size, rip);
  writeSystem(at + size, size, flags);
  const general = base + (oldIsWide() ? GENERAL_32 : GENERAL_16);
  for (let i: u32 = 0; i < 8; i++) writeSystem(general + i * size, size, load<u64>(GPR + (i << 3)));
  const segments = base + (oldIsWide() ? SEGMENTS_32 : SEGMENTS_16);
  for (let i: u32 = 0; i < <u32>(oldIsWide() ? 6 : 4); i++) writeSystem(segments + i * size, 2, segmentSelector(i));
}

function enterNewTask(how: u32): void {
  writeSegment(TR, newSelector, newBase, newLimit, newRights);
  store<u64>(CR0, load<u64>(CR0) | CR0_TS);
  store<u64>(DR7, load<u64>(DR7) & ~LOCAL_BREAKPOINTS);
  const addressSpace = loadAddressSpace();
  const flags = (<u64>load<u32>(IMAGE_FLAGS) & TASK_FLAGS) | FLAG_FIXED | (nests(how) ? FLAG_NT : 0);
  setFlags(flags);
  // A 16-bit task has no upper halves: they stay.
  for (let i: u32 = 0; i < 8; i++) writeRegister(GPR + (i << 3), wide ? 4 : 2, load<u32>(IMAGE_GENERAL + (i << 2)));
  for (let i: u32 = 0; i < 6; i++) writeSegment(i, load<u32>(IMAGE_SEGMENTS + (i << 2)), 0, 0, RIGHTS_UNUSABLE);
  writeSegment(LDTR, load<u32>(IMAGE_LDT), 0, 0, RIGHTS_UNUSABLE);
  jumpTo(load<u32>(IMAGE));
  if (addressSpace && loadLdt()) {
    if (flags & FLAG_VM) loadVirtualSegments();
    else loadSegments();
  }
  setLevel(flags & FLAG_VM ? 3 : load<u32>(IMAGE_SEGMENTS + 4 * CS) & 3);
  if (imageTrap) deferDebug(DR6_BT);
  refreshAttention();
  if (faultPending == NONE) raiseVirtualInterrupt();
}

/** CR3 is not changed while paging is off, nor by a 16-bit TSS. */
function loadAddressSpace(): bool {
  if (!wide || (load<u64>(CR0) & CR0_PG) == 0) return true;
  if (usesPdptes(load<u64>(CR0), load<u64>(CR4), load<u64>(MSR_EFER)) && !loadPdptes(imageCr3)) return selectorFault(INVALID_TSS, newSelector);
  store<u64>(CR3, imageCr3);
  flushTlbNonGlobal();
  return true;
}

function loadLdt(): bool {
  const selector = load<u32>(IMAGE_LDT);
  if ((selector & SELECTOR_INDEX) == 0) return true;
  if (selector & 4) return selectorFault(INVALID_TSS, selector);
  if (!readDescriptor(selector, INVALID_TSS, external)) return false;
  if ((descriptorRights() & (RIGHTS_TYPE | RIGHTS_CODE_OR_DATA | RIGHTS_PRESENT)) != (2 | RIGHTS_PRESENT)) return selectorFault(INVALID_TSS, selector);
  installDescriptor(LDTR, selector);
  return true;
}

function loadVirtualSegments(): void {
  for (let i: u32 = 0; i < 6; i++) loadVirtual8086(i, load<u32>(IMAGE_SEGMENTS + (i << 2)));
}

/** Table 8-1: any selector that may not be loaded is #TS in the new task. */
function loadSegments(): void {
  const cpl = load<u32>(IMAGE_SEGMENTS + 4 * CS) & 3;
  if (!loadCode() || !loadStack(cpl)) return;
  if (!loadData(ES, cpl) || !loadData(DS, cpl) || !loadData(FS, cpl) || !loadData(GS, cpl)) return;
  if (load<u32>(IMAGE) > load<u32>(segment(CS), SEGMENT_LIMIT)) raise(GENERAL_PROTECTION, external);
}

/** The descriptor of a segment that must not be null. */
function readSegment(selector: u32): bool {
  if ((selector & SELECTOR_INDEX) == 0) return selectorFault(INVALID_TSS, selector);
  return readDescriptor(selector, INVALID_TSS, external);
}

function install(index: u32, selector: u32, absent: u32): bool {
  if ((descriptorRights() & RIGHTS_PRESENT) == 0) return selectorFault(absent, selector);
  if (!markAccessed()) return false;
  installDescriptor(index, selector);
  return true;
}

function loadCode(): bool {
  const selector = load<u32>(IMAGE_SEGMENTS + 4 * CS);
  if (!readSegment(selector)) return false;
  const rights = descriptorRights();
  const code: u32 = RIGHTS_CODE_OR_DATA | RIGHTS_CODE;
  const level = privilegeOf(rights);
  const fits = rights & RIGHTS_CONFORMING ? level <= (selector & 3) : level == (selector & 3);
  if ((rights & code) != code || !fits) return selectorFault(INVALID_TSS, selector);
  return install(CS, selector, SEGMENT_NOT_PRESENT);
}

function loadStack(cpl: u32): bool {
  const selector = load<u32>(IMAGE_SEGMENTS + 4 * SS);
  if (!readSegment(selector)) return false;
  const rights = descriptorRights();
  const writable: u32 = RIGHTS_CODE_OR_DATA | RIGHTS_READ_WRITE;
  const fits = (rights & (writable | RIGHTS_CODE)) == writable && privilegeOf(rights) == cpl && (selector & 3) == cpl;
  return fits ? install(SS, selector, STACK_FAULT) : selectorFault(INVALID_TSS, selector);
}

function loadData(index: u32, cpl: u32): bool {
  const selector = load<u32>(IMAGE_SEGMENTS + 4 * index);
  if ((selector & SELECTOR_INDEX) == 0) return true;
  if (!readSegment(selector)) return false;
  const rights = descriptorRights();
  const code = (rights & RIGHTS_CODE) != 0;
  const readable = (rights & RIGHTS_CODE_OR_DATA) != 0 && (!code || (rights & RIGHTS_READ_WRITE) != 0);
  const open = code && (rights & RIGHTS_CONFORMING) != 0;
  if (!readable || (!open && privilegeOf(rights) < max(cpl, selector & 3))) return selectorFault(INVALID_TSS, selector);
  return install(index, selector, SEGMENT_NOT_PRESENT);
}

/**
 * LGDT, LIDT, LLDT, LTR and their stores; VERR, VERW, LAR, LSL.
 */
import { CR4, GDTR_BASE, GDTR_LIMIT, IDTR_BASE, IDTR_LIMIT, LDTR, TR } from '../../spec/cpu-state';
import { CR4_UMIP, FLAG_ZF } from '../../spec/control-bits';
import { GDTR_IDTR_ACCESS, LDTR_TR_ACCESS } from '../../spec/exit-reasons';
import { GENERAL_PROTECTION, SEGMENT_NOT_PRESENT } from '../../spec/vectors';
import { SECONDARY_DESCRIPTOR_TABLE_EXITING } from '../../spec/vmx-controls';
import { clearFault, faultPending, faultVector, EXCEPTION, NONE } from '../fault';
import { getFlags, setFlags } from '../flags';
import { addressToWrite, canonical, readMemory, stackAccess, writeMemory } from '../memory';
import {
  currentLevel, in64BitMode, inLongMode, inNonRoot, inProtectedMode, RIGHTS_CODE, RIGHTS_CODE_OR_DATA, RIGHTS_CONFORMING,
  RIGHTS_PRESENT, RIGHTS_READ_WRITE, RIGHTS_TYPE, RIGHTS_UNUSABLE,
} from '../mode';
import { opSegment, opSize } from '../op';
import { effectiveOffset, linearAddress, readOperand, writeOperand, writeRegister } from '../operands';
import {
  descriptor, descriptorBase, descriptorLimit, descriptorRights, descriptorUpper, privilegeOf, readDescriptor,
  readUpperDescriptor, SELECTOR_INDEX, segmentSelector, selectorFault, setDescriptorType, writeSegment,
} from '../segments';
import { secondaryControls } from '../vmx/controls';
import { displacement, operandInformation, tableInformation } from '../vmx/operand-information';
import { exitForInstruction, privileged, protectionFault, regSlot, rmIsMemory, undefinedOpcode } from './common';

@inline
function tablesIntercepted(): bool { return inNonRoot() && (secondaryControls & SECONDARY_DESCRIPTOR_TABLE_EXITING) != 0; }

/** UMIP keeps the stores to ring 0. */
function storesAllowed(): bool { return (load<u64>(CR4) & CR4_UMIP) == 0 || privileged(); }

/** Exit instruction information numbers SGDT 0, SIDT 1, LGDT 2, LIDT 3; SLDT 0, STR 1, LLDT 2, LTR 3. */
function exitForTable(op: usize, identity: u32): void {
  exitForInstruction(op, GDTR_IDTR_ACCESS, displacement(op), tableInformation(op, identity));
}

function exitForTask(op: usize, identity: u32): void {
  exitForInstruction(op, LDTR_TR_ACCESS, displacement(op), operandInformation(op, identity));
}

export function lgdt(op: usize): void { loadTable(op, GDTR_BASE, GDTR_LIMIT, 2); }
export function lidt(op: usize): void { loadTable(op, IDTR_BASE, IDTR_LIMIT, 3); }
export function sgdt(op: usize): void { storeTable(op, GDTR_BASE, GDTR_LIMIT, 0); }
export function sidt(op: usize): void { storeTable(op, IDTR_BASE, IDTR_LIMIT, 1); }

function loadTable(op: usize, base: usize, limit: usize, identity: u32): void {
  if (!rmIsMemory(op)) return undefinedOpcode();
  if (!privileged()) return;
  if (tablesIntercepted()) return exitForTable(op, identity);
  const wide = in64BitMode();
  const at = linearAddress(opSegment(op), effectiveOffset(op), wide ? 10 : 6, false);
  if (faultPending != NONE) return;
  const newLimit = <u32>readMemory(at, 2);
  if (faultPending != NONE) return;
  let newBase = readMemory(at + 2, wide ? 8 : 4);
  if (faultPending != NONE) return;
  if (wide && !canonical(newBase)) return protectionFault();
  if (!wide && opSize(op) == 2) newBase &= 0xff_ffff;
  store<u64>(base, newBase);
  store<u32>(limit, newLimit);
}

function storeTable(op: usize, base: usize, limit: usize, identity: u32): void {
  if (!rmIsMemory(op)) return undefinedOpcode();
  if (!storesAllowed()) return;
  if (tablesIntercepted()) return exitForTable(op, identity);
  const wide = in64BitMode();
  const at = linearAddress(opSegment(op), effectiveOffset(op), wide ? 10 : 6, true);
  if (faultPending != NONE || addressToWrite(at, 2, stackAccess(currentLevel())) == 0) return;
  writeMemory(at + 2, wide ? 8 : 4, load<u64>(base));
  if (faultPending == NONE) writeMemory(at, 2, load<u32>(limit));
}

function protectedOnly(): bool {
  if (inProtectedMode()) return true;
  undefinedOpcode();
  return false;
}

export function sldt(op: usize): void { storeSelector(op, LDTR, 0); }
export function str(op: usize): void { storeSelector(op, TR, 1); }

function storeSelector(op: usize, index: u32, identity: u32): void {
  if (!protectedOnly() || !storesAllowed()) return;
  if (tablesIntercepted()) return exitForTask(op, identity);
  writeOperand(op, rmIsMemory(op) ? 2 : opSize(op), segmentSelector(index));
}

const TYPE_LDT: u32 = 2;
const TYPE_TSS_16: u32 = 1;
const TYPE_TSS: u32 = 9;
const BUSY: u32 = 2;

export function lldt(op: usize): void {
  if (!protectedOnly() || !privileged()) return;
  if (tablesIntercepted()) return exitForTask(op, 2);
  const selector = <u32>readOperand(op, 2);
  if (faultPending == NONE) loadLdt(selector);
}

/** False with a fault pending. */
export function loadLdt(selector: u32): bool {
  if ((selector & SELECTOR_INDEX) == 0) {
    writeSegment(LDTR, selector, 0, 0, RIGHTS_UNUSABLE);
    return true;
  }
  if (!readSystemDescriptor(selector, TYPE_LDT, TYPE_LDT)) return false;
  installSystem(LDTR, selector);
  return true;
}

/** Marks the TSS busy in memory and in TR. */
export function ltr(op: usize): void {
  if (!protectedOnly() || !privileged()) return;
  if (tablesIntercepted()) return exitForTask(op, 3);
  const selector = <u32>readOperand(op, 2);
  if (faultPending != NONE) return;
  if ((selector & SELECTOR_INDEX) == 0) return protectionFault();
  if (!readSystemDescriptor(selector, TYPE_TSS, inLongMode() ? TYPE_TSS : TYPE_TSS_16)) return;
  setDescriptorType((descriptorRights() & 0xff) | BUSY);
  if (faultPending == NONE) installSystem(TR, selector);
}

/** A GDT descriptor of one of two system types, present; its upper half too in IA-32e mode. */
function readSystemDescriptor(selector: u32, type: u32, orType: u32): bool {
  if (selector & 4) return selectorFault(GENERAL_PROTECTION, selector);
  if (!readDescriptor(selector, GENERAL_PROTECTION, 0)) return false;
  const found = descriptorRights() & (RIGHTS_TYPE | RIGHTS_CODE_OR_DATA);
  if (found != type && found != orType) return selectorFault(GENERAL_PROTECTION, selector);
  if ((descriptorRights() & RIGHTS_PRESENT) == 0) return selectorFault(SEGMENT_NOT_PRESENT, selector);
  if (!inLongMode()) return true;
  if (!readUpperDescriptor(selector, GENERAL_PROTECTION, 0)) return false;
  return canonical(systemBase()) || selectorFault(GENERAL_PROTECTION, selector);
}

@inline
function systemBase(): u64 { return descriptorBase() | (descriptorUpper << 32); }

function installSystem(index: u32, selector: u32): void {
  writeSegment(index, selector, systemBase(), descriptorLimit(), descriptorRights());
}

function setZero(zero: bool): void {
  setFlags(zero ? getFlags() | FLAG_ZF : getFlags() & ~<u64>FLAG_ZF);
}

/**
 * The selector's descriptor for VERR, VERW, LAR and LSL: false where it is null or outside its table, or with a fault
 * of the memory access pending.
 */
function readForInspection(op: usize): bool {
  const selector = <u32>readOperand(op, 2);
  if (faultPending != NONE || (selector & SELECTOR_INDEX) == 0) return false;
  inspected = selector;
  if (readDescriptor(selector, GENERAL_PROTECTION, 0)) return true;
  if (faultPending == EXCEPTION && faultVector == GENERAL_PROTECTION) clearFault();
  return false;
}

let inspected: u32 = 0;

/** DPL against CPL and RPL; conforming code is open to all. */
function reachable(): bool {
  const rights = descriptorRights();
  const conforming: u32 = RIGHTS_CODE_OR_DATA | RIGHTS_CODE | RIGHTS_CONFORMING;
  return (rights & conforming) == conforming || privilegeOf(rights) >= max(currentLevel(), inspected & 3);
}

export function verr(op: usize): void {
  if (!protectedOnly()) return;
  const found = readForInspection(op);
  if (faultPending != NONE) return;
  const rights = descriptorRights();
  const readable = (rights & RIGHTS_CODE) == 0 || (rights & RIGHTS_READ_WRITE) != 0;
  setZero(found && (rights & RIGHTS_CODE_OR_DATA) != 0 && readable && reachable());
}

export function verw(op: usize): void {
  if (!protectedOnly()) return;
  const found = readForInspection(op);
  if (faultPending != NONE) return;
  const writable = (descriptorRights() & (RIGHTS_CODE_OR_DATA | RIGHTS_CODE | RIGHTS_READ_WRITE)) == (RIGHTS_CODE_OR_DATA | RIGHTS_READ_WRITE);
  setZero(found && writable && reachable());
}

/** System types that LAR and LSL accept (SDM Vol. 2). */
function systemTypeValid(allowed: u32): bool {
  const rights = descriptorRights();
  return (rights & RIGHTS_CODE_OR_DATA) != 0 || (allowed & (1 << (rights & RIGHTS_TYPE))) != 0;
}

export function lar(op: usize): void {
  if (!protectedOnly()) return;
  const found = readForInspection(op);
  if (faultPending != NONE) return;
  const valid = found && systemTypeValid(inLongMode() ? 0x1a04 : 0x1a3e) && reachable();
  setZero(valid);
  if (valid) writeRegister(regSlot(op), opSize(op), (descriptor >> 32) & (opSize(op) == 2 ? 0xff00 : 0xf0_ff00));
}

export function lsl(op: usize): void {
  if (!protectedOnly()) return;
  const found = readForInspection(op);
  if (faultPending != NONE) return;
  const valid = found && systemTypeValid(inLongMode() ? 0x0a04 : 0x0a0e) && reachable();
  setZero(valid);
  if (valid) writeRegister(regSlot(op), opSize(op), descriptorLimit());
}

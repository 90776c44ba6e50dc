/**
 * IN, OUT, INS, OUTS (SDM Vol. 1, chapter 19; in a guest Vol. 3, 25.6.4 and table 28-5).
 */
import { COST_PORT, CR0, SEGMENT_LIMIT, TR, DS, ES } from '../../spec/cpu-state';
import { CR0_PE, FLAG_DF, FLAG_IOPL, FLAG_VM } from '../../spec/control-bits';
import { IO_INSTRUCTION } from '../../spec/exit-reasons';
import { PORT_READ, PORT_WRITE } from '../../spec/trace-records';
import { portRead, portWrite } from '../board';
import { repeatLater } from '../context';
import { deferDebug, portConditions, portsWatched } from '../debug';
import { attention, boardWasCalled } from '../events';
import { faultPending, NONE } from '../fault';
import { getFlags } from '../flags';
import { BOUNCE, addressToRead, addressToWrite, commitWrite, readSystem, stackAccess } from '../memory';
import { currentLevel, inNonRoot, segment, RIGHTS_PRESENT } from '../mode';
import { opAddressSize, opDst, opImm, opPrefixes, opSegment, opSize, opSrc, PREFIX_REP, PREFIX_REPNE } from '../op';
import { linearAddress, linearWithoutChecks, readRegister, writeRegister } from '../operands';
import { segmentBase, segmentRights } from '../segments';
import { traceRecord } from '../trace';
import { interceptsPort } from '../vmx/controls';
import { setOperandLinear } from '../vmx/exit-details';
import { exitForInstruction, protectionFault, register, spend } from './common';

const RAX: usize = register(0);
const RCX: usize = register(1);
const RDX: usize = register(2);
const RSI: usize = register(6);
const RDI: usize = register(7);

/** Exit qualification (table 28-5). */
const QUALIFICATION_IN: u64 = 1 << 3;
const QUALIFICATION_STRING: u64 = 1 << 4;
const QUALIFICATION_REP: u64 = 1 << 5;
const QUALIFICATION_IMMEDIATE: u64 = 1 << 6;

/** Elements of one REP INS or OUTS between two instruction boundaries at most. */
const MOST_ELEMENTS: u32 = 1024;

/** Bytes transferred; there are no 64-bit ports. */
@inline
function width(op: usize): u32 { return min<u32>(opSize(op), 4); }

/** The port is DX, or an immediate byte. */
@inline
function portIsDx(op: usize): bool { return opSrc(op) == RDX || opDst(op) == RDX; }

@inline
function port(op: usize): u32 { return portIsDx(op) ? load<u16>(RDX) : <u32>opImm(op) & 0xff; }

/** Above IOPL the bitmap in the TSS decides, for every byte (Vol. 1, 19.5.2). */
function permitted(first: u32, size: u32): bool {
  const flags = getFlags();
  if ((load<u64>(CR0) & CR0_PE) == 0) return true;
  if (currentLevel() <= (<u32>(flags & FLAG_IOPL) >> 12) && (flags & FLAG_VM) == 0) return true;
  const limit = load<u32>(segment(TR), SEGMENT_LIMIT);
  const usable = (segmentRights(TR) & (RIGHTS_PRESENT | 9)) == (RIGHTS_PRESENT | 9) && limit >= 103;
  if (!usable) return refuse();
  const map = <u32>readSystem(segmentBase(TR) + 102, 2);
  if (faultPending != NONE) return false;
  if (map + (first >> 3) + 1 > limit) return refuse();
  const bits = <u32>readSystem(segmentBase(TR) + map + (first >> 3), 2);
  if (faultPending != NONE) return false;
  return ((bits >> (first & 7)) & ((1 << size) - 1)) == 0 || refuse();
}

function refuse(): bool {
  protectionFault();
  return false;
}

function qualification(op: usize, number: u32, extra: u64): u64 {
  return <u64>(width(op) - 1) | (portIsDx(op) ? 0 : QUALIFICATION_IMMEDIATE) | (<u64>number << 16) | extra;
}

export function in_(op: usize): void {
  const number = port(op);
  const size = width(op);
  if (!permitted(number, size)) return;
  if (inNonRoot() && interceptsPort(number, size)) return exitForInstruction(op, IO_INSTRUCTION, qualification(op, number, QUALIFICATION_IN));
  writeRegister(RAX, size, readPort(number, size));
}

export function out(op: usize): void {
  const number = port(op);
  const size = width(op);
  if (!permitted(number, size)) return;
  if (inNonRoot() && interceptsPort(number, size)) return exitForInstruction(op, IO_INSTRUCTION, qualification(op, number, 0));
  writePort(number, size, <u32>readRegister(RAX, size));
}

function readPort(number: u32, size: u32): u32 {
  spend(COST_PORT);
  if (portsWatched) deferDebug(portConditions(number, size));
  const value = portRead(number, size);
  traceRecord(PORT_READ, number, value, 0, size);
  boardWasCalled();
  return value;
}

function writePort(number: u32, size: u32, value: u32): void {
  spend(COST_PORT);
  if (portsWatched) deferDebug(portConditions(number, size));
  traceRecord(PORT_WRITE, number, value, 0, size);
  portWrite(number, size, value);
  boardWasCalled();
}

@inline
function addressMask(op: usize): u64 {
  return opAddressSize(op) == 8 ? u64.MAX_VALUE : opAddressSize(op) == 4 ? 0xffff_ffff : 0xffff;
}

/** Sets the address-size part of a register; 32 bits are zero-extended. */
function writeIndex(slot: usize, op: usize, value: u64): void { writeRegister(slot, opAddressSize(op), value & addressMask(op)); }

function offsetOf(op: usize, input: bool): u64 { return load<u64>(input ? RDI : RSI) & addressMask(op); }

export function ins(op: usize): void { transferString(op, true); }
export function outs(op: usize): void { transferString(op, false); }

/** Each element is complete before the next: a fault or an interrupt leaves the registers at the element to come. */
function transferString(op: usize, input: bool): void {
  const number: u32 = load<u16>(RDX);
  const size = width(op);
  if (!permitted(number, size)) return;
  const repeated = (opPrefixes(op) & (PREFIX_REP | PREFIX_REPNE)) != 0;
  if (inNonRoot() && interceptsPort(number, size)) return exitForString(op, input, repeated, number);
  for (let done: u32 = 0; ; done++) {
    if (repeated && (load<u64>(RCX) & addressMask(op)) == 0) return;
    if (done > 0 && (attention || done == MOST_ELEMENTS)) return repeatLater();
    if (!(input ? inputElement(op, number, size) : outputElement(op, number, size))) return;
    advance(op, input ? RDI : RSI, size);
    if (!repeated) return;
    writeIndex(RCX, op, load<u64>(RCX) - 1);
  }
}

function advance(op: usize, slot: usize, size: u32): void {
  const step: u64 = getFlags() & FLAG_DF ? -(<u64>size) : size;
  writeIndex(slot, op, load<u64>(slot) + step);
}

function inputElement(op: usize, number: u32, size: u32): bool {
  const va = linearAddress(ES, offsetOf(op, true), size, true);
  const host = faultPending == NONE ? addressToWrite(va, size, stackAccess(currentLevel())) : 0;
  if (host == 0) return false;
  const value = readPort(number, size);
  if (size == 4) store<u32>(host, value);
  else if (size == 2) store<u16>(host, <u16>value);
  else store<u8>(host, <u8>value);
  if (host == BOUNCE) commitWrite();
  return true;
}

function outputElement(op: usize, number: u32, size: u32): bool {
  const va = linearAddress(opSegment(op), offsetOf(op, false), size, false);
  const host = faultPending == NONE ? addressToRead(va, size, stackAccess(currentLevel())) : 0;
  if (host == 0) return false;
  writePort(number, size, size == 4 ? load<u32>(host) : size == 2 ? <u32>load<u16>(host) : <u32>load<u8>(host));
  return true;
}

/** Instruction information: address size in bits 9:7, segment of OUTS in bits 17:15 (table 28-9). */
function exitForString(op: usize, input: bool, repeated: bool, number: u32): void {
  const chosen: u32 = input ? ES : opSegment(op) == 0xff ? DS : opSegment(op);
  const sizeCode: u32 = opAddressSize(op) == 8 ? 2 : opAddressSize(op) == 4 ? 1 : 0;
  setOperandLinear(linearWithoutChecks(chosen, offsetOf(op, input)));
  const extra = QUALIFICATION_STRING | (input ? QUALIFICATION_IN : 0) | (repeated ? QUALIFICATION_REP : 0);
  const base = <u64>(width(op) - 1) | (<u64>number << 16) | extra;
  exitForInstruction(op, IO_INSTRUCTION, base, (sizeCode << 7) | (chosen << 15));
}

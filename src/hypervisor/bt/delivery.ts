import { FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from "../../spec/control-bits.js";
import {
  BREAKPOINT,
  DEBUG,
  DOUBLE_FAULT,
  INVALID_TSS,
  OVERFLOW,
  PAGE_FAULT,
  SEGMENT_NOT_PRESENT,
  STACK_FAULT,
} from "../../spec/vectors.js";
import type { BtCpu } from "./virtual-cpu.js";
import * as D from "./descriptors.js";
import { nullSegment } from "./descriptors.js";
import type { Event } from "./event.js";
import { generalProtection, type Fault } from "./fault.js";
import { canonical, SUPERVISOR, USER } from "./guest-linear.js";
import type { Segment } from "./processor-state.js";

const GATE_INTERRUPT = 14;
const GATE_TRAP = 15;
const TSS64_RSP0 = 4;
const TSS64_IST1 = 36;
const TSS32_ESP0 = 4;
const TSS32_SS0 = 8;

interface Gate {
  selector: number;
  offset: bigint;
  type: number;
  stack: number;
}

/**
 * Delivers an event through the guest's own IDT, as its processor would (SDM 6.12, 6.14): the frame goes onto the guest's stack,
 * with the ring that the guest believes to be in. An exception on the way makes a double fault of some (6.15).
 * @returns false when the guest's processor shuts down
 */
export function deliver(cpu: BtCpu, event: Event): boolean {
  for (let current = event; ;) {
    if (current.linear !== undefined) cpu.setCr2(current.linear);
    const fault = attemptDelivery(cpu, current);
    if (fault === null) return true;
    if (current.vector === DOUBLE_FAULT) return false;
    current = isDouble(current, fault) ? DOUBLE : { ...fault, kind: "exception" };
  }
}

const DOUBLE: Event = { vector: DOUBLE_FAULT, errorCode: 0, kind: "exception" };

const contributory = (vector: number): boolean => vector === 0 || (vector >= 10 && vector <= 13);

/** SDM table 6-5. */
function isDouble(first: Event, second: Fault): boolean {
  if (first.kind !== "exception") return false;
  if (contributory(first.vector)) return contributory(second.vector);
  return first.vector === PAGE_FAULT && (contributory(second.vector) || second.vector === PAGE_FAULT);
}

function attemptDelivery(cpu: BtCpu, event: Event): Fault | null {
  const external = event.kind === "software" ? 0 : 1;
  const gate = readGate(cpu, event, external);
  if (gate === undefined) return cpu.memory.takeFault();
  const code = handlerCode(cpu, gate, external);
  if (code === undefined) return cpu.memory.takeFault();
  return cpu.state.longMode
    ? deliverLong(cpu, event, gate, code, external)
    : deliverProtected(cpu, event, gate, code, external);
}

function fail(cpu: BtCpu, fault: Fault): undefined {
  cpu.memory.fault ??= fault;
  return undefined;
}

/** SDM 6.11, 6.14.1. */
function readGate(cpu: BtCpu, event: Event, external: number): Gate | undefined {
  const { idtr, longMode, cpl } = cpu.state;
  const bytes = longMode ? 16 : 8;
  const selector = (event.vector << 3) | 2 | external;
  const at = event.vector * bytes;
  if (at + bytes - 1 > idtr.limit) return fail(cpu, generalProtection(selector));
  const low = cpu.memory.read(idtr.base + BigInt(at), 8, SUPERVISOR);
  const high = bytes === 16 ? cpu.memory.read(idtr.base + BigInt(at + 8), 8, SUPERVISOR) : 0n;
  if (cpu.memory.fault !== null) return undefined;
  const type = Number((low >> 40n) & 0x1fn);
  if (type !== GATE_INTERRUPT && type !== GATE_TRAP) return fail(cpu, generalProtection(selector));
  if (event.kind === "software" && Number((low >> 45n) & 3n) < cpl)
    return fail(cpu, generalProtection(selector));
  if ((low & (1n << 47n)) === 0n) return fail(cpu, { vector: SEGMENT_NOT_PRESENT, errorCode: selector });
  return {
    selector: Number((low >> 16n) & 0xffffn),
    offset: (low & 0xffffn) | ((low >> 32n) & 0xffff_0000n) | ((high & 0xffff_ffffn) << 32n),
    type,
    stack: longMode ? Number((low >> 32n) & 7n) : 0,
  };
}

function handlerCode(cpu: BtCpu, { selector }: Gate, external: number): D.GuestDescriptor | undefined {
  if ((selector & 0xfffc) === 0) return fail(cpu, generalProtection(external));
  const descriptor = cpu.descriptors.read(selector, (code) => generalProtection(code | external));
  if (descriptor === undefined) return undefined;
  const sized = !cpu.state.longMode || (D.isLong(descriptor) && !D.isBig(descriptor));
  if (!D.isCode(descriptor) || !sized || D.privilegeOf(descriptor) > cpu.state.cpl)
    return fail(cpu, generalProtection((selector & 0xfffc) | external));
  if (!D.isPresent(descriptor))
    return fail(cpu, { vector: SEGMENT_NOT_PRESENT, errorCode: (selector & 0xfffc) | external });
  return descriptor;
}

/** Faults return to the instruction with RF set, so that its breakpoints are not met again. */
function pushedFlags(cpu: BtCpu, event: Event): bigint {
  const trap = [DEBUG, BREAKPOINT, OVERFLOW].includes(event.vector);
  return event.kind === "exception" && !trap ? cpu.rflags | BigInt(FLAG_RF) : cpu.rflags;
}

function levelOf(cpu: BtCpu, code: D.GuestDescriptor): number {
  return D.isConforming(code) ? cpu.state.cpl : D.privilegeOf(code);
}

function deliverLong(
  cpu: BtCpu,
  event: Event,
  gate: Gate,
  code: D.GuestDescriptor,
  external: number,
): Fault | null {
  const level = levelOf(cpu, code);
  const inner = level < cpu.state.cpl;
  let stack = cpu.rsp;
  if (inner || gate.stack !== 0) {
    const field = gate.stack !== 0 ? TSS64_IST1 + 8 * (gate.stack - 1) : TSS64_RSP0 + 8 * level;
    if (field + 7 > cpu.state.tr.limit)
      return { vector: INVALID_TSS, errorCode: cpu.state.tr.selector & 0xfffc };
    stack = cpu.memory.read(cpu.state.tr.base + BigInt(field), 8, SUPERVISOR);
  }
  if (!canonical(gate.offset)) return generalProtection(external);
  if (!canonical(stack)) return { vector: STACK_FAULT, errorCode: external };
  const frame = [
    BigInt(cpu.state.ss.selector),
    cpu.rsp,
    pushedFlags(cpu, event),
    BigInt(cpu.state.cs.selector),
  ];
  frame.push(BigInt.asUintN(64, BigInt(event.returnTo ?? cpu.rip)));
  if (event.errorCode !== undefined) frame.push(BigInt(event.errorCode));
  const top = (stack & ~15n) - BigInt(8 * frame.length);
  writeFrame(cpu, top, frame, 8, level);
  const fault = cpu.memory.takeFault();
  if (fault !== null) return fault;
  const ss = inner ? nullSegment(level) : cpu.state.ss;
  enter(cpu, gate, D.segmentOf(code, (gate.selector & 0xfffc) | level), ss, top, level);
  return null;
}

function deliverProtected(
  cpu: BtCpu,
  event: Event,
  gate: Gate,
  code: D.GuestDescriptor,
  external: number,
): Fault | null {
  const level = levelOf(cpu, code);
  const inner = level < cpu.state.cpl;
  let ss: Segment | undefined = cpu.state.ss;
  let stack = cpu.rsp & 0xffff_ffffn;
  if (inner) {
    const { tr } = cpu.state;
    stack = cpu.memory.read(tr.base + BigInt(TSS32_ESP0 + 8 * level), 4, SUPERVISOR);
    const selector = Number(cpu.memory.read(tr.base + BigInt(TSS32_SS0 + 8 * level), 2, SUPERVISOR));
    ss = cpu.descriptors.stack(selector, level, (errorCode = 0) => ({
      vector: INVALID_TSS,
      errorCode: errorCode | external,
    }));
  }
  if (ss === undefined || cpu.memory.fault !== null) return cpu.memory.takeFault();
  if (gate.offset > BigInt(D.limitOf(code))) return generalProtection(external);
  const frame = inner ? [BigInt(cpu.state.ss.selector), cpu.rsp & 0xffff_ffffn] : [];
  frame.push(pushedFlags(cpu, event), BigInt(cpu.state.cs.selector), BigInt(event.returnTo ?? cpu.rip));
  if (event.errorCode !== undefined) frame.push(BigInt(event.errorCode));
  const top = BigInt.asUintN(32, stack - BigInt(4 * frame.length));
  writeFrame(cpu, ss.base + top, frame, 4, level);
  const fault = cpu.memory.takeFault();
  if (fault !== null) return fault;
  enter(cpu, gate, D.segmentOf(code, (gate.selector & 0xfffc) | level), ss, top, level);
  return null;
}

/** Pushed in order, so the last is at the lowest address. */
function writeFrame(cpu: BtCpu, top: bigint, frame: readonly bigint[], size: number, level: number): void {
  const access = level === 3 ? USER : SUPERVISOR;
  const last = frame.length - 1;
  // Nothing is written before all of it is known to be writable.
  if (cpu.memory.translate(top, access | 2) === undefined) return;
  if (cpu.memory.translate(top + BigInt(size * frame.length - 1), access | 2) === undefined) return;
  frame.forEach((value, i) => cpu.memory.write(top + BigInt(size * (last - i)), size, value, access));
}

function enter(cpu: BtCpu, gate: Gate, cs: Segment, ss: Segment, rsp: bigint, level: number): void {
  const cleared = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (gate.type === GATE_INTERRUPT ? FLAG_IF : 0);
  cpu.rflags &= ~BigInt(cleared);
  cpu.rsp = rsp;
  cpu.setCode(cs, ss, level);
  cpu.goTo(Number(BigInt.asIntN(64, gate.offset)));
}

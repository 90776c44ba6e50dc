/** Transfers that change the ring or the code segment, as the guest's processor would make them (SDM Vol. 2; Vol. 3, 5.8). */
import {
  EFER_SCE,
  FLAG_FIXED,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
} from "../../spec/control-bits.js";
import { SEGMENT_NOT_PRESENT } from "../../spec/vectors.js";
import type { BtCpu } from "./virtual-cpu.js";
import * as D from "./descriptors.js";
import { generalProtection, invalidOpcode, type Fault } from "./fault.js";
import { canonical, SUPERVISOR, USER } from "./guest-linear.js";
import type { Segment } from "./processor-state.js";

/** CF PF AF ZF SF TF DF OF NT RF AC ID. */
const RETURNABLE = 0x0025_4dd5;
const RCX = 1;
const RDX = 2;
const R11 = 11;
const CODE_LONG = 0xa09b;
const CODE_32 = 0xc09b;
const DATA = 0xc093;
const SYSRET_FLAGS = 0x3c_7fd7n;

/** A code segment of SYSCALL and its like, which read no descriptor. */
const flatCode = (selector: number, level: number, long: boolean): Segment => ({
  selector,
  base: 0n,
  limit: 0xffff_ffff,
  rights: (long ? CODE_LONG : CODE_32) | (level << 5),
});
const flatStack = (selector: number, level: number): Segment => ({
  selector,
  base: 0n,
  limit: 0xffff_ffff,
  rights: DATA | (level << 5),
});

function pop(cpu: BtCpu, index: number, size: number): bigint {
  const access = cpu.state.cpl === 3 ? USER : SUPERVISOR;
  return cpu.memory.read(cpu.stackLinear(BigInt(index * size)), size, access);
}

/** The guest's flags after IRET (SDM Vol. 2, IRET). */
function mergeFlags(cpu: BtCpu, flags: bigint, size: number): void {
  let changeable = RETURNABLE;
  if (cpu.state.cpl === 0) changeable |= FLAG_IF | FLAG_IOPL | FLAG_VIF | FLAG_VIP;
  if (size === 2) changeable &= 0xffff;
  cpu.rflags = (cpu.rflags & ~BigInt(changeable)) | (flags & BigInt(changeable)) | BigInt(FLAG_FIXED);
}

export function iret(cpu: BtCpu, size: number): Fault | null {
  const { state } = cpu;
  if ((cpu.rflags & BigInt(FLAG_NT)) !== 0n && state.longMode) return generalProtection();
  const rip = pop(cpu, 0, size);
  const selector = Number(pop(cpu, 1, size) & 0xffffn);
  const flags = pop(cpu, 2, size);
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  if ((flags & BigInt(FLAG_VM)) !== 0n && size === 4 && !state.longMode)
    return cpu.refuse("virtual-8086 mode");
  const level = selector & 3;
  const code = returnCode(cpu, selector);
  if (code === undefined) return cpu.memory.takeFault();
  const outer = level > state.cpl;
  let items = 3;
  let { ss } = state;
  let rsp = 0n;
  if (outer || state.bits === 64) {
    rsp = pop(cpu, 3, size);
    const stack = Number(pop(cpu, 4, size) & 0xffffn);
    const segment = cpu.memory.fault === null ? cpu.descriptors.stack(stack, level) : undefined;
    if (segment === undefined) return cpu.memory.takeFault();
    ss = segment;
    items = 5;
  }
  if (D.isLong(code) ? !canonical(rip) : rip > BigInt(D.limitOf(code))) return generalProtection();
  mergeFlags(cpu, flags, size);
  cpu.rsp = items === 5 ? rsp : cpu.stackPointer(BigInt(3 * size));
  arrive(cpu, D.segmentOf(code, selector), ss, level, rip);
  return null;
}

/** Code that IRET and a far RET may return to; undefined with a fault in the memory's. */
function returnCode(cpu: BtCpu, selector: number): D.GuestDescriptor | undefined {
  const { memory, state } = cpu;
  if ((selector & 0xfffc) === 0) memory.fault ??= generalProtection();
  const descriptor = memory.fault === null ? cpu.descriptors.read(selector) : undefined;
  if (descriptor === undefined) return undefined;
  const level = selector & 3;
  const fits = D.isConforming(descriptor)
    ? D.privilegeOf(descriptor) <= level
    : D.privilegeOf(descriptor) === level;
  if (!D.isCode(descriptor) || level < state.cpl || !fits)
    memory.fault ??= generalProtection(selector & 0xfffc);
  else if (!D.isPresent(descriptor))
    memory.fault ??= { vector: SEGMENT_NOT_PRESENT, errorCode: selector & 0xfffc };
  if (memory.fault !== null) return undefined;
  cpu.descriptors.markAccessed(descriptor);
  cpu.descriptors.copy(descriptor);
  return descriptor;
}

function arrive(cpu: BtCpu, cs: Segment, ss: Segment, level: number, rip: bigint): void {
  cpu.setCode(cs, ss, level);
  cpu.goTo(Number(cpu.state.bits === 64 ? BigInt.asIntN(64, rip) : rip & 0xffff_ffffn));
}

/** A far RET; `drop` bytes of parameters go from both stacks. */
export function farReturn(cpu: BtCpu, size: number, drop: number): Fault | null {
  const { state } = cpu;
  const rip = pop(cpu, 0, size);
  const selector = Number(pop(cpu, 1, size) & 0xffffn);
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  const code = returnCode(cpu, selector);
  if (code === undefined) return cpu.memory.takeFault();
  const level = selector & 3;
  const after = BigInt(2 * size + drop);
  if (D.isLong(code) && state.longMode ? !canonical(rip) : rip > BigInt(D.limitOf(code)))
    return generalProtection();
  if (level === state.cpl) {
    cpu.rsp = cpu.stackPointer(after);
    arrive(cpu, D.segmentOf(code, selector), state.ss, level, rip);
    return null;
  }
  const rsp = cpu.memory.read(cpu.stackLinear(after), size, SUPERVISOR);
  const stack = Number(cpu.memory.read(cpu.stackLinear(after + BigInt(size)), 2, SUPERVISOR));
  const ss = cpu.memory.fault === null ? cpu.descriptors.stack(stack, level) : undefined;
  if (ss === undefined) return cpu.memory.takeFault();
  cpu.rsp = rsp + BigInt(drop);
  arrive(cpu, D.segmentOf(code, selector), ss, level, rip);
  return null;
}

/** A far JMP or CALL to a code segment of the same ring; gates and tasks are refused. */
export function farTransfer(cpu: BtCpu, selector: number, offset: bigint, call: number): Fault | null {
  const { state, memory } = cpu;
  if ((selector & 0xfffc) === 0) return generalProtection();
  const descriptor = cpu.descriptors.read(selector);
  if (descriptor === undefined) return memory.takeFault();
  if (D.isSystem(descriptor)) return cpu.refuse("a far jump or call through a gate or to a task");
  const conforming = D.isConforming(descriptor);
  const dpl = D.privilegeOf(descriptor);
  const allowed = conforming ? dpl <= state.cpl : (selector & 3) <= state.cpl && dpl === state.cpl;
  if (!D.isCode(descriptor) || !allowed) return generalProtection(selector & 0xfffc);
  if (!D.isPresent(descriptor)) return { vector: SEGMENT_NOT_PRESENT, errorCode: selector & 0xfffc };
  const long = state.longMode && D.isLong(descriptor);
  if (long ? !canonical(offset) : offset > BigInt(D.limitOf(descriptor))) return generalProtection();
  if (call > 0) {
    memory.write(cpu.stackLinear(-BigInt(call)), call, BigInt(state.cs.selector), SUPERVISOR);
    memory.write(cpu.stackLinear(-BigInt(2 * call)), call, BigInt.asUintN(64, BigInt(cpu.next)), SUPERVISOR);
    if (memory.fault !== null) return memory.takeFault();
    cpu.rsp = cpu.stackPointer(-BigInt(2 * call));
  }
  cpu.descriptors.markAccessed(descriptor);
  arrive(cpu, D.segmentOf(descriptor, (selector & 0xfffc) | state.cpl), state.ss, state.cpl, offset);
  return null;
}

/** SYSCALL (SDM Vol. 2), by the kernel's or the user's code; `next` is the address behind it. */
export function syscall(cpu: BtCpu, next: number): Fault | null {
  const { state } = cpu;
  if ((state.efer & EFER_SCE) === 0 || state.bits !== 64) return invalidOpcode();
  const selector = Number((state.star >> 32n) & 0xfffcn);
  cpu.writeRegister(RCX, BigInt.asUintN(64, BigInt(next)));
  cpu.writeRegister(R11, cpu.rflags & ~BigInt(FLAG_RF));
  cpu.rflags = (cpu.rflags & ~state.fmask & ~BigInt(FLAG_RF)) | BigInt(FLAG_FIXED);
  arrive(cpu, flatCode(selector, 0, true), flatStack(selector + 8, 0), 0, state.lstar);
  return null;
}

export function sysret(cpu: BtCpu, size: number): Fault | null {
  const { state } = cpu;
  if ((state.efer & EFER_SCE) === 0 || state.bits !== 64) return invalidOpcode();
  const wide = size === 8;
  const rip = wide ? cpu.readRegister(RCX) : cpu.readRegister(RCX) & 0xffff_ffffn;
  if (wide && !canonical(rip)) return generalProtection();
  const base = Number((state.star >> 48n) & 0xffffn);
  cpu.rflags = (cpu.readRegister(R11) & SYSRET_FLAGS) | BigInt(FLAG_FIXED);
  return enterUser(cpu, (base + (wide ? 16 : 0)) | 3, (base + 8) | 3, wide, rip);
}

/** SYSRET and SYSEXIT read no descriptor, but the processor that goes to ring 3 by IRET does: the guest's must be what they say. */
function enterUser(cpu: BtCpu, code: number, stack: number, long: boolean, rip: bigint): null {
  const cs = flatCode(code & 0xffff, 3, long);
  const ss = flatStack(stack & 0xffff, 3);
  cpu.descriptors.copy({ selector: cs.selector, ...halves(cs) });
  cpu.descriptors.copy({ selector: ss.selector, ...halves(ss) });
  arrive(cpu, cs, ss, 3, rip);
  return null;
}

/** A flat descriptor of these rights. */
function halves({ rights }: Segment): { low: number; high: number; upper: number } {
  return { low: 0xffff, high: (0xf_0000 | ((rights & 0xf0ff) << 8)) >>> 0, upper: 0 };
}

export function sysenter(cpu: BtCpu): Fault | null {
  const { state } = cpu;
  const selector = Number(state.sysenter.cs & 0xfffcn);
  if (selector === 0) return generalProtection();
  cpu.rflags &= ~BigInt(FLAG_VM | FLAG_IF);
  const mask = state.longMode ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  cpu.rsp = state.sysenter.esp & mask;
  arrive(
    cpu,
    flatCode(selector, 0, state.longMode),
    flatStack(selector + 8, 0),
    0,
    state.sysenter.eip & mask,
  );
  return null;
}

export function sysexit(cpu: BtCpu, size: number): Fault | null {
  const { state } = cpu;
  const base = Number(state.sysenter.cs & 0xfffcn);
  if (base === 0) return generalProtection();
  const wide = size === 8;
  const mask = wide ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
  const rip = cpu.readRegister(RDX) & mask;
  const rsp = cpu.readRegister(RCX) & mask;
  if (wide && (!canonical(rip) || !canonical(rsp))) return generalProtection();
  cpu.rsp = rsp;
  const selector = base + (wide ? 32 : 16);
  return enterUser(cpu, selector | 3, (selector + 8) | 3, wide, rip);
}

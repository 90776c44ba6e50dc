import * as K from "../../spec/call-outs.js";
import { FLAG_AC, FLAG_DF, FLAG_RF, FLAG_VM, FLAG_ZF } from "../../spec/control-bits.js";
import { CS, ES, SS } from "../../spec/cpu-state.js";
import { SEGMENT_NOT_PRESENT } from "../../spec/vectors.js";
import { XSTATE_X87 } from "../../spec/xstate.js";
import type { CallOut } from "./block.js";
import { writeCr0, writeCr3, writeCr4 } from "./control-registers.js";
import type { BtCpu } from "./virtual-cpu.js";
import { deliver } from "./delivery.js";
import * as D from "./descriptors.js";
import { generalProtection, invalidOpcode, type Fault } from "./fault.js";
import { canonical, FETCH, SUPERVISOR, USER } from "./guest-linear.js";
import { MNEMONIC as M } from "./iced-numbers.js";
import { effectiveAddress, linearAddress, readOperand, writeOperand } from "./memory-operands.js";
import type { MemoryOperand, Operand } from "./operand.js";
import { farReturn, farTransfer, iret, syscall, sysenter, sysexit, sysret } from "./transfers.js";

/**
 * Does for the guest what its instruction would: null when it is done, else the exception that it raises. One that does not
 * move RIP itself goes on behind the instruction.
 */
export type CallOutHandler = (cpu: BtCpu, callOut: CallOut) => Fault | null;

const RAX = 0;
const RCX = 1;
const RDX = 2;
const RBX = 3;
const RSI = 6;
const RDI = 7;
/** Flags that POPF at ring 0 sets: CF PF AF ZF SF TF IF DF OF IOPL NT AC ID. */
const POPPED = 0x24_7fd5;
const LEAF_EXTENDED_STATE = 0xd;
/** Elements moved at a time; a longer REP goes on after interrupts had their chance. */
const BATCH = 256;

const low32 = (cpu: BtCpu, register: number): number => Number(cpu.readRegister(register) & 0xffff_ffffn);
const access = (cpu: BtCpu): number => (cpu.state.cpl === 3 ? USER : SUPERVISOR);

const fetch: CallOutHandler = (cpu, { rip, operand }) => {
  const linear = linearAddress(cpu, CS, BigInt.asUintN(64, BigInt(rip + (operand as number))));
  if (cpu.memory.translate(linear, FETCH | SUPERVISOR) === undefined) return cpu.memory.takeFault();
  return cpu.refuse(`code that is not in RAM, at linear address 0x${linear.toString(16)}`);
};

const hlt: CallOutHandler = (cpu) => {
  cpu.halted = true;
  return null;
};

/** IN and OUT: the port belongs to the VM's own board. */
const port: CallOutHandler = (cpu, { operand }) => {
  const { input, port: constant, size } = operand as { input: boolean; port: number | null; size: number };
  const number = constant ?? low32(cpu, RDX) & 0xffff;
  if (input) {
    const register = { kind: "register", number: RAX, size: size as 1, high: false } as const;
    writeOperand(cpu, register, size, BigInt(cpu.board.ports.read(number, size) >>> 0));
  } else cpu.writePort(number, size, low32(cpu, RAX) & (size === 4 ? 0xffff_ffff : (1 << (8 * size)) - 1));
  return null;
};

interface StringPort {
  input: boolean;
  size: number;
  rep: boolean;
  width: number;
  segment: number;
}

/** INS and OUTS, up to {@link BATCH} elements; the rest when the guest is here again. */
const stringPort: CallOutHandler = (cpu, { operand }) => {
  const { input, size, rep, width, segment } = operand as StringPort;
  const mask = (1n << BigInt(8 * width)) - 1n;
  const pointer = input ? RDI : RSI;
  const step = BigInt((cpu.rflags & BigInt(FLAG_DF)) !== 0n ? -size : size);
  let count = rep ? cpu.readRegister(RCX) & mask : 1n;
  for (let i = 0; i < BATCH && count > 0n; i++, count--) {
    const offset = cpu.readRegister(pointer) & mask;
    const linear = linearAddress(cpu, input ? ES : segment < 0 ? 3 : segment, offset);
    const fault = moveElement(cpu, low32(cpu, RDX) & 0xffff, linear, size, input);
    if (fault !== null) return fault;
    advance(cpu, pointer, offset + step, mask);
    if (rep) advance(cpu, RCX, count - 1n, mask);
  }
  if (count > 0n) cpu.goTo(cpu.rip);
  return null;
};

/** Memory is looked at first: a port must not be read for nothing. */
function moveElement(cpu: BtCpu, number: number, linear: bigint, size: number, input: boolean): Fault | null {
  if (input) {
    const last = linear + BigInt(size - 1);
    for (const at of [linear, last]) cpu.memory.translate(at, access(cpu) | 2);
    if (cpu.memory.fault !== null) return cpu.memory.takeFault();
    cpu.memory.write(linear, size, BigInt(cpu.board.ports.read(number, size) >>> 0), access(cpu));
  } else {
    const value = cpu.memory.read(linear, size, access(cpu));
    if (cpu.memory.fault === null) cpu.writePort(number, size, Number(value));
  }
  return cpu.memory.takeFault();
}

function advance(cpu: BtCpu, register: number, value: bigint, mask: bigint): void {
  const old = cpu.readRegister(register);
  cpu.writeRegister(register, mask === 0xffffn ? (old & ~mask) | (value & mask) : value & mask);
}

const flags: CallOutHandler = (cpu, { operand }) => {
  const { mnemonic, size: operandSize } = operand as { mnemonic: number; size: number };
  const size = operandSize === 2 ? 2 : cpu.state.bits / 8;
  if ([M.Pushf, M.Pushfd, M.Pushfq].some((push) => push === mnemonic)) {
    const value = cpu.rflags & ~BigInt(FLAG_RF | FLAG_VM);
    cpu.memory.write(cpu.stackLinear(-BigInt(size)), size, value, access(cpu));
    if (cpu.memory.fault === null) cpu.rsp = cpu.stackPointer(-BigInt(size));
    return cpu.memory.takeFault();
  }
  const value = cpu.memory.read(cpu.stackLinear(0n), size, access(cpu));
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  const mask = BigInt(size === 2 ? POPPED & 0xffff : POPPED);
  cpu.rflags = (cpu.rflags & ~mask) | (value & mask);
  cpu.rsp = cpu.stackPointer(BigInt(size));
  return null;
};

const interrupt: CallOutHandler = (cpu, { operand, next }) => {
  const vector = operand as number;
  if (vector === 4 && (cpu.rflags & 0x800n) === 0n) return null;
  if (!deliver(cpu, { vector, kind: "software", returnTo: next })) cpu.shutDown();
  return null;
};

const loadTable: CallOutHandler = (cpu, { mnemonic, operand }) => {
  const { operand: source, size } = operand as { operand: Operand; size: number };
  if (mnemonic === M.Lldt || mnemonic === M.Ltr) {
    const selector = Number(readOperand(cpu, source, 2));
    if (cpu.memory.fault !== null) return cpu.memory.takeFault();
    return mnemonic === M.Lldt ? loadLdt(cpu, selector) : loadTask(cpu, selector);
  }
  const wide = cpu.state.bits === 64 ? 8 : 4;
  const limit = Number(readOperand(cpu, source, 2));
  let base = readOperand(cpu, source, wide, 2);
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  if (wide === 4 && size === 2) base &= 0xff_ffffn;
  if (!canonical(base) && wide === 8) return generalProtection();
  const table = { base, limit };
  if (mnemonic === M.Lgdt) cpu.state.gdtr = table;
  else cpu.state.idtr = table;
  return null;
};

const LDT_TYPE = 2;
const TSS_AVAILABLE = 9;
const BUSY = 2;

function systemDescriptor(cpu: BtCpu, selector: number, type: number): D.GuestDescriptor | undefined {
  if ((selector & 4) !== 0) {
    cpu.memory.fault ??= generalProtection(selector & 0xfffc);
    return undefined;
  }
  const descriptor = cpu.descriptors.read(selector);
  if (descriptor === undefined) return undefined;
  if (!D.isSystem(descriptor) || D.typeOf(descriptor) !== type)
    cpu.memory.fault ??= generalProtection(selector & 0xfffc);
  else if (!D.isPresent(descriptor))
    cpu.memory.fault ??= { vector: SEGMENT_NOT_PRESENT, errorCode: selector & 0xfffc };
  return cpu.memory.fault === null ? descriptor : undefined;
}

function loadLdt(cpu: BtCpu, selector: number): Fault | null {
  cpu.descriptors.forgetLocal();
  if ((selector & 0xfffc) === 0) {
    cpu.state.ldtr = D.nullSegment(selector);
    cpu.loadLocalTable(0);
    return null;
  }
  const descriptor = systemDescriptor(cpu, selector, LDT_TYPE);
  if (descriptor === undefined) return cpu.memory.takeFault();
  cpu.state.ldtr = D.segmentOf(descriptor, selector);
  cpu.loadLocalTable(Math.min(cpu.state.ldtr.limit + 1, 0x1_0000));
  return null;
}

/** The guest's task register is where its stacks are found; marked busy as the processor would. */
function loadTask(cpu: BtCpu, selector: number): Fault | null {
  if ((selector & 0xfffc) === 0) return generalProtection();
  const descriptor = systemDescriptor(cpu, selector, TSS_AVAILABLE);
  if (descriptor === undefined) return cpu.memory.takeFault();
  descriptor.high |= BUSY << 8;
  const at = cpu.state.gdtr.base + BigInt((selector & 0xfff8) + 5);
  cpu.memory.write(at, 1, BigInt((descriptor.high >>> 8) & 0xff), SUPERVISOR);
  cpu.state.tr = D.segmentOf(descriptor, selector);
  return cpu.memory.takeFault();
}

/** SGDT, SIDT, SLDT, STR and SMSW tell of the virtual processor (of the seventeen of Robin and Irvine, 2000). */
const storeTable: CallOutHandler = (cpu, { mnemonic, operand }) => {
  const { operand: target, size } = operand as { operand: Operand; size: number };
  const { state } = cpu;
  if (mnemonic === M.Sgdt || mnemonic === M.Sidt) {
    const table = mnemonic === M.Sgdt ? state.gdtr : state.idtr;
    writeOperand(cpu, target, 2, BigInt(table.limit));
    writeOperand(cpu, target, state.bits === 64 ? 8 : 4, table.base, 2);
    return cpu.memory.takeFault();
  }
  const value =
    mnemonic === M.Sldt
      ? BigInt(state.ldtr.selector)
      : mnemonic === M.Str
        ? BigInt(state.tr.selector)
        : BigInt(state.cr0);
  writeOperand(cpu, target, target.kind === "memory" ? 2 : size, value);
  return cpu.memory.takeFault();
};

const writeControl: CallOutHandler = (cpu, { mnemonic, operand }) => {
  const { state } = cpu;
  if (mnemonic === M.Clts) return writeCr0(cpu, BigInt(state.cr0 & ~8) & 0xffff_ffffn);
  if (mnemonic === M.Lmsw) {
    const source = Number(readOperand(cpu, (operand as { operand: Operand }).operand, 2));
    if (cpu.memory.fault !== null) return cpu.memory.takeFault();
    return writeCr0(cpu, BigInt(((state.cr0 & ~14) | (source & 15)) >>> 0));
  }
  const { number, register } = operand as { number: number; register: number };
  const all = cpu.readRegister(register);
  const value = state.bits === 64 ? all : all & 0xffff_ffffn;
  switch (number) {
    case 0:
      return writeCr0(cpu, value);
    case 2:
      cpu.setCr2(value);
      return null;
    case 3:
      return writeCr3(cpu, value);
    case 4:
      return writeCr4(cpu, value);
    case 8:
      if (value > 15n) return generalProtection();
      cpu.taskPriority = Number(value);
      return null;
    default:
      return invalidOpcode();
  }
};

/** The guest's debug registers are kept for it; the processor's own stay empty. */
const debugRegister: CallOutHandler = (cpu, { operand }) => {
  const { number, register, write } = operand as { number: number; register: Operand; write: boolean };
  const size = cpu.state.bits === 64 ? 8 : 4;
  const { debug } = cpu.state;
  const index = number === 4 || number === 5 ? number + 2 : number;
  if (!write) {
    writeOperand(cpu, { ...register, size } as Operand, size, debug[index]!);
    return null;
  }
  const value = readOperand(cpu, register, size);
  if (index >= 6 && value >> 32n !== 0n) return generalProtection();
  if (index === 6) debug[6] = (value & 0xe00fn) | 0xffff_0ff0n;
  else if (index === 7) debug[7] = (value & 0xffff_23ffn) | 0x400n;
  else debug[index] = value;
  return null;
};

const invalidatePage: CallOutHandler = (cpu, { mnemonic, operand }) => {
  const target = (operand as { operand: MemoryOperand }).operand;
  if (mnemonic === M.Invpcid) return invalidateContext(cpu, operand as InvalidatedContext);
  const linear = linearAddress(cpu, target.segment, effectiveAddress(cpu, target));
  if (canonical(linear)) cpu.invalidatePage(linear);
  return null;
};

interface InvalidatedContext {
  operand: MemoryOperand;
  type: Operand;
}

const ONE_ADDRESS = 0n;
const ALL_WITH_GLOBAL = 2n;
const LAST_TYPE = 3n;

/** INVPCID without PCIDs: all that there is has number 0 (SDM Vol. 2, INVPCID). */
function invalidateContext(cpu: BtCpu, { operand, type }: InvalidatedContext): Fault | null {
  const kind = readOperand(cpu, type, cpu.state.bits === 64 ? 8 : 4);
  const pcid = readOperand(cpu, operand, 8);
  const linear = readOperand(cpu, operand, 8, 8);
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  if (kind > LAST_TYPE || (kind < ALL_WITH_GLOBAL && pcid !== 0n)) return generalProtection();
  if (kind !== ONE_ADDRESS) cpu.pagingChanged(kind === ALL_WITH_GLOBAL);
  else if (!canonical(linear)) return generalProtection();
  else cpu.invalidatePage(linear);
  return null;
}

const accessControl: CallOutHandler = (cpu, { mnemonic }) => {
  if (cpu.state.cpl !== 0) return invalidOpcode();
  const ac = BigInt(FLAG_AC);
  cpu.rflags = mnemonic === M.Stac ? cpu.rflags | ac : cpu.rflags & ~ac;
  return null;
};

const readMsr: CallOutHandler = (cpu) => {
  const value = cpu.msrs.read(low32(cpu, RCX));
  if (value === undefined) return generalProtection();
  cpu.writeRegister(RAX, value & 0xffff_ffffn);
  cpu.writeRegister(RDX, value >> 32n);
  return null;
};

const writeMsr: CallOutHandler = (cpu) => {
  const value = (BigInt(low32(cpu, RDX)) << 32n) | BigInt(low32(cpu, RAX));
  return cpu.msrs.write(low32(cpu, RCX), value) ? null : generalProtection();
};

const cpuid: CallOutHandler = (cpu) => {
  const { eax, ebx, ecx, edx } = cpu.cpuid(low32(cpu, RAX), low32(cpu, RCX));
  cpu.writeRegister(RAX, BigInt(eax));
  cpu.writeRegister(RBX, BigInt(ebx));
  cpu.writeRegister(RCX, BigInt(ecx));
  cpu.writeRegister(RDX, BigInt(edx));
  return null;
};

const swapGs: CallOutHandler = (cpu) => {
  if (cpu.state.bits !== 64) return invalidOpcode();
  const { kernelGsBase } = cpu.state;
  cpu.state.kernelGsBase = cpu.gsBase;
  cpu.setGsBase(kernelGsBase);
  return null;
};

interface SegmentAccess {
  segment: number;
  kind: "load" | "store" | "push" | "pop" | "pointer";
  source: Operand;
  target: Operand;
  size: number;
}

/** MOV, PUSH, POP and LDS of segment registers whose selectors or descriptors are not the processor's to load or show. */
const segment: CallOutHandler = (cpu, { operand }) => {
  const what = operand as SegmentAccess;
  const stackBytes = what.size === 2 ? 2 : cpu.state.bits / 8;
  switch (what.kind) {
    case "store":
      writeOperand(
        cpu,
        what.target,
        what.target.kind === "memory" ? 2 : what.size,
        BigInt(cpu.selector(what.segment)),
      );
      return cpu.memory.takeFault();
    case "push":
      cpu.memory.write(
        cpu.stackLinear(-BigInt(stackBytes)),
        stackBytes,
        BigInt(cpu.selector(what.segment)),
        access(cpu),
      );
      if (cpu.memory.fault === null) cpu.rsp = cpu.stackPointer(-BigInt(stackBytes));
      return cpu.memory.takeFault();
    case "load":
      return loadSegment(cpu, what.segment, Number(readOperand(cpu, what.source, 2)));
    case "pop": {
      const selector = Number(cpu.memory.read(cpu.stackLinear(0n), 2, access(cpu)));
      const fault = loadSegment(cpu, what.segment, selector);
      if (fault === null) cpu.rsp = cpu.stackPointer(BigInt(stackBytes));
      return fault;
    }
    case "pointer": {
      const offset = readOperand(cpu, what.source, what.size);
      const fault = loadSegment(cpu, what.segment, Number(readOperand(cpu, what.source, 2, what.size)));
      if (fault === null) writeOperand(cpu, what.target, what.size, offset);
      return fault;
    }
  }
};

function loadSegment(cpu: BtCpu, index: number, selector: number): Fault | null {
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  if (index === CS) return invalidOpcode();
  if (index !== SS) return cpu.loadData(index, selector);
  const ss = cpu.descriptors.stack(selector, cpu.state.cpl);
  if (ss === undefined) return cpu.memory.takeFault();
  cpu.setCode(cpu.state.cs, ss, cpu.state.cpl);
  cpu.shadow = true;
  return null;
}

/** LAR, LSL, VERR and VERW on the guest's own descriptors, at the ring that it believes to be in (SDM Vol. 2). */
const inspect: CallOutHandler = (cpu, { mnemonic, operand }) => {
  const { source, target, size } = operand as { source: Operand; target: Operand | null; size: number };
  const selector = Number(readOperand(cpu, source, 2));
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  const descriptor = (selector & 0xfffc) === 0 ? undefined : cpu.descriptors.read(selector);
  const fault = cpu.memory.takeFault();
  if (fault !== null && fault.linear !== undefined) return fault;
  const valid = descriptor !== undefined && inspectable(cpu, descriptor, mnemonic);
  cpu.rflags = valid ? cpu.rflags | BigInt(FLAG_ZF) : cpu.rflags & ~BigInt(FLAG_ZF);
  if (!valid || target === null) return null;
  const rights = descriptor.high & (size === 2 ? 0xff00 : 0xf0_ff00);
  writeOperand(cpu, target, size, BigInt(mnemonic === M.Lar ? rights : D.limitOf(descriptor)));
  return null;
};

/** System types that LAR and LSL accept, as sets of bits, in IA-32e and in protected mode. */
const LAR_TYPES = [0x1a3e, 0x1a04];
const LSL_TYPES = [0x0a0e, 0x0a04];

function inspectable(cpu: BtCpu, descriptor: D.GuestDescriptor, mnemonic: number): boolean {
  const open = D.isCode(descriptor) && D.isConforming(descriptor);
  const level = Math.max(cpu.state.cpl, descriptor.selector & 3);
  if (!open && D.privilegeOf(descriptor) < level) return false;
  if (mnemonic === M.Verr || mnemonic === M.Verw) {
    if (D.isSystem(descriptor)) return false;
    const readWrite = (descriptor.high & (1 << 9)) !== 0;
    if (mnemonic === M.Verw) return !D.isCode(descriptor) && readWrite;
    return !D.isCode(descriptor) || readWrite;
  }
  if (!D.isSystem(descriptor)) return true;
  const types = (mnemonic === M.Lar ? LAR_TYPES : LSL_TYPES)[cpu.state.longMode ? 1 : 0]!;
  return (types & (1 << D.typeOf(descriptor))) !== 0;
}

const xsetbv: CallOutHandler = (cpu) => {
  const [eax, ecx, edx] = [low32(cpu, RAX), low32(cpu, RCX), low32(cpu, RDX)];
  const supported = cpu.cpuid(LEAF_EXTENDED_STATE, 0);
  if ((cpu.state.cr4 & (1 << 18)) === 0) return invalidOpcode();
  const beyond = (eax & ~supported.eax) | (edx & ~supported.edx);
  if (ecx !== 0 || beyond !== 0 || (eax & XSTATE_X87) === 0) return generalProtection();
  cpu.port.xsetbv((BigInt(edx) << 32n) | BigInt(eax));
  return null;
};

/** By kind of call-out; those that need no handler, since going on is all, are with the virtual CPU itself. */
export const CALL_OUT_HANDLERS: Readonly<Record<number, CallOutHandler>> = {
  [K.CALL_OUT_FETCH]: fetch,
  [K.CALL_OUT_HLT]: hlt,
  [K.CALL_OUT_PORT]: port,
  [K.CALL_OUT_STRING_PORT]: stringPort,
  [K.CALL_OUT_IRET]: (cpu, { operand, mnemonic }) => {
    cpu.nmiBlocked = false;
    return iret(cpu, mnemonic === M.Iretq ? 8 : mnemonic === M.Iretd ? 4 : (operand as number));
  },
  [K.CALL_OUT_FLAGS]: flags,
  [K.CALL_OUT_INT]: interrupt,
  [K.CALL_OUT_SYSCALL]: (cpu, { mnemonic, next }) =>
    mnemonic === M.Syscall ? syscall(cpu, next) : sysenter(cpu),
  [K.CALL_OUT_SYSRET]: (cpu, { operand }) => sysret(cpu, operand as number),
  [K.CALL_OUT_SYSEXIT]: (cpu, { operand }) => sysexit(cpu, operand as number),
  [K.CALL_OUT_FAR_JUMP]: (cpu, { operand }) => far(cpu, operand as Far, false),
  [K.CALL_OUT_FAR_CALL]: (cpu, { operand }) => far(cpu, operand as Far, true),
  [K.CALL_OUT_FAR_RETURN]: (cpu, { operand }) => {
    const { size, drop } = operand as { size: number; drop: number };
    return farReturn(cpu, size, drop);
  },
  [K.CALL_OUT_LOAD_TABLE]: loadTable,
  [K.CALL_OUT_STORE_TABLE]: storeTable,
  [K.CALL_OUT_WRITE_CR]: writeControl,
  [K.CALL_OUT_DEBUG_REGISTER]: debugRegister,
  [K.CALL_OUT_INVLPG]: invalidatePage,
  [K.CALL_OUT_RDMSR]: readMsr,
  [K.CALL_OUT_WRMSR]: writeMsr,
  [K.CALL_OUT_CPUID]: cpuid,
  [K.CALL_OUT_SWAPGS]: swapGs,
  [K.CALL_OUT_SEGMENT]: segment,
  [K.CALL_OUT_INSPECT]: inspect,
  [K.CALL_OUT_XSETBV]: xsetbv,
  [K.CALL_OUT_ACCESS_CONTROL]: accessControl,
  [K.CALL_OUT_NOTHING]: () => null,
  [K.CALL_OUT_REFUSED]: () => invalidOpcode(),
};

interface Far {
  selector?: number;
  offset16?: number;
  offset32?: number;
  wide?: boolean;
  operand?: Operand;
  size?: number;
}

function far(cpu: BtCpu, target: Far, call: boolean): Fault | null {
  if (target.operand === undefined) {
    const offset = target.wide ? target.offset32! : target.offset16!;
    return farTransfer(cpu, target.selector!, BigInt(offset), call ? (target.wide ? 4 : 2) : 0);
  }
  const size = target.size!;
  const offset = readOperand(cpu, target.operand, size);
  const selector = Number(readOperand(cpu, target.operand, 2, size));
  if (cpu.memory.fault !== null) return cpu.memory.takeFault();
  return farTransfer(cpu, selector, offset, call ? size : 0);
}

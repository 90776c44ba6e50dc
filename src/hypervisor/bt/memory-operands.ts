import type { BtCpu } from "./virtual-cpu.js";
import { SUPERVISOR, USER } from "./guest-linear.js";
import type { MemoryOperand, Operand, RegisterOperand } from "./operand.js";

const FS = 4;
const SS = 2;
const CS = 1;

/** Offset in the segment. */
export function effectiveAddress(cpu: BtCpu, operand: MemoryOperand): bigint {
  let offset = operand.displacement;
  if (operand.base >= 0) offset += cpu.readRegister(operand.base);
  if (operand.index >= 0) offset += cpu.readRegister(operand.index) * BigInt(operand.scale);
  return BigInt.asUintN(8 * operand.width, offset);
}

/** Linear address of an offset in a segment: in 64-bit code only FS and GS have bases. */
export function linearAddress(cpu: BtCpu, segment: number, offset: bigint): bigint {
  if (cpu.state.bits === 64)
    return BigInt.asUintN(64, offset + (segment >= FS ? cpu.segmentBase(segment) : 0n));
  const base =
    segment === CS ? cpu.state.cs.base : segment === SS ? cpu.state.ss.base : cpu.segmentBase(segment);
  return (base + offset) & 0xffff_ffffn;
}

const access = (cpu: BtCpu): number => (cpu.state.cpl === 3 ? USER : SUPERVISOR);

/** Value of `size` bytes; 0 with a fault in the memory's. */
export function readOperand(cpu: BtCpu, operand: Operand, size: number, offset = 0): bigint {
  if (operand.kind === "register") return BigInt.asUintN(8 * size, registerValue(cpu, operand));
  const linear = linearAddress(cpu, operand.segment, effectiveAddress(cpu, operand) + BigInt(offset));
  return cpu.memory.read(linear, size, access(cpu));
}

export function writeOperand(cpu: BtCpu, operand: Operand, size: number, value: bigint, offset = 0): void {
  if (operand.kind === "register") return writeRegister(cpu, operand, value);
  const linear = linearAddress(cpu, operand.segment, effectiveAddress(cpu, operand) + BigInt(offset));
  cpu.memory.write(linear, size, value, access(cpu));
}

function registerValue(cpu: BtCpu, { number, high }: RegisterOperand): bigint {
  return high ? cpu.readRegister(number) >> 8n : cpu.readRegister(number);
}

/** A 32-bit result clears the upper half, a shorter one leaves the rest (SDM Vol. 1, 3.4.1.1). */
function writeRegister(cpu: BtCpu, { number, size, high }: RegisterOperand, value: bigint): void {
  if (size === 8) return cpu.writeRegister(number, BigInt.asUintN(64, value));
  if (size === 4) return cpu.writeRegister(number, BigInt.asUintN(32, value));
  const shift = high ? 8n : 0n;
  const mask = (size === 2 ? 0xffffn : 0xffn) << shift;
  cpu.writeRegister(number, (cpu.readRegister(number) & ~mask) | ((value << shift) & mask));
}

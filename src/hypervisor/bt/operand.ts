import type { Decoder } from "./decoder.js";
import { OP_KIND, REGISTER } from "./iced-numbers.js";

/** A general-purpose register as an instruction names it. */
export interface RegisterOperand {
  kind: "register";
  /** Number in encodings. */
  number: number;
  /** Bytes. */
  size: 1 | 2 | 4 | 8;
  /** AH, CH, DH, BH: number is that of the whole register. */
  high: boolean;
}

/** Memory as an instruction names it. */
export interface MemoryOperand {
  kind: "memory";
  /** Number in encodings: 0 ES … 5 GS. */
  segment: number;
  /** Numbers in encodings; −1: none. */
  base: number;
  index: number;
  scale: number;
  displacement: bigint;
  /** Bytes of an address. */
  width: 2 | 4 | 8;
}

/** An instruction of 32-bit code that finds its data through CS or GS. */
export interface SegmentedInstruction {
  bytes: Uint8Array;
  /** Number in encodings. */
  segment: number;
}

export type Operand = RegisterOperand | MemoryOperand;

/** Register by iced's number, AL to R15. */
export function registerOperand(register: number): RegisterOperand {
  if (register >= REGISTER.RAX)
    return { kind: "register", number: register - REGISTER.RAX, size: 8, high: false };
  if (register >= REGISTER.EAX)
    return { kind: "register", number: register - REGISTER.EAX, size: 4, high: false };
  if (register >= REGISTER.AX)
    return { kind: "register", number: register - REGISTER.AX, size: 2, high: false };
  const number = register - REGISTER.AL;
  // AL CL DL BL AH CH DH BH SPL BPL SIL DIL R8L …
  if (number < 4) return { kind: "register", number, size: 1, high: false };
  if (number < 8) return { kind: "register", number: number - 4, size: 1, high: true };
  return { kind: "register", number: number - 4, size: 1, high: false };
}

function whole(register: number): number {
  return register === REGISTER.None ? -1 : registerOperand(register).number;
}

/** The memory operand of the instruction that was decoded last. */
export function memoryOperand(decoder: Decoder, bits: 32 | 64): MemoryOperand {
  const { segment, base, index, scale, displacement } = decoder.memory;
  const relative = base === REGISTER.RIP || base === REGISTER.EIP;
  const named = relative ? REGISTER.None : base !== REGISTER.None ? base : index;
  const size = named === REGISTER.None ? bits / 8 : registerOperand(named).size;
  return {
    kind: "memory",
    segment: segment - REGISTER.ES,
    base: relative ? -1 : whole(base),
    index: whole(index),
    scale,
    displacement,
    width: size as MemoryOperand["width"],
  };
}

/** Operand 0 or 1. */
export function operandOf(decoder: Decoder, which: 0 | 1, bits: 32 | 64): Operand {
  const kind = which === 0 ? decoder.firstKind : decoder.secondKind;
  if (kind === OP_KIND.Register)
    return registerOperand(which === 0 ? decoder.firstRegister : decoder.secondRegister);
  return memoryOperand(decoder, bits);
}

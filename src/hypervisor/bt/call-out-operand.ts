import * as K from "../../spec/call-outs.js";
import type { Decoder } from "./decoder.js";
import { opcodeOffset, operandSize } from "./encoding.js";
import { MNEMONIC as M, OP_KIND, REGISTER } from "./iced-numbers.js";
import { operandOf } from "./operand.js";

/** The instruction that the decoder stands at. */
export interface Instruction {
  decoder: Decoder;
  /** Its encoding. */
  bytes: Uint8Array;
  bits: 32 | 64;
}

/** What the handler of a call-out has to know of its instruction, worked out when it is translated. */
export function callOutOperand(kind: number, instruction: Instruction): unknown {
  const { decoder, bytes, bits } = instruction;
  const { mnemonic } = decoder;
  const size = operandSize(bytes, bits);
  switch (kind) {
    case K.CALL_OUT_PORT:
      return portOperand(decoder, size);
    case K.CALL_OUT_STRING_PORT:
      return stringOperand(instruction);
    case K.CALL_OUT_INT:
      return mnemonic === M.Int ? decoder.immediate8 : mnemonic === M.Int3 ? 3 : mnemonic === M.Int1 ? 1 : 4;
    case K.CALL_OUT_FAR_RETURN:
      return { size, drop: decoder.operands > 0 ? decoder.immediate16 : 0 };
    case K.CALL_OUT_LOAD_TABLE:
    case K.CALL_OUT_STORE_TABLE:
    case K.CALL_OUT_INVLPG:
      if (mnemonic === M.Invpcid)
        return { operand: operandOf(decoder, 1, bits), type: operandOf(decoder, 0, bits) };
      return { operand: operandOf(decoder, 0, bits), size };
    case K.CALL_OUT_WRITE_CR:
      return mnemonic === M.Lmsw ? { operand: operandOf(decoder, 0, bits) } : null;
    case K.CALL_OUT_SEGMENT:
      return farPointer(instruction, size);
    case K.CALL_OUT_INSPECT:
      return inspected(instruction, size);
    default:
      return size;
  }
}

function portOperand(decoder: Decoder, size: number): object {
  const input = decoder.mnemonic === M.In;
  const port = input ? decoder.secondKind : decoder.firstKind;
  const data = input ? decoder.firstRegister : decoder.secondRegister;
  return {
    input,
    port: port === OP_KIND.Immediate8 ? decoder.immediate8 : null,
    size: data === REGISTER.AL ? 1 : size === 2 ? 2 : 4,
  };
}

function stringOperand({ decoder, bytes, bits }: Instruction): object {
  const opcode = bytes[opcodeOffset(bytes, bits)]!;
  const prefixes = bytes.subarray(0, bytes.length - 1);
  const narrow = prefixes.includes(0x67);
  return {
    input: opcode < 0x6e,
    size: (opcode & 1) === 0 ? 1 : prefixes.includes(0x66) ? 2 : 4,
    rep: prefixes.includes(0xf3) || prefixes.includes(0xf2),
    width: bits === 64 ? (narrow ? 4 : 8) : narrow ? 2 : 4,
    segment: Math.max(decoder.segmentPrefix - REGISTER.ES, -1),
  };
}

function farPointer({ decoder, bits }: Instruction, size: number): object {
  const segments: Record<number, number> = { [M.Les]: 0, [M.Lss]: 2, [M.Lds]: 3, [M.Lfs]: 4, [M.Lgs]: 5 };
  const target = operandOf(decoder, 0, bits);
  return {
    segment: segments[decoder.mnemonic],
    kind: "pointer",
    target,
    source: operandOf(decoder, 1, bits),
    size,
  };
}

function inspected({ decoder, bits }: Instruction, size: number): object {
  const { mnemonic } = decoder;
  const two = mnemonic === M.Lar || mnemonic === M.Lsl;
  return {
    source: operandOf(decoder, two ? 1 : 0, bits),
    target: two ? operandOf(decoder, 0, bits) : null,
    size,
  };
}

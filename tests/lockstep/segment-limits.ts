/**
 * Whether the instruction at which a report ends has an operand outside its segment of 64 KiB: QEMU checks no limits.
 */
import { Decoder, DecoderOptions, Mnemonic, OpKind, Register, type Instruction } from "iced-x86";
import { bits, type Case } from "./cases.js";
import { CODE } from "./layout.js";

const LIMIT = 0xffff;
/** Bytes that far transfers, interrupts and ENTER may push or pop at most. */
const MOST_ON_STACK = 0x40;

/** Numbers of registers in a report, of 16 or 32 bits. */
const slotOf = (register: Register): number =>
  register >= Register.EAX && register <= Register.EDI
    ? register - Register.EAX
    : register >= Register.AX && register <= Register.DI
      ? register - Register.AX
      : -1;

function valueOf(report: Buffer, register: Register): number {
  const slot = slotOf(register);
  if (slot < 0) return 0;
  const value = report.readUInt32LE(8 * slot);
  return register >= Register.EAX ? value : value & 0xffff;
}

const BIT_STRINGS = new Set<Mnemonic>([Mnemonic.Bt, Mnemonic.Bts, Mnemonic.Btr, Mnemonic.Btc]);

/** Offset of the memory operand in its segment, and the bytes from there that count. */
function operand(instruction: Instruction, report: Buffer): { offset: number; bytes: number } {
  const wide = instruction.memoryBase >= Register.EAX || instruction.memoryDisplSize === 4;
  const scaled = valueOf(report, instruction.memoryIndex) * instruction.memoryIndexScale;
  const sum =
    valueOf(report, instruction.memoryBase) + scaled + Number(instruction.memoryDisplacement & 0xffff_ffffn);
  const mask = wide ? 2 ** 32 : 2 ** 16;
  let offset = sum % mask;
  let bytes = 8;
  if (BIT_STRINGS.has(instruction.mnemonic) && instruction.op1Kind === OpKind.Register) {
    const item = slotOf(instruction.op1Register) >= 0 && instruction.op1Register >= Register.EAX ? 4 : 2;
    const bit = valueOf(report, instruction.op1Register);
    const signed = item === 4 ? bit | 0 : (bit << 16) >> 16;
    offset = (offset + Math.floor(signed / (8 * item)) * item + mask) % mask;
    bytes = item;
  }
  return { offset, bytes };
}

/** Strings name their operands by SI and DI, or ESI and EDI, alone. */
const STRINGS: ReadonlyMap<OpKind, Register> = new Map([
  [OpKind.MemorySegSI, Register.SI],
  [OpKind.MemoryESDI, Register.DI],
  [OpKind.MemorySegESI, Register.ESI],
  [OpKind.MemoryESEDI, Register.EDI],
]);

export function reachesOut(one: Case, report: Buffer): boolean {
  const rip = report.readUInt32LE(136);
  const start = bits(one.mode) === 16 ? rip : rip - CODE;
  if (one.mode === "protected 32" || start < 0 || start >= one.code.length) return false;
  const decoder = new Decoder(16, Uint8Array.from(one.code.slice(start)), DecoderOptions.None);
  const instruction = decoder.decode();
  const outside = (offset: number, bytes: number): boolean => offset + bytes - 1 > LIMIT;
  const kinds = Array.from({ length: instruction.opCount }, (_, i) => instruction.opKind(i));
  const found = [
    kinds.includes(OpKind.Memory) &&
      (({ offset, bytes }) => outside(offset, bytes))(operand(instruction, report)),
    kinds.some((kind) => {
      const pointer = STRINGS.get(kind);
      return pointer !== undefined && outside(valueOf(report, pointer), 8);
    }),
    usesStack(instruction) && nearEnd(report.readUInt32LE(8 * 4) & 0xffff),
    instruction.mnemonic === Mnemonic.Leave && nearEnd(report.readUInt32LE(8 * 5) & 0xffff),
    instruction.mnemonic === Mnemonic.Xlatb && outside(valueOf(report, Register.BX) + 0xff, 1),
  ];
  decoder.free();
  instruction.free();
  return found.includes(true);
}

const nearEnd = (pointer: number): boolean => pointer < MOST_ON_STACK || pointer > LIMIT - MOST_ON_STACK;
const usesStack = (instruction: Instruction): boolean =>
  instruction.isStackInstruction ||
  [Mnemonic.Int, Mnemonic.Int3, Mnemonic.Into].includes(instruction.mnemonic);

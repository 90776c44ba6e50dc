import { Complaint } from "./error.js";
import type { Lookup, Value } from "./expression.js";
import { FORMS } from "./instruction-table.js";
import type { Form } from "./instruction-table.js";
import { match, resolve, signed } from "./match.js";
import type { Resolved } from "./match.js";
import type { MemoryOperand, Operand } from "./operand.js";
import type { Register } from "./registers.js";

/** What encoding an instruction depends on besides itself. */
export interface Situation {
  lookup: Lookup;
  /** Linear address of the instruction's first byte, prefixes included. */
  address: bigint;
  /** 64-bit mode; else 32-bit mode. */
  long: boolean;
  /** A short branch did not reach: use the long form. */
  far: boolean;
}

/** `reaches` is false for a short branch whose target is out of reach. */
export interface Encoded {
  bytes: number[];
  reaches: boolean;
}

interface ModRm {
  bytes: number[];
  /** REX.X and REX.B as 2 and 1. */
  rex: number;
  /** The displacement's place in `bytes` if it is relative to the next instruction. */
  relative?: { at: number; target: bigint };
  addressSize: boolean;
}

const SEGMENT_PREFIX: Record<string, number> = { es: 0x26, cs: 0x2e, ss: 0x36, ds: 0x3e, fs: 0x64, gs: 0x65 };

function littleEndian(value: bigint, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function checkDisplacement({ value }: Value, long: boolean): void {
  const limit = long ? 1n << 31n : 1n << 32n;
  if (value >= limit || value < -(1n << 31n))
    throw new Complaint(`the displacement 0x${value.toString(16)} has more than 32 bits`);
}

/** Base and index as SIB can hold them: RSP and ESP cannot be an index, so an unscaled one becomes the base. */
function baseAndIndex(
  { base, index, scale }: MemoryOperand,
  long: boolean,
): { base?: Register; index?: Register } {
  const swapped = index?.number === 4 && scale === 1 ? { base: index, index: base } : { base, index };
  if (swapped.index?.number === 4) throw new Complaint(`${swapped.index.name} cannot be an index`);
  if (base !== undefined && index !== undefined && base.size !== index.size) {
    throw new Complaint("base and index differ in size");
  }
  if (!long && (base?.size === 8 || index?.size === 8)) throw new Complaint("64-bit registers need .code64");
  return swapped;
}

/**
 * ModRM, SIB and displacement (SDM Vol. 2, 2.1.5 and 2.2.1.3).
 *
 *     mod 7:6 | reg 5:3 | rm 2:0     scale 7:6 | index 5:3 | base 2:0
 */
function encodeMemory(memory: MemoryOperand, reg: number, { lookup, long }: Situation): ModRm {
  const displacement = memory.displacement(lookup);
  const field = (reg & 7) << 3;
  const wide = littleEndian(displacement.value, 4);
  const { base, index } = baseAndIndex(memory, long);
  const addressSize = long && (base ?? index)?.size === 4;
  checkDisplacement(displacement, long && !addressSize);
  if (base?.kind === "instruction-pointer") {
    if (index !== undefined) throw new Complaint("an address relative to rip has no index");
    const relative = displacement.labels === 0 ? undefined : { at: 1, target: displacement.value };
    return { bytes: [field | 5, ...wide], rex: 0, addressSize, relative };
  }
  const rex =
    (index !== undefined && index.number > 7 ? 2 : 0) | (base !== undefined && base.number > 7 ? 1 : 0);
  const scale = index === undefined ? 0 : [1, 2, 4, 8].indexOf(memory.scale) << 6;
  const indexField = (index === undefined ? 4 : index.number & 7) << 3;
  if (base === undefined) {
    const plain = index === undefined && !long;
    return {
      bytes: plain ? [field | 5, ...wide] : [field | 4, scale | indexField | 5, ...wide],
      rex,
      addressSize,
    };
  }
  const rm = base.number & 7;
  const short = !displacement.late && displacement.value >= -128n && displacement.value < 128n;
  const none = short && displacement.value === 0n && rm !== 5;
  const mod = none ? 0 : short ? 0x40 : 0x80;
  const tail = none ? [] : short ? wide.slice(0, 1) : wide;
  const sib = index !== undefined || rm === 4;
  return {
    bytes: [mod | field | (sib ? 4 : rm), ...(sib ? [scale | indexField | rm] : []), ...tail],
    rex,
    addressSize,
  };
}

/** Which operand goes to ModRM.rm and which to ModRM.reg or the opcode. */
function roles(form: Form, operands: readonly Resolved[]): { rm?: Resolved; reg?: Register } {
  const registers = operands.map((operand) => (operand.kind === "register" ? operand.register : undefined));
  if (form.plus) {
    const at = form.operands.findIndex((kind) => /^r(8|16|32|64|v)$/.test(kind));
    return { reg: registers[at] };
  }
  if (form.modrm === undefined) return {};
  if (form.modrm === "rr") return { rm: operands[0], reg: registers[0] };
  const special = form.operands.findIndex((kind) => /^(sreg|cr|dr)$/.test(kind));
  if (special >= 0) return { rm: operands[1 - special], reg: registers[special] };
  const memory = form.operands.findIndex((kind) => /^r?m(8|16|32|64|v|n)?$/.test(kind));
  if (form.modrm !== "r")
    return { rm: operands[memory < 0 ? form.operands.findIndex((kind) => kind === "rv") : memory] };
  const at = form.operands.findIndex((kind, i) => i !== memory && /^r(8|16|32|64|v|n)$/.test(kind));
  return { rm: operands[memory], reg: registers[at] };
}

function encodeRm(form: Form, rm: Resolved | undefined, reg: number, situation: Situation): ModRm {
  if (rm?.kind === "memory") return encodeMemory(rm, reg, situation);
  if (rm?.kind !== "register" || form.modrm === undefined) return { bytes: [], rex: 0, addressSize: false };
  const { number } = rm.register;
  return { bytes: [0xc0 | ((reg & 7) << 3) | (number & 7)], rex: number > 7 ? 1 : 0, addressSize: false };
}

/** The REX prefix, 0 for none (SDM Vol. 2, 2.2.1). */
function rexPrefix(registers: readonly Register[], bits: number, long: boolean): number {
  const needed = bits !== 0 || registers.some((register) => register.needsRex);
  if (!needed) return 0;
  if (!long) throw new Complaint("64-bit registers and r8 to r15 need .code64");
  const high = registers.find((register) => register.high);
  if (high !== undefined)
    throw new Complaint(`${high.name} cannot be used in an instruction that needs a REX prefix`);
  return 0x40 | bits;
}

const TAIL_SIZE: Record<string, number> = { ib: 1, iw: 2, id: 4, iq: 8 };

function encodeTail(
  form: Form,
  operands: readonly Resolved[],
  width: number,
  situation: Situation,
): number[] {
  const immediates = operands.filter((_, i) => /^(imm|far)/.test(form.operands[i]));
  return form.tail
    .filter((kind) => !kind.startsWith("o"))
    .flatMap((kind, i) => {
      const operand = immediates[i];
      if (operand.kind === "far") {
        return [
          ...littleEndian(operand.offset(situation.lookup).value, 4),
          ...littleEndian(operand.selector(situation.lookup).value, 2),
        ];
      }
      return operand.kind === "immediate"
        ? littleEndian(operand.value.value, TAIL_SIZE[kind] ?? Math.min(width, 4))
        : [];
    });
}

function checkAddressOf(mnemonic: string, form: Form, operands: readonly Resolved[]): void {
  for (const [i, operand] of operands.entries()) {
    if (
      operand.kind === "immediate" &&
      form.operands[i].startsWith("imm") &&
      operand.value.labels !== 0 &&
      !operand.offset
    ) {
      throw new Complaint(
        `${mnemonic}: a label as an operand is ambiguous; write "offset label" for its address or "[label]" for what is there`,
      );
    }
  }
}

function emit(form: Form, operands: readonly Resolved[], width: number, situation: Situation): Encoded {
  const { rm, reg } = roles(form, operands);
  const regField = typeof form.modrm === "number" ? form.modrm : (reg?.number ?? 0);
  const modrm = encodeRm(form, rm, regField, situation);
  const registers = operands.flatMap((operand) => (operand.kind === "register" ? [operand.register] : []));
  const wide = form.flags.has("w") || (width === 8 && !form.flags.has("d64"));
  const rexR = reg !== undefined && reg.number > 7 ? (form.plus ? 1 : 4) : 0;
  const rex = rexPrefix(registers, (wide ? 8 : 0) | rexR | modrm.rex, situation.long);
  const opcode = [...form.opcode];
  if (form.plus) opcode[opcode.length - 1] |= (reg?.number ?? 0) & 7;
  const segment = operands.find((operand) => operand.kind === "memory")?.segment;

  const moffs = operands.find((operand, i) => operand.kind === "memory" && form.operands[i] === "moffs");
  const offset = moffs?.kind === "memory" ? littleEndian(moffs.displacement(situation.lookup).value, 4) : [];
  const head = [
    ...(segment === undefined ? [] : [SEGMENT_PREFIX[segment.name]]),
    ...(modrm.addressSize ? [0x67] : []),
    ...(width === 2 || form.flags.has("o16") ? [0x66] : []),
    ...(form.mandatoryPrefix === undefined ? [] : [form.mandatoryPrefix]),
    ...(rex === 0 ? [] : [rex]),
    ...opcode,
  ];
  const tail = encodeTail(form, operands, width, situation);
  const bytes = [...head, ...modrm.bytes, ...offset, ...tail];
  if (modrm.relative !== undefined) {
    const distance = modrm.relative.target - (situation.address + BigInt(bytes.length));
    bytes.splice(head.length + modrm.relative.at, 4, ...littleEndian(distance, 4));
  }
  return addBranch(form, operands, bytes, situation);
}

function addBranch(
  form: Form,
  operands: readonly Resolved[],
  bytes: number[],
  situation: Situation,
): Encoded {
  const kind = form.tail.find((token) => token === "ob" || token === "ov");
  const target = operands[0];
  if (kind === undefined || target.kind !== "immediate") return { bytes, reaches: true };
  const size = kind === "ob" ? 1 : 4;
  const distance = target.value.value - (situation.address + BigInt(bytes.length + size));
  const reaches = distance === signed(distance, 8 * size);
  return { bytes: [...bytes, ...littleEndian(distance, size)], reaches };
}

function describe(operand: Resolved): string {
  if (operand.kind === "register") return operand.register.name;
  if (operand.kind === "memory")
    return operand.size === undefined ? "memory" : `${8 * operand.size}-bit memory`;
  return operand.kind === "far"
    ? "far address"
    : `immediate 0x${operand.value.value.toString(16)}`.replace("0x-", "-0x");
}

/**
 * Encodes one instruction.
 * @param prefixes bytes of LOCK and REP prefixes, emitted first
 * @throws Complaint if no form of the instruction takes these operands
 */
export function encode(
  mnemonic: string,
  operands: readonly Operand[],
  prefixes: readonly number[],
  situation: Situation,
): Encoded {
  const forms = FORMS.get(mnemonic);
  if (forms === undefined) throw new Complaint(`unknown instruction "${mnemonic}"`);
  const resolved = operands.map((operand) => resolve(operand, situation.lookup));
  let undecided = false;
  for (const form of forms) {
    if (situation.far && form.operands[0] === "rel8" && forms.some((other) => other.operands[0] === "relv"))
      continue;
    const width = match(form, resolved, situation.long);
    if (width === undefined) continue;
    if (width === -1) {
      undecided = true;
      continue;
    }
    checkAddressOf(mnemonic, form, resolved);
    const { bytes, reaches } = emit(form, resolved, width, {
      ...situation,
      address: situation.address + BigInt(prefixes.length),
    });
    return { bytes: [...prefixes, ...bytes], reaches };
  }
  if (undecided)
    throw new Complaint(
      `${mnemonic}: the size of the memory operand is unknown; write byte, word, dword or qword ptr`,
    );
  const mode = situation.long ? "64" : "32";
  throw new Complaint(`${mnemonic} does not take (${resolved.map(describe).join(", ")}) in ${mode}-bit mode`);
}

import * as L from "./layout.js";

/** Numbers of registers in encodings. */
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RSP = 4;

const GS_PREFIX = 0x65;
const REX_W = 0x48;

/**
 * Machine code as it is put together. What it says of the cache's own data is the same in both sizes but for the way there:
 * relative to RIP in 64-bit code, through GS in 32-bit code. None of the sequences here changes a flag.
 */
export class Code {
  readonly bytes = new Uint8Array(0x4000);
  length = 0;
  /** Offset in the cache of the first byte. */
  start = 0;
  bits: 32 | 64 = 64;
  /** Linear address of the table of 64-bit code, if 32 bits hold it; else null. */
  shortTable: number | null = null;

  begin(bits: 32 | 64, start: number): void {
    this.bits = bits;
    this.start = start;
    this.length = 0;
  }

  /** Offset in the cache of the next byte. */
  get at(): number {
    return this.start + this.length;
  }

  byte(...values: number[]): void {
    for (const value of values) this.bytes[this.length++] = value;
  }
  copy(source: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.bytes[this.length++] = source[i]!;
  }
  dword(value: number): void {
    this.byte(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff);
  }
  qword(value: bigint): void {
    this.dword(Number(BigInt.asIntN(32, value)));
    this.dword(Number(BigInt.asIntN(32, value >> 32n)));
  }

  /**
   * An instruction with ModRM whose memory operand is a field of the cache's data.
   * @param wide - REX.W in 64-bit code
   * @param after - bytes of the instruction behind the displacement
   */
  #data(opcode: readonly number[], register: number, field: number, wide: boolean, after = 0): void {
    if (this.bits === 32) this.byte(GS_PREFIX);
    else if (wide) this.byte(REX_W);
    this.byte(...opcode, (register << 3) | 5);
    this.dword(this.bits === 32 ? field : field - (this.at + 4 + after));
  }
  /** MOV of a whole register to a field. */
  save(register: number, field: number): void {
    this.#data([0x89], register, field, true);
  }
  /** MOV of a field to a whole register. */
  restore(register: number, field: number): void {
    this.#data([0x8b], register, field, true);
  }
  /** MOV of AL, CL, DL, BL or, from 4, AH … to a field. */
  saveByte(register: number, field: number): void {
    this.#data([0x88], register, field, false);
  }
  /** MOVZX of a field of one byte. */
  restoreByte(register: number, field: number): void {
    this.#data([0x0f, 0xb6], register, field, false);
  }
  /** MOV of a field to AL. */
  restoreAl(field: number): void {
    this.#data([0x8a], RAX, field, false);
  }
  /** MOV of a constant to a field of one byte. */
  setByte(field: number, value: number): void {
    this.#data([0xc6], 0, field, false, 1);
    this.byte(value);
  }
  /** LEA of a field's address: a linear one in 64-bit code, one for GS in 32-bit code. */
  addressOf(register: number, field: number): void {
    if (this.bits === 64) this.#data([0x8d], register, field, true);
    else {
      this.byte(0xb8 | register);
      this.dword(field);
    }
  }
  /** MOVZX of the byte at base + index, where base is from {@link addressOf}. */
  tableByte(register: number, base: number, index: number, displacement: number): void {
    if (this.bits === 32) this.byte(GS_PREFIX);
    this.byte(0x0f, 0xb6, 0x84 | (register << 3), (index << 3) | base);
    this.dword(displacement);
  }
  /** MOVZX of a register's low 16 bits. */
  low16(to: number, from: number): void {
    this.byte(0x0f, 0xb7, 0xc0 | (to << 3) | from);
  }

  /** MOV of any register to another, both whole; 64-bit code. */
  move(to: number, from: number): void {
    this.byte(REX_W | (from >> 3), 0x8b, 0xc0 | (to << 3) | (from & 7));
  }
  /** What memory was told before is done; no flag changes. */
  fence(): void {
    this.byte(0x0f, 0xae, 0xf0);
  }

  /** JMP to an offset in the cache. */
  jump(target: number): void {
    this.byte(0xe9);
    this.dword(target - (this.at + 4));
  }
  /** Registers that {@link jumpThroughTable} uses beside RAX. */
  get usesRdx(): boolean {
    return this.bits === 64 && this.shortTable === null;
  }
  /** JMP to where the table has it for the address in RAX. */
  jumpThroughTable(): void {
    this.low16(RCX, RAX);
    if (this.bits === 64 && this.shortTable !== null) {
      this.byte(0xff, 0x24, 0xcd); // JMP [8 · RCX + table]
      this.dword(this.shortTable);
    } else if (this.bits === 64) {
      this.addressOf(RDX, L.HASH_64);
      this.byte(0xff, 0x24, 0xca); // JMP [RDX + 8 · RCX]
    } else {
      this.byte(GS_PREFIX, 0xff, 0x24, 0x8d); // JMP GS:[4 · ECX + table]
      this.dword(L.HASH_32);
    }
  }
  /** LOOP: a jump over so many bytes, back if negative, unless RCX is 1. It is lost. */
  jumpUnlessOne(bytes: number): void {
    this.byte(0xe2, bytes & 0xff);
  }
  /** JRCXZ forward. @returns what {@link landShort} wants */
  jumpIfRcxIsZero(): number {
    this.byte(0xe3, 0);
    return this.length;
  }
  /** JMP forward. @returns what {@link landShort} wants */
  jumpShort(): number {
    this.byte(0xeb, 0);
    return this.length;
  }
  /** The jump leads here. */
  landShort(jump: number): void {
    const distance = this.length - jump;
    if (distance > 127) throw new RangeError(`a short jump over ${distance} bytes`);
    this.bytes[jump - 1] = distance;
  }
  callOut(): void {
    this.byte(0xcd, L.CALL_OUT_VECTOR);
  }
  /** PUSH of a constant of the stack's width; in 64-bit code one that does not fit comes from behind `literal`. */
  push(value: number): void {
    this.byte(0x68);
    this.dword(value | 0);
  }
  /** PUSH of the field of 8 bytes at an offset of the cache. */
  pushFrom(offset: number): void {
    this.byte(0xff, 0x35);
    this.dword(offset - (this.at + 4));
  }
  /** MOV of a constant of any width that is needed. */
  constant(register: number, value: bigint): void {
    if (this.bits === 32) {
      this.byte(0xb8 | register);
      this.dword(Number(BigInt.asIntN(32, value)));
    } else if (BigInt.asIntN(32, value) === BigInt.asIntN(64, value)) {
      this.byte(REX_W, 0xc7, 0xc0 | register);
      this.dword(Number(BigInt.asIntN(32, value)));
    } else {
      this.byte(REX_W, 0xb8 | register);
      this.qword(BigInt.asUintN(64, value));
    }
  }
}

/** Where the parts of an encoded instruction are (SDM Vol. 2, 2.1, 2.2.1), and what they say that the decoder does not. */
const LEGACY_PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** Offset of the REX prefix of 64-bit code; −1: none. */
export function rexOffset(bytes: Uint8Array): number {
  let at = 0;
  while (LEGACY_PREFIXES.has(bytes[at]!)) at++;
  return (bytes[at]! & 0xf0) === 0x40 ? at : -1;
}
/** Offset of the opcode: behind legacy and REX prefixes. */
export function opcodeOffset(bytes: Uint8Array, bits: 32 | 64): number {
  let at = 0;
  while (LEGACY_PREFIXES.has(bytes[at]!)) at++;
  return bits === 64 && (bytes[at]! & 0xf0) === 0x40 ? at + 1 : at;
}
/** FF /3 and FF /5. */
export function isFarForm(bytes: Uint8Array, bits: 32 | 64): boolean {
  const field = (bytes[opcodeOffset(bytes, bits) + 1]! >> 3) & 7;
  return field === 3 || field === 5;
}

/** Operand size in bytes, of instructions whose default is 32 bits. */
export function operandSize(bytes: Uint8Array, bits: 32 | 64): 2 | 4 | 8 {
  const rex = bits === 64 ? rexOffset(bytes) : -1;
  if (rex >= 0 && (bytes[rex]! & 8) !== 0) return 8;
  return bytes.subarray(0, opcodeOffset(bytes, bits)).includes(0x66) ? 2 : 4;
}

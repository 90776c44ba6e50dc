/**
 * The decoder for other eyes: listings, instruction emulation, tests.
 */
import { FETCH_BUFFER, SCRATCH_BLOCK } from '../spec/memory-map';
import { BLOCK_HEADER } from './blocks';
import { decode, TRUNCATED } from './decoder';
import { contextChanged, KEY_CODE_32, KEY_CODE_64, KEY_FLAT, KEY_PROTECTED, setModeKey } from './context';
import { opRow } from './op';

/** Bits of the result of {@link inspect} that hold the length; the row of the instruction table is above them. */
const LENGTH_BITS: i32 = 8;

/**
 * Decodes the first of the `count` bytes (at most 15) at FETCH_BUFFER as 16-, 32- or 64-bit protected-mode code with flat
 * segments. Returns row << 8 | length, -1 when more bytes are needed. Row 0: not an instruction; 1: more than 15 bytes.
 */
export function inspect(bits: i32, count: i32): i32 {
  setModeKey(KEY_PROTECTED | (KEY_FLAT * 0x3f) | (bits == 64 ? KEY_CODE_64 : bits == 32 ? KEY_CODE_32 : 0));
  const op: usize = SCRATCH_BLOCK + BLOCK_HEADER;
  store<u64>(SCRATCH_BLOCK, 0);
  const length = decode(op, FETCH_BUFFER, FETCH_BUFFER + count, 0, SCRATCH_BLOCK);
  contextChanged();
  return length == TRUNCATED ? -1 : (<i32>opRow(op) << LENGTH_BITS) | length;
}

/**
 * From bytes to blocks: a basic block that is kept, or one instruction for the scratch block.
 */
import { RIP } from '../spec/cpu-state';
import { FETCH_BUFFER, SCRATCH_BLOCK } from '../spec/memory-map';
import { GENERAL_PROTECTION } from '../spec/vectors';
import {
  BLOCK_COST, BLOCK_END, BLOCK_HEADER, BLOCK_INSTRUCTIONS, BLOCK_MODE, BLOCK_PHYSICAL, keepBlock, newBlock,
} from './blocks';
import { FUSED_KINDS, KIND_END, KIND_JUMP_IF } from './build/tables';
import { codeLimit, modeKey, ripMask } from './context';
import { decode, opCycles, rowIsSystem, TRUNCATED } from './decoder';
import { raise } from './fault';
import { copyIn, fetchPage } from './memory';
import { OP_BYTES, opRow } from './op';
import { hostOfPhysical, NO_ADDRESS } from './physical';

const PAGE: usize = 0x1000;

@inline
function costOf(op: usize): u64 { return ((<u64>opCycles(op)) << 32) | 1; }

/** Ends a block that no instruction ends; returns the end of its ops. */
function closeBlock(op: usize, next: u64): usize {
  memory.fill(op, 0, OP_BYTES);
  store<u16>(op, KIND_END);
  store<u64>(op, next, 24);
  return op + OP_BYTES;
}

/**
 * By pair of conditions, for which relations of the operands of a comparison the first of them holds: bit 0 a < b unsigned, 1 a = b,
 * 2 a < b signed, 3 a - b negative. 0: a comparison does not take such a jump along.
 */
const RELATIONS = memory.data<u16>([0, 0xaaaa, 0xcccc, 0xeeee, 0xff00, 0, 0xf0f0, 0xfcfc]);

/** The case of a comparison becomes the one that takes the conditional jump behind it along; both ops stay. */
function fuse(comparison: usize, jump: usize): void {
  const condition = <u32>load<u16>(jump) - <u32>KIND_JUMP_IF;
  if (condition >= 16) return;
  const fused = load<u16>(FUSED_KINDS + (<usize>load<u16>(comparison) << 1));
  const relations = load<u16>(RELATIONS + (<usize>(condition >> 1) << 1));
  if (fused == 0 || relations == 0) return;
  store<u16>(comparison, fused);
  store<u32>(jump, condition & 1 ? ~<u32>relations : relations, 32);
}

/**
 * Decodes the block at a machine-physical address and keeps it; 0 when its first instruction is not wholly in RAM, on
 * its page and in its code segment.
 */
export function decodeBlock(rip: u64, pa: u64): usize {
  const start = hostOfPhysical(pa);
  if (start == 0 || rip > codeLimit) return 0;
  let end = (start & ~(PAGE - 1)) + PAGE;
  if (<u64>(end - start) > codeLimit - rip) end = start + <usize>(codeLimit - rip) + 1;
  const block = newBlock();
  store<u64>(block, rip);
  store<u64>(block, pa, BLOCK_PHYSICAL);
  store<u32>(block, modeKey, BLOCK_MODE);
  let op = block + BLOCK_HEADER;
  let at = start;
  let cost: u64 = 0;
  let ended = false;
  for (let count: u32 = 0; count < BLOCK_INSTRUCTIONS && at < end && !ended; count++) {
    const length = decode(op, at, end, rip + (at - start), block);
    if (length == TRUNCATED) break;
    ended = rowIsSystem(opRow(op));
    if (ended && count != 0) fuse(op - OP_BYTES, op);
    cost += costOf(op);
    at += length;
    op += OP_BYTES;
  }
  if (at == start) return 0;
  store<u64>(block, cost, BLOCK_COST);
  store<u32>(block, <u32>op, BLOCK_END);
  keepBlock(block, ended ? op : closeBlock(op, (rip + (at - start)) & ripMask));
  return block;
}

/**
 * Decodes the instruction at RIP into the scratch block; its first byte is at `linear` and machine-physical `pa`. False
 * with a fault pending.
 */
export function decodeAlone(linear: u64, pa: u64): bool {
  const rip = load<u64>(RIP);
  if (rip > codeLimit) return outsideSegment();
  const op = SCRATCH_BLOCK + BLOCK_HEADER;
  const first = min<usize>(15, PAGE - (<usize>linear & (PAGE - 1)));
  store<u64>(SCRATCH_BLOCK, rip);
  copyIn(FETCH_BUFFER, pa, first);
  let length = decode(op, FETCH_BUFFER, FETCH_BUFFER + first, rip, SCRATCH_BLOCK);
  if (length == TRUNCATED) {
    if (codeLimit - rip < first) return outsideSegment();
    const pa2 = fetchPage((linear + first) & ripMask);
    if (pa2 == NO_ADDRESS) return false;
    copyIn(FETCH_BUFFER + first, pa2, 15 - first);
    length = decode(op, FETCH_BUFFER, FETCH_BUFFER + 15, rip, SCRATCH_BLOCK);
  }
  if (codeLimit - rip < <u64>(length - 1)) return outsideSegment();
  store<u64>(SCRATCH_BLOCK, costOf(op), BLOCK_COST);
  store<u32>(SCRATCH_BLOCK, <u32>(op + OP_BYTES), BLOCK_END);
  if (!rowIsSystem(opRow(op))) closeBlock(op + OP_BYTES, (rip + length) & ripMask);
  return true;
}

function outsideSegment(): bool {
  raise(GENERAL_PROTECTION, 0);
  return false;
}

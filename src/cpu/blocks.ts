/**
 * The cache of decoded code: basic blocks found by physical address, RIP and mode. A block is a header and its ops:
 *
 *     0  u64 RIP of the first instruction
 *     8  u64 its machine-physical address; all ones once the block is dead
 *    16  u32 mode key
 *    20  u32 next block with the same hash
 *    24  u32 next block on the same page
 *    28  u32 end: address after the last op that stands for an instruction
 *    32  u64 cost: instructions in the low half, cycles in the high half
 *
 * A block lies within one page, and so do the links between blocks: dropping a page needs nothing but its own list.
 */
import { BLOCKS, BLOCKS_END, BLOCK_HASH, BLOCK_HASH_ENTRIES, PAGE_BLOCKS } from '../spec/memory-map';
import { OP_BYTES } from './op';
import { ramBytes } from './physical';
import { dropWriteEntries } from './tlb-contexts';

export const BLOCK_RIP: usize = 0;
export const BLOCK_PHYSICAL: usize = 8;
export const BLOCK_MODE: usize = 16;
const BLOCK_NEXT_IN_HASH: usize = 20;
const BLOCK_NEXT_ON_PAGE: usize = 24;
export const BLOCK_END: usize = 28;
export const BLOCK_COST: usize = 32;
export const BLOCK_HEADER: usize = 40;
/** Instructions in a block at most. */
export const BLOCK_INSTRUCTIONS: u32 = 48;

let free: usize = BLOCKS;
/** Counts the flushes: addresses of blocks mean nothing after one. */
export let blockEpoch: u32 = 0;

@inline
function pageSlot(pa: u64): usize { return PAGE_BLOCKS + (<usize>(pa >> 12) << 2); }

@inline
function hashSlot(pa: u64): usize {
  return BLOCK_HASH + ((<usize>(pa ^ (pa >> 14)) & (BLOCK_HASH_ENTRIES - 1)) << 2);
}

export function pageHasCode(pa: u64): bool { return pa < ramBytes && load<u32>(pageSlot(pa)) != 0; }

export function findBlock(rip: u64, pa: u64, mode: u32): usize {
  let block: usize = load<u32>(hashSlot(pa));
  while (block != 0) {
    if (load<u64>(block, BLOCK_PHYSICAL) == pa && load<u64>(block) == rip && load<u32>(block, BLOCK_MODE) == mode) return block;
    block = load<u32>(block, BLOCK_NEXT_IN_HASH);
  }
  return 0;
}

/** Room for the largest block; everything is dropped when there is none. */
export function newBlock(): usize {
  if (free + BLOCK_HEADER + (BLOCK_INSTRUCTIONS + 1) * OP_BYTES > <usize>BLOCKS_END) flushBlocks();
  return free;
}

/** Keeps a block whose ops end, ending op included, at `end`. */
export function keepBlock(block: usize, end: usize): void {
  const pa = load<u64>(block, BLOCK_PHYSICAL);
  const hash = hashSlot(pa);
  store<u32>(block, load<u32>(hash), BLOCK_NEXT_IN_HASH);
  store<u32>(hash, <u32>block);
  const page = pageSlot(pa);
  const first = load<u32>(page);
  store<u32>(block, first, BLOCK_NEXT_ON_PAGE);
  store<u32>(page, <u32>block);
  free = end;
  if (first == 0) dropWriteEntries(pa);
}

function unhash(block: usize): void {
  const slot = hashSlot(load<u64>(block, BLOCK_PHYSICAL));
  let at = slot;
  while (load<u32>(at) != <u32>block) at = load<u32>(at) + BLOCK_NEXT_IN_HASH;
  store<u32>(at, load<u32>(block, BLOCK_NEXT_IN_HASH));
}

/** The bytes of a page change: its decoded code is dropped. */
export function invalidatePage(pa: u64): void {
  if (!pageHasCode(pa)) return;
  let block: usize = load<u32>(pageSlot(pa));
  store<u32>(pageSlot(pa), 0);
  while (block != 0) {
    unhash(block);
    store<u64>(block, u64.MAX_VALUE, BLOCK_PHYSICAL);
    block = load<u32>(block, BLOCK_NEXT_ON_PAGE);
  }
}

export function flushBlocks(): void {
  memory.fill(BLOCK_HASH, 0, BLOCK_HASH_ENTRIES << 2);
  memory.fill(PAGE_BLOCKS, 0, BLOCK_HASH - PAGE_BLOCKS);
  free = BLOCKS;
  blockEpoch++;
}

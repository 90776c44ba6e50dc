/**
 * The translation lookaside buffers: direct-mapped arrays, one each for reads, writes and fetches by supervisor and user,
 * in a bank of their own for every address space that is remembered (tlb-contexts.ts chooses the bank). A hit is one
 * compare that also detects page crossing:
 *
 *     entry = tlbReadBase + ((u32((va >> 12) ^ (va >> 22)) & 1023) << 4)
 *     hit   = load<u64>(entry) == ((va + (n - 1)) & ~0xfff)
 *     host  = u32(va) + load<u32>(entry, 8)
 *
 * The exclusive or keeps arrays apart that lie a multiple of 4 MiB from each other. A write entry exists only where the
 * dirty flag is set; it is blocked where the page holds decoded code. Every size of page is kept as 4 KiB pieces.
 */
import {
  TLB_BANKS, TLB_ENTRIES, TLB_SUPERVISOR_READ, TLB_SUPERVISOR_WRITE, TLB_USER_READ, TLB_USER_WRITE, TLB_SUPERVISOR_FETCH,
  TLB_USER_FETCH, TLB_END, TLB_NOTHING, TLB_FILL_LOG, TLB_GLOBAL_FILL_LOG, TLB_FILL_LOG_CAPACITY, PAGE_WRITERS,
  RAM_BASE,
} from '../spec/memory-map';
import { NO_ADDRESS } from './physical';

const INVALID: u64 = u64.MAX_VALUE;

/** Arrays of the current address space and privilege level. */
export let tlbReadBase: usize = TLB_BANKS + TLB_SUPERVISOR_READ;
export let tlbWriteBase: usize = TLB_BANKS + TLB_SUPERVISOR_WRITE;
export let tlbFetchBase: usize = TLB_BANKS + TLB_SUPERVISOR_FETCH;

/** Bank of the current address space, and the record in the table of contexts that counts its entries. */
export let tlbBank: usize = TLB_BANKS;
let context: usize = 0;
let userSelected: bool = false;
let checkedSelected: bool = false;

/** `checked`: no access to data is to hit. */
export function selectTlb(user: bool, checked: bool): void {
  userSelected = user;
  checkedSelected = checked;
  tlbReadBase = checked ? TLB_NOTHING : readTlb(user);
  tlbWriteBase = checked ? TLB_NOTHING : writeTlb(user);
  tlbFetchBase = fetchTlb(user);
}

export function selectBank(bank: usize, record: usize): void {
  tlbBank = bank;
  context = record;
  selectTlb(userSelected, checkedSelected);
}

export function emptyNothing(): void { memory.fill(TLB_NOTHING, 0xff, TLB_ENTRIES << 4); }

@inline export function readTlb(user: bool): usize { return tlbBank + (user ? TLB_USER_READ : TLB_SUPERVISOR_READ); }
@inline export function writeTlb(user: bool): usize { return tlbBank + (user ? TLB_USER_WRITE : TLB_SUPERVISOR_WRITE); }
@inline export function fetchTlb(user: bool): usize { return tlbBank + (user ? TLB_USER_FETCH : TLB_SUPERVISOR_FETCH); }

@inline
function entryOf(base: usize, va: u64): usize {
  return base + ((<usize>((va >> 12) ^ (va >> 22)) & (TLB_ENTRIES - 1)) << 4);
}

/** Wasm address of va in the data TLB at `base`, 0 on a miss or where the access crosses a page. */
@inline
export function lookUp(base: usize, va: u64, size: u32): usize {
  const entry = entryOf(base, va);
  return load<u64>(entry) == ((va + (size - 1)) & ~0xfff) ? <usize>va + load<u32>(entry, 8) : 0;
}

/** Machine-physical address of va in the fetch TLB at `base`, NO_ADDRESS on a miss. */
@inline
export function lookUpFetch(base: usize, va: u64): u64 {
  const entry = entryOf(base, va);
  return load<u64>(entry) == (va & ~0xfff) ? (load<u64>(entry, 8) & 0xffff_ffff_f000) | (va & 0xfff) : NO_ADDRESS;
}

/** In the flags of an entry: a global page. Bits 5:0 are the page's size as a power of two. */
export const TLB_GLOBAL: u32 = 0x80;
const SIZE: u32 = 0x3f;
const FLAGS_OFFSET: usize = 14;
export const SMALL_PAGE: u32 = 12;

/** Fields of a context's record: entries in each fill log (more than fit: all are to be looked at), and: u32 each. */
export const CONTEXT_FILLED: usize = 16;
export const CONTEXT_FILLED_GLOBAL: usize = 20;
/** Some entry is a piece of a larger page. */
export const CONTEXT_LARGE: usize = 24;

function claim(base: usize, va: u64, flags: u32): usize {
  const entry = entryOf(base, va);
  const free = load<u64>(entry) == INVALID;
  if (flags & TLB_GLOBAL) {
    if (free || (load<u16>(entry, FLAGS_OFFSET) & TLB_GLOBAL) == 0) note(entry, TLB_GLOBAL_FILL_LOG, CONTEXT_FILLED_GLOBAL);
  } else if (free || (load<u16>(entry, FLAGS_OFFSET) & TLB_GLOBAL) != 0) note(entry, TLB_FILL_LOG, CONTEXT_FILLED);
  store<u64>(entry, va & ~0xfff);
  if ((flags & SIZE) > SMALL_PAGE) store<u32>(context + CONTEXT_LARGE, 1);
  return entry;
}

function note(entry: usize, log: usize, counter: usize): void {
  const count = load<u32>(context + counter);
  if (count < <u32>TLB_FILL_LOG_CAPACITY) store<u16>(tlbBank + log + (<usize>count << 1), <u16>((entry - tlbBank) >> 4));
  if (count <= <u32>TLB_FILL_LOG_CAPACITY) store<u32>(context + counter, count + 1);
}

/**
 * In the tag of a write entry: its page holds decoded code, so that no store hits, but the translation is known. A store
 * costs the same number of walks whether or not code happens to be decoded.
 */
const BLOCKED: u64 = 1;

/** As {@link lookUp}, for an entry that is blocked. */
export function lookUpBlocked(base: usize, va: u64, size: u32): usize {
  const entry = entryOf(base, va);
  return load<u64>(entry) == (((va + (size - 1)) & ~0xfff) | BLOCKED) ? <usize>va + load<u32>(entry, 8) : 0;
}

export function unblock(base: usize, va: u64): void { store<u64>(entryOf(base, va), va & ~0xfff); }
export function block(base: usize, va: u64): void { store<u64>(entryOf(base, va), (va & ~0xfff) | BLOCKED); }

/** `host`: the wasm address of the byte at va. */
export function fillTlb(base: usize, va: u64, host: usize, flags: u32): void {
  const entry = claim(base, va, flags);
  store<u32>(entry, <u32>host - <u32>va, 8);
  store<u16>(entry, <u16>flags, FLAGS_OFFSET);
}

/** As {@link fillTlb}, of the TLB for writes. */
export function fillWriteTlb(base: usize, va: u64, host: usize, flags: u32): void {
  fillTlb(base, va, host, flags);
  const writer = writerSlot(<u64>(host - RAM_BASE));
  const entry = <u32>entryOf(base, va);
  const known = load<u32>(writer);
  if (known != entry) store<u32>(writer, known == NO_WRITER ? entry : SEVERAL_WRITERS);
}

export function fillFetchTlb(base: usize, va: u64, pa: u64, flags: u32): void {
  const entry = claim(base, va, flags);
  store<u64>(entry, (pa & 0xffff_ffff_f000) | (<u64>flags << 48), 8);
}

/** Everything in a bank goes. */
export function emptyBank(bank: usize, record: usize): void {
  if (overflowed(record)) memory.fill(bank, 0xff, TLB_END);
  else {
    dropLogged(bank, TLB_FILL_LOG, load<u32>(record + CONTEXT_FILLED));
    dropLogged(bank, TLB_GLOBAL_FILL_LOG, load<u32>(record + CONTEXT_FILLED_GLOBAL));
  }
  store<u32>(record + CONTEXT_FILLED, 0);
  store<u32>(record + CONTEXT_FILLED_GLOBAL, 0);
  store<u32>(record + CONTEXT_LARGE, 0);
}

@inline
function overflowed(record: usize): bool {
  return load<u32>(record + CONTEXT_FILLED) > <u32>TLB_FILL_LOG_CAPACITY
    || load<u32>(record + CONTEXT_FILLED_GLOBAL) > <u32>TLB_FILL_LOG_CAPACITY;
}

function dropLogged(bank: usize, log: usize, count: u32): void {
  const end = bank + log + (<usize>count << 1);
  for (let at = bank + log; at < end; at += 2) store<u64>(bank + (<usize>load<u16>(at) << 4), INVALID);
}

/** All but global pages go. */
export function emptyBankButGlobal(bank: usize, record: usize): void {
  const count = load<u32>(record + CONTEXT_FILLED);
  if (count > <u32>TLB_FILL_LOG_CAPACITY) {
    for (let entry = bank; entry < bank + TLB_END; entry += 16) dropUnlessGlobal(entry);
  } else {
    const end = bank + TLB_FILL_LOG + (<usize>count << 1);
    for (let at = bank + TLB_FILL_LOG; at < end; at += 2) dropUnlessGlobal(bank + (<usize>load<u16>(at) << 4));
  }
  store<u32>(record + CONTEXT_FILLED, 0);
}

@inline
function dropUnlessGlobal(entry: usize): void {
  if ((load<u16>(entry, FLAGS_OFFSET) & TLB_GLOBAL) == 0) store<u64>(entry, INVALID);
}

/** Every piece of the page that holds va goes, whatever the page's size (SDM 4.10.4.1); of global pages only, if asked. */
export function dropPage(bank: usize, record: usize, va: u64, onlyGlobal: bool): void {
  if (load<u32>(record + CONTEXT_LARGE) == 0) {
    for (let base = bank; base < bank + TLB_END; base += TLB_ENTRIES << 4) dropPiece(entryOf(base, va), va, onlyGlobal);
  } else if (overflowed(record)) {
    for (let entry = bank; entry < bank + TLB_END; entry += 16) dropPiece(entry, va, onlyGlobal);
  } else {
    dropPieces(bank, TLB_FILL_LOG, load<u32>(record + CONTEXT_FILLED), va, onlyGlobal);
    dropPieces(bank, TLB_GLOBAL_FILL_LOG, load<u32>(record + CONTEXT_FILLED_GLOBAL), va, onlyGlobal);
  }
}

function dropPieces(bank: usize, log: usize, count: u32, va: u64, onlyGlobal: bool): void {
  const end = bank + log + (<usize>count << 1);
  for (let at = bank + log; at < end; at += 2) dropPiece(bank + (<usize>load<u16>(at) << 4), va, onlyGlobal);
}

@inline
function dropPiece(entry: usize, va: u64, onlyGlobal: bool): void {
  const flags: u32 = load<u16>(entry, FLAGS_OFFSET);
  if (onlyGlobal && (flags & TLB_GLOBAL) == 0) return;
  if ((load<u64>(entry) ^ va) >> (flags & SIZE) == 0) store<u64>(entry, INVALID);
}

/** Every entry of a bank that leads to the page of pa goes. */
export function dropPhysicalPage(bank: usize, pa: u64): void {
  const host = <u32>RAM_BASE + (<u32>pa & ~0xfff);
  for (let entry = bank; entry < bank + TLB_END; entry += 16) {
    const fetches = entry >= bank + TLB_SUPERVISOR_FETCH;
    const leadsThere = fetches
      ? (load<u64>(entry, 8) & 0xffff_ffff_f000) == (pa & ~0xfff)
      : (<u32>load<u64>(entry) & ~0xfff) + load<u32>(entry, 8) == host;
    if (leadsThere) store<u64>(entry, INVALID);
  }
}

/** In {@link PAGE_WRITERS}, beside the address of a write entry. */
export const NO_WRITER: u32 = 0;
export const SEVERAL_WRITERS: u32 = 1;

@inline
export function writerSlot(pa: u64): usize { return PAGE_WRITERS + (<usize>(pa >> 12) << 2); }

/** Blocks the write entry if it leads to the page of pa. */
@inline
export function blockEntry(entry: usize, pa: u64): bool {
  const tag = load<u64>(entry);
  if (tag == INVALID || (<u32>tag & ~0xfff) + load<u32>(entry, 8) != <u32>RAM_BASE + (<u32>pa & ~0xfff)) return false;
  store<u64>(entry, tag | BLOCKED);
  return true;
}

/** Blocks the write entries of a bank that lead to the page of pa. Returns the page's writers, `writers` among them. */
export function blockEntries(bank: usize, pa: u64, writers: u32): u32 {
  const found = blockEntriesOf(bank + TLB_SUPERVISOR_WRITE, pa, writers);
  return blockEntriesOf(bank + TLB_USER_WRITE, pa, found);
}

function blockEntriesOf(base: usize, pa: u64, writers: u32): u32 {
  let found = writers;
  const end = base + (TLB_ENTRIES << 4);
  for (let entry = base; entry < end; entry += 16) {
    if (blockEntry(entry, pa)) found = found == NO_WRITER ? <u32>entry : SEVERAL_WRITERS;
  }
  return found;
}

/**
 * The translation lookaside buffers: direct-mapped arrays at fixed addresses, one each for reads, writes and fetches by
 * supervisor and user. A hit is one compare that also detects page crossing:
 *
 *     entry = tlbReadBase + ((u32((va >> 12) ^ (va >> 22)) & 1023) << 4)
 *     hit   = load<u64>(entry) == ((va + (n - 1)) & ~0xfff)
 *     host  = u32(va) + load<u32>(entry, 8)
 *
 * The exclusive or keeps arrays apart that lie a multiple of 4 MiB from each other. A write entry exists only where the
 * dirty flag is set; it is blocked where the page holds decoded code. Every size of page is kept as 4 KiB pieces.
 */
import {
  TLB_ENTRIES, TLB_SUPERVISOR_READ, TLB_SUPERVISOR_WRITE, TLB_USER_READ, TLB_USER_WRITE, TLB_SUPERVISOR_FETCH,
  TLB_USER_FETCH, TLB_END, TLB_FILL_LOG, TLB_FILL_LOG_CAPACITY, RAM_BASE,
} from '../spec/memory-map';
import { NO_ADDRESS } from './physical';
import { contextChanged } from './context';

const INVALID: u64 = u64.MAX_VALUE;

/** Arrays of the current privilege level. */
export let tlbReadBase: usize = TLB_SUPERVISOR_READ;
export let tlbWriteBase: usize = TLB_SUPERVISOR_WRITE;
export let tlbFetchBase: usize = TLB_SUPERVISOR_FETCH;

let logged: u32 = TLB_FILL_LOG_CAPACITY + 1;
let holdsPiecesOfLargePages: bool = false;

export function selectTlb(user: bool): void {
  tlbReadBase = user ? TLB_USER_READ : TLB_SUPERVISOR_READ;
  tlbWriteBase = user ? TLB_USER_WRITE : TLB_SUPERVISOR_WRITE;
  tlbFetchBase = user ? TLB_USER_FETCH : TLB_SUPERVISOR_FETCH;
}

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
  return load<u64>(entry) == (va & ~0xfff) ? load<u64>(entry, 8) | (va & 0xfff) : NO_ADDRESS;
}

function claim(base: usize, va: u64, large: bool): usize {
  const entry = entryOf(base, va);
  if (load<u64>(entry) == INVALID) {
    if (logged < <u32>TLB_FILL_LOG_CAPACITY) store<u32>(<usize>TLB_FILL_LOG + (<usize>logged << 2), <u32>entry);
    if (logged <= <u32>TLB_FILL_LOG_CAPACITY) logged++;
  }
  store<u64>(entry, va & ~0xfff);
  if (large) holdsPiecesOfLargePages = true;
  return entry;
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
export function fillTlb(base: usize, va: u64, host: usize, large: bool): void {
  store<u32>(claim(base, va, large), <u32>host - <u32>va, 8);
}

export function fillFetchTlb(base: usize, va: u64, pa: u64, large: bool): void {
  store<u64>(claim(base, va, large), pa & ~0xfff, 8);
}

export function flushTlb(): void {
  if (logged > <u32>TLB_FILL_LOG_CAPACITY) memory.fill(TLB_SUPERVISOR_READ, 0xff, TLB_END - TLB_SUPERVISOR_READ);
  else for (let i: u32 = 0; i < logged; i++) store<u64>(load<u32>(<usize>TLB_FILL_LOG + (<usize>i << 2)), INVALID);
  logged = 0;
  holdsPiecesOfLargePages = false;
  contextChanged();
}

/** INVLPG drops every piece of the page that holds va, whatever the page's size (SDM 4.10.4.1). */
export function flushTlbPage(va: u64): void {
  if (holdsPiecesOfLargePages) {
    flushTlb();
    return;
  }
  for (let base: usize = TLB_SUPERVISOR_READ; base < <usize>TLB_END; base += TLB_ENTRIES << 4) {
    const entry = entryOf(base, va);
    if ((load<u64>(entry) & ~BLOCKED) == (va & ~0xfff)) store<u64>(entry, INVALID);
  }
  contextChanged();
}

/** From now on no write to the physical page of pa hits the TLB: it holds decoded code. */
export function dropWriteEntries(pa: u64): void {
  dropWriteEntriesOf(TLB_SUPERVISOR_WRITE, pa);
  dropWriteEntriesOf(TLB_USER_WRITE, pa);
}

function dropWriteEntriesOf(base: usize, pa: u64): void {
  const page = RAM_BASE + (<u32>pa & ~0xfff);
  const end = base + (TLB_ENTRIES << 4);
  for (let entry = base; entry < end; entry += 16) {
    const tag = load<u64>(entry);
    if (tag != INVALID && (<u32>tag & ~0xfff) + load<u32>(entry, 8) == page) store<u64>(entry, tag | BLOCKED);
  }
}

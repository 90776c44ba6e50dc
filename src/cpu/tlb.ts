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
  TLB_USER_FETCH, TLB_END, TLB_NOTHING, TLB_FILL_LOG, TLB_FILL_LOG_CAPACITY, RAM_BASE,
} from '../spec/memory-map';
import { NO_ADDRESS } from './physical';
import { contextChanged } from './context';

const INVALID: u64 = u64.MAX_VALUE;
/**
 * In the low bits of a tag, so that no access hits. BLOCKED, in a write entry: its page holds decoded code, but the
 * translation is known; a store costs the same number of walks whether or not code happens to be decoded. DORMANT: of
 * another PCID than the current one.
 */
const BLOCKED: u64 = 1;
const DORMANT: u64 = 2;

/** The last 16 bits of an entry: the PCID, and marks of a global page and of a piece of a large one. */
const MARKS: usize = 14;
const MARK_PCID: u32 = 0xfff;
const MARK_GLOBAL: u32 = 1 << 12;
const MARK_LARGE: u32 = 1 << 13;
const FETCH_ADDRESS: u64 = 0xffff_ffff_f000;

/** Arrays of the current privilege level. */
export let tlbReadBase: usize = TLB_SUPERVISOR_READ;
export let tlbWriteBase: usize = TLB_SUPERVISOR_WRITE;
export let tlbFetchBase: usize = TLB_SUPERVISOR_FETCH;

let logged: u32 = TLB_FILL_LOG_CAPACITY + 1;
let holdsPiecesOfLargePages: bool = false;
let holdsGlobalPages: bool = false;
/** PCID of the entries that are not dormant. */
let activePcid: u32 = 0;

/** `checked`: no access to data is to hit. */
export function selectTlb(user: bool, checked: bool): void {
  tlbReadBase = checked ? TLB_NOTHING : user ? TLB_USER_READ : TLB_SUPERVISOR_READ;
  tlbWriteBase = checked ? TLB_NOTHING : user ? TLB_USER_WRITE : TLB_SUPERVISOR_WRITE;
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
  return load<u64>(entry) == (va & ~0xfff) ? (load<u64>(entry, 8) & FETCH_ADDRESS) | (va & 0xfff) : NO_ADDRESS;
}

/** The entry for va, valid; what it maps to and its marks are the caller's to write. */
function claim(base: usize, va: u64): usize {
  const entry = entryOf(base, va);
  if (load<u64>(entry) == INVALID) {
    if (logged < <u32>TLB_FILL_LOG_CAPACITY) store<u32>(<usize>TLB_FILL_LOG + (<usize>logged << 2), <u32>entry);
    if (logged <= <u32>TLB_FILL_LOG_CAPACITY) logged++;
  }
  store<u64>(entry, va & ~0xfff);
  return entry;
}

function mark(entry: usize, large: bool, global: bool): void {
  if (large) holdsPiecesOfLargePages = true;
  if (global) holdsGlobalPages = true;
  store<u16>(entry, <u16>(activePcid | (large ? MARK_LARGE : 0) | (global ? MARK_GLOBAL : 0)), MARKS);
}

/** As {@link lookUp}, for an entry that is blocked. */
export function lookUpBlocked(base: usize, va: u64, size: u32): usize {
  const entry = entryOf(base, va);
  return load<u64>(entry) == (((va + (size - 1)) & ~0xfff) | BLOCKED) ? <usize>va + load<u32>(entry, 8) : 0;
}

export function unblock(base: usize, va: u64): void { store<u64>(entryOf(base, va), va & ~0xfff); }
export function block(base: usize, va: u64): void { store<u64>(entryOf(base, va), (va & ~0xfff) | BLOCKED); }

/** `host`: the wasm address of the byte at va. */
export function fillTlb(base: usize, va: u64, host: usize, large: bool, global: bool): void {
  const entry = claim(base, va);
  store<u32>(entry, <u32>host - <u32>va, 8);
  mark(entry, large, global);
}

export function fillFetchTlb(base: usize, va: u64, pa: u64, large: bool, global: bool): void {
  const entry = claim(base, va);
  store<u64>(entry, pa & FETCH_ADDRESS, 8);
  mark(entry, large, global);
}

/** All translations, of global pages too. */
export function flushTlb(): void {
  if (logged > <u32>TLB_FILL_LOG_CAPACITY) {
    memory.fill(TLB_SUPERVISOR_READ, 0xff, TLB_END - TLB_SUPERVISOR_READ);
    memory.fill(TLB_NOTHING, 0xff, TLB_ENTRIES << 4);
  } else for (let i: u32 = 0; i < logged; i++) store<u64>(load<u32>(<usize>TLB_FILL_LOG + (<usize>i << 2)), INVALID);
  logged = 0;
  holdsPiecesOfLargePages = false;
  holdsGlobalPages = false;
  contextChanged();
}

/** What a sweep drops, beside global pages or not. */
const OF_ANY_PCID: u32 = 0x1000;
const NOTHING: u32 = 0x1001;

/** Drops what is not global, of one PCID or of any; wakes the entries of the active PCID and puts the others to sleep. */
function sweep(drop: u32): void {
  const whole = logged > <u32>TLB_FILL_LOG_CAPACITY;
  const count: u32 = whole ? <u32>(TLB_END - TLB_SUPERVISOR_READ) >> 4 : logged;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const entry: usize = whole ? <usize>TLB_SUPERVISOR_READ + (<usize>i << 4) : <usize>load<u32>(<usize>TLB_FILL_LOG + (<usize>i << 2));
    if (!sweepEntry(entry, drop)) continue;
    store<u32>(<usize>TLB_FILL_LOG + (<usize>kept << 2), <u32>entry);
    kept++;
  }
  logged = kept;
  contextChanged();
}

/** False when the entry is not valid any more. */
function sweepEntry(entry: usize, drop: u32): bool {
  const tag = load<u64>(entry);
  if (tag == INVALID) return false;
  const marks = <u32>load<u16>(entry, MARKS);
  if (marks & MARK_GLOBAL) return true;
  const pcid = marks & MARK_PCID;
  if (drop == OF_ANY_PCID || drop == pcid) {
    store<u64>(entry, INVALID);
    return false;
  }
  store<u64>(entry, pcid == activePcid ? tag & ~DORMANT : tag | DORMANT);
  return true;
}

/** All but global pages (SDM 4.10.4.1). */
export function flushLocalTlb(): void {
  if (holdsGlobalPages) sweep(OF_ANY_PCID);
  else flushTlb();
}

/** All of one PCID but global pages. */
export function flushPcid(pcid: u32): void { sweep(pcid); }

/** The current PCID: its translations, as far as they are still there, are used again. */
export function activatePcid(pcid: u32): void {
  if (pcid == activePcid) return;
  activePcid = pcid;
  sweep(NOTHING);
}

/**
 * INVLPG and INVPCID drop every piece of the page that holds va, whatever the page's size (SDM 4.10.4.1): pieces of
 * large pages within the same GByte.
 */
export function flushTlbPage(va: u64, pcid: u32, global: bool): void {
  if (holdsPiecesOfLargePages) {
    for (let entry: usize = TLB_SUPERVISOR_READ; entry < <usize>TLB_END; entry += 16) {
      const sameGigabyte = load<u64>(entry) >> 30 == va >> 30;
      if (sameGigabyte && (load<u16>(entry, MARKS) & MARK_LARGE) != 0) drop(entry, pcid, global);
    }
  }
  for (let base: usize = TLB_SUPERVISOR_READ; base < <usize>TLB_END; base += TLB_ENTRIES << 4) {
    const entry = entryOf(base, va);
    if ((load<u64>(entry) & ~0xfff) == (va & ~0xfff)) drop(entry, pcid, global);
  }
  contextChanged();
}

function drop(entry: usize, pcid: u32, global: bool): void {
  const marks = <u32>load<u16>(entry, MARKS);
  if (marks & MARK_GLOBAL ? global : (marks & MARK_PCID) == pcid) store<u64>(entry, INVALID);
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

/**
 * The address spaces whose translations are remembered (SDM Vol. 3, 4.10.1, 29.4): each is told by its processor, VPID,
 * PCID and EPT pointer and has a bank of TLBs and paging-structure caches of its own. To change from one to another costs
 * a look into this table and keeps what both have cached; the one unused longest gives its bank to a new one.
 *
 * More than the manual demands may be dropped, never less: a global page is cached once for each PCID that uses it.
 */
import { CR3, CR4 } from '../spec/cpu-state';
import { CR4_PCIDE } from '../spec/control-bits';
import { TLB_BANKS, TLB_BANK_BYTES, TLB_CONTEXTS, TLB_CONTEXT_BYTES, TLB_CONTEXT_TABLE, TLB_END } from '../spec/memory-map';
import { contextChanged } from './context';
import { emptyEptStructures, emptyStructures } from './structure-cache';
import {
  blockEntries, blockEntry, dropPage, dropPhysicalPage, emptyBank, emptyBankButGlobal, emptyNothing, NO_WRITER, selectBank, SEVERAL_WRITERS, writerSlot,
} from './tlb';

/**
 * Fields of a record; offsets 16–27 belong to tlb.ts. EPT pointer u64 (0: none), VPID u16, PCID u16, processor u32; when it
 * was chosen last, u32, 0: the bank is free; whether the bank was ever made ready, u32.
 */
const EPT_POINTER: usize = 0;
const VPID: usize = 8;
const PCID: usize = 10;
const PROCESSOR: usize = 12;
const CHOSEN: usize = 28;
const READY: usize = 32;

const TABLE_END: usize = TLB_CONTEXT_TABLE + TLB_CONTEXTS * TLB_CONTEXT_BYTES;
/** Of VPIDs and PCIDs: all of them. */
const ANY: u32 = 0xffff_ffff;
const ANY_EPT: u64 = u64.MAX_VALUE;

let processor: u32 = 0;
let vpid: u32 = 0;
let eptPointer: u64 = 0;
/** The record in use, and how often one was chosen. */
let current: usize = 0;
let choices: u32 = 0;

@inline
function bankOf(record: usize): usize {
  return TLB_BANKS + (record - TLB_CONTEXT_TABLE) / TLB_CONTEXT_BYTES * TLB_BANK_BYTES;
}

/** The PCID in use (SDM 4.10.1). */
@inline
export function currentPcid(): u32 { return load<u64>(CR4) & CR4_PCIDE ? <u32>load<u64>(CR3) & 0xfff : 0; }

/** VM entry and exit: VPID 0000H without VPIDs and in root operation, EPT pointer 0 without EPT. */
export function switchVpid(newVpid: u32, newEptPointer: u64): void {
  vpid = newVpid;
  eptPointer = newEptPointer;
  selectContext();
}

/** Another processor's state is in the window. */
export function switchProcessor(number: u32): void {
  processor = number;
  selectContext();
}

/** To be called when CR3 or CR4.PCIDE has changed: chooses the bank. Invalidates nothing. */
export function selectContext(): void {
  const pcid = currentPcid();
  if (current == 0 || !holds(current, pcid)) current = find(pcid);
  if (++choices == 0) choices = 1;
  store<u32>(current + CHOSEN, choices);
  selectBank(bankOf(current), current);
  contextChanged();
}

@inline
function holds(record: usize, pcid: u32): bool {
  return load<u32>(record + CHOSEN) != 0 && load<u64>(record + EPT_POINTER) == eptPointer && load<u16>(record + VPID) == vpid
    && load<u16>(record + PCID) == pcid && load<u32>(record + PROCESSOR) == processor;
}

function find(pcid: u32): usize {
  let oldest: usize = TLB_CONTEXT_TABLE;
  for (let record: usize = TLB_CONTEXT_TABLE; record < TABLE_END; record += TLB_CONTEXT_BYTES) {
    if (holds(record, pcid)) return record;
    if (load<u32>(record + CHOSEN) < load<u32>(oldest + CHOSEN)) oldest = record;
  }
  if (load<u32>(oldest + READY) == 0) memory.fill(bankOf(oldest), 0xff, TLB_END);
  store<u32>(oldest + READY, 1);
  empty(oldest);
  store<u64>(oldest + EPT_POINTER, eptPointer);
  store<u16>(oldest + VPID, <u16>vpid);
  store<u16>(oldest + PCID, <u16>pcid);
  store<u32>(oldest + PROCESSOR, processor);
  return oldest;
}

function empty(record: usize): void {
  emptyBank(bankOf(record), record);
  emptyStructures(bankOf(record));
  emptyEptStructures(bankOf(record));
}

/** Power-on, and a state that was replaced from outside. */
export function flushAllContexts(): void {
  for (let record: usize = TLB_CONTEXT_TABLE; record < TABLE_END; record += TLB_CONTEXT_BYTES) {
    if (load<u32>(record + CHOSEN) != 0) empty(record);
    store<u32>(record + CHOSEN, 0);
  }
  emptyNothing();
  choices = 0;
  current = 0;
  vpid = 0;
  eptPointer = 0;
  selectContext();
}

/** A context of this processor, of the VPID and the PCID, with the EPT pointer. */
@inline
function concerned(record: usize, ofVpid: u32, ofPcid: u32, ofEpt: u64): bool {
  return load<u32>(record + CHOSEN) != 0 && load<u32>(record + PROCESSOR) == processor
    && (ofVpid == ANY || load<u16>(record + VPID) == ofVpid) && (ofPcid == ANY || load<u16>(record + PCID) == ofPcid)
    && (ofEpt == ANY_EPT || load<u64>(record + EPT_POINTER) == ofEpt);
}

function flush(ofVpid: u32, ofPcid: u32, ofEpt: u64): void {
  for (let record: usize = TLB_CONTEXT_TABLE; record < TABLE_END; record += TLB_CONTEXT_BYTES) {
    if (concerned(record, ofVpid, ofPcid, ofEpt)) empty(record);
  }
  contextChanged();
}

function flushNonGlobal(ofVpid: u32, ofPcid: u32): void {
  for (let record: usize = TLB_CONTEXT_TABLE; record < TABLE_END; record += TLB_CONTEXT_BYTES) {
    if (!concerned(record, ofVpid, ofPcid, ANY_EPT)) continue;
    emptyBankButGlobal(bankOf(record), record);
    emptyStructures(bankOf(record));
  }
  contextChanged();
}

/** `ofPcid`: the one whose entries all go; those of other PCIDs only where they are global. */
function flushPage(ofVpid: u32, ofPcid: u32, va: u64, globalToo: bool): void {
  for (let record: usize = TLB_CONTEXT_TABLE; record < TABLE_END; record += TLB_CONTEXT_BYTES) {
    if (!concerned(record, ofVpid, ANY, ANY_EPT)) continue;
    const own = ofPcid == ANY || load<u16>(record + PCID) == ofPcid;
    if (own) emptyStructures(bankOf(record));
    if (own || globalToo) dropPage(bankOf(record), record, va, !own);
  }
  contextChanged();
}

/** Current VPID, all PCIDs, global pages too: changes of CR0, CR4 and EFER, INVPCID of type 2 (SDM 4.10.4.1). */
export function flushTlb(): void { flush(vpid, ANY, ANY_EPT); }
/** Current VPID, all PCIDs, no global pages: INVPCID of type 3. */
export function flushTlbNonGlobal(): void { flushNonGlobal(vpid, ANY); }
/** Current VPID, one PCID, no global pages: MOV to CR3, INVPCID of type 1. */
export function flushPcid(pcid: u32): void { flushNonGlobal(vpid, pcid); }
/** One page of the current PCID, or a global one of any: INVLPG. */
export function flushTlbPage(va: u64): void { flushPage(vpid, currentPcid(), va, true); }
/** One page of one PCID: INVPCID of type 0. */
export function flushPcidPage(pcid: u32, va: u64): void { flushPage(vpid, pcid, va, false); }

/** Linear and combined mappings of a VPID: INVVPID of type 1, VM entries and exits without VPIDs (29.4.3). */
export function flushVpid(ofVpid: u32): void { flush(ofVpid, ANY, ANY_EPT); }
/** … but global pages: INVVPID of type 3. */
export function flushVpidNonGlobal(ofVpid: u32): void { flushNonGlobal(ofVpid, ANY); }
/** … of one linear address: INVVPID of type 0. */
export function flushVpidPage(ofVpid: u32, va: u64): void { flushPage(ofVpid, ANY, va, true); }
/** All VPIDs: INVVPID of type 2; VPID 0000H, which it may leave, is dropped too. */
export function flushAllVpids(): void { flush(ANY, ANY, ANY_EPT); }
/** Combined mappings of an EPT pointer: INVEPT of type 1. */
export function flushEptContext(pointer: u64): void { flush(ANY, ANY, pointer); }

/** Whatever leads to the physical page of pa, by whatever address, on every processor. */
export function flushPhysicalPage(pa: f64): void {
  for (let record: usize = TLB_CONTEXT_TABLE; record < TABLE_END; record += TLB_CONTEXT_BYTES) {
    if (load<u32>(record + CHOSEN) != 0) dropPhysicalPage(bankOf(record), <u64>pa);
  }
  contextChanged();
}

/** From now on no write to the physical page of pa hits a TLB: it holds decoded code. */
export function dropWriteEntries(pa: u64): void {
  const writer = writerSlot(pa);
  const known = load<u32>(writer);
  if (known == NO_WRITER) return;
  if (known != SEVERAL_WRITERS) {
    blockEntry(known, pa);
    return;
  }
  let writers = NO_WRITER;
  for (let record: usize = TLB_CONTEXT_TABLE; record < TABLE_END; record += TLB_CONTEXT_BYTES) {
    if (load<u32>(record + CHOSEN) != 0) writers = blockEntries(bankOf(record), pa, writers);
  }
  store<u32>(writer, writers);
}

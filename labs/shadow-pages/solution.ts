// ring1 lab: shadow-pages
import { CR0_WP } from "../../src/spec/control-bits.js";
import {
  FAULT_FETCH,
  FAULT_PRESENT,
  FAULT_RESERVED,
  FAULT_USER,
  FAULT_WRITE,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_LARGE,
  PAGE_PRESENT,
  PAGE_USER,
  PAGE_WRITABLE,
} from "../../src/spec/page-bits.js";
import type { Answer, Shadow } from "./given.js";

const PAGE_BYTES = 4096;
const ADDRESS = 0x7f_ffff_f000n;
/** Bits 51:39, above MAXPHYADDR. */
const ABOVE_PHYSICAL = 0x000f_ff80_0000_0000n;
const NO_EXECUTE = 1n << 63n;
const WRITABLE = BigInt(PAGE_WRITABLE);
const ALL_RIGHTS = BigInt(PAGE_PRESENT | PAGE_ACCESSED | PAGE_USER) | WRITABLE;

/** A walk of the guest's tables, the PML4 entry first. */
interface Walk {
  used: { address: number; entry: bigint; level: number }[];
  /** Guest-physical. */
  page: number;
  writable: boolean;
  user: boolean;
  noExecute: boolean;
}

/** Shadow tables by what they are made from: a table of the guest or a piece of a large page, and its level. */
const tables = new Map<string, number>();
/** Guest pages that hold tables with a shadow: nothing permits a write to them. */
const isTable = new Set<number>();
/** Shadow entries that were made from an entry of the guest's, by its guest-physical address … */
const madeFrom = new Map<number, Set<number>>();
/** … and those that map a page of the guest's. */
const mapping = new Map<number, Set<number>>();

/** The guest has loaded CR3. @returns machine address of the table for the processor's CR3 */
export function enterSpace(shadow: Shadow): number {
  return shadowOf(shadow, Number(shadow.cr3 & ADDRESS), 4);
}

/** #PF on the shadow tables: is it the guest's own, or were they not ready for the access? */
export function pageFault(shadow: Shadow, linear: bigint, errorCode: number): Answer {
  const access = errorCode & (FAULT_WRITE | FAULT_USER | FAULT_FETCH);
  const write = (access & FAULT_WRITE) !== 0;
  const walk = walkGuest(shadow, linear);
  if (typeof walk === "number") return access | walk;
  if (!permits(shadow, walk, access)) return access | FAULT_PRESENT;
  if (walk.page >= shadow.ramBytes) return (access & FAULT_FETCH) !== 0 ? "refused" : "emulate";
  if (write && (!walk.writable || isTable.has(walk.page))) return "emulate";
  setFlags(shadow, walk, write);
  fill(shadow, linear, walk);
  return "hidden";
}

/** Guest-physical memory was written in software: what was made from entries there is made anew when it is wanted. */
export function written(shadow: Shadow, address: number, bytes: number): void {
  for (let at = address - (address % 8); at < address + bytes; at += 8) {
    for (const entry of madeFrom.get(at) ?? []) shadow.write64(entry, 0n);
    madeFrom.delete(at);
  }
}

/** @returns P and RSVD of the error code where the walk fails */
function walkGuest(shadow: Shadow, linear: bigint): Walk | number {
  const walk: Walk = { used: [], page: 0, writable: true, user: true, noExecute: false };
  let table = Number(shadow.cr3 & ADDRESS);
  for (let level = 4; ; level--) {
    const address = table + 8 * indexOf(linear, level);
    const entry = shadow.readGuest(address);
    if (!has(entry, PAGE_PRESENT)) return 0;
    if (isReserved(entry, level)) return FAULT_PRESENT | FAULT_RESERVED;
    walk.used.push({ address, entry, level });
    walk.writable &&= has(entry, PAGE_WRITABLE);
    walk.user &&= has(entry, PAGE_USER);
    walk.noExecute ||= (entry & NO_EXECUTE) !== 0n;
    table = Number(entry & ADDRESS);
    if (level > 1 && !has(entry, PAGE_LARGE)) continue;
    const bytes = bytesOf(level);
    const offset = Number(linear & 0x3fff_ffffn) % bytes;
    walk.page = table - (table % bytes) + offset - (offset % PAGE_BYTES);
    return walk;
  }
}

function permits({ cr0 }: Shadow, { writable, user, noExecute }: Walk, access: number): boolean {
  if ((access & FAULT_FETCH) !== 0 && noExecute) return false;
  if ((access & FAULT_USER) !== 0) return user && (writable || (access & FAULT_WRITE) === 0);
  return writable || (access & FAULT_WRITE) === 0 || (cr0 & CR0_WP) === 0;
}

/** The guest's flags become what the processor would have made them. */
function setFlags(shadow: Shadow, { used }: Walk, write: boolean): void {
  for (const [i, step] of used.entries()) {
    const flags = write && i === used.length - 1 ? PAGE_ACCESSED | PAGE_DIRTY : PAGE_ACCESSED;
    if ((step.entry & BigInt(flags)) === BigInt(flags)) continue;
    step.entry |= BigInt(flags);
    shadow.writeGuest(step.address, step.entry);
  }
}

/** Makes the shadow's entries from the root down, each with the rights of the guest's. A large page is mapped in pieces. */
function fill(shadow: Shadow, linear: bigint, { used, page }: Walk): void {
  let table = enterSpace(shadow);
  for (let level = 4; level >= 1; level--) {
    const step = used[4 - level];
    const entry = table + 8 * indexOf(linear, level);
    let rights = step === undefined ? ALL_RIGHTS : rightsOf(step.entry, step === used.at(-1));
    if (step !== undefined) remember(madeFrom, step.address, entry);
    if (level > 1) {
      table = below(shadow, level, used, page);
      shadow.write64(entry, BigInt(table) | rights);
      continue;
    }
    if (isTable.has(page)) rights &= ~WRITABLE;
    remember(mapping, page, entry);
    shadow.write64(entry, BigInt(shadow.machineOf(page)) | rights | BigInt(PAGE_DIRTY));
  }
}

/** U/S, R/W and XD of the guest's entry; no R/W before a page is dirty, so that the first write is seen. */
function rightsOf(entry: bigint, last: boolean): bigint {
  const rights = (entry & (ALL_RIGHTS | NO_EXECUTE)) | BigInt(PAGE_ACCESSED);
  return last && !has(entry, PAGE_DIRTY) ? rights & ~WRITABLE : rights;
}

/** The shadow table below an entry of `level`. */
function below(shadow: Shadow, level: number, used: Walk["used"], page: number): number {
  const step = used[4 - level];
  if (step !== undefined && step !== used.at(-1))
    return shadowOf(shadow, Number(step.entry & ADDRESS), level - 1);
  const first = page - (page % bytesOf(level));
  return tableFor(shadow, `piece/${first}/${level - 1}`);
}

/** The shadow of a table of the guest's, which nobody writes unseen from now on. */
function shadowOf(shadow: Shadow, guest: number, level: number): number {
  if (!isTable.has(guest)) {
    isTable.add(guest);
    for (const entry of mapping.get(guest) ?? []) shadow.write64(entry, shadow.read64(entry) & ~WRITABLE);
    shadow.flush();
  }
  return tableFor(shadow, `${guest}/${level}`);
}

function tableFor(shadow: Shadow, key: string): number {
  const known = tables.get(key);
  if (known !== undefined) return known;
  const made = shadow.allocateTable();
  tables.set(key, made);
  return made;
}

function remember(map: Map<number, Set<number>>, key: number, entry: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([entry]));
  else known.add(entry);
}

function isReserved(entry: bigint, level: number): boolean {
  if ((entry & ABOVE_PHYSICAL) !== 0n) return true;
  if (level === 1 || !has(entry, PAGE_LARGE)) return false;
  return level === 4 || (entry & BigInt(bytesOf(level) - 1) & ~0x1fffn) !== 0n;
}

function indexOf(linear: bigint, level: number): number {
  return Number((linear >> BigInt(12 + 9 * (level - 1))) & 511n);
}

/** Bytes that an entry of a level maps. */
function bytesOf(level: number): number {
  return PAGE_BYTES * 512 ** (level - 1);
}

function has(entry: bigint, bit: number): boolean {
  return (entry & BigInt(bit)) !== 0n;
}

// ring1 lab: hypercalls
import { PAGE_GLOBAL, PAGE_LARGE, PAGE_PRESENT, PAGE_WRITABLE } from "../../src/spec/page-bits.js";
import {
  ERROR_BUSY,
  ERROR_FAULT,
  ERROR_INVALID,
  ERROR_PERMISSION,
  ERROR_TOO_MANY,
  HYPERVISOR_SLOT,
  MOST_REQUESTS,
  REQUEST_BYTES,
} from "../../src/spec/paravirtual.js";
import type { Domain } from "./given.js";

const ADDRESS = 0x000f_ffff_ffff_f000n;
const LARGE_OFFSET = 0x1f_f000n;
const FRAMES_IN_LARGE = 512;

interface Request {
  entry: bigint;
  value: bigint;
}

/** MMU_UPDATE: a list of page-table updates, up to the first that is refused. */
export function mmuUpdate(domain: Domain, list: bigint, count: bigint): number {
  domain.done(0);
  if (count > BigInt(MOST_REQUESTS)) return ERROR_TOO_MANY;
  const requests = readList(domain, list, Number(count));
  if (requests === null) return ERROR_FAULT;
  for (const [i, { entry, value }] of requests.entries()) {
    const error = update(domain, entry, value);
    domain.done(error === 0 ? i + 1 : i);
    if (error !== 0) return error;
  }
  return 0;
}

/** A copy: what is looked at is what is carried out, whatever the guest or its requests change meanwhile. */
function readList(domain: Domain, list: bigint, count: number): Request[] | null {
  const requests: Request[] = [];
  for (let i = 0; i < count; i++) {
    const at = BigInt.asUintN(64, list + BigInt(i * REQUEST_BYTES));
    const entry = domain.read64(at);
    const value = domain.read64(BigInt.asUintN(64, at + 8n));
    if (entry === undefined || value === undefined) return null;
    requests.push({ entry, value });
  }
  return requests;
}

/** What the entry is to name is taken into use, the entry written, what it named let go. */
function update(domain: Domain, entry: bigint, value: bigint): number {
  const frame = domain.frameOf(entry);
  if (frame < 0) return ERROR_PERMISSION;
  const level = domain.tableLevel(frame);
  if (level === 0 || (entry & 7n) !== 0n) return ERROR_INVALID;
  if (level === 4 && (entry & 0xfffn) === BigInt(8 * HYPERVISOR_SLOT)) return ERROR_PERMISSION;
  const error = take(domain, level, value);
  if (error !== 0) return error;
  const old = domain.readEntry(entry);
  domain.writeEntry(entry, value);
  letGo(domain, level, old);
  return 0;
}

function take(domain: Domain, level: number, value: bigint): number {
  if (!has(value, PAGE_PRESENT)) return 0;
  if (has(value, PAGE_GLOBAL)) return ERROR_INVALID;
  const frame = domain.frameOf(value & ADDRESS);
  if (frame < 0) return ERROR_PERMISSION;
  const large = has(value, PAGE_LARGE);
  if (large && level !== 2) return ERROR_INVALID;
  if (level > 1 && !large) return domain.useTable(frame, level - 1);
  if (large && (value & LARGE_OFFSET) !== 0n) return ERROR_INVALID;
  if (large && frame + FRAMES_IN_LARGE > domain.frames) return ERROR_PERMISSION;
  if (!has(value, PAGE_WRITABLE)) return 0;
  return (large ? domain.useLarge(frame) : domain.useWritable(frame)) ? 0 : ERROR_BUSY;
}

function letGo(domain: Domain, level: number, old: bigint): void {
  if (!has(old, PAGE_PRESENT)) return;
  const frame = domain.frameOf(old & ADDRESS);
  if (level > 1 && !has(old, PAGE_LARGE)) domain.dropTable(frame);
  else if (!has(old, PAGE_WRITABLE)) return;
  else if (level === 1) domain.dropWritable(frame);
  else domain.dropLarge(frame);
}

function has(entry: bigint, bit: number): boolean {
  return (entry & BigInt(bit)) !== 0n;
}

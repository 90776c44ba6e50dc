// ring1 lab: hypercalls
import { PAGE_PRESENT } from "../../src/spec/page-bits.js";
import { ERROR_FAULT, ERROR_INVALID, ERROR_PERMISSION, REQUEST_BYTES } from "../../src/spec/paravirtual.js";
import type { Domain } from "./given.js";

const ADDRESS = 0x000f_ffff_ffff_f000n;

/** MMU_UPDATE: a list of page-table updates, up to the first that is refused. */
export function mmuUpdate(domain: Domain, list: bigint, count: bigint): number {
  // Hole 1: the guest says how many, and where; the memory is its own, and may not even be there.
  const entry = domain.read64(list);
  const value = domain.read64(list + BigInt(REQUEST_BYTES / 2));
  if (entry === undefined || value === undefined) return ERROR_FAULT;
  // Hole 2: there is more than one request.
  return count === 0n ? 0 : update(domain, entry, value);
}

/** What the entry is to name is taken into use, the entry written, what it named let go. */
function update(domain: Domain, entry: bigint, value: bigint): number {
  const frame = domain.frameOf(entry);
  if (frame < 0) return ERROR_PERMISSION;
  const level = domain.tableLevel(frame);
  // Hole 3: not everything in the guest's memory is a page-table entry, and one of those is not the guest's.
  const error = take(domain, level, value);
  if (error !== 0) return error;
  // Hole 4: the entry, and what it named until now.
  return 0;
}

function take(domain: Domain, level: number, value: bigint): number {
  if ((value & BigInt(PAGE_PRESENT)) === 0n) return 0;
  const frame = domain.frameOf(value & ADDRESS);
  if (frame < 0) return ERROR_PERMISSION;
  // Hole 5: a page, a large page, or a table of the next level? For now nothing can be mapped.
  return level > 0 ? ERROR_INVALID : 0;
}

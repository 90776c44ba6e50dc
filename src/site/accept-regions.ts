/** Says that the prose around every quotation has been read again and still fits: writes docs/regions.lock.json. */
import { findQuotations, findRegions, writeLock } from "./regions.js";

const regions = findRegions();
for (const { name, page } of findQuotations()) {
  if (!regions.has(name)) throw new Error(`${page} quotes ${name}, but no region under src/ has that name`);
}
writeLock(regions);

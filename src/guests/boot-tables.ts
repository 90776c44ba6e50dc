import { PAGE_LARGE, PAGE_PRESENT, PAGE_WRITABLE } from "../spec/page-bits.js";

const TABLE_BYTES = 4096;
const ENTRIES = 512;
const LARGE_PAGE = 2 << 20;
const DIRECTORIES = 4;

/** PML4, PDPT and four page directories, bytes. */
export const BOOT_TABLES_BYTES = (2 + DIRECTORIES) * TABLE_BYTES;

/**
 * Four-level page tables (SDM Vol. 3, 4.5) that map the first 4 GiB linear = physical by 2 MiB pages, writable, for
 * the supervisor alone.
 * @param at guest-physical address where they will lie, page-aligned; CR3
 */
export function bootTables(at: number): Uint8Array {
  const bytes = new Uint8Array(BOOT_TABLES_BYTES);
  const view = new DataView(bytes.buffer);
  const put = (table: number, index: number, entry: number): void => {
    view.setBigUint64(table * TABLE_BYTES + index * 8, BigInt(entry), true);
  };
  put(0, 0, at + TABLE_BYTES + PAGE_PRESENT + PAGE_WRITABLE);
  for (let directory = 0; directory < DIRECTORIES; directory++) {
    put(1, directory, at + (2 + directory) * TABLE_BYTES + PAGE_PRESENT + PAGE_WRITABLE);
    for (let index = 0; index < ENTRIES; index++) {
      put(
        2 + directory,
        index,
        (directory * ENTRIES + index) * LARGE_PAGE + PAGE_PRESENT + PAGE_WRITABLE + PAGE_LARGE,
      );
    }
  }
  return bytes;
}

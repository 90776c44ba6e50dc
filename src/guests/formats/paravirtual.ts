/**
 * An image for paravirtualisation: its header (spec/paravirtual), and where it goes. What the guest finds beside it is made by
 * the hypervisor, which knows machine addresses.
 * @module
 */
import { HEADER_BYTES, HEADER_MAGIC, HEADER_VERSION } from "../../spec/paravirtual.js";
import { hex, ImageError } from "../image-error.js";
import type { ImageOptions, LoadedImage } from "../loaded-image.js";
import { Placement } from "../placement.js";

/** The header lies wholly in so many first bytes of the file, 4-byte aligned. */
const SEARCH = 8192;
const PAGE = 4096;
const FIRST_TABLES = 4;
/** The first page tables lie in the pages that they map one by one. */
const TABLES_END = 2 << 20;

export interface ParavirtualHeader {
  /** Offset in the file. */
  offset: number;
  /** Guest-physical addresses; see spec/paravirtual. */
  header: number;
  load: number;
  loadEnd: number;
  clearEnd: number;
  entry: number;
  tables: number;
}

/**
 * Looks for the header.
 * @returns undefined if there is none with a right checksum
 * @throws ImageError if it is of another version
 */
export function findParavirtualHeader(bytes: Uint8Array): ParavirtualHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(bytes.length, SEARCH) - HEADER_BYTES;
  for (let offset = 0; offset <= end; offset += 4) {
    if (view.getUint32(offset, true) !== HEADER_MAGIC) continue;
    const version = view.getUint32(offset + 4, true);
    if ((HEADER_MAGIC + version + view.getUint32(offset + 8, true)) % 2 ** 32 !== 0) continue;
    if (version !== HEADER_VERSION)
      throw new ImageError(
        `the image wants version ${version} of the paravirtual interface; this hypervisor has ${HEADER_VERSION}`,
      );
    const [header, load, loadEnd, clearEnd, entry, tables] = [12, 16, 20, 24, 28, 32].map((at) =>
      view.getUint32(offset + at, true),
    );
    return { offset, header, load, loadEnd, clearEnd, entry, tables };
  }
  return undefined;
}

export function loadParavirtual(
  bytes: Uint8Array,
  header: ParavirtualHeader,
  { name, ramBytes, commandLine = "", modules = [] }: ImageOptions,
): LoadedImage {
  if (modules.length > 0) throw new ImageError("a paravirtual image takes no modules");
  const { offset, load, loadEnd, clearEnd, entry, tables } = header;
  const placement = new Placement(ramBytes);
  const start = offset - (header.header - load);
  const length = loadEnd === 0 ? bytes.length - start : loadEnd - load;
  if (start < 0 || length <= 0 || start + length > bytes.length)
    throw new ImageError(
      `the paravirtual header at offset ${hex(offset)} describes ${length} bytes from offset ${start}, which the file of ${bytes.length} bytes has not`,
    );
  const end = Math.max(clearEnd, load + length);
  placement.put("the image", load, bytes.subarray(start, start + length), end - load);
  if (!placement.holds(entry))
    throw new ImageError(`the entry point ${hex(entry)} is outside the image, ${hex(load)}–${hex(end)}`);
  checkTables(tables, load, length, end);
  const words = commandLine === "" ? name : `${name} ${commandLine}`;
  return {
    kind: "paravirtual",
    entry,
    startMode: "long64",
    registers: {},
    segments: placement.segments,
    zero: placement.zero,
    symbols: [],
    paravirtual: { end, tables, commandLine: words },
  };
}

/** The tables are written over what is cleared of the image, not over what is loaded. */
function checkTables(tables: number, load: number, length: number, end: number): void {
  if (tables === 0) return;
  const tablesEnd = tables + FIRST_TABLES * PAGE;
  if (tables % PAGE !== 0 || tables < load + length || tablesEnd > end || tablesEnd > TABLES_END)
    throw new ImageError(
      `the page tables at ${hex(tables)}–${hex(tablesEnd)} are not pages that the image leaves free below 2 MiB`,
    );
}

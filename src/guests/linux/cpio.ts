/**
 * An archive in cpio's "newc" format, as Linux unpacks it into its root file system (Linux documentation,
 * driver-api/early-userspace/buffer-format.rst).
 * @module
 */
export interface ArchiveEntry {
  /** Path without a leading slash. */
  name: string;
  /** Type and permissions, as st_mode. */
  mode: number;
  /** Contents of a file, target of a symbolic link; nothing for a directory or device. */
  data?: Uint8Array;
  /** Major and minor number of a device. */
  device?: readonly [major: number, minor: number];
}

export const DIRECTORY = 0o040755;
export const EXECUTABLE = 0o100755;
export const SYMBOLIC_LINK = 0o120777;
export const CHARACTER_DEVICE = 0o020600;

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
const HEADER_BYTES = 110;

const align = (length: number): number => Math.ceil(length / 4) * 4;

/** Inode numbers and times are fixed: the same entries make the same archive. */
function entryBytes(
  { name, mode, data = new Uint8Array(0), device = [0, 0] }: ArchiveEntry,
  inode: number,
): Uint8Array {
  const encoded = new TextEncoder().encode(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, ...device, encoded.length, 0];
  const header = MAGIC + fields.map((value) => value.toString(16).padStart(8, "0")).join("");
  const dataAt = align(HEADER_BYTES + encoded.length);
  const bytes = new Uint8Array(align(dataAt + data.length));
  bytes.set(new TextEncoder().encode(header));
  bytes.set(encoded, HEADER_BYTES);
  bytes.set(data, dataAt);
  return bytes;
}

export function cpioArchive(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts = [...entries, { name: TRAILER, mode: 0 }].map((entry, i) => entryBytes(entry, i + 1));
  const archive = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}

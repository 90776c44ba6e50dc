/** A file that cannot be started as a guest, or not on this machine. The message names the cause and the values. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/** An address as messages show it. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** A size as messages show it: in MiB where it is whole, else in KiB or bytes. */
export function size(bytes: number): string {
  if (bytes % (1 << 20) === 0) return `${bytes / (1 << 20)} MiB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} bytes`;
}

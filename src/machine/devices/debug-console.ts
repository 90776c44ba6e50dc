import type { Device } from "../bus.js";

/** What a read gives: firmware looks for it before it writes. */
const PRESENT = 0xe9;

/** QEMU's debug console, which firmware writes its log to: bytes, with nothing to wait for. One port. */
export function debugConsole(write: (byte: number) => void): Device {
  return { read: () => PRESENT, write: (_offset, _size, value) => write(value & 0xff) };
}

import { byteWide, type Device } from "../bus.js";

/** Read-only memory: writes are dropped. */
export function rom(bytes: Uint8Array): Device {
  return byteWide(
    (offset) => bytes[offset],
    () => {},
  );
}

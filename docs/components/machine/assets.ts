/** Addresses of what a machine is made of. Framework finds these files by the literal names here. */
import { FileAttachment } from "observablehq:stdlib";
import type { GuestListing } from "../../lib/guests/listing.js";

/** The processor. */
export const CORE = FileAttachment("../../lib/cpu/build/cpu.wasm").href;

/** Images of the built-in guests that pages use, by name. */
export const GUEST_IMAGES: Readonly<Record<string, string>> = {
  hello: FileAttachment("../../lib/guests/build/hello.bin").href,
  endless: FileAttachment("../../lib/guests/build/endless.bin").href,
  rings: FileAttachment("../../lib/guests/build/rings.bin").href,
  probe: FileAttachment("../../lib/guests/build/probe.bin").href,
  "memory-probe": FileAttachment("../../lib/guests/build/memory-probe.bin").href,
};

/** Address of a built-in guest's image. */
export function guestImage(name: string): string {
  const address = GUEST_IMAGES[name];
  if (address === undefined)
    throw new RangeError(`no guest is called ${name}; there are ${Object.keys(GUEST_IMAGES).join(", ")}`);
  return address;
}

/** Where the lines of a guest's program lie. */
export function helloListing(): Promise<GuestListing> {
  return FileAttachment("../../lib/guests/build/hello.listing.json").json() as Promise<GuestListing>;
}

/** As {@link helloListing}, of the guest of chapter 4. */
export function ringsListing(): Promise<GuestListing> {
  return FileAttachment("../../lib/guests/build/rings.listing.json").json() as Promise<GuestListing>;
}

/** Addresses of what a machine is made of. Framework finds these files by the literal names here. */
import { FileAttachment } from "observablehq:stdlib";
import type { CpuMode } from "../../lib/experiments/view.js";
import type { GuestListing } from "../../lib/guests/listing.js";

/** The processor. */
export const CORE = FileAttachment("../../lib/cpu/build/cpu.wasm").href;

/** The decoder of binary translation. */
export const DECODER = FileAttachment("../generated/iced-x86.wasm").href;

/** Images of the built-in guests that pages use, by name. */
export const GUEST_IMAGES: Readonly<Record<string, string>> = {
  hello: FileAttachment("../../lib/guests/build/hello.bin").href,
  endless: FileAttachment("../../lib/guests/build/endless.bin").href,
  rings: FileAttachment("../../lib/guests/build/rings.bin").href,
  probe: FileAttachment("../../lib/guests/build/probe.bin").href,
  "table-updates": FileAttachment("../../lib/guests/build/measured-table-updates.bin").href,
  "hypercall-probe": FileAttachment("../../lib/guests/build/hypercall-probe.bin").href,
  "translated-code": FileAttachment("../../lib/guests/build/measured-translated-code.bin").href,
  "memory-probe": FileAttachment("../../lib/guests/build/memory-probe.bin").href,
};

/** The same, built for paravirtualisation. */
export const PARAVIRTUAL_IMAGES: Readonly<Record<string, string>> = {
  "table-updates": FileAttachment("../../lib/guests/build/measured-table-updates.pv.bin").href,
};

/** Address of a built-in guest's image; for paravirtualisation, of that which was built for it. */
export function guestImage(name: string, cpuMode: CpuMode): string {
  const images = cpuMode === "pv" ? PARAVIRTUAL_IMAGES : GUEST_IMAGES;
  const address = images[name];
  if (address === undefined)
    throw new RangeError(`no guest is called ${name}; there are ${Object.keys(images).join(", ")}`);
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

/** As {@link helloListing}, of the guest of chapter 5. */
export function translatedListing(): Promise<GuestListing> {
  return FileAttachment(
    "../../lib/guests/build/measured-translated-code.listing.json",
  ).json() as Promise<GuestListing>;
}

/** As {@link helloListing}, of the paravirtual guest of chapter 6. */
export function updatesListing(): Promise<GuestListing> {
  return FileAttachment(
    "../../lib/guests/build/measured-table-updates.pv.listing.json",
  ).json() as Promise<GuestListing>;
}

import type { ElfFile } from "../elf.js";
import { hex, ImageError } from "../image-error.js";
import type { Placement } from "../placement.js";

/** Places the loadable segments. @returns the entry point, guest-physical */
export function placeElf(placement: Placement, elf: ElfFile, bytes: Uint8Array): number {
  if (elf.segments.length === 0) throw new ImageError("the ELF file has no loadable segment");
  for (const { index, physical, offset, fileSize, memorySize } of elf.segments) {
    placement.put(`segment ${index}`, physical, bytes.subarray(offset, offset + fileSize), memorySize);
  }
  const home = elf.segments.find(
    ({ virtual, memorySize }) => virtual <= elf.entry && elf.entry < virtual + BigInt(memorySize),
  );
  if (elf.entry < 1n << 32n && placement.holds(Number(elf.entry))) return Number(elf.entry);
  const linked =
    home === undefined
      ? ""
      : `: segment ${home.index} is linked at ${hex(home.virtual)} but loaded at ${hex(home.physical)}, and paging maps linear to the same physical`;
  throw new ImageError(`the entry point ${hex(elf.entry)} is in no loaded segment${linked}`);
}

import type { BootMap } from "../../lib/guests/linux/boot-map.js";

/** What the site has of a Linux kernel that was prepared by `npm run guests`. */
export interface PreparedLinux {
  /** Addresses of the files; null where none were prepared. */
  images: { kernel: string; initrd: string } | null;
  /** As the kernel's file names itself; empty without one. */
  version: string;
  kernelBytes: number;
  initrdBytes: number;
  commandLine: string;
  ramMebibytes: number;
  /** What is handed over to the prepared kernel, or to an example of its size. */
  map: BootMap;
}

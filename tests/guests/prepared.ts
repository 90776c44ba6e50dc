import { existsSync } from "node:fs";

/** Whether `npm run guests` has put a kernel of Debian's and the initramfs where the project looks for them. */
export function linuxIsPrepared(kernel: "vmlinuz-cloud" | "vmlinuz-generic" = "vmlinuz-cloud"): boolean {
  return [kernel, "initramfs.cpio"].every((file) =>
    existsSync(new URL(`../../src/guests/build/${file}`, import.meta.url)),
  );
}

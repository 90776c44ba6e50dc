import { existsSync } from "node:fs";

/** Whether `npm run guests` has put Debian's cloud kernel and its initramfs where the project looks for them. */
export function linuxIsPrepared(): boolean {
  return ["vmlinuz-cloud", "initramfs.cpio"].every((file) =>
    existsSync(new URL(`../../src/guests/build/${file}`, import.meta.url)),
  );
}

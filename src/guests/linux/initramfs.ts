import { CHARACTER_DEVICE, cpioArchive, DIRECTORY, EXECUTABLE, SYMBOLIC_LINK } from "./cpio.js";

const FOLDERS = ["bin", "dev", "proc", "sys", "tmp"];

/**
 * A root file system with one program.
 * @param busybox statically linked
 * @param init script that the kernel starts
 */
export function initramfs(busybox: Uint8Array, init: Uint8Array): Uint8Array {
  return cpioArchive([
    ...FOLDERS.map((name) => ({ name, mode: DIRECTORY })),
    { name: "dev/console", mode: CHARACTER_DEVICE, device: [5, 1] as const },
    { name: "bin/busybox", mode: EXECUTABLE, data: busybox },
    { name: "bin/sh", mode: SYMBOLIC_LINK, data: new TextEncoder().encode("busybox") },
    { name: "init", mode: EXECUTABLE, data: init },
  ]);
}

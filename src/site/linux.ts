import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { PreparedLinux } from "../../docs/components/linux/prepared-linux.js";
import { bootMap } from "../guests/linux/boot-map.js";
import { DISTRIBUTION_KERNELS } from "../guests/linux/kernels.js";
import { GENERATED, ROOT } from "./paths.js";

const GUESTS = path.join(ROOT, "src", "guests", "build");
const IMPORT = 'import { FileAttachment } from "observablehq:stdlib";\n';
const KERNEL = DISTRIBUTION_KERNELS[0];

/**
 * Writes what there is of a prepared kernel as a module. Framework finds files by literal names and refuses those that do
 * not exist: so the names stand there only if the files do.
 */
export function writeLinux(): void {
  const files = [KERNEL.image, KERNEL.initrd];
  const prepared = files.every((file) => existsSync(path.join(GUESTS, file)));
  const [kernel, initrd] = prepared
    ? files.map((file) => Uint8Array.from(readFileSync(path.join(GUESTS, file))))
    : [exampleKernel(), new Uint8Array(EXAMPLE_INITRAMFS_BYTES)];
  const { commandLine, ramMebibytes } = KERNEL;
  const about: Omit<PreparedLinux, "images"> = {
    commandLine,
    ramMebibytes,
    version: prepared ? versionOf(kernel) : "",
    kernelBytes: kernel.length,
    initrdBytes: initrd.length,
    map: bootMap(kernel, { name: KERNEL.image, ramBytes: ramMebibytes * 2 ** 20, commandLine, initrd }),
  };
  const address = (file: string): string => `FileAttachment("../../lib/guests/build/${file}").href`;
  const images = prepared
    ? `{ kernel: ${address(KERNEL.image)}, initrd: ${address(KERNEL.initrd)} }`
    : "null";
  const module = `// Written by src/site/linux.ts.
${prepared ? IMPORT : ""}import type { PreparedLinux } from "../linux/prepared-linux.js";
export const LINUX: PreparedLinux = { ...${JSON.stringify(about)}, images: ${images} };
`;
  const target = path.join(GENERATED, "linux.ts");
  if (!existsSync(target) || readFileSync(target, "utf8") !== module) writeFileSync(target, module);
}

/** Offset, less 0x200, of the version string (boot protocol 2.00, kernel_version). */
const KERNEL_VERSION = 0x20e;

function versionOf(kernel: Uint8Array): string {
  const view = new DataView(kernel.buffer);
  const at = view.getUint16(KERNEL_VERSION, true) + 0x200;
  const text = new TextDecoder("latin1").decode(kernel.subarray(at, at + 256));
  return text.slice(0, text.indexOf("\0")).split(" ")[0];
}

const EXAMPLE_INITRAMFS_BYTES = 2 << 20;
const EXAMPLE_KERNEL_BYTES = 14 << 20;

/** A bzImage that is all header: for the figure of a site that has no kernel. */
function exampleKernel(): Uint8Array {
  const bytes = new Uint8Array(EXAMPLE_KERNEL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0x1f1, 39); // setup_sects
  view.setUint16(0x200, 0x6aeb, true); // jump over the header, which ends at 0x26c
  view.setUint32(0x202, 0x5372_6448, true); // "HdrS"
  view.setUint16(0x206, 0x020f, true); // protocol 2.15
  view.setUint8(0x211, 1); // loadflags: LOADED_HIGH
  view.setUint32(0x22c, 0x7fff_ffff, true); // initrd_addr_max
  view.setUint16(0x236, 1, true); // xloadflags: XLF_KERNEL_64
  view.setUint32(0x238, 2047, true); // cmdline_size
  view.setBigUint64(0x258, 16n << 20n, true); // pref_address
  view.setUint32(0x260, 48 << 20, true); // init_size
  return bytes;
}

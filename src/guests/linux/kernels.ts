/** An unmodified kernel of a distribution with the initramfs of this project: made by `npm run guests`, never committed. */
export interface DistributionKernel {
  /** The word after `ring1 run`. */
  name: string;
  title: string;
  /** Debian package that depends on the newest kernel of this flavour. */
  package: string;
  /** Files in the build folder. */
  image: string;
  initrd: string;
  commandLine: string;
  /** RAM that the guest is happy with, MiB. */
  ramMebibytes: number;
}

const COMMAND_LINE = "console=ttyS0";
const INITRAMFS = "initramfs.cpio";

export const DISTRIBUTION_KERNELS: readonly DistributionKernel[] = [
  {
    name: "linux",
    title: "Linux, Debian's kernel for clouds, to a busybox shell",
    package: "linux-image-cloud-amd64",
    image: "vmlinuz-cloud",
    initrd: INITRAMFS,
    commandLine: COMMAND_LINE,
    ramMebibytes: 256,
  },
  {
    name: "linux-generic",
    title: "Linux, Debian's kernel for PCs, to a busybox shell",
    package: "linux-image-amd64",
    image: "vmlinuz-generic",
    initrd: INITRAMFS,
    commandLine: COMMAND_LINE,
    ramMebibytes: 256,
  },
];

import type { PhysicalMemory } from "../../machine/physical-memory.js";
import * as M from "../../spec/msrs.js";

/**
 * MSRs that the guest reads and writes itself: the processor keeps the guest's values in the VMCS (FS and GS base,
 * SYSENTER, EFER), or nothing but a guest uses them (system-call targets).
 */
const PASSED_THROUGH = [
  M.IA32_SYSENTER_CS,
  M.IA32_SYSENTER_ESP,
  M.IA32_SYSENTER_EIP,
  M.IA32_EFER,
  M.IA32_STAR,
  M.IA32_LSTAR,
  M.IA32_CSTAR,
  M.IA32_FMASK,
  M.IA32_FS_BASE,
  M.IA32_GS_BASE,
  M.IA32_KERNEL_GS_BASE,
  M.IA32_TSC_AUX,
  M.IA32_PAT,
];
/** Reading it gives the VM's own time by the TSC offset; writing it must move that offset. */
const READ_THROUGH = [M.IA32_TIME_STAMP_COUNTER];

// #region msr-bitmap
/**
 * Four bitmaps of 1 KiB; a 1 makes the access exit (SDM 25.6.9).
 *
 *     0             1024               2048           3072
 *     | read 0 …    | read c0000000 …  | write 0 …    | write c0000000 … |
 */
export function writeMsrBitmap(
  memory: PhysicalMemory,
  bitmap: number,
  withheld: readonly number[] = [],
): void {
  memory.fill(bitmap, 4096, 0xff);
  const allow = (index: number, write: boolean): void => {
    const high = index >= 0xc000_0000;
    const number = high ? index - 0xc000_0000 : index;
    const byte = bitmap + (write ? 2048 : 0) + (high ? 1024 : 0) + (number >> 3);
    memory.write8(byte, memory.read8(byte) & ~(1 << (number & 7)));
  };
  const passed = PASSED_THROUGH.filter((index) => !withheld.includes(index));
  for (const index of [...passed, ...READ_THROUGH]) allow(index, false);
  for (const index of passed) allow(index, true);
}
// #endregion

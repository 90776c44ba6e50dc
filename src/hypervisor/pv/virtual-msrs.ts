import { EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE } from "../../spec/control-bits.js";
import * as M from "../../spec/msrs.js";
import { ERROR_INVALID, ERROR_PERMISSION, STAR } from "../../spec/paravirtual.js";
import type { Ring0Port } from "../ring0/port.js";
import { isCanonical } from "./linear-memory.js";

const EFER_FIXED = BigInt(EFER_LME | EFER_LMA);
const EFER_WRITABLE = BigInt(EFER_SCE | EFER_NXE);
const FLAGS = 0xffff_ffffn;
/** Bases of segments: the processor's own registers, which belong to the guest. */
const BASES = [M.IA32_FS_BASE, M.IA32_GS_BASE, M.IA32_KERNEL_GS_BASE];

/** The model-specific registers that a kernel sets for its system calls and segments. */
export class PvMsrs {
  efer = EFER_FIXED;
  /** Where SYSCALL leads. */
  entry = 0n;
  flagMask = 0n;

  constructor(private readonly port: Ring0Port) {}

  read(index: bigint): bigint | undefined {
    if (BASES.includes(Number(index))) return this.port.rdmsr(Number(index));
    switch (Number(index)) {
      case M.IA32_EFER:
        return this.efer;
      case M.IA32_STAR:
        return STAR;
      case M.IA32_LSTAR:
        return this.entry;
      case M.IA32_FMASK:
        return this.flagMask;
    }
    return undefined;
  }

  /** @returns 0 or an error */
  write(index: bigint, value: bigint): number {
    if (BASES.includes(Number(index))) return this.port.wrmsr(Number(index), value) ? 0 : ERROR_INVALID;
    switch (Number(index)) {
      case M.IA32_EFER:
        if ((value & ~EFER_WRITABLE) !== EFER_FIXED) return ERROR_INVALID;
        this.efer = value;
        return 0;
      case M.IA32_STAR:
        return value === STAR ? 0 : ERROR_INVALID;
      case M.IA32_LSTAR:
        if (!isCanonical(value)) return ERROR_INVALID;
        this.entry = value;
        return 0;
      case M.IA32_FMASK:
        if (value > FLAGS) return ERROR_INVALID;
        this.flagMask = value;
        return 0;
    }
    return ERROR_PERMISSION;
  }

  /** SWAPGS. */
  swapGs(): void {
    const [outside, inside] = [this.port.rdmsr(M.IA32_GS_BASE)!, this.port.rdmsr(M.IA32_KERNEL_GS_BASE)!];
    this.port.wrmsr(M.IA32_GS_BASE, inside);
    this.port.wrmsr(M.IA32_KERNEL_GS_BASE, outside);
  }
}

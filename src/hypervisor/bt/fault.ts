import { GENERAL_PROTECTION, INVALID_OPCODE, PAGE_FAULT } from "../../spec/vectors.js";

/** An exception for the guest: a value that is handed on, not thrown. */
export interface Fault {
  vector: number;
  /** Of vectors that push one. */
  errorCode?: number;
  /** Of a page fault: what the guest finds in CR2. */
  linear?: bigint;
}

export const generalProtection = (errorCode = 0): Fault => ({ vector: GENERAL_PROTECTION, errorCode });
export const invalidOpcode = (): Fault => ({ vector: INVALID_OPCODE });
export const pageFault = (errorCode: number, linear: bigint): Fault => ({
  vector: PAGE_FAULT,
  errorCode,
  linear,
});

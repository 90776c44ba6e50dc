import type { Outcome } from "../../outcome.js";
import type { PvGuest } from "../pv-guest.js";

/** Number of RDX in encodings. */
const RDX = 2;

/** A hypercall: its arguments are RDI, RSI and RDX. It returns what goes into RAX, or what the run loop does, RAX as it is. */
export type Hypercall = (guest: PvGuest, first: bigint, second: bigint, third: bigint) => number | Outcome;

/** The second result. */
export function secondResult({ port }: PvGuest, value: number | bigint): void {
  port.writeRegister(RDX, BigInt(value));
}

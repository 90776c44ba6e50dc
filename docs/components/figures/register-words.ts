/** Registers and their bits in words. Pure; no DOM. */
import * as BITS from "../../lib/spec/control-bits.js";
import type { RegisterView } from "../../lib/experiments/view.js";

const PREFIX: Record<string, string> = { RFLAGS: "FLAG_", CR0: "CR0_", CR4: "CR4_", EFER: "EFER_" };

/** Names of the set bits of RFLAGS, CR0, CR4 and EFER, lowest first; null for other registers. */
export function setBits({ name, value }: Pick<RegisterView, "name" | "value">): string[] | null {
  const prefix = PREFIX[name.toUpperCase()];
  if (!prefix) return null;
  return Object.entries(BITS)
    .filter(([key]) => key.startsWith(prefix) && key !== "FLAG_FIXED" && key !== "FLAG_IOPL")
    .map(([key, mask]) => ({ key: key.slice(prefix.length), mask: BigInt((mask as number) >>> 0) }))
    .filter(({ mask }) => (value & mask) !== 0n)
    .sort((a, b) => (a.mask < b.mask ? -1 : 1))
    .map(({ key }) => key);
}

/** Names of registers whose value differs between two stops. */
export function changedRegisters(
  now: readonly RegisterView[],
  before: readonly RegisterView[] | null,
): ReadonlySet<string> {
  const old = new Map(before?.map(({ name, value }) => [name, value]));
  return new Set(
    now.filter(({ name, value }) => old.has(name) && old.get(name) !== value).map(({ name }) => name),
  );
}

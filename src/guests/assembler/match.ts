import type { Lookup, Value } from "./expression.js";
import type { Form } from "./instruction-table.js";
import type { Operand } from "./operand.js";

/** Operand with its expressions evaluated. */
export type Resolved =
  Exclude<Operand, { kind: "immediate" }> | { kind: "immediate"; value: Value; offset: boolean };

export function resolve(operand: Operand, lookup: Lookup): Resolved {
  return operand.kind === "immediate" ? { ...operand, value: operand.value(lookup) } : operand;
}

/** `value` modulo 2^bits as a signed number. */
export const signed = (value: bigint, bits: number): bigint => BigInt.asIntN(bits, value);

function fits(value: bigint, bits: number): boolean {
  return value >= -(1n << BigInt(bits - 1)) && value < 1n << BigInt(bits);
}

/** Whether an immediate fits operand kind `kind` where `v` operands are `size` bytes wide. */
function immediateFits(kind: string, { value, late }: Value, size: number): boolean {
  if (kind === "imm8s") {
    if (late || !fits(value, 8 * size)) return false;
    const narrow = signed(value, 8 * size);
    return narrow >= -128n && narrow < 128n;
  }
  if (kind === "immv" && size === 8) {
    return fits(value, 64) && signed(value, 64) >= -(1n << 31n) && signed(value, 64) < 1n << 31n;
  }
  return fits(value, kind === "immv" ? 8 * size : Number(kind.slice(3)));
}

const SIZE_OF_SUFFIX: Record<string, number> = { "8": 1, "16": 2, "32": 4, "64": 8 };

/** Whether operand `operand` can be what `kind` asks, and the size that it lends to `v` (bytes; 0: none). */
function accepts(kind: string, operand: Resolved, long: boolean): { size: number } | undefined {
  const yes = { size: 0 };
  if (operand.kind === "far") return kind === "far" ? yes : undefined;
  if (operand.kind === "immediate") {
    if (kind === "1") return operand.value.value === 1n && !operand.value.late ? yes : undefined;
    return kind.startsWith("imm") || kind.startsWith("rel") ? yes : undefined;
  }
  if (operand.kind === "memory") {
    if (kind === "moffs") return operand.base || operand.index ? undefined : { size: operand.size ?? 0 };
    const suffix = /^r?m(8|16|32|64|v|n)?$/.exec(kind);
    if (suffix === null) return undefined;
    if (suffix[1] === "v") return { size: operand.size ?? 0 };
    const size = suffix[1] === "n" ? (long ? 8 : 4) : SIZE_OF_SUFFIX[suffix[1]];
    return size === undefined || operand.size === undefined || operand.size === size ? yes : undefined;
  }
  const { register } = operand;
  if (kind === register.name && kind !== "r8")
    return register.kind === "general" ? { size: register.size } : yes;
  if (register.kind === "segment") return kind === "sreg" ? yes : undefined;
  if (register.kind === "control") return kind === "cr" ? yes : undefined;
  if (register.kind === "debug") return kind === "dr" ? yes : undefined;
  if (register.kind !== "general") return undefined;
  if (kind === "av") return register.number === 0 && register.size > 1 ? { size: register.size } : undefined;
  const suffix = /^rm?(8|16|32|64|v|n)$/.exec(kind)?.[1];
  if (suffix === undefined) return undefined;
  if (suffix === "v") return register.size > 1 ? { size: register.size } : undefined;
  return register.size === (suffix === "n" ? (long ? 8 : 4) : SIZE_OF_SUFFIX[suffix]) ? yes : undefined;
}

/** Whether a memory operand without `… ptr` leaves open which form is meant: nothing else in the form has its size. */
function needsExplicitSize(form: Form, operands: readonly Resolved[]): boolean {
  return form.operands.some((kind, i) => {
    const operand = operands[i];
    if (operand.kind !== "memory" || operand.size !== undefined) return false;
    return (
      (kind === "rm8" && !form.operands.includes("r8")) || (kind === "rm16" && form.operands.includes("rv"))
    );
  });
}

/**
 * Whether `operands` fit `form`. Returns the width of its `v` operands in bytes (0: the form has none), or undefined.
 * A `v` form whose width nothing determines fits with width -1: the programmer has to say `… ptr`.
 */
export function match(form: Form, operands: readonly Resolved[], long: boolean): number | undefined {
  if (form.operands.length !== operands.length || form.flags.has(long ? "x32" : "x64")) return undefined;
  let width = 0;
  for (const [i, kind] of form.operands.entries()) {
    const accepted = accepts(kind, operands[i], long);
    if (accepted === undefined) return undefined;
    if (!/v$/.test(kind) && kind !== "moffs") continue;
    if (accepted.size !== 0 && width !== 0 && accepted.size !== width) return undefined;
    width ||= accepted.size;
  }
  if (form.operands.some((kind) => /^r?m?v$|^av$/.test(kind)) && width === 0)
    width = form.flags.has("d64") ? (long ? 8 : 4) : -1;
  if (width === 1 || (width === 8 && !long)) return undefined;
  if (form.flags.has("d64") && width === (long ? 4 : 8)) return undefined;
  for (const [i, kind] of form.operands.entries()) {
    const operand = operands[i];
    if (operand.kind !== "immediate" || !kind.startsWith("imm")) continue;
    if (!immediateFits(kind, operand.value, width > 0 ? width : kind === "imm8s" ? 4 : 8)) return undefined;
  }
  return needsExplicitSize(form, operands) ? -1 : width;
}

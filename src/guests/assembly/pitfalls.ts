import type { Statement } from "./statements.js";

/** Looks for forms that keystone encodes as something else without a word; null if there is none. */
type Pitfall = (statement: Statement, labels: ReadonlySet<string>) => string | null;

const NAME = /(?<![\w.$])[A-Za-z_.][\w.$]*/g;
const BRANCH = /^(?:j\w+|call|loop\w*)\b/i;

/** Addresses in square brackets, without what stands in front. */
const addresses = (code: string): string[] => [...code.matchAll(/\[([^\]]*)\]/g)].map(([, inner]) => inner);
const namesIn = (text: string): string[] => text.match(NAME) ?? [];

const lostStackPointer: Pitfall = ({ code }) =>
  addresses(code).some((inner) => /\+\s*[er]sp\b/i.test(inner))
    ? "keystone loses a stack pointer that does not stand first: write [rsp + …]"
    : null;

const segmentWithoutBrackets: Pitfall = ({ code }) =>
  /\b[c-gs]s:(?!\s*\[)/i.test(code) ? "write segment:[address]" : null;

const severalLabels: Pitfall = ({ code }, labels) =>
  addresses(code).some((inner) => namesIn(inner).filter((name) => labels.has(name)).length > 1)
    ? "keystone keeps one of several labels in an address"
    : null;

/** To keystone a bare label is an immediate, to GNU `as` it is memory. */
const bareLabel: Pitfall = ({ code }, labels) => {
  if (BRANCH.test(code)) return null;
  const operands = code.replace(/^\S+\s*/, "").split(",");
  const bare = operands.find((operand) => {
    const [first] = namesIn(operand.replace(/\[[^\]]*\]/g, ""));
    return first !== undefined && (labels.has(first) || first === ".");
  });
  return bare === undefined
    ? null
    : 'for the address write "offset label", for what lies there "[rip + label]"';
};

const lateOffset: Pitfall = ({ code }) =>
  /[-+*/(|&^~\d]\s*offset\b/i.test(code) ? '"offset label" must stand first in its operand' : null;

const shortTableRegister: Pitfall = ({ code, bits }) =>
  bits === 32 && /^[ls][gi]dt\b/i.test(code)
    ? "keystone moves only 24 bits of the base in 32-bit mode: write the instruction's bytes with .byte"
    : null;

const shortStackSlot: Pitfall = ({ code, bits }) =>
  bits === 32 && /^(?:push|pop)\s+[cdefgs]s$/i.test(code)
    ? "keystone moves the stack by 16 bits: write the instruction's byte with .byte"
    : null;

const PUSHED = /^push\s+(?!(?:e?[a-d]x|e?[sd]i|e?[sb]p|[c-gs]s|d?word\b.*)$|\[)/i;
const INDIRECT_CALL = /^call\s+(?![A-Za-z_.][\w.$]*$)/i;
const wideStackSlot: Pitfall = ({ code, bits }) =>
  bits === 16 && (PUSHED.test(code) || INDIRECT_CALL.test(code))
    ? "keystone moves the stack by 32 bits in 16-bit mode: write the instruction's bytes with .byte"
    : null;

const sizeless: Pitfall = ({ code, bits }) =>
  bits !== 16 && /^(?:pushf|popf|iret|sysret)$/i.test(code)
    ? "keystone takes it for another size: add q in 64-bit mode, d in 32-bit mode"
    : null;

/** Keystone ends itself here instead of refusing. */
const highByteBesideRex: Pitfall = ({ code, bits }) => {
  const names = namesIn(code);
  const rex = names.some((name) => /^(?:r\d+[bwd]?|[sd]il|[sb]pl)$/i.test(name));
  return bits === 64 && rex && names.some((name) => /^[abcd]h$/i.test(name))
    ? "AH, BH, CH and DH cannot be used beside a register that needs a REX prefix"
    : null;
};

/** All were found by comparison with GNU `as`, form by form: `tests/guests/assemble.test.ts`. */
const PITFALLS: readonly Pitfall[] = [
  lostStackPointer,
  segmentWithoutBrackets,
  severalLabels,
  bareLabel,
  lateOffset,
  shortTableRegister,
  shortStackSlot,
  wideStackSlot,
  sizeless,
  highByteBesideRex,
];

/**
 * Why an instruction would be encoded wrong, with the spelling that is right; null if nothing is known against it.
 * @param labels all labels of the program
 */
export function pitfallOf(statement: Statement, labels: ReadonlySet<string>): string | null {
  if (statement.kind !== "code") return null;
  for (const pitfall of PITFALLS) {
    const advice = pitfall(statement, labels);
    if (advice !== null) return advice;
  }
  return null;
}

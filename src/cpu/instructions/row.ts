/**
 * One row of the instruction table: one form of an instruction, as in the opcode tables of SDM Vol. 2. The table drives
 * the decoder, the listings of the documentation and the tests.
 */

/** What an instruction does to the flags: letters of `oszapc` (OF SF ZF AF PF CF), plus `d` and `i`. */
export interface FlagEffects {
  readonly read?: string;
  readonly written?: string;
  readonly undefined?: string;
}

export interface Row {
  /**
   * Opcode as in the manual: `[NP|66|F3|F2|REX.W] bytes [+r] [/r | /digit | third byte]`. `NR` means neither F2 nor F3.
   */
  readonly encoding: string;
  readonly mnemonic: string;
  /** Operands in the codes of SDM Vol. 2, appendix A, separated by commas. */
  readonly operands: string;
  /** Function in integer/, system/, simd/ or x87/ that executes the form. Absent: exists on real processors, but not on this one. */
  readonly handler?: string;
  /** Modes in which the form exists; all when absent. `protected`: neither real-address nor virtual-8086. */
  readonly modes?: "legacy" | "64" | "protected" | "legacy protected";
  /** Operand-size rule when the first operand does not say it. */
  readonly size?: "byte" | "word" | "double" | "quad" | "v" | "y" | "d64" | "f64" | "native";
  readonly lock?: boolean;
  /**
   * system: ends its block and runs with the state exact; branch: the same, near and relative, with links in the hot
   * switch. integer: runs within a block.
   */
  readonly class: "integer" | "system" | "branch";
  /** Ring from which it may be executed; 3 when absent. */
  readonly privilege?: 0;
  /** CPUID feature, when it is not part of every 64-bit processor. */
  readonly feature?: string;
  readonly cycles: number;
  /** Argument of a handler that serves several rows: number of the operation or condition. */
  readonly extra?: number;
  /** Family of cases in the hot switch (see hot-kinds.ts). */
  readonly hot?: string;
  readonly hotOnlyIn64?: boolean;
  readonly addressOnly?: boolean;
  readonly flags: FlagEffects;
}

type Options = Partial<Omit<Row, "encoding" | "mnemonic" | "operands" | "handler">>;

const NO_FLAGS: FlagEffects = {};

export function row(
  encoding: string,
  mnemonic: string,
  operands: string,
  handler: string | undefined,
  options: Options = {},
): Row {
  return { encoding, mnemonic, operands, handler, class: "integer", cycles: 1, flags: NO_FLAGS, ...options };
}

/** OF SF ZF AF PF CF all written. */
export const ARITHMETIC: FlagEffects = { written: "oszapc" };
export const LOGICAL: FlagEffects = { written: "oszpc", undefined: "a" };
export const CONDITIONS = [
  "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g",
] as const;
/** Flags that each pair of conditions reads. */
export const CONDITION_FLAGS = ["o", "c", "z", "cz", "s", "p", "so", "zso"] as const;

export const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");

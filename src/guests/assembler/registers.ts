/** A register that an operand can name. `size` in bytes; `number` as ModRM and REX encode it. */
export interface Register {
  name: string;
  kind: "general" | "segment" | "control" | "debug" | "instruction-pointer";
  size: number;
  number: number;
  /** AH, CH, DH, BH: not encodable beside a REX prefix. */
  high?: true;
  /** SPL, BPL, SIL, DIL: encodable only with a REX prefix. */
  needsRex?: true;
}

const LEGACY = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];

function all(): Register[] {
  const general = (name: string, size: number, number: number): Register => ({
    name,
    kind: "general",
    size,
    number,
  });
  const registers: Register[] = [];
  LEGACY.forEach((name, number) => {
    registers.push(general(name, 2, number), general(`e${name}`, 4, number), general(`r${name}`, 8, number));
    if (number < 4) {
      registers.push(general(`${name[0]}l`, 1, number));
      registers.push({ ...general(`${name[0]}h`, 1, number + 4), high: true });
    } else {
      registers.push({ ...general(`${name}l`, 1, number), needsRex: true });
    }
  });
  for (let number = 8; number < 16; number++) {
    for (const [suffix, size] of [
      ["b", 1],
      ["w", 2],
      ["d", 4],
      ["", 8],
    ] as const) {
      registers.push(general(`r${number}${suffix}`, size, number));
    }
    registers.push({ name: `cr${number}`, kind: "control", size: 8, number });
  }
  for (let number = 0; number < 8; number++) {
    registers.push({ name: `cr${number}`, kind: "control", size: 8, number });
    registers.push({ name: `dr${number}`, kind: "debug", size: 8, number });
  }
  ["es", "cs", "ss", "ds", "fs", "gs"].forEach((name, number) => {
    registers.push({ name, kind: "segment", size: 2, number });
  });
  registers.push({ name: "rip", kind: "instruction-pointer", size: 8, number: 0 });
  return registers;
}

/** Registers by lower-case name. */
export const REGISTERS: ReadonlyMap<string, Register> = new Map(
  all().map((register) => [register.name, register]),
);

/** A statement as it stands in a source: index of the source, 1-based line. */
export interface Line {
  file: number;
  line: number;
  part: string;
}

const DEFINITION = /^(?:\.(?:set|equ)\s+([A-Za-z_]\w*)\s*,|([A-Za-z_]\w*)\s*=)/;
const CONDITION = /^\.if(n?)def\s+([A-Za-z_]\w*)$/;
const MACRO = /^\.macro\s+([A-Za-z_]\w*)$/;

/** What a line that stands between two others is about. */
interface Open {
  line: Line;
  /** What follows is assembled. */
  taken: boolean;
  /** Behind `.else`. */
  otherwise: boolean;
}

/**
 * Carries `.ifdef NAME`, `.ifndef NAME`, `.else`, `.endif` out for constants that were defined before, and `.macro NAME` …
 * `.endm` without parameters: what is chosen when a program is assembled. An expansion has the position of its use.
 */
export function preprocess(
  lines: readonly Line[],
  complain: (line: Line, reason: string) => never,
): readonly Line[] {
  const preprocessor = new Preprocessor(complain);
  for (const line of lines) preprocessor.take(line);
  preprocessor.end();
  return preprocessor.out;
}

class Preprocessor {
  readonly out: Line[] = [];
  readonly #constants = new Set<string>();
  readonly #macros = new Map<string, readonly Line[]>();
  /** The outermost first. */
  readonly #open: Open[] = [];
  #macro: { line: Line; body: Line[] } | null = null;

  constructor(private readonly complain: (line: Line, reason: string) => never) {}

  take(line: Line): void {
    if (this.#macro !== null) return this.#takeOfMacro(line, this.#macro.body);
    if (this.#isConditional(line) || this.#open.some(({ taken }) => !taken)) return;
    const macro = MACRO.exec(line.part);
    if (macro !== null) {
      this.#macro = { line, body: [] };
      this.#macros.set(macro[1], this.#macro.body);
      return;
    }
    const defined = DEFINITION.exec(line.part);
    if (defined !== null) this.#constants.add(defined[1] ?? defined[2]);
    const body = this.#macros.get(line.part);
    this.out.push(...(body?.map(({ part }) => ({ ...line, part })) ?? [line]));
  }

  end(): void {
    const unclosed = this.#macro?.line ?? this.#open.at(-1)?.line;
    if (unclosed !== undefined) this.complain(unclosed, `"${unclosed.part}" is never closed`);
  }

  #takeOfMacro(line: Line, body: Line[]): void {
    if (line.part === ".endm") this.#macro = null;
    else body.push(line);
  }

  #isConditional(line: Line): boolean {
    const condition = CONDITION.exec(line.part);
    const innermost = this.#open.at(-1);
    if (condition !== null) {
      const taken = this.#constants.has(condition[2]) === (condition[1] === "");
      this.#open.push({ line, taken, otherwise: false });
    } else if (line.part === ".else") {
      if (innermost === undefined || innermost.otherwise)
        return this.complain(line, ".else closes no .ifdef");
      innermost.taken = !innermost.taken;
      innermost.otherwise = true;
    } else if (line.part === ".endif") {
      if (this.#open.pop() === undefined) this.complain(line, ".endif closes no .ifdef");
    } else return false;
    return true;
  }
}

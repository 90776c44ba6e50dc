import type { PartProblem } from "./problem.js";

/** JavaScript with the line numbers of the TypeScript it was made from, or why it could not be made. */
export type Transpiled = { ok: true; code: string } | { ok: false; problem: PartProblem };

/** `Error creating …: Unexpected token (3:7)`: what sucrase throws, with a location beside it. */
interface SyntaxProblem {
  message: string;
  loc?: { line: number; column: number };
}

/**
 * Removes the types of an ES module. Takes JavaScript as well, being a subset.
 *
 * Sucrase and not the TypeScript compiler, because it runs wherever a grader runs and weighs 47 kB instead of 1 MB
 * (compressed), and because it leaves every statement on its line, so that no source map is needed. Type errors are
 * the editor's matter, not the grader's.
 */
export async function transpile(source: string): Promise<Transpiled> {
  const { transform } = await import("sucrase");
  try {
    const { code } = transform(source, { transforms: ["typescript"], disableESTransforms: true });
    return { ok: true, code };
  } catch (error) {
    return { ok: false, problem: syntaxProblem(error as SyntaxProblem) };
  }
}

function syntaxProblem({ message, loc }: SyntaxProblem): PartProblem {
  const text = message.replace(/^Error transforming [^:]*: /, "").replace(/\s*\(\d+:\d+\)$/, "");
  return {
    kind: "syntax",
    message: `syntax error: ${loc ? text : "the text is nested too deeply to be read"}`,
    handler: null,
    location: loc ? { line: loc.line, column: loc.column } : null,
  };
}

import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten-core";
import { clip, describe } from "./crossing.js";
import { PART_FILE, type ProblemKind, type PartProblem, type SourceLocation } from "./problem.js";
import type { Budget, Limits } from "./limits.js";

/** What is needed to say why a part stopped. */
export interface Scene {
  context: QuickJSContext;
  budget: Budget;
  limits: Limits;
  /** The student's text and the JavaScript made from it, line for line. */
  source: string;
  code: string;
  /** The realm's memory has nearly grown to its limit. */
  memoryFull: boolean;
  /** The import that was refused, if one was. */
  refusedImport: string | null;
}

/** Texts of a thrown object, as far as they are strings. */
interface ErrorTexts {
  name: string;
  message: string;
  stack: string;
}

/** Explains what left the part as an exception; whatever it is, reading it ends. */
export function explainThrown(scene: Scene, handler: string | null, thrown: QuickJSHandle): PartProblem {
  const exhausted = scene.budget.exhausted;
  const limit = scene.budget.limit;
  const texts = readTexts(scene, thrown);
  const kind = exhausted ? "budget" : kindOf(scene, handler, thrown, texts);
  return {
    kind,
    message: sentence(scene, kind, handler ?? "the module", limit, texts ?? describe(scene.context, thrown)),
    handler,
    location: texts && locate(scene, texts.stack),
  };
}

/** Reads the error's own words. Properties may be getters of the part: they run on a budget too, and may fail. */
function readTexts({ context, budget }: Scene, thrown: QuickJSHandle): ErrorTexts | null {
  if (context.typeof(thrown) !== "object" || context.eq(thrown, context.null)) return null;
  budget.begin();
  const read = (property: keyof ErrorTexts): string => {
    try {
      return context
        .getProp(thrown, property)
        .consume((handle) => (context.typeof(handle) === "string" ? context.getString(handle) : ""));
    } catch {
      return "";
    }
  };
  return { name: read("name"), message: read("message"), stack: read("stack") };
}

function kindOf(
  { context, memoryFull, refusedImport }: Scene,
  handler: string | null,
  thrown: QuickJSHandle,
  texts: ErrorTexts | null,
): ProblemKind {
  if (handler === null && refusedImport) return "import";
  // With no memory left for an error object, QuickJS throws null.
  if (context.eq(thrown, context.null)) return memoryFull ? "memory" : "threw";
  if (texts?.name === "InternalError" && texts.message === "out of memory") return "memory";
  if (texts?.message === "stack overflow" && ["InternalError", "SyntaxError"].includes(texts.name))
    return "stack";
  return handler === null && texts?.name === "SyntaxError" ? "syntax" : "threw";
}

function sentence(
  { limits, refusedImport }: Scene,
  kind: ProblemKind,
  who: string,
  limit: number,
  what: ErrorTexts | string,
): string {
  const words = typeof what === "string" ? what : clip(what.message, 300);
  switch (kind) {
    case "budget":
      return `${who} used its ${grouped(limit)}-instruction budget: endless loop?`;
    case "memory":
      return `${who} used its ${limits.memoryBytes >> 20} MiB of memory`;
    case "stack":
      return `${who} used its stack: endless recursion?`;
    case "syntax":
      return `syntax error: ${words}`;
    case "import":
      return refusedImport!;
    default:
      return `${who} threw ${typeof what === "string" ? what : errorWords(clip(what.name, 60), words)}`;
  }
}

function errorWords(name: string, message: string): string {
  return [name, message].filter(Boolean).join(": ") || "an object with no message";
}

/** 1000000 as `1,000,000`, in every locale. */
function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** The innermost line of the part in a stack such as `at handleCpuid (part.ts:12:5)`. */
function locate({ source, code }: Scene, stack: string): SourceLocation | null {
  const match = new RegExp(`${PART_FILE.replace(".", "\\.")}:(\\d+):(\\d+)`).exec(stack);
  if (!match) return null;
  const line = Number(match[1]);
  const column = Number(match[2]);
  const before = (text: string): string | undefined => text.split("\n")[line - 1]?.slice(0, column);
  if (before(source) === undefined) return null;
  // Types were removed on the left of the place: its column in the student's text is not known.
  return { line, column: before(source) === before(code) ? column : null };
}

/**
 * Turns the JavaScript of an edited exit handler into a function. The source is a module; its imports are looked up
 * among the modules that the caller offers, by their path in the repository. Pure.
 */
import type { ExitHandler } from "../../lib/hypervisor/vcpu.js";
import type { EditedHandler } from "./protocol.js";

/** Modules by path without extension, e.g. src/spec/vmcs-fields. */
export type Modules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const IMPORT = /^[ \t]*import\s+(?:([^"';]+?)\s+from\s+)?["']([^"']+)["'];?/gm;
const EXPORT_DECLARATION =
  /^[ \t]*export\s+(?=(?:async\s+)?(?:const|let|var|function\*?|class)\s+([A-Za-z_$][\w$]*))/gm;
const EXPORT_LIST = /^[ \t]*export\s*\{([^}]*)\}\s*;?/gm;
const EXPORT_DEFAULT = /^[ \t]*export\s+default\s+/gm;

/** @throws Error whose message is for the reader */
export function compileHandler(edited: EditedHandler, modules: Modules): ExitHandler {
  const file = edited.path.split("/").at(-1)!;
  const { body, imports } = moduleBody(edited);
  for (const path of imports) {
    if (!Object.hasOwn(modules, path)) {
      throw new Error(
        `imports ${path}, which an edited handler cannot reach. It can import: ${Object.keys(modules).join(", ")}.`,
      );
    }
  }
  const exported: Record<string, unknown> = {};
  let evaluate: (modules: Modules, exported: Record<string, unknown>) => void;
  try {
    // An indirect eval: the first line of the module stays the first line of what runs, unlike in `new Function`.
    const text = `(function (__modules, __exports) {"use strict";${body}\n})\n//# sourceURL=${file}`;
    evaluate = (0, eval)(text) as typeof evaluate;
  } catch (error) {
    throw new Error(`does not compile: ${(error as Error).message}.`, { cause: error });
  }
  try {
    evaluate(modules, exported);
  } catch (error) {
    throw new Error(
      `cannot be loaded: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}.`,
      {
        cause: error,
      },
    );
  }
  const handler = exported[edited.exportName];
  if (typeof handler !== "function") {
    const others = Object.keys(exported);
    throw new Error(
      `exports no function “${edited.exportName}”${others.length > 0 ? `, only ${others.join(", ")}` : ""}. The exit table needs it by that name.`,
    );
  }
  return handler as ExitHandler;
}

/** The module as the body of a function; lines keep their numbers. */
export function moduleBody({ javascript, path }: Pick<EditedHandler, "javascript" | "path">): {
  body: string;
  imports: string[];
} {
  const imports: string[] = [];
  const exported: string[] = [];
  const body = javascript
    .replace(IMPORT, (_, clause: string | undefined, specifier: string) => {
      const target = resolve(path, specifier);
      imports.push(target);
      return clause ? bindings(clause, `__modules[${JSON.stringify(target)}]`) : "";
    })
    .replace(EXPORT_DECLARATION, (_, name: string) => {
      exported.push(`__exports[${JSON.stringify(name)}] = ${name};`);
      return "";
    })
    .replace(EXPORT_LIST, (_, list: string) => {
      for (const entry of list
        .split(",")
        .map((part) => part.trim())
        .filter(Boolean)) {
        const [inner, outer = inner] = entry.split(/\s+as\s+/);
        exported.push(`__exports[${JSON.stringify(outer)}] = ${inner};`);
      }
      return "";
    })
    .replace(EXPORT_DEFAULT, "__exports.default = ");
  return { body: `${body}\n${exported.join("")}`, imports };
}

function bindings(clause: string, from: string): string {
  const namespace = /^\*\s+as\s+(\S+)$/.exec(clause.trim());
  if (namespace) return `const ${namespace[1]} = ${from};`;
  const named = /\{([^}]*)\}/.exec(clause);
  const names = named ? `const {${named[1].replace(/\s+as\s+/g, ": ")}} = ${from};` : "";
  const byDefault = /^([A-Za-z_$][\w$]*)/.exec(clause.trim());
  return `${byDefault ? `const ${byDefault[1]} = ${from}.default;` : ""}${names}`;
}

/** Path in the repository that a specifier means, without extension. */
function resolve(path: string, specifier: string): string {
  const bare = specifier.replace(/\.(js|ts)$/, "");
  if (!bare.startsWith(".")) return bare;
  const parts = path.split("/").slice(0, -1);
  for (const step of bare.split("/")) {
    if (step === "..") parts.pop();
    else if (step !== ".") parts.push(step);
  }
  return parts.join("/");
}

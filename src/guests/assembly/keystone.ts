import type * as Library from "keystone-wasm";

/** Where a page has the package's two files. */
export interface KeystoneFiles {
  /** Address of its JavaScript. */
  script: string;
  wasm: ArrayBuffer;
}

let library: typeof Library;

/** What keystone printed last: with it, its last words when it breaks down. */
let printed = "";
/** Why keystone is of no use any more. */
let breakdown: Error | null = null;

/**
 * Loads keystone.
 * @param files without them Node finds the installed package
 */
export async function load(files?: KeystoneFiles): Promise<void> {
  const keep = (text: string): void => void (printed = text);
  library = (await (files ? import(files.script) : import("keystone-wasm"))) as typeof library;
  await library.loadKeystone({ ...(files && { wasmBinary: files.wasm }), print: keep, printErr: keep });
}

/**
 * What keystone makes of a text, or its reason to refuse it. Each text gets a handle of its own: an error leaves the
 * handle in disorder.
 * @throws Error when keystone breaks down, and ever after: what it makes then is not to be trusted
 */
function encode(text: string, origin: number): Uint8Array | string {
  if (breakdown) throw breakdown;
  try {
    const keystone = new library.Keystone(library.Const.KS_ARCH_X86, library.Const.KS_MODE_64);
    const result = attempt(keystone, text, origin);
    keystone.close();
    return result;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    breakdown = new Error(`keystone broke down: ${printed || words}`, { cause: error });
    throw breakdown;
  }
}

function attempt(keystone: Library.Keystone, text: string, origin: number): Uint8Array | string {
  try {
    return keystone.asm(`${text}\n`, { address: origin });
  } catch (error) {
    const code = keystone.errNo();
    if (code === library.Const.KS_ERR_OK) throw error;
    const reason = library.Keystone.strError(code).replace(/ \(KS_\w+\)$/, "");
    return reason[0].toLowerCase() + reason.slice(1);
  }
}

const QUAD_BYTES = 8;

/**
 * Encodes a text and evaluates expressions at its end: keystone keeps no symbol table, so the values are put behind the
 * program and cut off again.
 */
export function encodeAndEvaluate(
  lines: readonly string[],
  expressions: readonly string[],
  origin: number,
): { bytes: Uint8Array; values: bigint[] } | string {
  const table = expressions.map((expression) => `.quad ${expression}`);
  const encoded = encode([...lines, ...table].join("\n"), origin);
  if (typeof encoded === "string") return encoded;
  const length = encoded.length - expressions.length * QUAD_BYTES;
  if (length < 0) return "keystone makes nothing of it";
  const view = new DataView(encoded.buffer, encoded.byteOffset + length);
  return {
    bytes: encoded.slice(0, length),
    values: expressions.map((_, i) => view.getBigInt64(i * QUAD_BYTES, true)),
  };
}

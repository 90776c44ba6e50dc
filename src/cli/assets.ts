import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CATALOGUE, type CatalogueEntry } from "../guests/catalogue.js";
import { systemWords } from "./output-file.js";
import { suggest } from "./suggest.js";
import { UsageError } from "./usage-error.js";

const CORE = new URL("../cpu/build/cpu.wasm", import.meta.url);
const GUESTS = new URL("../guests/build/", import.meta.url);

/**
 * The processor.
 * @throws UsageError when it has not been built
 */
export function loadCore(): WebAssembly.Module {
  return new WebAssembly.Module(builtFile(CORE, "the processor"));
}

/** The built-in guests. */
export function catalogue(): readonly CatalogueEntry[] {
  return CATALOGUE;
}

/**
 * An image: that of a built-in guest by its name, else a file.
 * @throws UsageError that suggests names when there is neither
 */
export function readImage(name: string): Uint8Array<ArrayBuffer> {
  const guest = CATALOGUE.find((entry) => entry.name === name);
  if (guest) return builtFile(new URL(guest.image, GUESTS), `guest ${name}`);
  try {
    return Uint8Array.from(readFileSync(name));
  } catch (error) {
    const isFile = (error as NodeJS.ErrnoException).code !== "ENOENT";
    throw new UsageError(isFile ? `cannot read ${name}: ${systemWords(error)}` : noSuchGuest(name), {
      cause: error,
    });
  }
}

/**
 * A boot module: its file and the string that goes with it.
 * @throws UsageError when it cannot be read
 */
export function readModule(file: string): { bytes: Uint8Array; commandLine: string } {
  try {
    return { bytes: Uint8Array.from(readFileSync(file)), commandLine: file };
  } catch (error) {
    throw new UsageError(`cannot read module ${file}: ${systemWords(error)}`, { cause: error });
  }
}

function noSuchGuest(name: string): string {
  const close = suggest(
    name,
    CATALOGUE.map((entry) => entry.name),
  );
  const hint =
    close.length > 0 ? `did you mean ${close.join(" or ")}?` : "ring1 guests lists the built-in ones.";
  return `there is no guest and no file called ${name}; ${hint}`;
}

function builtFile(url: URL, what: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(readFileSync(url));
  } catch (error) {
    throw new UsageError(`${what} is not built (${fileURLToPath(url)}): run npm run build:engine`, {
      cause: error,
    });
  }
}

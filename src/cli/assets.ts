import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CATALOGUE, type CatalogueEntry } from "../guests/catalogue.js";
import { DISTRIBUTION_KERNELS, type DistributionKernel } from "../guests/linux/kernels.js";
import { systemWords } from "./output-file.js";
import { suggest } from "./suggest.js";
import { UsageError } from "./usage-error.js";

const CORE = new URL("../cpu/build/cpu.wasm", import.meta.url);
const GUESTS = new URL("../guests/build/", import.meta.url);

/**
 * The processor, as WebAssembly.
 * @throws UsageError when it has not been built
 */
export function coreBytes(): Uint8Array<ArrayBuffer> {
  return builtFile(CORE, "the processor", "npm run build:engine");
}

/** As {@link coreBytes}, compiled. */
export function loadCore(): WebAssembly.Module {
  return new WebAssembly.Module(coreBytes());
}

/**
 * The decoder of binary translation: the wasm of iced-x86.
 * @throws UsageError when the package is not installed
 */
export function loadDecoder(): WebAssembly.Module {
  const file = new URL("iced_x86_bg.wasm", import.meta.resolve("iced-x86"));
  return new WebAssembly.Module(builtFile(file, "the decoder of binary translation", "npm ci"));
}

const BUILT_IN: readonly (CatalogueEntry | DistributionKernel)[] = [...CATALOGUE, ...DISTRIBUTION_KERNELS];

/** Names and titles of the built-in guests and of the kernels that can be prepared. */
export function catalogue(): readonly { name: string; title: string }[] {
  return BUILT_IN;
}

/** An image and what goes with it unless the command line says otherwise. */
export interface ImageFiles {
  image: Uint8Array<ArrayBuffer>;
  initrd?: Uint8Array<ArrayBuffer>;
  commandLine?: string;
  ramMebibytes?: number;
}

/**
 * An image: that of a built-in guest by its name, else a file.
 * @param paravirtual - of a built-in guest the build that is so, if there is one
 * @throws UsageError that suggests names when there is neither
 */
export function readImage(name: string, paravirtual = false): ImageFiles {
  const guest = CATALOGUE.find((entry) => entry.name === name);
  if (guest)
    return {
      image: builtFile(
        new URL(((paravirtual && guest.paravirtual) || guest).image, GUESTS),
        `guest ${name}`,
        "npm run build:engine",
      ),
    };
  const kernel = DISTRIBUTION_KERNELS.find((entry) => entry.name === name);
  if (kernel === undefined) return { image: readFile(name) };
  const { commandLine, ramMebibytes } = kernel;
  const built = (file: string): Uint8Array<ArrayBuffer> =>
    builtFile(new URL(file, GUESTS), `guest ${name}`, "npm run guests");
  return { image: built(kernel.image), initrd: built(kernel.initrd), commandLine, ramMebibytes };
}

/** Whether a distribution's kernel has been prepared. */
export function isBuilt(name: string): boolean {
  const kernel = DISTRIBUTION_KERNELS.find((entry) => entry.name === name)!;
  return [kernel.image, kernel.initrd].every((file) => existsSync(new URL(file, GUESTS)));
}

/** The image of a loop under `src/guests/yardstick`. */
export function readYardstick(file: string): Uint8Array<ArrayBuffer> {
  return builtFile(new URL(file, GUESTS), `yardstick ${file}`, "npm run build:engine");
}

/** A file of the guests' build folder, for experiments. */
export function readGuestFile(file: string): Uint8Array<ArrayBuffer> {
  return builtFile(new URL(file, GUESTS), `guest ${file}`, "npm run build:engine");
}

function readFile(name: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(readFileSync(name));
  } catch (error) {
    const isFile = (error as NodeJS.ErrnoException).code !== "ENOENT";
    throw new UsageError(isFile ? `cannot read ${name}: ${systemWords(error)}` : noSuchGuest(name), {
      cause: error,
    });
  }
}

/** A boot module: its file and the string that goes with it. */
export function readModule(file: string): { bytes: Uint8Array; commandLine: string } {
  return { bytes: readOperand(file, "module"), commandLine: file };
}

/**
 * A file that an option names.
 * @param what for messages
 * @throws UsageError when it cannot be read
 */
export function readOperand(file: string, what: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(file));
  } catch (error) {
    throw new UsageError(`cannot read ${what} ${file}: ${systemWords(error)}`, { cause: error });
  }
}

function noSuchGuest(name: string): string {
  const close = suggest(
    name,
    BUILT_IN.map((entry) => entry.name),
  );
  const hint =
    close.length > 0 ? `did you mean ${close.join(" or ")}?` : "ring1 guests lists the built-in ones.";
  return `there is no guest and no file called ${name}; ${hint}`;
}

function builtFile(url: URL, what: string, command: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(readFileSync(url));
  } catch (error) {
    throw new UsageError(`${what} is not built (${fileURLToPath(url)}): run ${command}`, {
      cause: error,
    });
  }
}

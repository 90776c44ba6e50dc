import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { stopwatch } from "./bench.js";

/** What a loop under `src/guests/yardstick` came to on v86. */
export interface YardstickRun {
  /** EAX at the end. */
  result: number;
  /** Of this process's processor time, from the first instruction of the loop to its last, compilation included. */
  seconds: number;
}

/** Runs a multiboot image of `src/guests/yardstick` with a number on its command line. */
export type Yardstick = (
  image: Uint8Array<ArrayBuffer>,
  argument: number,
  options: { jit: boolean },
) => Promise<YardstickRun>;

const MEMORY = 32 << 20;
const NO_SCREEN = 1 << 20;
/** On COM1: that the loop begins, and its result. */
const MESSAGE_BYTES = 5;

/**
 * v86, a 32-bit PC with a just-in-time compiler.
 * @returns null where it is not installed: it is a development dependency
 */
export async function loadV86(): Promise<Yardstick | null> {
  const v86 = await import("v86").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_MODULE_NOT_FOUND") return null;
    throw error;
  });
  if (v86 === null) return null;
  const { resolve } = createRequire(import.meta.url);
  const core = await WebAssembly.compile(await readFile(resolve("v86/build/v86.wasm")));
  return async (image, argument, { jit }) => {
    const machine = new v86.V86({
      // Compiled once for all runs, so that a run does not begin with the host's optimizer.
      wasm_fn: async (imports) => (await WebAssembly.instantiate(core, imports)).exports,
      memory_size: MEMORY,
      vga_memory_size: NO_SCREEN,
      multiboot: { buffer: image.buffer },
      cmdline: String(argument),
      disable_jit: !jit,
      disable_keyboard: true,
      disable_mouse: true,
      disable_speaker: true,
      autostart: true,
    });
    const run = await new Promise<YardstickRun>((done) => {
      const message: number[] = [];
      let stop: () => number;
      machine.add_listener("serial0-output-byte", (byte: number) => {
        if (message.push(byte) === 1) stop = stopwatch();
        if (message.length < MESSAGE_BYTES) return;
        const seconds = stop();
        done({ result: new DataView(Uint8Array.from(message).buffer).getUint32(1, true), seconds });
      });
    });
    await machine.destroy();
    return run;
  };
}

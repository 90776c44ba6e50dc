/** Assembling in a worker of its own, which is given up when it does not come to an end. */
import { FileAttachment } from "observablehq:stdlib";
import type { AssemblySource } from "../../../lib/guests/assemble.js";
import type { AssembleAnswer, AssembleRequest, Mistake, Program } from "./protocol.js";

const WORKER = FileAttachment("../../generated/assemble.worker.js").href;
const SCRIPT = FileAttachment("../../generated/keystone.js").href;
const WASM = FileAttachment("../../generated/keystone.wasm").href;

/** Keystone's licence, which is not the notebook's. */
export const LICENCE = FileAttachment("../../generated/keystone-licence.txt").href;

/** A guest takes a tenth of a second; Keystone hangs on some impossible operands. Milliseconds. */
const PATIENCE = 10_000;

/** The program, or where it is in error. */
export function assembleSources(sources: readonly AssemblySource[]): Promise<Program | Mistake> {
  const worker = new Worker(WORKER, { type: "module" });
  let patience: ReturnType<typeof setTimeout> | undefined;
  const result = new Promise<Program | Mistake>((resolve) => {
    const failed = (reason: string): void => resolve({ reason, place: null });
    worker.onmessage = ({ data }: MessageEvent<AssembleAnswer>) => {
      if (data.type === "loaded") {
        const words = `the assembler did not come to an end in ${PATIENCE / 1000} seconds and was stopped: look at what was changed last`;
        patience = setTimeout(() => failed(words), PATIENCE);
      } else resolve(data.type === "assembled" ? data.program : data.mistake);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      failed(event.message || "the assembler could not be started");
    };
  });
  worker.postMessage({
    sources: [...sources],
    script: new URL(SCRIPT, document.baseURI).href,
    wasm: new URL(WASM, document.baseURI).href,
  } satisfies AssembleRequest);
  return result.finally(() => {
    clearTimeout(patience);
    worker.terminate();
  });
}

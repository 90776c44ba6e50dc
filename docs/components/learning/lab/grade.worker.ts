/**
 * Grades one part and is done: the page ends it when the student presses Stop. Bundled by src/site/grading.ts, since the
 * labs lie outside docs/.
 */
import { grade } from "../../../../src/grading/browser.js";
import type { GradeAnswer, GradeRequest } from "./protocol.js";

function answer(message: GradeAnswer): void {
  postMessage(message);
}

async function bytesAt(address: string): Promise<ArrayBuffer> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response.arrayBuffer();
}

async function perform({ labId, source, core, quickjs, guests }: GradeRequest): Promise<void> {
  const [processor, interpreter] = await Promise.all(
    [core, quickjs].map(async (address) => WebAssembly.compile(await bytesAt(address))),
  );
  const assets = {
    core: processor,
    quickjs: interpreter,
    guest: async (name: string) => {
      if (!Object.hasOwn(guests, name)) throw new RangeError(`no guest is called "${name}"`);
      return new Uint8Array(await bytesAt(guests[name]));
    },
  };
  const report = await grade({ labId, source }, assets, (progress) =>
    answer({ type: "progress", ...progress }),
  );
  answer({ type: "report", report });
}

onmessage = (event: MessageEvent<GradeRequest>) => {
  perform(event.data).catch((error: unknown) => {
    answer({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  });
};

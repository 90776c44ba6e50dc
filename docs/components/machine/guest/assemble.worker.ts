/**
 * Assembles one program and is done: the page ends it when Keystone hangs. Bundled by src/site/assembler.ts, which leaves
 * Keystone out: it is a file of its own, under its own licence.
 */
import { AssemblyError, loadAssembler } from "../../../../src/guests/assemble.js";
import { GUEST_ORIGIN } from "../../../../src/guests/catalogue.js";
import { guestListing } from "../../../../src/guests/listing.js";
import type { AssembleAnswer, AssembleRequest } from "./protocol.js";

function answer(message: AssembleAnswer): void {
  postMessage(message);
}

async function perform({ sources, script, wasm }: AssembleRequest): Promise<void> {
  const response = await fetch(wasm);
  if (!response.ok) throw new Error(`${wasm} answered ${response.status}. Reload the page.`);
  const assemble = await loadAssembler({ script, wasm: await response.arrayBuffer() });
  answer({ type: "loaded" });
  const assembled = assemble(sources, { origin: GUEST_ORIGIN });
  answer({
    type: "assembled",
    program: { image: assembled.bytes, listing: guestListing(assembled, sources) },
  });
}

onmessage = (event: MessageEvent<AssembleRequest>) => {
  perform(event.data).catch((error: unknown) => {
    const mistake =
      error instanceof AssemblyError
        ? { reason: error.reason, place: { file: error.file, line: error.line } }
        : { reason: error instanceof Error ? error.message : String(error), place: null };
    answer({ type: "failed", mistake });
  });
};

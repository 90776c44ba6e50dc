/** Every built-in guest says the same natively, with VT-x over either kind of memory and by binary translation, and ends the same. */
import { expect, it } from "vitest";
import { Session } from "../../src/experiments/session.js";
import type { CpuMode, MemoryMode } from "../../src/experiments/view.js";
import { CATALOGUE, isParavirtual } from "../../src/guests/catalogue.js";
import { builtImage, core, decoder } from "./guest.js";

/** Rounds, where the guest's own number is for measuring. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  prime: "3000",
  sieve: "1",
  "memory-walk": "1",
  fib: "16",
  "tlb-misses": "1",
  "cold-code": "1",
  "changing-code": "2",
  exits: "2",
  interrupts: "4",
};
const MOST = 3_000_000;

function outcome(name: string, image: string, cpuMode: CpuMode, memoryMode?: MemoryMode) {
  const session = Session.create({
    core,
    decoder,
    image: builtImage(image),
    name,
    cpuMode,
    memoryMode,
    ramBytes: 16 << 20,
    commandLine: ARGUMENTS[name],
    maxInstructions: name === "endless" ? 100_000 : name === "cold-code" ? 4 * MOST : MOST,
    trace: false,
  });
  session.run();
  const { console, ending } = session.view();
  // The line about the hypervisor is meant to differ.
  const said = console.replace(/^above .*$/m, "above");
  return { console: said, kind: ending?.kind, status: ending?.status };
}

/** The guest that shows ring compression has a ring 1 of its own, and there is none below it to compress it into. */
const NOT_TRANSLATED = ["rings"];

const guests = CATALOGUE.filter(({ recipe }) => !isParavirtual(recipe));

it.each(guests.map(({ name, image }) => [name, image]))("%s", (name, image) => {
  const native = outcome(name!, image!, "native");
  expect(native.kind).not.toBe("part-error");
  expect(outcome(name!, image!, "vtx", "nested"), "nested").toEqual(native);
  expect(outcome(name!, image!, "vtx", "shadow"), "shadow").toEqual(native);
  const translated = outcome(name!, image!, "bt");
  if (NOT_TRANSLATED.includes(name!)) expect(translated.kind).toBe("part-error");
  else expect(translated, "bt").toEqual(native);
});

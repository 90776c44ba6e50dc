/** A paravirtual guest of the tests: built by the hypervisor, its hypercalls made by hand or by code of its own. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Session } from "../../../src/experiments/session.js";
import { loadAssembler } from "../../../src/guests/assemble.js";
import { GUEST_ORIGIN } from "../../../src/guests/catalogue.js";
import { loadImage } from "../../../src/guests/load-image.js";
import { machineRamFor } from "../../../src/hypervisor/memory/layout.js";
import { PvBackend } from "../../../src/hypervisor/pv/backend.js";
import type { PvGuest } from "../../../src/hypervisor/pv/pv-guest.js";
import { Ring0Port } from "../../../src/hypervisor/ring0/port.js";
import { VirtualMachine } from "../../../src/hypervisor/vm.js";
import { Machine } from "../../../src/machine/machine.js";
import { core } from "../../experiments/guest.js";

const assemble = await loadAssembler();
const LIBRARY = [
  "paravirtual/interface",
  "multiboot",
  "long-mode",
  "paravirtual/start",
  "console",
  "power",
].map((name) => ({
  name,
  text: readFileSync(fileURLToPath(new URL(`../../../src/guests/lib/${name}.s`, import.meta.url)), "utf8"),
}));

/** A paravirtual image: `main` runs at ring 1 with the library of the built-in guests. */
export function paravirtual(main: string) {
  return assemble([...LIBRARY, { name: "main", text: `.code64\n${main}\n` }], { origin: GUEST_ORIGIN });
}

/** Numbers that guests use, by name. */
export function interfaceNumbers(): Record<string, number> {
  return assemble([LIBRARY[0]], { origin: 0 }).symbols;
}

/** What a guest of the tests puts behind its code: ends with the status 2 × RSI + 1. */
export const END = "mov edi, SHUTDOWN_STATUS\nmov eax, SHUTDOWN\nHYPERCALL";

export function session(main: string, maxInstructions = 1e5): Session {
  const { bytes: image } = paravirtual(main);
  return Session.create({
    core,
    image,
    name: "x",
    cpuMode: "pv",
    ramBytes: 4 * 2 ** 20,
    maxInstructions,
  });
}

/** Runs a guest to its end: how that was, its console, its exits by name. */
export function run(main: string, maxInstructions?: number) {
  const it = session(main, maxInstructions);
  it.run();
  const { ending, console, exits } = it.view();
  return {
    ending: ending!,
    console,
    exits: Object.fromEntries(exits.map(({ name, count }) => [name, count])),
  };
}

/** A guest that has not begun, for hypercalls made by hand. */
export function unstarted(ramBytes: number): { guest: PvGuest; machine: Machine } {
  const machine = new Machine({ core, ramBytes: machineRamFor(ramBytes) });
  const image = loadImage(paravirtual("main: jmp main").bytes, { name: "x", ramBytes });
  const backend = new PvBackend(new Ring0Port(machine), image.paravirtual!);
  const vm = new VirtualMachine({ backend, guestBytes: ramBytes, image });
  return { guest: (vm.current.cpu as unknown as { guest: PvGuest }).guest, machine };
}

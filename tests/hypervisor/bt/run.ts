import { loadImage } from "../../../src/guests/load-image.js";
import { BtBackend } from "../../../src/hypervisor/bt/backend.js";
import { CACHE_BYTES } from "../../../src/hypervisor/bt/layout.js";
import { GUEST_RAM_BASE, machineRamFor } from "../../../src/hypervisor/memory/layout.js";
import { Ring0Port } from "../../../src/hypervisor/ring0/port.js";
import { RunLoop } from "../../../src/hypervisor/run-loop.js";
import { VirtualMachine } from "../../../src/hypervisor/vm.js";
import { Machine } from "../../../src/machine/machine.js";
import { exitReasonName } from "../../../src/trace/names.js";
import { core, decoder, guest } from "../../experiments/guest.js";

export const RAM = 16 << 20;

/** A guest under binary translation, with what a test wants to see of it. */
export function translated(source: string, steps = 2_000_000) {
  const machine = new Machine({ core, ramBytes: machineRamFor(RAM, CACHE_BYTES) });
  const image = loadImage(guest(source), { name: "translated", ramBytes: RAM });
  const backend = new BtBackend(new Ring0Port(machine), decoder, GUEST_RAM_BASE + RAM);
  const vm = new VirtualMachine({ backend, guestBytes: RAM, image });
  const loop = new RunLoop(vm);
  loop.run(steps, () => false);
  const exits = new Map([...loop.tallies].map(([reason, { count }]) => [exitReasonName(reason), count]));
  return {
    machine,
    loop,
    cache: backend.cache,
    /** 2v + 1 for a guest that ended with v in AL. */
    ending: loop.ending,
    exits: (name: string): number => exits.get(name) ?? 0,
    registers: loop.peek()!,
    read: (address: number, bytes: number): Uint8Array =>
      machine.memory.read(GUEST_RAM_BASE + address, bytes),
  };
}

export const END = "mov al, 7\nout 0xf4, al\nhlt";

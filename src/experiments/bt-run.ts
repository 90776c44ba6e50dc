import { BtBackend } from "../hypervisor/bt/backend.js";
import { GUEST_RAM_BASE } from "../hypervisor/memory/layout.js";
import { Ring0Port } from "../hypervisor/ring0/port.js";
import type { Machine } from "../machine/machine.js";
import { TranslationReader } from "./translation-view.js";
import type { TranslationsView } from "./view.js";
import { VmRun, type VmRunOptions } from "./vm-run.js";

/** The same guest in a virtual machine without VMX: its kernel by binary translation, on shadow page tables. */
export class BtRun extends VmRun {
  readonly #backend: BtBackend;
  readonly #decoder: WebAssembly.Module;
  #reader: TranslationReader | null = null;

  /** @param decoder - compiled wasm of iced-x86 */
  constructor(machine: Machine, decoder: WebAssembly.Module, options: VmRunOptions) {
    const cacheAt = GUEST_RAM_BASE + options.guestBytes;
    const backend = new BtBackend(new Ring0Port(machine), decoder, cacheAt);
    super(machine, () => backend, options);
    this.#backend = backend;
    this.#decoder = decoder;
  }

  translations(): TranslationsView | null {
    if (this.ending?.kind === "part-error" && this.position === 0) return null;
    const { machine } = this;
    this.#reader ??= new TranslationReader(this.#decoder, this.#backend.cache, (at, bytes) =>
      machine.memory.read(at, bytes),
    );
    return this.#reader.view(this.#backend.cacheOffset);
  }
}

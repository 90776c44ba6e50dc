import { CACHE_BYTES } from "../hypervisor/bt/layout.js";
import { ImageError, loadImage, type ImageModule, type LoadedImage } from "../guests/load-image.js";
import { machineRamFor } from "../hypervisor/memory/layout.js";
import type { PartOverrides } from "../hypervisor/parts.js";
import { Machine, type MachineOptions } from "../machine/machine.js";
import { checkProcessors } from "../machine/processors.js";
import * as S from "../spec/cpu-state.js";
import { MAX_RAM_BYTES } from "../spec/memory-map.js";
import { EXIT_INSTRUCTION_LENGTH, EXIT_QUALIFICATION } from "../spec/vmcs-fields.js";
import { exitReasonName } from "../trace/names.js";
import { readTrace, traceCount } from "../trace/ring.js";
import { BtRun } from "./bt-run.js";
import { describeState } from "./describe.js";
import { budgetExhausted } from "./ending.js";
import { InputLog, type TypedInput } from "./input-log.js";
import { hasVmcs, keptViews, peekVmcs, registerViews, segmentViews, vmcsView } from "./machine-state.js";
import { NativeRun } from "./native-run.js";
import { PvRun } from "./pv-run.js";
import type { Run } from "./run.js";
import type {
  CpuMode,
  Ending,
  MachineView,
  MemoryMode,
  Moment,
  Ring,
  TraceEvent,
  TranslationsView,
} from "./view.js";
import { VtxRun } from "./vtx-run.js";

/** A run that nobody limited ends after so many steps. */
export const DEFAULT_MAX_INSTRUCTIONS = 10_000_000_000;
/** RAM of a guest that nobody gave any. */
export const DEFAULT_RAM_BYTES = 32 * 2 ** 20;

/** How each CPU mode can virtualise memory, its own choice first. */
export const MEMORY_MODES: Readonly<Record<CpuMode, readonly MemoryMode[]>> = {
  native: [],
  vtx: ["nested", "shadow"],
  bt: ["shadow"],
  pv: ["direct"],
};

export interface SessionOptions {
  /** Compiled `cpu.wasm`. */
  core: WebAssembly.Module;
  /** ELF64, multiboot-1 ELF32, … as `guests/` can load them. */
  image: Uint8Array;
  /** Of the guest, for messages. */
  name: string;
  cpuMode: CpuMode;
  /** Compiled wasm of iced-x86 (`iced_x86_bg.wasm` of the package): the decoder of binary translation, which needs it. */
  decoder?: WebAssembly.Module;
  /** How a VM's memory is virtualised; unless given the first of {@link MEMORY_MODES}. */
  memoryMode?: MemoryMode;
  /** RAM of the guest, a multiple of 4096; 32 MiB unless given. A hypervisor has memory of its own beside it. */
  ramBytes?: number;
  /** Processors of the guest, 1 to 4; 1 unless given. */
  processors?: number;
  commandLine?: string;
  modules?: readonly ImageModule[];
  /** Initial RAM file system of a Linux kernel. */
  initrd?: Uint8Array;
  /** Parts that replace the hypervisor's own. A replay uses them again: what they remember is not taken back. */
  parts?: PartOverrides;
  /** Write trace records; on unless false. */
  trace?: boolean;
  /** Steps after which the run ends as "budget-exhausted". */
  maxInstructions?: number;
  /** Cost model; the machine's default unless given. */
  preset?: MachineOptions["preset"];
  /** False: the processor caches nothing of the upper levels of page walks. */
  structureCaches?: boolean;
  /** Takes each byte that leaves the console, once, however often the run is replayed. */
  onConsole?: (byte: number) => void;
}

/** Why a slice of a run came to its end: it was long enough, the exit asked for has happened, or the run has ended. */
export interface SliceStop {
  kind: "budget" | "exit" | "ended";
}

/** How far a slice goes: at most `instructions` steps; with `untilExit`, to the next VM exit (of these reasons). */
export interface Slice {
  instructions?: number;
  untilExit?: boolean | { reasons: readonly number[] };
}

/**
 * One guest on one machine: the engine as pages, command line, tests, grader and decks use it. Everything is
 * synchronous and deterministic: a run goes through the same states however it is cut into slices and steps.
 *
 * {@link Session.back} and {@link Session.seek} replay the run from reset, which takes as long as the run did.
 */
export class Session {
  readonly #image: LoadedImage;
  readonly #maxInstructions: number;
  /** RAM of the guest. */
  readonly ramBytes: number;
  #run: Run;
  /** A character for each byte. */
  #console = "";
  #delivered = 0;
  #budgetEnding: Ending | null = null;
  #input = new InputLog();

  /**
   * @throws ImageError when the image cannot be loaded
   * @throws RangeError for options out of range
   */
  static create(options: SessionOptions): Session {
    return new Session(options);
  }

  private constructor(private readonly options: SessionOptions) {
    const { image, name, commandLine, modules, initrd } = options;
    this.#maxInstructions = options.maxInstructions ?? DEFAULT_MAX_INSTRUCTIONS;
    this.ramBytes = options.ramBytes ?? DEFAULT_RAM_BYTES;
    this.#image = loadImage(image, { name, ramBytes: this.ramBytes, commandLine, modules, initrd });
    this.#checkModes();
    this.#checkRoomForVm();
    checkProcessors(options.processors ?? 1);
    this.#run = this.#start();
  }

  get #memoryMode(): MemoryMode | null {
    const { cpuMode, memoryMode } = this.options;
    return cpuMode === "native" ? null : (memoryMode ?? MEMORY_MODES[cpuMode][0]);
  }

  /** What was built for a hypervisor starts under one of its kind only, and nothing else does there. */
  #checkModes(): void {
    const { cpuMode, memoryMode, name } = this.options;
    const isParavirtual = this.#image.paravirtual !== undefined;
    if (isParavirtual && cpuMode !== "pv")
      throw new ImageError(`"${name}" was built for paravirtualisation: run it with --cpu-mode pv`);
    if (!isParavirtual && cpuMode === "pv")
      throw new ImageError(
        `"${name}" has no paravirtual header (src/spec/paravirtual.ts): its kernel knows no hypercalls, so --cpu-mode pv cannot run it`,
      );
    const memoryModes = MEMORY_MODES[cpuMode];
    if (cpuMode !== "native" && memoryMode !== undefined && !memoryModes.includes(memoryMode))
      throw new RangeError(
        `memory mode ${memoryMode} with CPU mode ${cpuMode}: it takes ${memoryModes.join(" or ")}`,
      );
  }

  #checkRoomForVm(): void {
    const excess = this.#machineRam() - MAX_RAM_BYTES;
    if (this.options.cpuMode === "native" || excess <= 0) return;
    const most = (this.ramBytes - excess) / 2 ** 20;
    throw new RangeError(
      `${this.ramBytes / 2 ** 20} MiB of RAM for a VM: beside its hypervisor the machine holds at most ${most} MiB`,
    );
  }

  /** The machine, for tools that look below the view (tests, grader, benchmarks). */
  get machine(): Machine {
    return this.#run.machine;
  }
  get ending(): Ending | null {
    return this.#run.ending ?? this.#budgetEnding;
  }
  /** The guest has halted, and only input will wake it: that is how the run ends, unless {@link type} is called. */
  get waitsForInput(): boolean {
    return this.#run.wakeable;
  }
  /** Where the run is; see {@link Moment}. */
  get moment(): Moment {
    const { exits, position, machine } = this.#run;
    return { instructions: machine.processor.instructions, exits, position };
  }
  /** Console output so far, byte by byte. */
  get consoleBytes(): Uint8Array {
    return Uint8Array.from(this.#console, (character) => character.charCodeAt(0));
  }

  /** Runs a slice; without limits, to the end of the run. */
  run(slice: Slice = {}): SliceStop {
    if (this.ending) return { kind: "ended" };
    const exits = this.#run.exits;
    const stopAt = exitFilter(slice.untilExit);
    const arrived = (): boolean => {
      const { pendingExit } = this.#run;
      return pendingExit !== null && this.#run.exits > exits && stopAt(pendingExit);
    };
    const target = Math.min(this.#run.position + (slice.instructions ?? Infinity), this.#maxInstructions);
    do {
      this.#run.run(Math.min(target, this.#input.due), stopAt);
    } while (this.#replayInput() && !arrived() && this.#run.position < target);
    if (this.#run.ending === null && this.#run.position >= this.#maxInstructions) {
      this.#budgetEnding = budgetExhausted(this.#maxInstructions);
    }
    if (this.ending) return { kind: "ended" };
    return { kind: arrived() ? "exit" : "budget" };
  }

  /**
   * Types at the guest's console. The bytes wait at the far end of the serial line until the guest listens; a guest that
   * has halted for good goes on. A replay types them again where the run is now, and forgets what was typed later.
   */
  type(bytes: Uint8Array): void {
    const woke = this.waitsForInput;
    if (bytes.length === 0 || (this.ending && !woke)) return;
    const input: TypedInput = { position: this.#run.position, bytes: bytes.slice(), woke };
    this.#input.add(input);
    this.#deliver(input);
  }

  /** One guest instruction; when an exit waits for its handler: the handler, and back into the guest. */
  step(): SliceStop {
    return this.run({ instructions: 1 });
  }

  /** To the next VM exit, which then waits for its handler. */
  runToExit(reasons?: readonly number[]): SliceStop {
    return this.run({ untilExit: reasons ? { reasons } : true });
  }

  /** One step back. */
  back(): void {
    const { position } = this.#run;
    if (position > 0) this.#replay(position - 1);
  }

  /** Goes to a moment of this run, earlier or later. */
  seek(moment: Moment): void {
    if (moment.position !== undefined) return this.#replay(moment.position);
    const passed = (): boolean => {
      const now = this.moment;
      return now.instructions > moment.instructions || now.exits > moment.exits;
    };
    if (passed()) this.#restart();
    while (!this.ending) {
      const now = this.moment;
      if (now.instructions >= moment.instructions && now.exits >= moment.exits) return;
      const instructions = Math.max(moment.instructions - now.instructions, 1);
      this.run({ instructions, untilExit: now.exits < moment.exits });
    }
  }

  /** Back to where nothing has run and nothing has been typed yet. */
  reset(): void {
    this.#input = new InputLog();
    this.#restart();
  }

  #restart(): void {
    this.#input.rewind();
    this.#console = "";
    this.#budgetEnding = null;
    this.#run = this.#start();
  }

  /** Trace records [from, to), as far as the ring still has them. */
  trace(from: number, to: number): TraceEvent[] {
    return readTrace(this.machine.processor, from, to).events;
  }

  /** What binary translation has made so far; null in every other mode. */
  translations(): TranslationsView | null {
    return this.#run.translations?.() ?? null;
  }

  view(): MachineView {
    const { machine, phase, pendingExit, waiting, exitCounts } = this.#run;
    const ending = this.ending;
    const inRoot = machine.processor.read32(S.VMX_OPERATION) === S.VMX_ROOT;
    const ring = inRoot ? -1 : (machine.processor.read32(S.CPL) as Ring);
    const shownPhase = ending ? "ended" : phase;
    return {
      cpuMode: this.options.cpuMode,
      memoryMode: this.#memoryMode,
      moment: this.moment,
      cycles: machine.processor.cycles,
      ring,
      phase: shownPhase,
      words: describeState({ phase: shownPhase, pendingExit, waiting, ring, ending }),
      exit: ending ? null : this.#exitView(pendingExit),
      ...this.#registers(inRoot && hasVmcs(machine)),
      vmcs: this.options.cpuMode === "vtx" ? vmcsView(machine) : null,
      console: this.#console,
      exits: exitCounts,
      traceCount: traceCount(machine.processor),
      ending,
    };
  }

  #registers(inVmcs: boolean): Pick<MachineView, "registers" | "segments"> {
    const { machine, guestRegisters } = this.#run;
    if (guestRegisters !== null) return keptViews(guestRegisters);
    return { registers: registerViews(machine, inVmcs), segments: segmentViews(machine, inVmcs) };
  }

  #exitView(reason: number | null): MachineView["exit"] {
    if (reason === null) return null;
    const peek = (field: number): bigint =>
      this.options.cpuMode === "vtx" ? peekVmcs(this.machine, field) : 0n;
    return {
      number: this.#run.exits,
      reason,
      name: exitReasonName(reason),
      qualification: peek(EXIT_QUALIFICATION),
      instructionLength: Number(peek(EXIT_INSTRUCTION_LENGTH)),
    };
  }

  #start(): Run {
    const { core, cpuMode, preset, trace, parts, processors } = this.options;
    const ramBytes = this.ramBytes;
    const machine = new Machine({
      core,
      // The virtual CPUs of a VM take turns on one processor.
      processors: cpuMode === "native" ? processors : 1,
      preset,
      structureCaches: this.options.structureCaches,
      ramBytes: this.#machineRam(),
      trace: trace ?? true,
      onSerial: (byte) => this.#consoleByte(byte),
    });
    if (cpuMode === "native") return new NativeRun(machine, this.#image);
    if (cpuMode === "bt") {
      if (this.options.decoder === undefined) throw new RangeError("binary translation needs its decoder");
      return new BtRun(machine, this.options.decoder, {
        image: this.#image,
        guestBytes: ramBytes,
        processors,
      });
    }
    const { paravirtual } = this.#image;
    if (paravirtual !== undefined)
      return new PvRun(machine, this.#image, paravirtual, ramBytes, parts ?? {}, processors);
    const memoryMode = this.#memoryMode === "shadow" ? "shadow" : "nested";
    return new VtxRun(machine, this.#image, ramBytes, parts ?? {}, processors, memoryMode);
  }

  #machineRam(): number {
    const { cpuMode } = this.options;
    if (cpuMode === "native") return this.ramBytes;
    return machineRamFor(this.ramBytes, cpuMode === "bt" ? CACHE_BYTES : 0);
  }

  #consoleByte(byte: number): void {
    this.#console += String.fromCharCode(byte);
    if (this.#console.length <= this.#delivered) return;
    this.#delivered = this.#console.length;
    this.options.onConsole?.(byte);
  }

  #replay(position: number): void {
    if (position < this.#run.position) this.#restart();
    this.run({ instructions: position - this.#run.position });
  }

  /** Types what was typed here before. @returns whether anything was */
  #replayInput(): boolean {
    if (this.#input.due !== this.#run.position) return false;
    while (this.#input.due === this.#run.position) {
      const input = this.#input.take();
      // It had halted here: that takes time, but no step.
      if (input.woke && this.#run.ending === null) this.#run.run(input.position + 1, () => false);
      this.#deliver(input);
    }
    return true;
  }

  #deliver({ bytes, woke }: TypedInput): void {
    if (woke) this.#run.wake();
    this.machine.terminal.type(bytes);
  }
}

function exitFilter(untilExit: Slice["untilExit"]): (reason: number) => boolean {
  if (untilExit === undefined || untilExit === false) return () => false;
  if (untilExit === true) return () => true;
  const reasons = new Set(untilExit.reasons);
  return (reason) => reasons.has(reason);
}

/** What the page and the worker that holds a machine say to each other. Plain data. */
import type {
  CpuMode,
  MachineView,
  MemoryMode,
  Moment,
  Ring,
  TraceEvent,
  TranslatedBlock,
} from "../../lib/experiments/view.js";
import type { PresetName } from "../../lib/machine/costs.js";

/** An exit handler that a reader changed, as JavaScript. */
export interface EditedHandler {
  /** Where the source lies, e.g. src/hypervisor/vtx/exits/cpuid.ts: imports are relative to it. */
  path: string;
  /** The handler among the module's exports, e.g. "cpuid". */
  exportName: string;
  javascript: string;
}

/** By name of the exit reason: CPUID, HLT, … */
export type EditedHandlers = Readonly<Record<string, EditedHandler>>;

/** Where an image is: fetched from an address of the site, or given. */
export type ImageSource = { address: string } | { bytes: Uint8Array };

export interface MachineSetup {
  /** Name of the guest, for messages. */
  guest: string;
  cpuMode: CpuMode;
  /** The CPU mode's own choice unless given. */
  memoryMode?: MemoryMode;
  /** Processor that costs are those of. */
  preset?: PresetName;
  ramBytes?: number;
  commandLine?: string;
  /** Initial RAM file system of a Linux kernel. */
  initrd?: ImageSource;
  edited: EditedHandlers;
  /** Under binary translation: reports hold the translation cache. */
  translations?: boolean;
}

export interface LoadCommand extends MachineSetup {
  type: "load";
  /** Counts the loads of a page's machine: what an earlier one still says is not heeded. */
  generation: number;
  /** Address of cpu.wasm. */
  core: string;
  /** Address of the decoder of binary translation. */
  decoder: string;
  image: ImageSource;
  /** Where to go at once. */
  at: Moment | null;
}

export type Command =
  | LoadCommand
  /** `pace`: exits per second, or null for full speed. */
  | { type: "run"; pace: number | null }
  | { type: "pause" }
  | { type: "step" }
  | { type: "to-exit" }
  | { type: "back" }
  | { type: "seek"; moment: Moment }
  /** Typed at the guest's console. */
  | { type: "type"; bytes: Uint8Array }
  | { type: "ping" };

export interface TraceDelta {
  /** The client's events end here and these follow; false: these replace them. */
  follows: boolean;
  /** Ring before the first of them. */
  before: Ring;
  events: TraceEvent[];
}

/** What has changed in the translation cache; see TranslationsView. */
export interface TranslationDelta {
  /** Blocks in it now. Those of higher numbers are gone. */
  count: number;
  /** Blocks that are new or have changed. */
  blocks: TranslatedBlock[];
  at: number;
  current: number | null;
  dropped: number;
}

/** What the console has beyond its first `from` characters. */
export interface ConsoleDelta {
  from: number;
  text: string;
}

export type Report =
  /** The view's own console is empty: `console` says what has come. */
  | {
      type: "state";
      generation: number;
      running: boolean;
      view: MachineView;
      console: ConsoleDelta;
      trace: TraceDelta;
      translations: TranslationDelta | null;
    }
  /** Posted before an edited handler runs, whenever it is another one than before. */
  | { type: "handler"; generation: number; name: string }
  | {
      type: "failed";
      generation: number;
      stage: "load" | "handler" | "run";
      handler: string | null;
      message: string;
    }
  | { type: "pong" };

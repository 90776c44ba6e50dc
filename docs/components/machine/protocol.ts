/** What the page and the worker that holds a machine say to each other. Plain data. */
import type { CpuMode, MachineView, Moment, Ring, TraceEvent } from "../../lib/experiments/view.js";

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

export interface MachineSetup {
  /** Name of the guest, for messages. */
  guest: string;
  cpuMode: CpuMode;
  ramBytes?: number;
  commandLine?: string;
  edited: EditedHandlers;
}

export interface LoadCommand extends MachineSetup {
  type: "load";
  /** Counts the loads of a page's machine: what an earlier one still says is not heeded. */
  generation: number;
  /** Address of cpu.wasm. */
  core: string;
  /** The guest's image, or its address. */
  image: Uint8Array | string;
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
  | { type: "ping" };

export interface TraceDelta {
  /** The client's events end here and these follow; false: these replace them. */
  follows: boolean;
  /** Ring before the first of them. */
  before: Ring;
  events: TraceEvent[];
}

export type Report =
  | { type: "state"; generation: number; running: boolean; view: MachineView; trace: TraceDelta }
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

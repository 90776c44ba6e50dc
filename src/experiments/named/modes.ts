import { PRESETS, type PresetName } from "../../machine/costs.js";
import type { CpuMode, MemoryMode } from "../view.js";

/** A way to run a guest; natively there is no second kind of memory. */
export interface Mode {
  mode: CpuMode;
  memory: MemoryMode | "none";
}

/** Natively and with VT-x, as a processor can; the baseline first. */
export function modesOf(processor: PresetName): Mode[] {
  const nested: Mode[] = PRESETS[processor].nestedPaging ? [{ mode: "vtx", memory: "nested" }] : [];
  return [{ mode: "native", memory: "none" }, ...nested, { mode: "vtx", memory: "shadow" }];
}

/** All ways, also those that need nothing of the processor: translation on shadow page tables, paravirtualisation on direct ones. */
export function allModesOf(processor: PresetName): Mode[] {
  const software: Mode[] = [
    { mode: "bt", memory: "shadow" },
    { mode: "pv", memory: "direct" },
  ];
  return [...modesOf(processor), ...software];
}

/** What a session is told of a mode. */
export function sessionMode({ mode, memory }: Mode): { cpuMode: CpuMode; memoryMode?: MemoryMode } {
  return memory === "none" ? { cpuMode: mode } : { cpuMode: mode, memoryMode: memory };
}

/** Rounded to thousandths. */
export function ratio(value: number, base: number): number {
  return Math.round((value / base) * 1000) / 1000;
}

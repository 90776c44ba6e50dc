import type { MemoryMode } from "../../hypervisor/parts.js";
import type { CpuMode } from "../view.js";

/** A way to run a guest; natively there is no second kind of memory. */
export interface Mode {
  mode: CpuMode;
  memory: MemoryMode | "none";
}

/** The baseline first. */
export const MODES: readonly Mode[] = [
  { mode: "native", memory: "none" },
  { mode: "vtx", memory: "nested" },
  { mode: "vtx", memory: "shadow" },
];

/** What a session is told of a mode. */
export function sessionMode({ mode, memory }: Mode): { cpuMode: CpuMode; memoryMode?: MemoryMode } {
  return memory === "none" ? { cpuMode: mode } : { cpuMode: mode, memoryMode: memory };
}

/** Rounded to thousandths. */
export function ratio(value: number, base: number): number {
  return Math.round((value / base) * 1000) / 1000;
}

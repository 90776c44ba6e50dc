import { MEASURED } from "../guests/measured/programs.js";
import type { PartOverrides } from "../hypervisor/parts.js";
import type { PresetName } from "../machine/costs.js";
import type { Laboratory } from "./experiment.js";
import { Session } from "./session.js";
import type { CpuMode, MemoryMode } from "./view.js";

const RAM_BYTES = 16 * 2 ** 20;

/** How a measured program is run. */
export interface MeasuredOptions {
  cpuMode: CpuMode;
  memoryMode?: MemoryMode;
  preset?: PresetName;
  /** The program's number. */
  argument: number;
  parts?: PartOverrides;
  structureCaches?: boolean;
}

/** What it said, and how often it left its VM. */
export interface MeasuredRun {
  results: ReadonlyMap<string, number>;
  exits: number;
}

/**
 * Runs a program of guests/measured to its end.
 * @throws Error when it does not come to an orderly one
 */
export function runMeasured(laboratory: Laboratory, name: string, options: MeasuredOptions): MeasuredRun {
  const { argument, ...rest } = options;
  const session = Session.create({
    ...rest,
    core: laboratory.core,
    decoder: laboratory.decoder,
    image: laboratory.image(imageOf(name, options.cpuMode)),
    name,
    ramBytes: RAM_BYTES,
    commandLine: String(argument),
    trace: false,
  });
  session.run();
  const { console, ending, exits } = session.view();
  if (ending?.kind !== "power-off") throw new Error(`${name} did not end well: ${ending?.message ?? "?"}`);
  const lines = console.trim().split("\n");
  return {
    results: new Map(lines.map((line) => line.split(" ")).map(([word, value]) => [word!, Number(value)])),
    exits: exits.reduce((sum, { count }) => sum + count, 0),
  };
}

function imageOf(name: string, cpuMode: CpuMode): string {
  const program = MEASURED.find((entry) => entry.name === name);
  if (program === undefined) throw new RangeError(`no measured program is called ${name}`);
  if (cpuMode !== "pv") return program.image;
  if (program.paravirtual === undefined) throw new RangeError(`${name} is not built for paravirtualisation`);
  return program.paravirtual.image;
}

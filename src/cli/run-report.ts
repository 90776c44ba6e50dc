import type { Session } from "../experiments/session.js";
import type { CpuMode, Ending, MemoryMode } from "../experiments/view.js";

/** What `ring1 run --json` writes; the schema is run-report.schema.json. */
export interface RunReport {
  image: string;
  cpuMode: CpuMode;
  /** Null in native mode. */
  memoryMode: MemoryMode | null;
  ramBytes: number;
  /** Guest instructions retired; those that a hypervisor carried out for the guest count as exits instead. */
  instructions: number;
  cycles: number;
  /** By name of the exit reason. */
  exits: Record<string, { reason: number; count: number; cycles: number }>;
  console: string;
  /** Exit status of the command. */
  status: number;
  ended: Ending["kind"];
  message: string;
}

/** The report of a run that has ended. */
export function runReport(session: Session, image: string, ending: Ending): RunReport {
  const view = session.view();
  return {
    image,
    cpuMode: view.cpuMode,
    memoryMode: view.memoryMode,
    ramBytes: session.ramBytes,
    instructions: view.moment.instructions,
    cycles: view.cycles,
    exits: Object.fromEntries(
      view.exits.map(({ name, reason, count, cycles }) => [name, { reason, count, cycles }]),
    ),
    console: new TextDecoder().decode(session.consoleBytes),
    status: ending.status,
    ended: ending.kind,
    message: ending.message,
  };
}

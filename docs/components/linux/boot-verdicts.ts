/** What a boot says about the predictions of chapter 25. Pure. */
import type { ExitCount, MachineView } from "../../lib/experiments/view.js";
import * as R from "../../lib/spec/exit-reasons.js";
import { count, counted, exitLabel, percent } from "../figures/format.js";
import type { Verdict } from "../learning/prediction.js";

export const BOOT_PREDICTIONS = [
  { id: "says", text: "The kernel’s messages name a hypervisor" },
  { id: "io", text: "More than half of all exits are for IN and OUT" },
  { id: "faults", text: "The page faults of the first program cause exits" },
  { id: "sleep", text: "The kernel exits when it has nothing to do" },
  { id: "time", text: "More than a tenth of all cycles goes into exits" },
] as const;

export type BootPrediction = (typeof BOOT_PREDICTIONS)[number]["id"];

/** What init writes when it starts the shell, and the kernel when there is nothing to start. */
const BOOTED = /busybox shell|Kernel panic/;
const NAMES_A_HYPERVISOR =
  /^.*(?:Hypervisor detected|running (?:on|under) \S+ hypervisor|paravirtualized kernel on (?!bare)).*$/im;

/** Verdicts are in when a shell has come, or the run has ended in a VM. */
export function bootVerdicts(
  view: Pick<MachineView, "cpuMode" | "console" | "ending" | "exits" | "cycles"> | null,
): Partial<Record<BootPrediction, Verdict>> {
  if (!view || view.cpuMode !== "vtx" || !(view.ending || BOOTED.test(view.console))) return {};
  const { exits, cycles } = view;
  const times = (reason: number): number => exits.find((exit) => exit.reason === reason)?.count ?? 0;
  const all = sum(exits, "count");
  const inExits = sum(exits, "cycles");
  const named = NAMES_A_HYPERVISOR.exec(view.console);
  const most = [...exits].sort((a, b) => b.count - a.count)[0];
  const byExits = (...reasons: number[]): Verdict => {
    const found = reasons.reduce((total, reason) => total + times(reason), 0);
    return { happened: found > 0, evidence: found > 0 ? counted(found, "exit") : "no exit" };
  };
  return {
    says: { happened: named !== null, evidence: named ? named[0].trim() : "no message does" },
    io: {
      happened: times(R.IO_INSTRUCTION) > all / 2,
      evidence: `${count(times(R.IO_INSTRUCTION))} of ${count(all)}${most ? `; most are ${exitLabel(most.reason)}` : ""}`,
    },
    faults: byExits(R.EXCEPTION_OR_NMI),
    sleep: byExits(R.HLT, R.MWAIT),
    time: { happened: inExits > cycles / 10, evidence: `${percent(inExits, cycles)} of them` },
  };
}

function sum(exits: readonly ExitCount[], what: "count" | "cycles"): number {
  return exits.reduce((total, exit) => total + exit[what], 0);
}

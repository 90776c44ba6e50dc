/** What a run of the guest "hello" says about the predictions of chapter 7. Pure. */
import type { ExitCount, MachineView, TraceEvent, TraceKind } from "../../lib/experiments/view.js";
import * as R from "../../lib/spec/exit-reasons.js";
import { PAGE_FAULT } from "../../lib/spec/vectors.js";
import { injection } from "../figures/crossings.js";
import { counted } from "../figures/format.js";
import type { Verdict } from "./prediction.js";

export const EXIT_PREDICTIONS = [
  { id: "cpuid", text: "The kernel asks the processor for its name (CPUID)" },
  { id: "paging", text: "The kernel loads its page tables and switches paging on (MOV to CR3, CR0)" },
  { id: "serial", text: "The kernel writes a character to the serial port (OUT)" },
  { id: "syscall", text: "User code calls the kernel (SYSCALL)" },
  { id: "fault", text: "User code touches a page that is not mapped (page fault)" },
  { id: "timer", text: "The timer wakes the sleeping guest (interrupt)" },
  { id: "sleep", text: "The kernel has nothing to do and waits (HLT)" },
] as const;

export type ExitPrediction = (typeof EXIT_PREDICTIONS)[number]["id"];

/** Verdicts are in when the guest has powered itself off; before that something may still come. */
export function exitVerdicts(
  view: Pick<MachineView, "ending" | "exits"> | null,
  events: readonly TraceEvent[],
  complete: boolean,
): Partial<Record<ExitPrediction, Verdict>> {
  if (view?.ending?.kind !== "power-off") return {};
  const exits = (...reasons: number[]): number => sum(view.exits, reasons);
  const times = (kind: TraceKind, a?: number): number =>
    events.filter((event) => event.kind === kind && (a === undefined || Number(event.a) === a)).length;
  const byExits = (...reasons: number[]): Verdict => {
    const found = exits(...reasons);
    return { happened: found > 0, evidence: found > 0 ? counted(found, "exit") : "no exit" };
  };
  const without = (what: string, happened: number, ...reasons: number[]): Verdict => {
    const found = exits(...reasons);
    const seen = complete && happened > 0 ? `${counted(happened, what)}, ` : "";
    return { happened: found > 0, evidence: `${seen}${found > 0 ? counted(found, "exit") : "no exit"}` };
  };
  return {
    cpuid: byExits(R.CPUID),
    paging: byExits(R.CONTROL_REGISTER_ACCESS),
    serial: byExits(R.IO_INSTRUCTION),
    syscall: without("call", times("SYSCALL"), R.VMCALL),
    fault: without("fault", times("EXCEPTION", PAGE_FAULT), R.EXCEPTION_OR_NMI),
    timer: without("interrupt", injectedInterrupts(events), R.EXTERNAL_INTERRUPT),
    sleep: byExits(R.HLT),
  };
}

/** Interrupts that VM entries delivered: those of the VM's own timer. */
function injectedInterrupts(events: readonly TraceEvent[]): number {
  return events.filter((event) => event.kind === "VM_ENTRY" && injection(event.b)?.startsWith("interrupt"))
    .length;
}

function sum(exits: readonly ExitCount[], reasons: readonly number[]): number {
  return exits
    .filter(({ reason }) => reasons.includes(reason))
    .reduce((total, { count }) => total + count, 0);
}

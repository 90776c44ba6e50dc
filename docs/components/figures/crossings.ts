/**
 * The trace read as crossings: every record after which another ring has the processor, with the name of what took
 * it there. Pure; no DOM.
 */
import { INTERRUPTION_VALID } from "../../lib/spec/vmx-controls.js";
import type { Ring, TraceEvent } from "../../lib/experiments/view.js";
import { exitLabel, exitName, vectorName } from "./format.js";

export interface Crossing {
  /** Sequence number of the trace record. */
  n: number;
  from: Ring;
  to: Ring;
  /** Short name for an arrow: SYSCALL, #PF page fault, VM exit: CPUID. */
  name: string;
  cycle: number;
}

/** One stay in the hypervisor: a VM exit up to the entry that ends it. */
export interface ExitStay {
  /** Number of the exit since reset, from 1. */
  number: number;
  /** Sequence number of the VM_EXIT record. */
  n: number;
  reason: number;
  name: string;
  /** Ring that was left. */
  from: Ring;
  rip: bigint;
  qualification: bigint;
  instructions: number;
  start: number;
  /** Cycle of the VM entry; null while the exit is being handled. */
  end: number | null;
  /** What the entry injects, in words; null for nothing. */
  injected: string | null;
}

/** Name of what an event is, as an arrow says it. */
export function crossingName(event: TraceEvent): string {
  switch (event.kind) {
    case "VM_EXIT":
      return `VM exit: ${exitLabel(Number(event.a))}`;
    case "VM_ENTRY":
      return "VM entry";
    case "EXCEPTION":
      return vectorName(Number(event.a));
    case "INTERRUPT":
      return `interrupt ${Number(event.a)}`;
    case "SOFTWARE_INTERRUPT":
      return `INT ${Number(event.a)}`;
    case "FAR_TRANSFER":
      return "far transfer";
    default:
      return event.kind;
  }
}

/** Rings 1 and 2 are drawn with ring 0: nothing in this book tells them apart where this is used. */
function drawn(ring: Ring): Ring {
  return ring === 1 || ring === 2 ? 0 : ring;
}

/**
 * @param before - ring that had the processor before the first record
 */
export function crossings(events: readonly TraceEvent[], before: Ring): Crossing[] {
  const found: Crossing[] = [];
  let from = drawn(before);
  for (const event of events) {
    const to = drawn(event.ring);
    if (to !== from) found.push({ n: event.n, from, to, name: crossingName(event), cycle: event.cycle });
    from = to;
  }
  return found;
}

/**
 * @param firstNumber - number of the first exit in `events`
 * @param before - ring before the first record
 */
export function exitStays(events: readonly TraceEvent[], firstNumber: number, before: Ring): ExitStay[] {
  const stays: ExitStay[] = [];
  let ring = drawn(before);
  for (const event of events) {
    if (event.kind === "VM_EXIT") {
      const reason = Number(event.a) & 0xffff;
      stays.push({
        number: firstNumber + stays.length,
        n: event.n,
        reason,
        name: exitName(reason),
        from: ring,
        rip: event.rip,
        qualification: event.b,
        instructions: event.instructions,
        start: event.cycle,
        end: null,
        injected: null,
      });
    } else if (event.kind === "VM_ENTRY") {
      const stay = stays.at(-1);
      if (stay && stay.end === null) {
        stay.end = event.cycle;
        stay.injected = injection(event.b);
      }
    }
    ring = drawn(event.ring);
  }
  return stays;
}

/** Entry interruption information in words (SDM Vol. 3, 25.8.3). */
export function injection(information: bigint): string | null {
  const value = Number(information & 0xffff_ffffn);
  if ((value & INTERRUPTION_VALID) === 0) return null;
  const vector = value & 0xff;
  return ((value >>> 8) & 7) === 0 ? `interrupt ${vector}` : vectorName(vector);
}

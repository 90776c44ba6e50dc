import * as CALL_OUTS from "../spec/call-outs.js";
import * as REASONS from "../spec/exit-reasons.js";
import * as MONITOR_REASONS from "../spec/monitor-reasons.js";
import { MONITOR_HYPERCALL, MONITOR_VECTOR } from "../spec/monitor-reasons.js";
import * as HYPERCALLS from "../spec/hypercalls.js";
import * as VECTORS from "../spec/vectors.js";
import {
  VM_ENTRY,
  VM_EXIT,
  EXCEPTION,
  INTERRUPT,
  SYSCALL,
  SYSRET,
  IRET,
  CR_WRITE,
  PORT_READ,
  PORT_WRITE,
  HALT,
  UNIMPLEMENTED,
  SOFTWARE_INTERRUPT,
  FAR_TRANSFER,
  HANDLED,
  INJECTED,
  CONSOLE,
  TIMER,
} from "../spec/trace-records.js";
import type { TraceKind } from "./events.js";

/** Number of each record kind, by its name in spec/trace-records. */
export const KINDS = {
  VM_ENTRY,
  VM_EXIT,
  EXCEPTION,
  INTERRUPT,
  SYSCALL,
  SYSRET,
  IRET,
  CR_WRITE,
  PORT_READ,
  PORT_WRITE,
  HALT,
  UNIMPLEMENTED,
  SOFTWARE_INTERRUPT,
  FAR_TRANSFER,
  HANDLED,
  INJECTED,
  CONSOLE,
  TIMER,
} as const satisfies Record<TraceKind, number>;

const kindNames = new Map<number, TraceKind>(
  (Object.entries(KINDS) as [TraceKind, number][]).map(([name, kind]) => [kind, name]),
);
const reasonNames = named(REASONS);
const hypercallNames = named(HYPERCALLS);
const monitorNames = named({ ...MONITOR_REASONS, ...CALL_OUTS });
const vectorNames = named(VECTORS);

function named(numbers: Readonly<Record<string, number>>): Map<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
}

/**
 * The name of a record kind.
 * @throws RangeError for a number that spec/trace-records does not have
 */
export function kindName(kind: number): TraceKind {
  const name = kindNames.get(kind);
  if (name === undefined) throw new RangeError(`no trace record is of kind ${kind}`);
  return name;
}

/**
 * The name of a basic VM-exit reason, as in spec/exit-reasons,  or of one of a monitor at ring 0 (spec/monitor-reasons,
 * spec/hypercalls); "REASON_n" for one that they lack.
 */
export function exitReasonName(reason: number): string {
  if (reason >= MONITOR_VECTOR && reason < MONITOR_VECTOR + 0x100) return vectorName(reason - MONITOR_VECTOR);
  const hypercall = hypercallNames.get(reason - MONITOR_HYPERCALL);
  if (hypercall !== undefined) return `HYPERCALL_${hypercall}`;
  return reasonNames.get(reason) ?? monitorNames.get(reason) ?? `REASON_${reason}`;
}

function vectorName(vector: number): string {
  return vectorNames.get(vector) ?? `VECTOR_${vector}`;
}

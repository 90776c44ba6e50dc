import * as REASONS from "../spec/exit-reasons.js";
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
const reasonNames = new Map<number, string>(Object.entries(REASONS).map(([name, reason]) => [reason, name]));

/**
 * The name of a record kind.
 * @throws RangeError for a number that spec/trace-records does not have
 */
export function kindName(kind: number): TraceKind {
  const name = kindNames.get(kind);
  if (name === undefined) throw new RangeError(`no trace record is of kind ${kind}`);
  return name;
}

/** The name of a basic VM-exit reason, as in spec/exit-reasons; "REASON_n" for one that it lacks. */
export function exitReasonName(reason: number): string {
  return reasonNames.get(reason) ?? `REASON_${reason}`;
}

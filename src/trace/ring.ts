import { TRACE_CAUSE, TRACE_COUNT, VMX_ROOT } from "../spec/cpu-state.js";
import * as R from "../spec/trace-records.js";
import type { Ring, TraceEvent, TraceKind } from "./events.js";
import { kindName, KINDS } from "./names.js";

/** Whoever shows the wasm module's memory: a processor. */
export interface TraceMemory {
  readonly view: DataView;
}

/** Whoever can start a record: a processor. */
export interface TraceWriter extends TraceMemory {
  readonly core: {
    /** @returns the record's address in wasm memory */
    traceAppend(kind: number): number;
  };
}

/** How many records have been written so far. */
export function traceCount(memory: TraceMemory): number {
  return memory.view.getUint32(TRACE_COUNT, true);
}

/**
 * Decodes records [from, to), clipped to what has been written.
 * @returns the events still in the ring, and how many of those asked for were overwritten
 */
export function readTrace(
  memory: TraceMemory,
  from: number,
  to: number,
): { events: TraceEvent[]; lost: number } {
  const count = traceCount(memory);
  const oldest = Math.max(0, count - R.TRACE_CAPACITY);
  const end = Math.min(to, count);
  const first = Math.max(from, oldest);
  const events: TraceEvent[] = [];
  for (let n = first; n < end; n++) events.push(decode(memory.view, n));
  return { events, lost: Math.max(0, Math.min(oldest, end) - Math.max(from, 0)) };
}

/**
 * Appends a record of the hypervisor, whatever the mask says.
 * @param values - arguments by kind; 0 unless given
 * @returns the record's sequence number
 */
export function appendTrace(
  writer: TraceWriter,
  kind: TraceKind,
  values: { a?: number | bigint; b?: number | bigint; c?: number | bigint } = {},
): number {
  const n = traceCount(writer);
  const at = writer.core.traceAppend(KINDS[kind]);
  const set = (offset: number, value: number | bigint): void =>
    writer.view.setBigUint64(at + offset, BigInt.asUintN(64, BigInt(value)), true);
  if (values.a !== undefined) set(R.RECORD_A, values.a);
  if (values.b !== undefined) set(R.RECORD_B, values.b);
  if (values.c !== undefined) set(R.RECORD_C, values.c);
  return n;
}

/** Makes a record the cause of those that follow. */
export function setCause(memory: TraceMemory, n: number): void {
  memory.view.setUint32(TRACE_CAUSE, n, true);
}

function decode(view: DataView, n: number): TraceEvent {
  const at = R.TRACE_RING + (n % R.TRACE_CAPACITY) * R.TRACE_RECORD_BYTES;
  const root = view.getUint8(at + R.RECORD_VMX) === VMX_ROOT;
  return {
    n,
    kind: kindName(view.getUint16(at + R.RECORD_KIND, true)),
    processor: view.getUint8(at + R.RECORD_PROCESSOR),
    cycle: exact(view, at + R.RECORD_CYCLE),
    instructions: exact(view, at + R.RECORD_INSTRUCTIONS),
    ring: root ? -1 : ((view.getUint8(at + R.RECORD_CPL) & 3) as Ring),
    cause: view.getUint32(at + R.RECORD_CAUSE, true),
    rip: view.getBigUint64(at + R.RECORD_RIP, true),
    a: view.getBigUint64(at + R.RECORD_A, true),
    b: view.getBigUint64(at + R.RECORD_B, true),
    c: view.getBigUint64(at + R.RECORD_C, true),
  };
}

function exact(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

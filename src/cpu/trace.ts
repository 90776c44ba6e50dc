/**
 * The trace ring (layout: spec/trace-records.ts). Nearly free while the kind's bit in TRACE_MASK is clear.
 */
import {
  APIC_ID, TRACE_COUNT, TRACE_MASK, TRACE_CAUSE, CPL, VMX_OPERATION, CYCLES, INSTRUCTIONS, RIP,
} from '../spec/cpu-state';
import {
  TRACE_RING, TRACE_CAPACITY, TRACE_RECORD_BYTES, RECORD_KIND, RECORD_PROCESSOR, RECORD_CPL, RECORD_VMX, RECORD_SIZE, RECORD_CAUSE,
  RECORD_CYCLE, RECORD_INSTRUCTIONS, RECORD_RIP, RECORD_A, RECORD_B, RECORD_C, EXCEPTION, INTERRUPT, SOFTWARE_INTERRUPT,
  VM_ENTRY,
} from '../spec/trace-records';

@inline
export function traceRecord(kind: u32, a: u64, b: u64, c: u64, size: u32): void {
  if (load<u32>(TRACE_MASK) & (1 << kind)) writeRecord(kind, a, b, c, size);
}

function writeRecord(kind: u32, a: u64, b: u64, c: u64, size: u32): void {
  const at = traceAppend(kind);
  store<u8>(at + RECORD_SIZE, <u8>size);
  store<u64>(at + RECORD_A, a);
  store<u64>(at + RECORD_B, b);
  store<u64>(at + RECORD_C, c);
}

/** Starts a record whatever TRACE_MASK says; the caller fills in its arguments at the address returned. */
export function traceAppend(kind: u32): usize {
  const count = load<u32>(TRACE_COUNT);
  const at: usize = TRACE_RING + (count & (TRACE_CAPACITY - 1)) * TRACE_RECORD_BYTES;
  store<u32>(TRACE_COUNT, count + 1);
  store<u64>(at, 0);
  store<u16>(at + RECORD_KIND, <u16>kind);
  store<u8>(at + RECORD_PROCESSOR, <u8>load<u32>(APIC_ID));
  store<u8>(at + RECORD_CPL, <u8>load<u32>(CPL));
  store<u8>(at + RECORD_VMX, <u8>load<u32>(VMX_OPERATION));
  store<u32>(at + RECORD_CAUSE, load<u32>(TRACE_CAUSE));
  store<u64>(at + RECORD_CYCLE, load<u64>(CYCLES));
  store<u64>(at + RECORD_INSTRUCTIONS, load<u64>(INSTRUCTIONS));
  store<u64>(at + RECORD_RIP, load<u64>(RIP));
  store<u64>(at + RECORD_A, 0);
  store<u64>(at + RECORD_B, 0);
  store<u64>(at + RECORD_C, 0);
  return at;
}

/**
 * The event recorded last has been delivered through the IDT: its ring is the one that it led to. It was recorded before,
 * so that what goes wrong in the delivery comes after it.
 */
export function traceDelivered(): void {
  const count = load<u32>(TRACE_COUNT);
  if (count == 0) return;
  const at: usize = TRACE_RING + ((count - 1) & (TRACE_CAPACITY - 1)) * TRACE_RECORD_BYTES;
  const kind = <u32>load<u16>(at + RECORD_KIND);
  if (kind != EXCEPTION && kind != INTERRUPT && kind != SOFTWARE_INTERRUPT && kind != VM_ENTRY) return;
  if (load<u64>(at + RECORD_INSTRUCTIONS) == load<u64>(INSTRUCTIONS)) store<u8>(at + RECORD_CPL, <u8>load<u32>(CPL));
}

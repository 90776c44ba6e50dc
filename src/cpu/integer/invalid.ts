/**
 * What is no instruction, and what is none on this processor.
 */
import { RIP } from '../../spec/cpu-state';
import { UNIMPLEMENTED } from '../../spec/trace-records';
import { GENERAL_PROTECTION, INVALID_OPCODE } from '../../spec/vectors';
import { raise } from '../fault';
import { fetchPage } from '../memory';
import { opLength } from '../op';
import { hostOfPhysical, NO_ADDRESS } from '../physical';
import { traceRecord } from '../trace';
import { linearOf } from '../transitions';

export function undefined_opcode(op: usize): void { raise(INVALID_OPCODE); }

/** More than 15 bytes (SDM Vol. 2, 2.3.11). */
export function too_long(op: usize): void { raise(GENERAL_PROTECTION, 0); }

export function unimplemented(op: usize): void {
  const count = min<u32>(opLength(op), 8);
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const pa = fetchPage(linearOf(load<u64>(RIP) + i));
    const host = pa != NO_ADDRESS ? hostOfPhysical(pa) : 0;
    if (host != 0) bytes |= <u64>load<u8>(host) << (<u64>i << 3);
  }
  traceRecord(UNIMPLEMENTED, bytes, count, 0, 0);
  raise(INVALID_OPCODE);
}

/**
 * What SSE and MMX instructions begin with: whether they may be executed (SDM Vol. 3, 2.5, table 13-1; Vol. 2, tables 2-18
 * to 2-25), and their operands.
 */
import {
  CR0, CR4, X87_STATUS, X87_TAGS,
} from '../../spec/cpu-state';
import { CR0_EM, CR0_TS, CR4_OSFXSR } from '../../spec/control-bits';
import { STATUS_SUMMARY, STATUS_TOP } from '../../spec/float-bits';
import { DEVICE_NOT_AVAILABLE, INVALID_OPCODE } from '../../spec/vectors';
import { raise } from '../fault';
import { raisePending } from '../x87/state';

/** False with #UD or #NM pending. */
@inline
export function sseReady(): bool {
  if ((load<u32>(CR0) & (CR0_EM | CR0_TS)) == 0 && (load<u32>(CR4) & CR4_OSFXSR) != 0) return true;
  return refuse(true);
}

function refuse(sse: bool): bool {
  raise((load<u32>(CR0) & CR0_EM) != 0 || (sse && (load<u32>(CR4) & CR4_OSFXSR) == 0) ? INVALID_OPCODE : DEVICE_NOT_AVAILABLE);
  return false;
}

/** False with #UD, #NM or #MF pending. */
@inline
export function mmxReady(): bool {
  if ((load<u32>(CR0) & (CR0_EM | CR0_TS)) != 0) return refuse(false);
  return (load<u16>(X87_STATUS) & STATUS_SUMMARY) == 0 || raisePending();
}

/** An SSE instruction with an MMX operand. */
@inline
export function sseAndMmxReady(): bool { return sseReady() && mmxReady(); }

/** Every MMX instruction but EMMS leaves TOP 0 and all registers in use (SDM Vol. 1, 9.5.1). */
@inline
export function enterMmx(): void {
  store<u16>(X87_STATUS, load<u16>(X87_STATUS) & ~STATUS_TOP);
  store<u8>(X87_TAGS, 0xff);
}

/** The value of an MMX register is written with sign and exponent all ones (SDM Vol. 1, 9.5.1). */
@inline
export function storeMmx(slot: usize, value: u64): void {
  store<u64>(slot, value);
  store<u16>(slot, 0xffff, 8);
}

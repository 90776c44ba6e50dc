/**
 * What many handlers of system instructions begin or end with.
 */
import { GPR, RIP, CYCLES } from '../../spec/cpu-state';
import { GENERAL_PROTECTION, INVALID_OPCODE } from '../../spec/vectors';
import { opLength, opDst, opReg } from '../op';
import { raise, raiseExit } from '../fault';
import { currentLevel, inNonRoot } from '../mode';
import { setInstructionLength, setInstructionInformation } from '../vmx/exit-details';

@inline export function nextRip(op: usize): u64 { return load<u64>(RIP) + opLength(op); }
@inline export function spend(cost: usize): void { store<u64>(CYCLES, load<u64>(CYCLES) + load<u32>(cost)); }
@inline export function register(number: u32): usize { return <usize>GPR + ((<usize>number) << 3); }

/** General-purpose register named by ModRM.reg. */
@inline export function regSlot(op: usize): usize { return register(opReg(op)); }

export function protectionFault(): void { raise(GENERAL_PROTECTION, 0); }
export function undefinedOpcode(): void { raise(INVALID_OPCODE); }

/** #GP(0) above ring 0. */
export function privileged(): bool {
  if (currentLevel() == 0) return true;
  protectionFault();
  return false;
}

/** The r/m operand of a system instruction is `dst`: a register slot, or 0 for memory. */
@inline export function rmIsMemory(op: usize): bool { return opDst(op) == 0; }

/** A VM exit that this instruction causes. */
export function exitForInstruction(op: usize, reason: u32, qualification: u64 = 0, information: u32 = 0): void {
  setInstructionLength(opLength(op));
  setInstructionInformation(information);
  raiseExit(reason, qualification);
}

/** In non-root operation with the control set: the exit is pending. */
export function intercepted(op: usize, control: bool, reason: u32): bool {
  if (!control || !inNonRoot()) return false;
  exitForInstruction(op, reason);
  return true;
}

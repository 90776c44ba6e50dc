/**
 * VMX instructions as machine code executes them (SDM Vol. 3, 31.3). In non-root operation each causes a VM exit.
 */
import * as reason from '../../spec/exit-reasons';
import { CR0, CR4, CURRENT_VMCS, MSR_FEATURE_CONTROL, RIP, VMX_OFF, VMX_OPERATION } from '../../spec/cpu-state';
import {
  CR0_PE, CR4_VMXE, FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_VM, FLAG_ZF,
} from '../../spec/control-bits';
import * as error from '../../spec/vm-instruction-errors';
import { jumpTo } from '../context';
import { faultPending, NONE } from '../fault';
import { getFlags, setFlags } from '../flags';
import { readMemory } from '../memory';
import { in64BitMode, inLongMode, inNonRoot } from '../mode';
import { opReg } from '../op';
import { effectiveAddress, readOperand, readRegister, writeOperand } from '../operands';
import { enter, EXITED, FAILED_INVALID, FAILED_VALID, SUCCEEDED, fail } from '../vmx/entry';
import { displacement, operandInformation } from '../vmx/operand-information';
import {
  clearVmcs, invalidateEpt, invalidateVpid, loadVmcs, mayEnterVmx, readVmcs, startVmx, stopVmx, vmcsValue, writeVmcs,
} from '../vmx/operations';
import { exitForInstruction, privileged, protectionFault, register, regSlot, undefinedOpcode } from './common';

/** Bits of IA32_FEATURE_CONTROL (24.7): locked, VMXON outside SMX. */
const FEATURE_CONTROL_VMX: u64 = 5;
const ARITHMETIC: u64 = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

/** VMsucceed, VMfailInvalid, VMfailValid (31.2). */
function conclude(outcome: i32): void {
  const flags = getFlags() & ~ARITHMETIC;
  setFlags(outcome == FAILED_INVALID ? flags | FLAG_CF : outcome == FAILED_VALID ? flags | FLAG_ZF : flags);
}

/** #UD outside VMX operation and in modes without it; a VM exit in a guest; #GP(0) above ring 0. */
function inRoot(op: usize, exitReason: u32, information: u32): bool {
  if (load<u32>(VMX_OPERATION) == VMX_OFF || !modeAllows()) {
    undefinedOpcode();
    return false;
  }
  if (inNonRoot()) {
    exitForInstruction(op, exitReason, displacement(op), information);
    return false;
  }
  return privileged();
}

function modeAllows(): bool {
  return (load<u64>(CR0) & CR0_PE) != 0 && (getFlags() & FLAG_VM) == 0 && (!inLongMode() || in64BitMode());
}

@inline
function registerWidth(): u32 { return in64BitMode() ? 8 : 4; }

export function vmxon(op: usize): void {
  if (load<u32>(VMX_OPERATION) != VMX_OFF) {
    if (!inRoot(op, reason.VMXON, operandInformation(op, 0))) return;
    return conclude(fail(error.VMXON_IN_ROOT));
  }
  if ((load<u64>(CR4) & CR4_VMXE) == 0 || !modeAllows()) return undefinedOpcode();
  if (!privileged()) return;
  if ((load<u64>(MSR_FEATURE_CONTROL) & FEATURE_CONTROL_VMX) != FEATURE_CONTROL_VMX || !mayEnterVmx()) return protectionFault();
  const pa = readOperand(op, 8);
  if (faultPending == NONE) conclude(startVmx(pa));
}

export function vmxoff(op: usize): void {
  if (inRoot(op, reason.VMXOFF, 0)) conclude(stopVmx());
}

export function vmclear(op: usize): void {
  if (!inRoot(op, reason.VMCLEAR, operandInformation(op, 0))) return;
  const pa = readOperand(op, 8);
  if (faultPending == NONE) conclude(clearVmcs(pa));
}

export function vmptrld(op: usize): void {
  if (!inRoot(op, reason.VMPTRLD, operandInformation(op, 0))) return;
  const pa = readOperand(op, 8);
  if (faultPending == NONE) conclude(loadVmcs(pa));
}

export function vmptrst(op: usize): void {
  if (!inRoot(op, reason.VMPTRST, operandInformation(op, 0))) return;
  writeOperand(op, 8, load<u64>(CURRENT_VMCS));
  if (faultPending == NONE) conclude(SUCCEEDED);
}

export function vmread(op: usize): void {
  if (!inRoot(op, reason.VMREAD, operandInformation(op, opReg(op)))) return;
  const outcome = readVmcs(readRegister(regSlot(op), registerWidth()));
  if (outcome == SUCCEEDED) writeOperand(op, registerWidth(), vmcsValue);
  if (faultPending == NONE) conclude(outcome);
}

export function vmwrite(op: usize): void {
  if (!inRoot(op, reason.VMWRITE, operandInformation(op, opReg(op)))) return;
  const value = readOperand(op, registerWidth());
  if (faultPending == NONE) conclude(writeVmcs(readRegister(regSlot(op), registerWidth()), value));
}

export function vmlaunch(op: usize): void { enterGuest(op, true); }
export function vmresume(op: usize): void { enterGuest(op, false); }

function enterGuest(op: usize, launch: bool): void {
  if (!inRoot(op, launch ? reason.VMLAUNCH : reason.VMRESUME, 0)) return;
  const outcome = enter(launch);
  if (outcome == SUCCEEDED || outcome == EXITED) jumpTo(load<u64>(RIP));
  else conclude(outcome);
}

/** In root operation VMCALL would enter SMM monitoring, which there is not. */
export function vmcall(op: usize): void {
  if (load<u32>(VMX_OPERATION) == VMX_OFF) return undefinedOpcode();
  if (inNonRoot()) return exitForInstruction(op, reason.VMCALL);
  if (!modeAllows()) return undefinedOpcode();
  if (privileged()) conclude(fail(error.VMCALL_IN_ROOT));
}

/** "Enable VM functions" is not supported. */
export function vmfunc(op: usize): void { undefinedOpcode(); }

export function invept(op: usize): void {
  if (!inRoot(op, reason.INVEPT, operandInformation(op, opReg(op)))) return;
  const at = effectiveAddress(op);
  if (faultPending != NONE) return;
  const pointer = readMemory(at, 8);
  if (faultPending != NONE) return;
  readMemory(at + 8, 8); // reserved half of the descriptor
  if (faultPending == NONE) conclude(invalidateEpt(readRegister(register(opReg(op)), registerWidth()), pointer));
}

export function invvpid(op: usize): void {
  if (!inRoot(op, reason.INVVPID, operandInformation(op, opReg(op)))) return;
  const at = effectiveAddress(op);
  if (faultPending != NONE) return;
  const low = readMemory(at, 8);
  if (faultPending != NONE) return;
  const va = readMemory(at + 8, 8);
  if (faultPending == NONE) conclude(invalidateVpid(readRegister(register(opReg(op)), registerWidth()), low, va));
}

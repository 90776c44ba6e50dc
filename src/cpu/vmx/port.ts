/**
 * VMX and the instructions around it for a monitor that runs outside simulated memory: each export stands for one
 * instruction executed in root operation at CPL 0. Results: 0 success, 1 VMfailInvalid, 2 VMfailValid (the error is in the
 * VMCS), 3 a VM entry that ended in a VM exit at once, 100H | vector for an exception. 64-bit operands go through OPERAND.
 */
import { CURRENT_VMCS, OPERAND, VMX_NON_ROOT, VMX_OFF, VMX_OPERATION, VMX_ROOT } from '../../spec/cpu-state';
import * as error from '../../spec/vm-instruction-errors';
import { GENERAL_PROTECTION, INVALID_OPCODE } from '../../spec/vectors';
import { queryCpuid } from '../features';
import { msrValue, readMsr, writeMsr } from '../system/msr-access';
import * as entry from './entry';
import * as operations from './operations';

const UNDEFINED: i32 = 0x100 | INVALID_OPCODE;
const PROTECTION: i32 = 0x100 | GENERAL_PROTECTION;

@inline
function inRoot(): bool { return load<u32>(VMX_OPERATION) == VMX_ROOT; }

export function vmxon(pa: f64): i32 {
  if (load<u32>(VMX_OPERATION) == VMX_ROOT) return entry.fail(error.VMXON_IN_ROOT);
  return load<u32>(VMX_OPERATION) == VMX_OFF ? operations.startVmx(<u64>pa) : UNDEFINED;
}

export function vmxoff(): i32 { return inRoot() ? operations.stopVmx() : UNDEFINED; }
export function vmclear(pa: f64): i32 { return inRoot() ? operations.clearVmcs(<u64>pa) : UNDEFINED; }
export function vmptrld(pa: f64): i32 { return inRoot() ? operations.loadVmcs(<u64>pa) : UNDEFINED; }

export function vmptrst(): i32 {
  if (!inRoot()) return UNDEFINED;
  store<u64>(OPERAND, load<u64>(CURRENT_VMCS));
  return entry.SUCCEEDED;
}

export function vmread(field: u32): i32 {
  if (!inRoot()) return UNDEFINED;
  const outcome = operations.readVmcs(field);
  if (outcome == entry.SUCCEEDED) store<u64>(OPERAND, operations.vmcsValue);
  return outcome;
}

export function vmwrite(field: u32): i32 { return inRoot() ? operations.writeVmcs(field, load<u64>(OPERAND)) : UNDEFINED; }

export function vmlaunch(): i32 { return inRoot() ? entry.enter(true) : UNDEFINED; }
export function vmresume(): i32 { return inRoot() ? entry.enter(false) : UNDEFINED; }

/** The EPT pointer is in OPERAND. */
export function invept(type: u32): i32 { return inRoot() ? operations.invalidateEpt(type, load<u64>(OPERAND)) : UNDEFINED; }

/** The linear address of type 0 is in OPERAND. */
export function invvpid(type: u32, vpid: u32): i32 {
  return inRoot() ? operations.invalidateVpid(type, vpid, load<u64>(OPERAND)) : UNDEFINED;
}

/** Into CPUID_RESULT. */
export function cpuid(leaf: u32, subleaf: u32): void { queryCpuid(leaf, subleaf); }

export function rdmsr(index: u32): i32 {
  if (load<u32>(VMX_OPERATION) == VMX_NON_ROOT || !readMsr(index)) return PROTECTION;
  store<u64>(OPERAND, msrValue);
  return entry.SUCCEEDED;
}

export function wrmsr(index: u32): i32 {
  return load<u32>(VMX_OPERATION) != VMX_NON_ROOT && writeMsr(index, load<u64>(OPERAND)) ? entry.SUCCEEDED : PROTECTION;
}

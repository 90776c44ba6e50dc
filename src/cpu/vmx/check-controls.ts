/**
 * Checks on the VMX controls at VM entry (SDM Vol. 3, 27.2.1), in the manual's order. Each returns the number of the
 * rule broken, 0 for none.
 */
import * as check from '../../spec/entry-checks';
import * as field from '../../spec/vmcs-fields';
import { CR0_PE } from '../../spec/control-bits';
import {
  PIN_NMI_EXITING, PIN_VIRTUAL_NMIS, PRIMARY_ACTIVATE_SECONDARY, PRIMARY_USE_IO_BITMAPS, PRIMARY_USE_MSR_BITMAPS,
  PIN_PREEMPTION_TIMER, EXIT_SAVE_PREEMPTION_TIMER, PRIMARY_USE_TPR_SHADOW, SECONDARY_VIRTUALIZE_APIC_ACCESSES,
  PRIMARY_NMI_WINDOW_EXITING, PRIMARY_MONITOR_TRAP_FLAG, SECONDARY_ENABLE_EPT, SECONDARY_ENABLE_VPID,
  SECONDARY_UNRESTRICTED_GUEST, ENTRY_SMM, ENTRY_DEACTIVATE_DUAL_MONITOR, INTERRUPTION_VALID,
  INTERRUPTION_TYPE_SHIFT, INTERRUPTION_NMI, INTERRUPTION_HARDWARE_EXCEPTION, INTERRUPTION_SOFTWARE_INTERRUPT,
  INTERRUPTION_SOFTWARE_EXCEPTION, INTERRUPTION_ERROR_CODE_VALID,
} from '../../spec/vmx-controls';
import { ABOVE_PHYSICAL_ADDRESS } from '../features';
import {
  PIN_REQUIRED, PIN_ALLOWED, PRIMARY_REQUIRED, PRIMARY_ALLOWED, SECONDARY_ALLOWED, EXIT_REQUIRED, EXIT_ALLOWED,
  ENTRY_REQUIRED, ENTRY_ALLOWED, MOST_CR3_TARGETS,
} from './capabilities';
import { readPhysical32 } from '../physical';
import { readField, readField32 } from './vmcs';

const TYPE_RESERVED: u32 = 1;
const TYPE_OTHER: u32 = 7;

@inline
function permitted(value: u32, required: u32, allowed: u32): bool {
  return (value & required) == required && (value & ~allowed) == 0;
}

/** The secondary controls in effect. */
export function secondaryInEffect(): u32 {
  return readField32(field.PRIMARY_CONTROLS) & <u32>PRIMARY_ACTIVATE_SECONDARY ? readField32(field.SECONDARY_CONTROLS) : 0;
}

function badPage(address: u64): bool { return (address & (0xfff | ABOVE_PHYSICAL_ADDRESS)) != 0; }

/** 27.2.1.1. */
export function checkExecutionControls(): u32 {
  const pin = readField32(field.PIN_BASED_CONTROLS);
  const primary = readField32(field.PRIMARY_CONTROLS);
  if (!permitted(pin, PIN_REQUIRED, PIN_ALLOWED)) return check.PIN_RESERVED;
  if (!permitted(primary, PRIMARY_REQUIRED, PRIMARY_ALLOWED)) return check.PRIMARY_RESERVED;
  const secondary = secondaryInEffect();
  if (!permitted(secondary, 0, SECONDARY_ALLOWED)) return check.SECONDARY_RESERVED;
  if (readField32(field.CR3_TARGET_COUNT) > MOST_CR3_TARGETS) return check.CR3_TARGETS;
  if ((primary & PRIMARY_USE_IO_BITMAPS) != 0 && (badPage(readField(field.IO_BITMAP_A)) || badPage(readField(field.IO_BITMAP_B)))) {
    return check.IO_BITMAPS;
  }
  if ((primary & PRIMARY_USE_MSR_BITMAPS) != 0 && badPage(readField(field.MSR_BITMAP))) return check.MSR_BITMAP_ADDRESS;
  if (primary & PRIMARY_USE_TPR_SHADOW) {
    const broken = checkTprShadow(secondary);
    if (broken != 0) return broken;
  }
  if ((pin & PIN_NMI_EXITING) == 0 && (pin & PIN_VIRTUAL_NMIS) != 0) return check.VIRTUAL_NMIS;
  if ((pin & PIN_VIRTUAL_NMIS) == 0 && (primary & PRIMARY_NMI_WINDOW_EXITING) != 0) return check.NMI_WINDOW;
  if ((secondary & SECONDARY_VIRTUALIZE_APIC_ACCESSES) != 0 && badPage(readField(field.APIC_ACCESS_ADDRESS))) {
    return check.APIC_ACCESS_ADDRESS;
  }
  if ((secondary & SECONDARY_ENABLE_VPID) != 0 && readField32(field.VPID) == 0) return check.VPID_ZERO;
  if (secondary & SECONDARY_ENABLE_EPT) return checkEptPointer(readField(field.EPT_POINTER));
  return secondary & SECONDARY_UNRESTRICTED_GUEST ? check.UNRESTRICTED_WITHOUT_EPT : 0;
}

/** The threshold is compared here only where it cannot cause an exit after the entry. */
function checkTprShadow(secondary: u32): u32 {
  const page = readField(field.VIRTUAL_APIC_ADDRESS);
  if (badPage(page)) return check.VIRTUAL_APIC_ADDRESS;
  const threshold = readField32(field.TPR_THRESHOLD);
  if (threshold >> 4) return check.TPR_THRESHOLD_RESERVED;
  if (secondary & SECONDARY_VIRTUALIZE_APIC_ACCESSES) return 0;
  return threshold > ((readPhysical32(page + 0x80) >> 4) & 15) ? check.TPR_THRESHOLD_ABOVE : 0;
}

/** Also the operand check of INVEPT (31.3). */
export function checkEptPointer(pointer: u64): u32 {
  const type = pointer & 7;
  if (type != 0 && type != 6) return check.EPTP_TYPE;
  if (((pointer >> 3) & 7) != 3) return check.EPTP_LENGTH;
  return pointer & (0xf80 | ABOVE_PHYSICAL_ADDRESS) ? check.EPTP_RESERVED : 0;
}

/** An MSR list: nothing to check where it is empty. */
function badList(countField: u32, addressField: u32): bool {
  const count = readField32(countField);
  const address = readField(addressField);
  if (count == 0) return false;
  return (address & (0xf | ABOVE_PHYSICAL_ADDRESS)) != 0
    || ((address + ((<u64>count) << 4) - 1) & ABOVE_PHYSICAL_ADDRESS) != 0;
}

/** 27.2.1.2. */
export function checkExitControls(): u32 {
  if (!permitted(readField32(field.EXIT_CONTROLS), EXIT_REQUIRED, EXIT_ALLOWED)) return check.EXIT_RESERVED;
  const saving = (readField32(field.EXIT_CONTROLS) & EXIT_SAVE_PREEMPTION_TIMER) != 0;
  if (saving && (readField32(field.PIN_BASED_CONTROLS) & PIN_PREEMPTION_TIMER) == 0) return check.EXIT_SAVE_TIMER;
  if (badList(field.EXIT_MSR_STORE_COUNT, field.EXIT_MSR_STORE_ADDRESS)) return check.EXIT_MSR_STORE;
  if (badList(field.EXIT_MSR_LOAD_COUNT, field.EXIT_MSR_LOAD_ADDRESS)) return check.EXIT_MSR_LOAD;
  return 0;
}

/** 27.2.1.3. */
export function checkEntryControls(): u32 {
  const entry = readField32(field.ENTRY_CONTROLS);
  const modes: u32 = ENTRY_SMM | ENTRY_DEACTIVATE_DUAL_MONITOR;
  if (!permitted(entry & ~modes, ENTRY_REQUIRED, ENTRY_ALLOWED)) return check.ENTRY_RESERVED;
  const information = readField32(field.ENTRY_INTERRUPTION_INFORMATION);
  if (information & <u32>INTERRUPTION_VALID) {
    const broken = checkInjection(information);
    if (broken != 0) return broken;
  }
  if (badList(field.ENTRY_MSR_LOAD_COUNT, field.ENTRY_MSR_LOAD_ADDRESS)) return check.ENTRY_MSR_LOAD;
  return entry & modes ? check.ENTRY_SMM : 0;
}

function checkInjection(information: u32): u32 {
  const type = (information >> INTERRUPTION_TYPE_SHIFT) & 7;
  const vector = information & 0xff;
  const trapFlag = (PRIMARY_ALLOWED & PRIMARY_MONITOR_TRAP_FLAG) != 0;
  if (type == TYPE_RESERVED || (type == TYPE_OTHER && !trapFlag)) return check.INJECTION_TYPE;
  if ((type == INTERRUPTION_NMI && vector != 2) || (type == INTERRUPTION_HARDWARE_EXCEPTION && vector > 31)
    || (type == TYPE_OTHER && vector != 0)) return check.INJECTION_VECTOR;
  const coded = (information & INTERRUPTION_ERROR_CODE_VALID) != 0;
  const protectedMode = (readField(field.GUEST_CR0) & CR0_PE) != 0 || (secondaryInEffect() & SECONDARY_UNRESTRICTED_GUEST) == 0;
  const wanted = type == INTERRUPTION_HARDWARE_EXCEPTION && protectedMode && hasErrorCode(vector);
  if (coded != wanted) return check.INJECTION_ERROR_CODE;
  if (information & 0x7fff_f000) return check.INJECTION_RESERVED;
  if (coded && (readField32(field.ENTRY_EXCEPTION_ERROR_CODE) & 0xffff_0000) != 0) return check.INJECTION_ERROR_CODE_RESERVED;
  if (type >= <u32>INTERRUPTION_SOFTWARE_INTERRUPT && type <= <u32>INTERRUPTION_SOFTWARE_EXCEPTION) {
    const length = readField32(field.ENTRY_INSTRUCTION_LENGTH);
    if (length == 0 || length > 15) return check.INJECTION_LENGTH;
  }
  return 0;
}

/** #DF, #TS, #NP, #SS, #GP, #PF, #AC. */
@inline
function hasErrorCode(vector: u32): bool { return vector < 32 && (0x0002_7d00 & (1 << vector)) != 0; }

/**
 * The controls of the guest that runs, taken out of the VMCS at VM entry, and the questions that instructions ask them.
 */
import {
  ACTIVITY, CYCLES, INSTRUCTIONS, MONITOR_TRAP_FROM, PAUSE_FIRST, PAUSE_LAST, PREEMPTION_DEADLINE,
} from '../../spec/cpu-state';
import * as field from '../../spec/vmcs-fields';
import {
  ACTIVITY_WAIT_FOR_SIPI, PRIMARY_ACTIVATE_SECONDARY, PRIMARY_USE_TSC_OFFSETTING, PRIMARY_CR3_LOAD_EXITING, PRIMARY_USE_MSR_BITMAPS,
  PRIMARY_USE_IO_BITMAPS, PRIMARY_UNCONDITIONAL_IO_EXITING, PRIMARY_USE_TPR_SHADOW, PIN_PREEMPTION_TIMER, PIN_NMI_EXITING,
  PRIMARY_INVLPG_EXITING, PIN_VIRTUAL_NMIS, SECONDARY_ENABLE_EPT, SECONDARY_PAUSE_LOOP_EXITING, SECONDARY_UNRESTRICTED_GUEST,
  SECONDARY_VIRTUALIZE_APIC_ACCESSES,
} from '../../spec/vmx-controls';
import { PAGE_FAULT } from '../../spec/vectors';
import { setEptPointer } from '../ept';
import { hostOfPhysical, NO_ADDRESS } from '../physical';
import { readField, readField32 } from './vmcs';

export let pinControls: u32 = 0;
export let primaryControls: u32 = 0;
export let secondaryControls: u32 = 0;
export let exitControls: u32 = 0;
export let exceptionBitmap: u32 = 0;
export let cr0Mask: u64 = 0;
export let cr4Mask: u64 = 0;
export let cr0Shadow: u64 = 0;
export let cr4Shadow: u64 = 0;
export let tscOffset: u64 = 0;
/** Machine-physical addresses: of the virtual-APIC page with a TPR shadow, of the APIC-access page; all ones: none. */
export let virtualApicPage: u64 = NO_ADDRESS;
export let apicAccessPage: u64 = NO_ADDRESS;

/** VM entry, or a restored snapshot of non-root operation. */
export function loadControls(): void {
  pinControls = readField32(field.PIN_BASED_CONTROLS);
  primaryControls = readField32(field.PRIMARY_CONTROLS);
  secondaryControls = primaryControls & <u32>PRIMARY_ACTIVATE_SECONDARY ? readField32(field.SECONDARY_CONTROLS) : 0;
  exitControls = readField32(field.EXIT_CONTROLS);
  exceptionBitmap = readField32(field.EXCEPTION_BITMAP);
  cr0Mask = readField(field.CR0_GUEST_HOST_MASK);
  cr4Mask = readField(field.CR4_GUEST_HOST_MASK);
  cr0Shadow = readField(field.CR0_READ_SHADOW);
  cr4Shadow = readField(field.CR4_READ_SHADOW);
  tscOffset = primaryControls & PRIMARY_USE_TSC_OFFSETTING ? readField(field.TSC_OFFSET) : 0;
  virtualApicPage = primaryControls & PRIMARY_USE_TPR_SHADOW ? readField(field.VIRTUAL_APIC_ADDRESS) : NO_ADDRESS;
  apicAccessPage = secondaryControls & SECONDARY_VIRTUALIZE_APIC_ACCESSES ? readField(field.APIC_ACCESS_ADDRESS) : NO_ADDRESS;
  setEptPointer(secondaryControls & SECONDARY_ENABLE_EPT ? readField(field.EPT_POINTER) : 0);
}

/** The emulator carries out what its hypervisor asked it to, in guest-physical memory that is the hypervisor's map. */
export function emulateWithMap(map: u64): void {
  primaryControls &= ~PRIMARY_INVLPG_EXITING;
  setEptPointer(map);
}

/** VM entry with the monitor trap flag, or an event in its guest (26.5.2): the exit is due after so many instructions. */
export function armMonitorTrap(after: u64): void { store<u64>(MONITOR_TRAP_FROM, load<u64>(INSTRUCTIONS) + after); }
@inline export function monitorTrapArmed(): bool { return load<u64>(MONITOR_TRAP_FROM) != u64.MAX_VALUE; }
@inline export function monitorTrapDue(): bool { return load<u64>(INSTRUCTIONS) >= load<u64>(MONITOR_TRAP_FROM); }
export const NEVER: u64 = u64.MAX_VALUE;
/** Instructions to go to it. */
export function monitorTrapDistance(): u64 {
  const from = load<u64>(MONITOR_TRAP_FROM);
  if (from == NEVER) return NEVER;
  return from > load<u64>(INSTRUCTIONS) ? from - load<u64>(INSTRUCTIONS) : 0;
}

/** The VMX-preemption timer counts down whenever this bit of the time-stamp counter changes (26.5.1; IA32_VMX_MISC). */
export const PREEMPTION_TIMER_SHIFT: u32 = 5;

/** VM entry. It does not run while the guest waits for a start-up message. */
export function startPreemptionTimer(): void {
  const waits = load<u32>(ACTIVITY) == ACTIVITY_WAIT_FOR_SIPI;
  if ((pinControls & PIN_PREEMPTION_TIMER) == 0 || waits) return;
  const count = (load<u64>(CYCLES) >> PREEMPTION_TIMER_SHIFT) + readField32(field.PREEMPTION_TIMER_VALUE);
  store<u64>(PREEMPTION_DEADLINE, count << PREEMPTION_TIMER_SHIFT);
}

@inline export function preemptionTimerExpired(): bool { return load<u64>(CYCLES) >= load<u64>(PREEMPTION_DEADLINE); }

/** What is left on the timer. */
export function preemptionTimerValue(): u32 {
  if (preemptionTimerExpired()) return 0;
  return <u32>((load<u64>(PREEMPTION_DEADLINE) >> PREEMPTION_TIMER_SHIFT) - (load<u64>(CYCLES) >> PREEMPTION_TIMER_SHIFT));
}

@inline export function virtualNmis(): bool { return (pinControls & PIN_VIRTUAL_NMIS) != 0; }
/** IRET leaves blocking by NMI alone: NMIs exit and are not virtualised (26.3). */
@inline export function iretKeepsBlocking(): bool { return (pinControls & PIN_NMI_EXITING) != 0 && !virtualNmis(); }

/** VM exit: root operation has none. */
export function dropControls(): void {
  tscOffset = 0;
  store<u64>(MONITOR_TRAP_FROM, u64.MAX_VALUE);
  store<u64>(PREEMPTION_DEADLINE, u64.MAX_VALUE);
  virtualApicPage = NO_ADDRESS;
  apicAccessPage = NO_ADDRESS;
  setEptPointer(0);
}

@inline export function unrestrictedGuest(): bool { return (secondaryControls & SECONDARY_UNRESTRICTED_GUEST) != 0; }

/** 26.1.3: a PAUSE at CPL 0 that ends too long a loop of PAUSEs (PLE_Gap, PLE_Window) exits. */
export function endsPauseLoop(): bool {
  if ((secondaryControls & SECONDARY_PAUSE_LOOP_EXITING) == 0) return false;
  const now = load<u64>(CYCLES);
  const last = load<u64>(PAUSE_LAST);
  store<u64>(PAUSE_LAST, now);
  if (last == 0 || now - last > readField32(field.PLE_GAP)) {
    store<u64>(PAUSE_FIRST, now);
    return false;
  }
  return now - load<u64>(PAUSE_FIRST) > readField32(field.PLE_WINDOW);
}

/** 25.6.3, 26.2: the exception bitmap; page faults are filtered by their error code. */
export function interceptsException(vector: u32, errorCode: i64): bool {
  let set = (exceptionBitmap & (1 << vector)) != 0;
  if (vector == PAGE_FAULT) {
    const mask = readField32(field.PAGE_FAULT_ERROR_CODE_MASK);
    if ((<u32>errorCode & mask) != readField32(field.PAGE_FAULT_ERROR_CODE_MATCH)) set = !set;
  }
  return set;
}

/** 26.1.3: a MOV to CR3 exits unless its value is among the targets. */
export function interceptsCr3Load(value: u64): bool {
  if ((primaryControls & PRIMARY_CR3_LOAD_EXITING) == 0) return false;
  const count = min<u32>(readField32(field.CR3_TARGET_COUNT), 4);
  for (let i: u32 = 0; i < count; i++) if (readField(field.CR3_TARGET_VALUE_0 + 2 * i) == value) return false;
  return true;
}

function bitmapBit(bitmap: u64, byte: u32, bit: u32): bool {
  const host = hostOfPhysical((bitmap & ~0xfff) + byte);
  return host == 0 || (load<u8>(host) & (1 << bit)) != 0;
}

/** 25.6.9: four bitmaps of 1 KByte: reads low, reads high, writes low, writes high. */
export function interceptsMsr(index: u32, write: bool): bool {
  if ((primaryControls & PRIMARY_USE_MSR_BITMAPS) == 0) return true;
  const high = index >= 0xc000_0000;
  const number = high ? index - 0xc000_0000 : index;
  if (number >= 0x2000) return true;
  return bitmapBit(readField(field.MSR_BITMAP), (write ? 2048 : 0) + (high ? 1024 : 0) + (number >> 3), number & 7);
}

/** 25.6.4: any port accessed has its bit set, or the access wraps around the I/O space. */
export function interceptsPort(port: u32, size: u32): bool {
  if ((primaryControls & PRIMARY_USE_IO_BITMAPS) == 0) return (primaryControls & PRIMARY_UNCONDITIONAL_IO_EXITING) != 0;
  if (port + size > 0x1_0000) return true;
  for (let p = port; p < port + size; p++) {
    const bitmap = readField(p < 0x8000 ? field.IO_BITMAP_A : field.IO_BITMAP_B);
    if (bitmapBit(bitmap, (p & 0x7fff) >> 3, p & 7)) return true;
  }
  return false;
}

/**
 * The parts of APIC virtualisation that there are (SDM Vol. 3, 30.1–30.4): the TPR shadow, its threshold, and VM exits of
 * accesses to the APIC-access page.
 */
import * as field from '../../spec/vmcs-fields';
import { APIC_ACCESS } from '../../spec/exit-reasons';
import { eventInDelivery, lookAtBoundary } from '../events';
import { raiseExit } from '../fault';
import { NO_ADDRESS, readPhysical32, writePhysical32 } from '../physical';
import { apicAccessPage, virtualApicPage } from './controls';
import { readField32 } from './vmcs';

/** Offset of the task-priority register in the APIC page. */
const TPR_OFFSET: u64 = 0x80;

@inline export function tprShadowed(): bool { return virtualApicPage != NO_ADDRESS; }

/** CR8 of a guest with a TPR shadow: bits 7:4 of VTPR. */
export function readVirtualTpr(): u64 { return (readPhysical32(virtualApicPage + TPR_OFFSET) >> 4) & 15; }

/** MOV to CR8 (30.3). */
export function writeVirtualTpr(priority: u64): void {
  writePhysical32(virtualApicPage + TPR_OFFSET, <u32>priority << 4);
  lookAtBoundary();
}

/** 30.1.2: a VM exit is due. */
export function tprBelowThreshold(): bool {
  return tprShadowed() && readVirtualTpr() < (readField32(field.TPR_THRESHOLD) & 15);
}

@inline export function onApicAccessPage(pa: u64): bool { return (pa & ~0xfff) == apicAccessPage; }

/** Exit qualification bits 15:12 (table 28-6). */
const DATA_READ: u64 = 0;
const DATA_WRITE: u64 = 1;
const FETCH: u64 = 2;
const EVENT_DELIVERY: u64 = 3;

/**
 * An access to the APIC-access page (30.4): the task priority is read and written in the virtual-APIC page, whose address
 * is returned; all else exits, NO_ADDRESS.
 */
export function accessApicPage(pa: u64, write: bool, fetch: bool): u64 {
  const offset = pa & 0xfff;
  const delivery = eventInDelivery();
  if (offset == TPR_OFFSET && tprShadowed() && !fetch && !delivery) return virtualApicPage + TPR_OFFSET;
  const kind = delivery ? EVENT_DELIVERY : fetch ? FETCH : write ? DATA_WRITE : DATA_READ;
  raiseExit(APIC_ACCESS, offset | (kind << 12));
  return NO_ADDRESS;
}

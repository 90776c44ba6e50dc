/**
 * The MSR areas of VM entry and exit: entries of { u32 index, u32 reserved, u64 value } (SDM Vol. 3, 25.7.2, 27.4, 28.4).
 */
import { IA32_FS_BASE, IA32_GS_BASE } from '../../spec/msrs';
import { hostOfPhysical } from '../physical';
import { readMsr, writeMsr, msrValue } from '../system/msr-access';
import { MOST_MSRS } from './capabilities';

/** 0 when all are loaded; else the number of the entry that failed, counting from 1. */
export function loadMsrList(address: u64, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const at = hostOfPhysical((address & ~15) + (<u64>i << 4));
    if (i >= MOST_MSRS || at == 0 || load<u32>(at, 4) != 0) return i + 1;
    const index = load<u32>(at);
    if (index == IA32_FS_BASE || index == IA32_GS_BASE || (index >> 8) == 8) return i + 1;
    if (!writeMsr(index, load<u64>(at, 8))) return i + 1;
  }
  return 0;
}

/** False when an entry cannot be stored: VMX abort. */
export function storeMsrList(address: u64, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    const at = hostOfPhysical((address & ~15) + (<u64>i << 4));
    if (i >= MOST_MSRS || at == 0 || load<u32>(at, 4) != 0) return false;
    if (!readMsr(load<u32>(at))) return false;
    store<u64>(at, msrValue, 8);
  }
  return true;
}

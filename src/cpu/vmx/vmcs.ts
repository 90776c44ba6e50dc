/**
 * The current VMCS: fields in its region of simulated memory (layout: spec/vmcs-layout.ts).
 */
import { CURRENT_VMCS } from '../../spec/cpu-state';
import { VMCS_FIELDS, VMCS_GROUP_BYTES, VMCS_GROUP_FIELDS, VMCS_LAUNCH_STATE, VMCS_ABORT, VMCS_REVISION } from '../../spec/vmcs-layout';
import { NO_ADDRESS, hostOfPhysical } from '../physical';

/** Wasm address of the current VMCS region; 0 = none. */
export let vmcsRegion: usize = 0;

/** To be called when CURRENT_VMCS has changed. */
export function vmcsChanged(): void {
  const pointer = load<u64>(CURRENT_VMCS);
  vmcsRegion = pointer == NO_ADDRESS ? 0 : hostOfPhysical(pointer & ~0xfff);
}

@inline
export function fieldOffset(field: u32): usize {
  return VMCS_FIELDS + (((field >> 13) & 3) * 4 + ((field >> 10) & 3)) * VMCS_GROUP_BYTES + ((field >> 1) & 0x1ff) * 8;
}

@inline export function readField(field: u32): u64 { return load<u64>(vmcsRegion + fieldOffset(field)); }
@inline export function readField32(field: u32): u32 { return load<u32>(vmcsRegion + fieldOffset(field)); }
@inline export function writeField(field: u32, value: u64): void { store<u64>(vmcsRegion + fieldOffset(field), value); }

@inline export function launchState(): u32 { return load<u32>(vmcsRegion, VMCS_LAUNCH_STATE); }
export function setLaunchState(state: u32): void { store<u32>(vmcsRegion, state, VMCS_LAUNCH_STATE); }
export function setAbort(indicator: u32): void { store<u32>(vmcsRegion, indicator, VMCS_ABORT); }
export function regionRevision(region: usize): u32 { return load<u32>(region, VMCS_REVISION); }

/** Indices of the fields that exist, a bit mask by width × 4 + type (SDM appendix B). */
function existing(group: u32): u32 {
  switch (group) {
    case 0: return 0x1; //          16-bit control: VPID
    case 2: return 0xff; //         16-bit guest: ES … TR selectors
    case 3: return 0x7f; //         16-bit host: ES, CS, SS, DS, FS, GS, TR selectors
    case 4: return 0x277f; //     64-bit control without the fields of controls that are not supported
    case 5: return 0x1; //          guest-physical address
    case 6: return 0x1ef; //        link pointer, DEBUGCTL, PAT, EFER, PDPTEs
    case 7: return 0x3; //          PAT, EFER
    case 8: return 0x3ffff; //      32-bit control
    case 9: return 0xff; //         32-bit read-only data
    case 10: return 0xbfffff; //    32-bit guest
    case 11: return 0x1; //         SYSENTER_CS
    case 12: return 0xff; //        natural-width control
    case 13: return 0x3f; //        natural-width read-only data
    case 14: return 0xfffff; //     natural-width guest
    case 15: return 0xfff; //       natural-width host
    default: return 0;
  }
}

@inline export function fieldGroup(field: u32): u32 { return ((field >> 13) & 3) * 4 + ((field >> 10) & 3); }
@inline export function fieldWidth(field: u32): u32 { return (field >> 13) & 3; }

/** Reserved bits of the encoding are clear and the field exists; bit 0 (high half) only for 64-bit fields. */
export function fieldExists(field: u64): bool {
  if ((field & ~0x6fff) != 0) return false;
  const encoding = <u32>field;
  if ((encoding & 1) != 0 && fieldWidth(encoding) != 1) return false;
  const index = (encoding >> 1) & 0x1ff;
  return index < <u32>VMCS_GROUP_FIELDS && (existing(fieldGroup(encoding)) & (1 << index)) != 0;
}

@inline export function fieldReadOnly(field: u32): bool { return ((field >> 10) & 3) == 1; }

/** VMREAD of a field that exists: zero-extended from its width. */
export function readEncoded(field: u32): u64 {
  const value = readField(field & ~1);
  return field & 1 ? value >> 32 : value;
}

/** VMWRITE of a field that exists: truncated to its width. */
export function writeEncoded(field: u32, value: u64): void {
  if (field & 1) writeField(field & ~1, (value << 32) | (readField(field & ~1) & 0xffff_ffff));
  else if (fieldWidth(field) == 0) writeField(field, value & 0xffff);
  else if (fieldWidth(field) == 2) writeField(field, value & 0xffff_ffff);
  else writeField(field, value);
}

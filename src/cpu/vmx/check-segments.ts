/**
 * Checks on the guest's segment registers at VM entry (SDM Vol. 3, 27.3.1.2). Each returns the number of the rule broken.
 */
import * as check from '../../spec/entry-checks';
import * as field from '../../spec/vmcs-fields';
import { ES, CS, SS, DS, FS, GS, LDTR, TR } from '../../spec/cpu-state';
import { CR0_PE } from '../../spec/control-bits';
import { canonical } from '../memory';
import {
  RIGHTS_TYPE, RIGHTS_CODE_OR_DATA, RIGHTS_PRESENT, RIGHTS_LONG, RIGHTS_BIG, RIGHTS_GRANULARITY, RIGHTS_UNUSABLE,
  RIGHTS_DPL_SHIFT,
} from '../mode';
import { guestIsLong, guestIsUnrestricted, guestIsVirtual8086 } from './check-guest';
import { readField, readField32 } from './vmcs';

@inline export function selectorField(index: u32): u32 { return field.GUEST_ES_SELECTOR + 2 * index; }
@inline export function limitField(index: u32): u32 { return field.GUEST_ES_LIMIT + 2 * index; }
@inline export function rightsField(index: u32): u32 { return field.GUEST_ES_ACCESS_RIGHTS + 2 * index; }
@inline export function baseField(index: u32): u32 { return field.GUEST_ES_BASE + 2 * index; }

@inline function selector(index: u32): u32 { return readField32(selectorField(index)); }
@inline function limit(index: u32): u32 { return readField32(limitField(index)); }
@inline function rights(index: u32): u32 { return readField32(rightsField(index)); }
@inline function base(index: u32): u64 { return readField(baseField(index)); }
@inline function usable(index: u32): bool { return (rights(index) & RIGHTS_UNUSABLE) == 0; }
@inline function level(index: u32): u32 { return (rights(index) >> RIGHTS_DPL_SHIFT) & 3; }

const SELECTOR_TI: u32 = 4;
const RIGHTS_RESERVED: u32 = 0xfffe_0f00;

export function checkGuestSegments(): u32 {
  const broken = checkSelectorsAndBases();
  if (broken != 0) return broken;
  const inSegments = guestIsVirtual8086() ? checkVirtual8086() : checkRights();
  if (inSegments != 0) return inSegments;
  const inTr = checkTaskRegister();
  return inTr != 0 ? inTr : checkLdtr();
}

function checkSelectorsAndBases(): u32 {
  if (selector(TR) & SELECTOR_TI) return check.GUEST_TR_SELECTOR_TI;
  if (usable(LDTR) && (selector(LDTR) & SELECTOR_TI) != 0) return check.GUEST_LDTR_SELECTOR_TI;
  const v86 = guestIsVirtual8086();
  if (!v86 && !guestIsUnrestricted() && (selector(SS) & 3) != (selector(CS) & 3)) return check.GUEST_SS_RPL;
  if (v86) for (let i: u32 = ES; i <= <u32>GS; i++) if (base(i) != <u64>selector(i) << 4) return check.GUEST_V86_BASE;
  if (!canonical(base(TR)) || !canonical(base(FS)) || !canonical(base(GS))) return check.GUEST_BASES_CANONICAL;
  if (usable(LDTR) && !canonical(base(LDTR))) return check.GUEST_BASES_CANONICAL;
  if (base(CS) >> 32) return check.GUEST_BASES_32;
  if (usable(SS) && base(SS) >> 32 != 0) return check.GUEST_BASES_32;
  if (usable(DS) && base(DS) >> 32 != 0) return check.GUEST_BASES_32;
  return usable(ES) && base(ES) >> 32 != 0 ? check.GUEST_BASES_32 : 0;
}

function checkVirtual8086(): u32 {
  for (let i: u32 = ES; i <= <u32>GS; i++) {
    if (limit(i) != 0xffff) return check.GUEST_V86_LIMIT;
    if (rights(i) != 0xf3) return check.GUEST_V86_RIGHTS;
  }
  return 0;
}

function checkRights(): u32 {
  const types = checkTypes();
  if (types != 0) return types;
  for (let i: u32 = ES; i <= <u32>GS; i++) if ((i == CS || usable(i)) && (rights(i) & RIGHTS_CODE_OR_DATA) == 0) return check.GUEST_SEGMENT_S;
  const levels = checkLevels();
  if (levels != 0) return levels;
  for (let i: u32 = ES; i <= <u32>GS; i++) {
    if (i != CS && !usable(i)) continue;
    if ((rights(i) & RIGHTS_PRESENT) == 0) return check.GUEST_SEGMENT_P;
    if (rights(i) & RIGHTS_RESERVED) return check.GUEST_SEGMENT_RESERVED;
    if (i == CS && guestIsLong() && (rights(i) & (RIGHTS_LONG | RIGHTS_BIG)) == (RIGHTS_LONG | RIGHTS_BIG)) return check.GUEST_CS_L_D;
    if (!granularityFits(i)) return check.GUEST_SEGMENT_G;
  }
  return 0;
}

function checkTypes(): u32 {
  const code = rights(CS) & RIGHTS_TYPE;
  if ((code & 9) != 9 && !(code == 3 && guestIsUnrestricted())) return check.GUEST_CS_TYPE;
  const stack = rights(SS) & RIGHTS_TYPE;
  if (usable(SS) && stack != 3 && stack != 7) return check.GUEST_SS_TYPE;
  for (let i: u32 = ES; i <= <u32>GS; i++) {
    if (i == CS || i == SS || !usable(i)) continue;
    if ((rights(i) & 1) == 0 || (rights(i) & 10) == 8) return check.GUEST_DATA_TYPE;
  }
  return 0;
}

function checkLevels(): u32 {
  const unrestricted = guestIsUnrestricted();
  const code = rights(CS) & RIGHTS_TYPE;
  if (code == 3 && level(CS) != 0) return check.GUEST_CS_DPL;
  if ((code == 9 || code == 11) && level(CS) != level(SS)) return check.GUEST_CS_DPL;
  if ((code == 13 || code == 15) && level(CS) > level(SS)) return check.GUEST_CS_DPL;
  if (!unrestricted && level(SS) != (selector(SS) & 3)) return check.GUEST_SS_DPL;
  if ((code == 3 || (readField(field.GUEST_CR0) & CR0_PE) == 0) && level(SS) != 0) return check.GUEST_SS_DPL;
  if (unrestricted) return 0;
  for (let i: u32 = ES; i <= <u32>GS; i++) {
    if (i == CS || i == SS || !usable(i) || (rights(i) & RIGHTS_TYPE) > 11) continue;
    if (level(i) < (selector(i) & 3)) return check.GUEST_DATA_DPL;
  }
  return 0;
}

/** A limit with a clear bit among 11:0 needs G = 0, one with a set bit among 31:20 needs G = 1. */
function granularityFits(index: u32): bool {
  const pages = (rights(index) & RIGHTS_GRANULARITY) != 0;
  if ((limit(index) & 0xfff) != 0xfff && pages) return false;
  return (limit(index) & 0xfff0_0000) == 0 || pages;
}

function checkTaskRegister(): u32 {
  const type = rights(TR) & RIGHTS_TYPE;
  if (type != 11 && (type != 3 || guestIsLong())) return check.GUEST_TR_TYPE;
  if (!usable(TR) || !systemRights(TR)) return check.GUEST_TR_RIGHTS;
  return 0;
}

function checkLdtr(): u32 {
  if (!usable(LDTR)) return 0;
  return (rights(LDTR) & RIGHTS_TYPE) == 2 && systemRights(LDTR) ? 0 : check.GUEST_LDTR_RIGHTS;
}

function systemRights(index: u32): bool {
  return (rights(index) & RIGHTS_CODE_OR_DATA) == 0 && (rights(index) & RIGHTS_PRESENT) != 0
    && (rights(index) & RIGHTS_RESERVED) == 0 && granularityFits(index);
}

/**
 * Checks of code segments that IRET and RET return to, and that JMP and CALL go to (SDM Vol. 3, 5.8).
 */
import { GENERAL_PROTECTION, SEGMENT_NOT_PRESENT } from '../../spec/vectors';
import { raise } from '../fault';
import {
  currentLevel, inLongMode, RIGHTS_BIG, RIGHTS_CODE, RIGHTS_CODE_OR_DATA, RIGHTS_CONFORMING, RIGHTS_LONG, RIGHTS_PRESENT,
} from '../mode';
import { descriptorRights, markAccessed, privilegeOf, readDescriptor, SELECTOR_INDEX, selectorFault } from '../segments';

/** The descriptor read last is a code segment that the mode allows: L and D not both. */
export function descriptorIsCode(): bool {
  const rights = descriptorRights();
  const code: u32 = RIGHTS_CODE_OR_DATA | RIGHTS_CODE;
  return (rights & code) == code && !(inLongMode() && (rights & (RIGHTS_LONG | RIGHTS_BIG)) == (RIGHTS_LONG | RIGHTS_BIG));
}

/** The descriptor of the code segment returned to is ready; RPL is the new privilege level. */
export function checkReturnCode(selector: u32): bool {
  if ((selector & SELECTOR_INDEX) == 0) {
    raise(GENERAL_PROTECTION, 0);
    return false;
  }
  if (!readDescriptor(selector, GENERAL_PROTECTION, 0)) return false;
  const rights = descriptorRights();
  const level = selector & 3;
  const fits = rights & RIGHTS_CONFORMING ? privilegeOf(rights) <= level : privilegeOf(rights) == level;
  if (!descriptorIsCode() || level < currentLevel() || !fits) return selectorFault(GENERAL_PROTECTION, selector);
  if ((rights & RIGHTS_PRESENT) == 0) return selectorFault(SEGMENT_NOT_PRESENT, selector);
  return markAccessed();
}

/** The descriptor read last is the target of a far JMP or CALL without a gate (5.8.1). */
export function checkDirectTarget(selector: u32): bool {
  const rights = descriptorRights();
  const fits = rights & RIGHTS_CONFORMING ? privilegeOf(rights) <= currentLevel()
    : privilegeOf(rights) == currentLevel() && (selector & 3) <= currentLevel();
  if (!descriptorIsCode() || !fits) return selectorFault(GENERAL_PROTECTION, selector);
  if ((rights & RIGHTS_PRESENT) == 0) return selectorFault(SEGMENT_NOT_PRESENT, selector);
  return markAccessed();
}

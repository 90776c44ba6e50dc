/**
 * Virtual interrupts: of virtual-8086 mode with CR4.VME (SDM Vol. 3, 21.3) and of ring 3 with CR4.PVI (21.4). Below IOPL 3
 * VIF stands for IF; VIP says that an interrupt waits for it. INT n goes to the 8086 program where the bitmap in the TSS
 * says so.
 */
import { CR4, CS, RIP, SEGMENT_LIMIT, TR } from '../../spec/cpu-state';
import { CR4_PVI, CR4_VME, FLAG_IF, FLAG_IOPL, FLAG_RF, FLAG_TF, FLAG_VIF, FLAG_VIP } from '../../spec/control-bits';
import { jumpTo } from '../context';
import { discardTraps } from '../debug';
import { refreshAttention } from '../events';
import { faultPending, NONE } from '../fault';
import { getFlags, setFlags } from '../flags';
import { readSystem } from '../memory';
import { currentLevel, inVirtual8086, modeChanged, RIGHTS_PRESENT, segment } from '../mode';
import { loadVirtual8086, segmentBase, segmentRights, segmentSelector } from '../segments';
import { beginStack, commitStack, push } from '../stack';
import { protectionFault } from './common';

@inline
export function ioPrivilege(flags: u64): u32 { return <u32>(flags & FLAG_IOPL) >> 12; }

@inline
export function virtual8086Extended(): bool { return inVirtual8086() && (load<u64>(CR4) & CR4_VME) != 0; }

/** CLI and STI act on VIF: in ring 3 below IOPL 3, with VME or PVI. */
export function virtualFlagCounts(flags: u64): bool {
  if (currentLevel() < 3 || ioPrivilege(flags) == 3) return false;
  return (load<u64>(CR4) & (inVirtual8086() ? CR4_VME : CR4_PVI)) != 0;
}

/** FLAGS as PUSHF and INT n show them below IOPL 3: VIF as IF, IOPL 3. */
export function virtualImage(flags: u64): u64 {
  const shown = (flags & ~<u64>FLAG_IF) | FLAG_IOPL;
  return flags & FLAG_VIF ? shown | FLAG_IF : shown;
}

/** POPF and IRET below IOPL 3: false where TF, or IF with an interrupt waiting, would be set. */
export function mayTakeImage(image: u64): bool {
  const pending = (getFlags() & FLAG_VIP) != 0 && (image & FLAG_IF) != 0;
  return (image & FLAG_TF) == 0 && !pending;
}

/** Flags after them: IF of the image is VIF, what else may change has been changed. */
export function withVirtualFlag(flags: u64, image: u64): u64 {
  return image & FLAG_IF ? flags | FLAG_VIF : flags & ~<u64>FLAG_VIF;
}

/** Both flags are set where an instruction of ring 3 begins (21.3.2): after IRET and task switches, which alone can set them. */
export function raiseVirtualInterrupt(): void {
  const both: u64 = FLAG_VIF | FLAG_VIP;
  if ((getFlags() & both) != both || currentLevel() < 3) return;
  if (load<u64>(CR4) & (inVirtual8086() ? CR4_VME : CR4_PVI)) protectionFault();
}

/** The bitmap is the 32 bytes below the I/O permission bitmap; a set bit, or a fault, means the protected-mode handler. */
export function isRedirected(vector: u32): bool {
  const limit = load<u32>(segment(TR), SEGMENT_LIMIT);
  const wide = (segmentRights(TR) & (RIGHTS_PRESENT | 9)) == (RIGHTS_PRESENT | 9) && limit >= 103;
  const map = wide ? <u32>readSystem(segmentBase(TR) + 102, 2) : 0;
  if (faultPending != NONE) return false;
  const at = map + (vector >> 3) - 32;
  if (map < 32 || at > limit) {
    protectionFault();
    return false;
  }
  const bits = <u32>readSystem(segmentBase(TR) + at, 1);
  return faultPending == NONE && ((bits >> (vector & 7)) & 1) == 0;
}

/** Methods 5 and 6 of table 21-2: through the vector table at linear address 0 of the task. */
export function redirect(vector: u32, returnRip: u64): void {
  const target = <u32>readSystem(<u64>vector << 2, 4);
  if (faultPending != NONE) return;
  const flags = getFlags();
  const below = ioPrivilege(flags) < 3;
  beginStack();
  push(2, below ? virtualImage(flags) : flags);
  if (faultPending == NONE) push(2, segmentSelector(CS));
  if (faultPending == NONE) push(2, returnRip);
  if (faultPending != NONE) return;
  commitStack();
  loadVirtual8086(CS, target >> 16);
  setFlags(flags & ~<u64>(FLAG_TF | FLAG_RF | (below ? FLAG_VIF : FLAG_IF)));
  store<u64>(RIP, target & 0xffff);
  discardTraps();
  modeChanged();
  refreshAttention();
  jumpTo(target & 0xffff);
}

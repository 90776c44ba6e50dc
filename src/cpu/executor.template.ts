/**
 * The executor: runs decoded blocks one after another. What programs mostly execute is in the switch, the rest behind a
 * function table. The cases come from instructions/hot-kinds.ts.
 */
import { GPR } from '../../spec/cpu-state';
import { BOUNCE, HANDLERS } from '../../spec/memory-map';
import { DIVIDE_ERROR, GENERAL_PROTECTION } from '../../spec/vectors';
import { BLOCK_COST, BLOCK_HEADER } from '../blocks';
import { addressMask } from '../context';
import { EXHAUSTED, remaining, setRemaining } from '../counters';
import { rowExtra } from '../decoder';
import { faultPending, raise } from '../fault';
import {
  carry, condition, FLAGS_DEC, FLAGS_INC, less, lessOrEqual, overflow, parity, setAdd, setIncrement, setLogic, setSub, sign, zero,
} from '../flags';
import { loopCount } from '../integer/branches';
import { setAddWithCarry, setProduct, setShift, setSubWithBorrow, signedProductOverflows } from '../integer/flag-results';
import { commitWrite } from '../memory';
import { tlbReadBase, tlbWriteBase } from '../tlb';
import {
  abandon, enter, leaveAt, runSystem, slowModify, slowPop, slowPush, slowRead, slowWrite, systemTarget,
} from '../transitions';

const RAX: usize = GPR;
const RDX: usize = GPR + 2 * 8;
const RSP: usize = GPR + 4 * 8;
const RBP: usize = GPR + 5 * 8;

@inline
function addressOf(op: usize): u64 {
  return (load<u64>(load<u32>(op, 12)) + (load<u64>(load<u32>(op, 16)) << load<u8>(op, 20)) + <u64><i64>load<i32>(op, 32)) & addressMask;
}

@inline
function entryOf(base: usize, va: u64): usize { return base + ((<u32>((va >> 12) ^ (va >> 22)) & 1023) << 4); }

@inline
function readable(va: u64, size: u32): usize {
  const entry = entryOf(tlbReadBase, va);
  return load<u64>(entry) == ((va + (size - 1)) & ~0xfff) ? <usize>va + load<u32>(entry, 8) : slowRead(va, size);
}

@inline
function writable(va: u64, size: u32): usize {
  const entry = entryOf(tlbWriteBase, va);
  return load<u64>(entry) == ((va + (size - 1)) & ~0xfff) ? <usize>va + load<u32>(entry, 8) : slowWrite(va, size);
}

@inline
function modifiable(va: u64, size: u32): usize {
  const entry = entryOf(tlbWriteBase, va);
  return load<u64>(entry) == ((va + (size - 1)) & ~0xfff) ? <usize>va + load<u32>(entry, 8) : slowModify(va, size);
}

@inline
function poppable(va: u64): usize {
  const entry = entryOf(tlbReadBase, va);
  return load<u64>(entry) == ((va + 7) & ~0xfff) ? <usize>va + load<u32>(entry, 8) : slowPop(va);
}

@inline
function pushable(va: u64): usize {
  const entry = entryOf(tlbWriteBase, va);
  return load<u64>(entry) == ((va + 7) & ~0xfff) ? <usize>va + load<u32>(entry, 8) : slowPush(va);
}

/** Runs from a block whose cost has been charged, until something has to be looked at; RIP is then exact. */
export function execute(first: usize): void {
  let block = first;
  let op = first + BLOCK_HEADER;
  let next: usize = 0;
  let link: usize = 0;
  let target: u64 = 0;
  for (;;) {
    switch (load<u16>(op)) {
      case 0: {
        call_indirect(load<u32>(HANDLERS + (<usize>load<u16>(op, 36) << 2)), op);
        if (faultPending) return abandon(block, op);
        op += 40;
        continue;
      }
      case 1: {
        if (!runSystem(block, op)) return;
        next = 0;
        link = 0;
        target = systemTarget;
        break;
      }
      case 2: {
        next = load<u32>(op, 12);
        target = load<u64>(op, 24);
        link = op + 12;
        break;
      }
      /* HOT CASES */
      default: unreachable();
    }
    if (next == 0) {
      next = enter(target, link);
      if (next == 0) return;
    }
    const left = remaining - load<u64>(next, BLOCK_COST);
    if (left & EXHAUSTED) return leaveAt(next);
    setRemaining(left);
    block = next;
    op = next + BLOCK_HEADER;
  }
}

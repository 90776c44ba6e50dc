/**
 * Areas of memory that an instruction reads or writes as a whole: shorter than a page, so that nothing between two ends
 * that can be accessed faults.
 */
import { BOUNCE } from '../../spec/memory-map';
import { addressToRead, addressToWrite, commitWrite, stackAccess } from '../memory';
import { currentLevel } from '../mode';

const PIECE: usize = 16;

/** False with a fault pending. */
export function reachable(va: u64, bytes: usize, write: bool): bool {
  const access = stackAccess(currentLevel());
  const last = va + bytes - 1;
  if (write) return addressToWrite(va, 1, access) != 0 && addressToWrite(last, 1, access) != 0;
  return addressToRead(va, 1, access) != 0 && addressToRead(last, 1, access) != 0;
}

/** Bytes `from` to `from + bytes` of the image to the same place in the area; again from the start where it is false. */
export function writeImage(va: u64, image: usize, from: usize, bytes: usize): bool {
  const access = stackAccess(currentLevel());
  for (let i: usize = from; i < from + bytes; i += PIECE) {
    const size = min<usize>(PIECE, from + bytes - i);
    const at = addressToWrite(va + i, <u32>size, access);
    if (at == 0) return false;
    memory.copy(at, image + i, size);
    if (at == BOUNCE) commitWrite();
  }
  return true;
}

export function readImage(va: u64, image: usize, from: usize, bytes: usize): bool {
  const access = stackAccess(currentLevel());
  for (let i: usize = from; i < from + bytes; i += PIECE) {
    const size = min<usize>(PIECE, from + bytes - i);
    const at = addressToRead(va + i, <u32>size, access);
    if (at == 0) return false;
    memory.copy(image + i, at, size);
  }
  return true;
}

import { DS, ES, FS, GS } from "../../spec/cpu-state.js";
import { SEGMENT_NOT_PRESENT, STACK_FAULT } from "../../spec/vectors.js";
import * as D from "../ring0/descriptor.js";
import * as R from "../ring0/layout.js";
import type { Ring0Port } from "../ring0/port.js";
import type { MonitorTables } from "../ring0/tables.js";
import { generalProtection, type Fault } from "./fault.js";
import { SUPERVISOR, type GuestLinear } from "./guest-linear.js";
import type { ProcessorState, Segment } from "./processor-state.js";
import { RIGHTS_UNUSABLE } from "./processor-state.js";

const TABLE_LDT = 4;
const INDEX = 0xfff8;
const CODE = 1 << 11;
const CONFORMING = 1 << 10;
/** Of code: readable; of data: writable. */
const READ_WRITE = 1 << 9;

/** A descriptor of the guest's. */
export interface GuestDescriptor {
  selector: number;
  low: number;
  high: number;
  /** Upper half of a system descriptor in IA-32e mode. */
  upper: number;
}

export const privilegeOf = ({ high }: GuestDescriptor): number => (high >>> D.DPL_SHIFT) & 3;
export const isPresent = ({ high }: GuestDescriptor): boolean => (high & D.PRESENT) !== 0;
export const isCode = ({ high }: GuestDescriptor): boolean =>
  (high & (D.NOT_SYSTEM | CODE)) === (D.NOT_SYSTEM | CODE);
export const isConforming = ({ high }: GuestDescriptor): boolean => (high & CONFORMING) !== 0;
export const isLong = ({ high }: GuestDescriptor): boolean => (high & D.LONG) !== 0;
export const isBig = ({ high }: GuestDescriptor): boolean => (high & D.BIG) !== 0;
export const isSystem = ({ high }: GuestDescriptor): boolean => (high & D.NOT_SYSTEM) === 0;
export const typeOf = ({ high }: GuestDescriptor): number => (high >>> 8) & 15;

export function baseOf({ low, high, upper }: GuestDescriptor): bigint {
  const base = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
  return BigInt(base) | (BigInt(upper) << 32n);
}
export function limitOf({ low, high }: GuestDescriptor): number {
  const raw = (low & 0xffff) | (high & 0xf_0000);
  return (high & (1 << 23)) !== 0 ? ((raw << 12) | 0xfff) >>> 0 : raw;
}
/** What a segment register keeps of it. */
export function segmentOf(descriptor: GuestDescriptor, selector: number): Segment {
  const rights = (descriptor.high >>> 8) & 0xf0ff;
  return { selector, base: baseOf(descriptor), limit: limitOf(descriptor), rights };
}
export const nullSegment = (selector: number): Segment => ({
  selector,
  base: 0n,
  limit: 0,
  rights: RIGHTS_UNUSABLE,
});

/**
 * The guest's descriptors, and copies of those that it uses in the processor's own tables, where what is for ring 0 is for
 * ring 1. The guest's tables are not traced: a descriptor is read again whenever the guest's kernel loads it, and
 * those that user code could load are compared before it runs.
 */
export class Descriptors {
  /** Copies that are in the processor's tables, by selector without RPL: both halves as the guest has them. */
  readonly #copied = new Map<number, { low: number; high: number }>();

  constructor(
    private readonly state: ProcessorState,
    private readonly memory: GuestLinear,
    private readonly tables: MonitorTables,
    private readonly port: Ring0Port,
  ) {}

  /** Reads a descriptor; undefined with a fault in the memory's: `vector` with the selector where its table ends before it. */
  read(
    selector: number,
    fault: (errorCode: number) => Fault = generalProtection,
  ): GuestDescriptor | undefined {
    const { gdtr, ldtr } = this.state;
    const local = (selector & TABLE_LDT) !== 0;
    const base = local ? ldtr.base : gdtr.base;
    const unusable = local && (ldtr.rights & RIGHTS_UNUSABLE) !== 0;
    const limit = unusable ? -1 : local ? ldtr.limit : gdtr.limit;
    const offset = selector & INDEX;
    if (offset + 7 > limit) {
      this.memory.fault ??= fault(selector & 0xfffc);
      return undefined;
    }
    const value = this.memory.read(base + BigInt(offset), 8, SUPERVISOR);
    if (this.memory.fault !== null) return undefined;
    const descriptor = { selector, low: Number(value & 0xffff_ffffn), high: Number(value >> 32n), upper: 0 };
    if (!isSystem(descriptor) || !this.state.longMode || offset + 15 > limit) return descriptor;
    const upper = this.memory.read(base + BigInt(offset + 8), 8, SUPERVISOR);
    return { ...descriptor, upper: Number(upper & 0xffff_ffffn) };
  }

  /** What a load leaves in the guest's table (SDM 3.4.5.1). */
  markAccessed(descriptor: GuestDescriptor): void {
    if ((descriptor.high & D.TYPE_ACCESSED) !== 0) return;
    descriptor.high |= D.TYPE_ACCESSED;
    const { gdtr, ldtr } = this.state;
    const base = (descriptor.selector & TABLE_LDT) !== 0 ? ldtr.base : gdtr.base;
    const at = base + BigInt((descriptor.selector & INDEX) + 5);
    this.memory.write(at, 1, BigInt((descriptor.high >>> 8) & 0xff), SUPERVISOR);
  }

  /** Puts the copy into the processor's own table. @returns whether it is there now, and was not before */
  copy(descriptor: GuestDescriptor): boolean {
    const { selector, low, high } = descriptor;
    if (isSystem(descriptor) || (selector & INDEX) >= R.FIRST_MONITOR_SELECTOR) return false;
    const known = this.#copied.get(selector & 0xfffc);
    if (known !== undefined && known.low === low && known.high === high) return false;
    this.#copied.set(selector & 0xfffc, { low, high });
    const privilege = Math.max(privilegeOf(descriptor), 1);
    const own = (high & ~(3 << D.DPL_SHIFT)) | (privilege << D.DPL_SHIFT) | D.TYPE_ACCESSED;
    this.#set(selector, low, own >>> 0);
    return true;
  }

  #set(selector: number, low: number, high: number): void {
    if ((selector & TABLE_LDT) === 0) this.tables.setDescriptor(selector, [low, high]);
    else this.tables.setLocalDescriptor(selector, [low, high]);
  }

  /** Before user code runs: copies whose originals have changed are made anew. */
  refresh(): void {
    for (const [selector, { low, high }] of this.#copied) {
      const now = this.read(selector);
      this.memory.fault = null;
      if (now !== undefined && now.low === low && now.high === high) continue;
      this.#copied.delete(selector);
      if (now === undefined || !this.copy(now)) this.#set(selector, 0, 0);
    }
  }

  /** The guest has another local table: none of its copies holds. */
  forgetLocal(): void {
    for (const selector of this.#copied.keys()) {
      if ((selector & TABLE_LDT) === 0) continue;
      this.#copied.delete(selector);
      this.#set(selector, 0, 0);
    }
  }

  /** User code found no descriptor in the processor's table. @returns whether there is one now */
  supply(selector: number): boolean {
    if ((selector & INDEX) === 0 && (selector & TABLE_LDT) === 0) return false;
    const descriptor = this.read(selector);
    this.memory.fault = null;
    return descriptor !== undefined && this.copy(descriptor);
  }

  /**
   * MOV and POP to ES, DS, FS or GS by the guest's kernel, LDS and its like (SDM Vol. 2, MOV): the guest's descriptor is checked
   * and its copy loaded.
   */
  loadData(index: number, selector: number): Fault | null {
    if ((selector & 0xfffc) === 0) {
      this.port.loadSelector(index, selector);
      return null;
    }
    const descriptor = this.read(selector);
    if (descriptor === undefined) return this.memory.takeFault();
    const code = isCode(descriptor);
    const readable = !code || (descriptor.high & READ_WRITE) !== 0;
    const open = code && isConforming(descriptor);
    const reachable = open || privilegeOf(descriptor) >= Math.max(this.state.cpl, selector & 3);
    if (isSystem(descriptor) || !readable || !reachable) return generalProtection(selector & 0xfffc);
    if (!isPresent(descriptor)) return { vector: SEGMENT_NOT_PRESENT, errorCode: selector & 0xfffc };
    this.markAccessed(descriptor);
    this.copy(descriptor);
    if (!this.port.loadSelector(index, selector)) return generalProtection(selector & 0xfffc);
    return this.memory.takeFault();
  }

  /** Checks a stack segment for a privilege level (SDM Vol. 2, MOV); undefined with a fault in the memory's. */
  stack(selector: number, level: number, fault = generalProtection): Segment | undefined {
    if ((selector & 0xfffc) === 0) {
      if (this.state.longMode && level < 3 && (selector & 3) === level) return nullSegment(selector);
      this.memory.fault ??= fault(0);
      return undefined;
    }
    const descriptor = this.read(selector, fault);
    if (descriptor === undefined) return undefined;
    const writable = !isSystem(descriptor) && !isCode(descriptor) && (descriptor.high & READ_WRITE) !== 0;
    if ((selector & 3) !== level || !writable || privilegeOf(descriptor) !== level)
      this.memory.fault ??= fault(selector & 0xfffc);
    else if (!isPresent(descriptor))
      this.memory.fault ??= { vector: STACK_FAULT, errorCode: selector & 0xfffc };
    if (this.memory.fault !== null) return undefined;
    this.markAccessed(descriptor);
    this.copy(descriptor);
    return segmentOf(descriptor, selector);
  }
}

/** Numbers of the registers of data segments in encodings. */
export const DATA_SEGMENTS = [ES, DS, FS, GS];

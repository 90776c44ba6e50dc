import { FLAG_VM } from "../../spec/control-bits.js";
import * as F from "../../spec/vmcs-fields.js";
import type { VmxPort } from "./vmx-port.js";

const CS = 1;
const SS = 2;
const GS = 5;
const CODE = 1 << 3;
const CONFORMING = 1 << 2;
const CODE_OR_DATA = 1 << 4;
const PRESENT = 1 << 7;
const GRANULARITY = 1 << 15;
const UNUSABLE = 1 << 16;
const RESERVED = 0xfffe_0f00;

interface Segment {
  selector: number;
  limit: number;
  rights: number;
}

/**
 * Whether VM entry without "unrestricted guest" takes the segment registers (SDM 27.3.1.2), as they may not be after a change from
 * real-address mode to protected mode, until each has been loaded from a descriptor.
 */
export function segmentsFitEntry(port: VmxPort): boolean {
  // Virtual-8086 mode is entered by IRET and task switches alone, which load all segments.
  if ((port.vmread32(F.GUEST_RFLAGS) & FLAG_VM) !== 0) return true;
  const segments = Array.from({ length: GS + 1 }, (_, i) => readSegment(port, i));
  const code = segments[CS]!;
  const stack = segments[SS]!;
  if ((code.selector & 3) !== (stack.selector & 3) || !codeFits(code, stack) || !stackFits(stack))
    return false;
  return segments.every((segment, i) => {
    if (i !== CS && (segment.rights & UNUSABLE) !== 0) return true;
    const data = i === CS || i === SS || dataFits(segment);
    const present = (segment.rights & (PRESENT | CODE_OR_DATA)) === (PRESENT | CODE_OR_DATA);
    return data && present && (segment.rights & RESERVED) === 0 && granularityFits(segment);
  });
}

function readSegment(port: VmxPort, index: number): Segment {
  return {
    selector: port.vmread32(F.GUEST_ES_SELECTOR + 2 * index),
    limit: port.vmread32(F.GUEST_ES_LIMIT + 2 * index),
    rights: port.vmread32(F.GUEST_ES_ACCESS_RIGHTS + 2 * index),
  };
}

const level = ({ rights }: Segment): number => (rights >> 5) & 3;

function codeFits(code: Segment, stack: Segment): boolean {
  if ((code.rights & (CODE | 1)) !== (CODE | 1)) return false;
  return (code.rights & CONFORMING) !== 0 ? level(code) <= level(stack) : level(code) === level(stack);
}

function stackFits(stack: Segment): boolean {
  if (level(stack) !== (stack.selector & 3)) return false;
  return (stack.rights & UNUSABLE) !== 0 || (stack.rights & 0xb) === 3;
}

function dataFits(segment: Segment): boolean {
  const { rights, selector } = segment;
  if ((rights & 1) === 0 || (rights & 0xa) === CODE) return false;
  return (rights & 0xf) > 11 || level(segment) >= (selector & 3);
}

/** A limit with a clear bit among 11:0 needs G = 0, one with a set bit among 31:20 needs G = 1. */
function granularityFits({ limit, rights }: Segment): boolean {
  const pages = (rights & GRANULARITY) !== 0;
  if ((limit & 0xfff) !== 0xfff && pages) return false;
  return (limit & 0xfff0_0000) === 0 || pages;
}

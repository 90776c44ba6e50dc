/**
 * The lock-step cases on the processor: the image, its run, and what differs in a report.
 */
import { STOP_BUDGET } from "../../src/spec/stops.js";
import { BareCore } from "../cpu/bare-core.js";
import type { Case } from "./cases.js";
import type { Field } from "./layout.js";

export const IMAGE = 0x10_0000;
export const EXIT_PORT = 0xf4;
const DEBUG_PORT = 0xe9;
/** Where the multiboot header has the entry point. */
const ENTRY = 28;

/** What QEMU reported. A case may see what one before it left in memory, so that images are kept whole. */
export interface Recording {
  /** Base64. */
  readonly supervisor: string;
  readonly images: readonly {
    readonly seeds: readonly number[];
    /** Seeds of the cases on which the processor agrees. */
    readonly agreed: readonly number[];
  }[];
  /** Reports of the cases agreed on, one after another: base64. */
  readonly reports: string;
}

export function image(supervisor: Buffer, cases: readonly Case[]): Buffer {
  const count = Buffer.alloc(16);
  count.writeUInt32LE(cases.length);
  return Buffer.concat([supervisor, count, ...cases.map((one) => one.record)]);
}

/** The reports; fewer than there are cases when one does not end. */
export function onCore(content: Buffer): Buffer {
  const bytes: number[] = [];
  let ended = false;
  const portWrite = (port: number, _size: number, value: number): void => {
    if (port === DEBUG_PORT) bytes.push(value & 0xff);
    if (port === EXIT_PORT) ended = true;
  };
  const core = new BareCore(64 << 20, portWrite, 0);
  core.write(IMAGE, content);
  core.mode(32, content.readUInt32LE(ENTRY));
  for (let idle = 0, seen = 0; !ended && idle < 4 && core.core.run(1_000_000) === STOP_BUDGET; idle++) {
    if (bytes.length > seen) idle = 0;
    seen = bytes.length;
  }
  return Buffer.from(bytes);
}

/** QEMU pushes EFLAGS without RF at a fault. */
const RF = 0x1_0000n;

/** What differs in one report, field by field. */
export function differences(report: readonly Field[], qemu: Buffer, core: Buffer): string[] {
  return report.flatMap(([at, size, name]) => {
    const read = (from: Buffer): bigint =>
      size === 8 ? from.readBigUInt64LE(at) : BigInt(from.readUInt32LE(at));
    const [one, other] = [read(qemu), read(core)];
    const same = name === "rflags" ? ((one ^ other) & ~RF) === 0n : one === other;
    return same ? [] : [`${name}: QEMU ${one.toString(16)}, here ${other.toString(16)}`];
  });
}

/**
 * The other side of the probe guest, `src/guests/labs/probe.s`: real machine code that executes the instructions of a
 * table, one after another, with the register contents that the table gives, and writes what came of each to memory.
 * @module
 */

/** What a probe executes. The number is the table's. */
export const PROBES = { cpuid: 1, rdmsr: 2, wrmsr: 3, "sti cpuid": 4, "mov ss cpuid": 5 } as const;
export type ProbeKind = keyof typeof PROBES;

/** One instruction with its registers, 64 bits each. */
export interface Probe {
  kind: ProbeKind;
  rax: bigint;
  rbx: bigint;
  rcx: bigint;
  rdx: bigint;
}

/** What the guest saw of one instruction. */
export interface ProbeResult {
  rax: bigint;
  rbx: bigint;
  rcx: bigint;
  rdx: bigint;
  /** How often #GP came; the last one's error code and its RIP relative to the instruction. */
  faults: bigint;
  errorCode: bigint;
  faultOffset: bigint;
  /** 1 when the two-byte instruction behind the probed one was executed, once. */
  next: bigint;
}

/** Where the guest writes its results, and the bytes of a line of its tables: RESULTS and LINE of its source. */
const RESULTS = 0x30_0000;
const LINE_BYTES = 64;

export const PROBE_RAM_BYTES = 8 << 20;

/** The probe guest with a table behind it: a multiboot image. */
export function withTable(guest: Uint8Array, probes: readonly Probe[]): Uint8Array {
  const image = new Uint8Array(guest.length + (probes.length + 1) * LINE_BYTES);
  image.set(guest);
  const view = new DataView(image.buffer, guest.length);
  probes.forEach(({ kind, rax, rbx, rcx, rdx }, i) => {
    [BigInt(PROBES[kind]), rax, rbx, rcx, rdx].forEach((value, j) =>
      view.setBigUint64(i * LINE_BYTES + 8 * j, value, true),
    );
  });
  return image;
}

/** The guest's memory that holds the results of so many probes. */
export function resultRange(probes: number): { address: number; bytes: number } {
  return { address: RESULTS, bytes: (probes + 1) * LINE_BYTES };
}

/** Reads the results out of that memory; as many as the guest has written. */
export function readResults(memory: Uint8Array, probes: readonly Probe[]): ProbeResult[] {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const written = Number(view.getBigUint64(0, true));
  const address = (kind: ProbeKind): bigint => view.getBigUint64(8 * PROBES[kind], true);
  return probes.slice(0, written).map(({ kind }, i) => {
    const [rax, rbx, rcx, rdx, faults, errorCode, faultRip, next] = Array.from({ length: 8 }, (_, j) =>
      view.getBigUint64((i + 1) * LINE_BYTES + 8 * j, true),
    );
    const faultOffset = faults === 0n ? 0n : faultRip - address(kind);
    return { rax, rbx, rcx, rdx, faults, errorCode, faultOffset, next };
  });
}

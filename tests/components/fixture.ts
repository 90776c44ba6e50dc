import type { MachineView, Ring, TraceEvent, TraceKind } from "../../src/experiments/view.js";

/** A trace written down as [kind, ring after it, cycles since the one before, arguments]. */
export type Line = [kind: TraceKind, ring: Ring, cycles: number, a?: number, b?: bigint];

export function trace(lines: readonly Line[], from = 0): TraceEvent[] {
  let cycle = 0;
  return lines.map(([kind, ring, cycles, a = 0, b = 0n], index) => {
    cycle += cycles;
    return {
      n: from + index,
      kind,
      processor: 0,
      cycle,
      instructions: (from + index) * 10,
      ring,
      cause: 0,
      rip: 0x10_0000n + BigInt(index),
      a: BigInt(a),
      b,
      c: 0n,
    };
  });
}

const VALID = 0x8000_0000n;

/** A guest that asks CPUID, enters user mode, is called back, writes, sleeps and is woken by a timer. */
export const SHORT: readonly Line[] = [
  ["VM_ENTRY", 0, 900],
  ["VM_EXIT", -1, 400, 10],
  ["HANDLED", -1, 70, 10],
  ["VM_ENTRY", 0, 850],
  ["SYSRET", 3, 300],
  ["SYSCALL", 0, 500],
  ["VM_EXIT", -1, 200, 30],
  ["VM_ENTRY", 0, 1400],
  ["VM_EXIT", -1, 90, 12],
  ["VM_ENTRY", 0, 40_000, 0, VALID | 32n],
  ["INTERRUPT", 0, 60, 32],
  ["IRET", 3, 200],
  ["EXCEPTION", 0, 120, 14],
];

export function viewOf(change: Partial<MachineView> = {}): MachineView {
  return {
    cpuMode: "vtx",
    memoryMode: "nested",
    moment: { instructions: 120, exits: 3 },
    cycles: 45_000,
    ring: -1,
    phase: "hypervisor",
    words: "paused in the hypervisor, exit 3: HLT",
    exit: { number: 3, reason: 12, name: "HLT", qualification: 0n, instructionLength: 1 },
    registers: [
      { name: "RAX", value: 0x4000_0000n, width: 64 },
      { name: "RIP", value: 0x10_00a2n, width: 64 },
      { name: "RFLAGS", value: 0x202n, width: 64 },
      { name: "CR0", value: 0x8000_0031n, width: 64 },
    ],
    segments: [],
    vmcs: [
      { encoding: 0x4402, name: "EXIT_REASON", group: "read-only", value: 12n, width: 32 },
      { encoding: 0x6400, name: "EXIT_QUALIFICATION", group: "read-only", value: 0n, width: 64 },
      { encoding: 0x4002, name: "PRIMARY_CONTROLS", group: "control", value: 0x80n, width: 32 },
      {
        encoding: 0x4016,
        name: "ENTRY_INTERRUPTION_INFORMATION",
        group: "control",
        value: VALID | 32n,
        width: 32,
      },
      { encoding: 0x681e, name: "GUEST_RIP", group: "guest", value: 0x10_00a2n, width: 64 },
      { encoding: 0x6c16, name: "HOST_RIP", group: "host", value: 0x1000n, width: 64 },
    ],
    console: "hello\r\n",
    exits: [
      { reason: 10, name: "CPUID", count: 1, cycles: 920 },
      { reason: 30, name: "IO_INSTRUCTION", count: 1, cycles: 1400 },
      { reason: 12, name: "HLT", count: 1, cycles: 40_000 },
    ],
    traceCount: 13,
    ending: null,
    ...change,
  };
}

/**
 * How numbers and names stand in figures: hexadecimal grouped by four digits, cycles with a unit and three significant
 * digits, the manual's names where it has them.
 */
import { exitReasonName } from "../../lib/trace/names.js";
import type { CpuMode, Ring } from "../../lib/experiments/view.js";

/** NARROW NO-BREAK SPACE: keeps a number together and its groups apart. */
const THIN = "\u202f";

/** 0x0000_0000_0010_00a2 without the underscores: groups of four digits, `bits` wide. */
export function hex(value: bigint | number, bits: number): string {
  const digits = BigInt.asUintN(bits, BigInt(value))
    .toString(16)
    .padStart(Math.ceil(bits / 4), "0");
  return digits.replace(/\B(?=(.{4})+$)/g, THIN);
}

/** The shortest hexadecimal form, for prose and labels: 0x1000a2. */
export function shortHex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** 12 345 */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** "1 of 2 exits": the noun takes an s unless there is one. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

const UNITS: readonly [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Cycles, from ten thousand on to three significant digits: 812 cycles, 12.3 k cycles, 48.1 M cycles. */
export function cycles(value: number): string {
  const unit = UNITS.find(([size]) => Math.abs(value) >= size * 9.995);
  if (!unit) return `${count(value)}${THIN}cycles`;
  return `${scaled(value / unit[0])}${THIN}${unit[1]}\u00a0cycles`;
}

/** A tick of an axis whose ticks are `step` cycles apart: as many digits as tell neighbours apart. */
export function tickCycles(value: number, step: number): string {
  const unit = UNITS.find(([size]) => Math.abs(value) >= size);
  if (!unit) return count(value);
  const digits = Math.max(0, Math.ceil(-Math.log10(step / unit[0]) - 1e-9));
  return digits > 3 ? count(value) : `${(value / unit[0]).toFixed(digits)}${THIN}${unit[1]}`;
}

function scaled(value: number): string {
  const rounded = Number(value.toPrecision(3));
  const whole = Math.trunc(Math.abs(rounded)).toString().length;
  return rounded.toFixed(Math.max(0, 3 - whole));
}

/** Share as a percentage that never rounds something to 0 % or 100 %. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return "–";
  const value = (100 * part) / whole;
  if (part > 0 && value < 0.1) return `<${THIN}0.1${THIN}%`;
  if (part < whole && value > 99.9) return `>${THIN}99.9${THIN}%`;
  return `${value.toFixed(1)}${THIN}%`;
}

/** The manual's constant for a basic exit reason, e.g. IO_INSTRUCTION. */
export function exitName(reason: number): string {
  return exitReasonName(reason & 0xffff);
}

const SPOKEN: Record<string, string> = {
  EXCEPTION_OR_NMI: "exception",
  EXTERNAL_INTERRUPT: "external interrupt",
  TRIPLE_FAULT: "triple fault",
  INTERRUPT_WINDOW: "interrupt window",
  NMI_WINDOW: "NMI window",
  TASK_SWITCH: "task switch",
  CONTROL_REGISTER_ACCESS: "CR access",
  MOV_DR: "MOV DR",
  IO_INSTRUCTION: "I/O",
  ENTRY_FAILURE_GUEST_STATE: "failed entry: guest state",
  ENTRY_FAILURE_MSR_LOADING: "failed entry: MSR loading",
  MONITOR_TRAP_FLAG: "monitor trap flag",
  GDTR_IDTR_ACCESS: "GDTR/IDTR access",
  LDTR_TR_ACCESS: "LDTR/TR access",
  EPT_VIOLATION: "EPT violation",
  EPT_MISCONFIGURATION: "EPT misconfiguration",
  PREEMPTION_TIMER: "preemption timer",
};

/** An exit reason as a label says it: CPUID, HLT, I/O, EPT violation. */
export function exitLabel(reason: number): string {
  const name = exitName(reason);
  return SPOKEN[name] ?? name;
}

/** Families that share a tint and a pattern in figures. */
export type ExitFamily = "instruction" | "io" | "register" | "memory" | "event";
export const EXIT_FAMILIES: readonly ExitFamily[] = ["instruction", "io", "register", "memory", "event"];

const FAMILY: Record<string, ExitFamily> = {
  IO_INSTRUCTION: "io",
  CONTROL_REGISTER_ACCESS: "register",
  MOV_DR: "register",
  RDMSR: "register",
  WRMSR: "register",
  XSETBV: "register",
  GDTR_IDTR_ACCESS: "register",
  LDTR_TR_ACCESS: "register",
  INVLPG: "memory",
  INVPCID: "memory",
  INVEPT: "memory",
  INVVPID: "memory",
  EPT_VIOLATION: "memory",
  EPT_MISCONFIGURATION: "memory",
  PAGE_MODIFICATION_LOG_FULL: "memory",
  APIC_ACCESS: "memory",
  EXCEPTION_OR_NMI: "event",
  EXTERNAL_INTERRUPT: "event",
  TRIPLE_FAULT: "event",
  INTERRUPT_WINDOW: "event",
  NMI_WINDOW: "event",
  PREEMPTION_TIMER: "event",
  INIT_SIGNAL: "event",
  STARTUP_IPI: "event",
  ENTRY_FAILURE_GUEST_STATE: "event",
  ENTRY_FAILURE_MSR_LOADING: "event",
};

export function exitFamily(reason: number): ExitFamily {
  return FAMILY[exitName(reason)] ?? "instruction";
}

const VECTOR_NAMES: Record<number, string> = {
  0: "#DE divide error",
  1: "#DB debug",
  2: "NMI",
  3: "#BP breakpoint",
  4: "#OF overflow",
  6: "#UD invalid opcode",
  7: "#NM device not available",
  8: "#DF double fault",
  10: "#TS invalid TSS",
  11: "#NP segment not present",
  12: "#SS stack fault",
  13: "#GP general protection",
  14: "#PF page fault",
  16: "#MF x87 error",
  17: "#AC alignment check",
  18: "#MC machine check",
  19: "#XM SIMD error",
};

/** "#PF page fault", or "interrupt 0x20" for a vector without a name of its own. */
export function vectorName(vector: number): string {
  return VECTOR_NAMES[vector] ?? `interrupt ${shortHex(vector)}`;
}

/** Who runs in a ring, as figures and sentences call it. */
export function ringName(ring: Ring, cpuMode: CpuMode = "vtx"): string {
  if (ring === -1) return "hypervisor";
  if (ring === 3) return "user code";
  return cpuMode === "native" ? "kernel" : "guest kernel";
}

export function ringNumber(ring: Ring): string {
  return ring === -1 ? "ring −1" : `ring ${ring}`;
}

/** Token names by ring: --ring-3, --ring-0, --ring-hv. */
export function ringToken(ring: Ring): "ring-3" | "ring-0" | "ring-hv" {
  return ring === -1 ? "ring-hv" : ring === 3 ? "ring-3" : "ring-0";
}

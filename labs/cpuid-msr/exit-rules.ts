import type { AuditedExit } from "../../src/grading/audit.js";
import { BLOCKING_BY_MOV_SS, BLOCKING_BY_STI } from "../../src/spec/vmx-controls.js";
import { hex, violation, type Violation } from "../judging.js";

/**
 * What the machine's state has to show before and after each run of a handler.
 * @module
 */
/** Calls to the hypervisor, and steps, that one exit may cost; the solution makes eight calls. */
const MOST_HOST_CALLS = 32;
const MOST_STEPS = 50_000;

/** Fields that carrying out the instruction, or raising an exception, changes. */
const MAY_CHANGE: Record<AuditedExit["reason"] & ("CPUID" | "RDMSR" | "WRMSR"), readonly string[]> = {
  CPUID: ["rax", "rbx", "rcx", "rdx"],
  RDMSR: ["rax", "rdx"],
  WRMSR: ["TSC_OFFSET"],
};
const MAY_ALWAYS_CHANGE = [
  "GUEST_RIP",
  "GUEST_INTERRUPTIBILITY_STATE",
  "GUEST_PENDING_DEBUG_EXCEPTIONS",
  "ENTRY_INTERRUPTION_INFORMATION",
  "ENTRY_EXCEPTION_ERROR_CODE",
];

export function leftAlone(exit: AuditedExit): Violation | null {
  const allowed = new Set([...MAY_ALWAYS_CHANGE, ...MAY_CHANGE[exit.reason as keyof typeof MAY_CHANGE]]);
  const name = exit.before.differences(exit.after).find((candidate) => !allowed.has(candidate));
  if (name === undefined) return null;
  return violation(
    `The handler for ${exit.reason} changed ${name}.`,
    hex(exit.before.get(name)),
    hex(exit.after.get(name)),
  );
}

export function shadowEnded(exit: AuditedExit): Violation | null {
  const shadow = BigInt(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
  const left = exit.after.get("GUEST_INTERRUPTIBILITY_STATE") & shadow;
  if (exit.before.get("GUEST_RIP") === exit.after.get("GUEST_RIP") || left === 0n) return null;
  return violation(
    `After ${exit.reason} interrupts stay blocked for one instruction more.`,
    "interruptibility state [1:0] = 0",
    `interruptibility state [1:0] = ${left}`,
  );
}

export function cheap(exit: AuditedExit): Violation | null {
  if (exit.hostCalls > MOST_HOST_CALLS) {
    return violation(
      `An exit for ${exit.reason} is expensive.`,
      `at most ${MOST_HOST_CALLS} calls to vcpu`,
      `${exit.hostCalls} calls`,
    );
  }
  if (exit.steps <= MOST_STEPS) return null;
  return violation(
    `An exit for ${exit.reason} is expensive.`,
    `at most ${MOST_STEPS} steps`,
    `${exit.steps} steps`,
  );
}

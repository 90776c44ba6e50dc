import { describe, expect, it } from "vitest";
import type { HardwarePort } from "../../src/hypervisor/port.js";
import { ProgressWatch } from "../../src/hypervisor/progress-watch.js";
import { CPUID, EXTERNAL_INTERRUPT, IO_INSTRUCTION } from "../../src/spec/exit-reasons.js";

/** Exits until the watch speaks, at most 5,000. @param next - the reason of an exit, and RCX and instructions by then */
function exitsUntilStuck(
  next: (exit: number) => { reason: number; rcx?: number; instructions?: number },
): number | null {
  const watch = new ProgressWatch();
  for (let exit = 1; exit <= 5_000; exit++) {
    const { reason, rcx = 0, instructions = 0 } = next(exit);
    const port = { instructions, readRegister32: () => rcx } as unknown as HardwarePort;
    if (watch.exit(reason, port) !== null) return exit;
  }
  return null;
}

describe("a guest that leaves again and again", () => {
  it("is stuck when it executes nothing in between, whatever its registers hold", () => {
    expect(exitsUntilStuck(() => ({ reason: CPUID }))).toBe(1_001);
    expect(exitsUntilStuck((exit) => ({ reason: CPUID, rcx: exit }))).toBe(1_001);
  });

  it("is stuck also where interrupts of the machine come between", () => {
    const reason = (exit: number): number => (exit % 2 === 0 ? EXTERNAL_INTERRUPT : IO_INSTRUCTION);
    expect(exitsUntilStuck((exit) => ({ reason: reason(exit), rcx: 7 }))).toBe(2_001);
  });

  it("is not while it executes instructions, or counts a string instruction down", () => {
    expect(exitsUntilStuck((exit) => ({ reason: CPUID, instructions: exit }))).toBeNull();
    expect(exitsUntilStuck((exit) => ({ reason: IO_INSTRUCTION, rcx: 5_000 - exit }))).toBeNull();
  });
});

/**
 * Whatever a VMCS, page tables, EPT or segment state contain, wasm neither traps nor hangs.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { ENTRY_CHECK_RULES } from "../../../src/spec/entry-check-rules.js";
import * as state from "../../../src/spec/cpu-state.js";
import * as field from "../../../src/spec/vmcs-fields.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import { VMCS_FIELDS, VMCS_GROUP_BYTES } from "../../../src/spec/vmcs-layout.js";
import type { Machine } from "./harness.js";
import { random64, seeded } from "./harness.js";
import { CODE, VMCS, enterRoot, monitored } from "./vmx-setup.js";

let machine: Machine;
beforeAll(async () => {
  machine = await monitored();
}, 120_000);

type Random = () => number;
const pick = <T>(next: Random, values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;

function interesting(next: Random): bigint {
  return pick(next, [
    () => 0n,
    () => (1n << 64n) - 1n,
    () => random64(next),
    () => 1n << BigInt(Math.floor(next() * 64)),
    () => BigInt(Math.floor(next() * 0x100_0000)) & ~0xfffn,
    () => BigInt(Math.floor(next() * 0x10000)),
    () => 0xff_ffffn - BigInt(Math.floor(next() * 16)),
    () => 0xffff_ffffn,
  ])();
}

const fields = Object.values(field).filter((encoding) => (encoding & 1) === 0);

/** Written into the region itself: no VMWRITE stands in the way, read-only fields and launch state included. */
function poke(encoding: number, value: bigint): void {
  const group = ((encoding >> 13) & 3) * 4 + ((encoding >> 10) & 3);
  const offset = VMCS_FIELDS + group * VMCS_GROUP_BYTES + ((encoding >> 1) & 0x1ff) * 8;
  if (offset + 8 <= 4096) machine.set64(RAM_BASE + VMCS + offset, value);
}

function disturbMemory(next: Random, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = pick(next, [0x1_0000, 0x2_0000, 0x3_0000]) + Math.floor((next() * 0x4000) / 8) * 8;
    machine.write(
      at,
      next() < 0.5 ? interesting(next) : machine.read(at) ^ (1n << BigInt(Math.floor(next() * 64))),
    );
  }
}

function exercise(next: Random): void {
  for (let i = 0; i < 12; i++) {
    machine.cpu.clearFault();
    machine.cpu.clearStop();
    machine.cpu.setRunningAlone(next() < 0.8 ? 1 : 0);
    const va = next() < 0.6 ? BigInt(Math.floor(next() * 0x100_0000)) : interesting(next);
    const size = pick(next, [1, 2, 4, 8]);
    pick(next, [
      () => {
        machine.cpu.readMemory(va, size);
      },
      () => {
        machine.cpu.writeMemory(va, size, random64(next));
      },
      () => {
        machine.cpu.fetchPage(va);
      },
      () => {
        machine.cpu.raise(Math.floor(next() * 32), next() < 0.5 ? -1n : 0n);
      },
      () => {
        machine.cpu.deliverSoftwareEvent(Math.floor(next() * 256), 4, 2);
      },
      () => {
        machine.set32(state.INTR_LINE, 1);
        machine.cpu.takeInterrupt();
        machine.set32(state.INTR_LINE, 0);
      },
      () => {
        machine.set32(state.NMI_PENDING, 1);
        machine.cpu.takeInterrupt();
      },
    ])();
    machine.cpu.deliverPending();
    expect(machine.cpu.faultPending.value === 1 || machine.cpu.faultPending.value === 2).toBe(false);
  }
}

/** What the manual has a VM entry report for a rule broken: VM-instruction error, or exit reason with bit 31 (27.2–27.4, 27.8). */
function expectedReport(rule: number): { outcome: number; error?: bigint; reason?: bigint } {
  if (rule < 300) return { outcome: 2, error: 7n };
  if (rule < 400) return { outcome: 2, error: 8n };
  return { outcome: 3, reason: rule < 500 ? 0x8000_0021n : 0x8000_0022n };
}

/** An entry that was not refused, or refused as its rule says, with the processor still in root operation. */
function judge(outcome: number): void {
  const rule = machine.get32(state.ENTRY_CHECK);
  if (rule === 0) {
    expect([0, 3]).toContain(outcome);
    if (outcome === 3) expect(machine.cpu.readEncoded(field.EXIT_REASON) >> 31n).toBe(0n);
    return;
  }
  expect(ENTRY_CHECK_RULES[rule]).toBeDefined();
  const report = expectedReport(rule);
  expect(outcome).toBe(report.outcome);
  expect(machine.get32(state.VMX_OPERATION)).toBe(state.VMX_ROOT);
  if (report.error !== undefined)
    expect(machine.cpu.readEncoded(field.VM_INSTRUCTION_ERROR)).toBe(report.error);
  if (report.reason !== undefined) expect(machine.cpu.readEncoded(field.EXIT_REASON)).toBe(report.reason);
}

describe("random contents", () => {
  it("of a VMCS that was valid", () => {
    const next = seeded(1);
    let entered = 0;
    for (let round = 0; round < 3000; round++) {
      enterRoot(machine);
      const changes = Math.floor(next() * 6);
      for (let i = 0; i < changes; i++) poke(pick(next, fields), interesting(next));
      disturbMemory(next, Math.floor(next() * 4));
      const outcome = machine.cpu.vmlaunch();
      judge(outcome);
      if (outcome === 0) {
        entered++;
        exercise(next);
      }
      machine.cpu.vmresume();
    }
    expect(entered).toBeGreaterThan(500);
  }, 120_000);

  it("of a whole VMCS", () => {
    const next = seeded(2);
    for (let round = 0; round < 500; round++) {
      enterRoot(machine);
      for (const encoding of fields) if (next() < 0.5) poke(encoding, interesting(next));
      judge(machine.cpu.vmlaunch());
      exercise(next);
    }
  }, 120_000);

  it("of page tables, EPT and descriptor tables", () => {
    const next = seeded(3);
    for (let round = 0; round < 1000; round++) {
      enterRoot(machine);
      disturbMemory(next, 400);
      machine.cpu.vmlaunch();
      exercise(next);
    }
  }, 120_000);

  it("of the state window", () => {
    const next = seeded(5);
    for (let round = 0; round < 1000; round++) {
      machine.cpu.resetState();
      for (let at = state.GPR; at < state.CPL; at += 8)
        if (next() < 0.4) machine.set64(at, interesting(next));
      machine.set64(state.ZERO_SLOT, 0n);
      machine.set32(state.CPL, Math.floor(next() * 4));
      machine.set32(state.VMX_OPERATION, 0);
      machine.cpu.stateReplaced();
      exercise(next);
    }
  }, 120_000);

  it("of operands: VMX pointers, fields, MSRs", () => {
    const next = seeded(6);
    enterRoot(machine);
    for (let round = 0; round < 5000; round++) {
      machine.set64(state.OPERAND, interesting(next));
      const address = Number(BigInt.asUintN(53, interesting(next)));
      pick(next, [
        () => machine.cpu.vmclear(address),
        () => machine.cpu.vmptrld(address),
        () => machine.cpu.vmread(address),
        () => machine.cpu.vmwrite(address),
        () => machine.cpu.rdmsr(address),
        () => machine.cpu.wrmsr(address),
        () => machine.cpu.invept(address & 3),
        () => machine.cpu.invvpid(address & 3, address & 0xffff),
        () => machine.cpu.vmlaunch(),
        () => machine.cpu.vmxoff(),
        () => machine.cpu.vmxon(address),
      ])();
    }
  });

  /** Bytes of system instructions, so that random code is not all arithmetic. */
  const SYSTEM: readonly (readonly number[])[] = [
    [0x0f, 0x22, 0xc0],
    [0x0f, 0x22, 0xd8],
    [0x0f, 0x22, 0xe0],
    [0x0f, 0x20, 0xc0],
    [0x0f, 0x30],
    [0x0f, 0x32],
    [0x0f, 0xa2],
    [0x0f, 0x01],
    [0x0f, 0x00],
    [0x48, 0xcf],
    [0xcf],
    [0xcd, 0x80],
    [0xcc],
    [0x0f, 0x05],
    [0x48, 0x0f, 0x07],
    [0x0f, 0x34],
    [0x0f, 0x35],
    [0x8e, 0xd0],
    [0x8e, 0xe0],
    [0x9d],
    [0x9c],
    [0xfb],
    [0xf4],
    [0xec],
    [0xee],
    [0xf3, 0x6c],
    [0xf3, 0x6e],
    [0xff, 0x28],
    [0xff, 0x18],
    [0xcb],
    [0x48, 0xcb],
    [0xf3, 0x0f, 0xc7],
    [0x66, 0x0f, 0xc7],
    [0x0f, 0xc7],
    [0x0f, 0x78],
    [0x0f, 0x79],
    [0x66, 0x0f, 0x38, 0x80],
    [0x66, 0x0f, 0x38, 0x81],
    [0x66, 0x0f, 0x38, 0x82],
    [0x0f, 0x01, 0xc2],
  ];

  function randomCode(next: Random, at: number): void {
    const bytes: number[] = [];
    while (bytes.length < 400) {
      if (next() < 0.3) bytes.push(...pick(next, SYSTEM));
      bytes.push(Math.floor(next() * 256));
    }
    machine.load(at, bytes);
    machine.cpu.invalidateCode(at, 512);
    for (let i = 0; i < 16; i++)
      if (i !== 4 && next() < 0.7) machine.set64(state.GPR + 8 * i, interesting(next));
  }

  it("of a guest's code", () => {
    const next = seeded(7);
    for (let round = 0; round < 1500; round++) {
      enterRoot(machine);
      if (next() < 0.3) disturbMemory(next, 2);
      for (let i = 0; i < 16; i++) randomCode(next, CODE + 512 * i);
      machine.cpu.vmlaunch();
      for (let exits = 0; exits < 8; exits++) {
        machine.cpu.setInterruptLine(next() < 0.1 ? 1 : 0);
        machine.cpu.run(60);
        if (machine.get32(state.VMX_OPERATION) === state.VMX_ROOT) machine.cpu.vmresume();
      }
      machine.cpu.setInterruptLine(0);
      machine.board.calls = 0;
    }
  }, 120_000);

  it("of a bare machine's code, in every mode", () => {
    const next = seeded(8);
    for (let round = 0; round < 1500; round++) {
      enterRoot(machine);
      machine.cpu.vmlaunch();
      machine.set32(state.MONITOR, 0);
      machine.set32(state.VMX_OPERATION, pick(next, [state.VMX_OFF, state.VMX_ROOT]));
      const mode = pick(next, [64, 32, 16]);
      if (mode !== 64) {
        machine.set64(state.CR0, mode === 32 ? 0x31n : 0x30n);
        machine.set64(state.MSR_EFER, 0n);
        machine.set32(
          state.SEGMENTS + state.CS * state.SEGMENT_BYTES + state.SEGMENT_RIGHTS,
          mode === 32 ? 0xc09b : 0x9b,
        );
      }
      for (let i = 0; i < 16; i++) randomCode(next, CODE + 512 * i);
      machine.cpu.stateReplaced();
      for (let n = 0; n < 6; n++) {
        machine.cpu.setInterruptLine(next() < 0.2 ? 1 : 0);
        machine.cpu.run(60);
      }
      machine.cpu.setInterruptLine(0);
      machine.board.calls = 0;
    }
  }, 120_000);
});

/**
 * Guest state beside the control and segment registers: the PDPTE registers of PAE paging (SDM Vol. 3, 27.3.2.4, 28.3.4) and
 * pending debug exceptions (25.4.2, 27.7.3).
 */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as state from "../../../src/spec/cpu-state.js";
import * as field from "../../../src/spec/vmcs-fields.js";
import { STOP_VM_EXIT } from "../../../src/spec/stops.js";
import type { Machine } from "./harness.js";
import { CODE, GUEST_CR3_ROOT, enterRoot, monitored, read, write } from "./vmx-setup.js";

const EXCEPTION = 0n;
const VMCALL = 18n;
const MONITOR_TRAP_FLAG = 37n;
const PRIMARY = 0x0400_6172 + 0x8000_0000;
const SINGLE_STEP = 1n << 14n;
const DIRECTORY = BigInt(GUEST_CR3_ROOT + 0x2000) | 1n;
const POINTERS = GUEST_CR3_ROOT + 0x3000;
const OTHER = 0x7000n | 1n;

let machine: Machine;
beforeAll(async () => {
  machine = await monitored();
}, 240_000);
beforeEach(() => {
  enterRoot(machine);
});

function runTo(reason: bigint): void {
  expect(machine.cpu.vmlaunch()).toBe(0);
  expect(machine.cpu.run(100)).toBe(STOP_VM_EXIT);
  expect(read(machine, field.EXIT_REASON)).toBe(reason);
}

function load(bytes: readonly number[]): void {
  machine.load(CODE, bytes);
  machine.cpu.invalidateCode(CODE, 64);
}

describe("PDPTEs of a guest with PAE paging", () => {
  const pdpte = (i: number): bigint => read(machine, field.GUEST_PDPTE0 + 2 * i);
  beforeEach(() => {
    write(machine, field.PRIMARY_CONTROLS, PRIMARY);
    write(machine, field.ENTRY_CONTROLS, 0x11fb);
    write(machine, field.GUEST_CS_ACCESS_RIGHTS, 0xc09b);
    write(machine, field.GUEST_CR3, 0x6000);
    write(machine, field.GUEST_PDPTE0, DIRECTORY);
    [DIRECTORY, OTHER, 0n, 0n].forEach((entry, i) => {
      machine.write(POINTERS + 8 * i, entry);
    });
    machine.set64(state.GPR, BigInt(POINTERS));
  });

  it("come from the VMCS, not from memory, and go back", () => {
    load([0x0f, 0x01, 0xc1]); // vmcall
    runTo(VMCALL);
    expect(pdpte(0)).toBe(DIRECTORY);
    expect(pdpte(1)).toBe(0n);
  });

  it("are loaded by MOV to CR3", () => {
    load([0x0f, 0x22, 0xd8, 0x0f, 0x01, 0xc1]); // mov cr3, eax; vmcall
    runTo(VMCALL);
    expect([0, 1, 2, 3].map(pdpte)).toEqual([DIRECTORY, OTHER, 0n, 0n]);
  });

  it("are not loaded where one has a reserved bit: #GP", () => {
    machine.write(POINTERS + 24, OTHER | 2n);
    write(machine, field.EXCEPTION_BITMAP, 1 << 13);
    load([0x0f, 0x22, 0xd8]);
    runTo(EXCEPTION);
    expect(pdpte(1)).toBe(0n);
    expect(read(machine, field.GUEST_CR3)).toBe(0x6000n);
  });
});

describe("pending debug exceptions", () => {
  beforeEach(() => {
    write(machine, field.EXCEPTION_BITMAP, 1 << 1);
    load([0x90, 0x90, 0x0f, 0x01, 0xc1]);
  });

  it("are taken before the first instruction", () => {
    write(machine, field.GUEST_PENDING_DEBUG_EXCEPTIONS, SINGLE_STEP);
    runTo(EXCEPTION);
    expect(read(machine, field.EXIT_QUALIFICATION)).toBe(SINGLE_STEP);
    expect(read(machine, field.GUEST_RIP)).toBe(BigInt(CODE));
    expect(read(machine, field.GUEST_PENDING_DEBUG_EXCEPTIONS)).toBe(0n);
  });

  it("are saved by an exit that comes before the trap", () => {
    write(machine, field.PRIMARY_CONTROLS, PRIMARY + (1 << 27));
    write(machine, field.GUEST_RFLAGS, 0x102);
    runTo(MONITOR_TRAP_FLAG);
    expect(read(machine, field.GUEST_RIP)).toBe(BigInt(CODE + 1));
    expect(read(machine, field.GUEST_PENDING_DEBUG_EXCEPTIONS)).toBe(SINGLE_STEP);
  });
});

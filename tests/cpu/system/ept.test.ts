/**
 * Extended page tables: violations with their exact qualification, misconfigurations, A/D flags, large pages, and the
 * references of a two-dimensional walk.
 */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  COST_WALK_REFERENCE,
  CPL,
  CYCLES,
  GPR,
  OPERAND,
  VMX_OPERATION,
  VMX_ROOT,
} from "../../../src/spec/cpu-state.js";
import * as field from "../../../src/spec/vmcs-fields.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import { STOP_VM_EXIT } from "../../../src/spec/stops.js";
import type { Machine } from "./harness.js";
import { CODE, EPT_ROOT, GUEST_CR3_ROOT, VMCS, enterRoot, monitored, read, write } from "./vmx-setup.js";

const PT = EPT_ROOT + 0x3000;
const PD = EPT_ROOT + 0x2000;
const EPTP = EPT_ROOT | 6 | (3 << 3);
const EXIT = 2,
  PAGE_FAULT = 1;
let machine: Machine;
beforeAll(async () => {
  machine = await monitored();
}, 120_000);

beforeEach(() => {
  enterRoot(machine);
});

function enter(eptp = EPTP): void {
  write(machine, field.EPT_POINTER, eptp);
  machine.cpu.setRunningAlone(1);
  expect(machine.cpu.vmlaunch()).toBe(0);
}

const entry = (page: number): number => PT + 8 * page;
const setRights = (page: number, bits: bigint): void => {
  machine.write(entry(page), (machine.read(entry(page)) & ~0xfffn) | bits);
};

function violation(access: () => void): { qualification: number; physical: number; reason: number } {
  access();
  expect(machine.cpu.faultPending.value).toBe(EXIT);
  machine.cpu.deliverPending();
  expect(machine.get32(VMX_OPERATION)).toBe(VMX_ROOT);
  return {
    qualification: Number(read(machine, field.EXIT_QUALIFICATION)),
    physical: Number(read(machine, field.GUEST_PHYSICAL_ADDRESS)),
    reason: Number(read(machine, field.EXIT_REASON)),
  };
}

describe("violations", () => {
  it("of a read: nothing mapped", () => {
    setRights(0x70, 0n);
    enter();
    expect(violation(() => machine.cpu.readMemory(0x7_0123n, 4))).toEqual({
      reason: 48,
      physical: 0x7_0123,
      qualification: 0x181,
    });
    expect(read(machine, field.GUEST_LINEAR_ADDRESS)).toBe(0x7_0123n);
    expect(read(machine, field.GUEST_RIP)).toBe(BigInt(CODE));
  });

  it("of a write to a page that may be read and executed", () => {
    setRights(0x70, 0x35n);
    enter();
    machine.cpu.readMemory(0x7_0000n, 4);
    expect(machine.cpu.faultPending.value).toBe(0);
    expect(
      violation(() => {
        machine.cpu.writeMemory(0x7_0ff8n, 8, 1n);
      }).qualification,
    ).toBe(0x1aa);
  });

  it("of a fetch from a page that may not be executed", () => {
    setRights(0x70, 0x33n);
    enter();
    expect(violation(() => machine.cpu.fetchPage(0x7_0000n)).qualification).toBe(0x19c);
  });

  it("of the walk itself: reading and marking an entry of the guest tables", () => {
    machine.write(GUEST_CR3_ROOT, BigInt(GUEST_CR3_ROOT + 0x1000) | 7n);
    setRights(0x20, 0n);
    enter();
    expect(violation(() => machine.cpu.readMemory(0x7_0000n, 4))).toEqual({
      reason: 48,
      physical: GUEST_CR3_ROOT,
      qualification: 0x81,
    });
    enterRoot(machine);
    setRights(0x20, 0x31n);
    enter();
    expect(violation(() => machine.cpu.readMemory(0x7_0000n, 4)).qualification).toBe(0x8a);
  });

  it("of the walk with A/D flags for EPT: reads of entries count as writes", () => {
    setRights(0x20, 0x31n);
    enter(EPTP | 0x40);
    expect(violation(() => machine.cpu.readMemory(0x7_0000n, 4)).qualification).toBe(0x8b);
  });

  it("of a PDPTE that MOV to CR3 loads: a read, with no linear address to tell of", () => {
    setRights(0x70, 0n);
    write(machine, field.ENTRY_CONTROLS, 0x11fb | (1 << 15));
    write(machine, field.GUEST_IA32_EFER, 0);
    write(machine, field.GUEST_CS_ACCESS_RIGHTS, 0xc09b);
    write(machine, field.GUEST_PDPTE0, (GUEST_CR3_ROOT + 0x2000) | 1);
    for (const eptp of [EPTP, EPTP | 0x40]) {
      machine.cpu.vmclear(VMCS);
      machine.cpu.vmptrld(VMCS);
      write(machine, field.EPT_POINTER, eptp);
      // mov eax, 70000H; mov cr3, eax
      machine.load(CODE, [0xb8, 0x00, 0x00, 0x07, 0x00, 0x0f, 0x22, 0xd8]);
      expect(machine.cpu.vmlaunch()).toBe(0);
      expect(machine.cpu.run(10)).toBe(STOP_VM_EXIT);
      expect(read(machine, field.EXIT_REASON)).toBe(48n);
      expect(read(machine, field.EXIT_QUALIFICATION)).toBe(1n);
      expect(read(machine, field.GUEST_PHYSICAL_ADDRESS)).toBe(0x7_0000n);
      write(machine, field.GUEST_RIP, CODE);
    }
  });

  it("a guest page fault comes before EPT has a say in the page", () => {
    setRights(0x70, 0n);
    machine.set32(RAM_BASE + GUEST_CR3_ROOT + 0x2000, 0);
    enter();
    machine.cpu.readMemory(0x7_0000n, 4);
    expect(machine.cpu.faultPending.value).toBe(PAGE_FAULT);
    machine.cpu.clearFault();
  });
});

describe("misconfigurations", () => {
  it.each([
    ["write without read", 0x32n],
    ["write and execute without read", 0x36n],
    ["reserved memory type", 0x17n],
    ["memory type 7", 0x3fn],
  ])("%s", (_, bits) => {
    setRights(0x70, bits);
    enter();
    expect(violation(() => machine.cpu.readMemory(0x7_0000n, 4)).reason).toBe(49);
    expect(read(machine, field.GUEST_PHYSICAL_ADDRESS)).toBe(0x7_0000n);
  });

  it("reserved bits of a large page, of a directory, and of the address", () => {
    for (const [at, value] of [
      [PD + 8, 0x20_10b7n],
      [PD, BigInt(PT) | 0x0fn],
      [EPT_ROOT, BigInt(EPT_ROOT + 0x1000) | 0x87n],
      [entry(0x70), 0x7_0037n | (1n << 45n)],
    ] as const) {
      enterRoot(machine);
      machine.write(at, value);
      enter();
      // The guest's own tables lie below 2 MiB, as the page does.
      machine.cpu.readMemory(at === PD + 8 ? 0x20_0000n : 0x7_0000n, 4);
      expect(Number(machine.cpu.exitReason.value)).toBe(49);
      machine.cpu.deliverPending();
    }
  });

  it("execute-only is not one", () => {
    setRights(0x70, 0x34n);
    enter();
    expect(machine.cpu.fetchPage(0x7_0000n)).toBe(0x7_0000n);
    expect(violation(() => machine.cpu.readMemory(0x7_0000n, 4)).qualification).toBe(0x1a1);
  });
});

describe("translation", () => {
  it("makes 24 references, 15 with a 2-MiB page on both sides of the last step", () => {
    machine.set32(COST_WALK_REFERENCE, 1);
    for (let i = 0; i < 512; i++) machine.write(GUEST_CR3_ROOT + 0x3000 + 8 * i, BigInt(i * 0x1000) | 0x67n);
    machine.write(GUEST_CR3_ROOT + 0x2000, BigInt(GUEST_CR3_ROOT + 0x3000) | 0x27n);
    enter();
    const before = machine.get64(CYCLES);
    machine.cpu.readMemory(0x7_0000n, 4);
    expect(machine.get64(CYCLES) - before).toBe(24n);
    machine.cpu.readMemory(0x7_0800n, 4);
    expect(machine.get64(CYCLES) - before).toBe(24n);
    machine.cpu.readMemory(0x7_1000n, 4); // the last level of either dimension
    expect(machine.get64(CYCLES) - before).toBe(26n);
    machine.set32(COST_WALK_REFERENCE, 0);
  });

  it("sets accessed and dirty flags where EPTP asks for them", () => {
    enter(EPTP | 0x40);
    machine.cpu.readMemory(0x7_0000n, 4);
    expect(machine.read(entry(0x70)) & 0x300n).toBe(0x100n);
    machine.cpu.writeMemory(0x7_0000n, 4, 1n);
    expect(machine.read(entry(0x70)) & 0x300n).toBe(0x300n);
    expect(machine.read(PD) & 0x300n).toBe(0x100n);
    expect(machine.read(entry(0x20)) & 0x300n).toBe(0x300n);
  });

  it("an accessed flag that the walk sets changes code that lies in the entry", () => {
    // The entry of page 1EBH from its second byte on, by the accessed flag: mov al or cl, 1EH; add [rax], al, twice; hlt
    const at = entry(0x1eb);
    machine.write(at, (0xf4n << 56n) | 0x1e_b037n);
    const [RAX, RCX] = [GPR, GPR + 8];
    const runFrom = (rip: number): void => {
      machine.set64(RAX, 0x7_0000n);
      machine.set64(RCX, 0n);
      write(machine, field.GUEST_RIP, rip);
      const launched = Number(read(machine, field.EXIT_REASON)) === 12;
      expect(launched ? machine.cpu.vmresume() : machine.cpu.vmlaunch()).toBe(0);
      expect(machine.cpu.run(100)).toBe(STOP_VM_EXIT);
      expect(read(machine, field.EXIT_REASON)).toBe(12n);
    };
    write(machine, field.EPT_POINTER, EPTP | 0x40);
    write(machine, field.PRIMARY_CONTROLS, Number(read(machine, field.PRIMARY_CONTROLS)) | (1 << 7));
    runFrom(at + 1);
    expect([machine.get64(RAX) & 0xffn, machine.get64(RCX)]).toEqual([0x1en, 0n]);
    // mov ebx, [1EB000H]; hlt
    machine.load(CODE, [0x8b, 0x1c, 0x25, 0x00, 0xb0, 0x1e, 0x00, 0xf4]);
    runFrom(CODE);
    expect(machine.read(at) & 0x100n).toBe(0x100n);
    runFrom(at + 1);
    expect([machine.get64(RAX) & 0xffn, machine.get64(RCX)]).toEqual([0n, 0x1en]);
  });

  it("moves pages, and INVEPT makes a change seen", () => {
    machine.write(entry(0x70), 0x7_1037n);
    machine.write(0x7_1000, 0x1111n);
    machine.write(0x7_2000, 0x2222n);
    enter();
    expect(machine.cpu.readMemory(0x7_0000n, 8)).toBe(0x1111n);
    machine.write(entry(0x70), 0x7_2037n);
    setRights(0x71, 0n);
    violation(() => machine.cpu.readMemory(0x7_1000n, 8));
    machine.set64(OPERAND, BigInt(EPTP));
    expect(machine.cpu.invept(1)).toBe(0);
    expect(machine.cpu.vmresume()).toBe(0);
    expect(machine.cpu.readMemory(0x7_0000n, 8)).toBe(0x2222n);
  });

  it("a violation through a stale entry of the caches is none", () => {
    enter();
    machine.cpu.readMemory(0x7_0000n, 4);
    for (let i = 0; i < 512; i++) machine.write(EPT_ROOT + 0x4000 + 8 * i, BigInt(i * 0x1000) | 0x37n);
    setRights(0x71, 0n);
    machine.write(PD, BigInt(EPT_ROOT + 0x4000) | 7n);
    machine.cpu.readMemory(0x7_1000n, 4);
    expect(machine.cpu.faultPending.value).toBe(0);
  });

  it("user accesses obey the guest tables", () => {
    machine.write(GUEST_CR3_ROOT + 0x2000, 0xe3n);
    enter();
    machine.set32(CPL, 3);
    machine.cpu.setLevel(3);
    machine.cpu.readMemory(0x7_0000n, 4);
    expect(machine.cpu.faultErrorCode.value).toBe(5n);
    machine.cpu.clearFault();
  });
});

describe("INVEPT and INVVPID", () => {
  it("refuse operands that the manual forbids", () => {
    machine.set64(OPERAND, BigInt(EPTP));
    expect([machine.cpu.invept(0), machine.cpu.invept(3), machine.cpu.invept(2)]).toEqual([2, 2, 0]);
    expect(read(machine, field.VM_INSTRUCTION_ERROR)).toBe(28n);
    machine.set64(OPERAND, 0n);
    expect(machine.cpu.invept(1)).toBe(2);
    expect([
      machine.cpu.invvpid(0, 0),
      machine.cpu.invvpid(1, 0),
      machine.cpu.invvpid(2, 0),
      machine.cpu.invvpid(4, 1),
    ]).toEqual([2, 2, 0, 2]);
    machine.set64(OPERAND, 1n << 47n);
    expect(machine.cpu.invvpid(0, 1)).toBe(2);
  });
});

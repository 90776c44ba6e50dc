/**
 * VM-execution controls whose effect is more than an exit by one instruction: virtual NMIs, the VMX-preemption timer, the
 * monitor trap flag, the TPR shadow, APIC accesses, loops of PAUSE (SDM Vol. 3, 25.6, 26.2, 26.5, chapter 30).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as state from "../../../src/spec/cpu-state.js";
import * as field from "../../../src/spec/vmcs-fields.js";
import { VMX_CONTROLS, VMX_CONTROL_VECTORS } from "../../../src/spec/vmx-control-list.js";
import { RAM_BASE } from "../../../src/spec/memory-map.js";
import { STOP_BUDGET, STOP_HALTED, STOP_VM_EXIT } from "../../../src/spec/stops.js";
import type { Machine } from "./harness.js";
import { CODE, EPT_ROOT, STACK, enterRoot, monitored, read, write } from "./vmx-setup.js";
import controlTests from "./vmx-control-tests.json" with { type: "json" };

let machine: Machine;
beforeAll(async () => {
  machine = await monitored();
}, 240_000);
beforeEach(() => {
  enterRoot(machine);
  for (const at of [state.INTR_LINE, state.NMI_PENDING, state.COST_WALK_REFERENCE]) machine.set32(at, 0);
});

type Change = readonly [number, bigint | number];
const PIN = 0x16;
const PRIMARY = 0x0400_6172 + 0x8000_0000;
const SECONDARY = (1 << 1) | (1 << 3) | (1 << 5) | (1 << 7) | (1 << 12);
const EXIT = 0x3_6dfb | (1 << 9) | (1 << 20) | (1 << 21);
const NMI_EXITING = 1 << 3;
const VIRTUAL_NMIS = NMI_EXITING | (1 << 5);
const pin = (bits: number): Change => [field.PIN_BASED_CONTROLS, PIN | bits];
const primary = (...bits: number[]): Change => [
  field.PRIMARY_CONTROLS,
  bits.reduce((sum, bit) => sum + 2 ** bit, PRIMARY),
];
const secondary = (...bits: number[]): Change => [
  field.SECONDARY_CONTROLS,
  bits.reduce((sum, bit) => sum | (1 << bit), SECONDARY),
];
const INJECT_NMI: Change = [field.ENTRY_INTERRUPTION_INFORMATION, 0x8000_0202];
const NOPS = Array<number>(40).fill(0x90);
const HLT = 0xf4;

function place(at: number, bytes: readonly number[]): void {
  machine.load(at, [...bytes]);
  machine.cpu.invalidateCode(at, bytes.length + 1);
}

function guest(bytes: readonly number[], ...changes: Change[]): number {
  write(machine, field.PRIMARY_CONTROLS, PRIMARY);
  write(machine, field.SECONDARY_CONTROLS, SECONDARY);
  for (const [encoding, value] of changes) write(machine, encoding, value);
  place(CODE, [...bytes, HLT]);
  return machine.cpu.vmlaunch();
}

const number = (encoding: number): number => Number(read(machine, encoding));

function exits(reason: number): void {
  expect(machine.cpu.run(10_000)).toBe(STOP_VM_EXIT);
  expect(number(field.EXIT_REASON)).toBe(reason);
}

describe("NMIs", () => {
  it("exit, and are blocked in the host from then on", () => {
    guest(NOPS, pin(NMI_EXITING));
    machine.set32(state.NMI_PENDING, 1);
    exits(0);
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0202);
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(0);
    expect(machine.get32(state.INTERRUPTIBILITY)).toBe(8);
  });

  it("virtual: blocking by an injected one does not keep a physical one from exiting", () => {
    guest(NOPS, pin(VIRTUAL_NMIS), INJECT_NMI);
    expect(machine.get32(state.INTERRUPTIBILITY)).toBe(8);
    place(CODE + 32, NOPS);
    machine.set32(state.NMI_PENDING, 1);
    exits(0);
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(8);
  });

  it("virtual: their blocking is no blocking in the host", () => {
    guest(NOPS, pin(VIRTUAL_NMIS), primary(7), INJECT_NMI);
    place(CODE + 32, [HLT]);
    exits(12);
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(8);
    expect(machine.get32(state.INTERRUPTIBILITY)).toBe(0);
  });

  it("window: opens when IRET ends the virtual blocking", () => {
    guest(NOPS, pin(VIRTUAL_NMIS), primary(22), INJECT_NMI);
    place(CODE + 32, [0x90, 0x48, 0xcf]);
    exits(8);
    expect(number(field.GUEST_RIP)).toBe(CODE);
  });

  it("window: is open at once where nothing blocks", () => {
    guest(NOPS, pin(VIRTUAL_NMIS), primary(22));
    exits(8);
    expect(number(field.GUEST_RIP)).toBe(CODE);
  });

  it("IRET leaves blocking alone where NMIs exit and are not virtual", () => {
    guest(NOPS, pin(NMI_EXITING), primary(7), INJECT_NMI);
    place(CODE + 32, [0x48, 0xcf]);
    place(CODE, [HLT]);
    exits(12);
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(8);
  });

  it("IRET that exits has unblocked them, and says so", () => {
    guest(NOPS, pin(VIRTUAL_NMIS), [field.EXCEPTION_BITMAP, 1 << 13], INJECT_NMI);
    // MOV byte [rsp+8], 0F3H: a CS that does not exist
    place(CODE + 32, [0xc6, 0x44, 0x24, 0x08, 0xf3, 0x48, 0xcf]);
    exits(0);
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_1b0d);
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(0);
    enterRoot(machine);
    machine.write(EPT_ROOT + 0x3000 + 8 * 0x60, 0n);
    guest(NOPS, pin(VIRTUAL_NMIS), INJECT_NMI);
    // MOV rsp, 60000H; IRETQ
    place(CODE + 32, [0x48, 0xc7, 0xc4, 0, 0, 6, 0, 0x48, 0xcf]);
    exits(48);
    expect(number(field.EXIT_QUALIFICATION)).toBe(0x1181);
    expect(number(field.GUEST_INTERRUPTIBILITY_STATE)).toBe(0);
  });
});

describe("the VMX-preemption timer", () => {
  const timer = (value: number): Change[] => [pin(1 << 6), [field.PREEMPTION_TIMER_VALUE, value]];
  const SAVE: Change = [field.EXIT_CONTROLS, EXIT | (1 << 22)];

  it("exits when it has counted down at the rate of IA32_VMX_MISC", () => {
    const start = machine.get64(state.CYCLES);
    guest([0xeb, 0xfe], ...timer(10), SAVE);
    exits(52);
    const rate = 1n << 5n;
    expect(machine.get64(state.CYCLES) / rate - start / rate).toBe(10n);
    expect(number(field.PREEMPTION_TIMER_VALUE)).toBe(0);
    expect(number(field.EXIT_QUALIFICATION)).toBe(0);
  });

  it("exits before the first instruction when it is 0, but after an injected event", () => {
    guest(NOPS, ...timer(0), primary(7));
    exits(52);
    expect(number(field.GUEST_RIP)).toBe(CODE);
    enterRoot(machine);
    guest(NOPS, ...timer(0), INJECT_NMI);
    exits(52);
    expect(number(field.GUEST_RIP)).toBe(CODE + 32);
  });

  it("saves what is left at another exit, if asked to", () => {
    guest(NOPS, ...timer(1000), SAVE, primary(7));
    exits(12);
    expect(number(field.PREEMPTION_TIMER_VALUE)).toBeGreaterThan(990);
    expect(number(field.PREEMPTION_TIMER_VALUE)).toBeLessThan(1000);
    enterRoot(machine);
    guest(NOPS, ...timer(1000), primary(7));
    exits(12);
    expect(number(field.PREEMPTION_TIMER_VALUE)).toBe(1000);
  });

  it("runs while the guest waits", () => {
    guest([], ...timer(100));
    expect(machine.cpu.run(10)).toBe(STOP_HALTED);
    machine.set64(state.CYCLES, machine.get64(state.PREEMPTION_DEADLINE));
    exits(52);
    expect(number(field.GUEST_ACTIVITY_STATE)).toBe(1);
  });

  it("exits at the same instruction however the run is sliced", () => {
    const end = (slice: number): number => {
      enterRoot(machine);
      guest([0xff, 0xc0, 0xff, 0xc1, 0xeb, 0xfa], ...timer(7));
      let stop: number = STOP_BUDGET;
      while (stop === STOP_BUDGET) stop = machine.cpu.run(slice);
      expect(stop).toBe(STOP_VM_EXIT);
      return number(field.GUEST_RIP) + Number(machine.get64(state.GPR)) * 0x1_0000_0000;
    };
    expect(new Set([1, 2, 3, 7, 1000].map(end)).size).toBe(1);
  });
});

describe("the monitor trap flag", () => {
  it("exits after the delivery of a fault, at its handler", () => {
    guest([0x0f, 0x0b], primary(27));
    exits(37);
    expect(number(field.GUEST_RIP)).toBe(CODE + 6 * 16);
  });

  it("exits after the delivery of an injected event, and pending ones may be injected", () => {
    guest(NOPS, primary(27), INJECT_NMI);
    exits(37);
    expect(number(field.GUEST_RIP)).toBe(CODE + 32);
    enterRoot(machine);
    guest(NOPS, [field.ENTRY_INTERRUPTION_INFORMATION, 0x8000_0700]);
    exits(37);
    expect(number(field.GUEST_RIP)).toBe(CODE);
  });
});

describe("the TPR shadow", () => {
  const PAGE = 0x7_1000;
  const shadow = (threshold: number): Change[] => [
    primary(21, 7),
    [field.VIRTUAL_APIC_ADDRESS, PAGE],
    [field.TPR_THRESHOLD, threshold],
  ];
  // MOV eax, n; MOV CR8, rax; MOV rbx, CR8; NOP
  const code = (n: number): number[] => [
    0xb8,
    n,
    0,
    0,
    0,
    0x44,
    0x0f,
    0x22,
    0xc0,
    0x44,
    0x0f,
    0x20,
    0xc3,
    0x90,
  ];

  it("is what CR8 means to the guest", () => {
    machine.set64(state.CR8, 3n);
    machine.set32(RAM_BASE + PAGE + 0x80, 0xff);
    guest(code(9), ...shadow(0));
    exits(12);
    expect(machine.get64(state.GPR + 24)).toBe(9n);
    expect(machine.get64(state.CR8)).toBe(3n);
    expect(machine.get32(RAM_BASE + PAGE + 0x80)).toBe(0x90);
  });

  it("exits after the instruction that takes it below the threshold", () => {
    machine.set32(RAM_BASE + PAGE + 0x80, 0xff);
    guest(code(4), ...shadow(5));
    exits(43);
    expect(number(field.GUEST_RIP)).toBe(CODE + 9);
    enterRoot(machine);
    machine.set32(RAM_BASE + PAGE + 0x80, 0xff);
    guest(code(5), ...shadow(5));
    exits(12);
  });
});

describe("the APIC-access page", () => {
  const ACCESS = 0x7_0000;
  const PAGE = 0x7_1000;
  const apic: Change[] = [
    secondary(0),
    primary(21, 7),
    [field.VIRTUAL_APIC_ADDRESS, PAGE],
    [field.APIC_ACCESS_ADDRESS, ACCESS],
  ];

  it.each([
    ["read", [0x8b, 0x04, 0x25, 0x20, 0, 7, 0], 0x020],
    ["write", [0x89, 0x04, 0x25, 0xb0, 0, 7, 0], 0x10b0],
    ["fetch", [0xb8, 0x10, 0, 7, 0, 0xff, 0xe0], 0x2010],
  ] as const)("exits at a %s", (_, bytes, qualification) => {
    guest(bytes, ...apic);
    exits(44);
    expect(number(field.EXIT_QUALIFICATION)).toBe(qualification);
  });

  it("exits at the delivery of an event through it", () => {
    guest([0xcd, 0x80], ...apic, [field.GUEST_IDTR_BASE, ACCESS]);
    exits(44);
    expect(number(field.EXIT_QUALIFICATION)).toBe(0x3800);
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0x8000_0480);
  });

  it("gives the task priority from the virtual-APIC page", () => {
    machine.set32(RAM_BASE + PAGE + 0x80, 0x70);
    // MOV eax, [70080H]; MOV dword [70080H], 40H; NOP
    guest([0x8b, 0x04, 0x25, 0x80, 0, 7, 0, 0xc7, 0x04, 0x25, 0x80, 0, 7, 0, 0x40, 0, 0, 0, 0x90], ...apic, [
      field.TPR_THRESHOLD,
      5,
    ]);
    exits(43);
    expect(machine.get64(state.GPR)).toBe(0x70n);
    expect(machine.get32(RAM_BASE + PAGE + 0x80)).toBe(0x40);
    expect(number(field.GUEST_RIP)).toBe(CODE + 18);
  });

  it("a priority below the threshold exits right after the entry", () => {
    machine.set32(RAM_BASE + PAGE + 0x80, 0x10);
    expect(guest(NOPS, ...apic, [field.TPR_THRESHOLD, 5])).toBe(0);
    exits(43);
    expect(number(field.GUEST_RIP)).toBe(CODE);
  });
});

describe("PAUSE loops", () => {
  const loop = [0xf3, 0x90, 0xeb, 0xfc];
  const limits: Change[] = [
    [field.PLE_GAP, 100],
    [field.PLE_WINDOW, 500],
  ];

  it("exit in ring 0 when they take longer than the window", () => {
    guest(loop, secondary(10), ...limits);
    exits(40);
  });

  it("do not when the PAUSEs are further apart than the gap", () => {
    guest(loop, secondary(10), ...limits, [field.PLE_GAP, 0]);
    expect(machine.cpu.run(10_000)).toBe(STOP_BUDGET);
  });
});

describe("waiting for a start-up message", () => {
  it("a guest sleeps through all but that", () => {
    guest(
      NOPS,
      [field.GUEST_ACTIVITY_STATE, 3],
      [field.GUEST_RFLAGS, 0x202],
      pin(NMI_EXITING | (1 << 6) | 1),
    );
    machine.set32(state.NMI_PENDING, 1);
    machine.set32(state.INTR_LINE, 1);
    machine.set32(state.SIGNALS, state.SIGNAL_INIT);
    expect(machine.cpu.run(10)).toBe(STOP_HALTED);
    machine.set32(state.SIGNALS, state.SIGNAL_START_UP | (0x9a << 8));
    exits(4);
    expect(number(field.EXIT_QUALIFICATION)).toBe(0x9a);
    expect(number(field.GUEST_ACTIVITY_STATE)).toBe(3);
  });

  it("an INIT exits from any other state", () => {
    guest(NOPS);
    machine.set32(state.SIGNALS, state.SIGNAL_INIT);
    exits(3);
  });
});

describe("state at exits", () => {
  it("RF is set after an EPT violation, clear after an exit by an instruction", () => {
    machine.write(EPT_ROOT + 0x3000 + 8 * 0x60, 0n);
    guest([0x8b, 0x04, 0x25, 0, 0, 6, 0], primary(7));
    exits(48);
    expect(number(field.GUEST_RFLAGS) & 0x1_0000).toBe(0x1_0000);
    enterRoot(machine);
    guest([], primary(7), [field.GUEST_RFLAGS, 0x1_0002]);
    exits(12);
    expect(number(field.GUEST_RFLAGS) & 0x1_0000).toBe(0);
  });

  it("an exception in real-address mode has no error code", () => {
    guest(
      [],
      [field.GUEST_CR0, 0x30],
      [field.GUEST_IA32_EFER, 0],
      [field.ENTRY_CONTROLS, 0x11fb | (1 << 15)],
      [field.GUEST_CS_ACCESS_RIGHTS, 0x9b],
      [field.GUEST_CS_LIMIT, 0xffff],
      [field.GUEST_CS_SELECTOR, 0x4000],
      [field.GUEST_CS_BASE, CODE],
      [field.GUEST_RIP, 0],
      [field.EXCEPTION_BITMAP, 1 << 13],
      [field.GUEST_IDTR_LIMIT, 3],
    );
    place(CODE, [0xcd, 0x80]);
    exits(0);
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_030d);
    expect(number(field.IDT_VECTORING_INFORMATION)).toBe(0x8000_0480);
  });

  it("CD and NW of CR0 are left alone by entries and exits", () => {
    machine.set64(state.CR0, 0x30n);
    guest([], primary(7), [field.GUEST_CR0, 0xe000_0031]);
    exits(12);
    expect(number(field.GUEST_CR0)).toBe(0x8000_0031);
    expect(machine.get64(state.CR0)).toBe(0x8000_0031n);
  });

  it("every VMX instruction of a program in ring 3 exits", () => {
    guest(
      [0x0f, 0x01, 0xc1],
      [field.GUEST_CS_SELECTOR, 0x1b],
      [field.GUEST_CS_ACCESS_RIGHTS, 0xa0fb],
      [field.GUEST_SS_SELECTOR, 0x23],
      [field.GUEST_SS_ACCESS_RIGHTS, 0xc0f3],
      [field.GUEST_RSP, STACK - 0x1000],
    );
    exits(18);
  });
});

describe("what controls switch on", () => {
  it("without them the secondary controls are off", () => {
    expect(guest([0x0f, 0x09], [field.PRIMARY_CONTROLS, PRIMARY - 0x8000_0000 + 2 ** 7], secondary(6))).toBe(
      0,
    );
    exits(12);
    expect(number(field.GUEST_RIP)).toBe(CODE + 2);
  });

  it.each([
    ["RDTSCP", [0x0f, 0x01, 0xf9], 3],
    ["INVPCID", [0x66, 0x0f, 0x38, 0x82, 0x18], 12],
  ] as const)("RDTSCP and INVPCID are undefined where they are not enabled: %s", (_, bytes, bit) => {
    guest(bytes, [field.SECONDARY_CONTROLS, SECONDARY & ~(1 << bit)], [field.EXCEPTION_BITMAP, 1 << 6]);
    exits(0);
    expect(number(field.EXIT_INTERRUPTION_INFORMATION)).toBe(0x8000_0306);
    enterRoot(machine);
    machine.set64(state.GPR + 24, 2n);
    guest(bytes, primary(7), [field.EXCEPTION_BITMAP, 1 << 6]);
    exits(12);
  });

  it.each([
    [SECONDARY, 0n],
    [SECONDARY & ~(1 << 5), 24n],
  ])("with a VPID translations survive exits, without one they do not", (controls, cost) => {
    machine.set32(state.COST_WALK_REFERENCE, 1);
    for (const at of [state.COST_VM_ENTRY, state.COST_VM_EXIT]) machine.set32(at, 0);
    guest([0x0f, 0xa2], [field.SECONDARY_CONTROLS, controls]);
    machine.cpu.setRunningAlone(1);
    machine.cpu.readMemory(BigInt(STACK), 8);
    machine.cpu.setRunningAlone(0);
    exits(10);
    expect(machine.cpu.vmresume()).toBe(0);
    machine.cpu.setRunningAlone(1);
    const before = machine.get64(state.CYCLES);
    machine.cpu.readMemory(BigInt(STACK), 8);
    expect(machine.get64(state.CYCLES) - before > 0n).toBe(cost > 0n);
    machine.cpu.setRunningAlone(0);
  });

  it.each([
    ["asked", 1],
    ["not asked", 0],
  ])("debug controls, PAT and EFER are loaded and saved as the controls ask: %s", (_, on) => {
    machine.set64(state.DR7, 0x401n);
    machine.set64(state.MSR_PAT, 0x0606n);
    guest(
      [],
      primary(7),
      [field.GUEST_DR7, 0x402],
      [field.GUEST_IA32_PAT, 0x0404],
      [field.HOST_IA32_PAT, 0x0505],
      [field.GUEST_IA32_EFER, 0xd00],
      [field.HOST_IA32_EFER, 0xd01],
      [field.ENTRY_CONTROLS, 0x11fb | (1 << 9) | (on * ((1 << 2) | (1 << 14) | (1 << 15)))],
      [field.EXIT_CONTROLS, 0x3_6dfb | (1 << 9) | (on * ((1 << 2) | (15 << 18)))],
    );
    expect(machine.get64(state.DR7)).toBe(on ? 0x402n : 0x401n);
    expect(machine.get64(state.MSR_PAT)).toBe(on ? 0x0404n : 0x0606n);
    expect(machine.get64(state.MSR_EFER)).toBe(on ? 0xd00n : 0x500n);
    machine.set64(state.MSR_PAT, 0x0101n);
    machine.set64(state.DR7, 0x408n);
    exits(12);
    expect(number(field.GUEST_IA32_PAT)).toBe(on ? 0x0101 : 0x0404);
    expect(number(field.GUEST_DR7)).toBe(on ? 0x408 : 0x402);
    expect(number(field.GUEST_IA32_EFER)).toBe(0xd00);
    expect(machine.get64(state.DR7)).toBe(0x400n);
    expect(machine.get64(state.MSR_PAT)).toBe(on ? 0x0505n : 0x0101n);
    expect(machine.get64(state.MSR_EFER)).toBe(on ? 0xd01n : 0x500n);
  });
});

describe("the list of controls", () => {
  const folder = import.meta.dirname;
  const tests = controlTests as Readonly<Record<string, { file: string; title: string }>>;
  const implemented = (vector: keyof typeof VMX_CONTROL_VECTORS, bit: number): boolean => {
    expect(machine.cpu.rdmsr(VMX_CONTROL_VECTORS[vector].capability)).toBe(0);
    const allowed = machine.get64(state.OPERAND) >> 32n;
    const required = machine.get64(state.OPERAND) & 0xffff_ffffn;
    return ((allowed >> BigInt(bit)) & 1n) === 1n && ((required >> BigInt(bit)) & 1n) === 0n;
  };

  it.each(VMX_CONTROLS.map((control) => [control.name, control] as const))(
    "%s: is claimed exactly if a test exercises it",
    (name, { vector, bit }) => {
      expect(tests[name] !== undefined).toBe(implemented(vector, bit));
      if (tests[name] === undefined) return;
      const text = readFileSync(join(folder, tests[name].file), "utf8");
      expect(text).toContain(tests[name].title);
    },
  );

  it("has every control that the capability MSRs allow", () => {
    for (const [vector, { capability }] of Object.entries(VMX_CONTROL_VECTORS)) {
      machine.cpu.rdmsr(capability);
      const free = (machine.get64(state.OPERAND) >> 32n) & ~machine.get64(state.OPERAND) & 0xffff_ffffn;
      for (let bit = 0; bit < 32; bit++) {
        if (((free >> BigInt(bit)) & 1n) === 0n) continue;
        expect(VMX_CONTROLS.some((control) => control.vector === vector && control.bit === bit)).toBe(true);
      }
    }
  });
});
